"""Programs that write to one vault and report each step in a line; and which process has its lock."""

import os
import pathlib
import signal
import subprocess
import threading
import time

PATIENCE = 3600


class Program:
    """One program, and the lines that it has printed."""

    def __init__(self, *command, **options):
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True, **options)
        self.lines, self.times = [], []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self.times.append(time.monotonic())

    def end(self):
        """Its output, and its exit code."""
        status = self.process.wait(timeout=PATIENCE)
        self.reader.join()
        return self.lines, status

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.end()

    def longest_silence(self):
        """The longest time between two of its lines, in seconds."""
        return max((after - before for before, after in zip(self.times, self.times[1:])), default=0)


def holders(lock):
    """The processes that hold the flock of a file, as the kernel lists them."""
    try:
        inode = os.stat(lock).st_ino
    except FileNotFoundError:
        return set()
    found = set()
    for line in pathlib.Path("/proc/locks").read_text().splitlines():
        words = line.split()
        # "1: FLOCK ADVISORY WRITE 1234 fe:00:5678 0 EOF"; for a waiting process, the second word is "->"
        if words[1] == "FLOCK" and words[3] == "WRITE" and words[5].rpartition(":")[2] == str(inode):
            found.add(int(words[4]))
    return found


def stop_as_holder(program, lock, seconds=30):
    """Stops a program at a moment at which it has the lock. False if there was none."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and program.process.poll() is None:
        program.process.send_signal(signal.SIGSTOP)
        while state_of(program.process.pid) not in "TZ":
            pass
        if program.process.pid in holders(lock):
            return True
        program.process.send_signal(signal.SIGCONT)
        time.sleep(0.001)
    return False


def state_of(process):
    return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
