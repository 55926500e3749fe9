"""The subject of the attacks: a vault in a folder that can be restored, and a writer whose system calls are numbered."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "faults"))

import checks  # noqa: E402

PROGRAMS = ROOT / "target/release"
WRITER = str(PROGRAMS / "writer")
STEPPER = str(PROGRAMS / "stepper")
QUICK = "--quick" in sys.argv
PATIENCE = 60  # seconds; longer than any step takes, even on a busy machine


def temporary():
    """A folder in memory if possible: what a process sees of a kill or a fault does not depend on the disk."""
    memory = pathlib.Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=memory if memory.is_dir() and os.access(memory, os.W_OK) else None)


def run(folder, *words):
    return subprocess.run([WRITER, str(folder), *words], capture_output=True, text=True, timeout=PATIENCE)


class Desk:
    """A vault in a folder, which can be restored any number of times. Its path is always the same, because the pin
    belongs to it."""

    def __init__(self, folder, padding=0, records=2, stale=False):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.saved = self.folder.with_name(self.folder.name + ".as-made")
        made = run(self.folder, "create")
        assert made.returncode == 0, made
        self.names = {"old", *(f"old.{at}" for at in range(1, records))}
        with Stepper(self.folder) as stepper:
            answer = stepper.save("old", padding, records - 1)
            assert answer == "saved old", answer
        if stale:
            for file in [self.vault, *self.state.glob("*.pin")]:
                file.with_name(f".{file.name}.new").write_bytes(b"left by a process that was killed")
        shutil.copytree(self.folder, self.saved)

    @property
    def vault(self):
        return self.folder / "vault.aumbry"

    @property
    def state(self):
        return self.folder / "state"

    def reset(self):
        shutil.rmtree(self.folder)
        shutil.copytree(self.saved, self.folder)

    def stale(self):
        """How many temporary files are left next to the vault, and how many in the state folder."""
        return tuple(len(list(folder.glob(".*.new"))) for folder in (self.folder, self.state))

    def look(self, acknowledged):
        """What is wrong after an attack, in words, and the names that are there. Opens the vault with the pin, verifies
        every record, and saves once more. `acknowledged` must be there."""
        wrong = []
        beside, in_state = self.stale()
        if beside > 1 or in_state > 1:
            wrong.append(f"stale: {beside} temporary files next to the vault, {in_state} with the pin")
        found, generation = checks.names(WRITER, str(self.folder))
        if found is None:
            return [*wrong, f"unreadable: {generation.strip()}"], set()
        lost = acknowledged - found
        if lost:
            wrong.append(f"lost: {sorted(lost)}")
        after = run(self.folder, "add", f"after-{generation}", "1")
        if after.returncode != 0:
            wrong.append(f"unwritable: {after.stdout.strip()}")
        elif self.stale() != (0, 0):
            wrong.append("stale: the next save left temporary files")
        return wrong, found


class Stepper:
    """A writer that saves on request."""

    def __init__(self, folder, kind="sound"):
        self.process = subprocess.Popen(
            [STEPPER, str(folder), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.opened = self.says()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def says(self):
        return self.process.stdout.readline().rstrip("\n")

    def save(self, name, padding=0, others=0):
        """The answer, or an empty one if it has ended."""
        try:
            self.process.stdin.write(f"{name} {padding} {others}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self.says()

    def end(self):
        """How it ended, and its output on stderr. Kills a writer that does not end."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "endless"
        return status, self.process.stderr.read()


class Trace:
    """strace of a process that waits for its next line, so that the first call it counts is the save's first."""

    def __init__(self, stepper, log, *options):
        self.log = pathlib.Path(log)
        self.process = subprocess.Popen(
            ["strace", "-f", "-o", str(log), *options, "-p", str(stepper.process.pid)], stderr=subprocess.PIPE, text=True
        )
        said = self.process.stderr.readline()
        assert "attached" in said, f"strace cannot attach: {said}{self.process.stderr.read()}"

    def end(self):
        """The calls of the save: after the line that was heard, up to the first answer or the end."""
        self.process.communicate(timeout=PATIENCE)
        calls = []
        for line in self.log.read_text(errors="replace").splitlines():
            match = CALL.match(line)
            if match and match["name"] == "writev":
                break
            if match and match["name"] not in ("readv", "restart_syscall"):
                calls.append(match)
        return calls


# "1234 openat(AT_FDCWD, …) = 3", with any result.
CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")


def calls_of_a_save(desk, log, kind="sound"):
    """The system calls of one save in order: the name, and the number of the call among those with this name."""
    desk.reset()
    with Stepper(desk.folder, kind) as stepper:
        trace = Trace(stepper, log)
        answer = stepper.save("new")
        assert answer == "saved new", answer
    seen = {}
    numbered = []
    for call in trace.end():
        name = call["name"]
        seen[name] = seen.get(name, 0) + 1
        numbered.append((name, seen[name], call["rest"]))
    return numbered


def shared(work, workers):
    """Runs `workers` threads on the items of `work`; each has a number, and so a folder of its own."""
    from concurrent.futures import ThreadPoolExecutor
    from queue import SimpleQueue

    numbers = SimpleQueue()
    for number in range(workers):
        numbers.put(number)

    def numbered(task):
        number = numbers.get()
        try:
            return task(number)
        finally:
            numbers.put(number)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(numbered, work))


def workers():
    """More than there are processors: most of the time is spent waiting for the disk."""
    return 2 * max(2, os.cpu_count() or 2)
