"""Rotations beside others: another command at the same time, keys that somebody made or deleted meanwhile, and a server
that does not say all."""

import datetime
import subprocess
import time

from desk import check, says, tally
from iam import PATIENCE


def beside(desk, name, *options):
    """The command at the same time as another one, straight to the server."""
    return subprocess.run(
        [desk.aumbry, "rotate", name, "--iam-endpoint", desk.moto.url, *options], cwd=desk.folder, env=desk.environment,
        start_new_session=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
    )


def once(request, when, act):
    """The fate of a run in which something happens before or after the server has this request."""
    def fate(number, _action, moment):
        if (number, moment) == (request, when):
            act()
    return fate


def ends(desk, name, problems):
    """What is wrong when it has come to an end: by --resume, or where AWS has not the new key any more, by --abort."""
    problems += desk.holds(name)
    if desk.is_under_way(name) and desk.rotate(name, "--resume").returncode != 0:
        desk.rotate(name, "--abort")
    problems += desk.holds(name) + (["it is under way"] if desk.is_under_way(name) else [])
    keys = desk.moto.keys(name)
    problems += [] if len(keys) == 1 else [f"the user has {keys}"]
    tally["held"] += not problems
    return problems


def given_up_elsewhere(desk):
    """While one run asks AWS, another one gives the rotation up: whoever comes second must not forget a pair that works."""
    for at, when in [(1, "before"), (1, "after"), (2, "after"), (3, "before"), (3, "after")]:
        name, _ = desk.record()
        seen = []
        done = desk.rotate(name, fate=once(at, when, lambda: seen.append(beside(desk, name, "--abort"))))
        wrong = ends(desk, name, [] if seen else ["nobody gave it up"])
        check(f"given up by another command {when} request {at + 1}", not wrong, (wrong, seen, done))
    for at, when in [(0, "before"), (0, "after"), (1, "before")]:
        name, _ = desk.record()
        desk.rotate(name, fate=desk.killing(2, "before"))
        seen = []
        go_on = lambda: seen.append(beside(desk, name, "--resume", "--keep-old-key"))
        done = desk.rotate(name, "--abort", fate=once(at, when, go_on))
        wrong = ends(desk, name, [] if seen else ["nobody went on"])
        check(f"put into use by another command {when} request {at + 1} of --abort", not wrong, (wrong, seen, done))


def gone_on_twice(desk):
    """Two that go on with the same rotation."""
    for begun, at in [(1, 0), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)]:
        name, _ = desk.record()
        desk.rotate(name, fate=desk.killing(begun, "before"))
        seen = []
        done = desk.rotate(name, "--resume", fate=once(at, "after", lambda: seen.append(beside(desk, name, "--resume"))))
        wrong = ends(desk, name, [] if seen else ["nobody else went on"])
        check(f"cut off at request {begun + 1}, two go on, the second at request {at + 1} of the first", not wrong, (wrong, seen, done))


def listing(keys, marker=None, truncated=False):
    """The answer of an IAM that has these keys, and when each was made."""
    members = "".join(
        f"<member><UserName>somebody</UserName><AccessKeyId>{key}</AccessKeyId><Status>Active</Status>"
        f"<CreateDate>{made:%Y-%m-%dT%H:%M:%SZ}</CreateDate></member>" for key, made in keys.items()
    )
    more = f"<IsTruncated>{str(truncated).lower()}</IsTruncated>" + (f"<Marker>{marker}</Marker>" if marker else "")
    result = f"<ListAccessKeysResult><AccessKeyMetadata>{members}</AccessKeyMetadata>{more}</ListAccessKeysResult>"
    return 200, f'<ListAccessKeysResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">{result}</ListAccessKeysResponse>'.encode()


def lists(answer):
    """The fate of a run whose every ListAccessKeys has this answer."""
    return lambda _number, action, _when: answer() if action == "ListAccessKeys" else None


def a_key_made_long_after(desk):
    """Somebody's key that was never used, made while a rotation lay about, is not taken for an orphan of it."""
    now = datetime.datetime.now(datetime.UTC)
    for days in [-2, 2]:
        name, old = desk.record()
        desk.rotate(name, fate=desk.killing(1, "before"))
        foreign = desk.moto.key(name)
        desk.secrets.append(foreign[1])
        made = {old[0]: now, foreign[0]: now + datetime.timedelta(days)}
        keys = lambda: listing({key: made.get(key, now) for key in desk.moto.keys(name)})
        done = desk.rotate(name, "--resume", "--json", fate=lists(keys))
        check(f"a key made {days} days after the rotation began is asked for", says(done, 6, "input_needed", foreign[0]), done)
        check("and not deleted", foreign[0] in desk.moto.keys(name), done)

    # The call of today is another one than that of the day on which the rotation began.
    name, old = desk.record()
    desk.rotate(name, fate=desk.killing(1, "before"))
    begun = desk.since(name)
    time.sleep(1.1)
    desk.rotate(name, "--resume", fate=desk.killing(1, "after"))
    check("a second call for a key is written down with its own time", desk.since(name) > begun, (begun, desk.since(name)))
    check("so that what it made is known for its own", not desk.resume(name, old), name)


def lists_in_parts(desk):
    now = datetime.datetime.now(datetime.UTC)
    name, old = desk.record()
    other = desk.moto.key(name)
    desk.secrets.append(other[1])
    parts = iter([listing({old[0]: now}, "more", True), listing({other[0]: now})])
    done = desk.rotate(name, "--json", fate=lambda *_: next(parts))
    check("a list of keys in two parts is read to its end", says(done, 9, "refused", "2 keys", other[0]), done)

    name, old = desk.record()
    desk.rotate(name, fate=desk.killing(3, "before"))
    new = desk.pair(name)
    part = listing({new[0]: now}, "more", True)
    done = desk.rotate(name, "--resume", "--json", fate=lists(lambda: part))
    check("a list without an end is none", says(done, 8, "bad_answer", "ListAccessKeys", "--resume"), done)
    done = desk.rotate(name, "--resume", "--json", fate=lists(lambda: listing({new[0]: now}, None, True)))
    check("nor is a part that does not say where the next one is", says(done, 8, "bad_answer", "ListAccessKeys"), done)
    check("and with the whole one it ends", not desk.resume(name, old), name)


def answers_that_are_none(desk):
    now = datetime.datetime.now(datetime.UTC)
    name, old = desk.record()
    status, body = listing({old[0]: now})
    done = desk.rotate(name, "--json", fate=lists(lambda: (status, body + b" " * 2 * 1024 * 1024)))
    told = says(done, 8, "bad_answer", "ListAccessKeys", "larger than")
    check("an answer larger than any of AWS is not read to its end", told and not desk.is_under_way(name), done)
    same = f"<UserName>u</UserName><AccessKeyId>{old[0]}</AccessKeyId><Status>Active</Status>"
    key = f"<AccessKey>{same}<SecretAccessKey>another</SecretAccessKey></AccessKey>"
    made = 200, f"<CreateAccessKeyResponse><CreateAccessKeyResult>{key}</CreateAccessKeyResult></CreateAccessKeyResponse>".encode()
    done = desk.rotate(name, "--json", fate=lambda _number, action, _when: made if action == "CreateAccessKey" else None)
    told = says(done, 8, "bad_answer", "CreateAccessKey", "a key that was there before")
    check("a new key that is the old one is none", told and desk.pair(name) == old and not desk.holds(name), done)
    check("then nothing is lost", not desk.resume(name, old), done)


def a_new_key_that_is_not_listed(desk):
    """The answer to the call that tries the new key out says nothing of it: so nobody knows whether it works."""
    now = datetime.datetime.now(datetime.UTC)
    name, old = desk.record()
    meanwhile = []

    def unlisted(number, _action, when):
        if number in (2, 3):
            meanwhile.append(desk.pair_beside(name))
            return listing({old[0]: now} if number == 2 else {})
        return None

    done = desk.rotate(name, fate=unlisted)
    tries = ["CreateAccessKey", "ListAccessKeys", "ListAccessKeys", "ListAccessKeys", "UpdateAccessKey"]
    check("a new key is not put into use before its own list has it", desk.proxy.seen[1:6] == tries, desk.proxy.seen)
    check("till then the record has the old one", meanwhile == [old[0], old[0]], meanwhile)
    check("then the rotation goes on", done.returncode == 0 and not desk.is_done(name, old), done)


def the_new_key_deleted_elsewhere(desk):
    """The old pair is the only one that works by then, and giving up must not forget it."""
    for at, what in [(3, "not yet inactive"), (4, "inactive")]:
        name, old = desk.record()
        desk.rotate(name, fate=desk.killing(at, "before"))
        new = desk.pair(name)
        desk.moto.iam.delete_access_key(UserName=name, AccessKeyId=new[0])
        done = desk.rotate(name, "--abort", "--json")
        # To moto an inactive key is as good as another.
        back = done.returncode == 0 and desk.pair(name) == old and not desk.is_under_way(name)
        check(f"the new key deleted elsewhere, the old one {what}: --abort goes back to it", back, done)
    name, old = desk.record()
    desk.rotate(name, fate=desk.killing(2, "before"))
    desk.moto.iam.delete_access_key(UserName=name, AccessKeyId=old[0])
    done = desk.rotate(name, "--abort", "--yes", "--json")
    check("the old key deleted elsewhere: --abort forgets no new one that works", says(done, 9, "refused", "--resume"), done)
    check("the old key deleted elsewhere: --resume takes the new one", not desk.resume_without_old(name), name)


def another_record_meanwhile(desk):
    """Between the two halves of a rotation another record got the old key: it would be left with a dead one."""
    name, old = desk.record()
    desk.rotate(name, "--keep-old-key")
    desk.add(f"{name}-too", old)
    done = desk.rotate(name, "--resume", "--json")
    check("a record that got the old key meanwhile is asked for", says(done, 6, "input_needed", f"{name}-too"), done)
    check("and the key is left alone", desk.moto.keys(name).get(old[0]), done)
    done = desk.rotate(name, "--resume", "--yes")
    check("with --yes it is deleted", done.returncode == 0 and not desk.is_done(name, old), done)


PARTS = [
    given_up_elsewhere, gone_on_twice, a_key_made_long_after, lists_in_parts, answers_that_are_none, a_new_key_that_is_not_listed,
    the_new_key_deleted_elsewhere, another_record_meanwhile,
]
