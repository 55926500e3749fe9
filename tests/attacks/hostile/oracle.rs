//! What a body may be, by `docs/format.md`, section 4, and by bincode itself: a judge that shares no code with the
//! library's reader.

use std::collections::HashSet;

use aumbry::ErrorKind::{self, Damaged, Unsupported};
use bincode::config::{self, Configuration, Limit};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Body {
    pub(crate) schema: u16,
    pub(crate) records: Vec<Record>,
    pub(crate) people: Vec<Meta>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Record {
    pub(crate) name: String,
    /// The number of an enum is encoded like any other.
    pub(crate) provider: u32,
    pub(crate) access_key_id: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) expires: Option<i64>,
    pub(crate) secret: Vec<u8>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Meta {
    pub(crate) id: [u8; 16],
    pub(crate) label: String,
    pub(crate) created: i64,
    pub(crate) escrow: Vec<u8>,
}

impl Body {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        read(bytes).unwrap().0
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, config::standard()).unwrap()
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<(T, usize)> {
    const LIMITED: Configuration<config::LittleEndian, config::Varint, Limit<{ 1 << 20 }>> =
        config::standard().with_limit::<{ 1 << 20 }>();
    bincode::serde::decode_from_slice(bytes, LIMITED).ok()
}

/// How the body of a file with these slots must be refused, if it must.
pub(crate) fn refused(bytes: &[u8], slots: &[[u8; 16]]) -> Option<ErrorKind> {
    // Everything after an unknown schema is ignored.
    let Some((schema, used)) = read::<u64>(bytes) else { return Some(Damaged) };
    if encode(&schema).len() != used {
        return Some(Damaged);
    }
    if schema != 1 {
        return Some(Unsupported);
    }
    let holds = read::<Body>(bytes).is_some_and(|(body, _)| body.encode() == bytes && body.holds(slots));
    (!holds).then_some(Damaged)
}

fn ascend<T: Ord>(items: impl Iterator<Item = T> + Clone) -> bool {
    items.clone().zip(items.skip(1)).all(|(a, b)| a < b)
}

fn is_time(seconds: i64) -> bool {
    (-62_135_596_800..=253_402_300_799).contains(&seconds)
}

impl Body {
    fn holds(&self, slots: &[[u8; 16]]) -> bool {
        let labels: HashSet<_> = self.people.iter().map(|person| &person.label).collect();
        self.records.iter().all(Record::holds)
            && ascend(self.records.iter().map(|record| record.name.as_bytes()))
            && self.people.iter().map(|person| person.id).eq(slots.iter().copied())
            && labels.len() == self.people.len()
            && self.people.iter().all(|person| {
                (1..=128).contains(&person.label.len())
                    && is_time(person.created)
                    && person.escrow.len() == 112
            })
    }
}

impl Record {
    fn holds(&self) -> bool {
        // The standard library's tables are those of Unicode: Cc, and White_Space.
        let at_an_end = [self.name.chars().next(), self.name.chars().next_back()];
        (1..=1024).contains(&self.name.len())
            && !self.name.chars().any(char::is_control)
            && !at_an_end.into_iter().flatten().any(char::is_whitespace)
            && self.provider <= 1
            && self.access_key_id.len() <= 1024
            && ascend(self.attributes.iter().map(|(key, _)| key.as_bytes()))
            && encode(&self.attributes).len() <= 16 << 10
            && [self.created, self.updated, self.expires.unwrap_or_default()].into_iter().all(is_time)
            && (28..=(64 << 10) + 28).contains(&self.secret.len())
    }
}
