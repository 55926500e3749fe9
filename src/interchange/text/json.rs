//! JSON that leaves no copy of a secret behind.
//!
//! **Reading.** `serde_json` finds where the keys and values of a document begin and end, and does no more: each is a
//! [`RawValue`], a slice of the document. Were it to unescape a string, it would do so in a scratch buffer that it
//! frees unwiped; were it to meet a wrong type, it would quote the value in its message. [`Text`] unescapes into a
//! buffer of the exact size that is wiped. As values are only skipped over, which takes no recursion, no depth of
//! nesting and no feature that another crate switches on in `serde_json` makes a difference.
//!
//! **Writing.** `serde_json` writes each run of a string straight to its output. The output is measured first, and
//! then filled, so it never grows.

use std::fmt;
use std::io::{self, Write};
use std::ops::Deref;

use secrecy::SecretString;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::ser::{Formatter, Serializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::memory::{WipedBytes, out_of_memory, zeroed};

/// Larger documents are something else.
pub(crate) const MAX_DOCUMENT: usize = 16 * 1024 * 1024;

/// As many records as a vault may hold.
const MAX_ELEMENTS: usize = 4_000_000;

/// The one value that `content` holds, after a byte-order mark if there is one.
pub(crate) fn document(content: &[u8]) -> Result<&RawValue> {
    document_up_to(content, MAX_DOCUMENT)
}

/// As [`document`], of up to so many bytes.
pub(crate) fn document_up_to(content: &[u8], most: usize) -> Result<&RawValue> {
    if content.len() > most {
        let message = format!("the JSON document is longer than {most} bytes");
        return Err(Error::new(ErrorKind::InvalidFile, message));
    }
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let text = std::str::from_utf8(content).map_err(|_| no_json("it is not UTF-8 text"))?;
    serde_json::from_str(text).map_err(|error| {
        // Errors of syntax have fixed texts; those of data, which do not occur here, would quote the document.
        if error.is_data() { no_json("it is not understood") } else { no_json(&error.to_string()) }
    })
}

fn no_json(why: &str) -> Error {
    Error::new(ErrorKind::InvalidFile, format!("this is no JSON document: {why}"))
}

/// The values of an array, or `None` if it is none.
///
/// # Errors
/// If there are more than a vault could hold: eight times the memory of a document go into values of two bytes.
pub(crate) fn array(value: &RawValue) -> Result<Option<Vec<&RawValue>>> {
    if !value.get().starts_with('[') {
        return Ok(None);
    }
    let Elements(elements) = serde_json::from_str(value.get()).map_err(|_| {
        let message = format!("an array of the JSON document has more than {MAX_ELEMENTS} elements");
        Error::new(ErrorKind::InvalidFile, message)
    })?;
    Ok(Some(elements))
}

/// The elements of an array as they stand in it.
struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> std::result::Result<Self::Value, S::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    if elements.len() == MAX_ELEMENTS {
                        return Err(serde::de::Error::custom("too many elements"));
                    }
                    elements.push(element);
                }
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

/// An object, and what to call it in a message.
pub(crate) struct Object<'a> {
    called: String,
    fields: Vec<(Text<'a>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// # Errors
    /// If it is none, or one of its keys holds half of a surrogate pair.
    pub(crate) fn new(called: &str, value: &'a RawValue) -> Result<Self> {
        let mut object = Self { called: called.into(), fields: Vec::new() };
        if !value.get().starts_with('{') {
            return Err(object.refused("it is no JSON object"));
        }
        let fields: Fields<'_> =
            serde_json::from_str(value.get()).map_err(|_| object.refused("it is no JSON object"))?;
        object.fields.reserve_exact(fields.0.len());
        for (at, (key, value)) in fields.0.into_iter().enumerate() {
            let key = object.read_text(&format!("key {}", at + 1), key)?;
            object.fields.push((key, value));
        }
        Ok(object)
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.fields.iter().map(|(key, value)| (&**key, *value))
    }

    /// The value of a key that may be absent. `null` says that it is.
    ///
    /// # Errors
    /// If the key stands there twice.
    pub(crate) fn find(&self, key: &str) -> Result<Option<&'a RawValue>> {
        let mut values = self.fields().filter(|(found, _)| *found == key).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(self.refused(&format!("it has {key:?} twice")));
        }
        Ok(value.filter(|value| value.get() != "null"))
    }

    /// The string of a key that may be absent.
    ///
    /// # Errors
    /// As [`find`](Self::find), or if it is no string.
    pub(crate) fn find_text(&self, key: &str) -> Result<Option<Text<'a>>> {
        self.find(key)?.map(|value| self.read_text(&format!("{key:?}"), value)).transpose()
    }

    /// The string of a key that must be there.
    ///
    /// # Errors
    /// As [`find_text`](Self::find_text), or if it is missing.
    pub(crate) fn text(&self, key: &str) -> Result<Text<'a>> {
        self.find_text(key)?.ok_or_else(|| self.refused(&format!("{key:?} is missing")))
    }

    /// The string that this value of the object is.
    pub(crate) fn read_text(&self, what: &str, value: &'a RawValue) -> Result<Text<'a>> {
        match Text::read(value) {
            Ok(text) => Ok(text),
            Err(NoText::OutOfMemory(len)) => Err(out_of_memory(len)),
            Err(NoText::NoString) => Err(self.refused(&format!("{what} is no string"))),
            Err(NoText::HalfPair) => Err(self.refused(&format!("{what} holds half of a surrogate pair"))),
        }
    }

    /// What to call the value of this key in a message.
    pub(crate) fn part(&self, key: &str) -> String {
        format!("{key:?} of {}", self.called)
    }

    /// Refuses the object for breaking a rule. The rule must not quote the object.
    pub(crate) fn refused(&self, rule: &str) -> Error {
        Error::new(ErrorKind::InvalidFile, format!("{} is refused: {rule}", self.called))
    }

    /// Refuses the object for what a type of this crate said about it, which must not quote it.
    pub(crate) fn refused_for(&self, cause: Error) -> Error {
        Error::new(ErrorKind::InvalidFile, format!("{} is refused", self.called)).with_source(cause)
    }
}

/// Keys and values of an object as they stand in it, in their order, repeated ones too.
struct Fields<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// A string of a document: a slice of it, or, where that has escapes, a buffer of the exact size, wiped when dropped.
pub(crate) enum Text<'a> {
    AsItStands(&'a str),
    Unescaped(Zeroizing<String>),
}

/// Why a value is no text.
enum NoText {
    NoString,
    /// JSON can write what is no Unicode text, such as `"\ud800"` (RFC 8259, section 8.2).
    HalfPair,
    OutOfMemory(usize),
}

impl<'a> Text<'a> {
    fn read(value: &'a RawValue) -> std::result::Result<Self, NoText> {
        let quoted = value.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let escaped = quoted.ok_or(NoText::NoString)?;
        if !escaped.contains('\\') {
            return Ok(Self::AsItStands(escaped));
        }
        let mut len = 0;
        for piece in Pieces(escaped) {
            len += match piece? {
                Piece::Run(run) => run.len(),
                Piece::Escape(c) => c.len_utf8(),
            };
        }
        let mut text = Zeroizing::new(String::new());
        text.try_reserve_exact(len).map_err(|_| NoText::OutOfMemory(len))?;
        for piece in Pieces(escaped) {
            match piece? {
                Piece::Run(run) => text.push_str(run),
                Piece::Escape(c) => text.push(c),
            }
        }
        Ok(Self::Unescaped(text))
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::AsItStands(text) => text,
            Self::Unescaped(text) => text,
        }
    }
}

/// What stands between the quotes of a string, piece by piece.
struct Pieces<'a>(&'a str);

enum Piece<'a> {
    /// Text without escapes.
    Run(&'a str),
    Escape(char),
}

impl<'a> Iterator for Pieces<'a> {
    type Item = std::result::Result<Piece<'a>, NoText>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let Some(escape) = self.0.strip_prefix('\\') else {
            let end = self.0.find('\\').unwrap_or(self.0.len());
            let (run, rest) = self.0.split_at_checked(end)?;
            self.0 = rest;
            return Some(Ok(Piece::Run(run)));
        };
        let Some((c, rest)) = read_escape(escape) else {
            self.0 = "";
            return Some(Err(NoText::HalfPair)); // any other wrong escape was refused with the document
        };
        self.0 = rest;
        Some(Ok(Piece::Escape(c)))
    }
}

/// The character that the escape stands for, whose backslash has been read, and what follows it (RFC 8259, section 7).
fn read_escape(text: &str) -> Option<(char, &str)> {
    let mut rest = text.chars();
    let c = match rest.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return read_units(rest.as_str()),
        c @ ('"' | '\\' | '/') => c,
        _ => return None,
    };
    Some((c, rest.as_str()))
}

/// Four hexadecimal digits, or twice four of a surrogate pair.
fn read_units(text: &str) -> Option<(char, &str)> {
    let (high, rest) = read_unit(text)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, rest)); // there is no character for a low half
    }
    let (low, rest) = read_unit(rest.strip_prefix("\\u")?)?;
    if !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    Some((char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, rest))
}

fn read_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let unit = digits.chars().try_fold(0, |unit, digit| Some((unit << 4) | digit.to_digit(16)?))?;
    Some((unit, rest))
}

/// The JSON of a value that holds no secret.
pub(crate) fn to_string(value: &impl Serialize) -> Result<String> {
    text(&fill(value)?).map(String::from)
}

/// The JSON of a value that holds secrets.
pub(crate) fn to_secret(value: &impl Serialize) -> Result<SecretString> {
    text(&fill(value)?).map(SecretString::from) // copied once, to its exact size
}

fn text(json: &[u8]) -> Result<&str> {
    std::str::from_utf8(json).map_err(|_| unwritten())
}

/// The JSON of a value in a buffer that is wiped.
fn fill(value: &impl Serialize) -> Result<WipedBytes> {
    let mut length = Length(0);
    write(&mut length, value)?;
    let mut bytes = zeroed(length.0)?;
    let mut rest = bytes.as_mut_slice();
    write(&mut rest, value)?;
    if rest.is_empty() { Ok(bytes) } else { Err(unwritten()) }
}

fn write(output: impl Write, value: &impl Serialize) -> Result<()> {
    value
        .serialize(&mut Serializer::with_formatter(output, RecordsOnLines::default()))
        .map_err(|_| unwritten())
}

/// A value that serialises differently each time, or fails to: ours do neither.
fn unwritten() -> Error {
    Error::new(ErrorKind::InvalidInput, "the record cannot be written as JSON")
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compact, but for the elements of an array, each of which has a line to itself: lists stay readable and comparable.
#[derive(Default)]
struct RecordsOnLines {
    any: bool,
}

impl Formatter for RecordsOnLines {
    fn begin_array_value<W: ?Sized + Write>(&mut self, output: &mut W, first: bool) -> io::Result<()> {
        self.any = true;
        output.write_all(if first { b"\n" } else { b",\n" })
    }

    fn end_array<W: ?Sized + Write>(&mut self, output: &mut W) -> io::Result<()> {
        output.write_all(if self.any { b"\n]" } else { b"]" })
    }
}
