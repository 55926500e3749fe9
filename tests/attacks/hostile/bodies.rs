//! An administrator's own malformed body: sealed and signed as it should be, so only the rules protect the reader
//! . What bincode and [`oracle`](crate::hostile::oracle) make of it is what the library must.

use std::collections::BTreeMap;

use aumbry::testing::{Forge, Keks};
use aumbry::{ErrorKind, NewRecord, Role, Vault};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::common::{KEY_ID, SECRET, cheap, tell};
use crate::hostile::oracle::{self, Body};
use crate::hostile::scene::{ANNA, RON};

/// What came of many bodies.
pub(crate) struct Bench {
    pub(crate) forge: Forge,
    pub(crate) body: Vec<u8>,
    keks: Keks,
    slots: [[u8; 16]; 2],
    refused: BTreeMap<String, usize>,
    accepted: usize,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let session = NewRecord::new_session("session", KEY_ID, SECRET, "token")
            .unwrap()
            .attribute("endpoint_url", "https://s3.example.com")
            .and_then(|draft| draft.attribute("region", "é"))
            .unwrap()
            .expires(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000));
        let forge = Forge::new(3)
            .person("ron", Role::Reader, RON, cheap())
            .and_then(|forge| forge.person("änna", Role::Administrator, ANNA, cheap()))
            .and_then(|forge| forge.record(&NewRecord::new_static("a", KEY_ID, SECRET)?, -5, 1_750_000_000))
            .and_then(|forge| forge.record(&session, 1_700_000_000, 1_750_000_000))
            .unwrap();
        let (file, body) = (forge.build().unwrap(), forge.body().unwrap());
        let slots = [72, 72 + 176].map(|at| file[at..at + 16].try_into().unwrap());
        let keks = Keks::derive(&[&file], ANNA).unwrap();
        let mut bench = Self { forge, body, keks, slots, refused: BTreeMap::new(), accepted: 0 };
        bench.judge(&bench.body.clone(), "the control");
        assert_eq!(std::mem::take(&mut bench.accepted), 1, "the body that all are made from is right");
        bench
    }

    pub(crate) fn open(&self, body: &[u8]) -> aumbry::Result<Vault> {
        self.keks.open(self.forge.build_body(body).unwrap())
    }

    /// Opens the file with this body: refused as the oracle says, or whole.
    pub(crate) fn judge(&mut self, body: &[u8], what: &str) {
        match (self.open(body), oracle::refused(body, &self.slots)) {
            (Err(error), Some(expected)) => {
                assert_eq!(error.kind(), expected, "{what}: {error}");
                *self.refused.entry(format!("{expected:?}")).or_insert(0) += 1;
            }
            (Ok(vault), None) => {
                // Which secrets still open is another matter; that asking does no harm is not.
                let entries = vault.records().unwrap();
                entries.for_each(|entry| _ = vault.get_credentials(entry.name()).map(drop));
                assert_eq!(vault.people().unwrap().len(), 2);
                self.accepted += 1;
            }
            (opened, expected) => {
                let opened = opened.map(drop).map_err(|error| error.kind());
                panic!("{what}: {opened:?}, but by the format {expected:?}; body {body:02x?}");
            }
        }
    }

    #[track_caller]
    fn refuse(&mut self, body: &[u8], what: &str) {
        let before = self.accepted;
        self.judge(body, what);
        assert_eq!(self.accepted, before, "{what}: accepted");
    }

    fn count(&self) -> usize {
        self.refused.values().sum()
    }

    fn tell(&self, what: &str) {
        let Self { refused, accepted, .. } = self;
        tell(&format!(
            "signed bodies, {what}: {} refused {refused:?}, {accepted} other bodies that the format allows",
            self.count()
        ));
    }
}

/// The offset, length and value of a number in the body.
struct Number {
    at: usize,
    len: usize,
    what: &'static str,
}

/// Every number of the body, whatever it counts.
fn numbers(body: &[u8]) -> Vec<Number> {
    let mut walk = Walk { body, at: 0, numbers: Vec::new() };
    walk.number("schema");
    for _ in 0..walk.number("count of records") {
        walk.blob("length of a name");
        walk.number("provider");
        walk.blob("length of an access key id");
        for _ in 0..walk.number("count of attributes") {
            walk.blob("length of a key");
            walk.blob("length of a value");
        }
        walk.number("created");
        walk.number("updated");
        walk.at += 1;
        if body[walk.at - 1] == 1 {
            walk.number("expires");
        }
        walk.blob("length of a secret");
    }
    for _ in 0..walk.number("count of people") {
        walk.at += 16;
        walk.blob("length of a label");
        walk.number("a person's created");
        walk.blob("length of an escrow");
    }
    assert_eq!(walk.at, body.len(), "this walk is that of the format");
    walk.numbers
}

struct Walk<'a> {
    body: &'a [u8],
    at: usize,
    numbers: Vec<Number>,
}

impl Walk<'_> {
    fn number(&mut self, what: &'static str) -> u64 {
        let len = [1, 3, 5, 9][usize::from(self.body[self.at].saturating_sub(250))];
        let mut value = [0; 8];
        let digits = &self.body[self.at + usize::from(len > 1)..self.at + len];
        value[..digits.len()].copy_from_slice(digits);
        self.numbers.push(Number { at: self.at, len, what });
        self.at += len;
        u64::from_le_bytes(value)
    }

    fn blob(&mut self, what: &'static str) {
        let len = usize::try_from(self.number(what)).unwrap();
        self.at += len;
    }
}

fn spliced(body: &[u8], at: usize, len: usize, with: &[u8]) -> Vec<u8> {
    [&body[..at], with, &body[at + len..]].concat()
}

/// A number in the form of this first byte.
fn in_form(form: u8, value: u64) -> Vec<u8> {
    let len = 1 << (form - 250);
    [&[form], &value.to_le_bytes()[..len]].concat()
}

#[test]
fn every_number_of_a_body_may_be_huge_or_overlong_and_does_no_harm() {
    let mut bench = Bench::new();
    let body = bench.body.clone();
    let numbers = numbers(&body);
    for Number { at, len, what } in &numbers {
        let value = Walk { body: &body, at: *at, numbers: Vec::new() }.number("");
        let huge = (7..64).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        for other in huge.chain([u64::MAX, value.wrapping_sub(1), value + 1, body.len() as u64]) {
            let shortest = match other {
                0..=250 => vec![other.to_le_bytes()[0]],
                251..=0xffff => in_form(251, other),
                0x1_0000..=0xffff_ffff => in_form(252, other),
                _ => in_form(253, other),
            };
            bench.judge(&spliced(&body, *at, *len, &shortest), &format!("{what} at {at} is {other}"));
        }
        // The same number, longer than it need be; and first bytes that begin none.
        for form in (251..=253).filter(|form| in_form(*form, 0).len() > *len) {
            bench.refuse(&spliced(&body, *at, *len, &in_form(form, value)), &format!("{what} overlong"));
        }
        for form in [254, 255] {
            let none = spliced(&body, *at, *len, &[&[form], [0; 16].as_slice()].concat());
            bench.refuse(&none, &format!("{what} of form {form}"));
        }
    }
    bench.tell(&format!("{} numbers, each huge or overlong", numbers.len()));
    assert!(numbers.len() == 28 && bench.count() >= 4_000, "{}", bench.count());
}

/// Something huge in the place of every number of a body, for processes with little memory. How many were refused.
#[cfg(target_os = "linux")]
pub(crate) fn refuse_huge_numbers() -> usize {
    let mut bench = Bench::new();
    let body = bench.body.clone();
    for Number { at, len, what } in numbers(&body) {
        for other in [1 << 28, 1 << 30, 1 << 32, 1 << 40, 1 << 62, 1 << 63, u64::MAX] {
            bench
                .judge(&spliced(&body, at, len, &in_form(253, other)), &format!("{what} at {at} is {other}"));
        }
    }
    bench.count()
}

#[test]
fn every_truncation_and_every_tail_of_a_body_is_refused() {
    let mut bench = Bench::new();
    let body = bench.body.clone();
    for len in 0..body.len() {
        bench.refuse(&body[..len], &format!("cut to {len}"));
    }
    for len in (1..=300).chain(1000..=1100) {
        for byte in [0, 1, 0xff] {
            bench.refuse(
                &[body.as_slice(), &vec![byte; len]].concat(),
                &format!("{len} times {byte} behind it"),
            );
        }
    }
    bench.refuse(&body.repeat(2), "twice");
    bench.tell("every truncation, trailing bytes");
    assert_eq!(bench.count(), body.len() + 3 * 401 + 1);
}

#[test]
fn every_bit_of_a_body_may_be_another() {
    let mut bench = Bench::new();
    let body = bench.body.clone();
    for bit in 0..body.len() * 8 {
        let mut body = body.clone();
        body[bit / 8] ^= 1 << (bit % 8);
        bench.judge(&body, &format!("bit {bit}"));
    }
    bench.tell("every bit");
    assert_eq!(bench.count() + bench.accepted, body.len() * 8);
}

/// Not UTF-8: what never occurs, overlong forms, surrogates, beyond U+10FFFF, cut off.
const NOT_UTF_8: [&[u8]; 12] = [
    b"\xff",
    b"\xfe",
    b"\x80",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x80\x80",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x80\x80\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82",
    b"\xf0\x9f\x92",
];

#[test]
fn texts_that_are_not_utf_8_are_refused_in_every_field() {
    let mut bench = Bench::new();
    let body = bench.body.clone();
    let mut places = 0;
    for Number { at, len, what } in numbers(&body) {
        let is_text = ["name", "access key id", "key", "value", "label"]
            .iter()
            .any(|text| what == format!("length of a {text}") || what == format!("length of an {text}"));
        if !is_text {
            continue;
        }
        places += 1;
        let old = len + usize::from(body[at]);
        for bytes in NOT_UTF_8 {
            for text in [bytes.to_vec(), [b"a", bytes].concat(), [bytes, b"a"].concat()] {
                let text = [&[u8::try_from(text.len()).unwrap()], text.as_slice()].concat();
                bench.refuse(&spliced(&body, at, old, &text), &format!("{what} at {at}: {bytes:02x?}"));
            }
        }
    }
    bench.tell(&format!("{places} texts that are not UTF-8"));
    assert_eq!((places, bench.count()), (10, 10 * 3 * NOT_UTF_8.len()));
}

#[test]
fn names_and_keys_and_labels_in_disorder_are_refused() {
    let mut bench = Bench::new();
    let body = Body::read(&bench.body);
    type Alteration = (&'static str, fn(&mut Body));
    let alterations: [Alteration; 10] = [
        ("records unsorted", |body| body.records.reverse()),
        ("two records of one name", |body| body.records[1].name = "a".into()),
        ("a record twice", |body| body.records.push(body.records[1].clone())),
        ("attributes unsorted", |body| body.records[1].attributes.reverse()),
        ("two attributes of one key", |body| body.records[1].attributes[1].0 = "endpoint_url".into()),
        ("two labels alike", |body| body.people[1].label = "ron".into()),
        ("people in another order", |body| body.people.reverse()),
        ("a person twice", |body| body.people.push(body.people[0].clone())),
        ("a person missing", |body| _ = body.people.pop()),
        ("another person's id", |body| body.people[0].id = [7; 16]),
    ];
    for (what, alter) in alterations {
        let mut body = body.clone();
        alter(&mut body);
        bench.refuse(&body.encode(), what);
    }
    bench.tell("in disorder");
    assert_eq!(bench.count(), 10);
}

#[test]
fn the_length_and_padding_of_a_body_are_checked_too() {
    let bench = Bench::new();
    let mut plain = [&(bench.body.len() as u64).to_le_bytes(), bench.body.as_slice()].concat();
    plain.resize(plain.len().next_multiple_of(1024), 0);
    let mut refused = crate::hostile::scene::Refused::default();
    let mut refuse = |plain: &[u8], what: &str| {
        let file = bench.forge.build_plaintext(plain).unwrap();
        refused.add(bench.keks.open(file), ErrorKind::Damaged, what);
    };
    let lengths = (0..64).map(|bits| 1_u64 << bits).chain((0..64).map(|bits| u64::MAX >> bits));
    for n in lengths.chain(0..1100).filter(|n| *n != bench.body.len() as u64) {
        refuse(&[&n.to_le_bytes(), &plain[8..]].concat(), &format!("length {n}"));
    }
    for at in 8 + bench.body.len()..plain.len() {
        let mut plain = plain.clone();
        plain[at] = 1 << (at % 8);
        refuse(&plain, &format!("padding at {at}"));
    }
    for blocks in 1..=8 {
        refuse(&[plain.as_slice(), &vec![0; 1024 * blocks]].concat(), "padding too long");
    }
    for len in 8 + bench.body.len()..plain.len() {
        refuse(&plain[..len], &format!("{len} bytes, which is not a whole number of blocks"));
    }
    refused.tell("length and padding of a signed body");
}

/// What is done to a body: bytes set, cut out, put in, doubled, moved.
#[derive(Debug, Clone)]
enum Mutation {
    Set(usize, u8),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize, usize),
    Exchange(usize, usize, usize),
}

impl Mutation {
    fn apply(&self, body: &mut Vec<u8>) {
        let at = |wish: usize| wish % (body.len() + 1);
        match self {
            Self::Set(wish, byte) if !body.is_empty() => {
                let len = body.len();
                body[wish % len] = *byte;
            }
            Self::Set(..) => {}
            Self::Remove(from, len) => {
                let from = at(*from);
                let to = body.len().min(from + len);
                body.drain(from..to);
            }
            Self::Insert(wish, bytes) => {
                let at = at(*wish);
                body.splice(at..at, bytes.iter().copied());
            }
            Self::Repeat(from, len, to) => {
                let (from, to) = (at(*from), at(*to));
                let copy: Vec<u8> = body.iter().skip(from).take(*len).copied().collect();
                body.splice(to..to, copy);
            }
            Self::Exchange(a, b, len) => {
                for offset in 0..*len {
                    let (a, b) = (a + offset, b + offset);
                    if a < body.len() && b < body.len() {
                        body.swap(a, b);
                    }
                }
            }
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = 0..800_usize;
    let byte = prop_oneof![Just(0), Just(1), Just(0xff), 248..=255_u8, any::<u8>()];
    prop_oneof![
        (at.clone(), byte.clone()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (at.clone(), 1..200_usize).prop_map(|(at, len)| Mutation::Remove(at, len)),
        (at.clone(), prop::collection::vec(byte, 1..12)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (at.clone(), 1..200_usize, at.clone()).prop_map(|(a, len, b)| Mutation::Repeat(a, len, b)),
        (at.clone(), at, 1..40_usize).prop_map(|(a, b, len)| Mutation::Exchange(a, b, len)),
    ]
}

#[test]
fn mutated_bodies_are_what_the_format_makes_of_them() {
    let bench = std::cell::RefCell::new(Bench::new());
    let body = bench.borrow().body.clone();
    let config = Config { cases: 3_000, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(mutation(), 1..4), |mutations| {
            let mut body = body.clone();
            mutations.iter().for_each(|mutation| mutation.apply(&mut body));
            bench.borrow_mut().judge(&body, &format!("{mutations:?}"));
            Ok(())
        })
        .unwrap();
    bench.borrow().tell("mutated at random");
    assert!(bench.borrow().count() >= 2_000);
}
