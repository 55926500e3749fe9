//! Secrets on their way in: read raw, into memory that is wiped.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::failure::{Failure, Outcome};

/// Bytes that are wiped when dropped.
pub(crate) type SecretBytes = Zeroizing<Vec<u8>>;

/// Longer secrets are a mistake: a wrong file, a program that does not end.
const MAX_LEN: usize = 128 * 1024;

/// As large as a vault may be, of which an import can be an export.
const MAX_IMPORT: usize = 1 << 30;

/// The whole content of a file that is imported.
pub(crate) fn import_file(path: &Path) -> Outcome<SecretBytes> {
    read_whole(&mut open(path)?, &path.display().to_string(), MAX_IMPORT)
}

/// All that stdin gives, for an import.
pub(crate) fn import_stdin() -> Outcome<SecretBytes> {
    read_whole(&mut descriptor(0, "stdin")?, "stdin", MAX_IMPORT)
}

/// The content of a file, without one final line end.
pub(crate) fn from_file(path: &Path) -> Outcome<SecretBytes> {
    read_secret(&mut open(path)?, &path.display().to_string())
}

fn open(path: &Path) -> Outcome<File> {
    let failed = |error| Failure::reading(path, &error);
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// What an inherited descriptor gives, without one final line end. Afterwards it is closed: a program that we run
/// could read it again, if it leads to a file.
pub(crate) fn from_descriptor(number: u32) -> Outcome<SecretBytes> {
    let what = format!("descriptor {number}");
    let secret = read_secret(&mut descriptor(number, &what)?, &what)?;
    #[cfg(unix)]
    close(number).map_err(|error| Failure::io(format!("could not close {what}"), &error))?;
    Ok(secret)
}

/// What an open descriptor leads to, without a buffer in between.
#[cfg(unix)]
fn descriptor(number: u32, what: &str) -> Outcome<File> {
    duplicate(number).map_err(|error| Failure::io(format!("could not read {what}"), &error))
}

/// The descriptor itself, at its current position. `/dev/fd` would open its file again: from the beginning, with the
/// current rights, and not for a socket.
#[cfg(target_os = "linux")]
fn duplicate(number: u32) -> std::io::Result<File> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    match pidfd_getfd(own, number.cast_signed(), PidfdGetfdFlags::empty()) {
        Ok(descriptor) => Ok(File::from(descriptor)),
        Err(rustix::io::Errno::BADF) => Err(rustix::io::Errno::BADF.into()),
        // A kernel before 5.6, or a container that forbids the call.
        Err(_) => File::open(format!("/dev/fd/{number}")),
    }
}

/// Here `/dev/fd` gives the descriptor itself.
#[cfg(all(unix, not(target_os = "linux")))]
fn duplicate(number: u32) -> std::io::Result<File> {
    File::open(format!("/dev/fd/{number}"))
}

/// Of what a program inherits here, stdin alone has a number.
#[cfg(windows)]
fn descriptor(number: u32, what: &str) -> Outcome<File> {
    use std::os::windows::io::AsHandle;
    if number != 0 {
        return Err(Failure::usage("on Windows 0, which is stdin, is the only descriptor there is")
            .advise("give it by a file or a command: see `aumbry --help`"));
    }
    let handle = std::io::stdin().as_handle().try_clone_to_owned();
    handle.map(File::from).map_err(|error| Failure::io(format!("could not read {what}"), &error))
}

#[cfg(unix)]
fn close(number: u32) -> std::io::Result<()> {
    match number {
        // The number must not become that of another file.
        0 => Ok(rustix::stdio::dup2_stdin(File::open("/dev/null")?)?),
        1 | 2 => Ok(()), // where results and errors go
        number => Ok(nix::unistd::close(number.cast_signed())?),
    }
}

/// What a shell command prints, without one final line end.
pub(crate) fn from_command(command: &str) -> Outcome<SecretBytes> {
    let failed = |error| Failure::io("could not run the passphrase command", &error);
    let mut child = shell(command).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let read = match child.stdout.take() {
        Some(mut output) => read_secret(&mut output, "the passphrase command"),
        None => Err(Failure::unexpected("the passphrase command has no output")),
    };
    if read.is_err() {
        // It may never stop printing.
        let _ = child.kill();
        let _ = child.wait();
        return read;
    }
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        return Err(Failure::input_needed(format!("the passphrase command failed ({status})")));
    }
    read
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command);
    crate::environment::hide_from_child(&mut shell);
    shell
}

/// With `/S` everything between the outer quotes is the command, including further quotes.
#[cfg(windows)]
fn shell(command: &str) -> Command {
    use std::os::windows::process::CommandExt;
    let mut shell = Command::new("cmd");
    shell.raw_arg("/D /S /C").raw_arg(format!("\"{command}\""));
    crate::environment::hide_from_child(&mut shell);
    shell
}

/// Reads a secret to its end, without one final line end.
fn read_secret(source: &mut impl Read, what: &str) -> Outcome<SecretBytes> {
    let mut bytes = read_whole(source, what, MAX_LEN)?;
    strip_line_end(&mut bytes);
    Ok(bytes)
}

/// Reads to the end. A buffer that is too small is replaced and wiped.
fn read_whole(source: &mut impl Read, what: &str, most: usize) -> Outcome<SecretBytes> {
    let mut bytes = Zeroizing::new(vec![0; 4096]);
    let mut len = 0;
    loop {
        if len > most {
            return Err(Failure::too_long(format!("{what} gives more than {most} bytes")));
        }
        if len == bytes.len() {
            let mut larger = Zeroizing::new(vec![0; (2 * len).min(most + 1)]);
            larger.iter_mut().zip(bytes.iter()).for_each(|(place, byte)| *place = *byte);
            bytes = larger;
        }
        match source.read(bytes.get_mut(len..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::io(format!("could not read {what}"), &error)),
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

/// Takes away exactly one final `\n` or `\r\n`: what an editor or `echo` appends.
fn strip_line_end(bytes: &mut Vec<u8>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}

/// The bytes as text, for a secret access key or a token.
pub(crate) fn to_text(bytes: &SecretBytes) -> Outcome<secrecy::SecretString> {
    let text = std::str::from_utf8(bytes).map_err(|_| Failure::usage("the secret is not UTF-8 text"))?;
    Ok(text.into())
}
