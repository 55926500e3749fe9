"""A table of clients and doors. A client has a door if it puts an object and reads it back with a static key and with a
session that come through it, and if the server refuses a key whose secret has one other character.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import servers
from checks import PASSPHRASE, PATIENCE, check
from servers import BUCKET, REGION

PROFILE, ENVIRONMENT, ENDPOINT, HEADERS, PRESIGNED = DOORS = [
    "profile (`credential-process`)", "environment (`exec`)", "endpoint (`serve`)", "`sign`", "`sign --presign`",
]
BEGIN, END = "<!-- Written by interop/clients/run -->\n", "<!-- as it is compared there -->"

BOTO3 = """
import sys, boto3
url, bucket, key, source, target = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=url)
with open(source, "rb") as file:
    s3.put_object(Bucket=bucket, Key=key, Body=file.read())
with open(target, "wb") as file:
    file.write(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
"""

JAVASCRIPT = """
const { S3Client, PutObjectCommand, GetObjectCommand } = require("@aws-sdk/client-s3");
const fs = require("fs");
const [url, Bucket, Key, source, target] = process.argv.slice(1);
const s3 = new S3Client({ endpoint: url, forcePathStyle: true });
(async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: fs.readFileSync(source) }));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    fs.writeFileSync(target, await Body.transformToByteArray());
})().catch((error) => { console.error(error); process.exit(1); });
"""


class Failed(Exception):
    pass


class Place:
    """A folder with a vault, and what programs find in their environment there."""

    def __init__(self, folder, aumbry):
        self.folder, self.aumbry = pathlib.Path(folder), [str(aumbry), "--passphrase-file", f"{folder}/passphrase"]
        self.environment = {
            "HOME": folder, "PATH": "/usr/local/bin:/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": f"{folder}/config", "AWS_SHARED_CREDENTIALS_FILE": f"{folder}/no-credentials",
            "RCLONE_CONFIG": f"{folder}/rclone.conf", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
        }
        for name, content in [("passphrase", PASSPHRASE), ("rclone.conf", ""), ("s3cfg", "")]:
            (self.folder / name).write_text(content)
        self.run(*self.aumbry, "--quiet", "init", "--kdf", "m=19MiB,t=2,p=1")

    def run(self, *command, stdin="", more=None):
        done = subprocess.run(
            [str(word) for word in command], cwd=self.folder, env=self.environment | (more or {}), input=stdin,
            start_new_session=True, capture_output=True, text=True, timeout=PATIENCE,
        )
        if done.returncode != 0:
            raise Failed(f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def add(self, name, key_id, secret, token=None, expiration=None):
        document = {
            "Version": 1, "AccessKeyId": key_id, "SecretAccessKey": secret, "SessionToken": token, "Expiration": expiration,
        }
        self.run(*self.aumbry, "--quiet", "add", name, "--from-json", "-", stdin=json.dumps(document))
        self.run(*self.aumbry, "--quiet", "edit", name, f"region={REGION}")
        self.run(*self.aumbry, "--quiet", "aws-config", name, "--region", REGION, "--write")


class Client:
    """A program that finds credentials by itself."""

    def __init__(self, name, doors, commands, refusal="SignatureDoesNotMatch"):
        self.name, self.doors, self.commands, self.refusal = name, doors, commands, refusal

    def put_and_get(self, place, door, record, url, endpoints):
        before, more = [], {}
        if door is PROFILE:
            more = {"AWS_PROFILE": record}
        elif door is ENVIRONMENT:
            before = [*place.aumbry, "exec", record, "--"]
        else:
            more = endpoints[record]
        for command in self.commands(url, place.folder / "source", place.folder / "target"):
            place.run(*before, *command, more=more)


class Curl:
    """Knows no credentials: it is handed what is signed already."""

    name, doors, refusal = "curl", [HEADERS, PRESIGNED], "SignatureDoesNotMatch"

    def put_and_get(self, place, door, record, url, endpoints):
        curl, sign = ["curl", "--silent", "--show-error", "--fail-with-body"], [*place.aumbry, "sign", record]
        put, get = ["--upload-file", "source"], ["--output", "target"]
        if door is HEADERS:
            target = f"{url}/{BUCKET}/key"
            place.run(*curl, *put, "-H", "@-", target, stdin=place.run(*sign, "PUT", target, "--body", "source"))
            place.run(*curl, *get, "-H", "@-", target, stdin=place.run(*sign, "GET", target))
            return
        for method, arguments in [("PUT", put), ("GET", get)]:
            signed = place.run(*sign, method, f"{url}/{BUCKET}/key", "--presign", "1h").strip()
            place.run(*curl, *arguments, "--config", "-", stdin=f'url = "{signed}"\n')


def clients(aws, node_modules):
    def aws_cli(url, source, target):
        to = ["--endpoint-url", url, "--bucket", BUCKET, "--key", "key"]
        return [[aws, "s3api", "put-object", *to, "--body", source], [aws, "s3api", "get-object", *to, target]]

    def rclone(url, source, target):
        options = ["--s3-provider", "Other", "--s3-env-auth", "--s3-endpoint", url, "--s3-region", REGION]
        rclone = ["rclone", "copyto", "--ignore-times", "--retries", "1", "--s3-no-check-bucket", *options]
        return [[*rclone, source, f":s3:{BUCKET}/key"], [*rclone, f":s3:{BUCKET}/key", target]]

    def s3cmd(url, source, target):
        host = url.removeprefix("http://")
        s3cmd = ["s3cmd", "--config", source.with_name("s3cfg"), "--no-ssl", "--host", host, "--host-bucket", host]
        return [[*s3cmd, "put", source, f"s3://{BUCKET}/key"], [*s3cmd, "get", "--force", f"s3://{BUCKET}/key", target]]

    everywhere = [PROFILE, ENVIRONMENT, ENDPOINT]
    yield Client("AWS CLI", everywhere, aws_cli)
    yield Client("boto3", everywhere, lambda *to: [[sys.executable, "-c", BOTO3, to[0], BUCKET, "key", *to[1:]]])
    if node_modules:
        script = f"module.paths.unshift({json.dumps(str(node_modules))});{JAVASCRIPT}"
        node = [shutil.which("node"), "--eval", script, "--"]
        yield Client("AWS SDK for JavaScript", everywhere, lambda *to: [[*node, to[0], BUCKET, "key", *to[1:]]])
    # Its first request is a HEAD, and no answer to that says why.
    yield Client("rclone", everywhere, rclone, refusal="status code: 403")
    yield Client("s3cmd", [ENVIRONMENT], s3cmd)
    yield Curl()


def has(client, door, place, url, endpoints, prefix):
    """Whether the client has this door."""
    fine = True
    source, target = place.folder / "source", place.folder / "target"
    for kind in ["static", "session"]:
        source.write_text(f"{client.name}, {door}, {kind}\n")
        target.unlink(missing_ok=True)
        try:
            client.put_and_get(place, door, prefix + kind, url, endpoints)
            same, seen = target.read_text() == source.read_text(), "another object came back"
        except (Failed, OSError, subprocess.TimeoutExpired) as error:
            same, seen = False, error
        fine &= check(f"{client.name}, {door}, {kind}: an object is put and read back", same, seen)
    for kind in ["wrong", "wrong-session"]:
        try:
            client.put_and_get(place, door, prefix + kind, url, endpoints)
            refused, seen = False, "it was not"
        except (Failed, OSError, subprocess.TimeoutExpired) as error:
            refused, seen = client.refusal in str(error), error
        fine &= check(f"{client.name}, {door}, {kind}: the server refuses the signature", refused, seen)
    return fine


def other(secret):
    """The secret with one other character."""
    return secret[:-1] + ("A" if secret[-1] != "A" else "B")


def fill(place, key, session, keys_of_s3s):
    expiration = session["Expiration"].isoformat()
    key, session = (key["AccessKeyId"], key["SecretAccessKey"]), (
        session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"], expiration,
    )
    for prefix, key, session in [("", key, session), ("s3s-", keys_of_s3s["static"], keys_of_s3s["session"])]:
        place.add(f"{prefix}static", *key)
        place.add(f"{prefix}session", *session)
        place.add(f"{prefix}wrong", key[0], other(key[1]))
        place.add(f"{prefix}wrong-session", session[0], other(session[1]), *session[2:])


def run(aumbry, aws, s3_server, node_modules, page):
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.moto() as (moto, key, session),
        servers.s3s(s3_server) as (s3s, keys_of_s3s),
    ):
        place = Place(folder, aumbry)
        fill(place, key, session, keys_of_s3s)
        serve = [*place.aumbry, "serve", "static", "session", "wrong", "wrong-session"]
        rows = [["client", *DOORS], ["---"] * (1 + len(DOORS))]
        with servers.aumbry_serve(serve, cwd=folder, env=place.environment) as endpoints:
            for client in clients(aws, node_modules):
                row = [client.name]
                for door in DOORS:
                    to = (s3s, endpoints, "s3s-") if door is PRESIGNED else (moto, endpoints, "")
                    works = door in client.doors and has(client, door, place, *to)
                    row.append("" if door not in client.doors else "yes" if works else "NO")
                rows.append(row)
    table = [f"| {' | '.join(row)} |".replace("  ", " ") for row in rows]
    print("\n".join(table))
    written = page.partition(BEGIN)[2].partition(END)[0].splitlines()
    expected = [line for line in written if node_modules or not line.startswith("| AWS SDK for JavaScript ")]
    check("docs/aws-clients.md has this table", table == expected, "\n".join(["docs/aws-clients.md has:", *written]))
    if not node_modules:
        print("NOT tried, for there is no node and npm here: the AWS SDK for JavaScript")
