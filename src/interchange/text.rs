//! Parsers that the formats share. They copy no secret into memory that is not wiped.
//!
//! * [`input`]: a whole file in a wiped buffer, its size limit, and its bytes as UTF-8 text.
//! * [`value`]: one text of a document, borrowed from the document or in a wiped buffer.
//! * [`json`] (RFC 8259), [`csv`] (RFC 4180) and `xml` (XML 1.0) locate those texts in a document.
//!
//! Times (RFC 3339) are parsed by `credentials::rfc3339`, because signing needs them too.

pub(super) mod csv;
pub(super) mod input;
pub(super) mod json;
pub(super) mod value;
#[cfg(feature = "password-managers")]
pub(super) mod xml;
