//! XML ([XML 1.0]), read without leaving a copy of a secret in memory.
//!
//! `quick-xml` locates elements and texts, and copies none of them. This module resolves the references in a text, into
//! a wiped buffer of the exact size. The errors of `quick-xml` quote the document, so they are not passed on. Only the
//! five entities of XML itself (`&lt;` and so on) exist: a document that could declare others is refused.
//!
//! [XML 1.0]: https://www.w3.org/TR/xml/

use std::borrow::Cow;

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, BytesText, Event};
use quick_xml::reader::Reader;
use zeroize::Zeroizing;

use super::input::refused;
use super::value::Text;
use crate::error::{Error, Result};
use crate::memory::out_of_memory;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A document, read from its beginning to its end.
pub(crate) struct Document<'a> {
    /// The name of the file in messages.
    file: &'static str,
    text: &'a str,
    reader: Reader<&'a [u8]>,
    /// The number of bytes whose lines have been counted.
    counted: usize,
    /// The line of the last counted byte.
    line: usize,
}

/// The start tag of an element, with its attributes.
pub(crate) struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    pub(crate) fn name(&self) -> &str {
        self.0.name().into_inner()
    }
}

impl<'a> Document<'a> {
    /// Enters the root element.
    ///
    /// # Errors
    /// The document does not begin with an element of this name, or contains a character that XML does not allow.
    pub(crate) fn new(file: &'static str, text: &'a str, root: &str) -> Result<Self> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true; // so that each element has an end tag
        let mut document = Self { file, text, reader, counted: 0, line: 1 };
        if let Some((at, _)) = text.char_indices().find(|(_, c)| !is_xml(*c)) {
            return Err(document.refused_at(at, "it contains a character that XML does not allow"));
        }
        match document.child_of_document()? {
            Some(element) if element.name() == root => Ok(document),
            _ => Err(document.refused(&format!("it does not begin with <{root}>"))),
        }
    }

    /// Enters the next child of the current element. Without another child, leaves the element and returns `None`.
    pub(crate) fn child(&mut self) -> Result<Option<Element<'a>>> {
        loop {
            match self.event()? {
                Event::Start(start) => return Ok(Some(Element(start))),
                Event::End(_) => return Ok(None),
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => return Err(self.refused("it ends before its elements are closed")),
                _ => return Err(self.refused("it contains text in a place where only elements are allowed")),
            }
        }
    }

    fn child_of_document(&mut self) -> Result<Option<Element<'a>>> {
        loop {
            match self.event()? {
                Event::Start(start) => return Ok(Some(Element(start))),
                Event::Eof => return Ok(None),
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                _ => return Err(self.refused("it is not an XML document, or has a DOCTYPE")),
            }
        }
    }

    /// Ends reading after the last child of the root.
    ///
    /// # Errors
    /// Something follows the root.
    pub(crate) fn end(mut self) -> Result<()> {
        match self.child_of_document()? {
            None => Ok(()),
            Some(_) => Err(self.refused("it continues after the end of its root element")),
        }
    }

    /// Skips the content of the element and leaves it.
    pub(crate) fn skip(&mut self, element: &Element<'a>) -> Result<()> {
        match self.reader.read_to_end(element.0.name()) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.broken()),
        }
    }

    /// Returns the text of the element and leaves it.
    pub(crate) fn text(&mut self, element: &Element<'a>) -> Result<Text<'a>> {
        let content = match self.reader.read_text(element.0.name()).map(BytesText::into_inner) {
            Ok(Cow::Borrowed(content)) => content,
            _ => return Err(self.broken()),
        };
        if !content.contains(['&', '<', '\r']) {
            return Ok(Text::Borrowed(content));
        }
        let mut len = 0;
        resolve(content, &mut |piece| len += piece.len()).map_err(|why| self.refused(why))?;
        let mut text = Zeroizing::new(String::new());
        text.try_reserve_exact(len).map_err(|_| out_of_memory(len))?;
        resolve(content, &mut |piece| text.push_str(piece)).map_err(|why| self.refused(why))?;
        Ok(Text::Unescaped(text))
    }

    /// Tells whether the element has an attribute of this name with the value `True` or `1`.
    pub(crate) fn says(&mut self, element: &Element<'a>, attribute: &str) -> Result<bool> {
        match element.0.try_get_attribute(attribute) {
            Ok(Some(found)) => Ok(found.value.eq_ignore_ascii_case("true") || found.value == "1"),
            Ok(None) => Ok(false),
            Err(_) => Err(self.refused("an attribute is not well-formed XML")),
        }
    }

    fn event(&mut self) -> Result<Event<'a>> {
        self.reader.read_event().map_err(|_| self.broken())
    }

    /// Returns the line at which the reader is.
    pub(crate) fn line(&mut self) -> usize {
        self.line_at(usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX))
    }

    fn line_at(&mut self, position: usize) -> usize {
        let passed = self.text.as_bytes().get(self.counted..position).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.counted = self.counted.max(position);
        self.line
    }

    /// Refuses the document at the line at which the reader is.
    pub(crate) fn refused(&mut self, why: &str) -> Error {
        let line = self.line();
        refused(self.file, &format!("line {line}: {why}"))
    }

    fn refused_at(&mut self, position: usize, why: &str) -> Error {
        let line = self.line_at(position);
        refused(self.file, &format!("line {line}: {why}"))
    }

    fn broken(&mut self) -> Error {
        let position = usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX);
        self.refused_at(position, "it is not well-formed XML")
    }
}

/// Tells whether XML can contain a character, as itself or as a reference ([XML 1.0, section 2.2]).
///
/// [XML 1.0, section 2.2]: https://www.w3.org/TR/xml/#charsets
pub(crate) fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Passes the text of an element to `out`, piece by piece, with its references resolved.
fn resolve(content: &str, out: &mut dyn FnMut(&str)) -> std::result::Result<(), &'static str> {
    if content.starts_with(BYTE_ORDER_MARK) {
        out(BYTE_ORDER_MARK); // the reader would drop it as the beginning of a document
    }
    let mut reader = Reader::from_str(content);
    loop {
        match reader.read_event() {
            Ok(Event::Text(text)) => with_line_ends(&text, out),
            Ok(Event::CData(text)) => with_line_ends(&text, out),
            Ok(Event::GeneralRef(reference)) => {
                resolve_reference(&reference, out)
                    .ok_or("it contains a reference to a character that XML does not allow")?;
            }
            Ok(Event::Comment(_) | Event::PI(_)) => {}
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => return Err("it contains an element in a place where only text is allowed"),
            Err(_) => return Err("it is not well-formed XML"),
        }
    }
}

fn resolve_reference(reference: &BytesRef<'_>, out: &mut dyn FnMut(&str)) -> Option<()> {
    match reference.resolve_char_ref().ok()? {
        Some(c) if is_xml(c) => out(c.encode_utf8(&mut [0; 4])),
        Some(_) => return None,
        None => out(resolve_xml_entity(reference)?),
    }
    Some(())
}

/// Passes a text to `out` with `\n` for every line end (XML 1.0, section 2.11).
fn with_line_ends(text: &str, out: &mut dyn FnMut(&str)) {
    let mut rest = text;
    while let Some((line, behind)) = rest.split_once('\r') {
        out(line);
        out("\n");
        rest = behind.strip_prefix('\n').unwrap_or(behind);
    }
    out(rest);
}
