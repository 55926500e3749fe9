//! One text of a document, such as the value of a field.

use std::ops::Deref;

use zeroize::Zeroizing;

/// A text of a document: a slice of the document, or a wiped buffer of the exact size where the document contains
/// escapes.
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Unescaped(Zeroizing<String>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Unescaped(text) => text,
        }
    }
}
