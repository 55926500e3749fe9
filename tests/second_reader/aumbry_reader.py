"""Reads an aumbry vault, format version 1. Written from docs/format.md alone.

    python3 aumbry_reader.py read FILE --passphrase-file P
"""
import argparse
import hashlib
import hmac
import json
import os
import struct
import sys

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAX_FILE = 1 << 30
ROLES = {1: "administrator", 2: "reader"}
HINTS = {0: "passphrase", 1: "recovery-code"}
PROVIDERS = {0: "static", 1: "session"}
# Spelled out: str.isspace() also takes U+001C to U+001F, which are not White_Space.
WHITE_SPACE = set(map(chr, [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B),
                            0x2028, 0x2029, 0x202F, 0x205F, 0x3000]))
CONTROL = set(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))
BECH32 = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
ED_P, ED_L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
ED_Y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
# A point has small order exactly if its y is one of these (ED_Y8: that of a point of order 8).
ED_SMALL_Y = {0, 1, ED_P - 1, ED_Y8, ED_P - ED_Y8}


class VaultError(Exception):
    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def need(holds, message, kind="damaged"):
    if not holds:
        raise VaultError(kind, message)


def lp(data):
    return struct.pack("<I", len(data)) + data


def hkdf(ikm, salt, info, length):
    return HKDF(SHA256(), length, salt, info).derive(ikm)


def argon2(passphrase, salt, m, t, p):
    return Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m).derive(passphrase)


def gcm_open(key, nonce, sealed, aad):
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise VaultError("damaged", "sealed bytes were altered") from None


def unseal(key, label, aad, sealed):
    """The plaintext, or None if the key is the wrong one."""
    okm = hkdf(key, sealed[:32], label, 64)
    fits = hmac.compare_digest(okm[32:], sealed[32:64])
    return gcm_open(okm[:32], bytes(12), sealed[64:], aad) if fits else None


def bech32m_polymod(values):
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, gen in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= gen * (top >> bit & 1)
    return check


def is_recovery_code(code):
    data = [BECH32.find(c) for c in code[7:]]
    if len(code) != 39 or not code.startswith(b"aumbry1") or min(data) < 0:
        return False
    prefix = [c >> 5 for c in b"aumbry"] + [0] + [c & 31 for c in b"aumbry"]
    return bech32m_polymod(prefix + data) == 0x2BC830A3 and data[25] & 3 == 0


def passphrase_bytes(raw):
    code = raw.replace(b" ", b"").replace(b"-", b"").lower()  # bytes.lower() is ASCII only
    return code if is_recovery_code(code) else raw


def verify_strict(public, signature, message):
    need(int.from_bytes(signature[32:], "little") < ED_L, "the signature's S is not below L")
    need(int.from_bytes(public, "little") % 2**255 < ED_P, "the public key's y is not below p")
    for point in (signature[:32], public):
        # Sign bit off and y reduced: so the non-canonical encodings are covered too.
        y = int.from_bytes(point, "little") % 2**255 % ED_P
        need(y not in ED_SMALL_Y, "the signature has a point of small order")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise VaultError("damaged", "the signature does not verify") from None


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        need(count <= len(self.data) - self.at, "an encoding ends early")
        self.at += count
        return self.data[self.at - count:self.at]

    def uint(self):
        first = self.take(1)[0]
        if first < 251:
            return first
        need(first <= 253, "an integer has an unknown form")
        width, least = {251: (2, 251), 252: (4, 1 << 16), 253: (8, 1 << 32)}[first]
        value = int.from_bytes(self.take(width), "little")
        need(value >= least, "an integer is not in its shortest form")
        return value

    def choice(self, allowed):
        value = self.uint()
        need(value in allowed, "an enum number is unknown")
        return value

    def time(self):
        zigzag = self.uint()
        value = zigzag // 2 if zigzag % 2 == 0 else -(zigzag + 1) // 2
        need(-62135596800 <= value <= 253402300799, "a time is out of range")
        return value

    def blob(self, least=0, most=MAX_FILE):
        length = self.uint()
        need(least <= length <= most, "a length is out of range")
        return self.take(length)

    def text(self, least=0, most=MAX_FILE):
        try:
            return self.blob(least, most).decode("utf-8")
        except UnicodeDecodeError:
            raise VaultError("damaged", "a string is not UTF-8") from None

    def end(self):
        need(self.at == len(self.data), "bytes follow an encoding")


def ascending(texts):
    keys = [text.encode() for text in texts]
    return all(a < b for a, b in zip(keys, keys[1:]))


def parse_header(data):
    """Steps 1 to 5 of section 5."""
    need(len(data) <= MAX_FILE, "more than 1 GiB", "too_large")
    need(data[:8] == b"AUMBRY\x1a\n", "no magic", "not_a_vault")
    need(len(data) >= 12, "cut off in the header")
    version, suite = struct.unpack_from("<HH", data, 8)
    need(version == 1 and suite == 1, f"version {version}, suite {suite}", "unsupported_version")
    need(len(data) >= 56, "cut off in the header")
    zero, length = struct.unpack_from("<IQ", data, 12)
    need(length == len(data), "cut off or grown")
    generation, count, zero_tail = struct.unpack_from("<QH6s", data, 40)
    need(zero == 0 and zero_tail == bytes(6), "a zero field is not zero")
    need(1 <= count <= 32 and generation >= 1, "slot count or generation out of range")
    end = 88 + 176 * count
    plain_len = length - end - 64 - 80
    need(plain_len > 0 and plain_len % 1024 == 0, "the length does not fit the format")
    slots = []
    for at in range(56, end - 32, 176):
        role, hint, zero, m, t, p = struct.unpack_from("<BBHIII", data, at)
        need(role in ROLES and hint in HINTS and zero == 0, "a slot has an unknown value")
        need(8192 <= m <= 1 << 20 and 1 <= t <= 64 and 1 <= p <= 8 and m * t <= 1 << 21,
             "a slot's Argon2id parameters are out of range")
        slots.append({"role": role, "hint": hint, "m": m, "t": t, "p": p, "head": data[at:at + 32],
                      "id": data[at + 16:at + 32], "sealed": data[at + 32:at + 176]})
    need(sum(s["m"] * s["t"] for s in slots) <= 1 << 23, "the slots together cost too much")
    need(len({s["id"] for s in slots}) == count, "two slots have one id")
    need(any(s["role"] == 1 for s in slots), "no slot is an administrator's")
    need(hashlib.sha256(data[:end - 32]).digest() == data[end - 32:end], "header checksum")
    return data[:end], data[24:40], generation, slots


def open_slot(data, vault_id, slots, passphrase):
    """Step 6: the index of the slot that opens, K, and the verification key."""
    need(1 <= len(passphrase) <= 1024, "a passphrase has 1 to 1024 bytes", "wrong_passphrase")
    for index, slot in enumerate(slots):
        kek = argon2(passphrase, slot["id"], slot["m"], slot["t"], slot["p"])
        plain = unseal(kek, b"aumbry1 slot", data[:12] + vault_id + slot["head"], slot["sealed"])
        if plain is not None:
            key, x = plain[:32], plain[32:]
            if slot["role"] == 1:
                x = Ed25519PrivateKey.from_private_bytes(x).public_key().public_bytes_raw()
            return index, key, x
    raise VaultError("wrong_passphrase", "no slot opens with this passphrase")


def parse_record(cur):
    name = cur.text(1, 1024)
    need(not CONTROL & set(name), "a name has a control character")
    need(not {name[0], name[-1]} & WHITE_SPACE, "a name has leading or trailing white space")
    record = {"name": name, "provider": cur.choice(PROVIDERS), "access_key_id": cur.text(0, 1024)}
    start, attributes = cur.at, []
    for _ in range(cur.uint()):
        attributes.append((cur.text(), cur.text()))
        need(cur.at - start <= 16384, "the attributes are too long")
    need(ascending(key for key, _ in attributes), "attributes out of order")
    record |= {"attributes": dict(attributes), "created": cur.time(), "updated": cur.time()}
    record["expires"] = cur.time() if cur.choice((0, 1)) else None
    return record | {"secret": cur.blob(28, 65536 + 28)}


def parse_body(plain, slots):
    """Step 9."""
    end = 8 + int.from_bytes(plain[:8], "little")
    need(len(plain) == (end + 1023) // 1024 * 1024, "the padding is not the shortest")
    need(not any(plain[end:]), "the padding is not zero")
    cur = Cursor(plain[8:end])
    need(cur.uint() == 1, "unknown schema", "unsupported_version")
    count = cur.uint()
    need(count <= 4_000_000, "too many records")
    records = [parse_record(cur) for _ in range(count)]
    need(ascending(record["name"] for record in records), "records out of order")
    need(cur.uint() == len(slots), "the people do not fit the slots")
    people = []
    for slot in slots:
        need(cur.take(16) == slot["id"], "a slot's id does not fit the header")
        people.append({"label": cur.text(1, 128), "role": ROLES[slot["role"]],
                       "hint": HINTS[slot["hint"]], "created": cur.time(),
                       "m": slot["m"], "t": slot["t"], "p": slot["p"]})
        cur.blob(112, 112)
    cur.end()
    need(len({person["label"] for person in people}) == len(people), "two people have one label")
    return records, people


def show_record(record_key, vault_id, record):
    shown, secret = {k: v for k, v in record.items() if k != "secret"}, record["secret"]
    shown["provider"] = PROVIDERS[record["provider"]]
    shown["attributes"] = {k: v for k, v in record["attributes"].items()
                           if not k.startswith("aumbry.")}
    aad = (vault_id + lp(record["name"].encode()) + struct.pack("<I", record["provider"])
           + lp(record["access_key_id"].encode()))
    try:
        cur = Cursor(gcm_open(record_key, secret[:12], secret[12:], aad))
        need(cur.uint() == record["provider"], "a secret is not its record's provider's")
        parts = {"secret_access_key": cur.text(),
                 "session_token": cur.text() if record["provider"] == 1 else None}
        cur.end()
    except VaultError as error:
        parts = {"error": error.kind}
    return shown | parts


def read_vault(data, raw_passphrase):
    header, vault_id, generation, slots = parse_header(data)
    index, key, public = open_slot(data, vault_id, slots, passphrase_bytes(raw_passphrase))
    digest = hashlib.sha256(data[:-64]).digest()
    verify_strict(public, data[-64:], b"aumbry1 signature" + digest)
    plain = unseal(key, b"aumbry1 payload", header, data[len(header):-64])
    need(plain is not None, "the payload is not sealed under the slot's key")
    records, people = parse_body(plain, slots)
    record_key = hkdf(key, vault_id, b"aumbry1 records", 64)[:32]
    return {"vault_id": vault_id.hex(), "generation": generation, "opened_slot": index,
            "role": people[index]["role"], "people": people,
            "records": [show_record(record_key, vault_id, record) for record in records
                        if not record["name"].startswith("aumbry:")]}


def read_file(path, passphrase):
    with open(path, "rb") as file:
        need(os.fstat(file.fileno()).st_size <= MAX_FILE, "more than 1 GiB", "too_large")
        data = file.read(MAX_FILE + 1)  # bounded: the file may grow, or be a pipe
    return read_vault(data, passphrase)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["read"])
    parser.add_argument("file")
    parser.add_argument("--passphrase-file", required=True)
    args = parser.parse_args()
    try:
        with open(args.passphrase_file, "rb") as file:
            passphrase = file.read().removesuffix(b"\n")
        result = read_file(args.file, passphrase)
    except (VaultError, OSError, MemoryError) as error:
        # "io" is this command's own word: section 5 has no class for "could not read or derive".
        result = {"error": getattr(error, "kind", "io"), "message": str(error)}
    print(json.dumps(result))
    return 1 if "error" in result else 0


if __name__ == "__main__":
    sys.exit(main())
