//! The input of every parser: a whole file in memory that is wiped, its size limit, and its bytes as text.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result, quoted};
use crate::memory::{WipedBytes, zeroed};

/// The size limit of a file, except for our own JSON. No known program writes a larger one.
pub(crate) const MAX_FILE: usize = 16 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the content without a byte order mark.
pub(crate) fn without_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content)
}

/// Returns the text of a file, without a byte order mark. `file` is the name of the file in messages.
pub(crate) fn utf8<'a>(file: &str, content: &'a [u8]) -> Result<&'a str> {
    check_len(file, content)?;
    std::str::from_utf8(without_mark(content)).map_err(|_| refused(file, "it is not UTF-8 text"))
}

/// Refuses a file that is longer than [`MAX_FILE`].
pub(crate) fn check_len(file: &str, content: &[u8]) -> Result<()> {
    if content.len() > MAX_FILE {
        return Err(Error::new(ErrorKind::InvalidFile, format!("{file} is longer than {MAX_FILE} bytes")));
    }
    Ok(())
}

/// Refuses a file as a whole. The reason must not quote the file, because it contains secrets.
pub(crate) fn refused(file: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidFile, format!("could not read {file}: {why}"))
}

/// Reads a file or a pipe into a buffer that is wiped. `expected` describes the file that the caller wants, for the
/// message about a file that is too long.
///
/// The length in the metadata is only a first guess, because that of a pipe is zero.
pub(crate) fn read_all(path: &Path, expected: &str) -> Result<WipedBytes> {
    let shown = || quoted(&path.to_string_lossy());
    let failed = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::IsADirectory => ErrorKind::InvalidFile,
            // Windows reports "access denied" for a folder that is opened as a file.
            _ if path.is_dir() => ErrorKind::InvalidFile,
            _ => ErrorKind::Io,
        };
        Error::new(kind, format!("could not read {}", shown())).with_source(error)
    };
    let mut file = File::open(path).map_err(failed)?;
    let guess = usize::try_from(file.metadata().map_err(failed)?.len()).unwrap_or(MAX_FILE);
    let mut content = zeroed(guess.clamp(4096, MAX_FILE) + 1)?;
    let mut len = 0;
    loop {
        if len == content.len() {
            if len > MAX_FILE {
                let message =
                    format!("{} is longer than {MAX_FILE} bytes, so it is not a {expected}", shown());
                return Err(Error::new(ErrorKind::InvalidFile, message));
            }
            let mut larger = zeroed((2 * len).min(MAX_FILE + 1))?;
            for (place, byte) in larger.iter_mut().zip(content.iter()) {
                *place = *byte;
            }
            content = larger; // dropping the smaller buffer wipes it
        }
        match file.read(content.get_mut(len..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    content.truncate(len);
    Ok(content)
}
