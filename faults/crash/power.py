"""Power cuts: mounts what had reached the disk under a running file system, as after a loss of power.

The vault is on ext4, on a loop device, whose data is in an image file. Data that ext4 has not written yet is in the kernel's
memory and not in the image: a copy of the image is the content of a disk after a power cut. In every second cut the writer is
stopped meanwhile, between two system calls. In the others the disk is stopped: the image is on a file system of its own,
which is frozen, so that the cut may come in the middle of an fsync. The image is copied until two copies are equal, so that
ext4's own threads tear no copy. Everything that the writer reported before counts as acknowledged. The copy is mounted in
the image's place (ext4 replays its journal) and opened, with the pin.

The pin is on the same disk, or on another one that lost nothing. There it is always the newest, so an older vault would be a
rollback.

The control is the same writer on the same file systems, except that its fsync and fdatasync return 0 and do nothing. The
mount options are the same as for the others, and the shortest interval is ext4's default: `commit=5` writes the journal
every five seconds without being asked, so a cut later than five seconds after the last commit would lose nothing. Cuts
come while commits continue, as in a power cut of a busy machine. (With a longer interval the control would lose more often,
but no real file system uses one.)

Some of the cuts meet a writer that may write its folder but not read it, so that the folder cannot be synced.
"""

import os
import pathlib
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from subject import PATIENCE, QUICK, STEPPER, Desk, checks, run

CUTS = 16 if QUICK else 200
CONTROLS = 16 if QUICK else 64
UNREADABLE = 16 if QUICK else 64
CUTS_OF_AN_IMAGE = 2 if QUICK else 8
MIB = 32
LINES = 100_000
# ext4's default; the option that hides a missing fsync best, and the one that hides it least.
OPTIONS = ["commit=5", "commit=5,data=journal", "commit=5,data=writeback,noauto_da_alloc", "commit=5,nodelalloc"]
WITHOUT_FSYNC = ["strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:retval=0"]


def tool(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{words}: {done.stderr}"


def make_file_system(image, mib):
    with open(image, "wb") as file:
        file.truncate(mib << 20)
    tool("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))


class Mounted(Desk):
    """A vault on a file system of its own."""

    def __init__(self, mount):
        self.folder = mount / "vault"


class Machine:
    """A file system on an image, with a vault on it and a writer that commits."""

    def __init__(self, work, options, pin_elsewhere, command):
        self.disk, self.cut, self.mount, self.elsewhere = (work / name for name in ("disk", "cut", "mount", "elsewhere"))
        self.image = self.disk / "image"
        self.options = options
        self.mount.mkdir(exist_ok=True)
        make_file_system(self.image, MIB)
        tool("mount", "-o", f"loop,{options}", str(self.image), str(self.mount))
        self.desk = Mounted(self.mount)
        self.desk.folder.mkdir()
        if pin_elsewhere:
            self.elsewhere.mkdir()
            self.desk.state.symlink_to(self.elsewhere)
        made = run(self.desk.folder, "create")
        assert made.returncode == 0, made
        tool("sync", "-f", str(self.mount))
        lines = work / "lines"
        if not lines.exists():
            lines.write_text("".join(f"{at}\n" for at in range(LINES)))
        with open(lines) as todo:
            self.writer = subprocess.Popen([*command, STEPPER, str(self.desk.folder), "sound"], stdin=todo, stdout=subprocess.PIPE)
        os.set_blocking(self.writer.stdout.fileno(), False)
        self.acknowledged, self.errors, self.said = set(), [], b""

    def listen(self):
        """Records what was acknowledged so far, and returns how much that is."""
        while True:
            said = self.writer.stdout.read()
            if not said:
                break
            self.said += said
        *lines, self.said = self.said.split(b"\n")
        for line in lines:
            text = line.decode()
            if text.startswith("saved "):
                self.acknowledged.add(text.removeprefix("saved "))
            elif text != "ready":
                self.errors.append(text)
        return len(self.acknowledged)

    def wait_for_a_commit(self):
        before = self.listen()
        end = time.monotonic() + PATIENCE
        while self.listen() == before:
            assert self.writer.poll() is None and time.monotonic() < end, f"it does not commit: {self.errors}"
            select.select([self.writer.stdout], [], [], 1)

    def stop(self):
        self.writer.send_signal(signal.SIGSTOP)
        end = time.monotonic() + PATIENCE
        tasks = pathlib.Path(f"/proc/{self.writer.pid}/task")
        while any((task / "stat").read_text().rpartition(")")[2].split()[0] not in "Tt" for task in tasks.iterdir()):
            assert time.monotonic() < end, "it does not stop"
            time.sleep(0.001)

    def copy(self):
        last = None
        while (now := self.image.read_bytes()) != last:
            last = now
        self.cut.write_bytes(now)

    def copy_pin(self, to):
        """The other disk, as it is now. A copy, because the stopped writer may have the lock in it, which a power cut would
        release."""
        while self.elsewhere.exists():
            try:
                shutil.copytree(self.elsewhere, to)
                return
            except (shutil.Error, FileNotFoundError):  # a temporary file that was renamed meanwhile
                shutil.rmtree(to, ignore_errors=True)

    def power_cut(self, stop_the_disk):
        """What is wrong after a cut, how many temporary files it left, and how many commits had been acknowledged since the
        last."""
        before = len(self.acknowledged)
        kept, copied = self.elsewhere.with_name("kept"), self.elsewhere.with_name("copied")
        self.wait_for_a_commit()
        time.sleep(random.random() * random.choice([0.001, 0.03, 0.2]))
        if stop_the_disk:
            self.listen()
            tool("fsfreeze", "--freeze", str(self.disk))
            try:
                self.copy()
                self.copy_pin(copied)
            finally:
                tool("fsfreeze", "--unfreeze", str(self.disk))
            self.stop()
        else:
            self.stop()
            self.listen()
            self.copy()
            self.copy_pin(copied)
        if copied.exists():
            self.elsewhere.rename(kept)
            copied.rename(self.elsewhere)
        tool("mount", "-o", f"loop,{self.options}", str(self.cut), str(self.mount))
        try:
            stale = sum(self.desk.stale())
            wrong, _ = self.desk.look(self.acknowledged)
        finally:
            tool("umount", str(self.mount))
        if kept.exists():
            shutil.rmtree(self.elsewhere)
            kept.rename(self.elsewhere)
        wrong += self.errors
        self.writer.send_signal(signal.SIGCONT)
        return wrong, stale, len(self.acknowledged) - before

    def end(self):
        self.writer.kill()
        self.writer.wait()
        self.writer.stdout.close()
        tool("umount", str(self.mount))
        self.image.unlink()
        self.cut.unlink(missing_ok=True)
        shutil.rmtree(self.elsewhere, ignore_errors=True)


def cuts(work, count, command):
    """(options, whether the pin is elsewhere, what is wrong, temporary files, commits since the last) of each cut."""
    results = []
    number = 0
    while len(results) < count:
        options, pin_elsewhere = OPTIONS[number // 2 % len(OPTIONS)], number % 2 == 1
        number += 1
        machine = Machine(work, options, pin_elsewhere, command)
        try:
            for at in range(min(CUTS_OF_AN_IMAGE, count - len(results))):
                results.append((options, pin_elsewhere, *machine.power_cut(stop_the_disk=at % 2 == 1)))
        finally:
            machine.end()
    return results


def attack(work):
    results = cuts(work, CUTS, [])
    bad = [result for result in results if result[2]]
    commits = sum(new for *_, new in results)
    elsewhere = sum(elsewhere for _, elsewhere, *_ in results)
    littered = sum(stale > 0 for *_, stale, _ in results)
    checks.check(
        f"{len(results)} power cuts ({elsewhere} with the pin on another disk), {commits} commits acknowledged: {len(bad)} cuts "
        f"with one lost, a vault unreadable, a false rollback or litter; {littered} left one temporary file",
        len(results) == CUTS and not bad and commits >= CUTS,
        bad[:5],
    )
    # Root may read any folder, so strace makes the kernel refuse to open this path.
    log, folder = work / "strace", work / "mount" / "vault"
    words = ["-P", str(folder), "-e", "trace=openat", "-e", "inject=openat:error=EACCES"]
    results = cuts(work, UNREADABLE, ["strace", "-D", "-f", "-A", "-o", str(log), *words])
    bad = [result for result in results if result[2]]
    refused = log.read_text().count("(INJECTED)")
    checks.check(
        f"{len(results)} power cuts where the folder may not be read, {refused} times refused: {len(bad)} cuts with a commit "
        "lost, a vault unreadable, a false rollback or litter",
        len(results) == UNREADABLE and not bad and refused >= UNREADABLE,
        bad[:5],
    )
    results = cuts(work, CONTROLS, WITHOUT_FSYNC)
    lost = [any(word.startswith(("lost", "unreadable")) for word in wrong) for _, _, wrong, *_ in results]
    checks.check(
        f"control: without fsync {sum(lost)} of {len(lost)} power cuts lost an acknowledged commit",
        sum(lost) * 2 > len(lost),
        [(options, elsewhere, str(wrong)[:100]) for options, elsewhere, wrong, *_ in results],
    )
    for options in OPTIONS:
        of_these = [was for was, result in zip(lost, results) if result[0] == options]
        print(f"       {options}: {sum(of_these)} of {len(of_these)}")


def main():
    # The mounts of a private namespace end with it, and so do their loop devices, however this program ends.
    if "--mounts-of-its-own" not in sys.argv:
        words = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv, "--mounts-of-its-own"]
        os.execvp(words[0] if os.geteuid() == 0 else "sudo", words if os.geteuid() == 0 else ["sudo", *words])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # which unmounts, and ends the writer
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        # The disk that contains the images.
        (work / "disk").mkdir()
        make_file_system(work / "disk.image", 2 * MIB)
        tool("mount", "-o", "loop", str(work / "disk.image"), str(work / "disk"))
        try:
            attack(work)
        finally:
            tool("umount", str(work / "disk"))
    checks.finish()


if __name__ == "__main__":
    sys.exit(main())
