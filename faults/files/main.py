"""Attacks the promises about the vault's file and the disk. See `run`."""

import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import forbidden
import full
import links
import modes
import not_files
from box import Box
from checks import finish

signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is mounted is unmounted all the same
quick = "--quick" in sys.argv[3:]
with Box(*sys.argv[1:3]) as box:
    modes.run(box)
    links.run(box)
    not_files.run(box)
    forbidden.run(box)
    full.run(box, quick)
finish()
