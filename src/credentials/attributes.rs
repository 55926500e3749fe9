//! The attributes of a record: `region`, `endpoint_url`, `account_id`, `description`, `tag.…` or any other key.
//!
//! A key is 1 to 256 bytes of UTF-8, without control characters and without white space at either end. A value is any UTF-8
//! text and may be empty. The encoded attributes of a record may take up to 16 KiB in the file. Attributes are not secrets:
//! a program that opened the vault has them in plain text in its memory.

use std::fmt;

use super::name::check_text;
use crate::error::{Error, ErrorKind, Result, quoted};

/// The attributes of one record, ascending by key, each key once.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Attributes(Vec<Attribute>); // few enough for a vector

/// Key and value in one allocation, because every look-up allocates them again.
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

/// The maximum encoded length of the attributes of one record.
pub(crate) const MAX_ENCODED: usize = 16 * 1024;
/// The maximum number of attributes: each takes at least two lengths and a key of one byte.
pub(crate) const MAX_COUNT: usize = MAX_ENCODED / 3;
const MAX_KEY: usize = 256;
const RESERVED: &str = "aumbry.";

impl Attributes {
    /// Returns the value of this key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        Some(self.0.get(self.position(key).ok()?)?.split().1)
    }

    /// Returns keys and values, ascending by key.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(Attribute::split)
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<()> {
        check_text("attribute key", ErrorKind::InvalidInput, MAX_KEY, key)?;
        refuse_reserved(key)?;
        // Bounds the time for an imported file, whose attributes may come in any order: each insertion moves
        // others.
        if self.0.len() >= MAX_COUNT && self.position(key).is_err() {
            let message = format!("a record can have at most {MAX_COUNT} attributes");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        self.set_checked(key, value);
        Ok(())
    }

    /// Collects the attributes of an authenticated file, including reserved keys. They are already ascending
    /// and unique.
    pub(crate) fn from_ascending<'a>(attributes: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        Self(attributes.map(|(key, value)| Attribute::new(key, value)).collect())
    }

    /// Sets an attribute whose key has been checked or is reserved.
    pub(crate) fn set_checked(&mut self, key: &str, value: &str) {
        let attribute = Attribute::new(key, value);
        match self.position(key) {
            Ok(at) => self.0.splice(at..=at, [attribute]).for_each(drop),
            Err(at) => self.0.insert(at, attribute),
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Result<()> {
        refuse_reserved(key)?;
        self.0.retain(|attribute| attribute.key() != key);
        Ok(())
    }

    /// Returns the index of this key, or the index at which to insert it.
    fn position(&self, key: &str) -> std::result::Result<usize, usize> {
        self.0.binary_search_by(|attribute| attribute.key().cmp(key))
    }
}

/// Leaves out the attributes whose keys are reserved for aumbry itself, which users do not see.
pub(crate) fn visible<'a>(
    attributes: impl Iterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    attributes.filter(|(key, _)| !is_reserved(key))
}

fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
}

fn refuse_reserved(key: &str) -> Result<()> {
    if !is_reserved(key) {
        return Ok(());
    }
    let message = format!("invalid attribute key {}: the prefix {RESERVED} is reserved", quoted(key));
    Err(Error::new(ErrorKind::InvalidInput, message))
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
