"""Records a save, computes every state that a disk may have after a power cut, and opens each of them.

What a disk may contain, between two calls of the save as well as after each:
* Of data written to a file since its last fsync: each sector of 512 bytes is new or still old (zeros, or data of another
  file), and the file's length is the old one, the new one, or between them.
* Of changes to a folder since its last fsync: each name is as before, or as after any of the changes.
* Synced data is there.
So only fsync orders anything. The model assumes that a sector is written completely or not at all, and that a name leads to
one file or another: a disk and a file system with a journal guarantee this.
"""

import collections
import itertools
import pathlib
import random
import re
import shutil
import sys

from subject import CALL, QUICK, Desk, Stepper, Trace, checks, temporary

SECTOR = 512
ALL_SUBSETS_OF = 4 if QUICK else 7  # sectors; of more than these a sample is tried, with the extremes
SAMPLE = 8 if QUICK else 40
STATES_OF_A_CONTROL = 40 if QUICK else 300
random.seed(20)  # the same sample each time

# All calls with which a save may change a disk. Any other call must be added to this model first.
KNOWN = {"openat", "write", "fsync", "rename", "unlink", "close", "writev", "readv", "mkdir", "fchmod", "fchown", "restart_syscall", "ftruncate"}
RECORDED = KNOWN | set(
    "fdatasync pwrite64 pwritev pwritev2 truncate creat renameat renameat2 unlinkat rmdir link linkat symlink "
    "symlinkat fallocate copy_file_range sendfile splice sync syncfs sync_file_range mkdirat".split()
)

# A file on the disk, as an inode number: the names in folders lead to these.
File = collections.namedtuple("File", "number")


def record(desk, log, failing=None):
    """A save as a list of its actions: ("create", path, file), ("write", file, bytes), ("fsync", file or folder), ("rename",
    from, to), ("unlink", path), ("answer", name). If the fsync with the number `failing` is to fail, a save that is not
    acknowledged, and the next."""
    desk.reset()
    fault = ["-e", f"inject=fsync:error=EIO:when={failing}"] if failing else []
    with Stepper(desk.folder) as stepper:
        trace = Trace(stepper, log, "-xx", "-s", "10000000", "-e", "trace=" + ",".join(sorted(RECORDED)), *fault)
        if failing:
            assert stepper.save("new").startswith("error")
        assert stepper.save("newer") == "saved newer"
    trace.process.communicate()
    deeds, open_files, files = [], {}, itertools.count(1)
    for line in log.read_text().splitlines():
        match = CALL.match(line)
        if not match:
            continue
        name, rest = match["name"], match["rest"]
        assert name in KNOWN, f"a save does what this model does not know: {line[:200]}"
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', rest)]
        result = re.search(r"= (-?\d+)[^=]*$", rest)
        if name == "writev":
            answer = texts[0].decode().split()
            deeds.append(("answer", answer[1] if answer[0] == "saved" else None))
        if not result or int(result[1]) < 0:
            continue
        number = re.match(r"\d+", rest)
        assert name != "ftruncate" or number[0] not in open_files, line[:200]  # only the page of the keys
        if name == "openat":
            path = pathlib.Path(texts[0].decode())
            if "O_WRONLY" in rest:
                assert "O_CREAT" in rest and "O_EXCL" in rest, line
                open_files[result[1]] = file = File(next(files))
                deeds.append(("create", path, file))
            else:
                open_files[result[1]] = path
        elif name == "write":
            assert int(result[1]) == len(texts[0]), line[:200]
            deeds.append(("write", open_files[number[0]], texts[0]))
        elif name == "fsync":
            deeds.append(("fsync", open_files[number[0]]))
        elif name == "close":
            open_files.pop(number[0], None)
        elif name == "rename":
            deeds.append(("rename", *(pathlib.Path(text.decode()) for text in texts)))
        elif name == "unlink":
            deeds.append(("unlink", pathlib.Path(texts[0].decode())))
    return deeds


def contents(synced, now):
    """What the disk may contain of a file that was `synced` and is `now`."""
    if synced == now:
        return [now]
    sectors = range(-(-len(now) // SECTOR))
    if len(sectors) <= ALL_SUBSETS_OF:
        there = [set(kept) for count in range(len(sectors) + 1) for kept in itertools.combinations(sectors, count)]
    else:
        there = [set(), set(sectors), {0}, {sectors[-1]}, set(sectors) - {0}, set(sectors) - {sectors[-1]}]
        there += [set(sectors[:half]) for half in (1, len(sectors) // 2)]
        there += [{sector for sector in sectors if random.random() < share} for share in [0.1, 0.5, 0.9, 0.99] * (SAMPLE // 4)]
    found = set()
    for kept in there:
        for filler in (b"\0", b"\xa5"):
            whole = bytearray()
            for sector in sectors:
                new = now[sector * SECTOR : (sector + 1) * SECTOR]
                old = synced[sector * SECTOR : (sector + 1) * SECTOR]
                whole += new if sector in kept else old + filler * (len(new) - len(old))
            found.add(bytes(whole))
    found |= {now[: sector * SECTOR] for sector in (sectors if len(sectors) <= 8 else random.sample(sectors, SAMPLE // 2))}
    found |= {now[:-1], synced}
    return sorted(found)


def states(deeds, before):
    """Each different state of the disk at each cut: (whether the save was acknowledged, {path: bytes}). `before` are the
    files that existed, all of them synced."""
    seen = set()
    for cut in range(len(deeds) + 1):
        written, synced = {}, {}
        for path, data in before.items():
            written[path] = synced[path] = data
        names = {path: [path] for path in before}  # the files that this name may lead to, the last one now
        answered = False
        for deed, *what in deeds[:cut]:
            if deed == "create":
                names.setdefault(what[0], [None]).append(what[1])
                written[what[1]] = synced[what[1]] = b""
            elif deed == "write":
                written[what[0]] += what[1]
            elif deed == "fsync" and isinstance(what[0], File):
                synced[what[0]] = written[what[0]]
            elif deed == "fsync":
                for path, files in names.items():
                    if path.parent == what[0]:
                        names[path] = files[-1:]
            elif deed == "rename":
                names.setdefault(what[1], [None]).append(names[what[0]][-1])
                names[what[0]].append(None)
            elif deed == "unlink":
                names[what[0]].append(None)
            elif deed == "answer":
                answered = what[0] is not None
        paths = sorted(names)
        for files in itertools.product(*(dict.fromkeys(names[path]) for path in paths)):
            there = list(dict.fromkeys(file for file in files if file is not None))
            choices = [contents(synced[file], written[file]) for file in there]
            for chosen in itertools.product(*choices):
                data = dict(zip(there, chosen))
                state = tuple((path, data[file]) for path, file in zip(paths, files) if file is not None)
                if (answered, state) not in seen:
                    seen.add((answered, state))
                    yield answered, dict(state)


def judged(desk, answered, state):
    """What is wrong in this state after a power cut, and whether the new version is there."""
    shutil.rmtree(desk.folder)
    shutil.copytree(desk.saved, desk.folder)
    for path in list(desk.folder.rglob("*")):
        if path.is_file() and path.suffix != ".lock" and path not in state:
            path.unlink()
    for path, data in state.items():
        path.write_bytes(data)
    wrong, found = desk.look(desk.names | ({"newer"} if answered else set()))
    if found and not desk.names <= found <= desk.names | {"new", "newer"}:
        wrong.append(f"neither the old nor the new version: {sorted(found)[:5]}")
    return wrong, "newer" in found


def files_of(desk):
    desk.reset()
    return {path: path.read_bytes() for path in desk.folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


def main():
    with temporary() as folder:
        work = pathlib.Path(folder)
        scenes = [
            ("a small vault", {"padding": 700, "records": 3}, None),
            ("files left by a killed writer", {"stale": True}, None),
            ("an fsync of the file that fails, and the next save", {}, 1),
            ("an fsync of the folder that fails, and the next save", {}, 2),
        ]
        if not QUICK:
            scenes.append(("a vault of 300 KB", {"padding": 10_000, "records": 30}, None))
        total = 0
        for number, (scene, vault, failing) in enumerate(scenes):
            desk = Desk(work / f"{number}", **vault)
            deeds = record(desk, work / "log", failing)
            before = files_of(desk)
            found = list(states(deeds, before))
            results = [(answered, *judged(desk, answered, state)) for answered, state in found]
            total += len(results)
            bad = [wrong for _, wrong, _ in results if wrong]
            new = sum(new for *_, new in results)
            answered = sum(answered for answered, *_ in results)
            checks.check(
                f"{scene}: {len(deeds)} deeds of a save, {len(results)} states of the disk: {len(bad)} unreadable, torn, lost or "
                f"with a false rollback; {new} hold the new version, among them all {answered} of those after the answer",
                not bad and 0 < answered <= new < len(results),
                bad[:10],
            )
            if number:
                continue
            vault_folder = desk.folder
            for what, dropped, signs in [
                ("without any fsync", lambda deed: deed[0] == "fsync", {"unreadable", "lost"}),
                ("without the fsync of files", lambda deed: deed[0] == "fsync" and isinstance(deed[1], File), {"unreadable"}),
                ("without the fsync of the folder", lambda deed: deed == ("fsync", vault_folder), {"unreadable"}),
            ]:
                weaker = list(states([deed for deed in deeds if not dropped(deed)], before))
                sample = [state for state in weaker if state == (True, before)]  # acknowledged, and nothing was written
                for answered in (True, False):
                    of_these = [state for state in weaker if state[0] == answered]
                    sample += random.sample(of_these, min(len(of_these), STATES_OF_A_CONTROL // 2))
                results = [(answered, *judged(desk, answered, state)) for answered, state in sample]
                seen = collections.Counter(said.split(":")[0] for _, wrong, _ in results for said in wrong)
                rollbacks = sum("error rollback" in said for _, wrong, _ in results for said in wrong)
                checks.check(
                    f"control: {what}, of {len(results)} of {len(weaker)} states {seen['unreadable']} did not open ({rollbacks} of "
                    f"them for a rollback), {seen['lost']} had lost what was acknowledged",
                    all(seen[sign] for sign in signs),
                    seen,
                )
        print(f"{total} states of the disk")
    checks.finish()


if __name__ == "__main__":
    sys.exit(main())
