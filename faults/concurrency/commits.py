"""Commits of many processes, some of which are killed; and broken storages that lose commits."""

import random
import time

from checks import check, leftovers, names
from writers import Program, stop_as_holder

WRITERS = 8


def made(place, writer, name):
    folder = place / name
    folder.mkdir()
    assert Program(writer, folder, "create").end() == (["created"], 0)
    return folder


def acknowledged(lines):
    """The names with their generations in a contender's output."""
    return [(name, int(generation)) for name, generation in (line.split() for line in lines if line[0] == "w")]


def run(place, writer, contender, each, kills):
    folder = made(place, writer, "commits")
    lock = folder / ".vault.aumbry.lock"
    begin = time.monotonic()
    writers = [Program(contender, folder, "add", f"w{number}", each) for number in range(WRITERS)]
    killed, holding, at_random, during = [], 0, 0, 0
    while holding + at_random < kills:
        victim = Program(contender, folder, "add", f"wk{len(killed)}", 0)
        if len(killed) % 2:
            time.sleep(random.uniform(0, 0.3))
            at_random += 1
        else:
            holding += stop_as_holder(victim, lock)
        lines, _ = victim.kill()
        killed.append(acknowledged(lines))
        during += any(one.process.poll() is None for one in writers)
    ended = [one.end() for one in writers]
    seconds = time.monotonic() - begin

    said = [acknowledged(lines) for lines, _ in ended]
    errors = [line for lines, _ in ended for line in lines if line.startswith("error")]
    total = sum(map(len, said))
    check(f"{WRITERS} processes x {each} commits: {total} acknowledged, {len(errors)} errors (Busy or others)",
          total == WRITERS * each and not errors and all(status == 0 for _, status in ended), errors)
    check(f"killed: {holding} holders of the lock, {at_random} others at random moments, {during} of them while the "
          f"{WRITERS} were writing; no process was blocked", holding >= kills // 4 and during >= kills // 5)

    every = [pair for pairs in said + killed for pair in pairs]
    found, generation = names(writer, folder)
    if not check("the vault opens and every record of it is verified", found is not None, generation):
        return
    lost = {name for name, _ in every} - found
    more = found - {name for name, _ in every}
    check(f"of {len(every)} acknowledged commits {len(lost)} are lost", not lost, sorted(lost)[:20])
    check(f"{len(more)} were saved and not acknowledged, by {len(killed)} who were killed: one each at most",
          len(more) <= len({name.split("-")[0] for name in more}) and all(name.startswith("wk") for name in more), more)
    check(f"generation {generation} = 1 + {len(found)} commits", generation == 1 + len(found))
    twice = len(every) - len({generation for _, generation in every})
    gaps = set(range(2, generation + 1)) - {generation for _, generation in every}
    check(f"each generation is acknowledged once: {twice} twice, {len(gaps)} not, which are the {len(more)}",
          twice == 0 and len(gaps) == len(more), gaps)
    # The next commit removes what the last killed process left.
    Program(contender, folder, "add", "last", 1).end()
    check(f"{len(leftovers(folder))} temporary files are left", not leftovers(folder))

    print(f"       {total + sum(map(len, killed))} commits in {seconds:.0f} s. Turns: from one commit to its next a writer let")
    for number, pairs in enumerate(said):
        generations = [generation for _, generation in pairs]
        waits = [after - before - 1 for before, after in zip(generations, generations[1:])]
        print(f"         w{number}: at most {max(waits)} commits of others pass, in {waits.count(0)} of {len(waits)} cases none; "
              f"at most {writers[number].longest_silence():.2f} s between its lines")


def controls(place, writer, contender, each):
    folder = made(place, writer, "heedless")
    ended = [one.end() for one in [Program(contender, folder, "heedless", f"w{n}", each) for n in range(WRITERS)]]
    lines = [line for said, _ in ended for line in said]
    every = acknowledged(lines)
    noticed = sum(line.startswith("noticed") for line in lines)
    found, generation = names(writer, folder)
    lost = len({name for name, _ in every} - (found or set()))
    twice = len(every) - len({generation for _, generation in every})
    check(f"control: without lock and comparison {lost} of {len(every)} acknowledged commits are lost, {twice} generations "
          f"are acknowledged twice, {noticed} edits noticed it", lost > 0 and twice > 0, (found, generation))

    folder = made(place, writer, "orphaned")
    victim = Program(contender, folder, "orphaned", "wk", 0)
    while not (folder / "vault.held").exists() or not victim.lines:
        time.sleep(0.001)
    # Killed at random moments: sooner or later between taking the lock and removing it.
    for attempt in range(200):
        victim.kill()
        if (folder / "vault.held").exists():
            break
        victim = Program(contender, folder, "orphaned", f"wk{attempt}", 0)
        time.sleep(random.uniform(0.02, 0.1))
    blocked = [Program(contender, folder, "orphaned", f"w{n}", 1) for n in range(3)]
    busy = sum(line.startswith("error busy") for one in blocked for line in one.end()[0])
    check(f"control: a lock that outlives its killed holder keeps {busy} of {len(blocked)} writers out", busy == len(blocked))
