"""Compares signatures with those of botocore, which is AWS's own and shares no line with the signer of the library:
random requests, the same in each run.

signatures.py SIGNER
"""

import datetime
import json
import random
import subprocess
import sys
from urllib.parse import parse_qs, quote, urlsplit

import botocore.auth
import checks
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REQUESTS = 2000
KEYS = {
    "static": Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    "session": Credentials(
        "ASIAIOSFODNN7EXAMPLE",
        "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
        "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVz+LWVhc3QtMSJHMEUCIQ==",
    ),
}
LETTERS = "abzAZ09-._~ !\"#$%&'()*+,/:;<=>?@[\\]^`{|}\tü€😀"
STRICT = "-._~"
LOOSE_PATH = STRICT + "!$&'()*+,:;=@"
LOOSE_QUERY = STRICT + "!$'()*,/:?@"
HEADERS = ["Content-Type", "X-Amz-Meta-A", "x-amz-acl", "Range", "User-Agent", "x-custom"]


def word(chance, least=0):
    return "".join(chance.choices(LETTERS, k=chance.randint(least, 6)))


def path(chance, service):
    """As it is sent, and as it is signed: S3 encodes a path anew, others take the one that was sent."""
    segments = [word(chance, 1).replace("/", "_") for _ in range(chance.randint(0, 4))]
    loose = chance.choice([STRICT, LOOSE_PATH])
    sent = [quote(segment, safe=loose) for segment in segments]
    signed = [quote(segment, safe=STRICT) for segment in segments] if service == "s3" else list(sent)
    if chance.random() < 0.3:
        at, segment = chance.randint(0, len(sent)), chance.choice(["", ".", ".."])
        sent.insert(at, segment)
        signed.insert(at, segment)
    # After a last "." or "..", botocore leaves out the slash that RFC 3986 has.
    while service != "s3" and sent and sent[-1] in (".", ".."):
        sent.pop()
        signed.pop()
    return "/" + "/".join(sent), "/" + "/".join(signed)


def query(chance):
    parts = []
    for _ in range(chance.randint(0, 4)):
        name, value = word(chance, 1), word(chance) if chance.random() < 0.8 else None
        loose = chance.choice([STRICT, LOOSE_QUERY])
        encoded = [
            quote(name, safe=safe) + ("" if value is None else "=" + quote(value, safe=safe))
            for safe in (loose, STRICT)
        ]
        parts.append(encoded)
    return parts


def request(chance):
    service = chance.choice(["s3", "s3", "sts", "execute-api", "dynamodb"])
    host = chance.choice(["example.com", "bucket.s3.eu-central-1.amazonaws.com", "127.0.0.1", "[::1]"])
    begin = chance.choice(["http://", "https://"]) + host + chance.choice(["", "", ":80", ":443", ":8443"])
    seconds = chance.choice([None, None, 1, 604800, chance.randint(1, 604800)])
    parts = query(chance)
    if seconds and len({part.split("=")[0] for _, part in parts}) < len(parts):
        parts = []  # of parameters of one name, botocore presigns the first alone
    if seconds is None and parts and chance.random() < 0.3:
        parts.append(chance.choice(parts))
    urls = [
        begin + path + ("?" if parts else "") + "&".join(part[at] for part in parts)
        for at, path in enumerate(path(chance, service))
    ]
    headers = []
    # Botocore's presigner leaves out this one, and so do its callers.
    for name in chance.sample(HEADERS[1:] if seconds else HEADERS, k=chance.randint(0, 4)):
        for _ in range(chance.choice([1, 1, 1, 2])):
            value = "".join(chance.choices("ab 0-=;,/\"'", k=chance.randint(0, 12)))
            headers.append({"name": name, "value": value})
    # Of a body, botocore's presigner would make parameters.
    body = chance.choice([None, ""] if seconds else [None, "", "body", word(chance) * 1000])
    asked = {
        "record": chance.choice(list(KEYS)),
        "method": chance.choice(["GET", "PUT", "POST", "HEAD", "DELETE"]),
        "url": urls[0],
        "service": service,
        "region": chance.choice(["us-east-1", "eu-central-1", "cn-north-1"]),
        "time": chance.randint(0, 4102444800),
        "headers": headers,
        "body": body,
        "seconds": seconds,
    }
    return asked, urls[1]


def told(signer):
    """A signer that is told whether it signs the body."""
    decide = lambda self, request: request.context["payload_signing_enabled"]
    return type(signer.__name__, (signer,), {"_should_sha256_sign_payload": decide})


IN_HEADERS = {True: told(botocore.auth.S3SigV4Auth), False: told(botocore.auth.SigV4Auth)}
IN_URL = {True: botocore.auth.S3SigV4QueryAuth, False: told(botocore.auth.SigV4QueryAuth)}


def by_botocore(asked, url):
    made = AWSRequest(asked["method"], url, data=(asked["body"] or "").encode())
    for header in asked["headers"]:
        made.headers.add_header(header["name"], header["value"])
    made.context["payload_signing_enabled"] = asked["body"] is not None
    now = datetime.datetime.fromtimestamp(asked["time"], datetime.UTC)
    botocore.auth.get_current_datetime = lambda *_, **__: now
    key, service, region = KEYS[asked["record"]], asked["service"], asked["region"]
    if asked["seconds"]:
        IN_URL[service == "s3"](key, service, region, expires=asked["seconds"]).add_auth(made)
        return parameters(made.url)
    IN_HEADERS[service == "s3"](key, service, region).add_auth(made)
    names = ["Authorization", "X-Amz-Date", "X-Amz-Content-SHA256", "X-Amz-Security-Token"]
    return {name.lower(): made.headers[name] for name in names if name in made.headers}


def parameters(url):
    found = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return {name: value for name, value in found.items() if name.startswith("X-Amz-")}


def main():
    chance = random.Random(20261123)
    requests = [request(chance) for _ in range(REQUESTS)]
    lines = "".join(json.dumps(asked) + "\n" for asked, _ in requests)
    answered = subprocess.run(
        [sys.argv[1]], input=lines, capture_output=True, check=True, encoding="utf-8", timeout=checks.PATIENCE
    )
    answers = [json.loads(line) for line in answered.stdout.splitlines()]
    agreed = {"headers": 0, "URL": 0}
    differing = []
    for (asked, url), answer in zip(requests, answers, strict=True):
        ours = parameters(answer["url"]) if "url" in answer else answer
        theirs = by_botocore(asked, url)
        if ours == theirs:
            agreed["URL" if asked["seconds"] else "headers"] += 1
        else:
            differing.append(f"{asked}\n  ours   {ours}\n  theirs {theirs}")
    seen = "\n".join(differing[:5])
    counts = ", ".join(f"{count} in {where}" for where, count in agreed.items())
    checks.check(f"botocore signs alike: {counts}", not differing and min(agreed.values()) > REQUESTS / 4, seen)
    print(f"{checks.counts['passed']} passed, {checks.counts['failed']} failed")
    sys.exit(1 if checks.counts["failed"] else 0)


main()
