"""The servers that clients meet, all on the loopback: those that verify signatures, and aumbry's own."""

import contextlib
import os
import queue
import re
import subprocess
import sys
import threading

import boto3
import requests
from checks import PATIENCE

REGION = "us-east-1"
BUCKET = "uploads"


class Lines:
    """What a program says, line by line, read by a thread so that it never waits for us."""

    def __init__(self, stream):
        self.lines = queue.Queue()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            self.lines.put(line)
        self.lines.put(None)

    def find(self, pattern):
        """The first group of the next line that has this."""
        seen = ""
        while (line := self.lines.get(timeout=PATIENCE)) is not None:
            seen += line
            if found := re.search(pattern, line):
                return found[1]
        raise RuntimeError(f"it ended before it said {pattern!r}: {seen}")


@contextlib.contextmanager
def running(command, **options):
    """Runs a program until the end of the block; then it is told to end, and its input ends too."""
    process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.stdin.close()
        process.wait(PATIENCE)


@contextlib.contextmanager
def moto():
    """moto with a bucket, a user's key and a session. From then on it verifies every signature.

    Gives its URL, the key and the session, as boto3 names their parts.
    """
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    environment = os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": "100"}  # so many may be signed by anybody
    with running(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        url = Lines(process.stderr).find(r"Running on (http://127\.0\.0\.1:\d+)")

        def client(service):
            anybody = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anything"}
            return boto3.client(service, endpoint_url=url, region_name=REGION, **anybody)

        iam = client("iam")
        everything = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
        iam.create_user(UserName="uploads")
        iam.put_user_policy(UserName="uploads", PolicyName="all", PolicyDocument=everything)
        key = iam.create_access_key(UserName="uploads")["AccessKey"]
        role = iam.create_role(RoleName="uploads", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        iam.put_role_policy(RoleName="uploads", PolicyName="all", PolicyDocument=everything)
        session = client("sts").assume_role(RoleArn=role, RoleSessionName="clients")["Credentials"]
        client("s3").create_bucket(Bucket=BUCKET)
        requests.post(f"{url}/moto-api/reset-auth", data="0", timeout=PATIENCE).raise_for_status()
        yield url, key, session


@contextlib.contextmanager
def s3s(program):
    """The S3 server of our own tests, which verifies presigned URLs too; moto does not.

    Gives its URL and a dictionary of the keys that it knows: id, secret and token by name.
    """
    with running([program], stdout=subprocess.PIPE) as process:
        said = Lines(process.stdout)
        url = said.find(r"^(http://\S+)$")
        keys = dict(line.split(" ", 1) for line in [said.find(r"^(static .*)$"), said.find(r"^(session .*)$")])
        yield url, {name: key.split(" ") for name, key in keys.items()}


@contextlib.contextmanager
def aumbry_serve(command, **options):
    """Gives the variables by which clients find each record, by its name."""
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options) as process:
        lines, uris = Lines(process.stdout), {}
        names = sorted(command[command.index("serve") + 1 :])
        for name in names:
            uris[name] = lines.find(r"^AWS_CONTAINER_CREDENTIALS_FULL_URI=(\S+)$")
        token = lines.find(r"^AWS_CONTAINER_AUTHORIZATION_TOKEN=(\S+)$")
        yield {
            name: {"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN": token}
            for name, uri in uris.items()
        }
