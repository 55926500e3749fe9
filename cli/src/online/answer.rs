//! The XML that IAM and STS answer with.

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use zeroize::Zeroizing;

/// Answers of AWS are six elements deep at most.
const MOST_DEPTH: usize = 16;

/// An element. Its text may be a secret, and is wiped.
pub(super) struct Element {
    name: String,
    text: Zeroizing<String>,
    children: Vec<Self>,
}

impl Element {
    /// The root of a document, or `None` if it is not XML or has a DOCTYPE.
    pub(super) fn parse(document: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_str(std::str::from_utf8(document).ok()?);
        reader.config_mut().expand_empty_elements = true; // so that each element ends
        let mut open: Vec<Self> = Vec::new();
        loop {
            let depth = open.len();
            match (reader.read_event().ok()?, open.last_mut()) {
                (Event::Start(start), _) if depth < MOST_DEPTH => {
                    let name = start.local_name().into_inner().to_owned();
                    // Sized first: a text that grows leaves a copy behind.
                    let text = Zeroizing::new(String::with_capacity(128));
                    open.push(Self { name, text, children: Vec::new() });
                }
                (Event::End(_), _) => {
                    let ended = open.pop()?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(ended),
                        None => return Some(ended),
                    }
                }
                (Event::Text(text), Some(element)) => element.text.push_str(&text),
                (Event::CData(text), Some(element)) => element.text.push_str(&text),
                (Event::GeneralRef(reference), Some(element)) => match reference.resolve_char_ref().ok()? {
                    Some(letter) => element.text.push(letter),
                    None => element.text.push_str(resolve_xml_entity(&reference)?),
                },
                (Event::Text(text), None) if text.trim().is_empty() => {}
                (Event::Decl(_) | Event::Comment(_) | Event::PI(_), _) => {}
                _ => return None,
            }
        }
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The first child of this name, without the rest.
    pub(super) fn into_child(self, name: &str) -> Option<Self> {
        self.children.into_iter().find(|child| child.name == name)
    }

    /// The children of this name.
    pub(super) fn children(&self, name: &'static str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child, if it is not empty.
    pub(super) fn text(&self, child: &str) -> Option<&str> {
        self.child(child).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }
}
