//! Records whose secret breaks a rule: they are refused alone, and the vault opens.

use aumbry::Role::Administrator;
use aumbry::testing::Forge;
use serde_json::{Value, json};

use crate::parts::{ID, RawPerson, RawRecord, TIMES, body, text};
use crate::plan::{ANNA, Outcome, Vectors, kdf};

/// A record as a reader shows it.
pub(crate) fn shown(name: &str, secret: &str, token: Option<&str>) -> Value {
    json!({
        "name": name,
        "provider": if token.is_some() { "session" } else { "static" },
        "access_key_id": ID,
        "attributes": {},
        "created": TIMES.0,
        "updated": TIMES.1,
        "expires": null,
        "secret_access_key": secret,
        "session_token": token,
    })
}

fn anna(number: u64) -> Outcome<(Forge, Vec<RawPerson>)> {
    let forge = Forge::new(number).person("Anna", Administrator, ANNA, kdf())?;
    let people = RawPerson::all_of(&forge, &["Anna"])?;
    Ok((forge, people))
}

pub(crate) fn add(vectors: &mut Vectors) -> Outcome {
    let (mut forge, people) = anna(150)?;
    let good = RawRecord::new(&mut forge, "good", 0, b"\x00\x06secret")?;
    let mut damaged = |name: &str, record: &RawRecord, forge: &Forge| -> Outcome {
        let file = forge.build_body(&body(&[record.clone(), good.clone()], &people))?;
        let expected = [json!({ "name": "bad", "damaged": true }), shown("good", "secret", None)];
        vectors.opens(name, &file, ANNA, Administrator, &expected);
        Ok(())
    };

    // The plaintext authenticates and is no SecretPart, or not this record's.
    for (name, provider, plain) in [
        ("secret-empty", 0, &b""[..]),
        ("secret-of-the-other-provider", 0, b"\x01\x06secret\x05token"),
        ("secret-of-a-session-is-static", 1, b"\x00\x06secret"),
        ("secret-of-variant-2", 0, b"\x02\x06secret"),
        ("secret-of-variant-overlong", 0, b"\xfb\x00\x00\x06secret"),
        ("secret-length-inside-overlong", 0, b"\x00\xfb\x06\x00secret"),
        ("secret-length-inside-huge", 0, b"\x00\xfd\x00\x00\x00\x00\x00\x00\x00\x80secret"),
        ("secret-cut-off", 0, b"\x00\x06secre"),
        ("secret-with-byte-behind", 0, b"\x00\x06secret\x00"),
        ("secret-not-utf-8", 0, b"\x00\x06secre\xff"),
        ("session-token-missing", 1, b"\x01\x06secret"),
        ("session-token-not-utf-8", 1, b"\x01\x06secret\x05tok\xed\xa0"),
        ("session-token-length-overlong", 1, b"\x01\x06secret\xfb\x05\x00token"),
        ("session-token-with-byte-behind", 1, b"\x01\x06secret\x05token\x00"),
    ] {
        let record = RawRecord::new(&mut forge, "bad", provider, plain)?;
        damaged(name, &record, &forge)?;
    }

    // Sealed to something else than the record it stands in.
    let plain = b"\x00\x06secret";
    let right = RawRecord::new(&mut forge, "bad", 0, plain)?;
    let (mut other_vault, _) = anna(151)?;
    let altered_at = |at: usize| -> RawRecord {
        let mut record = right.clone();
        record.secret.iter_mut().skip(1 + at).take(1).for_each(|byte| *byte ^= 1);
        record
    };
    let (nonce, ciphertext) = (altered_at(0), altered_at(12));
    let with_secret = |secret: Vec<u8>| RawRecord { secret: text(&secret), ..right.clone() };
    let (of_name, of_id, of_provider, of_vault) = (
        with_secret(forge.sealed_plaintext("good", 0, ID, plain)?),
        with_secret(forge.sealed_plaintext("bad", 0, "AKIAOTHER", plain)?),
        with_secret(forge.sealed_plaintext("bad", 1, ID, plain)?),
        with_secret(other_vault.sealed_plaintext("bad", 0, ID, plain)?),
    );
    for (name, record) in [
        ("secret-nonce-altered", nonce),
        ("secret-ciphertext-altered", ciphertext),
        ("secret-of-another-name", of_name),
        ("secret-of-another-access-key-id", of_id),
        ("secret-sealed-for-the-other-provider", of_provider),
        ("secret-of-another-vault", of_vault),
    ] {
        damaged(name, &record, &forge)?;
    }
    Ok(())
}
