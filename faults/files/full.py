"""A full disk, at every stage: no room for bytes, for inodes, by a quota, and by a limit of the process."""

import os

from box import NOBODY, Tally, Vault, tell
from checks import check

SAYS = "the disk or a quota is full|No space left|Disk quota exceeded|File too large"


def free(folder):
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize // 1024


def fill(folder, kib):
    """Leaves this many KiB free. Repeats for a file system that keeps a reserve."""
    filler = folder / "disk.filler"
    with open(filler, "ab") as file:
        os.sync()
        for _ in range(8):
            room = free(folder) - kib
            if room == 0:
                break
            size = os.fstat(file.fileno()).st_size + room * 1024
            try:
                os.truncate(filler, max(size, 0)) if room < 0 else os.posix_fallocate(file.fileno(), 0, size)
            except OSError:
                pass
            os.fsync(file.fileno())
    return free(folder)


def stages(vault, tally, kib):
    """What is tried while this much is left."""
    name = f"record-{kib % 3}"
    new, copy, plain = vault.folder / "new.aumbry", vault.folder / "copy", vault.folder / "plain"
    tally.attempt(vault, lambda: vault.run("edit", name, f"region=region-{kib}"))
    tally.attempt(vault, lambda: vault.run("backup", copy))
    tally.attempt(vault, lambda: vault.run("export", "--format", "json", "--plaintext", "-o", plain))
    tally.attempt(vault, lambda: vault.run("init", "--kdf", "m=19MiB,t=2,p=1", path=new))
    for path in (new, copy, plain, vault.folder / ".new.aumbry.lock"):
        path.unlink(missing_ok=True)


def report(what, tally, vault, records):
    shown = vault.verified()
    check(f"{what}: {tally.refused} writes refused, the files as they were, no litter; {tally.done} succeeded (control); "
          f"{shown} records are sound", tally.refused and tally.done and not tally.wrong and shown == records,
          tally.wrong[:8])
    [print(f"       {message}") for message in sorted(tally.messages)]


def run(box, quick):
    records = 40 if quick else 400
    kinds = [("ext4", lambda: box.mount("-o", "loop", box.image(2048, "mkfs.ext4", "-q", "-b", "1024", "-m", "0"))),
             ("tmpfs", lambda: box.mount("-t", "tmpfs", "-o", "size=2M", "tmpfs"))]
    for kind, make in kinds:
        folder = make()
        # The pin on the same disk, as in most homes.
        (folder / "state").mkdir()
        vault = Vault(box, folder, records=records, state=folder / "home")
        (folder / "home").mkdir()
        size = vault.path.stat().st_size // 1024
        tally = Tally(3, SAYS)
        stops = list(range(0, 2 * size + 12, 4 if quick or kind == "tmpfs" else 1))
        for kib in stops:
            left = fill(folder, kib)
            stages(vault, tally, left)
        (folder / "disk.filler").unlink()
        report(f"{kind}, at {len(stops)} stages with 0 to {stops[-1]} KiB left, the vault {size} KiB", tally, vault, records)

    folder = box.mount("-o", "loop", box.image(2048, "mkfs.ext4", "-q", "-N", "32", "-b", "1024", "-m", "0"))
    (folder / "home").mkdir()
    vault = Vault(box, folder, records=records, state=folder / "home")
    tally = Tally(3, SAYS)
    for inodes in range(0, 7):
        for lock in (True, False):
            while os.statvfs(folder).f_favail > inodes:
                (folder / f"{os.statvfs(folder).f_favail}.inode").touch()
            if not lock and (folder / ".vault.aumbry.lock").exists():
                (folder / ".vault.aumbry.lock").unlink()
                (folder / "taken.inode").touch()
            stages(vault, tally, inodes)
            for path in folder.glob("*.inode"):
                path.unlink()
    report("ext4 with 0 to 6 inodes left", tally, vault, records)

    # ext4's quotas need a kernel with QFMT_V2; those of btrfs are its own.
    folder = box.mount("-o", "loop", box.image(131072, "mkfs.btrfs", "-q", "--mixed"))
    tell("btrfs", "quota", "enable", folder)
    tell("btrfs", "subvolume", "create", folder / "home")
    vault = Vault(box, folder / "home", records=records)
    tally = Tally(3, SAYS)
    tell("btrfs", "quota", "rescan", "-w", folder)
    # btrfs counts more than the bytes of files.
    last = 2 * (vault.path.stat().st_size // 1024) + 64
    for more in range(0, last, 16 if quick else 4):
        os.sync()
        line = [line for line in tell("btrfs", "qgroup", "show", "--raw", folder).splitlines() if line.endswith("home")][-1]
        # The command is not in the limited folder: its own needs would count.
        tell("btrfs", "qgroup", "limit", int(line.split()[1]) + more * 1024, line.split()[0], folder)
        stages(vault, tally, more)
    tell("btrfs", "qgroup", "limit", "none", line.split()[0], folder)
    report(f"a quota (btrfs) with 0 to {last} KiB left", tally, vault, records)
    by_quota = any("quota" in message.lower() for message in tally.messages)
    check("what refused was the quota", by_quota, tally.messages)

    vault = Vault(box, box.folder(NOBODY), NOBODY, records=records)
    tally = Tally(3, SAYS)
    size = vault.path.stat().st_size // 1024
    for kib in range(0, size + 5, 4 if quick else 1):
        tally.attempt(vault, lambda: vault.run("edit", "record-0", f"region=r{kib}", blocks=kib))
        copy = vault.folder / "copy"
        tally.attempt(vault, lambda: vault.run("backup", copy, blocks=kib))
        copy.unlink(missing_ok=True)
    report(f"files limited to 0 to {size + 4} KiB", tally, vault, records)

    naive(box)


def naive(box):
    """Writers as they are often written."""
    litter = torn = 0
    folder = box.mount("-t", "tmpfs", "-o", "size=256k", "tmpfs")
    for kib in range(0, 40, 4):
        vault = folder / "vault"
        vault.write_bytes(b"o" * 20480)
        fill(folder, kib)
        try:
            (folder / "vault.tmp").write_bytes(b"n" * 30720)
        except OSError:
            litter += (folder / "vault.tmp").exists()
        (folder / "vault.tmp").unlink(missing_ok=True)
        try:
            vault.write_bytes(b"n" * 30720)
        except OSError:
            torn += vault.read_bytes() != b"o" * 20480
        for path in (vault, folder / "disk.filler"):
            path.unlink()
    check(f"control: naive writers leave litter {litter} times of 10, and {torn} times a torn file", litter > 0 and torn > 0)
