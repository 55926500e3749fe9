//! Vaults that must open, for ever.

use aumbry::Role::{Administrator, Reader};
use aumbry::testing::Forge;
use serde_json::{Value, json};

use crate::plan::{ANNA, Outcome, Record, SERVER, Vectors, kdf, three_records, two_people, with_records};

pub(crate) fn add(vectors: &mut Vectors) -> Outcome {
    let expected = |records: &[Record]| -> Vec<Value> { records.iter().map(Record::expected).collect() };
    let anna = |number| Forge::new(number).person("Anna", Administrator, ANNA, kdf());

    vectors.opens("empty-vault", &anna(1)?.build()?, ANNA, Administrator, &[]);

    let three = three_records();
    let vault = with_records(two_people(2)?, &three)?.build()?;
    vectors.opens("two-people-three-records", &vault, ANNA, Administrator, &expected(&three));
    vectors.opens("two-people-three-records", &vault, SERVER, Reader, &expected(&three));
    vectors.refused("two-people-three-records", &vault, "somebody else's", "wrong_passphrase");

    let one = [Record::new("one")];
    let bits = std::array::from_fn(|n| u8::try_from(n).unwrap_or_default());
    let vault = with_records(anna(3)?.recovery_code("recovery code", bits, kdf())?, &one)?.build()?;
    for typed in [
        "aumbry1qqqsyqcyq5rqwzqfpg9scrgwpueefny4",
        "AUMBR-Y1QQQ-SYQCY-Q5RQW-ZQFPG-9SCRG-WPUEE-FNY4",
        " Aumbr y1qqq sYqcy q5rqw zqfpg 9scrg wpuee fny4 ",
    ] {
        vectors.opens("recovery-code", &vault, typed, Administrator, &expected(&one));
    }
    vectors.refused("recovery-code", &vault, "aumbry1qqqsyqcyq5rqwzqfpg9scrgwpueefny5", "wrong_passphrase");

    let mut full = Forge::new(4).person("Anna", Administrator, ANNA, kdf())?;
    for n in 1..32 {
        full = full.person(&format!("reader {n}"), Reader, &format!("passphrase {n}"), kdf())?;
    }
    let vault = with_records(full, &one)?.build()?;
    vectors.opens("thirty-two-slots", &vault, ANNA, Administrator, &expected(&one));
    vectors.opens("thirty-two-slots", &vault, "passphrase 3", Reader, &expected(&one));

    let mut names: Vec<Record> =
        ["S3", "s3", "a b", "é", "e\u{301}", "プロド", "\u{10000}", "\u{feff}zero width"]
            .map(Record::new)
            .into();
    names.sort_by(|a, b| a.name.cmp(&b.name));
    let vault = with_records(anna(5)?, &names)?.build()?;
    vectors.opens("names-compare-byte-by-byte", &vault, ANNA, Administrator, &expected(&names));

    let mut shown = vec![Record::new("Aumbry:shown"), Record::new("aumbry"), Record::new("b")];
    let mut all = shown.clone();
    all.push(Record::new("aumbry:pending:00"));
    let vault = with_records(anna(6)?, &all)?.build()?;
    shown.sort_by(|a, b| a.name.cmp(&b.name));
    vectors.opens("reserved-name-is-hidden", &vault, ANNA, Administrator, &expected(&shown));

    // Behind the key id, at 26, stand no attributes: here come `aumbry` and `aumbry.of` instead.
    let forge = with_records(anna(10)?, &one)?;
    let mut records = forge.encoded_records();
    if let Some(record) = records.first_mut() {
        record.splice(26..27, b"\x02\x06aumbry\x05shown\x09aumbry.of\x06hidden".iter().copied());
    }
    let mut shown = one.clone();
    shown.iter_mut().for_each(|record| record.attributes = vec![("aumbry".into(), "shown".into())]);
    let vault = forge.build_body(&forge.body_of(&records)?)?;
    vectors.opens("reserved-attribute-is-hidden", &vault, ANNA, Administrator, &expected(&shown));

    let mut longest = Record::new(&"n".repeat(1024));
    longest.id = "I".repeat(1024);
    longest.secret = "s".repeat(65_000);
    // One attribute: count 1, key 1 + 1, value's length 3, value.
    longest.attributes = vec![("k".into(), "v".repeat(16_384 - 6))];
    longest.times = (-62_135_596_800, 253_402_300_799);
    let longest = [longest];
    let vault = with_records(anna(7)?.generation(u64::MAX), &longest)?.build()?;
    vectors.opens("longest-fields", &vault, ANNA, Administrator, &expected(&longest));

    let forge = with_records(anna(8)?, &three)?;
    let mut records = forge.encoded_records();
    let mut damaged = expected(&three);
    if let (Some(tag), Some(uploads)) =
        (records.get_mut(1).and_then(|record| record.last_mut()), damaged.get_mut(1))
    {
        *tag ^= 1;
        *uploads = json!({ "name": "s3-uploads", "damaged": true });
    }
    let vault = forge.build_body(&forge.body_of(&records)?)?;
    vectors.opens("one-secret-is-damaged", &vault, ANNA, Administrator, &damaged);

    let long = "x".repeat(1024);
    let vault = Forge::new(9).person("Anna", Administrator, &long, kdf())?.build()?;
    vectors.opens("longest-passphrase", &vault, &long, Administrator, &[]);
    Ok(())
}
