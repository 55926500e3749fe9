use proptest::prelude::*;

use super::*;
use crate::format::codec::decode;
use crate::format::people::{ESCROW_LEN, MAX_LABEL};
use crate::id::SlotId;

/// The whole body as `docs/format.md` defines it, encoded and decoded by bincode only.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Body<'a> {
    schema: u16,
    #[serde(borrow)]
    records: Vec<WireRecord<'a>>,
    #[serde(borrow)]
    slots: Vec<WireSlotMeta<'a>>,
}

#[derive(Clone, Debug)]
struct OwnedRecord {
    name: String,
    session: bool,
    access_key_id: String,
    attributes: std::collections::BTreeMap<String, String>,
    times: (i64, i64, Option<i64>),
    secret: Vec<u8>,
}

impl OwnedRecord {
    fn wire(&self) -> WireRecord<'_> {
        WireRecord {
            name: &self.name,
            provider: if self.session { WireProvider::Session } else { WireProvider::Static },
            access_key_id: &self.access_key_id,
            attributes: self.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect(),
            created: self.times.0,
            updated: self.times.1,
            expires: self.times.2,
            secret: &self.secret,
        }
    }
}

fn record() -> impl Strategy<Value = OwnedRecord> {
    let time = FIRST_TIME..=LAST_TIME;
    (
        "[a-zé:/ ]{0,40}x",
        any::<bool>(),
        "[A-Z0-9]{0,300}",
        proptest::collection::btree_map("[a-z.]{1,12}", "\\PC{0,30}", 0..5),
        (time.clone(), time.clone(), proptest::option::of(time)),
        proptest::collection::vec(any::<u8>(), 28..400),
    )
        .prop_map(|(name, session, access_key_id, attributes, times, secret)| OwnedRecord {
            name: name.trim_start().to_owned(),
            session,
            access_key_id,
            attributes,
            times,
            secret,
        })
}

fn records() -> impl Strategy<Value = Vec<OwnedRecord>> {
    proptest::collection::vec(record(), 0..20).prop_map(|mut records| {
        records.sort_by(|a, b| a.name.cmp(&b.name));
        records.dedup_by(|a, b| a.name == b.name);
        records
    })
}

const ESCROW: [u8; ESCROW_LEN] = [3; ESCROW_LEN];

fn people(count: u8) -> Vec<SlotMeta> {
    (0..count)
        .map(|n| SlotMeta {
            id: SlotId::from_bytes([n; 16]),
            label: format!("person {n}").into(),
            created: 5,
            escrow: ESCROW,
        })
        .collect()
}

fn encode(records: &[OwnedRecord], people: &[SlotMeta]) -> Vec<u8> {
    let body = Body {
        schema: 1,
        records: records.iter().map(OwnedRecord::wire).collect(),
        slots: people.iter().map(SlotMeta::wire).collect(),
    };
    bincode::serde::encode_to_vec(&body, bincode::config::standard()).unwrap()
}

proptest! {
    #[test]
    fn the_scan_finds_what_bincode_decodes(records in records(), count in 1..5_u8) {
        let people = people(count);
        let bytes = encode(&records, &people);
        let scanned = scan(&bytes).unwrap();
        prop_assert_eq!(&scanned.people, &people);
        prop_assert_eq!(scanned.records.len(), records.len());
        for (offset, record) in scanned.records.iter().zip(&records) {
            let (view, _) = RecordView::read(&bytes[*offset as usize..]).unwrap();
            let wire = record.wire();
            prop_assert_eq!(view.name, wire.name);
            prop_assert_eq!(WireProvider::from(view.provider), wire.provider);
            prop_assert_eq!(view.access_key_id, wire.access_key_id);
            prop_assert_eq!(view.attributes().collect::<Vec<_>>(), wire.attributes);
            prop_assert_eq!((view.created, view.updated, view.expires), record.times);
            prop_assert_eq!(view.secret, wire.secret);
        }
    }

    #[test]
    fn a_planned_body_equals_the_one_that_bincode_encodes(records in records(), count in 1..5_u8) {
        let people = people(count);
        let runs = records.iter().map(|record| Run::New(record.wire().encode().unwrap())).collect();
        let plan = BodyPlan { runs, count: records.len(), people: &people };
        let mut bytes = vec![0xff; plan.len()];
        plan.write_into(&mut bytes).unwrap();
        prop_assert_eq!(bytes, encode(&records, &people));
    }

    /// The scan accepts a body if and only if bincode decodes it, bincode encodes it to the same bytes, and
    /// the rules hold.
    #[test]
    fn the_scan_agrees_with_bincode_on_altered_bodies(
        records in records(), at: prop::sample::Index, byte: u8, cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = encode(&records, &people(2));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let decoded = decode::<Body<'_>>(&bytes);
        let rules = decoded.is_some_and(|body| {
            body.schema == 1
                && body.records.windows(2).all(|pair| pair[0].name < pair[1].name)
                && body.records.iter().all(|record| {
                    check_name(record.name).is_ok()
                        && record.access_key_id.len() <= MAX_ACCESS_KEY_ID
                        && record.attributes.windows(2).all(|pair| pair[0].0 < pair[1].0)
                        && [record.created, record.updated, record.expires.unwrap_or(0)]
                            .iter().all(|time| (FIRST_TIME..=LAST_TIME).contains(time))
                        && record.secret.len() >= record::OVERHEAD
                })
                && body.slots.iter().all(|slot| {
                    (1..=MAX_LABEL).contains(&slot.label.len())
                        && slot.escrow.len() == ESCROW_LEN
                        && (FIRST_TIME..=LAST_TIME).contains(&slot.created)
                        && body.slots.iter().filter(|other| other.label == slot.label).count() == 1
                })
        });
        prop_assert_eq!(scan(&bytes).is_ok(), rules);
    }
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused_before_allocating() {
    let bytes = bincode::serde::encode_to_vec((1_u16, u64::MAX), bincode::config::standard()).unwrap();
    assert_eq!(scan(&bytes).err().unwrap().kind(), ErrorKind::Damaged);
}

/// Returns a body with one record, whose text fields may be any bytes.
fn one_record(name: &[u8], access_key_id: &[u8], key: &[u8], value: &[u8]) -> Vec<u8> {
    // Encoded like text: the length, then the bytes.
    #[derive(Serialize)]
    struct Bytes<'a>(&'a [u8]);
    let record = (Bytes(name), WireProvider::Static, Bytes(access_key_id), vec![(Bytes(key), Bytes(value))]);
    let rest = (0_i64, 0_i64, None::<i64>, Bytes(&[7; record::OVERHEAD]), Vec::<WireSlotMeta<'_>>::new());
    bincode::serde::encode_to_vec((SCHEMA, 1_u8, record, rest), bincode::config::standard()).unwrap()
}

/// The rule for names in `docs/format.md`, applied to one character after the other.
fn is_name_by_the_format(bytes: &[u8]) -> bool {
    let is_white = |c: char| {
        matches!(
            c,
            ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}'
        ) || matches!(c, '\u{205f}' | '\u{3000}')
    };
    let is_control = |c: char| matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}');
    std::str::from_utf8(bytes).is_ok_and(|name| {
        (1..=1024).contains(&name.len())
            && !name.chars().any(is_control)
            && !name.starts_with(is_white)
            && !name.ends_with(is_white)
    })
}

/// ASCII is recognised eight bytes at a time; no other bytes may be taken for it.
#[test]
fn text_is_checked_by_the_same_rules_wherever_its_unusual_bytes_are() {
    let bytes = (0..=255).map(|byte| vec![byte]);
    let characters = "é\u{80}\u{85}\u{a0}\u{200b}\u{2028}\u{3000}\u{feff}🔑".chars();
    let unusual: Vec<Vec<u8>> = bytes.chain(characters.map(|c| c.to_string().into_bytes())).collect();
    let (mut names, mut texts) = ([0; 2], [0; 2]);
    let lengths = [0, 1, 6, 7, 8, 9, 16, 250, 1000, 1023, 1024];
    for (before, after) in lengths.iter().flat_map(|before| lengths.map(|after| (*before, after))) {
        for middle in unusual.iter().map(Vec::as_slice).chain([&[][..]]) {
            let text = [&vec![b'~'; before], middle, &vec![b'!'; after]].concat();
            let allowed = is_name_by_the_format(&text);
            assert_eq!(scan(&one_record(&text, b"", b"", b"")).is_ok(), allowed, "the name {text:?}");
            names[usize::from(allowed)] += 1;

            let allowed = std::str::from_utf8(&text).is_ok();
            for (what, body) in [
                ("attribute key", one_record(b"a", b"", &text, b"")),
                ("the value of an attribute", one_record(b"a", b"", b"", &text)),
            ] {
                assert_eq!(scan(&body).is_ok(), allowed, "{what} {text:?}");
            }
            let key_id = scan(&one_record(b"a", &text, b"", b""));
            assert_eq!(
                key_id.is_ok(),
                allowed && text.len() <= MAX_ACCESS_KEY_ID,
                "the access key id {text:?}"
            );
            texts[usize::from(allowed)] += 1;
        }
    }
    println!("{names:?} names and {texts:?} other texts were refused and allowed");
    assert!(names.iter().chain(&texts).all(|count| *count > 5_000));
}

#[test]
fn a_record_has_only_the_name_that_is_encoded_in_it() {
    let lengths = (1..20).chain(240..260).chain(500..520).chain(1020..=1024);
    let names: Vec<Vec<u8>> =
        lengths.flat_map(|len| [vec![b'a'; len], vec![251; len], vec![1; len]]).collect();
    let mut found = 0;
    for name in &names {
        let record = bincode::serde::encode_to_vec(&**name, bincode::config::standard()).unwrap();
        let record = [record, vec![b'a'; 2000]].concat(); // the bytes that follow look like more of the name
        for asked in &names {
            let is_named = RecordView::is_named(&record, asked);
            assert_eq!(is_named, asked == name, "{asked:?} of {name:?}");
            found += usize::from(is_named);
        }
    }
    assert_eq!(found, names.len());
    for cut in [
        &[][..],
        &[5],
        &[5, b'a', b'a'],
        &[251],
        &[251, 251],
        &[251, 251, 0, b'a'],
        &[251, 1, 0, b'a'],
        &[255],
    ] {
        assert!(names.iter().all(|asked| !RecordView::is_named(cut, asked)), "{cut:?}");
    }
}

proptest! {
    /// Valid secret parts, altered ones, and arbitrary bytes.
    #[test]
    fn secrets_are_read_as_bincode_reads_them(
        texts: (String, Option<String>),
        altered in prop::option::of((0..64_usize, any::<u8>())),
        after in prop::collection::vec(any::<u8>(), 0..2),
        anything in prop::collection::vec(0..6_u8, 0..12),
    ) {
        let part = match &texts {
            (key, None) => SecretPart::Static { secret_access_key: key },
            (key, Some(token)) => SecretPart::Session { secret_access_key: key, session_token: token },
        };
        let mut bytes = bincode::serde::encode_to_vec(&part, bincode::config::standard()).unwrap();
        prop_assert_eq!(SecretPart::read(&bytes), Some(part));
        if let Some((position, byte)) = altered {
            let position = position % bytes.len();
            bytes[position] = byte;
        }
        bytes.extend(after);
        prop_assert_eq!(SecretPart::read(&bytes), decode(&bytes));
        prop_assert_eq!(SecretPart::read(&anything), decode(&anything));
    }
}
