"""What the checks of rotations share: a vault, a server that verifies signatures, and a proxy that loses answers."""

import json
import pathlib
import subprocess

from iam import MOST_KEYS, PATIENCE, Moto, Proxy

PASSPHRASE = "correct horse battery staple"

counts = {"passed": 0, "failed": 0}
tally = {"killed": 0, "resumed": 0, "held": 0}


def check(what, holds, seen="", quiet=False):
    counts["passed" if holds else "failed"] += 1
    if not holds or not quiet:
        print(f"{'ok    ' if holds else 'FAILED'} {what}", flush=True)
    if not holds:
        print(seen, flush=True)


class Desk:
    """A vault, the server, and the proxy between them."""

    def __init__(self, folder, aumbry, moto_server):
        self.folder, self.aumbry = pathlib.Path(folder), aumbry
        self.environment = {"HOME": folder, "PATH": "/usr/local/bin:/usr/bin:/bin", "AUMBRY_PASSPHRASE_FILE": "passphrase"}
        (self.folder / "passphrase").write_text(PASSPHRASE + "\n")
        self.secrets, self.child, self.users = [PASSPHRASE], None, 0
        self.moto = Moto(moto_server, folder)
        self.proxy = Proxy(self.moto)
        self.must("init", "--kdf", "m=19MiB,t=2,p=1", "--label", "anna")

    def start(self, *arguments):
        self.child = subprocess.Popen(
            [self.aumbry, *arguments], cwd=self.folder, env=self.environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        return self.child

    def end(self):
        out, err = self.child.communicate(timeout=PATIENCE)
        shown = err + (out if self.child.args[1] != "credential-process" else "")
        leaked = [secret for secret in self.secrets if secret in shown]
        if leaked:
            check(f"no secret in what {self.child.args[1:]} prints", False, err)
        return subprocess.CompletedProcess(self.child.args[1:], self.child.returncode, out, err)

    def run(self, *arguments):
        self.start(*arguments)
        return self.end()

    def must(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            raise SystemExit(f"{done}")
        return done.stdout

    def record(self):
        """A record with the key of a new user: its name, which is the user's too, and the pair."""
        self.users += 1
        name = f"user-{self.users}"
        pair = self.moto.user(name)
        self.add(name, pair)
        return name, pair

    def add(self, name, pair):
        self.secrets.append(pair[1])
        (self.folder / "secret").write_text(pair[1])
        self.must("--quiet", "add", name, "--access-key-id", pair[0], "--secret-file", "secret")

    def rotate(self, name, *options, fate=None, user=None):
        self.proxy.begin(user or name, fate)
        return self.run("rotate", name, "--iam-endpoint", self.proxy.url, *options)

    def pair(self, name):
        document = json.loads(self.must("credential-process", name))
        self.secrets.append(document["SecretAccessKey"])
        return document["AccessKeyId"], document["SecretAccessKey"]

    def pair_beside(self, name):
        """The id of the record's key, while another command runs."""
        shown = subprocess.run(
            [self.aumbry, "get", name, "--field", "access-key-id", "-n"], cwd=self.folder, env=self.environment,
            start_new_session=True, capture_output=True, text=True, timeout=PATIENCE,
        )
        return shown.stdout

    def is_under_way(self, name):
        return "rotation " in self.must("show", name)

    def since(self, name):
        """When a new key was asked for, as a person is told who begins a second rotation."""
        done = self.run("rotate", name, "--iam-endpoint", self.proxy.url, "--json")
        return json.loads(done.stderr.splitlines()[-1])["error"]["message"].rpartition(" ")[2]

    def kill(self):
        self.child.kill()
        self.child.wait()

    def killing(self, at, moment):
        """The fate of a run that ends at this request, before or after the server had it."""
        def fate(number, _action, when):
            if (number, when) == (at, moment):
                self.kill()
                return Proxy.LOST
            return None
        return fate

    def holds(self, name):
        """What is wrong while a rotation may be under way: the record's key must work, and there are two at most."""
        pair, keys = self.pair(name), self.moto.keys(name)
        wrong = [self.moto.refusal(pair)] + ([] if keys.get(pair[0]) else [f"{pair[0]} is not active: {keys}"])
        wrong += [f"{self.proxy.most_keys} keys"] if self.proxy.most_keys > MOST_KEYS else []
        return [problem for problem in wrong if problem]

    def is_done(self, name, old):
        """What is wrong when it has ended: one key, the record's; the old one is refused; nothing is under way."""
        pair, keys = self.pair(name), self.moto.keys(name)
        wrong = self.holds(name)
        wrong += [] if keys == {pair[0]: True} else [f"the record has {pair[0]}, the user {keys}"]
        wrong += [] if self.moto.refusal(old) == "InvalidClientTokenId" else ["the old key is accepted"]
        wrong += ["a rotation is under way"] if self.is_under_way(name) else []
        return wrong

    def resume_without_old(self, name):
        done = self.rotate(name, "--resume")
        wrong = self.holds(name) + ([] if done.returncode == 0 else [str(done)])
        return wrong + (["a rotation is under way"] if self.is_under_way(name) else [])

    def resume(self, name, old, at_random=None):
        """Goes on until it is done, and looks after each run; `at_random` kills some runs too."""
        wrong = self.holds(name)
        tally["held"] += not wrong
        tally["resumed"] += 1
        done = self.rotate(name, "--resume")
        wrong += [] if done.returncode == 0 else [str(done)]
        if self.pair(name)[0] == old[0]:
            # It was cut off before anything was written down, so there was nothing to go on with.
            done = self.rotate(name)
            wrong += [] if done.returncode == 0 else [str(done)]
        return wrong + self.is_done(name, old)


def says(done, exit, code, *words):
    """Whether it failed so, said so to people, and to programs."""
    if done.returncode == 0:
        return False
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    return (done.returncode, error["exit"], error["code"]) == (exit, exit, code) and all(word in done.stderr for word in words)
