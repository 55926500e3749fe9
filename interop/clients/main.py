"""Has clients take credentials out of a vault, by every door that they know.

main.py AUMBRY AWS S3_SERVER [NODE_MODULES]
"""

import os
import pathlib
import sys

# Whatever is set here for AWS clients, they must not find it; and no proxy comes between them and the loopback.
for name in list(os.environ):
    if name.startswith(("AWS_", "AUMBRY_")) or name.lower().endswith("_proxy"):
        del os.environ[name]

import checks
import doors
import profiles


def main():
    aumbry, aws, s3_server, *node_modules = (pathlib.Path(path).absolute() for path in sys.argv[1:])
    page = pathlib.Path(__file__).parents[2] / "docs" / "aws-clients.md"
    doors.run(aumbry, aws, s3_server, node_modules[0] if node_modules else None, page.read_text())
    profiles.run(str(aumbry), str(aws))
    print(f"{checks.counts['passed']} passed, {checks.counts['failed']} failed")
    sys.exit(1 if checks.counts["failed"] else 0)


main()
