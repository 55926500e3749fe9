//! The unique name of a record.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result, quoted};

/// The unique name of a record: 1 to 1024 bytes of UTF-8 without control characters and without white space
/// at either end.
///
/// Names compare byte by byte: `S3` and `s3` are two names, and so are two Unicode spellings of one letter.
/// Names that begin with `aumbry:` are reserved.
///
/// ```
/// use aumbry::Name;
/// assert_eq!(Name::new("s3-uploads")?.as_str(), "s3-uploads");
/// assert!(Name::new("s3-uploads\n").is_err());
/// # Ok::<(), aumbry::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

pub(crate) const MAX_LEN: usize = 1024;
pub(crate) const RESERVED: &str = "aumbry:";

impl Name {
    /// Checks `name` against the rules above.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], with a message that says which rule the name breaks.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref();
        check(name)?;
        if is_reserved(name) {
            let message = format!("invalid name {}: the prefix {RESERVED} is reserved", quoted(name));
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(Self(name.into()))
    }

    /// Makes a name from an authenticated file, which may also contain reserved names.
    pub(crate) fn from_checked(name: &str) -> Self {
        Self(name.into())
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks the rules for every name in a file (`docs/format.md`, section 4).
pub(crate) fn check(name: &str) -> Result<()> {
    check_text("name", ErrorKind::InvalidInput, MAX_LEN, name)
}

/// Checks the rules that names share with labels of people and keys of attributes.
pub(crate) fn check_text(what: &str, kind: ErrorKind, max_len: usize, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Error::new(kind, format!("invalid {what}: it must not be empty")));
    }
    if text.len() > max_len {
        let message = format!("invalid {what}: it must be at most {max_len} bytes long, not {}", text.len());
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    if is_graphic_ascii(text.as_bytes()) {
        return Ok(());
    }
    if text.chars().any(char::is_control) {
        let message = format!("invalid {what} {}: it must not contain control characters", quoted(text));
        return Err(Error::new(kind, message));
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        let message = format!("invalid {what} {}: it must not begin or end with white space", quoted(text));
        return Err(Error::new(kind, message));
    }
    Ok(())
}

/// Returns whether all bytes are visible ASCII characters, as in most names. Checks eight bytes at a time,
/// because opening a vault checks all its records.
#[inline]
pub(crate) fn is_graphic_ascii(bytes: &[u8]) -> bool {
    let all = |bytes: &[u8; 8]| bytes.iter().fold(true, |all, byte| all & byte.is_ascii_graphic());
    let (chunks, rest) = bytes.as_chunks::<8>();
    chunks.iter().all(all) && rest.iter().all(u8::is_ascii_graphic)
}

pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED)
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        Self::new(name)
    }
}
