"""kill -9 at random moments, while a writer commits as fast as it can.

After each kill: every acknowledged commit is there, and at most the one that was in progress; every record verifies; the
pin reports no rollback; at most one temporary file is left in each folder; and the next save removes it.
"""

import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

from subject import PATIENCE, QUICK, STEPPER, Desk, checks, shared, workers

ROUNDS = 60 if QUICK else 1000
CONTROLS = 20 if QUICK else 60
ROUNDS_OF_A_VAULT = 10
LINES = 20_000  # more than a writer can save before it is killed
SCENES = [{}, {"padding": 10_000, "records": 30}]  # the second is 300 KB, which takes longer to write than to begin


def killed(desk, lines, kind, acknowledged):
    """One round: the output, whether the kill came during a commit, and what is wrong."""
    with open(lines) as todo:
        process = subprocess.Popen([STEPPER, str(desk.folder), kind], stdin=todo, stdout=subprocess.PIPE, text=True)
    # Some kills while it opens, most while it commits: the first line says that it is ready.
    said = "".join(process.stdout.readline() for _ in range(random.randrange(6)))
    time.sleep(random.random() * random.choice([0.0005, 0.005, 0.02]))
    process.send_signal(signal.SIGKILL)
    said += process.stdout.read()
    process.stdout.close()
    assert process.wait(PATIENCE) == -9, f"it ended by itself: {said}"
    new = {line.removeprefix("saved ") for line in said.splitlines() if line.startswith("saved ")}
    errors = [line for line in said.splitlines() if line.startswith("error")]
    stale = sum(desk.stale())
    wrong, found = desk.look(acknowledged | new)
    wrong += errors
    return wrong, found, len(new), stale


def round_of_vaults(work, rounds, kind, make):
    """The requested number of rounds, on vaults that are killed again and again."""
    todo = work / "lines"

    def on_one_vault(start):
        def with_worker(worker):
            scene = SCENES[start // ROUNDS_OF_A_VAULT % len(SCENES)]
            desk = make(worker, scene)
            acknowledged = set(desk.names)
            results = []
            for number in range(start, min(start + ROUNDS_OF_A_VAULT, rounds)):
                lines = todo.with_name(f"lines-{number}-{kind}")
                lines.write_text("".join(f"{number}-{at}\n" for at in range(LINES)))
                before = acknowledged
                wrong, found, new, stale = killed(desk, lines, kind, acknowledged)
                lines.unlink()
                under_way = {name for name in found - before if name.startswith(f"{number}-")}
                if len(under_way) > new + 1:
                    wrong.append(f"{len(under_way)} records are there, {new} were acknowledged")
                results.append((wrong, new, stale))
                # A control may have torn the vault: the next round starts with a valid one.
                if wrong:
                    desk.reset()
                    acknowledged = set(desk.names)
                else:
                    acknowledged = found
            return results

        return with_worker

    starts = range(0, rounds, ROUNDS_OF_A_VAULT)
    return [result for results in shared([on_one_vault(start) for start in starts], workers()) for result in results]


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        desks = {}

        def make(worker, scene):
            key = f"{worker}-{SCENES.index(scene)}"
            if key in desks:
                desks[key].reset()
            else:
                desks[key] = Desk(work / key, **scene)
            return desks[key]

        results = round_of_vaults(work, ROUNDS, "sound", make)
        bad = [wrong for wrong, _, _ in results if wrong]
        acknowledged = sum(new for _, new, _ in results)
        littered = sum(stale > 0 for *_, stale in results)
        checks.check(
            f"{len(results)} kills at random moments: {acknowledged} commits acknowledged, {len(bad)} rounds with one lost, a "
            f"vault unreadable, a false rollback or more than one temporary file ({littered} left one; the next save removed it)",
            len(results) == ROUNDS and not bad and acknowledged > ROUNDS / 2 and littered > 0,
            bad,
        )
        for kind, what, sign in [
            ("in-place", "overwritten in place, a vault was torn", "unreadable"),
            ("early", "acknowledged before it was saved, a commit was lost", "lost"),
        ]:
            seen = results = 0
            while not seen and results < 10 * CONTROLS:  # on a fast disk, few kills come between two calls
                of_these = round_of_vaults(work, CONTROLS, kind, make)
                results += len(of_these)
                seen += sum(any(said.startswith(sign) for said in wrong) for wrong, *_ in of_these)
            checks.check(f"control: {what} by {seen} of {results} kills", seen > 0)
    checks.finish()


if __name__ == "__main__":
    sys.exit(main())
