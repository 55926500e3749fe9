//! What a command prints: straight to the descriptor, because the standard library's buffer would keep a secret.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::failure::{Failure, Outcome};
use crate::secret::SecretBytes;

/// Writes all of `text` to stdout. A reader that closed its end is not an error: the command ends quietly.
pub(crate) fn print(text: &str) -> Outcome {
    match write_raw(text) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::silent()),
        written => written.map_err(|error| Failure::io("could not write to stdout", &error)),
    }
}

#[cfg(unix)]
fn write_raw(text: &str) -> io::Result<()> {
    use std::os::fd::AsFd;
    File::from(io::stdout().as_fd().try_clone_to_owned()?).write_all(text.as_bytes())
}

/// A console wants letters, not bytes, and the library knows how to give them; its buffer keeps only what has no line
/// end, of a text that is on the screen anyway.
#[cfg(windows)]
fn write_raw(text: &str) -> io::Result<()> {
    use std::os::windows::io::AsHandle;
    if stdout_is_terminal() {
        let mut stdout = io::stdout();
        return stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }
    File::from(io::stdout().as_handle().try_clone_to_owned()?).write_all(text.as_bytes())
}

/// Writes a result to stdout as one line of JSON.
pub(crate) fn print_json(result: &impl Serialize) -> Outcome {
    let line = json_line(result)?;
    print(std::str::from_utf8(&line).map_err(|_| Failure::unexpected("the JSON is not UTF-8"))?)
}

/// One line of JSON. It may hold a secret: its buffer is of the exact size, and wiped.
pub(crate) fn json_line(content: &impl Serialize) -> Outcome<SecretBytes> {
    let failed =
        |error: serde_json::Error| Failure::unexpected(format!("no JSON can be made of it: {error}"));
    let mut len = Length(0);
    serde_json::to_writer(&mut len, content).map_err(failed)?;
    let mut line = Zeroizing::new(Vec::with_capacity(len.0 + 1));
    serde_json::to_writer(&mut *line, content).map_err(failed)?;
    line.push(b'\n');
    Ok(line)
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A line to stderr for the person at the terminal, unless they asked for quiet.
pub(crate) fn note(quiet: bool, text: &str) {
    if !quiet {
        let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
    }
}

/// So many records, for people.
pub(crate) fn records(count: usize) -> String {
    format!("{count} record{}", if count == 1 { "" } else { "s" })
}

/// Returns whether the output is lost: stdout is the null device, which also replaces a closed stdout.
#[cfg(unix)]
pub(crate) fn stdout_is_lost() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let stdout = io::stdout().as_fd().try_clone_to_owned().and_then(|stdout| File::from(stdout).metadata());
    let null = std::fs::metadata("/dev/null");
    matches!((stdout, null), (Ok(stdout), Ok(null)) if stdout.rdev() != 0 && stdout.rdev() == null.rdev())
}

#[cfg(windows)]
pub(crate) fn stdout_is_lost() -> bool {
    false
}

pub(crate) fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Writes a new file for its owner alone; one that is there stays.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Outcome {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::already_exists(format!("the file {} already exists", path.display()))
                .advise("name another one: it is not replaced")
        }
        _ => Failure::io(format!("could not write {}", path.display()), &error),
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        // A umask may have removed rights of the owner too. If this fails, no other user has gained any.
        let alone = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        let _ = file.set_permissions(alone);
    }
    file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| sync_folder(path)).map_err(|error| {
        let _ = std::fs::remove_file(path); // half of it is worth nothing
        failed(error)
    })
}

/// So that the name is still there after a power cut.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = match File::open(folder) {
        // A folder that may be written but not read: file systems with a journal write the name with the file.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return File::open(path)?.sync_all(),
        opened => opened?,
    };
    match folder.sync_all() {
        // A file system that syncs no folders.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

#[cfg(windows)]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns whether a terminal shows the character in its place: it is not a control character, is visible and does not
/// reverse the line.
pub(crate) fn is_plain(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
