"""Every new file is readable only by its owner, whatever the umask."""

import collections
import os
import subprocess
import threading
import time

from box import NOBODY, Vault, mode
from checks import check

UMASKS = [0o000, 0o022, 0o077, 0o277, 0o777]


def run(box):
    files, folders, temporary, wrong = 0, 0, 0, []
    for user in (NOBODY, 0):
        for umask in UMASKS:
            home = box.folder(user)
            vault = Vault(box, home, user, records=None, state=home / "a/state")
            vault.path = home / "b/c/vault.aumbry"
            steps = [vault.run("init", "--kdf", "m=19MiB,t=2,p=1", umask=umask), vault.add("one", umask=umask),
                     vault.run("backup", home / "backup", umask=umask)]
            exports = ("json", "aws-profiles", "keepass-xml")
            steps += [vault.run("export", "--format", kind, "--plaintext", "-o", home / kind, umask=umask) for kind in exports]
            steps += [vault.run("export", "one", "--format", "env", "--plaintext", "-o", home / "env", umask=umask)]
            wrong += [f"umask {umask:o}: {done}" for done in steps if done.returncode]
            seen = watch(vault, umask)
            temporary += seen.total()
            made = [path for path in home.rglob("*")]
            for path in made:
                expected = 0o700 if path.is_dir() else 0o600
                files, folders = files + path.is_file(), folders + path.is_dir()
                if mode(path) != expected or os.lstat(path).st_uid != user:
                    wrong.append(f"umask {umask:o}: {path} has {mode(path):o}")
            names = {path.name for path in made}
            if not {"backup", "env", ".vault.aumbry.lock", "vault.aumbry", *exports} <= names or len(made) < 12:
                wrong.append(f"umask {umask:o}: {sorted(names)}")
            wrong += [f"umask {umask:o}: a temporary file has {found:o}" for found in seen if found & ~0o600]
            if not seen:
                wrong.append(f"umask {umask:o}: no temporary file was seen")
    check(f"{len(UMASKS)} umasks x 2 users: {files} vaults, locks, pins, backups and exports have 0600, {folders} folders 0700, "
          f"temporary files never more while a save was held up (looked at {temporary} times)", not wrong, wrong)

    naive = box.folder()
    subprocess.run(["bash", "-c", "umask 000; echo secret > a; umask 0777; echo secret > b"], cwd=naive)
    seen = [mode(naive / name) for name in "ab"]
    check(f"control: what a shell writes has {seen[0]:o} and {seen[1]:o}", all(found != 0o600 for found in seen))


def watch(vault, umask):
    """The modes of the temporary files, read repeatedly during a save whose fsyncs are delayed."""
    seen = collections.Counter()
    slow = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=150000"]
    saving = threading.Thread(target=vault.add, args=["two"], kwargs={"umask": umask, "before": slow})
    saving.start()
    while saving.is_alive():
        for folder in (vault.path.parent, vault.state / "aumbry"):
            for path in folder.glob(".*.new"):
                try:
                    seen[mode(path)] += 1
                except FileNotFoundError:
                    pass
        time.sleep(0.002)
    saving.join()
    return seen
