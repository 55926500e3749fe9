"""The programs under attack: how they are told what to do, dumped and searched."""

import contextlib
import os
import pathlib
import pty
import re
import subprocess
import time

PATIENCE = 120
GDB = ["gdb", "--nx", "--batch", "--readnever", "-iex", "set auto-solib-add off", "-iex", "set debuginfod enabled off"]


def regions(pid):
    """What a process has mapped, as (start, end, access, name, flags)."""
    found = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \S+ *(.*)", line)
        if head:
            found.append([int(head[1], 16), int(head[2], 16), head[3], head[4], set()])
        elif line.startswith("VmFlags:"):
            found[-1][4] = set(line.split()[1:])
    return found


def is_guarded(region):
    """Secret memory, or pages excluded from dumps. No other mapping of the program is either."""
    _, _, _, name, flags = region
    return "secretmem" in name or ("dd" in flags and not name.startswith("["))


class Memory:
    """The memory of one process at one moment, read in one of the two ways."""

    def __init__(self, path, places=None, unreadable=0):
        self.said = ""
        self.path, self.places, self.unreadable = path, places, unreadable

    def region_at(self, offset):
        for start, end, region in self.places or []:
            if start <= offset < end:
                return region
        return None


class Lab:
    """The folder of one vault, the programs of one build, and what is searched for."""

    def __init__(self, build, folder):
        build = pathlib.Path(build).resolve()
        self.holder, self.aumbry = build / "holder", build / "aumbry"
        self.folder, self.number, self.lines, self.dumped = pathlib.Path(folder), 0, [], 0
        self.known = {}

    def look_for(self, *lines):
        """Adds to what is looked for: "file PATH PASSPHRASE" or "text NAME TEXT"."""
        self.lines += lines

    def know_file(self, *passphrases):
        """From now on, the keys of the current version must not be found."""
        copy = self.folder / f"version-{len(self.lines)}"
        copy.write_bytes((self.folder / "vault.aumbry").read_bytes())
        self.look_for(*[f"file {copy} {passphrase}" for passphrase in passphrases])

    def traces(self, lines=None):
        path = self.folder / "traces"
        lines = self.lines if lines is None else lines
        for line in lines:
            if line not in self.known:
                done = subprocess.run([self.holder, "traces"], input=line, capture_output=True, text=True, timeout=PATIENCE)
                assert done.returncode == 0, done.stderr
                self.known[line] = done.stdout
        path.write_text("".join(sorted({each for line in lines for each in self.known[line].splitlines(keepends=True)})))
        return path

    def search(self, memories, lines=None):
        """Every trace found in one of them, as (memory, offset, name)."""
        traces = self.traces(lines)
        paths = {str(memory.path): memory for memory in memories}
        done = subprocess.run([self.holder, "search", traces, *paths], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        *hits, last = done.stdout.splitlines()
        self.searched = int(last.split()[1])
        assert self.searched > 100_000, last
        self.sought = len(set(line.split(" ", 1)[0] for line in traces.read_text().splitlines()))
        return [(paths[path], int(at), name) for path, at, name in (hit.split(" ", 2) for hit in hits)]

    def dump(self, pid, by=("gcore", "mem"), settings=()):
        memories = []
        if "mem" in by:
            memories.append(self.by_proc(pid))
        if "gcore" in by:
            memories.append(self.by_gcore(pid, settings))
        self.dumped += len(memories)
        return memories

    def fresh(self, kind):
        self.number += 1
        return self.folder / f"{kind}-{self.number}"

    def by_proc(self, pid):
        """Reads again if a mapping is gone: threads of a key derivation may still be ending."""
        path = self.fresh("mem")
        for _ in range(500):
            places, hidden = self.read_all(pid, path)
            if all(is_guarded(region) for region in hidden):
                return Memory(path, places, len(hidden))
            time.sleep(0.01)
        raise AssertionError(f"memory outside the guarded page cannot be read: {hidden}")

    def read_all(self, pid, path):
        """Copies all writable memory into a file. Returns the offset of each mapping, and what the kernel does not show."""
        places, hidden = [], []
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory, open(path, "wb") as out:
            for region in regions(pid):
                start, end, access, name, _ = region
                # The content of a program's file is not a secret, except where the process overwrote it.
                if "r" not in access or name in ("[vvar]", "[vvar_vclock]", "[vsyscall]") or "w" not in access:
                    continue
                begin = out.tell()
                try:
                    memory.seek(start)
                    left = end - start
                    while left > 0:
                        part = memory.read(min(left, 1 << 24))
                        if not part:
                            raise OSError("it ended")
                        left -= out.write(part)
                except OSError:
                    hidden.append(region)
                places.append((begin, out.tell(), region))
        return places, hidden

    def by_gcore(self, pid, settings=()):
        path = self.fresh("core")
        orders = [word for order in [*settings, f"gcore {path}", "detach"] for word in ("-ex", order)]
        done = subprocess.run([*GDB, "-p", str(pid), *orders], capture_output=True, text=True, timeout=PATIENCE)
        assert path.exists() and path.stat().st_size > 100_000, done.stdout + done.stderr
        memory = Memory(path)
        memory.said = done.stdout + done.stderr
        return memory

    def forget(self, memories):
        for memory in memories:
            memory.path.unlink()


class Holder:
    """A program with the library that follows instructions."""

    def __init__(self, lab, before=()):
        self.lab = lab
        self.process = subprocess.Popen(
            [*before, lab.holder, lab.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def tell(self, order, *secrets):
        self.process.stdin.write("".join(f"{line}\n" for line in [order, *secrets]).encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().rstrip()
        return answer or f"it ended: {self.process.wait(PATIENCE)}"

    def does(self, order, *secrets):
        answer = self.tell(order, *secrets)
        assert answer.startswith("done"), f"{order}: {answer}"
        return answer.removeprefix("done").strip()

    @property
    def pid(self):
        """Of the holder itself, where another program runs it."""
        pid = self.process.pid
        while pathlib.Path(f"/proc/{pid}/comm").read_text().strip() != "holder":
            pid = int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        return pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Command:
    """`aumbry`, which reads its passphrase from one of three sources, and asks for everything else at its terminal."""

    def __init__(self, lab, source, *arguments):
        self.lab, self.source, self.seen = lab, source, b""
        self.screen, device = pty.openpty()
        self.pipe, options, stdin = None, [], subprocess.DEVNULL
        if source == "descriptor":
            stdin, self.pipe = os.pipe()
            options = ["--passphrase-fd", "0"]
        elif source == "file":
            self.fifo = lab.fresh("fifo")
            os.mkfifo(self.fifo, 0o600)
            options = ["--passphrase-file", self.fifo]
        end = arguments.index("--") if "--" in arguments else len(arguments)
        head, tail = arguments[:end], arguments[end:]
        self.process = subprocess.Popen(
            [lab.aumbry, *head, *options, "--vault", lab.folder / "vault.aumbry", *tail],
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=lab.folder, start_new_session=True,
            env={"PATH": os.environ["PATH"], "HOME": str(lab.folder), "XDG_STATE_HOME": str(lab.folder / "home"), "NO_COLOR": "1"},
            preexec_fn=lambda: self.take_terminal(device), pass_fds=[device],
        )
        os.close(device)
        if source == "descriptor":
            os.close(stdin)
        elif source == "file":
            self.pipe = os.open(self.fifo, os.O_WRONLY)  # once it reads there
        else:
            self.wait_for(b"Passphrase of ")

    @staticmethod
    def take_terminal(device):
        import fcntl
        import termios

        fcntl.ioctl(device, termios.TIOCSCTTY, 0)

    @property
    def pid(self):
        return self.process.pid

    def wait_for(self, text):
        """Waits until this is on the screen."""
        begin = time.monotonic()
        os.set_blocking(self.screen, False)
        while text not in self.seen:
            assert time.monotonic() - begin < PATIENCE, f"no {text!r} on the screen: {self.seen!r}"
            try:
                self.seen += os.read(self.screen, 4096)
            except (BlockingIOError, OSError):
                assert self.process.poll() is None or text in self.seen, self.process.communicate()
                time.sleep(0.01)

    def sockets(self):
        """How many it has open."""
        count = 0
        for descriptor in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                count += os.readlink(f"/proc/{self.pid}/fd/{descriptor}").startswith("socket:")
        return count

    def wait_until_quiet(self, sockets):
        """Waits until it has this many sockets: a connection has ended, and its buffers are gone."""
        begin = time.monotonic()
        while self.sockets() > sockets:
            assert time.monotonic() - begin < PATIENCE, "the connection does not end"
            time.sleep(0.01)
        time.sleep(0.1)  # what is freed with it

    def give(self, passphrase):
        if self.pipe is None:
            os.write(self.screen, passphrase.encode() + b"\r")
        else:
            os.write(self.pipe, passphrase.encode() + b"\n")
            os.close(self.pipe)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        os.close(self.screen)


class AtEnd:
    """A debugger that stops a process just before it ends, and dumps it there."""

    def __init__(self, lab, pid):
        self.core, self.ready, self.looked = lab.fresh("core"), lab.fresh("ready"), lab.fresh("looked")
        self.lab, self.pid = lab, pid
        orders = [
            "catch syscall exit_group",
            f"shell touch {self.ready}",
            "continue",
            f"gcore {self.core}",
            f"shell touch {self.ready}; while [ ! -e {self.looked} ]; do sleep 0.02; done",
            "detach",
        ]
        words = [word for order in orders for word in ("-ex", order)]
        self.gdb = subprocess.Popen(
            [*GDB, "-iex", "handle SIGCONT nostop pass", "-p", str(pid), *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        self.wait()

    def wait(self):
        begin = time.monotonic()
        while not self.ready.exists():
            assert time.monotonic() - begin < PATIENCE and self.gdb.poll() is None, self.gdb.stdout.read()
            time.sleep(0.01)
        self.ready.unlink()

    def dumps(self):
        self.wait()
        memories = [self.lab.by_proc(self.pid), Memory(self.core)]
        assert self.core.exists(), "there is no core"
        self.lab.dumped += 2
        self.looked.touch()
        self.gdb.communicate(timeout=PATIENCE)
        self.looked.unlink()
        return memories
