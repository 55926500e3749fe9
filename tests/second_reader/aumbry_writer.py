"""Writes an aumbry vault, format version 1, from a JSON description. Written from docs/format.md alone.

    python3 aumbry_writer.py SPEC.json OUT
"""
import hashlib
import hmac
import json
import os
import struct
import sys

import aumbry_reader as reader
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ROLES = {name: number for number, name in reader.ROLES.items()}
HINTS = {name: number for number, name in reader.HINTS.items()}
PROVIDERS = {name: number for number, name in reader.PROVIDERS.items()}


def recovery_code(entropy):
    """The canonical form of the recovery code of 16 bytes (Bech32m, BIP 350)."""
    if len(entropy) != 16:
        raise ValueError("a recovery code has 16 bytes")
    bits = int.from_bytes(entropy, "big") << 2  # 128 bits, then two zero bits: 26 times 5
    data = [bits >> shift & 31 for shift in range(125, -1, -5)]
    expanded = [c >> 5 for c in b"aumbry"] + [0] + [c & 31 for c in b"aumbry"]
    check = reader.bech32m_polymod(expanded + data + [0] * 6) ^ 0x2BC830A3
    data += [check >> shift & 31 for shift in range(25, -1, -5)]
    return "aumbry1" + bytes(reader.BECH32[value] for value in data).decode()


def mac(key, *parts):
    return hmac.digest(key, b"".join(parts), "sha256")


def u64(value):
    return struct.pack("<Q", value)


def seal(key, label, aad, plain):
    salt = mac(key, b"aumbry1 salt", os.urandom(32), u64(len(aad)), aad, plain)
    okm = reader.hkdf(key, salt, label, 64)
    return salt + okm[32:] + AESGCM(okm[:32]).encrypt(bytes(12), plain, aad)


def uint(value):
    if value < 251:
        return bytes([value])
    if value < 1 << 16:
        return b"\xfb" + struct.pack("<H", value)
    if value < 1 << 32:
        return b"\xfc" + struct.pack("<I", value)
    return b"\xfd" + u64(value)


def sint(value):
    return uint(2 * value if value >= 0 else -2 * value - 1)


def blob(data):
    return uint(len(data)) + data


def text(string):
    return blob(string.encode("utf-8"))


def secret_part(record):
    plain = uint(PROVIDERS[record["provider"]]) + text(record["secret_access_key"])
    return plain + text(record["session_token"]) if record["provider"] == "session" else plain


def seal_secret(key, vault_id, record, plain):
    keys = reader.hkdf(key, vault_id, b"aumbry1 records", 64)
    aad = (vault_id + reader.lp(record["name"].encode())
           + struct.pack("<I", PROVIDERS[record["provider"]])
           + reader.lp(record["access_key_id"].encode()))
    nonce = mac(keys[32:], os.urandom(32), u64(len(aad)), aad, plain)[:12]
    return nonce + AESGCM(keys[:32]).encrypt(nonce, plain, aad)


def encode_record(record, secret):
    attributes = sorted((key.encode(), value.encode())
                        for key, value in record.get("attributes", {}).items())
    expires = record.get("expires")
    return b"".join([
        text(record["name"]), uint(PROVIDERS[record["provider"]]), text(record["access_key_id"]),
        uint(len(attributes)), *(blob(key) + blob(value) for key, value in attributes),
        sint(record["created"]), sint(record["updated"]),
        b"\0" if expires is None else b"\1" + sint(expires), blob(secret)])


def escrow(seed, vault_id, slot):
    admin_key = reader.hkdf(seed, vault_id, b"aumbry1 administrator", 32)
    return seal(admin_key, b"aumbry1 escrow", vault_id + slot["salt"], slot["kek"])


def encode_body(records, people):
    """From finished pieces: encoded records, and (id, label, created, escrow) for each slot."""
    return b"".join([uint(1), uint(len(records)), *records, uint(len(people)),
                     *(i + text(label) + sint(created) + blob(e)
                       for i, label, created, e in people)])


def pad(body):
    plain = u64(len(body)) + body
    return plain + bytes(-len(plain) % 1024)


def header(vault_id, generation, slots, key, plain_len):
    """Each slot: role, hint, m, t, p, salt, kek, x (the seed, or its public key)."""
    length = 88 + 176 * len(slots) + 80 + plain_len + 64
    head = b"AUMBRY\x1a\n" + struct.pack("<HHIQ", 1, 1, 0, length)
    head += vault_id + struct.pack("<QH6x", generation, len(slots))
    for slot in slots:
        start = struct.pack("<BBHIII", slot["role"], slot["hint"], 0,
                            slot["m"], slot["t"], slot["p"]) + slot["salt"]
        aad = head[:12] + vault_id + start
        head += start + seal(slot["kek"], b"aumbry1 slot", aad, key + slot["x"])
    return head + hashlib.sha256(head).digest()


def sign(seed, unsigned):
    message = b"aumbry1 signature" + hashlib.sha256(unsigned).digest()
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def make_slot(person, seed):
    m, t, p = person["m"], person["t"], person["p"]
    if m < 19 * 1024 or m * t < 38 * 1024:
        raise ValueError("a slot below the writer's floor")
    typed = person["passphrase"] if "passphrase" in person else person["recovery_code"]
    passphrase = reader.passphrase_bytes(typed.encode("utf-8"))
    if not 1 <= len(passphrase) <= 1024:
        raise ValueError("a passphrase has 1 to 1024 bytes")
    if "passphrase" not in person and not reader.is_recovery_code(passphrase):
        raise ValueError("not a recovery code")
    role, salt = ROLES[person["role"]], os.urandom(16)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return {"role": role, "hint": HINTS[person["hint"]], "m": m, "t": t, "p": p, "salt": salt,
            "kek": reader.argon2(passphrase, salt, m, t, p), "x": seed if role == 1 else public}


def build(spec):
    vault_id, key, seed = os.urandom(16), os.urandom(32), os.urandom(32)
    slots = [make_slot(person, seed) for person in spec["people"]]
    records = [encode_record(record, seal_secret(key, vault_id, record, secret_part(record)))
               for record in sorted(spec["records"], key=lambda record: record["name"].encode())]
    people = [(slot["salt"], person["label"], person["created"], escrow(seed, vault_id, slot))
              for slot, person in zip(slots, spec["people"])]
    plain = pad(encode_body(records, people))
    head = header(vault_id, spec.get("generation", 1), slots, key, len(plain))
    unsigned = head + seal(key, b"aumbry1 payload", head, plain)
    vault = unsigned + sign(seed, unsigned)
    # The reader knows every rule; what it refuses must not be written.
    first = spec["people"][0]
    typed = first["passphrase"] if "passphrase" in first else first["recovery_code"]
    if any("error" in record for record in reader.read_vault(vault, typed.encode())["records"]):
        raise ValueError("a secret does not open again")
    return vault


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        vault = build(json.load(file))
    with open(os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(vault)


if __name__ == "__main__":
    main()
