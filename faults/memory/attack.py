"""What can be found in the memory of a program that has a vault open, or had one."""

import os
import re
import secrets
import subprocess
import sys
import tempfile
import urllib.request

from checks import check, finish
from victim import AtEnd, Command, Holder, Lab, is_guarded, regions

ASKED, OTHER, LATER, PLANTED = (secrets.token_urlsafe(30) for _ in range(4))
OWNER, NEXT, READER, RENEWED = (secrets.token_urlsafe(24) for _ in range(4))
WRONG = OWNER[:-1] + ("a" if OWNER[-1] != "a" else "b")
TEXTS = {"asked": ASKED, "other": OTHER, "later": LATER, "owner": OWNER, "next": NEXT, "reader": READER, "renewed": RENEWED, "wrong": WRONG}
ALL = [f"text {name} {text}" for name, text in TEXTS.items()]


def names(hits):
    return [f"{name} at {at:#x} of {memory.path.name} ({memory.region_at(at)})" for memory, at, name in hits[:8]]


class Tally:
    """The dumps of one attack, and what was found in them."""

    def __init__(self, lab):
        self.lab, self.dumps, self.bytes, self.found, self.sought, self.seen = lab, 0, 0, [], 0, 0

    def look(self, stage, memories, lines=None, shown=()):
        """Reports every trace outside the guarded page, and every trace in a dump that should not contain that page. The path
        of the vault's folder must be found in each dump: every program gets it, so an empty dump is noticed. Text that a
        command printed may be in a vector register, which only gcore dumps. That is not checked, and the threat model says
        so."""
        lines = self.lab.lines if lines is None else lines
        both = self.lab.search(memories, [*lines, f"text folder {self.lab.folder}"])
        hits = [hit for hit in both if not hit[2].startswith("folder")]
        self.seen += len({hit[0].path for hit in both if hit[2].startswith("folder")})
        outside = [hit for hit in hits if not (hit[0].places and is_guarded(hit[0].region_at(hit[1])))]
        outside = [hit for hit in outside if hit[0].places or not hit[2].startswith(tuple(shown))]
        self.found += [f"{stage}: {name}" for name in names(outside)]
        self.dumps += len(memories)
        self.bytes += self.lab.searched
        self.sought = max(self.sought, self.lab.sought)
        self.lab.forget(memories)
        return hits

    def says(self, what):
        text = f"{what}: {self.dumps} dumps, {self.bytes >> 20} MiB searched for {self.sought} traces, {len(self.found)} found; what each must hold is found in {self.seen}"
        return check(text, self.dumps > 0 and self.seen == self.dumps and not self.found, "\n".join(self.found))


def make(lab):
    """A vault with an administrator, a reader and two records."""
    with Holder(lab) as holder:
        holder.does("create", OWNER)
        holder.does("put asked", ASKED)
        holder.does("put other", OTHER)
        holder.does("person rea reader", READER)
    lab.look_for(*ALL)
    lab.know_file(OWNER, READER)


def library(lab):
    for who, passphrase in [("an administrator", OWNER), ("a reader", READER)]:
        tally = Tally(lab)
        with Holder(lab) as holder:
            def stage(name):
                tally.look(name, lab.dump(holder.pid))

            holder.does("hello")
            assert holder.tell("open", WRONG).startswith("error wrong_passphrase")
            stage("failed to open")
            holder.does("open", passphrase)
            pages = [region for region in regions(holder.pid) if is_guarded(region)]
            protection = holder.does("protection")
            stage("unlocked")
            holder.does("look asked")
            stage("after a look-up")
            holder.does("verify")
            stage("verified")
            holder.does("lock")
            gone = [region for region in regions(holder.pid) if is_guarded(region)]
            stage("locked")
            assert holder.tell("unlock", WRONG).startswith("error wrong_passphrase")
            stage("failed to unlock")
            holder.does("unlock", passphrase)
            stage("unlocked again")
            holder.does("close")
            stage("closed")
        tally.says(f"the library for {who}")
        check(f"the library for {who}: {len(pages)} guarded page ({protection}), {len(gone)} once it is locked", len(pages) == 1 and not gone)


def people(lab, is_quick):
    """Everything that an administrator does. Each step makes a version whose keys must not be found either."""
    tally = Tally(lab)
    orders = [
        ("put later", LATER), ("remove later",), ("person new reader", NEXT), ("set new", RENEWED), ("leave new",),
        ("person boss administrator", NEXT), ("code",), ("code",), ("backup",), ("put asked", LATER), ("restore", OWNER),
        ("rotation begin asked",), ("rotation keep asked", LATER), ("rotation swap asked",), ("rotation end asked",),
        ("set owner", NEXT + "x"), ("rekey", RENEWED), ("lock",),
    ]
    now = [OWNER, READER]
    with Holder(lab) as holder:
        holder.does("open", OWNER)
        for number, (order, *secret) in enumerate(orders):
            holder.does(order, *secret)
            lab.look_for(*[f"text order {text}" for text in secret])
            verb = order.split()[0]
            now = {"set": [*now, *secret], "rekey": secret}.get(verb, now)
            lab.know_file(*[one for one in now if opens(lab, one)])
            tally.look(order, lab.dump(holder.pid, by=["mem"] if is_quick and number % 3 else ["mem", "gcore"]))
    tally.says(f"people, backups, rotations and new keys, {len(orders)} orders")


def opens(lab, passphrase):
    done = subprocess.run([lab.holder, "traces"], input=f"file {lab.folder / 'vault.aumbry'} {passphrase}", capture_output=True, text=True)
    return done.returncode == 0


def canaries(lab):
    """The control: a planted secret is found, in both ways and in every form that is searched for."""
    with Holder(lab) as holder:
        holder.does("open", OWNER)
        before = len(lab.search(lab.dump(holder.pid), [f"text planted {PLANTED}"]))
        holder.does("plant", PLANTED)
        holder.does("hold other")
        for by in ["gcore", "mem"]:
            memories = lab.dump(holder.pid, by=[by])
            planted = lab.search(memories, [f"text planted {PLANTED}"])
            held = lab.search(memories, [f"text other {OTHER}"])
            check(f"control, {by}: a planted canary is found {len(planted)} times ({before} before), a secret that is held {len(held)} times", planted and held and not before)
        holder.does("drop")
        dropped = lab.search(lab.dump(holder.pid), [f"text other {OTHER}"])
        check(f"a secret that was held and dropped: {len(dropped)} found", not dropped)


def guarded_page(lab):
    """Secret memory appears in no dump; a locked page would appear, if it were not excluded from dumps."""
    keys = [f"file {lab.folder / 'vault.aumbry'} {OWNER}"]
    greedy = ["set use-coredump-filter off", "set dump-excluded-mappings on"]
    for order, is_secret in [("open", True), ("open hibernation", False)]:
        with Holder(lab) as holder:
            holder.does(order, OWNER)
            protection = holder.does("protection")
            usual, greed = lab.dump(holder.pid, by=["gcore"])[0], lab.dump(holder.pid, by=["gcore"], settings=greedy)[0]
            mem = lab.dump(holder.pid, by=["mem"])[0]
            in_usual, in_greedy = lab.search([usual], keys), lab.search([greed], keys)
            in_mem = lab.search([mem], keys)
            outside = [hit for hit in in_mem if not is_guarded(mem.region_at(hit[1]))]
            kept = len({name for _, _, name in in_greedy})
            if is_secret:
                refused = len(re.findall("[Mm]emory read failed", greed.said))
                what = f"{protection}: gcore finds {len(in_usual)} traces of keys, told to leave nothing out {len(in_greedy)} ({refused} places could not be read), /proc/PID/mem {len(in_mem)} ({mem.unreadable} could not)"
                check(what, protection == "Secret" and not in_usual and not in_greedy and not in_mem and refused and mem.unreadable)
            else:
                what = f"control, {protection}: the page is full of keys: gcore finds {len(in_usual)}, told to leave nothing out {kept} of them; /proc/PID/mem {len(in_mem)}, {len(outside)} of them elsewhere"
                check(what, protection == "Locked" and not in_usual and kept > 20 and in_mem and not outside, names(outside))


def command(lab, is_quick):
    for source in ["terminal", "descriptor", "file"]:
        tally = Tally(lab)
        for who, passphrase in [("administrator", OWNER), ("reader", READER)]:
            if is_quick and (source, who) not in [("terminal", "administrator"), ("file", "reader")]:
                continue
            # It serves, and has served.
            with Command(lab, source, "serve", "asked") as served:
                served.give(passphrase)
                said = [served.process.stdout.readline().decode().strip() for _ in range(2)]
                variables = dict(line.split("=", 1) for line in said)
                tally.look(f"{who}: serves", lab.dump(served.pid))
                request = urllib.request.Request(variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]})
                quiet = served.sockets()
                with urllib.request.urlopen(request) as answer:
                    assert ASKED in answer.read().decode()
                # After the connection has ended: until then the answer is in the buffer that it was written
                # from.
                served.wait_until_quiet(quiet)
                tally.look(f"{who}: has served", lab.dump(served.pid))
            # The program that replaces it has the requested secret, and nothing else.
            with Command(lab, source, "exec", "asked", "--", "sh", "-c", "echo begun; exec sleep 1000") as program:
                program.give(passphrase)
                assert program.process.stdout.readline() == b"begun\n"
                lines = [line for line in lab.lines if line.split()[1] != "asked"]
                tally.look(f"{who}: exec", lab.dump(program.pid), lines)
                if (source, who) in [("terminal", "administrator"), ("file", "reader")]:
                    asked = lab.search(lab.dump(program.pid, by=["mem"]), [f"text asked {ASKED}"])
                    check(f"control, {who}: a secret that was given to a program is found there {len(asked)} times", asked)
        # The vault is open, and the command asks for confirmation.
        with Command(lab, source, "remove", "other") as asks:
            asks.give(OWNER)
            asks.wait_for(b"for good?")
            tally.look("administrator: asks", lab.dump(asks.pid))
        at_end = [
            (("get", "asked"), OWNER), (("get", "asked"), READER), (("get", "asked"), WRONG), (("verify",), OWNER),
            (("people", "recovery-code", "--yes"), OWNER), (("get", "asked"), "the code"),
            (("people", "recovery-code", "--yes", "--print"), OWNER),
        ]
        recovery = None
        if source == "file":
            later, new = lab.folder / "later", lab.folder / "new"
            later.write_text(LATER + "\n")
            new.write_text(RENEWED + "\n")
            add = ("add", "later", "--access-key-id", "AKIAIOSFODNN7EXAMPLE", "--secret-file", later)
            at_end += [((*add,), OWNER), (("people", "add", "anna", "--new-passphrase-file", new), OWNER), (("export", "--format", "json", "--plaintext"), OWNER)]
        for arguments, passphrase in at_end:
            with Command(lab, source, *arguments) as ends:
                debugger = AtEnd(lab, ends.pid)
                ends.give(recovery if passphrase == "the code" else passphrase)
                memories = debugger.dumps()
                code = ends.process.wait(120)
                assert code == (4 if passphrase == WRONG else 0), (code, ends.process.communicate(), ends.seen)
                lab.know_file(OWNER)
                if "recovery-code" in arguments:
                    recovery = re.search(r"AUMBR-Y1[0-9A-Z]{3}-[0-9A-Z-]+", ends.process.stdout.read().decode())[0]
                    lab.look_for(f"text code {recovery}", f"text code {recovery.replace('-', '').lower()}")
                shown = {"get": ["asked"], "export": ["asked", "other", "later"], "people": ["code"]}.get(arguments[0], [])
                if passphrase == WRONG:
                    shown = []
                tally.look(" ".join(map(str, arguments[:2])), memories, shown=shown)
        tally.says(f"the command, passphrase by {source}")


NO_SECRET = ["strace", "-f", "-q", "-o", "/dev/null", "-e", "trace=memfd_secret", "-e", "inject=memfd_secret:error=ENOSYS"]
NO_LOCK = ["strace", "-f", "-q", "-o", "/dev/null", "-e", "trace=memfd_secret,mlock,mlock2", "-e", "inject=memfd_secret:error=ENOSYS", "-e", "inject=mlock,mlock2:error=ENOMEM"]
# An ordinary program's limit. Only root may exceed it.
NO_LIMIT = ["prlimit", "--memlock=0:0", "setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock"]


def degraded(lab):
    said = {"Secret": "ok      memory", "Locked": "ok      memory", "None": "advice  memory"}
    words = {"Secret": "out of reach even for most of the kernel", "Locked": "kept out of swap and core dumps", "None": "may reach swap"}
    for what, before, expected in [("all there is", [], "Secret"), ("no memfd_secret", NO_SECRET, "Locked"), ("no memfd_secret, no mlock", NO_LOCK, "None"), ("a limit of 0 on locked memory", NO_LIMIT, "None")]:
        with Holder(lab, before) as holder:
            holder.does("open", OWNER)
            protection = holder.does("protection")
            advice = "MemoryNotLocked" in holder.does("advice")
            for order in [("look asked",), ("put later", LATER), ("look later",), ("remove later",), ("verify",)]:
                holder.does(*order)
            holder.does("lock")
            assert holder.tell("look asked").startswith("error locked")
            holder.does("unlock", OWNER)
        path = lab.folder / "passphrase"
        path.write_text(OWNER + "\n")
        path.chmod(0o600)
        run = [*before, lab.aumbry, "doctor", "--passphrase-file", path, "--vault", lab.folder / "vault.aumbry"]
        env = {"PATH": os.environ["PATH"], "HOME": str(lab.folder / "home"), "XDG_STATE_HOME": str(lab.folder / "home")}
        line = subprocess.run(run, capture_output=True, text=True, cwd=lab.folder, env=env, timeout=120).stdout
        line = next((each for each in line.splitlines() if " memory " in each), line)
        holds = protection == expected and advice == (expected == "None")
        check(f"{what}: memory_protection() is {protection}, everything works; doctor: {line}", holds and line.startswith(said[expected]) and words[expected] in line, line)


def refused_mappings(lab):
    """mmap fails once, at each of its calls during an opening: the result is an error or success, never an abort."""
    log = lab.folder / "calls"
    with Holder(lab, ["strace", "-q", "-o", log, "-e", "trace=mmap,write"]) as holder:
        holder.does("hello")
        holder.does("open", OWNER)
        holder.does("lock")
    begin, calls = None, 0
    for line in log.read_text().splitlines():
        calls += "mmap(" in line
        begin = calls if begin is None and "write(1" in line else begin
    places = list(range(begin + 1, calls + 1))
    outcomes = {}
    for place in [*places, "all"]:
        when = f"{begin + 1}+" if place == "all" else place
        with Holder(lab, ["strace", "-q", "-o", "/dev/null", "-e", "trace=mmap", "-e", f"inject=mmap:error=ENOMEM:when={when}"]) as holder:
            holder.does("hello")
            answer = holder.tell("open", OWNER)
            outcomes.setdefault(answer.split(":")[0], []).append(place)
            if answer.startswith("error"):
                again = holder.tell("hello")
                assert again.startswith("done"), again
    counts = ", ".join(f"{len(places)} × {outcome.strip()}" for outcome, places in outcomes.items())
    fine = all(outcome.startswith(("done", "error out_of_resources")) for outcome in outcomes)
    check(f"mmap refused, once at each of {sum(map(len, outcomes.values())) - 1} places of an opening and then for good: {counts}", fine and any("error" in outcome for outcome in outcomes), outcomes)


def main():
    is_quick = "--quick" in sys.argv
    for build in [argument for argument in sys.argv[1:] if argument != "--quick"]:
        kind = build.rsplit("/", 1)[-1]
        with tempfile.TemporaryDirectory(prefix="aumbry-memory-") as folder:
            lab = Lab(build, folder)
            print(f"-- {kind}")
            make(lab)
            canaries(lab)
            guarded_page(lab)
            library(lab)
            degraded(lab)
            refused_mappings(lab)
            command(lab, is_quick)
            people(lab, is_quick)
            print(f"-- {kind}: {lab.dumped} dumps in all")
    finish()


main()
