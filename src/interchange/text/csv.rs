//! The rows of a CSV text, in memory that is wiped.

use csv_core::{ReadRecordResult, Reader};

use crate::error::{Error, ErrorKind, Result};
use crate::memory::{WipedBytes, zeroed};

/// More than any program that we know writes.
const MAX_COLUMNS: usize = 256;

/// The rows of a CSV text, one at a time, in a buffer that is wiped.
pub(crate) struct Rows<'a> {
    /// What to call the file in a message.
    file: &'static str,
    reader: Reader,
    text: &'a str,
    /// How much of the text was read, and on which line that is.
    read: usize,
    line: usize,
    fields: WipedBytes,
    ends: [usize; MAX_COLUMNS],
}

/// One row: its fields joined, and where each of them ends.
pub(crate) struct Row<'a> {
    line: usize,
    fields: &'a str,
    ends: &'a [usize],
}

impl<'a> Rows<'a> {
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn new(file: &'static str, text: &'a str) -> Result<Self> {
        // Unquoting never makes a field longer, so this buffer need not grow.
        let fields = zeroed(text.len())?;
        Ok(Self { file, reader: Reader::new(), text, read: 0, line: 1, fields, ends: [0; MAX_COLUMNS] })
    }

    /// The next row that is not empty, or `None` at the end.
    ///
    /// # Errors
    /// If a row has far too many columns.
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
                ReadRecordResult::InputEmpty => {} // once more, with nothing, says that it is the end
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

    /// Counts lines as an editor does: `\n`, `\r\n` and a lone `\r` end one each.
    fn advance(&mut self, by: usize) {
        let bytes = self.text.as_bytes();
        let passed = bytes.iter().enumerate().skip(self.read).take(by);
        self.line += passed
            .filter(|(at, byte)| **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')))
            .count();
        self.read += by;
    }

    fn refused(&self, why: &str) -> Error {
        Error::new(ErrorKind::InvalidFile, format!("{} cannot be used: {why}", self.file))
    }
}

impl<'a> Row<'a> {
    /// The line on which it begins.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// How many columns it has.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn field(&self, column: usize) -> Option<&'a str> {
        let start = match column.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.fields.get(start..*self.ends.get(column)?)
    }
}
