"""What the checks of clients share: how they are counted, and how long anything may take."""

PASSPHRASE = "correct horse battery staple"
PATIENCE = 60  # seconds; whoever takes longer hangs

counts = {"passed": 0, "failed": 0}


def check(what, holds, seen=""):
    counts["passed" if holds else "failed"] += 1
    print(f"{'ok    ' if holds else 'FAILED'} {what}")
    if not holds:
        print(seen)
    return holds
