//! What each import format tells the table of formats.

use super::import::Import;
use super::text::input::without_mark;
use crate::error::Result;

/// How to recognise and parse the files of one format.
pub(super) struct Importer {
    /// Tells whether a file looks like one of this format. A file that merely looks like one is refused by `parse`.
    pub(super) recognises: fn(&Sample<'_>) -> bool,
    /// Parses a whole file. The name is for a record that the file does not name.
    pub(super) parse: fn(&[u8], Option<&str>) -> Result<Import>,
}

/// A file whose format is being detected.
pub(super) struct Sample<'a> {
    text: &'a [u8],
}

impl<'a> Sample<'a> {
    /// Takes the content of a file, with or without a byte order mark.
    pub(super) fn new(content: &'a [u8]) -> Self {
        Self { text: without_mark(content).trim_ascii_start() }
    }

    /// Returns the text from its first character that is not white space.
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Tells whether the first line could be the header of a table and contains all these words, in any case.
    pub(super) fn header_has(&self, words: &[&str]) -> bool {
        // XML, JSON, and a section or a comment of AWS's shared files.
        let is_header = !matches!(self.text, [b'<' | b'{' | b'[' | b'#' | b';', ..]);
        let line = self.text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let has =
            |word: &&str| line.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
        is_header && words.iter().all(has)
    }
}
