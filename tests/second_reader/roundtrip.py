"""Writes vaults, reads them back, then alters them in every way section 5 has a word for."""
import functools
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
from typing import Any

import aumbry_reader as reader
import aumbry_writer as writer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

# The same few slots are opened thousands of times; only the distinct derivations are paid for.
reader.argon2 = functools.lru_cache(None)(reader.argon2)

ADMIN, OTHER = "correct horse – battery", "second person's passphrase"
ARGON = {"m": 19456, "t": 2, "p": 1}
SPEC: dict[str, Any] = {
    "generation": 1,
    "people": [
        {"label": "Ada", "role": "administrator", "hint": "passphrase", "passphrase": ADMIN,
         "created": 1700000000, **ARGON},
        {"label": "Bjørn", "role": "reader", "hint": "passphrase", "passphrase": OTHER,
         "created": -5, **ARGON}],
    "records": [
        {"name": "zeta", "provider": "session", "access_key_id": "ASIAEXAMPLE",
         "attributes": {}, "created": 1, "updated": 253402300799, "expires": 1800000000,
         "secret_access_key": "s" * 300, "session_token": "t" * 3000},
        {"name": "Ångström/プロド", "provider": "static", "access_key_id": "AKIAEXAMPLE",
         "attributes": {"région": "eu-west-3", "account": "123456789012", "": "", "x": "y" * 260},
         "created": -62135596800, "updated": 0, "expires": None,
         "secret_access_key": "wJalrXUtnFEMI/K7MDENG", "session_token": None},
        {"name": "plain", "provider": "static", "access_key_id": "", "attributes": {},
         "created": 65535, "updated": 65536, "expires": -1,
         "secret_access_key": "", "session_token": None}]}
passed = total = 0


def check(holds, what):
    global passed
    if not holds:
        raise AssertionError(what)
    passed += 1


def kind(data, passphrase=ADMIN):
    try:
        reader.read_vault(bytes(data), passphrase.encode())
        return "opens"
    except reader.VaultError as error:
        return error.kind


def expect(data, wanted, what, passphrase=ADMIN):
    got = kind(data, passphrase)
    check(got == wanted, f"{what}: wanted {wanted}, got {got}")


def part(title):
    global passed, total
    total += 1
    print(f"ok  {passed:6d}  {title}")
    passed = 0


def flipped(data, at, mask):
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1:]


def repaired(data):
    end = 56 + 176 * int.from_bytes(data[48:50], "little")
    return data[:end] + hashlib.sha256(data[:end]).digest() + data[end + 32:]


# --- a vault made from parts, so that each part can be made wrong -----------------------------

VAULT_ID, KEY, SEED = b"V" * 16, b"K" * 32, b"S" * 32
PUBLIC = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()


def base_slots():
    people = [dict(person) for person in SPEC["people"]]
    slots = [writer.make_slot(person, SEED) for person in people]
    for number, slot in enumerate(slots):  # fixed salts, so that the cache serves them
        slot["salt"] = bytes([number + 1]) * 16
        typed = people[number]["passphrase"].encode()
        slot["kek"] = reader.argon2(typed, slot["salt"], slot["m"], slot["t"], slot["p"])
    return slots


SLOTS = base_slots()
RECORD = {"name": "n", "provider": "static", "access_key_id": "a", "attributes": {},
          "created": 0, "updated": 0, "expires": None, "secret_access_key": "x"}


def encoded(secret=None, **changes):
    record = RECORD | changes
    if secret is None:
        part_bytes = writer.secret_part(record)
        secret = writer.seal_secret(KEY, VAULT_ID, record, part_bytes)
    return writer.encode_record(record, secret)


def people_of(slots):
    return [(slot["salt"], f"person {i}", 0, writer.escrow(SEED, VAULT_ID, slot))
            for i, slot in enumerate(slots)]


def craft(records=None, people=None, body=None, plain=None, slots=SLOTS, generation=1, seed=SEED,
          edit_head=None, payload_key=KEY, signer=None):
    records = [encoded()] if records is None else records
    people = people_of(slots) if people is None else people
    body = writer.encode_body(records, people) if body is None else body
    plain = writer.pad(body) if plain is None else plain
    head = writer.header(VAULT_ID, generation, slots, KEY, len(plain))
    head = repaired(edit_head(head)) if edit_head else head
    unsigned = head + writer.seal(payload_key, b"aumbry1 payload", head, plain)
    return unsigned + (signer(unsigned) if signer else writer.sign(seed, unsigned))


# --- the parts of the test ------------------------------------------------------------------

def primitives():
    for code in ("A1LQFN3A", "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx", "?1v759aa",
                 "split1checkupstagehandshakeupstreamerranterredcaperredlc445v"):  # BIP 350
        prefix, _, data = code.lower().rpartition("1")
        values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
        values += [reader.BECH32.index(ord(c)) for c in data]
        check(reader.bech32m_polymod(values) == 0x2BC830A3, code)
    code = writer.recovery_code(bytes(range(16)))
    check(len(code) == 39 and reader.is_recovery_code(code.encode()), "recovery code")
    typed = " - ".join(code.upper()[i:i + 4] for i in range(0, 39, 4)).encode()
    check(reader.passphrase_bytes(typed) == code.encode(), "typed recovery code")
    for i in range(39):
        wrong = code[:i] + ("q" if code[i] != "q" else "p") + code[i + 1:]
        check(reader.passphrase_bytes(wrong.upper().encode()) == wrong.upper().encode(), wrong)
    bits = int.from_bytes(bytes(16), "big") << 2 | 1  # wrong padding under a right checksum
    data = [bits >> shift & 31 for shift in range(125, -1, -5)]
    prefix = [c >> 5 for c in b"aumbry"] + [0] + [c & 31 for c in b"aumbry"]
    tail = reader.bech32m_polymod(prefix + data + [0] * 6) ^ 0x2BC830A3
    data += [tail >> shift & 31 for shift in range(25, -1, -5)]
    wrong = b"aumbry1" + bytes(reader.BECH32[v] for v in data)
    check(not reader.is_recovery_code(wrong), "padding")
    # The five y: doubled three times, a point with each of them is the neutral element.
    p, d = reader.ED_P, -121665 * pow(121666, -1, reader.ED_P) % reader.ED_P
    for y in reader.ED_SMALL_Y:
        xx = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        x = pow(xx, (p + 3) // 8, p)
        x = x if x * x % p == xx else x * pow(2, (p - 1) // 4, p) % p
        check(x * x % p == xx, "on the curve")
        point, order = (x, y), 1
        while point != (0, 1):
            (x, y), order = point, order * 2
            k = d * x * x * y * y % p
            point = (2 * x * y * pow(1 + k, -1, p) % p, (y * y + x * x) * pow(1 - k, -1, p) % p)
        check(order in (1, 2, 4, 8), "small order")
    part("Bech32m vectors of BIP 350, recovery codes, the small-order y by own arithmetic")


def command(folder, vault, passphrase):
    secret = os.path.join(folder, "passphrase")
    with open(secret, "wb") as file:
        file.write(passphrase.encode() + b"\n")
    done = subprocess.run([sys.executable, "aumbry_reader.py", "read", vault,
                           "--passphrase-file", secret], capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def compare(shown, spec, opened):
    check(shown["generation"] == spec["generation"] and len(shown["vault_id"]) == 32, "head")
    check(shown["opened_slot"] == opened, "slot")
    check(shown["role"] == spec["people"][opened]["role"], "role")
    people = [{k: v for k, v in person.items() if k not in ("passphrase", "recovery_code")}
              for person in spec["people"]]
    check(shown["people"] == people, "people")
    wanted = sorted(spec["records"], key=lambda record: record["name"].encode())
    check(len(shown["records"]) == len(wanted), "record count")
    for got, want in zip(shown["records"], wanted):
        check(got == want, want["name"])


def round_trip(folder):
    description, vault = os.path.join(folder, "spec.json"), os.path.join(folder, "vault")
    with open(description, "w", encoding="utf-8") as file:
        json.dump(SPEC, file)
    subprocess.run([sys.executable, "aumbry_writer.py", description, vault], check=True)
    for opened, passphrase in enumerate((ADMIN, OTHER)):
        code, shown = command(folder, vault, passphrase)
        check(code == 0, shown)
        compare(shown, SPEC, opened)
    code, shown = command(folder, vault, "neither")
    check(code == 1 and shown["error"] == "wrong_passphrase", shown)
    huge = os.path.join(folder, "huge")
    with open(huge, "wb") as file:
        file.truncate(reader.MAX_FILE + 1)
    code, shown = command(folder, huge, ADMIN)
    check(code == 1 and shown["error"] == "too_large", shown)
    os.remove(huge)
    with open(vault, "rb") as file:
        data = file.read()
    code = writer.recovery_code(os.urandom(16))
    spec = json.loads(json.dumps(SPEC)) | {"generation": 2**64 - 1}
    spec["people"][1] |= {"hint": "recovery-code", "recovery_code": code}
    del spec["people"][1]["passphrase"]
    second = writer.build(spec)
    for typed in (code, code.upper(), "-".join((code[:10].upper(), code[10:])) + " "):
        compare(reader.read_vault(second, typed.encode()), spec, 1)
    part("round trip by both commands, both passphrases, a recovery code, too large")
    return data


def accidents(data):
    head_len = 88 + 176 * 2
    for at in range(head_len):
        wanted = "not_a_vault" if at < 8 else "unsupported_version" if at < 12 else "damaged"
        for bit in range(8):
            # "neither": what the header shows comes before what a wrong passphrase shows.
            expect(flipped(data, at, 1 << bit), wanted, f"header bit {at}.{bit}", "neither")
    part(f"each bit of the header's {head_len} bytes flipped")
    dice = random.Random(1)
    for at in range(head_len, len(data)):
        who = (ADMIN, OTHER)[at % 2]
        expect(flipped(data, at, dice.randrange(1, 256)), "damaged", f"byte {at}", who)
    part(f"each of the other {len(data) - head_len} bytes altered")
    for end in range(len(data)):
        expect(data[:end], "not_a_vault" if end < 8 else "damaged", f"cut to {end}", "neither")
    part(f"cut to each length below {len(data)}")
    for more in (b"\0", data[-1:], bytes(1024), bytes(1023), data):
        expect(data + more, "damaged", "grown")
        longer = data + more
        longer = repaired(longer[:16] + struct.pack("<Q", len(longer)) + longer[24:])
        expect(longer, "damaged", "grown, length and checksum repaired")
    shorter = data[:-1024 - 64] + data[-64:]
    shorter = repaired(shorter[:16] + struct.pack("<Q", len(shorter)) + shorter[24:])
    expect(shorter, "damaged", "cut, length and checksum repaired")
    part("grown, and cut or grown with length and checksum repaired")


def on_purpose(data):
    seen = {}
    for own, passphrase in enumerate((ADMIN, OTHER)):
        for at in range(56 + 2 * 176):
            for mask in (1, 2):
                forged = repaired(flipped(data, at, mask))
                inside = at - 56 - 176 * own
                wanted = "not_a_vault" if at < 8 else "unsupported_version" if at < 12 else "damaged"
                if 16 <= inside < 96:  # salt, SEAL salt, commitment
                    wanted = "wrong_passphrase"
                elif 4 <= inside < 16:
                    m, t, p = struct.unpack_from("<III", forged, 60 + 176 * own)
                    fits = 8192 <= m <= 1 << 20 and 1 <= t <= 64 and 1 <= p <= 8 and m * t <= 1 << 21
                    wanted = "wrong_passphrase" if fits else "damaged"
                expect(forged, wanted, f"repaired header byte {at} ^ {mask}", passphrase)
                seen[wanted] = seen.get(wanted, 0) + 1
    part(f"header bytes altered, checksum repaired, seen from both slots: {seen}")


def put(at, fmt, *values):
    return lambda head: head[:at] + struct.pack(fmt, *values) + head[at + struct.calcsize(fmt):]


def header_rules():
    expect(craft(), "opens", "the base vault")
    expect(craft(), "opens", "the base vault", OTHER)
    M, T, P = 60, 64, 68
    for name, edit, wanted in [
            ("version 0", put(8, "<H", 0), "unsupported_version"),
            ("suite 2", put(10, "<H", 2), "unsupported_version"),
            ("version 2 and all else wrong", lambda h: h[:8] + b"\2" + b"\xff" * (len(h) - 9),
             "unsupported_version"),
            ("generation 0", put(40, "<Q", 0), "damaged"),
            ("no slots", put(48, "<H", 0), "damaged"),
            ("33 slots", put(48, "<H", 33), "damaged"),
            ("slots beyond the end", put(48, "<H", 32), "damaged"),
            ("m below 8 MiB", put(M, "<I", 8191), "damaged"),
            ("m above 1 GiB", put(M, "<II", 1048577, 1), "damaged"),
            ("t 65", put(M, "<II", 8192, 65), "damaged"),
            ("t 0", put(T, "<I", 0), "damaged"),
            ("p 0", put(P, "<I", 0), "damaged"),
            ("p 9", put(P, "<I", 9), "damaged"),
            ("m t above 2^21", put(M, "<II", 32769, 64), "damaged"),
            ("m t at the limit of t", put(M, "<II", 8192, 64), "wrong_passphrase"),
            ("m 8 MiB", put(M, "<II", 8192, 1), "wrong_passphrase"),
            ("one id twice", put(72 + 176, "16s", SLOTS[0]["salt"]), "damaged"),
            ("no administrator", put(56, "<B", 2), "damaged"),
            ("role 3", put(56 + 176, "<B", 3), "damaged"),
            ("hint 2", put(57 + 176, "<B", 2), "damaged"),
            ("zero field at 12", put(15, "<B", 1), "damaged"),
            ("zero field at 50", put(55, "<B", 1), "damaged"),
            ("zero field of a slot", put(59 + 176, "<B", 1), "damaged"),
            ("m too small in another slot", put(M + 176, "<I", 8191), "damaged"),
            ("role changed", put(56 + 176, "<B", 1), "damaged")]:
        head = craft()
        end = 88 + 176 * 2
        edited = edit(head[:end])
        if name == "version 2 and all else wrong":
            expect(edited + head[end:], wanted, name)
        else:
            # Signed anew, so that nothing but the named rule can refuse it.
            expect(craft(edit_head=edit), wanted, name, OTHER if "role changed" == name else ADMIN)
            if name != "role changed":
                expect(craft(edit_head=edit), wanted, name, "neither")
    five = [dict(SLOTS[0], salt=bytes([9 + i]) * 16, m=1 << 20, t=2, kek=bytes(32)) for i in range(4)]
    expect(craft(slots=[SLOTS[0], *five]), "damaged", "the sum of m t above 2^23")
    expect(b"AUMBRY\x1a\n\2\0", "damaged", "10 bytes")
    expect(b"", "not_a_vault", "empty")
    expect(b"AUMBRY\x1a", "not_a_vault", "7 bytes")
    cheap = dict(SLOTS[0], m=8192, t=1)
    cheap["kek"] = reader.argon2(ADMIN.encode(), cheap["salt"], 8192, 1, 1)
    expect(craft(slots=[cheap]), "opens", "8 MiB, one pass")
    many = [dict(SLOTS[1], salt=bytes([50 + i]) * 16) for i in range(31)]
    expect(craft(slots=[SLOTS[0], *many]), "opens", "32 slots")
    many.append(dict(SLOTS[1], salt=b"!" * 16))
    expect(craft(slots=[SLOTS[0], *many]), "damaged", "33 slots, complete")
    twice = [SLOTS[0], SLOTS[1], SLOTS[1]]
    expect(craft(slots=twice), "damaged", "an id three times")
    for plain in (b"", bytes(8), bytes(1023), bytes(1025)):
        expect(craft(plain=plain), "damaged", f"a plaintext of {len(plain)} bytes", "neither")
    for passphrase, wanted in [("", "wrong_passphrase"), ("x" * 1024, "opens"),
                               ("x" * 1025, "wrong_passphrase")]:
        slot = dict(SLOTS[0], kek=reader.argon2(passphrase.encode(), SLOTS[0]["salt"], *ARGON.values()))
        expect(craft(slots=[slot]), wanted, f"a passphrase of {len(passphrase)} bytes", passphrase)
    expect(craft()[:-1], "damaged", "a damaged file goes before a bad passphrase", "")
    part("rules of the header, each under a right checksum and signature")


def signatures():
    def both(unsigned):
        return hashlib.sha512, b"aumbry1 signature" + hashlib.sha256(unsigned).digest()

    def high_s(unsigned):
        s = writer.sign(SEED, unsigned)
        return s[:32] + (int.from_bytes(s[32:], "little") + reader.ED_L).to_bytes(32, "little")

    def small_r(unsigned):  # R neutral: S = h a; OpenSSL accepts it
        sha512, message = both(unsigned)
        a = bytearray(sha512(SEED).digest()[:32])
        a[0] &= 248
        a[31] = a[31] & 127 | 64
        r = (1).to_bytes(32, "little")
        h = int.from_bytes(sha512(r + PUBLIC + message).digest(), "little")
        s = r + (h * int.from_bytes(a, "little") % reader.ED_L).to_bytes(32, "little")
        Ed25519PublicKey.from_public_bytes(PUBLIC).verify(s, message)
        return s

    expect(craft(signer=high_s), "damaged", "S not below L")
    expect(craft(signer=small_r), "damaged", "R of small order")
    expect(craft(seed=b"T" * 32), "damaged", "another seed")
    expect(craft(signer=lambda u: bytes(64)), "damaged", "no signature")
    accepted = 0
    for y in (*reader.ED_SMALL_Y, reader.ED_P, reader.ED_P + 1):
        for sign_bit in (0, 1):
            point = (y | sign_bit << 255).to_bytes(32, "little")
            slots = [SLOTS[0], dict(SLOTS[1], x=point)]

            def forge(unsigned):
                nonlocal accepted
                forged = (1).to_bytes(32, "little") + bytes(32)
                try:
                    Ed25519PublicKey.from_public_bytes(point).verify(forged, both(unsigned)[1])
                    accepted += 1
                except Exception:
                    pass
                return forged
            for _ in range(8):
                expect(craft(slots=slots, signer=forge), "damaged", "small-order key", OTHER)
    check(accepted > 0, "OpenSSL would have refused these by itself")
    part(f"strict Ed25519 (OpenSSL alone accepted {accepted} of 112 forgeries with small-order keys)")


def sealing():
    expect(craft(payload_key=b"J" * 32), "damaged", "the payload under another key")
    slots = [dict(SLOTS[0], role=2, x=PUBLIC), dict(SLOTS[1], role=1, x=SEED)]
    expect(craft(slots=slots), "opens", "administrator second")
    expect(craft(slots=slots[:1]), "damaged", "no administrator")
    # One passphrase in two slots; the first has a wrong tag, so the second must not be tried.
    twin = [SLOTS[0], dict(SLOTS[0], salt=b"w" * 16)]
    twin[1]["kek"] = reader.argon2(ADMIN.encode(), b"w" * 16, *ARGON.values())
    expect(craft(slots=twin), "opens", "twins")
    tag = 56 + 175
    expect(craft(slots=twin, edit_head=lambda h: flipped(h, tag, 1)), "damaged", "twin, tag")
    expect(craft(slots=twin, edit_head=lambda h: flipped(h, 56 + 64, 1)), "opens", "twin, commitment")
    part("commitments, tags, slots in file order")


def body_rules():
    good = writer.encode_body([encoded()], people_of(SLOTS))
    u = writer.uint
    secret28, blob, text = bytes(28), writer.blob, writer.text

    def record(name=text("n"), provider=u(0), key=text("a"), attributes=u(0), times=u(0) * 2,
               expires=b"\0", secret=blob(secret28)):
        return name + provider + key + attributes + times + expires + secret

    def one(**changes):
        return dict(records=[record(**changes)])

    def attrs(*pairs):
        return u(len(pairs)) + b"".join(text(k) + text(v) for k, v in pairs)

    def person(i, **changes):
        a, b = people_of(SLOTS)
        new = dict(zip(("id", "label", "created", "escrow"), (a, b)[i])) | changes
        pair = [a, b]
        pair[i] = tuple(new.values())
        return dict(people=pair)

    base = record()
    tail = writer.encode_body([], people_of(SLOTS))[2:]
    long_year = 253402300799
    plain = writer.pad(good)
    n = len(good)
    bad = {
        "schema 2": dict(body=b"\2" + good[1:]), "schema 0": dict(body=b"\0" + good[1:]),
        "schema not shortest": dict(body=b"\xfb\1\0" + good[1:]),
        "a byte after the body": dict(body=good + b"\0"),
        "the body ends early": dict(body=good[:-1]),
        "empty body": dict(body=b""),
        "n too great": dict(plain=writer.u64(len(plain)) + plain[8:]),
        "n 2^64-1": dict(plain=writer.u64(2**64 - 1) + plain[8:]),
        "n + 1": dict(plain=writer.u64(n + 1) + plain[8:]),
        "padding not zero": dict(plain=plain[:-1] + b"\1"),
        "padding too long": dict(plain=plain + bytes(1024)),
        "padding not shortest": dict(plain=writer.u64(0) + bytes(2040)),
        "name empty": one(name=text("")), "name 1025": one(name=text("x" * 1025)),
        "name 342 * 3": one(name=text("あ" * 342)),
        "names equal": dict(records=[base, base]),
        "names descend": dict(records=[record(name=text("b")), record(name=text("a"))]),
        "names by UTF-16": dict(records=[record(name=text("\U00010000")), record(name=text("\uffff"))]),
        "overlong UTF-8": one(name=blob(b"\xc0\x80")), "surrogate": one(name=blob(b"\xed\xa0\x80")),
        "above U+10FFFF": one(name=blob(b"\xf4\x90\x80\x80")),
        "access key id not UTF-8": one(key=blob(b"\xff")),
        "access key id 1025": one(key=text("x" * 1025)),
        "provider 2": one(provider=u(2)), "provider not shortest": one(provider=b"\xfb\0\0"),
        "length not shortest": one(name=b"\xfb\1\0n"),
        "length form 252 not shortest": one(name=b"\xfc\1\0\0\0n"),
        "length form 253 not shortest": one(name=b"\xfd\1" + bytes(7) + b"n"),
        "length form 254": one(name=b"\xfe\1" + bytes(15) + b"n"),
        "length form 255": one(name=b"\xff\1n"),
        "length far too great": one(name=b"\xfd" + b"\xff" * 8),
        "option 2": one(expires=b"\2\0"), "option 251": one(expires=b"\xfb\1\0\0"),
        "attribute keys equal": one(attributes=attrs(("a", "1"), ("a", "2"))),
        "attribute keys descend": one(attributes=attrs(("b", ""), ("a", ""))),
        "attributes too long": one(attributes=attrs(("k", "v" * (16384 - 5)))),
        "attribute count huge": one(attributes=b"\xfd" + b"\xff" * 8),
        "created too late": one(times=writer.sint(long_year + 1) + u(0)),
        "updated too early": one(times=u(0) + writer.sint(-62135596801)),
        "expires too late": one(expires=b"\1" + writer.sint(long_year + 1)),
        "time -2^63": one(times=writer.sint(-2**63) + u(0)),
        "time not shortest": one(times=b"\xfb\2\0" + u(0)),
        "secret 27": one(secret=blob(bytes(27))), "secret too long": one(secret=blob(bytes(65565))),
        "record count too great": dict(body=u(1) + u(4_000_001) + tail),
        "record count wrong": dict(body=u(1) + u(2) + base + tail),
        "too few people": dict(people=people_of(SLOTS)[:1]),
        "too many people": dict(people=people_of(SLOTS) + people_of(SLOTS)[:1]),
        "people in another order": dict(people=people_of(SLOTS)[::-1]),
        "another id": person(0, id=b"?" * 16), "label empty": person(0, label=""),
        "label 129": person(1, label="x" * 129), "labels equal": person(1, label="person 0"),
        "slot created too late": person(0, created=long_year + 1),
        "escrow 111": person(0, escrow=bytes(111)), "escrow 113": person(1, escrow=bytes(113))}
    for char in [*range(0x20), *range(0x7F, 0xA0)]:
        bad[f"control {char:#x}"] = one(name=text(f"a{chr(char)}b"))
    spaces = [0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
    good_cases = {
        "no records": dict(records=[]), "name 1024": one(name=text("x" * 1024)),
        "access key id 1024": one(key=text("x" * 1024)),
        "attributes 16 KiB": one(attributes=attrs(("k", "v" * (16384 - 6)))),
        "secret 64 KiB + 28": one(secret=blob(bytes(65564))), "secret 28": one(),
        "label 128": person(0, label="x" * 128), "label of controls": person(0, label="\n\x1b"),
        "times at the ends": one(times=writer.sint(long_year) + writer.sint(-62135596800)),
        "one letter": one(name=text("あ"))}
    for size in range(984, 1030):  # across the padding's edge
        good_cases[f"label and padding {size}"] = one(key=text("x" * (size - 400)))
    for char in spaces:
        bad[f"leading {char:#x}"] = one(name=text(chr(char) + "a"))
        bad[f"trailing {char:#x}"] = one(name=text("a" + chr(char)))
        good_cases[f"inner {char:#x}"] = one(name=text(f"a{chr(char)}b"))
    for char in (0x180E, 0x200B, 0x2060, 0xFEFF, 0xAD, 0x200E, 0xE000, 0x10FFFF):  # no White_Space
        good_cases[f"outer {char:#x}"] = one(name=text(chr(char)))
    for name, changes in bad.items():
        kind = "unsupported_version" if name.startswith("schema ") and name[-1].isdigit() else "damaged"
        expect(craft(**changes), kind, name)
    for name, changes in good_cases.items():
        expect(craft(**changes), "opens", name)
    part(f"rules of section 4, signed: {len(bad)} refused, {len(good_cases)} accepted")


def secrets():
    static, session = dict(RECORD), RECORD | {"provider": "session", "session_token": "t"}

    def sealed(record, plain, **aad):
        return encoded(**record, secret=writer.seal_secret(KEY, VAULT_ID, record | aad, plain))

    plain = writer.secret_part(static)
    a = writer.seal_secret(KEY, VAULT_ID, static, plain)
    for name, bad in {
            "altered nonce": encoded(secret=flipped(a, 0, 1)), "altered tag": encoded(secret=flipped(a, len(a) - 1, 1)),
            "empty plaintext": sealed(static, b""), "trailing byte": sealed(static, plain + b"\0"),
            "ends early": sealed(static, plain[:-1]), "variant 1 for 0": sealed(static, writer.secret_part(session)),
            "variant 0 for 1": sealed(session, plain), "variant 2": sealed(static, b"\2\1x"),
            "not UTF-8": sealed(static, b"\0\1\xff"), "length not shortest": sealed(static, b"\0\xfb\1\0x"),
            "other name": sealed(static, plain, name="m"), "other key id": sealed(static, plain, access_key_id="b"),
            "other provider": sealed(static, plain, provider="session")}.items():
        vault = craft(records=[encoded(name="a"), bad, encoded(name="z")])
        shown = reader.read_vault(vault, ADMIN.encode())["records"]
        check(["error" in r for r in shown] == [False, True, False], name)
        check("secret_access_key" not in shown[1] and shown[1]["error"] == "damaged", name)
    vault = craft(records=[encoded(name="Aumbry:x"), encoded(name="aumbry:x"),
                           encoded(name="b", attributes={"aumbry.x": "1", "aumbry": "2"})])
    shown = reader.read_vault(vault, ADMIN.encode())["records"]
    check([r["name"] for r in shown] == ["Aumbry:x", "b"], "reserved name")
    check(shown[1]["attributes"] == {"aumbry": "2"}, "reserved attribute")
    part("a secret that does not open is refused alone; reserved names are not shown")


def main():
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    primitives()
    with tempfile.TemporaryDirectory() as folder:
        data = round_trip(folder)
    accidents(data)
    on_purpose(data)
    header_rules()
    signatures()
    sealing()
    body_rules()
    secrets()
    print(f"{total} passed, 0 failed")


if __name__ == "__main__":
    main()
