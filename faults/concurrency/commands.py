"""Several processes run the real command on one vault; a model predicts the result."""

import collections
import json
import os
import random
import subprocess
import threading

from checks import check
from commits import made

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


class User:
    """A user who runs commands on names that only this user changes, and on names that all users change."""

    def __init__(self, aumbry, folder, number):
        self.aumbry, self.folder, self.number = aumbry, folder, number
        self.random = random.Random(number)
        self.records = {}  # the model: the names that this user has stored
        self.saved, self.exits, self.wrong = 0, collections.Counter(), []
        self.won = collections.defaultdict(list)

    def command(self, *words):
        """Runs the command; returns whether it did what was asked."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "home"),
                       "AUMBRY_PASSPHRASE_FILE": str(self.folder / "passphrase")}
        done = subprocess.run([self.aumbry, "--quiet", "--vault", self.folder / "vault.aumbry", *words], env=environment,
                              input=SECRET, capture_output=True, text=True, timeout=300)
        self.exits[done.returncode] += 1
        self.saved += done.returncode == 0
        return done.returncode, f"{words}: {done.returncode} {done.stderr}"

    def expect(self, code, *words):
        exit, said = self.command(*words)
        if exit != code:
            self.wrong.append(said)
        return exit == 0

    def add(self, name, region):
        return "add", name, "--access-key-id", "AKIAEXAMPLE", "--secret-fd", "0", "--region", region

    def step(self, at):
        name, region = f"u{self.number}-{self.random.randrange(6)}", f"region-{at}"
        other = f"u{self.number}-{self.random.randrange(6)}"
        match self.random.choice(["add", "edit", "edit", "remove", "rename"]):
            case "add":
                if self.expect(0 if name not in self.records else 7, *self.add(name, region)):
                    self.records[name] = region
            case "edit":
                if self.expect(0 if name in self.records else 5, "edit", name, f"region={region}"):
                    self.records[name] = region
            case "remove":
                if self.expect(0 if name in self.records else 5, "remove", name, "--yes"):
                    del self.records[name]
            case "rename":
                if name != other:
                    code = 5 if name not in self.records else 7 if other in self.records else 0
                    if self.expect(code, "rename", name, other):
                        self.records[other] = self.records.pop(name)

    def race(self, name, barrier):
        barrier.wait()
        exit, said = self.command(*self.add(name, f"of-{self.number}"))
        self.tell("add", name, exit, 7, said)
        barrier.wait()
        exit, said = self.command("rename", name, f"{name}-of-{self.number}")
        self.tell("rename", name, exit, 5, said)
        barrier.wait()

    def tell(self, what, name, exit, otherwise, said):
        if exit == 0:
            self.won[what, name].append(self.number)
        elif exit != otherwise:
            self.wrong.append(said)


def run(place, writer, aumbry, processes, each):
    folder = made(place, writer, "commands")
    # The writer and the command share their pins: both see the newest version or report a rollback.
    (folder / "home").mkdir()
    (folder / "home" / "aumbry").symlink_to(folder / "state")
    (folder / "passphrase").write_text("correct horse battery staple\n")
    (folder / "passphrase").chmod(0o600)
    users = [User(aumbry, folder, number) for number in range(processes)]
    races = [f"race-{at}" for at in range(max(4, each // 6))]
    barrier = threading.Barrier(processes)

    def work(user):
        for at in range(each):
            user.step(at)
        for name in races:
            user.race(name, barrier)

    threads = [threading.Thread(target=work, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    exits = sum((user.exits for user in users), collections.Counter())
    wrong = [said for user in users for said in user.wrong]
    print(f"       exit codes: {dict(sorted(exits.items()))}")
    check(f"{processes} users x {sum(exits.values()) // processes} commands: {exits.total()} answers, {len(wrong)} differ from "
          "the model", not wrong and exits.total() > processes * each // 2, wrong[:5])
    for what in ("add", "rename"):
        winners = [sum(len(user.won[what, name]) for user in users) for name in races]
        check(f"{len(races)} x {processes} users {what} one name at once: {winners.count(1)} times one of them, and the "
              "others are told", winners.count(1) == len(races), winners)
    expected = {name: region for user in users for name, region in user.records.items()}
    for name in races:
        adder, owner = ([user.number for user in users if user.won[what, name]] for what in ("add", "rename"))
        expected |= {f"{name}-of-{number}": f"of-{adder[0]}" for number in owner}
    check("the vault is sound", users[0].command("verify")[0] == 0)
    environment = {"HOME": str(folder), "AUMBRY_PASSPHRASE_FILE": str(folder / "passphrase"),
                   "XDG_STATE_HOME": str(folder / "home")}
    list_ = subprocess.run([aumbry, "--vault", folder / "vault.aumbry", "list", "--json"], env=environment,
                           capture_output=True, text=True)
    listed = json.loads(list_.stdout or "[]")
    found = {record["name"]: record["attributes"].get("region") for record in listed}
    differ = {name for name in found.keys() | expected.keys()
              if name not in found or name not in expected or expected[name] != found[name]}
    check(f"{len(found)} records are left, {len(differ)} other than the model says", not differ and found, (differ, list_))
    saved = sum(user.saved for user in users) - 1  # verifying saves nothing
    info = subprocess.run([aumbry, "--vault", folder / "vault.aumbry", "info", "--json"], env=environment,
                          capture_output=True, text=True)
    generation = json.loads(info.stdout)["generation"]
    check(f"generation {generation} = 1 + {saved} commands that changed something", generation == 1 + saved)
