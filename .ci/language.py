"""Finds words in the prose of the repository that `.ci/words.toml` replaces by plainer ones.

Reads comments, string literals and test names of Rust and Python, comments and strings of shell scripts and TOML, and all
prose of Markdown, help texts and manual pages. Code is not read: `else` is a keyword there.

    .ci/language                   all files of the repository
    .ci/language src/vault cli     these files and folders
    .ci/language --count           hits by folder
"""

import io
import re
import subprocess
import sys
import tokenize
import tomllib
from bisect import bisect_right
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORDS = ".ci/words.toml"
SKIPPED = re.compile(r"^(LICENSE|fuzz/corpus/|tests/vectors/|\.ci/(words\.toml|language\.py)$)|\.(lock|svg|dict|csv|json|xml)$")

RUST = re.compile(
    r"""
      (?P<line>//[^\n]*)
    | (?P<block>/\*.*?\*/)
    | (?:br|r|cr)(?P<hashes>\#*)"(?P<raw>.*?)"(?P=hashes)
    | [bc]?"(?P<text>(?:[^"\\]|\\.)*)"
    | '(?:[^'\\\n]|\\[^\n]{1,8}?)'          # a character, so that '"' begins no string
    | \#\[(?:\w+::)?test\b[^\n]*\]\s*(?:\#\[[^\n]*\]\s*)*(?:async\s+)?fn\s+(?P<test>\w+)
    """,
    re.DOTALL | re.VERBOSE,
)
SHELL = re.compile(r"""(?:^|(?<=\s))\#(?P<comment>[^\n]*)|"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'""", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"^\s*(```|~~~)")


class Prose:
    """Pieces of prose, each with the line that every character came from."""

    def __init__(self):
        self.pieces = []
        self.last = None

    def literal(self, line, text):
        """Adds a string literal, unless it is one word: that is data."""
        if re.search(r"\s", text.strip()):
            self.add(line, text)

    def add(self, line, text, kind=None):
        """Adds `text`, which begins at `line`. Comments of one kind on successive lines become one piece."""
        kept = [(line + number, part) for number, part in enumerate(text.split("\n"))]
        if kind and self.last and self.last[0] == kind and self.last[1] == line - 1:
            self.pieces[-1] += kept
        else:
            self.pieces.append(kept)
        self.last = (kind, kept[-1][0])

    def joined(self):
        for piece in self.pieces:
            text, starts, lines = "", [], []
            for line, part in piece:
                part = re.sub(r"`[^`]*`", "`x`", part)
                part = re.sub(r"\s+", " ", part.removesuffix("\\").strip())
                starts.append(len(text))
                lines.append(line)
                # An empty line ends a paragraph, and so a sentence.
                text += part + " " if part else "¶ "
            yield text, starts, lines


def markdown(text, first, prose, kind):
    """Prose of Markdown: of fenced code only the comments."""
    fenced = False
    for number, line in enumerate(text.split("\n"), first):
        if FENCE.match(line):
            fenced = not fenced
            prose.last = None
        elif not fenced:
            prose.add(number, line, kind)
        elif re.match(r"\s*(//|# )", line):
            prose.add(number, line.strip().lstrip("/# !"), kind + "code")


def rust(text, prose):
    fenced = False
    for match in RUST.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["line"] is not None:
            marker = re.match(r"//[/!]?", match["line"])[0]
            content = match["line"][len(marker):]
            if marker != "//" and FENCE.match(content):
                fenced = not fenced
                prose.last = None
            elif not fenced:
                prose.add(line, content, marker)
            elif re.match(r"\s*// ", content):
                prose.add(line, content.strip()[3:], "example")
        elif match["block"] is not None:
            prose.add(line, match["block"][2:-2])
        elif match["test"] is not None:
            line = text.count("\n", 0, match.start("test")) + 1
            prose.add(line, match["test"].replace("_", " "))
        elif match["raw"] is not None:
            prose.literal(line, match["raw"])
        elif match["text"] is not None:
            prose.literal(line, re.sub(r"\\n", "¶", match["text"]))


def python(text, prose):
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        line = token.start[0]
        name = tokenize.tok_name[token.type]
        if name == "COMMENT":
            prose.add(line, token.string.lstrip("#"), "#")
        elif name in ("STRING", "FSTRING_MIDDLE"):
            prose.literal(line, token.string.strip("rbfRBF\"'").replace("\\n", "¶"))
        elif match := re.match(r"\s*def (test_\w+)", token.line) if token.string.startswith("test_") else None:
            prose.add(line, match[1].replace("_", " "))


def shell(text, prose):
    for match in SHELL.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["comment"] is not None:
            prose.add(line, match["comment"], "#")
        else:
            prose.literal(line, match["double"] or match["single"] or "")


def prose_of(path, text):
    prose = Prose()
    if path.endswith(".rs"):
        rust(text, prose)
    elif path.endswith(".py"):
        python(text, prose)
    elif path.endswith((".md", ".txt", ".man")):
        markdown(text, 1, prose, "text")
    elif path.endswith(".toml") or text.startswith("#!"):
        shell(text, prose)
    return prose


class Word:
    def __init__(self, entry):
        self.pattern = re.compile(entry["pattern"], re.IGNORECASE)
        self.instead = entry["instead"]
        self.files = re.compile(entry.get("files", ""))
        self.refused = entry["refused"]
        self.allowed = entry["allowed"]


def sentence_at(text, start):
    """The sentence around `start`."""
    before = max((text.rfind(end, 0, start) + len(end) for end in (". ", "¶ ", "? ", "! ") if end in text[:start]), default=0)
    after = re.compile(r"[.?!¶] ").search(text, start)
    return text[before : after.start() + 1 if after else len(text)].strip(" ¶")


def check(path, text, words, exceptions):
    for piece, starts, lines in prose_of(path, text).joined():
        for word in words:
            if not word.files.search(path):
                continue
            for match in word.pattern.finditer(piece):
                sentence = sentence_at(piece, match.start())
                excused = [entry for entry in exceptions if entry["file"] == path and entry["text"] in sentence]
                for entry in excused:
                    entry["used"] = True
                if not excused:
                    line = lines[bisect_right(starts, match.start()) - 1]
                    yield line, match[0].strip(), sentence, word.instead


def controls(words):
    """The entries whose pattern does not find its own example, or finds the sentence that is right."""
    for word in words:
        for example in word.refused:
            for path, text in (("a.rs", f"/// {example}\n"), ("a.md", example), ("a.py", f"# {example}\n"), ("run", f"#!x\n\n# {example}\n")):
                if word.files.search(path) and not any(check(path, text, [word], [])):
                    yield f"{word.pattern.pattern}: does not find “{example}” in {path}"
        for example in word.allowed:
            if found := list(check("a.md", example, [word], [])):
                yield f"{word.pattern.pattern}: refuses “{example}” ({found[0][1]})"
    for path, text in (
        ("a.rs", '#[test]\nfn nobody_waits() {}\n'),
        ("a.rs", 'fn f() { let a = \'"\'; error("nobody \\\n waits"); }\n'),
        ("a.rs", "// seen by\n// nobody\n"),
        ("a.py", 'print(f"nobody waits")\n'),
        ("Cargo.toml", "# nobody waits\n"),
        ("run", "#!/bin/sh\necho 'nobody waits'\n"),
    ):
        if not any(check(path, text, words, [])):
            yield f"nothing found in {text!r}"
    # The other side: what is code and not prose.
    for path, text in (("a.rs", "fn f() { let nobody = 1; }\n"), ("a.md", "```rust\nlet nobody = 1;\n```\n")):
        if any(check(path, text, words, [])):
            yield f"code is read as prose in {text!r}"


def main(arguments):
    count = "--count" in arguments
    wanted = [argument.rstrip("/") for argument in arguments if argument != "--count"]
    table = tomllib.loads((ROOT / WORDS).read_text())
    words = [Word(entry) for entry in table["word"]]
    exceptions = table.get("exception", [])

    wrong = list(controls(words))
    for line in wrong:
        print(f"{WORDS}: {line}")

    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    passed, failed, folders = 0, len(wrong), Counter()
    for path in sorted(set(listing.stdout.splitlines())):
        if SKIPPED.search(path) or not (ROOT / path).is_file():
            continue
        if wanted and not any(path == one or path.startswith(one + "/") for one in wanted):
            continue
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
        hits = list(check(path, text, words, exceptions))
        passed, failed = passed + (not hits), failed + bool(hits)
        folders["/".join(path.split("/")[:2]) if "/" in path else path] += len(hits)
        for line, found, sentence, instead in hits if not count else ():
            print(f"{path}:{line}: “{found}” in: {sentence}\n    instead: {instead}")
    if count:
        for folder, hits in folders.most_common():
            if hits:
                print(f"{hits:5} {folder}")
    if not wanted:
        for entry in exceptions:
            if not entry.get("used"):
                print(f"{WORDS}: no such sentence any more in {entry['file']}: {entry['text']}")
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed > 0


sys.exit(main(sys.argv[1:])) if __name__ == "__main__" else None
