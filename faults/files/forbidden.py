"""A file that may not be written is not changed, and the user learns the reason."""

import os

from box import NOBODY, Tally, Vault, tell
from checks import check

SAYS = "could not (lock|save|open|write|find|make)"


def attempts(tally, vault, user=None, others=()):
    """Every command that writes to the vault or next to it."""
    new = vault.folder / "new.aumbry"
    for what in (lambda: vault.run("edit", "record-0", "region=eu-west-1", user=user), lambda: vault.add("new", user=user),
                 lambda: vault.run("remove", "record-0", "--yes", user=user),
                 lambda: vault.run("backup", vault.folder / "copy", user=user),
                 lambda: vault.run("export", "--format", "json", "--plaintext", "-o", vault.folder / "plain", user=user),
                 lambda: vault.run("init", "--kdf", "m=19MiB,t=2,p=1", path=new, user=user)):
        tally.attempt(vault, what, *others, expect=False)


def report(what, tally, vault, expected):
    check(f"{what}: {tally.refused} of {expected} writes refused, the vault and its folder as they were; reading goes on",
          tally.refused == expected and not tally.wrong and vault.verified() == 2, (tally.wrong, vault.verified()))
    [print(f"       {message}") for message in sorted(tally.messages)]


def run(box):
    image = box.image(4096, "mkfs.ext4", "-q")
    vault = None
    for lock_is_there in (True, False):
        folder = box.mount("-o", "loop", image)
        vault = Vault(box, folder, records=2) if lock_is_there else vault
        if not lock_is_there:
            (folder / ".vault.aumbry.lock").unlink()
        box.unmount(folder)
        vault.folder = box.mount("-o", "loop,ro", image)
        vault.path = vault.folder / "vault.aumbry"
        tally = Tally(3, SAYS + "|Read-only file system")
        attempts(tally, vault)
        report(f"read-only file system, {'with' if lock_is_there else 'without'} a lock", tally, vault, 6)
        box.unmount(vault.folder)

    vault = Vault(box, box.folder(NOBODY), NOBODY, records=2)
    vault.folder.chmod(0o500)
    tally = Tally(3, SAYS)
    attempts(tally, vault)
    report("a folder that its user may not write", tally, vault, 6)
    vault.folder.chmod(0o700)
    saved = vault.add("third").returncode
    check(f"control: once they may, it is saved: {vault.verified()} records", saved == 0 and vault.verified() == 3)

    for what, flag, expected in (("an immutable vault", "+i", 3), ("an append-only vault", "+a", 3)):
        vault = Vault(box, box.folder(), records=2)
        tell("chattr", flag, vault.path)
        tally = Tally(3, SAYS)
        for words in (["edit", "record-0", "region=a"], ["remove", "record-0", "--yes"]):
            tally.attempt(vault, lambda: vault.run(*words), expect=False)
        tally.attempt(vault, lambda: vault.add("new"), expect=False)
        report(what, tally, vault, expected)
        tell("chattr", flag.replace("+", "-"), vault.path)
        saved = vault.add("third").returncode
        check(f"control: without the flag it is saved: {vault.verified()} records", saved == 0 and vault.verified() == 3)
    vault = Vault(box, box.folder(), records=2)
    tell("chattr", "+i", vault.folder)
    box.callback(lambda: os.path.exists(vault.folder) and tell("chattr", "-i", vault.folder))
    tally = Tally(3, SAYS)
    attempts(tally, vault)
    report("an immutable folder", tally, vault, 6)
    tell("chattr", "-i", vault.folder)

    # Root's vault, in a folder where all users may create files but not replace another user's.
    vault = Vault(box, box.folder(0, 0o1777), records=2)
    vault.path.chmod(0o644)
    (vault.folder / ".vault.aumbry.lock").chmod(0o666)
    os.chown(vault.state, NOBODY, NOBODY)
    tally = Tally(3, SAYS)
    for words in (["edit", "record-0", "region=a"], ["remove", "record-0", "--yes"]):
        tally.attempt(vault, lambda: vault.run(*words, user=NOBODY), expect=False)
    tally.attempt(vault, lambda: vault.add("new", user=NOBODY), expect=False)
    report("another user's vault in a folder like /tmp", tally, vault, 3)
    vault.path.chmod(0o600)
    tally = Tally(3, SAYS)
    for words in (["list"], ["edit", "record-0", "region=a"], ["backup", "copy"]):
        tally.attempt(vault, lambda: vault.run(*words, user=NOBODY), expect=False)
    report("another user's vault that one may not read", tally, vault, 3)

    naive = box.folder()
    (naive / "vault").write_bytes(b"old")
    tell("chattr", "+i", naive / "vault")
    done = Vault(box, naive, records=None).as_user(["bash", "-c", "echo new > vault.tmp && mv -f vault.tmp vault"])
    left = sorted(path.name for path in naive.iterdir())
    tell("chattr", "-i", naive / "vault")
    check(f"control: a naive writer at an immutable file leaves {left}", done.returncode != 0 and "vault.tmp" in left)
