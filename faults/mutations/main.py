"""Removes one check after the other from a copy of the library, and runs the test that must notice."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

from removed import CHECKS

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from checks import check, finish  # noqa: E402

ROOT = pathlib.Path(__file__).parents[2]
COPY = ROOT / "target" / "mutations"


def copy_tree():
    """The working tree, with uncommitted changes. Earlier builds of the copy are kept."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0"):
        source, target = ROOT / os.fsdecode(name), COPY / os.fsdecode(name)
        if source.is_file() and not (target.exists() and source.read_bytes() == target.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def run(test):
    """Whether that one test passed, or `None` if it did not run; and the output."""
    if test == "faults/memory/run":
        command = f"{test} --quick"
        ran = r"^(\d+ passed, \d+ failed|FAILED .*)$"
    elif test.startswith("faults/"):
        command = f"cargo build --quiet --release --package aumbry-faults && .ci/python {test} --quick"
        ran = r"^(\d+ passed, \d+ failed|FAILED .*)$"
    else:
        target, name = test.split("::", 1)
        place = "--lib" if target == "lib" else f"--test {target}"
        command = f"cargo test --package aumbry {place} -- --exact {name}"
        ran = "^running 1 test$"  # a test that then aborts has failed as well
    env = os.environ | {"CARGO_INCREMENTAL": "0", "CARGO_TARGET_DIR": str(COPY / "target"), "RUSTFLAGS": "-Awarnings"}
    # A test that does not end has failed as well; `timeout` ends its children too. The time includes the
    # first build.
    done = subprocess.run(["timeout", "1800", "bash", "-c", command], cwd=COPY, env=env, capture_output=True, text=True)
    printed = done.stdout + done.stderr
    return (done.returncode == 0 if re.search(ran, printed, re.MULTILINE) else None), printed


def main(part):
    copy_tree()
    chosen = [row for row in CHECKS if part in row[0]]
    for test in sorted({test for *_, test in chosen}):
        passed, printed = run(test)
        check(f"control: with every check in place, {test} passes", passed is True, printed)
    for what, file, old, new, test in chosen:
        path = COPY / file
        whole = path.read_text()
        if not check(f"{what}: occurs once in {file}", whole.count(old) == 1, f"{whole.count(old)} times: {old}"):
            continue
        try:
            path.write_text(whole.replace(old, new))
            passed, printed = run(test)
        finally:
            path.write_text(whole)
        check(f"{what}: {test} fails without it", passed is False, printed)
    print(f"{len(chosen)} checks removed, one at a time")
    finish()


main(sys.argv[1] if len(sys.argv) > 1 else "")
