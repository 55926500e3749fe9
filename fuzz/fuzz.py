"""Runs the fuzzers, prints how often each ran, and shows that they would find a bug.

A target passes if it ran and found nothing; a control if it found the bug that was planted for it.
"""

import argparse
import concurrent.futures
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "faults"))
from checks import check, finish  # noqa: E402

IMPORTERS = ["console_csv", "aws_profiles", "config_edit", "json", "credential_process", "keepass_xml", "keepassxc_csv",
             "bitwarden_json", "onepassword_csv"]
TARGETS = ["body", "file", "header", *IMPORTERS]
# The bugs of src/planted.rs: the target that must find each, starting from one valid input, and the message
# it prints.
EMPTY_BODY = bytes([1, 0, 0])
CONSOLE = b"Access key ID,Secret access key\nAKIA,a b c d"
CONTROLS = {
    "trailing": ("body", EMPTY_BODY, "the body is another when it is encoded again"),
    "allocation": ("body", EMPTY_BODY, r"took \d+ bytes of memory|out-of-memory \(malloc"),
    "panic": ("body", EMPTY_BODY, "out of range for slice"),
    "ascii": ("console_csv", CONSOLE, "a record is another in our JSON"),
}
DICTIONARIES = {"body": "vault", "file": "vault", "header": "vault", "aws_profiles": "profiles", "config_edit": "profiles",
                "keepass_xml": "xml", "console_csv": "csv", "keepassxc_csv": "csv", "onepassword_csv": "csv"}
# Limits for one input: far more than the sanitizer itself needs, far less than a length in a file can claim.
LIMITS = ["-rss_limit_mb=2048", "-malloc_limit_mb=64", "-timeout=20", "-print_final_stats=1"]
# Allows the unstable flags of the sanitizer and its coverage on a stable toolchain.
ENVIRONMENT = {**os.environ, "RUSTC_BOOTSTRAP": "1", "CARGO_TERM_COLOR": "never", "CARGO_INCREMENTAL": "0"}
BODY_EXECUTIONS = 10_000_000
# How many bytes of each target's corpus are committed, without the seeds.
CORPUS_BYTES = 11_000


def cargo_fuzz(*arguments, **options):
    return subprocess.run(["cargo", "fuzz", *arguments], cwd=HERE, **options)


def build(targets):
    begin = time.monotonic()
    for target in targets:
        cargo_fuzz("build", target, env=ENVIRONMENT, check=True)
    print(f"built in {time.monotonic() - begin:.0f} s", flush=True)


def dictionary(target):
    return f"-dict=dictionaries/{DICTIONARIES.get(target, 'json')}.dict"


def emptied(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def fuzz(target, flags, corpora, found, planted=""):
    """How often the target ran, for how many seconds, what it found, and its output. New inputs go to the first corpus."""
    found.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    # Without a name, no bug is planted.
    environment = {**ENVIRONMENT, "AUMBRY_PLANTED": planted}
    command = [target, *map(str, corpora), "--", dictionary(target), f"-artifact_prefix={found}/", *LIMITS, *flags]
    begin = time.monotonic()
    ran = cargo_fuzz("run", *command, env=environment, text=True, errors="replace", stdout=subprocess.PIPE,
                     stderr=subprocess.STDOUT)
    seconds = time.monotonic() - begin
    executions = re.findall(r"stat::number_of_executed_units:\s*(\d+)", ran.stdout)
    return {"executions": int(executions[-1]) if executions else 0, "seconds": seconds, "status": ran.returncode,
            "found": sorted(set(found.iterdir()) - before), "said": ran.stdout}


def fuzz_as_it_is(target, flags):
    grown = HERE / "target" / "corpus" / target
    grown.mkdir(parents=True, exist_ok=True)
    return fuzz(target, flags, [grown, HERE / "corpus" / target], HERE / "artifacts" / target)


def report(target, result):
    holds = result["status"] == 0 and result["executions"] > 0 and not result["found"]
    how = "".join(
        f"\nto see it again: cd fuzz && RUSTC_BOOTSTRAP=1 cargo fuzz run {target} {file.relative_to(HERE)}"
        for file in result["found"]
    )
    check(f"{target}: {result['executions']} executions in {result['seconds']:.0f} s, {len(result['found'])} findings",
          holds, result["said"][-6000:] + how)
    return result["executions"]


def control(bug, seconds):
    target, seed, expected = CONTROLS[bug]
    folder = emptied(HERE / "target" / "planted" / bug)
    corpus = emptied(folder / "corpus")
    (corpus / "seed").write_bytes(seed)
    result = fuzz(target, [f"-max_total_time={seconds}"], [corpus], folder / "found", planted=bug)
    holds = result["status"] != 0 and bool(result["found"]) and re.search(expected, result["said"]) is not None
    check(f"control: the bug \"{bug}\" planted in {target} is found, in {result['seconds']:.0f} s", holds,
          result["said"][-3000:])


def minimise():
    """Selects a few short inputs among those that the fuzzers found; they become the committed corpus. Seeds (seed-…) stay."""
    for target in TARGETS:
        committed, grown = HERE / "corpus" / target, HERE / "target" / "corpus" / target
        grown.mkdir(parents=True, exist_ok=True)
        for file in committed.iterdir():
            shutil.copy(file, grown)
            if not file.name.startswith("seed-"):
                file.unlink()
        cargo_fuzz("cmin", target, str(grown), "--", "-max_len=4096", "-use_counters=0", env=ENVIRONMENT, check=True)
        found = sorted(grown.iterdir(), key=lambda file: (file.stat().st_size, file.name))
        for file in spread(found):
            shutil.copy(file, committed)


def spread(files):
    """Every nth input, from short to long, so that their total size is small."""
    for nth in range(1, len(files) + 1):
        if sum(file.stat().st_size for file in files[::nth]) <= CORPUS_BYTES:
            return files[::nth]
    return files[:1]


def main():
    parser = argparse.ArgumentParser(prog="fuzz/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three targets for 20 s each: body, file, and an importer in turn")
    parser.add_argument("--seconds", type=int, default=300, help="how long each target but body runs, without --quick")
    parser.add_argument("--minimise", action="store_true", help="make the committed corpus of what was found before")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all, if none is named")
    arguments = parser.parse_args()
    if arguments.minimise:
        return minimise()
    targets = arguments.targets or TARGETS
    if arguments.quick:
        turn = datetime.date.today().toordinal()
        targets = arguments.targets or ["body", "file", IMPORTERS[turn % len(IMPORTERS)]]
    build(dict.fromkeys([*targets, *(target for target, *_ in CONTROLS.values())]))
    for bug in CONTROLS:
        control(bug, 60)

    def flags(target):
        if arguments.quick:
            return ["-max_total_time=20"]
        return [f"-runs={BODY_EXECUTIONS}"] if target == "body" else [f"-max_total_time={arguments.seconds}"]

    at_once = 1 if arguments.quick else os.cpu_count()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        results = pool.map(lambda target: (target, fuzz_as_it_is(target, flags(target))), targets)
        executions = sum(report(target, result) for target, result in results)
    print(f"{executions} executions in all")
    finish()


main()
