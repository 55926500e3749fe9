"""Rotates keys with aumbry and cuts it off at every step: no key that works may be lost, and none may be left over.

rotation.py AUMBRY MOTO_SERVER
"""

import datetime
import email.utils
import json
import os
import pathlib
import random
import re
import resource
import subprocess
import sys
import tempfile
import time

from desk import Desk, check, counts, says, tally
from iam import MOST_KEYS, Proxy, Tunnel, certificate
from rotation_others import PARTS

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "rotation.md"
RANDOM_KILLS = 24
BUDGET = 120  # seconds for second kills; on a slow machine the last of them are left out, and counted
KEY = re.compile(r"\bAKIA[A-Z0-9]{12,}\b")


def killed_at_every_request(desk):
    """And again at every request of the run that goes on."""
    name, old = desk.record()
    done = desk.rotate(name)
    requests, deadline, left_out = list(desk.proxy.seen), time.monotonic() + BUDGET, 0
    check(f"a rotation: {', '.join(requests)}", done.returncode == 0 and not desk.is_done(name, old), done)
    for at, action in enumerate(requests):
        for moment in ["before", "after"]:
            # One run without a second kill, and one for each request that the run has which goes on.
            second, more = None, True
            while more:
                if second is not None and time.monotonic() > deadline:
                    left_out += 1
                    break
                name, old = desk.record()
                desk.rotate(name, fate=desk.killing(at, moment))
                wrong = [] if desk.child.returncode == -9 else ["it was not killed"]
                tally["killed"] += 1
                if second is not None:
                    wrong += desk.holds(name)
                    desk.rotate(name, "--resume", fate=desk.killing(*second))
                    if desk.child.returncode == -9:
                        tally["killed"] += 1
                    else:
                        more = False  # it came to its end before that request
                wrong += desk.resume(name, old)
                again = f", then {second[1]} request {second[0] + 1} of the next run" if second else ""
                if more or second is None:
                    check(f"killed {moment} {action}{again}", not wrong, wrong, quiet=second is not None)
                elif wrong:
                    check(f"killed {moment} {action}", False, wrong)
                second = following(second)
    if left_out:
        print(f"       (no time for second kills after {left_out} of {2 * len(requests)} first ones)")


def following(second):
    if second is None:
        return 0, "before"
    at, moment = second
    return (at, "after") if moment == "before" else (at + 1, "before")


def killed_at_any_time(desk):
    """Between a request and a save, say."""
    name, _ = desk.record()
    begin = time.monotonic()
    desk.rotate(name)
    usual = time.monotonic() - begin
    chance = random.Random(20261123)
    wrong = []
    for _ in range(RANDOM_KILLS):
        name, old = desk.record()
        desk.proxy.begin(name)
        desk.start("rotate", name, "--iam-endpoint", desk.proxy.url)
        try:
            desk.child.wait(chance.uniform(0, usual))
        except subprocess.TimeoutExpired:
            desk.kill()
            tally["killed"] += 1
        desk.end()
        wrong += desk.resume(name, old) if desk.pair(name)[0] == old[0] or desk.is_under_way(name) else []
    check(f"killed at any time, {RANDOM_KILLS} times", not wrong, wrong)


def answers_that_are_lost(desk):
    name, old = desk.record()
    lose = lambda _number, action, when: Proxy.LOST if (action, when) == ("CreateAccessKey", "after") else None
    done = desk.rotate(name, "--json", fate=lose)
    check("the answer that holds the key is lost", says(done, 3, "network", "CreateAccessKey", "--resume"), done)
    orphans = set(desk.moto.keys(name)) - {old[0]}
    check("then the key is there, asked for once", len(orphans) == 1 and desk.proxy.seen.count("CreateAccessKey") == 1, done)
    done = desk.run("rotate", name, "--iam-endpoint", desk.proxy.url, "--json")
    check("a second rotation is no way on", says(done, 7, "conflict", "is under way since", "--resume"), done)
    done = desk.rotate(name, "--resume")
    deleted = done.returncode == 0 and f"Deleted {orphans.pop()}" in done.stderr
    check("--resume deletes it and makes another", deleted and not desk.is_done(name, old), done)

    garbage, failure = (200, b"<html>Welcome to the hotel!</html>"), (503, b"<html>Try again later</html>")
    steps = ["ListAccessKeys", "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"]
    # The answers to the last two hold nothing that could be nonsense; so it is looked up whether the key is gone.
    for answer, what, of in [(garbage, "nonsense", steps[:2]), (failure, "HTTP 503 without a word", steps)]:
        for step in of:
            name, old = desk.record()
            done = desk.rotate(name, "--json", fate=lambda _number, action, _when: answer if action == step else None)
            told = says(done, 8, "bad_answer", f"could not understand the answer to {step}")
            check(f"{what} in answer to {step}", told and not desk.holds(name), done)
            check(f"{what} in answer to {step}: nothing is lost", not desk.resume(name, old), done, quiet=True)
    name, old = desk.record()
    once = lambda number, action, when: garbage if (number, action, when) == (4, "DeleteAccessKey", "before") else None
    done = desk.rotate(name, fate=once)
    check("a deletion that is only said to be done is noticed", done.returncode == 0 and not desk.is_done(name, old), done)
    failure = (500, b"<ErrorResponse><Error><Code>ServiceFailure</Code></Error></ErrorResponse>")
    name, old = desk.record()
    done = desk.rotate(name, "--json", fate=lambda _number, action, _when: failure if action == "CreateAccessKey" else None)
    check("AWS fails to make a key", says(done, 3, "network", "ServiceFailure (HTTP 500)", "--resume"), done)
    check("AWS fails to make a key: nothing is lost", not desk.resume(name, old), done, quiet=True)
    empty = (200, b"<CreateAccessKeyResponse><CreateAccessKeyResult/></CreateAccessKeyResponse>")
    name, old = desk.record()
    done = desk.rotate(name, "--json", fate=lambda _number, action, _when: empty if action == "CreateAccessKey" else None)
    check("an answer without a key", says(done, 8, "bad_answer", "it contains no key"), done)

    name, old = desk.record()
    done = desk.run("rotate", name, "--iam-endpoint", "http://127.0.0.1:1", "--json")
    told = says(done, 3, "network", "the call ListAccessKeys to AWS failed: Connection refused")
    check("nobody listens: nothing is begun", told and not desk.is_under_way(name) and not desk.holds(name), done)


def error(code):
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>".encode()


def a_clock_that_is_wrong(desk):
    """AWS refuses signatures of another time; its own time is in the Date header of the refusal."""
    for hours in [-1, 1]:
        name, old = desk.record()

        def fate(_number, _action, when):
            now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
            if when == "before" and abs(now - desk.proxy.signed) > datetime.timedelta(minutes=5):
                return 403, error("RequestTimeTooSkewed"), email.utils.format_datetime(now, usegmt=True)
            return None

        done = desk.rotate(name, fate=fate)
        check(f"a clock that is {-hours} hours ahead of AWS", done.returncode == 0 and not desk.is_done(name, old), done)
        check("it is noticed once", desk.proxy.seen[:3] == ["ListAccessKeys", "ListAccessKeys", "CreateAccessKey"], desk.proxy.seen)
    name, _ = desk.record()
    wrong = (403, error("SignatureDoesNotMatch"))
    done = desk.rotate(name, "--json", fate=lambda *_: wrong)
    told = says(done, 9, "aws_refused", "SignatureDoesNotMatch")
    check("a wrong signature at the right time is not sent again", told and desk.proxy.seen == ["ListAccessKeys"], done)


def throttled(desk):
    slow = (400, error("Throttling"))
    name, old = desk.record()
    done = desk.rotate(name, fate=lambda number, _action, _when: slow if number in (0, 1) else None)
    check("a throttled call is repeated", done.returncode == 0 and not desk.is_done(name, old), done)
    check("until it is answered", desk.proxy.seen[:4] == ["ListAccessKeys"] * 3 + ["CreateAccessKey"], desk.proxy.seen)
    name, _ = desk.record()
    done = desk.rotate(name, "--json", fate=lambda *_: slow)
    told = says(done, 9, "aws_refused", "AWS refused ListAccessKeys: Throttling")
    check("but three times at most", told and desk.proxy.seen == ["ListAccessKeys"] * 3, done)
    name, _ = desk.record()
    done = desk.rotate(name, "--json", fate=lambda _number, action, _when: slow if action == "CreateAccessKey" else None)
    told = says(done, 9, "aws_refused", "CreateAccessKey: Throttling") and not desk.is_under_way(name)
    check("a call for a new key is never repeated", told and desk.proxy.seen == ["ListAccessKeys", "CreateAccessKey"], done)


def a_new_key_takes_its_time(desk):
    name, old = desk.record()
    unknown = (403, b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>unknown</Message></Error></ErrorResponse>")
    done = desk.rotate(name, fate=lambda number, _action, _when: unknown if number in (2, 3) else None)
    check("a key that AWS does not know at once is waited for", done.returncode == 0 and not desk.is_done(name, old), done)
    tries = ["CreateAccessKey", "ListAccessKeys", "ListAccessKeys", "ListAccessKeys", "UpdateAccessKey"]
    check("and the old one is left alone till then", desk.proxy.seen[1:6] == tries, desk.proxy.seen)


def a_full_disk(desk):
    name, old = desk.record()

    def fate(_number, action, when):
        if (action, when) == ("CreateAccessKey", "after"):
            resource.prlimit(desk.child.pid, resource.RLIMIT_FSIZE, (512, 512))
        return None

    done = desk.rotate(name, "--json", fate=fate)
    check("the disk is full when the new key is there", says(done, 3, "storage_full", "was deleted again"), done)
    check("then the new key is deleted at AWS", desk.moto.keys(name) == {old[0]: True}, desk.moto.keys(name))
    check("and with room again it goes on", not desk.resume(name, old), done)


def two_keys(desk):
    name, old = desk.record()
    other = desk.moto.key(name)
    desk.secrets.append(other[1])
    done = desk.rotate(name, "--json")
    told = says(done, 9, "refused", "the user already has 2 keys", f"{old[0]} (", f"{other[0]} (", "old)")
    check("a user with two keys: both are named, and how old", told and not desk.is_under_way(name), done)

    name, old = desk.record()
    desk.rotate(name, fate=desk.killing(1, "before"))
    foreign = desk.moto.key(name)
    desk.moto.client("iam", *foreign).list_access_keys()
    desk.secrets.append(foreign[1])
    done = desk.rotate(name, "--resume", "--json")
    check("a key that somebody made meanwhile is asked for", says(done, 6, "input_needed", foreign[0]), done)
    check("and is not deleted", foreign[0] in desk.moto.keys(name) and desk.moto.refusal(foreign) is None, done)
    done = desk.rotate(name, "--abort", "--json")
    check("nor when the rotation is given up", says(done, 6, "input_needed", foreign[0]), done)
    done = desk.rotate(name, "--resume", "--yes")
    check("with --yes it is", done.returncode == 0 and not desk.is_done(name, old), done)

    name, old = desk.record()
    desk.add(f"{name}-too", old)
    done = desk.rotate(name, "--json")
    check("another record of the same key is asked for", says(done, 6, "input_needed") and not desk.is_under_way(name), done)


def keys_that_are_refused(desk):
    name, old = desk.record()
    wrong = old[1][:-1] + ("a" if old[1][-1] != "a" else "b")
    desk.add(f"{name}-wrong", (old[0], wrong))
    done = desk.rotate(f"{name}-wrong", "--yes", "--json", user=name)
    told = says(done, 9, "aws_refused", "AWS refused ListAccessKeys: SignatureDoesNotMatch")
    check("one wrong character in the secret", told and not desk.is_under_way(f"{name}-wrong"), done)
    desk.moto.iam.delete_user_policy(UserName=name, PolicyName="own-keys")
    done = desk.rotate(name, "--yes", "--json")
    check("a user who may not rotate", says(done, 9, "aws_refused", "ListAccessKeys: AccessDenied"), done)
    name, old = desk.record()
    denied = (403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no&#x9b;&#x202e;2J</Message></Error></ErrorResponse>")
    done = desk.rotate(name, "--json", fate=lambda _n, action, _w: denied if action == "CreateAccessKey" else None)
    check("a user who may not make keys: nothing is under way", says(done, 9, "aws_refused", "AccessDenied: no2J") and not desk.is_under_way(name), done)
    check("what a server says moves no cursor", not {"\x9b", "\u202e"} & set(done.stderr), done)


def given_up(desk):
    for at, moment, stage in [(1, "after", "an answer lost"), (2, "before", "a new key in the vault")]:
        name, old = desk.record()
        desk.rotate(name, fate=desk.killing(at, moment))
        done = desk.rotate(name, "--abort", "--json")
        result = json.loads(done.stdout or "{}")
        told = result == {"name": name, "rotated": False, "access_key_id": old[0], "deleted": None}
        check(f"given up with {stage}", told and desk.moto.keys(name) == {old[0]: True} and not desk.is_under_way(name), done)
    name, old = desk.record()
    desk.rotate(name, fate=desk.killing(3, "before"))
    done = desk.rotate(name, "--abort", "--json")
    check("it cannot be given up with the new key in use", says(done, 9, "refused", "--resume"), done)
    check("but finished", not desk.resume(name, old), done, quiet=True)
    for at, stage in [(1, "no new key"), (3, "the new key in use")]:
        name, old = desk.record()
        desk.rotate(name, fate=desk.killing(at, "before"))
        for key in desk.moto.keys(name):
            desk.moto.iam.delete_access_key(UserName=name, AccessKeyId=key)
        done = desk.rotate(name, "--abort", "--json")
        check(f"all keys deleted elsewhere, with {stage}: it asks", says(done, 6, "input_needed"), done)
        done = desk.rotate(name, "--abort", "--yes")
        check(f"all keys deleted elsewhere, with {stage}: given up", done.returncode == 0 and not desk.is_under_way(name), done)


def old_keys_that_are_kept(desk):
    name, old = desk.record()
    done = desk.rotate(name, "--keep-old-key", "--json")
    result = json.loads(done.stdout or "{}")
    new = desk.pair(name)
    told = result == {"name": name, "rotated": True, "access_key_id": new[0], "deleted": None}
    check("--keep-old-key: both work", told and desk.moto.keys(name) == {old[0]: True, new[0]: True}, done)
    check("show says that it is under way", desk.is_under_way(name), name)
    findings = {finding["about"]: finding for finding in json.loads(desk.must("doctor", "--json"))}
    check("the doctor says that it is under way", name in findings.get("rotation", {}).get("message", ""), findings)
    done = desk.rotate(name, "--resume", "--json")
    result = json.loads(done.stdout or "{}")
    told = result == {"name": name, "rotated": True, "access_key_id": new[0], "deleted": old[0]}
    check("--resume deletes the old one", told and not desk.is_done(name, old), done)


def online(desk):
    name, old = desk.record()

    def finding(record, fate=None, endpoint=None):
        desk.proxy.begin(None, fate)
        done = desk.run("doctor", record, "--online", "--sts-endpoint", endpoint or desk.proxy.url, "--json")
        findings = {finding["about"]: finding for finding in json.loads(done.stdout or "[]")}
        return findings.get("key", {"ok": None, "message": str(done)}), findings

    key, findings = finding(name)
    check("the doctor says whose key it is", key["ok"] and f":user/{name} of account 123456789012" in key["message"], key)
    check("and that no rotation is under way", findings["rotation"]["ok"], findings)
    desk.add(f"{name}-wrong", (old[0], "x" * 40))
    key, _ = finding(f"{name}-wrong")
    check("a wrong secret", key["ok"] is False and "SignatureDoesNotMatch" in key["message"], key)
    desk.add(f"{name}-nobody", ("AKIANOBODYATALL", "x" * 40))
    key, _ = finding(f"{name}-nobody")
    check("a key of nobody's", key["ok"] is False and "InvalidClientTokenId" in key["message"], key)
    expired = (403, b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The token has expired</Message></Error></ErrorResponse>")
    key, _ = finding(name, lambda *_: expired)
    check("an expired token", key["ok"] is False and "ExpiredToken: The token has expired" in key["message"], key)
    key, _ = finding(name, lambda *_: (200, b"nonsense"))
    check("an answer that is none", key["ok"] is False and "could not understand" in key["message"], key)
    key, _ = finding(name, endpoint="http://127.0.0.1:1")
    check("nobody listens", key["ok"] is False and "Connection refused" in key["message"], key)


def tls(desk):
    path, context = certificate(desk.folder)
    clear, desk.proxy = desk.proxy, Proxy(desk.moto, context)
    try:
        name, old = desk.record()
        done = desk.rotate(name, "--json")
        told = says(done, 3, "network", "invalid peer certificate")
        check("TLS with a certificate that nobody vouches for is refused", told and not desk.proxy.seen, done)
        desk.environment |= {"SSL_CERT_FILE": path, "HTTPS_PROXY": "http://127.0.0.1:1"}
        done = desk.rotate(name, "--json")
        check("the environment's proxy is used", says(done, 3, "network") and not desk.proxy.seen, done)
        desk.environment["NO_PROXY"] = "127.0.0.1"
        done = desk.rotate(name)
        check("TLS: a rotation", done.returncode == 0 and not desk.is_done(name, old), done)

        tunnel = Tunnel()
        desk.environment["HTTPS_PROXY"] = tunnel.url
        desk.environment.pop("NO_PROXY")
        name, old = desk.record()
        done = desk.rotate(name)
        target = desk.proxy.url.removeprefix("https://")
        rotated = done.returncode == 0 and not desk.is_done(name, old)
        check("TLS through a proxy: a rotation", rotated and set(tunnel.targets) == {target}, (done, tunnel.targets))
        tunnel.stop()
        for variable in ["SSL_CERT_FILE", "HTTPS_PROXY"]:
            desk.environment.pop(variable)
        desk.environment["AWS_CA_BUNDLE"] = path
        name, old = desk.record()
        done = desk.rotate(name)
        check("TLS with AWS_CA_BUNDLE: a rotation", done.returncode == 0 and not desk.is_done(name, old), done)
        desk.environment["AWS_CA_BUNDLE"] = "passphrase"
        name, _ = desk.record()
        done = desk.rotate(name, "--json")
        told = says(done, 3, "network", "could not read the certificates of AWS_CA_BUNDLE")
        check("a CA bundle without certificates is refused", told and not desk.proxy.seen, done)
    finally:
        desk.proxy.stop()
        desk.proxy = clear
        for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY"]:
            desk.environment.pop(variable, None)


def documented_rotation(desk):
    """The command prints what docs/rotation.md shows."""
    pair = desk.moto.user("anna")
    desk.add("s3-uploads", pair)
    section = "".join(re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    printed = ""
    desk.environment |= {"AWS_ENDPOINT_URL_IAM": desk.moto.url, "AWS_ENDPOINT_URL_STS": desk.moto.url}
    for command in re.findall(r"^\$ aumbry (.*)$", section, re.MULTILINE):
        done = desk.run(*command.split())
        printed += f"$ aumbry {command}\n{done.stderr}{done.stdout}"
    settled = lambda text: re.sub(r"\b\d{12}\b", "ACCOUNT", KEY.sub("KEY", text))
    check("the rotation prints what docs/rotation.md says", settled(printed) == settled(section), printed)


def main():
    aumbry, moto_server = (os.path.abspath(path) for path in sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(folder, aumbry, moto_server)
        try:
            for part in [
                documented_rotation, online, tls, old_keys_that_are_kept, answers_that_are_lost, a_clock_that_is_wrong, throttled,
                a_new_key_takes_its_time, a_full_disk,
                two_keys, keys_that_are_refused, given_up, *PARTS, killed_at_any_time, killed_at_every_request,
            ]:
                begin = time.monotonic()
                part(desk)
                print(f"       ({part.__name__}: {time.monotonic() - begin:.1f} s)", flush=True)
            check(f"never more than {MOST_KEYS} keys", desk.proxy.most_keys <= MOST_KEYS, desk.proxy.most_keys)
        finally:
            desk.proxy.stop()
            desk.moto.stop()
    print(f"rotations killed: {tally['killed']}, resumed: {tally['resumed']}, invariant held: {tally['held']}")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    sys.exit(1 if counts["failed"] else 0)


if __name__ == "__main__":
    main()
