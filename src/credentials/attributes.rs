//! The open-ended fields of a record.

use std::fmt;

use super::name::check_text;
use crate::error::{Error, ErrorKind, Result, quoted};

/// Further fields of a record, ascending by key: `region`, `endpoint_url`, `account_id`, `description`,
/// `tag.…`, whatever else.
///
/// A key is 1 to 256 bytes of UTF-8, without control characters and without white space at either end. A value
/// is any UTF-8, the empty one too. All of them together may take 16 KiB in the file. Attributes are not
/// secrets: they stand in clear in the memory of a program that opened the vault.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>); // a handful: ascending by key, each once

/// Key and value in one piece, for each look-up makes them anew.
#[derive(Clone, PartialEq, Eq)]
struct Attribute {
    text: Box<str>,
    key_len: usize,
}

impl Attribute {
    fn new(key: &str, value: &str) -> Self {
        Self { text: [key, value].concat().into(), key_len: key.len() }
    }

    fn split(&self) -> (&str, &str) {
        self.text.split_at_checked(self.key_len).unwrap_or_default()
    }

    fn key(&self) -> &str {
        self.split().0
    }
}

/// How many bytes the attributes of one record may take, encoded.
pub(crate) const MAX_ENCODED: usize = 16 * 1024;
/// More do not fit into that: each takes two lengths and a key of one byte.
pub(crate) const MAX_COUNT: usize = MAX_ENCODED / 3;
const MAX_KEY: usize = 256;
const RESERVED: &str = "aumbry.";

impl Attributes {
    /// The value under this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        Some(self.0.get(self.place(key).ok()?)?.split().1)
    }

    /// Keys and values, ascending by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(Attribute::split)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<()> {
        check_text("the key of an attribute", ErrorKind::InvalidInput, MAX_KEY, key)?;
        refuse_reserved(key)?;
        // So that what somebody else's file holds, in whatever order, takes no quadratic time.
        if self.0.len() >= MAX_COUNT && self.place(key).is_err() {
            let message = format!("a record can have at most {MAX_COUNT} attributes");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        self.set_checked(key, value);
        Ok(())
    }

    /// What an authenticated file holds, reserved keys too, in its order: ascending by key, each once.
    pub(crate) fn from_ascending<'a>(attributes: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        Self(attributes.map(|(key, value)| Attribute::new(key, value)).collect())
    }

    /// Also under a reserved key.
    pub(crate) fn set_checked(&mut self, key: &str, value: &str) {
        let attribute = Attribute::new(key, value);
        match self.place(key) {
            Ok(place) => self.0.splice(place..=place, [attribute]).for_each(drop),
            Err(place) => self.0.insert(place, attribute),
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Result<()> {
        refuse_reserved(key)?;
        self.0.retain(|attribute| attribute.key() != key);
        Ok(())
    }

    /// Where this key stands, or would.
    fn place(&self, key: &str) -> std::result::Result<usize, usize> {
        self.0.binary_search_by(|attribute| attribute.key().cmp(key))
    }

    /// Without the keys that are reserved for aumbry itself, which users do not see.
    pub(crate) fn visible<'a>(attributes: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        Self::from_ascending(attributes.filter(|(key, _)| !is_reserved(key)))
    }
}

fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
}

fn refuse_reserved(key: &str) -> Result<()> {
    if !is_reserved(key) {
        return Ok(());
    }
    let message = format!("the attribute {} begins with {RESERVED}, which is reserved", quoted(key));
    Err(Error::new(ErrorKind::InvalidInput, message))
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
