"""Attacks the promise that no commit is lost when several processes write at the same time. See `run`."""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import commands
import commits
import versions
from checks import finish

writer, contender, aumbry = (pathlib.Path(program).resolve() for program in sys.argv[1:4])
quick = "--quick" in sys.argv[4:]

with tempfile.TemporaryDirectory(prefix="aumbry-concurrency-") as place:
    place = pathlib.Path(place)
    commits.run(place, writer, contender, each=40 if quick else 1000, kills=10 if quick else 100)
    commits.controls(place, writer, contender, each=40 if quick else 250)
    versions.run(place, contender, each=60 if quick else 1000)
    commands.run(place, writer, aumbry, processes=4 if quick else 6, each=15 if quick else 150)
finish()
