//! Vaults at the edge of what is allowed, which must open.

use aumbry::Role::{Administrator, Reader};
use aumbry::testing::Forge;
use aumbry::{KdfParameters, Lanes, MemoryKib, Passes};
use serde_json::{Value, json};

use crate::parts::{RawPerson, RawRecord, body, text, time};
use crate::plan::{ANNA, Outcome, SERVER, Vectors, kdf};
use crate::refused::{DAMAGED, WRONG};
use crate::secrets::shown;

const SECRET: &[u8] = b"\x00\x06secret";

fn with(mut record: Value, field: &str, value: Value) -> Value {
    if let Some(place) = record.get_mut(field) {
        *place = value;
    }
    record
}

pub(crate) fn add(vectors: &mut Vectors) -> Outcome {
    people(vectors)?;
    let mut forge = Forge::new(160).person("Anna", Administrator, ANNA, kdf())?;
    let people = RawPerson::all_of(&forge, &["Anna"])?;
    let one = RawRecord::new(&mut forge, "one", 0, SECRET)?;
    let plainly = || shown("one", "secret", None);
    let mut opens = |name: &str, forge: &Forge, records: &[RawRecord], expected: &[Value]| -> Outcome {
        let file = forge.build_body(&body(records, &people))?;
        vectors.opens(name, &file, ANNA, Administrator, expected);
        Ok(())
    };

    // What writers refuse and readers take.
    let mut empty = RawRecord::with_id(&mut forge, "one", 0, "", b"\x00\x00")?;
    empty.attributes = b"\x01\x00\x00".to_vec();
    let expected =
        with(with(shown("one", "", None), "access_key_id", json!("")), "attributes", json!({ "": "" }));
    opens("empty-fields", &forge, &[empty], &[expected])?;
    let empty = RawRecord::new(&mut forge, "one", 1, b"\x01\x00\x00")?;
    opens("empty-session", &forge, &[empty], &[shown("one", "", Some(""))])?;
    let mut keys = one.clone();
    keys.attributes = "\x03\x01 \x05a\nb\u{0}c\x01B\x01b\x02\u{e9}\x00".as_bytes().to_vec();
    let expected = with(plainly(), "attributes", json!({ " ": "a\nb\u{0}c", "B": "b", "\u{e9}": "" }));
    opens("attribute-keys-compare-byte-by-byte", &forge, &[keys], &[expected])?;

    for (name, expires) in [
        ("expires-at-the-end-of-time", 253_402_300_799_i64),
        ("expires-in-the-year-1", -62_135_596_800),
        ("expired-long-ago", 0),
        ("expires-before-1970", -1),
    ] {
        let record = RawRecord { expires: [&[1], time(expires).as_slice()].concat(), ..one.clone() };
        opens(name, &forge, &[record], &[with(plainly(), "expires", json!(expires))])?;
    }
    let at = RawRecord { created: time(-1), updated: time(125), ..one.clone() };
    let expected = with(with(plainly(), "created", json!(-1)), "updated", json!(125));
    opens("times-of-one-byte", &forge, &[at], &[expected])?;
    // 126 takes the form 251, as 252; −32769 takes the form 252, as 65537.
    let at = RawRecord { created: time(126), updated: time(-32_769), ..one.clone() };
    let expected = with(with(plainly(), "created", json!(126)), "updated", json!(-32_769));
    opens("times-in-the-middle-forms", &forge, &[at], &[expected])?;

    // Format characters are no control characters, and these are no white space.
    let names = ["\u{ad}soft", "\u{180e}vowel", "\u{200b}wide\u{200b}", "\u{202e}thgir", "\u{2060}join"];
    let records = names.map(|name| RawRecord::new(&mut forge, name, 0, SECRET));
    let records = records.into_iter().collect::<Outcome<Vec<_>>>()?;
    let expected = names.map(|name| shown(name, "secret", None));
    opens("names-with-format-characters", &forge, &records, &expected)?;

    // As long as a secret can be: 64 KiB of plaintext.
    let long = "s".repeat((64 << 10) - 4);
    let plain = [b"\x00".as_slice(), &text(long.as_bytes())].concat();
    let record = RawRecord::new(&mut forge, "one", 0, &plain)?;
    opens("longest-secret", &forge, &[record], &[shown("one", &long, None)])?;
    let token = "t".repeat((64 << 10) - 5 - 6);
    let plain = [b"\x01\x06secret".as_slice(), &text(token.as_bytes())].concat();
    let record = RawRecord::new(&mut forge, "one", 1, &plain)?;
    opens("longest-session-token", &forge, &[record], &[shown("one", "secret", Some(&token))])?;

    // An attribute as long as it takes to leave so much for the padding.
    for (name, padding) in [("padding-of-no-byte", 0), ("padding-of-1023-bytes", 1023)] {
        let filled = |len: usize| {
            let value = "v".repeat(len);
            let attributes = [b"\x01\x01k".as_slice(), &text(value.as_bytes())].concat();
            (RawRecord { attributes, ..one.clone() }, value)
        };
        let left = |record: &RawRecord| {
            let len = 8 + body(std::slice::from_ref(record), &people).len();
            len.next_multiple_of(1024) - len
        };
        let (record, value) =
            (300..2000).map(filled).find(|(record, _)| left(record) == padding).ok_or("a length")?;
        opens(name, &forge, &[record], &[with(plainly(), "attributes", json!({ "k": value }))])?;
    }
    // A whole block of padding where none is needed.
    let full = (300..2000).find_map(|len| {
        let attributes = [b"\x01\x01k".as_slice(), &text(&vec![b'v'; len])].concat();
        let body = body(&[RawRecord { attributes, ..one.clone() }], &people);
        (8 + body.len()).is_multiple_of(1024).then_some(body)
    });
    let full = full.ok_or("a length")?;
    let mut plain = [&(full.len() as u64).to_le_bytes(), full.as_slice()].concat();
    let wrapping = [&(u64::MAX - 7).to_le_bytes(), full.as_slice()].concat();
    plain.extend([0; 1024]);
    vectors.refused("padding-of-a-whole-block", &forge.build_plaintext(&plain)?, ANNA, DAMAGED);
    vectors.refused("body-length-wraps-around", &forge.build_plaintext(&wrapping)?, ANNA, DAMAGED);
    Ok(())
}

/// Slots, labels and codes.
fn people(vectors: &mut Vectors) -> Outcome {
    let costs = |memory, passes, lanes| -> Outcome<KdfParameters> {
        Ok(KdfParameters::new(MemoryKib::new(memory)?, Passes::new(passes)?, Lanes::new(lanes)?)?)
    };
    for (number, (name, kdf)) in
        [("kdf-64-passes", costs(8192, 64, 1)?), ("kdf-8-lanes", costs(8200, 1, 8)?)].into_iter().enumerate()
    {
        let forge = Forge::new(161 + number as u64).person("Anna", Administrator, ANNA, kdf)?;
        vectors.opens(name, &forge.build()?, ANNA, Administrator, &[]);
    }
    let last = Forge::new(163).generation(1 << 63).person("Anna", Administrator, ANNA, kdf())?;
    vectors.opens("generation-2-to-the-63", &last.build()?, ANNA, Administrator, &[]);

    let mut forge = Forge::new(164).person(&"l".repeat(128), Administrator, ANNA, kdf())?.person(
        "two\nlines \u{7f}",
        Reader,
        SERVER,
        kdf(),
    )?;
    let record = RawRecord::new(&mut forge, "one", 0, SECRET)?;
    let file = forge.build_body(
        &[&[1, 1], record.bytes().as_slice(), forge.body()?.get(2..).unwrap_or_default()].concat(),
    )?;
    let expected = [shown("one", "secret", None)];
    vectors.opens("labels-that-no-writer-makes", &file, ANNA, Administrator, &expected);
    vectors.opens("labels-that-no-writer-makes", &file, SERVER, Reader, &expected);

    let forge = Forge::new(165).person("Anna", Administrator, ANNA, kdf())?;
    let mut altered = RawPerson::all_of(&forge, &["Anna"])?;
    altered.iter_mut().filter_map(|person| person.escrow.last_mut()).for_each(|byte| *byte ^= 1);
    let file = forge.build_body(&body(&[], &altered))?;
    vectors.opens("escrow-that-does-not-open", &file, ANNA, Administrator, &[]);

    // The canonical form is used in every slot, whatever its hint.
    let code = "aumbry1qqqsyqcyq5rqwzqfpg9scrgwpueefny4";
    let file = Forge::new(166).person("Anna", Administrator, code, kdf())?.build()?;
    vectors.opens("recovery-code-in-a-passphrase-slot", &file, code, Administrator, &[]);
    let typed = "AUMBRY1 QQQSYQCYQ5RQWZQFPG9SCRGWPUEEFNY4";
    vectors.opens("recovery-code-in-a-passphrase-slot", &file, typed, Administrator, &[]);
    // No codes: other padding, and the older checksum. They are passphrases like any other, to the letter.
    for (number, (name, no_code)) in [
        ("code-with-other-padding-is-a-passphrase", "aumbry1qqqsyqcyq5rqwzqfpg9scrgwpay0axe8"),
        ("code-of-bech32-is-a-passphrase", "aumbry1qqqsyqcyq5rqwzqfpg9scrgwpuv9elph"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = Forge::new(167 + number as u64).person("Anna", Administrator, no_code, kdf())?.build()?;
        vectors.opens(name, &file, no_code, Administrator, &[]);
        vectors.refused(name, &file, &no_code.to_uppercase(), WRONG);
        vectors.refused(name, &file, &no_code.replace("aumbry1", "aumbry1 "), WRONG);
    }
    Ok(())
}
