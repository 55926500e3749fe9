//! Signed bodies that break one rule of the encoding, or one limit of a field.

use crate::parts::{RawPerson, RawRecord, body, in_form, overlong, overlong_text, text, time};
use crate::plan::{ANNA, Outcome, Vectors, two_people};
use crate::refused::{DAMAGED, NEWER};

const SECRET: &[u8] = b"\x00\x06secret";
const YEAR_10000: i64 = 253_402_300_800;
const YEAR_0: i64 = -62_135_596_801;

pub(crate) fn add(vectors: &mut Vectors) -> Outcome {
    let mut forge = two_people(140)?;
    let people = RawPerson::all_of(&forge, &["Anna", "build server"])?;
    let mut right = RawRecord::new(&mut forge, "backup", 0, SECRET)?;
    right.attributes = b"\x01\x01k\x01v".to_vec();
    let of_name = |forge: &mut _, name: &str| RawRecord::new(forge, name, 0, SECRET);
    let (second, reserved) = (of_name(&mut forge, "c")?, of_name(&mut forge, "aumbry:pending:00")?);
    let mut refuse = |name: &str, body: &[u8], class: &str| -> Outcome {
        vectors.refused(name, &forge.build_body(body)?, ANNA, class);
        Ok(())
    };

    // The control: what all these are made from is right.
    let whole = body(&[right.clone(), second.clone()], &people);
    assert!(aumbry::testing::Keks::derive(&[&forge.build()?], ANNA)?.open(forge.build_body(&whole)?).is_ok());

    let behind = |from: usize| whole.get(from..).unwrap_or_default();
    refuse("schema-0", &[&[0], behind(1)].concat(), NEWER)?;
    refuse("schema-251", &[&in_form(251, 251), behind(1)].concat(), NEWER)?;
    refuse("schema-2-and-nothing-else", &[2], NEWER)?;
    refuse("schema-of-form-254", &[&[254, 1], behind(1)].concat(), DAMAGED)?;
    refuse("record-count-overlong", &[&[1, 251, 2, 0], behind(2)].concat(), DAMAGED)?;
    refuse("record-count-one-more", &[&[1, 3], behind(2)].concat(), DAMAGED)?;
    refuse("record-count-one-less", &[&[1, 1], behind(2)].concat(), DAMAGED)?;
    let beyond = in_form(252, 4_000_001);
    refuse("record-count-beyond-4000000", &[&[1], beyond.as_slice(), behind(2)].concat(), DAMAGED)?;

    type Alteration = (&'static str, fn(&mut RawRecord));
    let alterations: [Alteration; 38] = [
        ("name-with-nul", |r| r.name = text(b"back\0up")),
        ("name-with-line-feed", |r| r.name = text(b"back\nup")),
        ("name-with-trailing-line-feed", |r| r.name = text(b"backup\n")),
        ("name-with-trailing-space", |r| r.name = text(b"backup ")),
        ("name-of-a-space", |r| r.name = text(b" ")),
        ("name-with-leading-ideographic-space", |r| r.name = text("\u{3000}backup".as_bytes())),
        ("name-with-leading-ogham-space", |r| r.name = text("\u{1680}backup".as_bytes())),
        ("name-with-trailing-hair-space", |r| r.name = text("backup\u{200a}".as_bytes())),
        ("name-with-trailing-line-separator", |r| r.name = text("backup\u{2028}".as_bytes())),
        ("name-with-surrogate", |r| r.name = text(b"back\xed\xa0\x80up")),
        ("name-with-overlong-utf-8", |r| r.name = text(b"back\xc1\xa1up")),
        ("name-beyond-unicode", |r| r.name = text(b"back\xf4\x90\x80\x80up")),
        ("name-with-utf-8-cut-off", |r| r.name = text(b"backup\xe2\x82")),
        ("name-length-huge", |r| r.name = [in_form(253, 1 << 63).as_slice(), b"backup"].concat()),
        ("provider-overlong", |r| r.provider = vec![251, 0, 0]),
        ("provider-huge", |r| r.provider = in_form(253, u64::MAX)),
        ("access-key-id-not-utf-8", |r| r.id = text(b"AKIA\xff")),
        ("access-key-id-length-overlong", |r| r.id = overlong_text(&r.id)),
        ("access-key-id-length-huge", |r| r.id = in_form(253, u64::MAX)),
        ("attribute-count-overlong", |r| r.attributes = b"\xfb\x01\x00\x01k\x01v".to_vec()),
        ("attribute-count-one-more", |r| r.attributes = b"\x02\x01k\x01v".to_vec()),
        ("attribute-key-not-utf-8", |r| r.attributes = b"\x01\x01\xff\x01v".to_vec()),
        ("attribute-key-length-overlong", |r| r.attributes = b"\x01\xfb\x01\x00k\x01v".to_vec()),
        ("attribute-value-not-utf-8", |r| r.attributes = b"\x01\x01k\x01\x80".to_vec()),
        ("attribute-value-length-overlong", |r| r.attributes = b"\x01\x01k\xfc\x01\x00\x00\x00v".to_vec()),
        ("attribute-value-length-huge", |r| {
            r.attributes = [&b"\x01\x01k"[..], &in_form(253, 1 << 63)].concat();
        }),
        ("created-overlong", |r| r.created = overlong(&r.created)),
        ("created-least-number", |r| r.created = time(i64::MIN)),
        ("created-greatest-number", |r| r.created = time(i64::MAX)),
        ("created-of-form-255", |r| r.created = vec![255, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("updated-overlong", |r| r.updated = overlong(&r.updated)),
        ("updated-in-year-10000", |r| r.updated = time(YEAR_10000)),
        ("updated-in-year-0", |r| r.updated = time(YEAR_0)),
        ("expires-in-year-10000", |r| r.expires = [&[1], time(YEAR_10000).as_slice()].concat()),
        ("expires-in-year-0", |r| r.expires = [&[1], time(YEAR_0).as_slice()].concat()),
        ("expires-overlong", |r| r.expires = vec![1, 251, 2, 0]),
        ("secret-length-overlong", |r| r.secret = overlong_text(&r.secret)),
        ("secret-length-huge", |r| r.secret = in_form(253, 1 << 63)),
    ];
    for (name, alter) in alterations {
        let mut record = right.clone();
        alter(&mut record);
        refuse(name, &body(&[record, second.clone()], &people), DAMAGED)?;
    }
    // What is reserved is hidden, and no rule is waived for it.
    let unordered = body(&[right.clone(), reserved.clone()], &people);
    refuse("reserved-name-not-in-order", &unordered, DAMAGED)?;
    let mut reserved = reserved;
    reserved.name = text(b"aumbry:pending:\x00");
    refuse("reserved-name-with-control-character", &body(&[reserved, right.clone()], &people), DAMAGED)?;

    type OfPeople = (&'static str, fn(&mut Vec<RawPerson>));
    let of_people: [OfPeople; 13] = [
        ("label-not-utf-8", |people| people[0].label = text(b"Anna\xff")),
        ("label-length-overlong", |people| people[0].label = overlong_text(&people[0].label)),
        ("label-length-huge", |people| people[1].label = in_form(253, 1 << 63)),
        ("person-created-in-year-10000", |people| people[0].created = time(YEAR_10000)),
        ("person-created-in-year-0", |people| people[1].created = time(YEAR_0)),
        ("person-created-overlong", |people| people[0].created = overlong(&people[0].created)),
        ("escrow-of-111-bytes", |people| people[0].escrow = text(&people[0].escrow[2..])),
        ("escrow-of-113-bytes", |people| people[0].escrow = text(&people[0].escrow.clone())),
        ("escrow-length-overlong", |people| people[0].escrow = overlong_text(&people[0].escrow)),
        ("person-of-another-id", |people| people[1].id[0] ^= 1),
        ("people-in-another-order", |people| people.reverse()),
        ("person-twice", |people| people.push(people[1].clone())),
        ("nobody", Vec::clear),
    ];
    for (name, alter) in of_people {
        let mut people = people.clone();
        alter(&mut people);
        refuse(name, &body(&[right.clone()], &people), DAMAGED)?;
    }
    let records = body(&[right.clone()], &[]);
    let before = records.get(..records.len() - 1).unwrap_or_default();
    let them = people.iter().flat_map(RawPerson::bytes).collect::<Vec<_>>();
    refuse("people-count-overlong", &[before, &[251, 2, 0], &them].concat(), DAMAGED)?;
    refuse("people-count-huge", &[before, &in_form(253, 1 << 63), &them].concat(), DAMAGED)?;
    Ok(())
}
