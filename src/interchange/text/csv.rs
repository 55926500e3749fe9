//! The rows of a CSV text ([RFC 4180]), parsed into memory that is wiped.
//!
//! [RFC 4180]: https://www.rfc-editor.org/rfc/rfc4180

use csv_core::{ReadRecordResult, Reader};

use super::input::refused;
use crate::error::{Error, Result};
use crate::memory::{WipedBytes, zeroed};

/// More columns than any known program writes.
const MAX_COLUMNS: usize = 256;

/// The rows of a CSV text, one at a time, in a buffer that is wiped.
pub(crate) struct Rows<'a> {
    /// The name of the file in messages.
    file: &'static str,
    reader: Reader,
    text: &'a str,
    /// The number of bytes that have been read.
    read: usize,
    /// The line of the next byte.
    line: usize,
    fields: WipedBytes,
    ends: [usize; MAX_COLUMNS],
}

/// One row: its fields joined, and the end of each field.
pub(crate) struct Row<'a> {
    line: usize,
    fields: &'a str,
    ends: &'a [usize],
}

impl<'a> Rows<'a> {
    /// Starts at the first row.
    ///
    /// # Errors
    /// There is not enough memory for a copy of the text.
    pub(crate) fn new(file: &'static str, text: &'a str) -> Result<Self> {
        // Removing quotes never makes a field longer, so this buffer does not have to grow.
        let fields = zeroed(text.len())?;
        Ok(Self { file, reader: Reader::new(), text, read: 0, line: 1, fields, ends: [0; MAX_COLUMNS] })
    }

    /// Returns the next row that is not empty, or `None` at the end.
    ///
    /// # Errors
    /// The row has more than [`MAX_COLUMNS`] columns.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>> {
        let rest = self.text.get(self.read..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        self.advance(blank);
        let line = self.line;
        let (mut written, mut ended) = (0, 0);
        loop {
            let rest = self.text.as_bytes().get(self.read..).unwrap_or_default();
            let output = self.fields.get_mut(written..).unwrap_or_default();
            let ends = self.ends.get_mut(ended..).unwrap_or_default();
            let (result, read, wrote, found) = self.reader.read_record(rest, output, ends);
            self.advance(read);
            written += wrote;
            ended += found;
            match result {
                ReadRecordResult::InputEmpty => {} // an empty input in the next call marks the end
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::OutputEndsFull => {
                    return Err(self.refused(&format!("line {line} has too many columns")));
                }
                ReadRecordResult::OutputFull => {
                    return Err(self.refused(&format!("line {line} has a field that does not end")));
                }
            }
        }
        let fields = std::str::from_utf8(self.fields.get(..written).unwrap_or_default());
        let fields = fields.map_err(|_| self.refused("it is not UTF-8 text"))?;
        Ok(Some(Row { line, fields, ends: self.ends.get(..ended).unwrap_or_default() }))
    }

    /// Skips bytes and counts lines as an editor does: `\n`, `\r\n` and a single `\r` each end a line.
    fn advance(&mut self, by: usize) {
        let bytes = self.text.as_bytes();
        let passed = bytes.iter().enumerate().skip(self.read).take(by);
        self.line += passed
            .filter(|(at, byte)| **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')))
            .count();
        self.read += by;
    }

    fn refused(&self, why: &str) -> Error {
        refused(self.file, why)
    }
}

impl<'a> Row<'a> {
    /// Returns the line on which the row begins.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// Returns the number of columns.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the field in this column, counted from zero.
    pub(crate) fn field(&self, column: usize) -> Option<&'a str> {
        let start = match column.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.fields.get(start..*self.ends.get(column)?)
    }
}
