"""Where the attacks take place: folders, mounts and a user who is not root. All are removed afterwards."""

import contextlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile

NOBODY = 65534
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PASSPHRASE = "correct horse battery staple"


def tell(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


class Box(contextlib.ExitStack):
    def __init__(self, *programs):
        super().__init__()
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="aumbry-files-"))
        self.callback(shutil.rmtree, self.place)
        self.place.chmod(0o755)
        # In a folder where other users cannot run them.
        self.writer, self.aumbry = (pathlib.Path(shutil.copy(program, self.place)) for program in programs)
        self.passphrase = self.place / "passphrase"
        self.passphrase.write_text(PASSPHRASE)
        self.passphrase.chmod(0o644)
        self.made = 0
        # A file system on which files can be made immutable, wherever this machine has its temporary files.
        self.ground = self.place
        self.ground = self.mount("-o", "loop", self.image(32768, "mkfs.ext4", "-q"))

    def folder(self, user=0, mode=0o755):
        self.made += 1
        folder = self.ground / f"box-{self.made}"
        folder.mkdir()
        folder.chmod(mode)
        os.chown(folder, user, user)
        return folder

    def image(self, kib, *make):
        """A file with a file system in it."""
        self.made += 1
        image = self.place / f"image-{self.made}"
        with open(image, "wb") as file:
            file.truncate(kib * 1024)
        tell(*make, image)
        return image

    def mount(self, *mount, user=0):
        folder = self.folder()
        tell("mount", *mount, folder)
        self.callback(subprocess.run, ["umount", "-l", folder], stderr=subprocess.DEVNULL)
        if user:
            os.chown(folder, user, user)
        return folder

    def unmount(self, folder):
        tell("umount", folder)


class Vault:
    """A vault, and the command on it."""

    def __init__(self, box, folder, user=0, records=0, state=None, name="vault.aumbry"):
        self.box, self.folder, self.user = box, folder, user
        self.path = folder / name
        self.state = state or box.folder(user)
        if records is not None:
            made = self.as_user([box.writer, folder, "create"])
            assert made.returncode == 0, made
            if records:
                self.as_user([box.writer, folder, "add", "record", records])
            # The pin of the writer is not needed here.
            shutil.rmtree(folder / "state")

    def as_user(self, command, user=None, umask=0o022, blocks=None, words="", timeout=60):
        user = self.user if user is None else user
        limit = f'trap "" XFSZ; ulimit -f {blocks};' if blocks is not None else ""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.state), "XDG_STATE_HOME": str(self.state),
                       "AUMBRY_PASSPHRASE_FILE": str(self.box.passphrase)}
        who = {"user": user, "group": user, "extra_groups": []} if user else {}
        return subprocess.run(["bash", "-c", f'{limit} exec "$@"', "-", *map(str, command)], env=environment, input=words,
                              capture_output=True, text=True, errors="replace", cwd=self.folder, umask=umask,
                              timeout=timeout, **who)

    def run(self, *words, path=None, before=(), **how):
        command = [*before, self.box.aumbry, "--quiet", "--vault", path or self.path, *words]
        return self.as_user(command, words=SECRET, **how)

    def add(self, name, **how):
        return self.run("add", name, "--access-key-id", "AKIAEXAMPLE", "--secret-fd", "0", **how)

    def verified(self, **how):
        """How many records, all of them valid, or the error."""
        done = self.run("verify", **how)
        found = re.match(r"(\d+) record", done.stdout)
        return int(found[1]) if found else done.stderr


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def tree(folder):
    """All files of a folder with their bytes, except locks and pins: even reading updates these."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[path] = os.readlink(path)
        elif path.is_file() and path.suffix not in (".lock", ".pin", ".inode", ".filler"):
            found[path] = path.read_bytes()
    return found


class Tally:
    """Attempts of one class: which were refused, with which message, and what they left."""

    def __init__(self, code, says):
        self.code, self.says = code, re.compile(says)
        self.done, self.refused, self.wrong, self.messages = 0, 0, [], set()

    def attempt(self, vault, what, *others, expect=None):
        """Runs `what`; the vault's folder and `others` must be unchanged, unless it succeeds."""
        folders = [vault.folder, *others]
        before = [tree(folder) for folder in folders]
        done = what()
        after = [tree(folder) for folder in folders]
        said = done.stderr.strip()
        if done.returncode == 0:
            self.done += 1
            litter = [path for files in after for path in files if path.suffix == ".new"]
        else:
            self.refused += 1
            self.messages.add(re.sub(r'/\S*/([^/\s"]+)', r"…/\1", said.split("\n")[0]))
            litter = before != after
            if done.returncode != self.code or not self.says.search(said):
                self.wrong.append(f"exit {done.returncode}: {said}")
        if litter:
            differ = [str(path) for was, now in zip(before, after) for path in was.keys() | now.keys()
                      if was.get(path) != now.get(path)]
            self.wrong.append(f"exit {done.returncode} {said!r} left {differ}")
        if expect is not None and (done.returncode == 0) != expect:
            self.wrong.append(f"exit {done.returncode}, {said!r}")
        return done
