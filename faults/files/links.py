"""Links: a save replaces their target, and the links stay."""

import os

from box import Tally, Vault
from checks import check


def run(box):
    vault = Vault(box, box.folder(), records=1)
    elsewhere = box.folder()
    links = {
        "relative": os.path.relpath(vault.path, elsewhere),
        "absolute": vault.path,
        "chain-1": "relative",
        "chain-2": "chain-1",
        "over-a-folder": "folder/vault.aumbry",
    }
    (elsewhere / "folder").symlink_to(vault.folder)
    for name, target in links.items():
        (elsewhere / name).symlink_to(target)
    before = {path: os.readlink(path) for path in elsewhere.iterdir()}
    number = os.stat(vault.path).st_ino
    wrong, replaced = [], 0
    for name in links:
        done = vault.add(f"by-{name}", path=elsewhere / name)
        wrong += [done] if done.returncode else []
        replaced += os.stat(vault.path).st_ino != number
        number = os.stat(vault.path).st_ino
    kept = {path: os.readlink(path) for path in elsewhere.iterdir() if path.is_symlink()} == before
    check(f"{len(links)} links, relative, absolute, chains and over a folder: {replaced} times the target was replaced, the "
          "links stay and no file appears next to them", kept and replaced == len(links) and not wrong, wrong)
    check("all of them wrote into one vault", vault.verified() == 1 + len(links))

    tally = Tally(3, "does not exist|[Tt]oo many")
    (elsewhere / "dangling").symlink_to("nothing")
    (elsewhere / "lost").symlink_to("no/such/folder")
    (elsewhere / "circle").symlink_to("circle")
    for name in ("dangling", "lost", "circle"):
        for words in (["list"], ["edit", "a", "region=b"]):
            tally.attempt(vault, lambda: vault.run(*words, path=elsewhere / name), elsewhere, expect=False)
    check(f"dangling links and a circle: {tally.refused} of 6 refused, nothing made", tally.refused == 6 and not tally.wrong,
          tally.wrong)
    [print(f"       {message}") for message in sorted(tally.messages)]
    made = vault.run("init", "--kdf", "m=19MiB,t=2,p=1", path=elsewhere / "dangling")
    check("a vault that is made at a dangling link is made where it leads, and the link stays",
          made.returncode == 0 and (elsewhere / "dangling").is_symlink() and (elsewhere / "nothing").is_file(), made)

    other = vault.folder / "other name"
    os.link(vault.path, other)
    old = other.read_bytes()
    vault.add("after")
    check("a hard link keeps the version at that time: the two names are two vaults after a save",
          other.read_bytes() == old and vault.path.read_bytes() != old and os.stat(other).st_nlink == 1)
    naive = other.with_name("in place")
    os.link(vault.path, naive)
    vault.path.write_bytes(b"in place")
    check("control: a writer in place changes both names", naive.read_bytes() == b"in place")
