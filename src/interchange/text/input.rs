//! Plaintext files on their way in.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result, quoted};
use crate::memory::{WipedBytes, zeroed};

/// Larger files are something else.
const MAX_FILE: usize = 16 * 1024 * 1024;

/// The content of a file or a pipe in a buffer that is wiped. `expected` says what the file should be, for the
/// message when it is far too long.
///
/// A file's length is only a first guess: a pipe says zero.
pub(super) fn read_all(path: &Path, expected: &str) -> Result<WipedBytes> {
    let shown = || quoted(&path.to_string_lossy());
    let failed = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::IsADirectory => ErrorKind::InvalidFile,
            // Windows denies access to a folder that is opened as a file.
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
                let message = format!("{} is longer than {MAX_FILE} bytes: no {expected}", shown());
                return Err(Error::new(ErrorKind::InvalidFile, message));
            }
            let mut larger = zeroed((2 * len).min(MAX_FILE + 1))?;
            for (place, byte) in larger.iter_mut().zip(content.iter()) {
                *place = *byte;
            }
            content = larger; // and the smaller one is wiped
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
