//! Files that must be refused, each with its class, named by their defect.

use aumbry::Role::{Administrator, Reader};
use aumbry::testing::Forge;

use crate::plan::{
    ANNA, Outcome, Record, SERVER, SLOT, SLOT_LEN, Vectors, flipped, kdf, repaired, three_records,
    two_people, with, with_records,
};

pub(crate) const DAMAGED: &str = "damaged";
pub(crate) const WRONG: &str = "wrong_passphrase";
pub(crate) const NEWER: &str = "unsupported_version";
const NOT_A_VAULT: &str = "not_a_vault";

pub(crate) fn good() -> Outcome<(Forge, Vec<u8>)> {
    let forge = with_records(two_people(100)?, &three_records())?;
    let file = forge.build()?;
    Ok((forge, file))
}

pub(crate) fn header(vectors: &mut Vectors) -> Outcome {
    let (_, file) = good()?;
    let len = file.len();
    let cut = |len: usize| file.iter().copied().take(len).collect::<Vec<_>>();
    let mut refuse = |name: &str, bytes: Vec<u8>, class| vectors.refused(name, &bytes, ANNA, class);

    refuse("empty-file", Vec::new(), NOT_A_VAULT);
    refuse("cut-in-magic", cut(7), NOT_A_VAULT);
    refuse("magic-with-another-line-end", with(&file, 6, b"\r\n"), NOT_A_VAULT);
    refuse("text-file", b"[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n".to_vec(), NOT_A_VAULT);
    refuse("cut-in-version", cut(9), DAMAGED);
    refuse("cut-in-header", cut(55), DAMAGED);
    refuse("cut-in-slots", cut(300), DAMAGED);
    refuse("cut-in-payload", cut(len - 1000), DAMAGED);
    refuse("last-byte-cut-off", cut(len - 1), DAMAGED);
    refuse("byte-appended", [file.as_slice(), b"\0"].concat(), DAMAGED);
    refuse("version-2", with(&file, 8, &[2, 0]), NEWER);
    refuse("version-0", with(&file, 8, &[0, 0]), NEWER);
    refuse("suite-2", with(&file, 10, &[2, 0]), NEWER);
    refuse("stored-length-wrong", repaired(flipped(&file, 16)), DAMAGED);
    refuse("checksum-not-repaired", flipped(&file, 24), DAMAGED);
    refuse("checksum-altered", flipped(&file, SLOT + 2 * SLOT_LEN), DAMAGED);
    for (name, at, bytes) in [
        ("first-zero-field-not-zero", 12, &[1, 0, 0, 0][..]),
        ("second-zero-field-not-zero", 50, &[0, 0, 0, 0, 0, 1]),
        ("generation-zero", 40, &[0; 8]),
        ("no-slots", 48, &[0, 0]),
        ("thirty-three-slots", 48, &[33, 0]),
        ("three-slots-in-room-for-two", 48, &[3, 0]),
        ("role-0", SLOT, &[0]),
        ("role-3", SLOT, &[3]),
        ("hint-2", SLOT + 1, &[2]),
        ("slot-zero-field-not-zero", SLOT + 2, &[0, 1]),
        ("kdf-memory-below-8-mib", SLOT + 4, &8191_u32.to_le_bytes()),
        ("kdf-memory-above-1-gib", SLOT + 4, &((1_u32 << 20) + 1).to_le_bytes()),
        ("kdf-no-passes", SLOT + 8, &0_u32.to_le_bytes()),
        ("kdf-65-passes", SLOT + 8, &65_u32.to_le_bytes()),
        ("kdf-no-lanes", SLOT + 12, &0_u32.to_le_bytes()),
        ("kdf-9-lanes", SLOT + 12, &9_u32.to_le_bytes()),
        ("no-administrator", SLOT, &[2]),
    ] {
        refuse(name, repaired(with(&file, at, bytes)), DAMAGED);
    }
    let dear = [(1_u32 << 20).to_le_bytes(), 3_u32.to_le_bytes()].concat();
    refuse("kdf-costs-too-much", repaired(with(&file, SLOT + 4, &dear)), DAMAGED);
    let id = file.get(SLOT + 16..SLOT + 32).unwrap_or_default().to_vec();
    refuse("two-slots-with-one-id", repaired(with(&file, SLOT + SLOT_LEN + 16, &id)), DAMAGED);

    let mut many = Forge::new(101);
    for n in 0..5 {
        many = many.person(&format!("person {n}"), Administrator, ANNA, kdf())?;
    }
    let dear = [(1_u32 << 20).to_le_bytes(), 2_u32.to_le_bytes()].concat();
    let file = (0..5).fold(many.build()?, |file, n| with(&file, SLOT + n * SLOT_LEN + 4, &dear));
    refuse("kdf-of-all-slots-costs-too-much", repaired(file), DAMAGED);
    Ok(())
}

pub(crate) fn slots(vectors: &mut Vectors) -> Outcome {
    let (_, file) = good()?;
    let mut refuse = |name: &str, at: usize, passphrase, class| {
        vectors.refused(name, &repaired(flipped(&file, at)), passphrase, class);
    };
    // One's own slot, with the checksum repaired.
    for (name, at, class) in [
        ("own-slot-hint-altered", SLOT + 1, DAMAGED),
        ("own-slot-memory-altered", SLOT + 4, WRONG),
        ("own-slot-passes-altered", SLOT + 9, DAMAGED), // 257 passes: out of range
        ("own-slot-salt-altered", SLOT + 16, WRONG),
        ("own-slot-seal-salt-altered", SLOT + 32, WRONG),
        ("own-slot-commitment-altered", SLOT + 64, WRONG),
        ("own-slot-ciphertext-altered", SLOT + 96, DAMAGED),
        ("own-slot-tag-altered", SLOT + 175, DAMAGED),
        ("vault-id-altered", 24, DAMAGED),
    ] {
        refuse(name, at, ANNA, class);
    }
    // Somebody else's slot: the signature covers it.
    refuse("other-slot-salt-altered", SLOT + SLOT_LEN + 16, ANNA, DAMAGED);
    refuse("other-slot-tag-altered", SLOT + SLOT_LEN + 175, ANNA, DAMAGED);
    refuse("generation-altered", 40, ANNA, DAMAGED);
    refuse("generation-altered-read-by-reader", 40, SERVER, DAMAGED);

    let two = Forge::new(102).person("Anna", Administrator, ANNA, kdf())?;
    let two = two.person("Bert", Administrator, SERVER, kdf())?;
    vectors.refused("own-slot-role-altered", &repaired(with(&two.build()?, SLOT, &[2])), ANNA, DAMAGED);

    // A reader trusts the key in the own slot, whatever that is.
    let stranger = Forge::new(103).misled_reader("build server", SERVER, kdf(), [7; 32])?;
    let stranger = stranger.person("Anna", Administrator, ANNA, kdf())?.build()?;
    vectors.refused("reader-trusts-no-point", &stranger, SERVER, DAMAGED);
    let neutral = std::array::from_fn(|n| u8::from(n == 0));
    let forge = Forge::new(104).misled_reader("build server", SERVER, kdf(), neutral)?;
    let forge = forge.person("Anna", Administrator, ANNA, kdf())?;
    vectors.refused("reader-trusts-key-of-small-order", &forge.build()?, SERVER, DAMAGED);
    // Signed "by" the neutral element: R neutral, S zero. Lenient verifiers accept it for any message.
    let file = forge.build()?;
    let forged = with(&file, file.len() - 64, &std::array::from_fn::<u8, 64, _>(|n| u8::from(n == 0)));
    vectors.refused("signature-of-small-order", &forged, SERVER, DAMAGED);
    vectors.refused("passphrase-of-nobody", &file, "nobody's", WRONG);
    Ok(())
}

pub(crate) fn signed_parts(vectors: &mut Vectors) -> Outcome {
    let (forge, file) = good()?;
    let header = SLOT + 2 * SLOT_LEN + 32;
    let signature = file.len() - 64;
    for (name, at) in [
        ("payload-seal-salt-altered", header),
        ("payload-commitment-altered", header + 32),
        ("payload-ciphertext-altered", header + 64),
        ("payload-tag-altered", signature - 1),
    ] {
        vectors.refused(name, &flipped(&file, at), ANNA, DAMAGED);
        // The signature is checked before the payload; these show that the payload is checked too.
        let signed = forge.resign(flipped(&file, at));
        vectors.refused(&format!("{name}-and-signed"), &signed, ANNA, DAMAGED);
    }
    vectors.refused("header-altered-and-signed", &forge.resign(flipped(&file, 40)), ANNA, DAMAGED);
    vectors.refused("signature-r-altered", &flipped(&file, signature), ANNA, DAMAGED);
    vectors.refused("signature-s-altered", &flipped(&file, signature + 32), ANNA, DAMAGED);
    vectors.refused("signature-s-out-of-range", &with(&file, file.len() - 1, &[0xff]), ANNA, DAMAGED);
    vectors.refused("signature-zero", &with(&file, signature, &[0; 64]), ANNA, DAMAGED);
    let other = with_records(two_people(105)?, &three_records())?;
    vectors.refused("signed-by-another-vault", &other.resign(file.clone()), SERVER, DAMAGED);
    Ok(())
}

pub(crate) fn bodies(vectors: &mut Vectors) -> Outcome {
    let (forge, _) = good()?;
    let body = forge.body()?;
    let mut plain = (body.len() as u64).to_le_bytes().to_vec();
    plain.extend_from_slice(&body);
    plain.resize(plain.len().next_multiple_of(1024), 0);
    let last = plain.len() - 1;
    let n = |value: u64| with(&plain, 0, &value.to_le_bytes());
    for (name, plaintext) in [
        ("padding-not-zero", flipped(&plain, last)),
        ("padding-too-long", [plain.as_slice(), &[0; 1024]].concat()),
        ("body-length-beyond-payload", n(plain.len() as u64)),
        ("body-length-huge", n(u64::MAX)),
        ("body-length-one-short", n(body.len() as u64 - 1)),
        ("body-length-one-more", n(body.len() as u64 + 1)),
    ] {
        vectors.refused(name, &forge.build_plaintext(&plaintext)?, ANNA, DAMAGED);
    }
    let schema = |bytes: &[u8]| [bytes, body.get(1..).unwrap_or_default()].concat();
    vectors.refused("schema-2", &forge.build_body(&schema(&[2]))?, ANNA, NEWER);
    vectors.refused("schema-overlong", &forge.build_body(&schema(&[251, 1, 0]))?, ANNA, DAMAGED);
    let huge = [&[1, 253][..], &(1_u64 << 63).to_le_bytes()].concat();
    vectors.refused("record-count-huge", &forge.build_body(&huge)?, ANNA, DAMAGED);
    vectors.refused("body-empty", &forge.build_body(&[])?, ANNA, DAMAGED);

    let mut refuse = |name: &str, records: &[Vec<u8>]| -> Outcome {
        let file = forge.build_body(&forge.body_of(records)?)?;
        vectors.refused(name, &file, ANNA, DAMAGED);
        Ok(())
    };
    let records = forge.encoded_records();
    let (first, rest) = records.split_first().ok_or("records")?;
    let reversed: Vec<_> = records.iter().rev().cloned().collect();
    refuse("records-not-in-order", &reversed)?;
    refuse("two-records-of-one-name", &[first.clone(), first.clone()])?;
    // A record starts with its name: a length, here "backup", then the provider.
    let behind = |bytes: &[u8], from: usize| [bytes, first.get(from..).unwrap_or_default()].concat();
    let record = |bytes: Vec<u8>| [&[bytes], rest].concat();
    refuse("name-empty", &record(behind(&[0], 7)))?;
    refuse("name-not-utf-8", &record(behind(b"\x06back\xffp", 7)))?;
    refuse("name-with-control-character", &record(behind(b"\x06back\x7fp", 7)))?;
    refuse("name-with-c1-control-character", &record(behind(b"\x06ba\xc2\x85up", 7)))?;
    refuse("name-with-leading-space", &record(behind(b"\x06 ackup", 7)))?;
    refuse("name-with-trailing-no-break-space", &record(behind(b"\x06back\xc2\xa0", 7)))?;
    let long = [&[251, 1, 4][..], "a".repeat(1025).as_bytes()].concat();
    refuse("name-of-1025-bytes", &record(behind(&long, 7)))?;
    refuse("name-length-overlong", &record(behind(b"\xfb\x06\x00backup", 7)))?;
    refuse("provider-2", &record(behind(b"\x06backup\x02", 8)))?;
    let long = [&b"\x06backup\x00"[..], &[251, 1, 4], "I".repeat(1025).as_bytes()].concat();
    refuse("access-key-id-of-1025-bytes", &record(behind(&long, 29)))?;
    // Behind the key id, at 29: no attributes, two times of five bytes, no expiry.
    let id = first.get(..29).unwrap_or_default();
    let attributes = |bytes: &[u8]| record([id, bytes, first.get(30..).unwrap_or_default()].concat());
    refuse("attributes-not-in-order", &attributes(b"\x02\x01b\x01v\x01a\x01v"))?;
    refuse("two-attributes-of-one-key", &attributes(b"\x02\x01a\x01v\x01a\x01v"))?;
    refuse("attribute-count-huge", &attributes(&[253, 255, 255, 255, 255, 255, 255, 255, 255]))?;
    let long = [&[1, 1, b'k', 251][..], &16_379_u16.to_le_bytes(), "v".repeat(16_379).as_bytes()].concat();
    refuse("attributes-of-16385-bytes", &attributes(&long))?;
    let times = |bytes: &[u8], from: usize| {
        record([first.get(..30).unwrap_or_default(), bytes, first.get(from..).unwrap_or_default()].concat())
    };
    let year_10000 = [&[253][..], &(253_402_300_800_u64 * 2).to_le_bytes()].concat();
    refuse("created-in-year-10000", &times(&year_10000, 35))?;
    let year_0 = [&[253][..], &(62_135_596_801_u64 * 2 - 1).to_le_bytes()].concat();
    refuse("created-in-year-0", &times(&year_0, 35))?;
    refuse("option-byte-2", &record(with(first, 40, &[2])))?;
    let short = [first.get(..41).unwrap_or_default(), &[27], &[0; 27]].concat();
    refuse("secret-of-27-bytes", &record(short))?;
    let long =
        [first.get(..41).unwrap_or_default(), &[252], &65_565_u32.to_le_bytes(), &[0; 65_565]].concat();
    refuse("secret-too-long", &record(long))?;

    people(vectors, &body, &forge)?;
    // The record that all this was cut from is as described.
    assert_eq!(first.len(), 41 + 1 + 28 + 2 + Record::new("backup").secret.len(), "where the fields stand");
    Ok(())
}

/// What the body says of people: it must be what the header says.
fn people(vectors: &mut Vectors, body: &[u8], forge: &Forge) -> Outcome {
    let same = two_people(100)?;
    for (name, forge) in [
        ("label-empty", Forge::new(110).person("", Administrator, ANNA, kdf())?),
        ("label-of-129-bytes", Forge::new(111).person(&"a".repeat(129), Administrator, ANNA, kdf())?),
        (
            "two-people-of-one-label",
            Forge::new(112).person("a", Administrator, ANNA, kdf())?.person("a", Reader, SERVER, kdf())?,
        ),
    ] {
        vectors.refused(name, &forge.build()?, ANNA, DAMAGED);
    }
    let one = Forge::new(100).person("Anna", Administrator, ANNA, kdf())?;
    vectors.refused("person-missing", &forge.build_body(&one.body()?)?, ANNA, DAMAGED);
    let trailing = [body, &[0]].concat();
    vectors.refused("byte-behind-body", &forge.build_body(&trailing)?, ANNA, DAMAGED);
    let swapped =
        Forge::new(113).person("b", Reader, SERVER, kdf())?.person("Anna", Administrator, ANNA, kdf())?;
    vectors.refused("people-of-another-vault", &forge.build_body(&swapped.body()?)?, ANNA, DAMAGED);
    let people = same.body()?;
    let cut = people.get(..people.len() - 1).unwrap_or_default();
    vectors.refused("escrow-cut-off", &forge.build_body(cut)?, ANNA, DAMAGED);
    Ok(())
}
