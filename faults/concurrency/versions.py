"""Many processes call Storage::replace with versions that may be stale."""

import collections

from checks import check
from writers import Program

WRITERS = "abcdefgh"


def race(place, contender, task, each):
    folder = place / task
    folder.mkdir()
    (folder / "raced").write_bytes(b"." * 4032 + (b"0-0-" * 16))
    ended = [one.end() for one in [Program(contender, folder, task, letter, each) for letter in WRITERS]]
    words = collections.Counter()
    won = []
    for lines, _ in ended:
        for line in lines:
            kind, *rest = line.split()
            words[" ".join([kind, *rest[:1]]) if kind in ("stale", "error") else kind] += 1
            if kind == "won":
                won.append(tuple(rest))
    replaced = collections.Counter(old for old, _ in won)
    forks = sum(count - 1 for count in replaced.values())
    # Follows the replacements that succeeded from the first version on: how many are there in the chain?
    following, length, version = dict(won), 0, "Revision(302d302d302d302d…)"
    while version in following and length <= len(won):
        version, length = following[version], length + 1
    last = (folder / "raced").read_bytes()[-64:-56].hex()
    return words, len(won), forks, length, version == f"Revision({last}…)", [status for _, status in ended]


def run(place, contender, each):
    words, won, forks, length, ends, statuses = race(place, contender, "replace", each)
    attempts = len(WRITERS) * each
    check(f"{len(WRITERS)} processes x {each} replaces that expect what they read before the lock: {won} succeeded, "
          f"{words['conflict']} Conflict, no other answer", won + words["conflict"] == attempts and won > 0
          and words["conflict"] > 0 and not any(statuses), words)
    check(f"a chain of {length} versions holds all {won} that succeeded: {forks} versions were replaced twice",
          length == won and forks == 0 and ends, words)
    check(f"{words['stale conflict']} of {attempts} replaces that are stale for certain: Conflict; {words['stale won']} succeeded",
          words["stale conflict"] == attempts and words["stale won"] == 0, words)

    words, won, forks, length, _, _ = race(place, contender, "replace-at-will", each)
    check(f"control: without the lock {forks} of {won} that succeeded replaced a version that another had replaced already, "
          f"{words['clash']} clashed", forks + words["clash"] > 0 and (forks > 0 or length < won), words)
