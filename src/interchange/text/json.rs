//! JSON ([RFC 8259]), read and written without leaving a copy of a secret in memory.
//!
//! **Reading.** `serde_json` only locates the keys and values of a document: each is a [`RawValue`], a slice of the
//! document. It does not unescape strings, because it would use a scratch buffer that it does not wipe, and it does not
//! convert values, because its message about a wrong type quotes the value. [`unescaped`] unescapes a string into a
//! wiped buffer of the exact size. Skipping a value takes no recursion, so neither the depth of nesting nor a feature of
//! `serde_json` that another crate enables makes a difference.
//!
//! **Writing.** `serde_json` writes each run of a string directly to its output. The output is measured first and then
//! filled, so it never grows.
//!
//! [RFC 8259]: https://www.rfc-editor.org/rfc/rfc8259

use std::fmt;
use std::io::{self, Write};

use secrecy::SecretString;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::ser::{Formatter, Serializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::input::{MAX_FILE, without_mark};
use super::value::Text;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{WipedBytes, out_of_memory, with_scrubbed_stack, zeroed};

/// The number of records that a vault can contain.
const MAX_ELEMENTS: usize = 4_000_000;

/// Returns the one value in `content`, which may start with a byte order mark.
pub(crate) fn document(content: &[u8]) -> Result<&RawValue> {
    document_up_to(content, MAX_FILE)
}

/// Does the same as [`document`], with another limit for the number of bytes.
pub(crate) fn document_up_to(content: &[u8], most: usize) -> Result<&RawValue> {
    if content.len() > most {
        let message = format!("the JSON document is longer than {most} bytes");
        return Err(Error::new(ErrorKind::InvalidFile, message));
    }
    let text = std::str::from_utf8(without_mark(content)).map_err(|_| no_json("it is not UTF-8 text"))?;
    // To find the line of a syntax error, `serde_json` reads the text into vectors, which can remain on the stack.
    with_scrubbed_stack(|| serde_json::from_str(text)).map_err(|error| {
        // A syntax error has a fixed text. A data error would quote the document; it does not occur here.
        if error.is_data() { no_json("it contains an unexpected value") } else { no_json(&error.to_string()) }
    })
}

fn no_json(why: &str) -> Error {
    Error::new(ErrorKind::InvalidFile, format!("invalid JSON document: {why}"))
}

/// Returns the elements of an array, or `None` if the value is not an array.
///
/// # Errors
/// The array has more elements than a vault can contain. Without this limit, an array of two-byte elements would take
/// eight times the memory of the document.
pub(crate) fn array(value: &RawValue) -> Result<Option<Vec<&RawValue>>> {
    if !value.get().starts_with('[') {
        return Ok(None);
    }
    let Elements(elements) = with_scrubbed_stack(|| serde_json::from_str(value.get())).map_err(|_| {
        let message = format!("an array of the JSON document has more than {MAX_ELEMENTS} elements");
        Error::new(ErrorKind::InvalidFile, message)
    })?;
    Ok(Some(elements))
}

/// The elements of an array, in its order.
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

/// An object, and its name in messages.
pub(crate) struct Object<'a> {
    called: String,
    fields: Vec<(Text<'a>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Locates the keys and values of an object.
    ///
    /// # Errors
    /// The value is not an object, or one of its keys contains half of a surrogate pair.
    pub(crate) fn new(called: &str, value: &'a RawValue) -> Result<Self> {
        let mut object = Self { called: called.into(), fields: Vec::new() };
        if !value.get().starts_with('{') {
            return Err(object.refused("it is not a JSON object"));
        }
        let fields: Fields<'_> =
            serde_json::from_str(value.get()).map_err(|_| object.refused("it is not a JSON object"))?;
        object.fields.reserve_exact(fields.0.len());
        for (at, (key, value)) in fields.0.into_iter().enumerate() {
            let key = object.read_text(&format!("key {}", at + 1), key)?;
            object.fields.push((key, value));
        }
        Ok(object)
    }

    /// Returns the keys and values, in the order of the document.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.fields.iter().map(|(key, value)| (&**key, *value))
    }

    /// Returns the value of an optional key. `null` counts as absent.
    ///
    /// # Errors
    /// The object has the key twice.
    pub(crate) fn find(&self, key: &str) -> Result<Option<&'a RawValue>> {
        let mut values = self.fields().filter(|(found, _)| *found == key).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(self.refused(&format!("it has {key:?} twice")));
        }
        Ok(value.filter(|value| value.get() != "null"))
    }

    /// Returns the string of an optional key.
    ///
    /// # Errors
    /// Those of [`find`](Self::find), or the value is not a string.
    pub(crate) fn find_text(&self, key: &str) -> Result<Option<Text<'a>>> {
        self.find(key)?.map(|value| self.read_text(&format!("{key:?}"), value)).transpose()
    }

    /// Returns the string of a required key.
    ///
    /// # Errors
    /// Those of [`find_text`](Self::find_text), or the key is missing.
    pub(crate) fn text(&self, key: &str) -> Result<Text<'a>> {
        self.find_text(key)?.ok_or_else(|| self.refused(&format!("{key:?} is missing")))
    }

    /// Returns a value of the object as a string. `what` is the name of the value in messages.
    pub(crate) fn read_text(&self, what: &str, value: &'a RawValue) -> Result<Text<'a>> {
        match unescaped(value) {
            Ok(text) => Ok(text),
            Err(NoText::OutOfMemory(len)) => Err(out_of_memory(len)),
            Err(NoText::NoString) => Err(self.refused(&format!("{what} is not a string"))),
            Err(NoText::HalfPair) => Err(self.refused(&format!("{what} contains half of a surrogate pair"))),
        }
    }

    /// Returns the name, in messages, of the value of this key.
    pub(crate) fn part(&self, key: &str) -> String {
        format!("{key:?} of {}", self.called)
    }

    /// Refuses the object because it breaks a rule. The rule must not quote the object.
    pub(crate) fn refused(&self, rule: &str) -> Error {
        Error::new(ErrorKind::InvalidFile, format!("{} is not valid: {rule}", self.called))
    }

    /// Refuses the object because a type of this crate refused a part of it. The cause must not quote the object.
    pub(crate) fn refused_for(&self, cause: Error) -> Error {
        Error::new(ErrorKind::InvalidFile, format!("{} is not valid", self.called)).with_source(cause)
    }
}

/// The keys and values of an object, in its order. Repeated keys are kept.
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

/// Tells whether the content is a JSON object with this key. Takes little memory, whatever the content is.
pub(crate) fn is_object_with(content: &[u8], key: &'static str) -> bool {
    struct Search(&'static str);
    impl<'de> Visitor<'de> for Search {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<bool, M::Error> {
            let mut is_there = false;
            while let Some((key, _)) = map.next_entry::<&RawValue, IgnoredAny>()? {
                let key = key.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                is_there |= key == Some(self.0);
            }
            Ok(is_there)
        }
    }
    let Ok(text) = std::str::from_utf8(without_mark(content)) else { return false };
    with_scrubbed_stack(|| {
        let mut document = serde_json::Deserializer::from_str(text);
        let is_there = document.deserialize_map(Search(key)).unwrap_or(false);
        is_there && document.end().is_ok()
    })
}

/// Why a value is not a text.
enum NoText {
    NoString,
    /// JSON can write a string that is not Unicode text, such as `"\ud800"` (RFC 8259, section 8.2).
    HalfPair,
    OutOfMemory(usize),
}

/// Returns the text of a string: a slice of the document, or, if the string contains escapes, a wiped buffer.
fn unescaped(value: &RawValue) -> std::result::Result<Text<'_>, NoText> {
    let quoted = value.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let escaped = quoted.ok_or(NoText::NoString)?;
    if !escaped.contains('\\') {
        return Ok(Text::Borrowed(escaped));
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
    Ok(Text::Unescaped(text))
}

/// The pieces between the quotes of a string.
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
            return Some(Err(NoText::HalfPair)); // `serde_json` has refused every other invalid escape
        };
        self.0 = rest;
        Some(Ok(Piece::Escape(c)))
    }
}

/// Reads an escape after its backslash (RFC 8259, section 7). Returns its character and the rest of the text.
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

/// Reads four hexadecimal digits, or the two escapes of a surrogate pair.
fn read_units(text: &str) -> Option<(char, &str)> {
    let (high, rest) = read_unit(text)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, rest)); // a low half alone is not a character
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

/// Returns the JSON of a value that contains no secret.
pub(crate) fn to_string(value: &impl Serialize) -> Result<String> {
    text(&fill(value)?).map(String::from)
}

/// Returns the JSON of a value that contains secrets.
pub(crate) fn to_secret(value: &impl Serialize) -> Result<SecretString> {
    text(&fill(value)?).map(SecretString::from) // one copy, of the exact size
}

fn text(json: &[u8]) -> Result<&str> {
    std::str::from_utf8(json).map_err(|_| unwritten())
}

/// Writes a value as JSON into a buffer that is wiped.
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

/// Reports a value that fails to serialise, or serialises differently the second time. Ours do neither.
fn unwritten() -> Error {
    Error::new(ErrorKind::InvalidInput, "could not write the record as JSON")
}

/// Counts the bytes that are written.
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

/// Writes compact JSON, except that each element of an array has its own line. This keeps lists easy to read and to
/// compare.
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
