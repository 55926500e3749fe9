"""Every system call of a save fails: once, and from then on.

Each fault is injected into a writer that is asked to save twice. What must hold:
* The writer answers both times, with "saved" or with an error of a kind that names the problem.
* What it acknowledged is there afterwards, also in a new process. If an error says that the vault is unchanged, it is.
* A save whose fsync failed is not acknowledged, and the fsync is not repeated. Nor is a rename acknowledged if neither its
  folder was synced nor, where the folder cannot be opened, the file again.
* A save that failed leaves no temporary file, unless files cannot be removed. The vault's permissions stay the same.
* After a fault has passed, later saves succeed.

EINTR "forever" means a thousand in a row, because a program that rightly tries again would otherwise never end. `brk` has no
errors: the kernel answers with the end of the heap, which then differs from the requested one.
"""

import collections
import fcntl
import pathlib
import re
import subprocess
import sys
import threading
import time

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

ERRORS = ["EIO", "ENOSPC", "EINTR", "EACCES", "ENOMEM"]
# The kinds of answer of a save, and whether the record may be there after it.
KINDS = {
    "io": False,
    "storage_full": False,
    "durability_unknown": True,
    "out_of_resources": False,
    "pin_damaged": False,  # this machine's pin could not be read, so nothing is known about the vault
}
FSYNC = ("fsync", "fdatasync")
MEMORY = {"mmap", "munmap", "mremap", "madvise", "mprotect", "brk", "memfd_secret"}
MODE = 0o640  # of the vault: differs from that of a new file


def chosen(calls):
    """(system call, its number, error, how often): all of them, or a sample."""
    faults = [
        (name, number, error, times)
        for name, number, _ in calls
        for error in (ERRORS if name != "brk" else ["no room"])
        for times in ("once", "on")
        if error == "EIO" or (name, times) != ("close", "on")  # each takes ten seconds, because the lock stays
    ]
    if not QUICK:
        return faults
    # Calls that change the disk or get secrets: each, with one error after the other. Every thirtieth of the
    # others.
    weighty = {"write", "fsync", "rename", "unlink", "flock", "getrandom", "mmap", "ftruncate", "brk"}
    return [
        (name, number, error, times)
        for at, (name, number, error, times) in enumerate(faults)
        if (name in weighty and error in (ERRORS[(number + len(name) + 2) % 5], "no room")) or (name not in weighty and at % 30 == 0)
        if (name, times) != ("close", "on")
    ]


def option(name, number, error, times):
    if name == "brk":
        return f"inject=brk:retval=0:when={number}{'' if times == 'once' else '+'}"
    until = {"once": "", "on": f"..{number + 999}" if error == "EINTR" else "+"}[times]
    return f"inject={name}:error={error}:when={number}{until}"


def asked_again(log):
    """Files whose fsync failed, other than by a signal, and was repeated before they were closed."""
    failed = set()
    again = []
    for line in log.read_text(errors="replace").splitlines():
        match = CALL.match(line)
        if not match:
            continue
        file = re.match(r"\d+", match["rest"])
        if match["name"] in FSYNC:
            if file[0] in failed:
                again.append(line)
            if "(INJECTED)" in line and "EINTR" not in line:
                failed.add(file[0])
        elif match["name"] == "close" and file:
            failed.discard(file[0])
    return again


def unsynced(log, vault):
    """Saves that were acknowledged without an fsync, after the rename, that makes it durable."""
    opened, waits, bold = {}, False, []
    for line in log.read_text(errors="replace").splitlines():
        match = CALL.match(line)
        if not match:
            continue
        name, rest = match["name"], match["rest"]
        number = re.match(r"\d+", rest)
        done = re.search(r"= (\d+)$", rest)
        path = re.match(r'AT_FDCWD, "([^"]*)"', rest)
        if name == "openat" and done and path:
            # Counts the file only if it was opened under its final name.
            opened[done[1]] = path[1]
        elif name == "rename" and done and rest.split('"')[3] == str(vault):
            waits = True
        elif name in FSYNC and done and opened.get(number[0]) in (str(vault.parent), str(vault)):
            waits = False
        elif name == "writev" and "saved" in rest and waits:
            bold.append(line)
    return bold


def fault(desk, log, kind, name, number, error, times):
    """The results of the first save and of the second, and what is wrong."""
    desk.reset()
    stepper = Stepper(desk.folder, kind)
    trace = Trace(stepper, log, "-e", option(name, number, error, times))
    answers = {"new": stepper.save("new")}
    litter = desk.stale()
    answers["newer"] = stepper.save("newer")
    status, said = stepper.end()
    trace.end()
    wrong = []
    injected = log.read_text(errors="replace").count("(INJECTED)")
    if not injected:
        wrong.append("not injected")
    if status != 0:
        wrong.append(f"it ended with {status}: {said}")
    mode = desk.vault.stat().st_mode & 0o777
    if mode != MODE and name not in ("fchmod", "fchown"):
        wrong.append(f"the vault's mode is {mode:o}")
    if name in FSYNC and number <= 2 and error != "EINTR" and answers["new"].startswith("saved"):
        wrong.append("acknowledged though the disk did not confirm it")
    if litter != (0, 0) and name != "unlink":
        wrong.append(f"stale: it left {litter} temporary files after {answers['new']!r}")
    bold = unsynced(log, desk.vault)
    if bold:
        wrong.append(f"the disk did not confirm the rename: {bold}")
    acknowledged = {record for record, answer in answers.items() if answer == f"saved {record}"}
    more, found = desk.look(desk.names | acknowledged)
    wrong += more
    outcomes = []
    for record, answer in answers.items():
        said = answer.removeprefix("error ").split(":")[0] if answer.startswith("error ") else answer.split(" ")[0]
        outcomes.append(said or "nothing")
        if said == "saved":
            continue
        # A file that is not closed keeps the lock. (A real close always closes, whatever it returns.)
        if name == "close" and said == "busy":
            continue
        if said not in KINDS:
            wrong.append(f"answered {answer!r}")
        elif (record in found) != KINDS[said] and not any("unreadable" in word for word in more):
            wrong.append(f"{record} is {'' if record in found else 'not '}there after {answer!r}")
    again = asked_again(log)
    if again:
        wrong.append(f"fsync asked for again: {again}")
    if times == "once" and outcomes[1] != "saved" and name != "close":
        wrong.append(f"the fault has passed, but the next save: {answers['newer']!r}")
    return outcomes[0], wrong


def make(folder, vault):
    desk = Desk(folder, **vault)
    (desk.saved / "vault.aumbry").chmod(MODE)
    return desk


def attack(work, kind, vault, faults):
    desks = [make(work / f"{kind}-{vault.get('records')}-{number}", vault) for number in range(workers())]

    def one(this):
        return lambda worker: (this, *fault(desks[worker], work / f"log-{worker}", kind, *this))

    return shared([one(this) for this in faults], workers())


def unseen_rollbacks(desk, log):
    """Puts an older vault back while the system cannot tell whether there is a newer pin. Returns how often it opened
    nevertheless, and the number of attempts. The control: without a fault it is a rollback."""
    desk.reset()
    old = desk.vault.read_bytes()
    assert run(desk.folder, "add", "newer", "1").returncode == 0
    desk.vault.write_bytes(old)
    (pin,) = desk.state.glob("*.pin")
    said = run(desk.folder, "names").stdout
    wrong = [] if said.startswith("error rollback") else [("the control", said)]
    faults = [(call, error) for call in ("statx", "openat") for error in ("EIO", "ENOMEM", "ELOOP")]
    for call, error in faults:
        words = ["-P", str(pin), "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
        done = subprocess.run(
            ["strace", "-f", "-o", str(log), *words, WRITER, str(desk.folder), "names"], capture_output=True, text=True, timeout=PATIENCE
        )
        if "(INJECTED)" not in log.read_text() or not done.stdout.startswith("error pin_damaged"):
            wrong.append((call, error, done.stdout))
    return wrong, len(faults)


def unread_links(desk, log):
    """A vault behind a link that the system cannot read once: the link afterwards, and the number of attempts."""
    wrong, faults = [], ("EIO", "ENOMEM", "EACCES")
    for error in (None, *faults):
        desk.reset()
        target = desk.folder / "target"
        desk.vault.rename(target)
        desk.vault.symlink_to("target")
        before = target.read_bytes()
        inject = ["-e", f"inject=readlink:error={error}"] if error else []
        words = ["-P", str(desk.vault), "-e", "trace=readlink", *inject, WRITER, str(desk.folder), "add", "by-link", "1"]
        done = subprocess.run(["strace", "-f", "-o", str(log), *words], capture_output=True, text=True, timeout=PATIENCE)
        saved = target.read_bytes() != before
        if not desk.vault.is_symlink() or saved != (done.returncode == 0) or saved != (error is None):
            wrong.append((error, done.stdout, desk.vault.is_symlink(), saved))
        if error and "(INJECTED)" not in log.read_text():
            wrong.append((error, "not injected"))
    return wrong, len(faults)


def without_random_bytes(desk, log):
    """How a program that opens a vault and saves ends if the system refuses random bytes, also for the standard library's
    own requests, one for each thread. The C library makes the first request."""
    ended = collections.Counter()
    for words in (["names"], ["add", "random", "1"]):
        for number in range(1, 100):
            desk.reset()
            inject = ["-e", "trace=getrandom", "-e", f"inject=getrandom:error=EIO:when={number}"]
            command = ["strace", "-f", "-o", str(log), *inject, WRITER, str(desk.folder), *words]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
            if "(INJECTED)" not in log.read_text():
                break
            ended[done.returncode, done.stdout.startswith("error out_of_resources")] += 1
    return ended


def removed_lock(desk, log):
    """Stops a writer between opening its lock file and taking the lock. Meanwhile the file is removed, and another process
    takes the lock on a new one. Returns whether the writer saved meanwhile, and its answer after the other released it."""
    desk.reset()
    with Stepper(desk.folder) as stepper:
        trace = Trace(stepper, log, "-e", "trace=flock", "-e", "inject=flock:delay_enter=400000:when=1")
        before = desk.vault.read_bytes()
        writer = threading.Thread(target=lambda: said.append(stepper.save("new")))
        said = []
        writer.start()
        time.sleep(0.2)
        lock = desk.folder / ".vault.aumbry.lock"
        lock.unlink()
        with open(lock, "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            time.sleep(1)
            meanwhile = desk.vault.read_bytes() != before
        writer.join()
    trace.end()
    return meanwhile, said


def table(results):
    """Results of the save into which the fault was injected, for each system call and error."""
    cells = collections.defaultdict(collections.Counter)
    for (name, _, error, _), outcome, _ in results:
        cells[name, error][outcome] += 1
    names = sorted({name for name, _ in cells})
    print(f"{'system call':<14}" + "".join(f"{error:<26}" for error in ERRORS))
    for name in names:
        # `brk` is in the row of its only error.
        of = {"ENOMEM": "no room"} if name == "brk" else {}
        rows = [[f"{count} {outcome}" for outcome, count in cells[name, of.get(error, error)].most_common()] for error in ERRORS]
        for at in range(max(map(len, rows))):
            print(f"{name if at == 0 else '':<14}" + "".join(f"{row[at] if at < len(row) else '':<26}" for row in rows))


def main():
    with temporary() as folder:
        work = pathlib.Path(folder)
        small, large = {}, {"padding": 10_000, "records": 30}
        calls = calls_of_a_save(Desk(work / "small"), work / "log")
        results = attack(work, "sound", small, chosen(calls))
        # 300 KB need memory from the system.
        of_memory = [call for call in calls_of_a_save(Desk(work / "large", **large), work / "log") if call[0] in MEMORY]
        results += attack(work, "sound", large, chosen(of_memory))
        table(results)
        bad = [result for result in results if result[2]]
        outcomes = collections.Counter(outcome for _, outcome, _ in results)
        checks.check(
            f"{len(results)} faults injected into a save of {len(calls)} system calls: {len(bad)} times an acknowledged commit "
            "lost, the vault unreadable, a panic, an answer that is not true, litter or an fsync tried again; "
            + ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()),
            len(results) >= (50 if QUICK else 400) and not bad and len(outcomes) > 2,
            "\n".join(map(str, bad[:40])),
        )
        wrong, tried = unseen_rollbacks(Desk(work / "rollback"), work / "log")
        checks.check(
            f"an older vault while the pin cannot be looked for: {tried} faults, {len(wrong)} times it opened; without one it "
            "is a rollback",
            not wrong,
            wrong,
        )
        wrong, tried = unread_links(Desk(work / "link"), work / "log")
        checks.check(
            f"a link that cannot be read: {tried} faults, {len(wrong)} times it was replaced or something was saved; without one "
            "its target is replaced",
            not wrong,
            wrong,
        )
        ended = without_random_bytes(Desk(work / "random"), work / "log")
        refused = ended[1, True]
        checks.check(
            f"no random bytes at one of the {ended.total()} requests of programs that open, and save: {refused} errors that say "
            f"so, {ended[0, False]} did without, {ended.total() - refused - ended[0, False]} panics or other ends",
            refused > 0 and set(ended) <= {(0, False), (1, True)},
            ended,
        )
        meanwhile, said = removed_lock(Desk(work / "lock"), work / "log")
        checks.check(
            f"a lock on a file that was removed: saved {'' if meanwhile else 'not '}while another held the new one, and afterwards",
            not meanwhile and said == ["saved new"] and "DELAYED" in (work / "log").read_text(),
            said,
        )
        # The control: the same faults in a program that overwrites the vault's own file and does not sync.
        controls = [("write", 1, error, times) for error in ("EIO", "ENOSPC") for times in ("once", "on")]
        results = attack(work, "in-place", small, controls + [("fsync", 1, "EIO", "once")])
        noticed = sum(any("unreadable" in word for word in wrong) for (name, *_), _, wrong in results if name == "write")
        checks.check(
            f"control: overwritten in place, the vault was unreadable after {noticed} of {len(controls)} faults at its write",
            noticed == len(controls),
            results,
        )
        unconfirmed = any("did not confirm" in word for word in results[-1][2])
        checks.check("control: what was acknowledged without an fsync was noticed", unconfirmed, results[-1])
    checks.finish()


if __name__ == "__main__":
    sys.exit(main())
