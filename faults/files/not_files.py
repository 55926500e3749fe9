"""A path that is not a regular file is refused: not read, not waited for and, as strace shows, not even opened."""

import os
import re
import socket
import stat

from box import Tally, Vault, tell
from checks import check

COMMANDS = (["list"], ["info"], ["add", "a", "--access-key-id", "A", "--secret-fd", "0"], ["backup", "copy"], ["verify"],
            ["passwd"], ["doctor"], ["restore", "PATH"])


def run(box):
    vault = Vault(box, box.folder(), records=3)
    os.mkfifo(vault.folder / "fifo")
    (vault.folder / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(vault.folder / "socket"))
        # A disk whose first bytes are a vault.
        disk = box.place / "disk"
        disk.write_bytes(vault.path.read_bytes().ljust(1 << 20, b"\0"))
        loop = tell("losetup", "--find", "--show", "--read-only", disk).strip()
        box.callback(tell, "losetup", "--detach", loop)
        (vault.folder / "link").symlink_to("fifo")
        for device, number in (("zero", (1, 5)), ("random", (1, 8))):
            os.mknod(vault.folder / device, stat.S_IFCHR | 0o600, os.makedev(*number))
        places = ["/dev/zero", "/dev/tty", loop, *(vault.folder / name for name in
                  ("fifo", "folder", "socket", "link", "zero", "random"))]
        tally = Tally(8, "is a folder or a device, not a file")
        log = box.place / "strace"
        watched = ["strace", "-f", "-y", "-qq", "-o", log, "-e", "trace=open,openat,read,pread64,readv,mmap,write,ioctl"]
        touched, calls = [], 0
        for place in places:
            for words in COMMANDS:
                words = [str(place) if word == "PATH" else word for word in words]
                path = vault.path if "restore" in words else place
                before = log.unlink(missing_ok=True) or watched
                tally.attempt(vault, lambda: vault.run(*words, path=path, before=before, timeout=30), expect=False)
                lines = log.read_text().splitlines()
                calls += len(lines)
                real = re.escape(os.path.realpath(place))
                # The folder may be listed; "restore" opens the vault itself.
                touched += [line for line in lines if re.search(rf'(openat?\([^"]*"({re.escape(str(place))}|{real})"|<{real}>)', line)
                            and not str(place).endswith("folder")]
        total = len(places) * len(COMMANDS)
        check(f"{len(places)} FIFOs, folders, sockets and devices x {len(COMMANDS)} commands: {tally.refused} of {total} refused at "
              f"once, {len(touched)} of {calls} system calls opened or read one", tally.refused == total and not tally.wrong
              and not touched and calls > 1000, (tally.wrong[:5], touched[:5]))
        [print(f"       {message}") for message in sorted(tally.messages)]
        vault.as_user(["head", "-c", "10", "/dev/zero"], words="")
        vault.as_user([*watched, "head", "-c", "10", "/dev/zero"])
        seen = len(re.findall(r"</dev/zero>", log.read_text()))
        check(f"control: of a program that reads a device strace shows {seen} calls", seen > 0)
        check(f"the vault next to them opens: {vault.verified()} records", vault.verified() == 3)
