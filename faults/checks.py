"""Shared by the attacks: counting, starting the writer, and a command whose absence is a failure."""

import pathlib
import subprocess
import sys

counts = {"passed": 0, "failed": 0}


def check(what, holds, seen=""):
    counts["passed" if holds else "failed"] += 1
    print(f"{'ok    ' if holds else 'FAILED'} {what}", flush=True)
    if not holds:
        print(seen, flush=True)
    return holds


def finish():
    """The closing line, which .ci/run sums, and the exit code."""
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    sys.exit(1 if counts["failed"] or not counts["passed"] else 0)


def names(writer, folder):
    """What a folder's vault contains: its names and its generation, or None and the writer's message."""
    done = subprocess.run([writer, folder, "names"], capture_output=True, text=True, timeout=60)
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        return None, f"exit {done.returncode}: {done.stdout}{done.stderr}"
    return set(lines[:-1]), int(lines[-1].removeprefix("generation "))


def leftovers(folder):
    """The temporary files that a writer left."""
    return [str(path) for path in pathlib.Path(folder).rglob("*.new")]
