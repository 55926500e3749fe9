"""Imports pairs into a vault and has the AWS CLI and boto3 take them out again through a profile."""

import csv
import json
import os
import pathlib
import pty
import select
import subprocess
import sys
import tempfile
import time

import boto3
import botocore.exceptions
from checks import PASSPHRASE, PATIENCE, check

# What files, shells and parsers of profiles trip over.
FROM_CREDENTIALS_FILE = {
    "plain": ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    "hash": ("AKIAHASH", "a#b/+=;c#d;e"),
    "quotes": ("AKIAQUOTES", "a'b\"c`d$e\\f%g"),
}
FROM_CONSOLE = {
    "base64": ("AKIAI44QH8DHBEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvb+EXAMPLE=="),
    "equals": ("AKIAEQUALS", "=a=b+c/="),
    "semicolon": ("AKIASEMICOLON", ";#=+/"),
    "all-of-them": ("AKIAALL", "a/b+c=d#e;f/+=#;g"),
    "comment": ("AKIACOMMENT", "a #b ;c/+="),  # in a credentials file it would end at the first blank
}
PAIRS = FROM_CREDENTIALS_FILE | FROM_CONSOLE
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLXdlc3QtMSJHMEUCIQ+=="
SECRETS = [PASSPHRASE, TOKEN] + [secret for _, secret in PAIRS.values()]


class Home:
    """A home folder with a vault of these pairs, and a profile for each."""

    def __init__(self, folder, aumbry, aws):
        self.folder, self.aumbry, self.aws = pathlib.Path(folder), aumbry, aws
        self.environment = {"HOME": folder, "PATH": "/usr/local/bin:/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true"}
        (self.folder / "passphrase").write_text(PASSPHRASE + "\n")

    def run(self, *command):
        """In a session of its own, which has no terminal, and with stdin closed."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, start_new_session=True, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=PATIENCE,
        )
        leaked = [secret for secret in SECRETS if secret in done.stderr]
        if leaked:
            check(f"no secret on the stderr of {command}", False, done.stderr)
        return done

    def vault(self, *arguments):
        done = self.run(self.aumbry, "--passphrase-file", "passphrase", *arguments)
        if done.returncode != 0:
            sys.exit(f"aumbry {arguments}: {done.stderr}")

    def profile(self, record, *, prompting=False, name=None):
        source = [] if prompting else ["--passphrase-file", "passphrase"]
        written = self.run(self.aumbry, "aws-config", record, "--profile", name or record, *source, "--write")
        if written.returncode != 0:
            sys.exit(f"aws-config: {written.stderr}")

    def export(self, profile):
        return [self.aws, "configure", "export-credentials", "--profile", profile]


def fish_has_the_record_and_nothing_that_beats_it(home):
    """Also of a variable that stands in each of fish's scopes."""
    shadows = "set -gx AWS_PROFILE global; set -U AWS_PROFILE universal; function in_a_scope; set -l AWS_PROFILE local;"
    script = "$argv[1] --passphrase-file passphrase env $argv[2] --shell fish | source;"
    shows = 'set -q AWS_PROFILE; and echo still; printf "%s\n" $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY'
    for name, (key, secret) in PAIRS.items():
        done = home.run("fish", "-c", f"{shadows} {script} {shows}; end; in_a_scope $argv", home.aumbry, name)
        check(f"fish: the pair {name!r}, and no profile", done.stdout.split("\n") == [key, secret, ""], done)


def make(home):
    home.vault("init", "--kdf", "m=19MiB,t=2,p=1")
    credentials = "".join(
        f"[{name}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n\n"
        for name, (key, secret) in FROM_CREDENTIALS_FILE.items()
    )
    (home.folder / "credentials").write_text(credentials)
    home.vault("import", "credentials")
    for name, pair in FROM_CONSOLE.items():
        with open(home.folder / f"{name}.csv", "w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file).writerows([["Access key ID", "Secret access key"], pair])
        home.vault("import", f"{name}.csv", "--name", name)
    for name, expiration in [("session", "2199-01-31T12:00:00Z"), ("expired", "2020-01-31T12:00:00Z")]:
        document = {
            "Version": 1, "AccessKeyId": "ASIASESSION", "SecretAccessKey": PAIRS["base64"][1], "SessionToken": TOKEN,
            "Expiration": expiration,
        }
        (home.folder / "session.json").write_text(json.dumps(document))
        home.vault("add", name, "--from-json", "session.json")
    for record in [*PAIRS, "session", "expired"]:
        home.profile(record)
    home.profile("plain", prompting=True, name="prompting")


def aws_cli_gets_every_pair(home):
    for name, (key, secret) in PAIRS.items():
        done = home.run(*home.export(name))
        got = json.loads(done.stdout) if done.returncode == 0 else {}
        check(f"AWS CLI: the pair {name!r}", got == {"Version": 1, "AccessKeyId": key, "SecretAccessKey": secret}, done)


def aws_cli_gets_a_session(home):
    done = home.run(*home.export("session"))
    got = json.loads(done.stdout) if done.returncode == 0 else {}
    check("AWS CLI: the token of a session", got.get("SessionToken") == TOKEN, done)
    check("AWS CLI: when a session expires", got.get("Expiration", "").startswith("2199-01-31T12:00:00"), done)
    done = home.run(*home.export("expired"))
    says = 'the session "expired" expired at 2020-01-31T12:00:00Z'
    check("AWS CLI: an expired session is refused", done.returncode != 0 and says in done.stderr, done)
    check("AWS CLI: it says what to do then", "aumbry edit NAME --from-json FILE" in done.stderr, done)


def aws_cli_fails_cleanly_without_a_terminal(home):
    done = home.run(*home.export("prompting"))
    says = "a passphrase is needed, and there is no terminal to ask for it"
    check("AWS CLI without a terminal: it fails", done.returncode != 0 and done.stdout == "", done)
    check("AWS CLI without a terminal: it says why", says in done.stderr, done)
    check("AWS CLI without a terminal: it says what to do", "give it by a file, a descriptor or a command" in done.stderr, done)


def aws_cli_prompts_on_the_terminal(home):
    out, out_of_child = os.pipe()
    err, err_of_child = os.pipe()
    pid, terminal = pty.fork()  # the child leads a session whose terminal this is
    if pid == 0:
        os.dup2(out_of_child, 1)
        os.dup2(err_of_child, 2)
        os.chdir(home.folder)
        command = home.export("prompting")
        os.execve(command[0], command, home.environment)
    os.close(out_of_child)
    os.close(err_of_child)
    seen, typed, deadline = {terminal: b"", out: b"", err: b""}, False, time.monotonic() + PATIENCE
    open_ends = set(seen)
    while open_ends and time.monotonic() < deadline:
        for end in select.select(open_ends, [], [], 1)[0]:
            try:
                part = os.read(end, 4096)
            except OSError:  # a terminal that nobody has any more
                part = b""
            seen[end] += part
            if not part:
                open_ends.discard(end)
        if not typed and b"Passphrase of " in seen[terminal]:
            os.write(terminal, PASSPHRASE.encode() + b"\r")
            typed = True
    if open_ends:
        os.kill(pid, 9)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    key, secret = PAIRS["plain"]
    check("AWS CLI on a terminal: the prompt is there while stdout and stderr are captured", typed, seen)
    check("AWS CLI on a terminal: the passphrase is not shown", PASSPHRASE.encode() not in seen[terminal], seen)
    got = json.loads(seen[out]) if status == 0 else {}
    check("AWS CLI on a terminal: the pair", got.get("AccessKeyId") == key and got.get("SecretAccessKey") == secret, seen)
    check("AWS CLI on a terminal: nothing on stderr", seen[err] == b"", seen)


def boto3_gets_the_same(home):
    os.environ.clear()
    os.environ.update(home.environment)
    os.chdir(home.folder)
    for name, pair in PAIRS.items():
        got = boto3.Session(profile_name=name).get_credentials().get_frozen_credentials()
        check(f"boto3: the pair {name!r}", (got.access_key, got.secret_key, got.token) == (*pair, None), "another pair")
    got = boto3.Session(profile_name="session").get_credentials().get_frozen_credentials()
    check("boto3: the token of a session", got.token == TOKEN, "another token")
    try:
        boto3.Session(profile_name="expired").get_credentials()
        check("boto3: an expired session is refused", False, "it was not")
    except botocore.exceptions.CredentialRetrievalError as error:
        says = 'the session "expired" expired at 2020-01-31T12:00:00Z'
        check("boto3: an expired session is refused", says in str(error), error)


def run(aumbry, aws):
    with tempfile.TemporaryDirectory() as folder:
        home = Home(folder, aumbry, aws)
        make(home)
        aws_cli_gets_every_pair(home)
        aws_cli_gets_a_session(home)
        aws_cli_fails_cleanly_without_a_terminal(home)
        aws_cli_prompts_on_the_terminal(home)
        fish_has_the_record_and_nothing_that_beats_it(home)
        boto3_gets_the_same(home)
        os.chdir("/")
