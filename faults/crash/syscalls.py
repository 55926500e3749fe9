"""One kill at every system call of a save, and of the making of a vault.

A killed process never returns from the call at whose entry the signal meets it, and does nothing between two calls that
the disk could see: to be killed as one call is entered is to be killed as the one before is left. The last that is
numbered is the answer itself.
"""

import collections
import pathlib
import shutil
import subprocess
import sys

from subject import (
    CALL,
    PATIENCE,
    QUICK,
    WRITER,
    Desk,
    Stepper,
    Trace,
    calls_of_a_save,
    checks,
    run,
    shared,
    temporary,
    workers,
)

SCENES = {  # what the save finds
    "a small vault": {},
    "files left by a killed writer": {"stale": True},
    "a vault of 300 KB": {"padding": 10_000, "records": 30},
}


def killed_at(desk, log, kind, name, number):
    """What is wrong afterwards, whether the record was there, and how many temporary files."""
    desk.reset()
    stepper = Stepper(desk.folder, kind)
    trace = Trace(stepper, log, "-e", f"inject={name}:signal=KILL:when={number}")
    answer = stepper.save("new")
    status, said = stepper.end()
    trace.end()
    wrong = []
    if status != -9 or answer:
        wrong.append(f"it was not killed at {name} {number}: {status}, {answer!r}, {said!r}")
    stale = desk.stale()
    more, found = desk.look(desk.names)
    return wrong + more, "new" in found, sum(stale)


def attack(work, scene, kind, calls, only=None):
    desks = [Desk(work / f"{kind}-{scene[:7]}-{number}".replace(" ", "-"), **SCENES[scene]) for number in range(workers())]
    chosen = [(name, number) for name, number, _ in calls if only is None or name == only]

    def at(name, number):
        return lambda worker: (name, number, *killed_at(desks[worker], work / f"log-{worker}", kind, name, number))

    return shared([at(*call) for call in chosen], workers())


def made(folder, log, *options):
    """Makes a vault under strace, which ends as its program did."""
    return subprocess.run(
        ["strace", "-f", "-o", str(log), *options, WRITER, str(folder), "create"], capture_output=True, text=True, timeout=PATIENCE
    )


def killed_while_making(work):
    """(what is wrong, whether there is a vault) for a kill at each system call from the first that names the folder."""
    folder = work / "made"
    folder.mkdir()
    assert made(folder, work / "log").returncode == 0
    seen, calls, main_thread = collections.Counter(), [], None
    for line in (work / "log").read_text().splitlines():
        match = CALL.match(line)
        main_thread = match["pid"] if match and main_thread is None else main_thread
        if match and match["pid"] == main_thread:  # the others derive keys; strace counts for each thread
            seen[match["name"]] += 1
            # How often it waits for those threads is a matter of chance, and nothing to the disk.
            begun = calls or (str(folder) in match["rest"] and match["name"] != "execve")
            if begun and match["name"] != "futex":
                calls.append((match["name"], seen[match["name"]]))
    results = []
    for name, number in calls[:: 6 if QUICK else 1]:
        shutil.rmtree(folder)
        folder.mkdir()
        done = made(folder, work / "log", "-e", f"inject={name}:signal=KILL:when={number}")
        wrong = [] if done.returncode == -9 else [f"it was not killed at {name} {number}: {done}"]
        is_there = (folder / "vault.aumbry").exists()
        if len(checks.leftovers(folder)) > 1:
            wrong.append("stale: more than one temporary file")
        if "created" in done.stdout and not is_there:
            wrong.append("lost: the vault")
        if not is_there:
            again = run(folder, "create")
            if again.returncode != 0:
                wrong.append(f"no vault, and none can be made: {again.stdout}")
        found, said = checks.names(WRITER, str(folder))
        if found is None:
            wrong.append(f"unreadable: {said}")
        if run(folder, "add", "after", "1").returncode != 0 or checks.leftovers(folder):
            wrong.append("stale: the next save left temporary files, or failed")
        results.append((wrong, is_there))
    return results


def main():
    with temporary() as folder:
        work = pathlib.Path(folder)
        total = collections.Counter()
        for scene, vault in SCENES.items():
            if QUICK and scene != "a small vault":
                continue
            calls = calls_of_a_save(Desk(work / f"calls-{scene[:7]}".replace(" ", "-"), **vault), work / "log")
            calls.append(("writev", 1, "the answer"))
            results = attack(work, scene, "sound", calls)
            bad = [(name, number, wrong) for name, number, wrong, _, _ in results if wrong]
            there = sum(new for *_, new, _ in results)
            littered = sum(stale > 0 for *_, stale in results)
            total["kills"] += len(results)
            total["bad"] += len(bad)
            checks.check(
                f"{scene}: killed at each of the {len(results)} system calls of a save: {len(bad)} times lost, unreadable or "
                f"littered; the new version was there after {there}, a temporary file after {littered}",
                not bad and 0 < there < len(results),
                bad,
            )
        results = killed_while_making(work)
        share = "every sixth" if QUICK else "each"
        bad = [wrong for wrong, _ in results if wrong]
        is_there = sum(is_there for _, is_there in results)
        total["kills"] += len(results)
        total["bad"] += len(bad)
        checks.check(
            f"a vault being made: killed at {share} of its system calls, {len(results)}: {len(bad)} times lost, unreadable or littered; "
            f"the vault was there after {is_there}",
            not bad and 0 < is_there < len(results),
            bad,
        )
        # The control: the same kills at the writes of a program that overwrites the vault's own file.
        scene = "a small vault"
        desk = Desk(work / "in-place", **SCENES[scene])
        calls = calls_of_a_save(desk, work / "log", "in-place")
        results = attack(work, scene, "in-place", calls, "write")
        torn = [any(said.startswith("unreadable") for said in wrong) for _, _, wrong, _, _ in results]
        checks.check(
            f"control: overwritten in place, the vault was torn by the first kill at a write: {torn[:1]}; by {sum(torn)} of "
            f"{len(torn)} (the others were the pin's)",
            torn[:1] == [True],
            results,
        )
    print(f"{total['kills']} kills at system calls, {total['bad']} of them with a loss")
    checks.finish()


if __name__ == "__main__":
    sys.exit(main())
