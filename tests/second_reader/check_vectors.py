"""Reads every vector by the second reader and compares with the indexes in tests/vectors."""
import collections
import json
import pathlib
import sys

import aumbry_reader as reader


def outcome(data, passphrase):
    try:
        vault = reader.read_vault(data, passphrase.encode())
    except reader.VaultError as error:
        return {"expect": error.kind}
    records = [{"name": record["name"], "damaged": True} if "error" in record else record
               for record in vault["records"]]
    return {"expect": "opens", "role": vault["role"], "records": records}


def main():
    folder = pathlib.Path(__file__).resolve().parent.parent / "vectors"
    passed = failed = controls = 0
    counts, files = collections.Counter(), {}
    for index in ("index.json", "by_second_reader.json"):
        for vector in json.loads((folder / index).read_text(encoding="utf-8")):
            data = (folder / vector["file"]).read_bytes()
            found = outcome(data, vector["passphrase"])
            expected = {key: vector[key] for key in found if key in vector}
            if found == expected:
                passed += 1
                counts[found["expect"]] += 1
                files.setdefault(vector["file"], set()).add(found["expect"])
            else:
                failed += 1
                print(f"{vector['file']}: expected {expected}, found {found}", file=sys.stderr)
            # The control: what opens does not with one bit of its signature altered.
            if vector["expect"] == "opens":
                altered = outcome(data[:-1] + bytes([data[-1] ^ 1]), vector["passphrase"])
                if altered == {"expect": "damaged"}:
                    passed += 1
                    controls += 1
                else:
                    failed += 1
                    print(f"{vector['file']}: altered, and found {altered}", file=sys.stderr)
    never = sum("opens" not in found for found in files.values())
    print(f"second reader: {len(files)} files, {never} never open, each as the index says: {dict(counts)}; "
          f"control: {controls} refused with one bit altered")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
