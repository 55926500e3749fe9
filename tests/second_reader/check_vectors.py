"""Reads every vector by the second reader and compares with the indexes in tests/vectors."""
import json
import pathlib
import sys

import aumbry_reader as reader


def outcome(path, passphrase):
    try:
        vault = reader.read_file(path, passphrase.encode())
    except reader.VaultError as error:
        return {"expect": error.kind}
    records = [{"name": record["name"], "damaged": True} if "error" in record else record
               for record in vault["records"]]
    return {"expect": "opens", "role": vault["role"], "records": records}


def main():
    folder = pathlib.Path(__file__).resolve().parent.parent / "vectors"
    passed = failed = 0
    for index in ("index.json", "by_second_reader.json"):
        for vector in json.loads((folder / index).read_text(encoding="utf-8")):
            found = outcome(folder / vector["file"], vector["passphrase"])
            expected = {key: vector[key] for key in found if key in vector}
            if found == expected:
                passed += 1
            else:
                failed += 1
                print(f"{vector['file']}: expected {expected}, found {found}", file=sys.stderr)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
