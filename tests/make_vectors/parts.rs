//! Bodies written by hand, field by field, right or wrong.

use aumbry::testing::Forge;

use crate::plan::Outcome;

/// A number in its shortest form.
pub(crate) fn number(value: u64) -> Vec<u8> {
    let bytes = value.to_le_bytes();
    match value {
        0..251 => bytes.first().copied().into_iter().collect(),
        251..0x1_0000 => in_form(251, value),
        0x1_0000..0x1_0000_0000 => in_form(252, value),
        _ => in_form(253, value),
    }
}

/// A number in the form that begins with this byte.
pub(crate) fn in_form(first: u8, value: u64) -> Vec<u8> {
    let len = 1 << (first - 250);
    [first].into_iter().chain(value.to_le_bytes().into_iter().take(len)).collect()
}

/// The same number in the next longer form.
pub(crate) fn overlong(encoded: &[u8]) -> Vec<u8> {
    let (first, digits) = encoded.split_first().unwrap_or((&0, &[]));
    let form = if digits.is_empty() { 251 } else { first + 1 };
    let digits = if digits.is_empty() { &[*first] } else { digits };
    let mut longer = [&[form], digits].concat();
    longer.resize(1 + (1 << (form - 250)), 0);
    longer
}

/// The same text under a length in the next longer form. The length takes one byte.
pub(crate) fn overlong_text(encoded: &[u8]) -> Vec<u8> {
    let (len, bytes) = encoded.split_at(1);
    [overlong(len).as_slice(), bytes].concat()
}

pub(crate) fn text(bytes: &[u8]) -> Vec<u8> {
    [number(bytes.len() as u64).as_slice(), bytes].concat()
}

pub(crate) fn time(seconds: i64) -> Vec<u8> {
    number(((seconds << 1) ^ (seconds >> 63)).cast_unsigned())
}

/// A record, each field as it is encoded.
#[derive(Clone)]
pub(crate) struct RawRecord {
    pub(crate) name: Vec<u8>,
    pub(crate) provider: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) attributes: Vec<u8>,
    pub(crate) created: Vec<u8>,
    pub(crate) updated: Vec<u8>,
    pub(crate) expires: Vec<u8>,
    pub(crate) secret: Vec<u8>,
}

pub(crate) const ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const TIMES: (i64, i64) = (1_700_000_000, 1_750_000_000);

impl RawRecord {
    /// A right one, its secret this plaintext.
    pub(crate) fn new(forge: &mut Forge, name: &str, provider: u8, plain: &[u8]) -> Outcome<Self> {
        Self::with_id(forge, name, provider, ID, plain)
    }

    pub(crate) fn with_id(
        forge: &mut Forge,
        name: &str,
        provider: u8,
        id: &str,
        plain: &[u8],
    ) -> Outcome<Self> {
        Ok(Self {
            name: text(name.as_bytes()),
            provider: vec![provider],
            id: text(id.as_bytes()),
            attributes: vec![0],
            created: time(TIMES.0),
            updated: time(TIMES.1),
            expires: vec![0],
            secret: text(&forge.sealed_plaintext(name, provider.into(), id, plain)?),
        })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self { name, provider, id, attributes, created, updated, expires, secret } = self;
        [name, provider, id, attributes, created, updated, expires, secret].map(Vec::as_slice).concat()
    }
}

/// What the body says of a person, each field as it is encoded.
#[derive(Clone)]
pub(crate) struct RawPerson {
    pub(crate) id: Vec<u8>,
    pub(crate) label: Vec<u8>,
    pub(crate) created: Vec<u8>,
    pub(crate) escrow: Vec<u8>,
}

impl RawPerson {
    /// The people of a vault, whose labels these are.
    pub(crate) fn all_of(forge: &Forge, labels: &[&str]) -> Outcome<Vec<Self>> {
        let body = forge.body_of(&[])?; // schema, no records, how many people
        let mut rest = body.get(3..).ok_or("people")?;
        let mut take = |len: usize| -> Outcome<Vec<u8>> {
            let (taken, behind) = rest.split_at_checked(len).ok_or("people")?;
            rest = behind;
            Ok(taken.to_vec())
        };
        labels
            .iter()
            .map(|label| {
                let person = Self {
                    id: take(16)?,
                    label: take(1 + label.len())?,
                    created: take(5)?,
                    escrow: take(1 + 112)?,
                };
                assert_eq!(person.label, text(label.as_bytes()), "where the fields stand");
                Ok(person)
            })
            .collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self { id, label, created, escrow } = self;
        [id, label, created, escrow].map(Vec::as_slice).concat()
    }
}

/// Schema 1, these records, these people, with their numbers.
pub(crate) fn body(records: &[RawRecord], people: &[RawPerson]) -> Vec<u8> {
    let mut body = vec![1];
    body.extend(number(records.len() as u64));
    records.iter().for_each(|record| body.extend(record.bytes()));
    body.extend(number(people.len() as u64));
    people.iter().for_each(|person| body.extend(person.bytes()));
    body
}
