//! Every limit of the format, at it and beyond it.

use aumbry::ErrorKind::{self, Damaged, InvalidFile, Unsupported, WrongPassphrase};
use aumbry::testing::Forge;

use crate::common::{cheap, tell};
use crate::hostile::bodies::Bench;
use crate::hostile::oracle::{Body, Record};
use crate::hostile::scene::{ANNA, Case, Refused, SLOT, SLOT_LEN, cases, repaired, with};

/// A header that must be refused before any key derivation, with its class.
pub(crate) struct Beyond {
    pub(crate) what: String,
    pub(crate) file: Vec<u8>,
    pub(crate) expected: ErrorKind,
}

/// In a slot: offset and bytes, beyond a limit and at it.
const SLOT_LIMITS: [(&str, usize, [u32; 3], &[u32]); 3] = [
    ("memory", 4, [0, 8191, (1 << 20) + 1], &[8192, 1 << 20]),
    ("passes", 8, [0, 65, u32::MAX], &[1, 64]),
    ("lanes", 12, [0, 9, u32::MAX], &[1, 8]),
];

/// Every limit of the header exceeded, all checksums right.
pub(crate) fn beyond_the_header(file: &[u8], slots: usize) -> Vec<Beyond> {
    let mut made = Vec::new();
    let mut add =
        |what: String, file: Vec<u8>, expected| made.push(Beyond { what, file: repaired(file), expected });
    let len = file.len() as u64;
    for byte in 0..8 {
        add(format!("magic byte {byte}"), with(file, byte, &[file[byte] ^ 0x20]), InvalidFile);
    }
    for other in [0, 2, 3, 0x100, u16::MAX] {
        add(format!("version {other}"), with(file, 8, &other.to_le_bytes()), Unsupported);
        add(format!("suite {other}"), with(file, 10, &other.to_le_bytes()), Unsupported);
    }
    for at in (12..16).chain(50..56) {
        for value in [1, 0x80, 0xff] {
            add(format!("zero field at {at}"), with(file, at, &[value]), Damaged);
        }
    }
    let lengths = [0, 1, len - 1024, len - 1, len + 1, len + 1024, 1 << 30, (1 << 30) + 1, 1 << 63, u64::MAX];
    for length in lengths {
        add(format!("stored length {length}"), with(file, 16, &length.to_le_bytes()), Damaged);
    }
    add("generation 0".into(), with(file, 40, &[0; 8]), Damaged);
    for count in [0, slots + 1, 32, 33, 34, 255, 256, 0x8000, 0xffff] {
        let count = u16::try_from(count).unwrap();
        // No checksum is where this count says.
        add(format!("{count} slots"), with(file, 48, &count.to_le_bytes()), Damaged);
    }
    for slot in 0..slots {
        let start = SLOT + slot * SLOT_LEN;
        let name = |what: &str| format!("slot {slot}: {what}");
        for role in [0, 3, 4, 0x80, 0xff] {
            add(name(&format!("role {role}")), with(file, start, &[role]), Damaged);
        }
        for hint in [2, 3, 0x80, 0xff] {
            add(name(&format!("hint {hint}")), with(file, start + 1, &[hint]), Damaged);
        }
        for zero in [1, 0x100, 0xffff_u16] {
            add(name(&format!("zero field {zero}")), with(file, start + 2, &zero.to_le_bytes()), Damaged);
        }
        for (what, at, beyond, _) in SLOT_LIMITS {
            for value in beyond.into_iter().chain([1 << 31, u32::MAX - 1]) {
                let file = with(file, start + at, &value.to_le_bytes());
                add(name(&format!("{what} {value}")), file, Damaged);
            }
        }
        for (m, t) in [(1_u32 << 20, 3_u32), ((1 << 15) + 1, 64), (1 << 20, 64), ((1 << 20) - 1, 3)] {
            let cost = [m.to_le_bytes(), t.to_le_bytes()].concat();
            add(name(&format!("{m} KiB in {t} passes")), with(file, start + 4, &cost), Damaged);
        }
    }
    let no_administrator = (0..slots).fold(file.to_vec(), |file, n| with(&file, SLOT + n * SLOT_LEN, &[2]));
    add("no administrator".into(), no_administrator, Damaged);
    if slots == 2 {
        let id = file[SLOT + 16..SLOT + 32].to_vec();
        add("two slots of one id".into(), with(file, SLOT + SLOT_LEN + 16, &id), Damaged);
    }
    made
}

#[test]
fn every_limit_of_the_header_is_refused_with_its_class() {
    for case in cases(1) {
        let mut refused = Refused::default();
        for Beyond { what, file, expected } in beyond_the_header(&case.file, case.slots) {
            refused.add(case.keks.open(file), expected, &what);
        }
        refused.tell(&format!("limits of the header, {}", case.what));
        assert!(refused.count() >= 100);
    }
}

/// The controls: what is at a limit goes on to the key derivation, where another key comes out.
#[test]
fn at_a_limit_the_key_derivation_decides() {
    let Case { file, keks, .. } = &cases(1)[0];
    let mut refused = Refused::default();
    for (what, at, _, allowed) in SLOT_LIMITS {
        for value in allowed.iter().filter(|value| file[SLOT + at..SLOT + at + 4] != value.to_le_bytes()) {
            let file = repaired(with(file, SLOT + at, &value.to_le_bytes()));
            refused.add(keks.open(file), WrongPassphrase, &format!("{what} {value}"));
        }
    }
    for (m, t) in [(1_u32 << 20, 2_u32), (1 << 15, 64)] {
        let cost = [m.to_le_bytes(), t.to_le_bytes()].concat();
        refused.add(keks.open(repaired(with(file, SLOT + 4, &cost))), WrongPassphrase, "the dearest slot");
    }
    refused.tell("controls, at a limit of the key derivation");
    assert_eq!(refused.count(), 5);
}

/// Four slots of the dearest kind are allowed, another one is not; nor are 33 slots.
#[test]
fn the_slots_of_a_vault_have_limits_together() {
    let crowd = |people: usize| {
        (0..people).fold(Forge::new(20), |forge, n| {
            forge.person(&format!("person {n}"), aumbry::Role::Administrator, ANNA, cheap()).unwrap()
        })
    };
    let mut refused = Refused::default();
    let dear = [(1_u32 << 20).to_le_bytes(), 2_u32.to_le_bytes()].concat();
    let file = crowd(5).build().unwrap();
    let keks = aumbry::testing::Keks::derive(&[&file], ANNA).unwrap();
    let with_dear = |count: usize| {
        repaired((0..count).fold(file.clone(), |file, n| with(&file, SLOT + n * SLOT_LEN + 4, &dear)))
    };
    refused.add(keks.open(with_dear(5)), Damaged, "five of the dearest slots");
    // 8192 KiB in one pass are one too many beside four of the dearest.
    refused.add(keks.open(with_dear(4)), Damaged, "four of the dearest slots and one of the cheapest");
    let file = crowd(33).build().unwrap();
    refused.add(keks.open(file), Damaged, "33 slots");
    refused.tell("slots together");
    let file = crowd(32).build().unwrap();
    assert!(
        aumbry::testing::Keks::derive(&[&file], ANNA).unwrap().open(file).is_ok(),
        "the control: 32 slots"
    );
}

#[test]
fn every_limit_of_the_body_is_held() {
    let first = |alter: fn(&mut Record)| move |body: &mut Body| alter(&mut body.records[0]);
    let text = |len: usize| "x".repeat(len);
    // One attribute: count 1, key 1 + 1, value's length 3, value.
    let attribute = |len: usize| vec![("k".to_owned(), "v".repeat(len - 6))];
    let bench = Bench::new();
    let body = Body::read(&bench.body);
    let (mut held, mut broken) = (0, 0);
    let mut both = |what: &str, at: &dyn Fn(&mut Body), beyond: &dyn Fn(&mut Body)| {
        for (alter, allowed) in [(at, true), (beyond, false)] {
            let mut body = body.clone();
            alter(&mut body);
            let opened = bench.open(&body.encode());
            if allowed {
                assert!(opened.is_ok(), "{what}, at the limit: {:?}", opened.map(drop));
                held += 1;
            } else {
                assert_eq!(opened.map(drop).unwrap_err().kind(), Damaged, "{what}, beyond the limit");
                broken += 1;
            }
        }
    };
    let name = |len| move |body: &mut Body| body.records[0].name = "a".repeat(len);
    both("shortest name", &name(1), &name(0));
    both("longest name", &name(1024), &name(1025));
    let id = |len| move |body: &mut Body| body.records[0].access_key_id = text(len);
    both("longest access key id", &id(1024), &id(1025));
    let attributes = |len| move |body: &mut Body| body.records[0].attributes = attribute(len);
    both("longest attributes", &attributes(16 << 10), &attributes((16 << 10) + 1));
    let secret = |len| move |body: &mut Body| body.records[0].secret = vec![7; len];
    both("shortest secret", &secret(28), &secret(27));
    both("longest secret", &secret((64 << 10) + 28), &secret((64 << 10) + 29));
    for (what, edge, beyond) in
        [("first second", -62_135_596_800_i64, -1_i64), ("last second", 253_402_300_799, 1)]
    {
        for (field, set) in [
            ("created", (|body, time| body.records[0].created = time) as fn(&mut Body, i64)),
            ("updated", |body, time| body.records[0].updated = time),
            ("expires", |body, time| body.records[0].expires = Some(time)),
            ("a person's created", |body, time| body.people[0].created = time),
        ] {
            let what = format!("{what} of {field}");
            both(&what, &|body| set(body, edge), &|body| set(body, edge + beyond));
            both(&what, &|body| set(body, 0), &|body| {
                set(body, if beyond < 0 { i64::MIN } else { i64::MAX });
            });
        }
    }
    both("providers", &first(|record| record.provider = 1), &first(|record| record.provider = 2));
    let label = |len| move |body: &mut Body| body.people[1].label = text(len);
    both("shortest label", &label(1), &label(0));
    both("longest label", &label(128), &label(129));
    let escrow = |len| move |body: &mut Body| body.people[1].escrow = vec![7; len];
    both("longest escrow", &escrow(112), &escrow(113));
    both("shortest escrow", &escrow(112), &escrow(111));
    tell(&format!("limits of the body: {broken} broken and refused, {held} kept and accepted"));
    assert_eq!((broken, held), (27, 27));
}
