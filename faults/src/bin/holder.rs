//! Holds a vault open and does to it what it is told, so that its memory can be looked at in between. And looks for keys
//! and secrets in what was dumped.
//!
//! ```text
//! holder FOLDER            does what the lines on stdin say, each with as many lines of secrets behind it as it takes;
//!                          answers each with "done …" or "error KIND: message"
//! holder traces            gives the bytes to look for: of "file PATH PASSPHRASE", "text NAME TEXT" on stdin,
//!                          as "HEX NAME"
//! holder search TRACES FILE…   says where they stand: "FILE OFFSET NAME", and last "searched N bytes"
//! ```
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aumbry::testing::{forms_of, traces_of};
use aumbry::{Credentials, ErrorKind, NewRecord, Passphrase, Result, Role, SecretString, Vault};
use aumbry_faults::{cheapest, options};
use zeroize::Zeroizing;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["traces"] => traces(),
        ["search", traces, files @ ..] => search(Path::new(traces), files),
        [folder] => Holder::new(Path::new(folder)).obey(),
        _ => {
            eprintln!("holder FOLDER | traces | search TRACES FILE…");
            return ExitCode::from(2);
        }
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

/// Reads a line of stdin without the standard library's buffer, which keeps the bytes that pass through it.
fn line(stdin: &mut File) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut line = Zeroizing::new(vec![0; 1024]);
    for len in 0..line.len() {
        match stdin.read(line.get_mut(len..=len).unwrap_or_default())? {
            0 => return Ok(None),
            _ if line.get(len) == Some(&b'\n') => {
                line.truncate(len);
                return Ok(Some(line));
            }
            _ => {}
        }
    }
    Err(io::Error::other("a line is too long"))
}

struct Holder {
    folder: PathBuf,
    stdin: File,
    vault: Option<Vault>,
    held: Vec<Credentials>,
}

impl Holder {
    fn new(folder: &Path) -> Self {
        #[allow(clippy::expect_used, reason = "a program that cannot be told anything has nothing to do")]
        let stdin = File::open("/dev/stdin").expect("there is a stdin");
        Self { folder: folder.to_owned(), stdin, vault: None, held: Vec::new() }
    }

    fn obey(mut self) -> io::Result<()> {
        while let Some(line) = line(&mut self.stdin)? {
            let words = String::from_utf8_lossy(&line).into_owned();
            let answer = match self.act(&words.split(' ').collect::<Vec<_>>()) {
                Ok(answer) => format!("done {answer}\n"),
                Err(error) => format!("error {}: {error}\n", error.kind().code()),
            };
            let mut stdout = io::stdout().lock();
            stdout.write_all(answer.as_bytes())?;
            stdout.flush()?;
        }
        Ok(())
    }

    /// Reads the next line, which is a secret.
    fn secret(&mut self) -> Result<Zeroizing<Vec<u8>>> {
        let missing = || aumbry::Error::new(ErrorKind::InvalidInput, "a secret is missing");
        line(&mut self.stdin).ok().flatten().ok_or_else(missing)
    }

    fn passphrase(&mut self) -> Result<Passphrase> {
        Ok(Passphrase::from(self.secret()?.as_slice()))
    }

    fn draft(&mut self, name: &str) -> Result<NewRecord> {
        let secret = self.secret()?;
        NewRecord::new_static(name, "AKIAIOSFODNN7EXAMPLE", std::str::from_utf8(&secret).unwrap_or_default())
    }

    fn vault(&self) -> Result<&Vault> {
        let closed = || aumbry::Error::new(ErrorKind::Misuse, "there is no vault");
        self.vault.as_ref().ok_or_else(closed)
    }

    fn act(&mut self, words: &[&str]) -> Result<String> {
        let path = self.folder.join("vault.aumbry");
        let options = options(&self.folder).kdf(cheapest()?).allow_kdf_below_floor();
        match *words {
            ["hello"] => {}
            ["create"] => {
                let passphrase = self.passphrase()?;
                self.vault = Some(aumbry_faults::create_with(&self.folder, passphrase)?);
            }
            ["open"] => self.vault = Some(options.open(&path, self.passphrase()?)?),
            ["open", "hibernation"] => {
                self.vault = Some(options.allow_hibernation().open(&path, self.passphrase()?)?);
            }
            ["close"] => self.vault = None,
            ["protection"] => return Ok(format!("{:?}", self.vault()?.memory_protection()?)),
            ["advice"] => return Ok(format!("{:?}", self.vault()?.advice()?)),
            ["look", name] => drop(self.vault()?.get_credentials(name)?),
            ["hold", name] => self.held.extend(self.vault()?.get_credentials(name)?),
            ["drop"] => self.held.clear(),
            ["verify"] => return Ok(format!("{} records", self.vault()?.verify()?.records)),
            ["lock"] => self.vault()?.lock(),
            ["unlock"] => {
                let passphrase = self.passphrase()?;
                self.vault()?.unlock(passphrase)?;
            }
            ["put", name] => {
                let draft = self.draft(name)?;
                self.vault()?.edit(|edit| edit.put(&draft))?;
            }
            ["remove", name] => self.vault()?.edit(|edit| edit.remove(name))?,
            ["rotation", "keep", name] => {
                let secret = SecretString::from(std::str::from_utf8(&self.secret()?).unwrap_or_default());
                self.vault()?.edit(|edit| edit.keep_new_key(name, "AKIAI44QH8DHBEXAMPLE", secret.clone()))?;
            }
            ["rotation", "begin", name] => self.vault()?.edit(|edit| edit.begin_rotation(name, &[]))?,
            ["rotation", "swap", name] => self.vault()?.edit(|edit| edit.swap_keys(name))?,
            ["rotation", "end", name] => {
                let rotation = self.vault()?.rotation(name)?;
                self.vault()?
                    .edit(|edit| rotation.iter().try_for_each(|rotation| edit.end_rotation(rotation)))?;
            }
            ["person", label, role] => {
                let role = if role == "reader" { Role::Reader } else { Role::Administrator };
                let passphrase = self.passphrase()?;
                self.vault()?.add_person(label, role, passphrase)?;
            }
            ["set", label] => {
                let passphrase = self.passphrase()?;
                self.vault()?.set_passphrase(label, passphrase)?;
            }
            ["leave", label] => self.vault()?.remove_person(label)?,
            ["code"] => drop(self.vault()?.issue_recovery_code()?),
            ["rekey"] => {
                let passphrase = self.passphrase()?;
                self.vault()?.rekey(passphrase)?;
            }
            ["backup"] => {
                let copied = std::fs::copy(&path, self.folder.join("backup.aumbry"));
                copied.map_err(|error| aumbry::Error::new(ErrorKind::Io, "no backup").with_source(error))?;
            }
            ["restore"] => {
                let backup =
                    options.without_pin().open(self.folder.join("backup.aumbry"), self.passphrase()?)?;
                self.vault()?.restore(&backup)?;
            }
            // The control: if the attack does not find this, it would find nothing.
            ["plant"] => std::mem::forget(self.secret()?.to_vec()),
            _ => return Err(aumbry::Error::new(ErrorKind::InvalidInput, "no such order")),
        }
        Ok(String::new())
    }
}

fn traces() -> io::Result<()> {
    let mut out = String::new();
    for line in io::read_to_string(io::stdin())?.lines() {
        let traces = match line.splitn(3, ' ').collect::<Vec<_>>().as_slice() {
            ["file", path, passphrase] => {
                traces_of(&std::fs::read(path)?, passphrase).map_err(io::Error::other)?
            }
            ["text", name, text] => forms_of(name, text),
            _ => return Err(io::Error::other("neither a file nor a text")),
        };
        for (name, bytes) in traces {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            out.push_str(&format!("{digits} {name}\n"));
        }
    }
    io::stdout().write_all(out.as_bytes())
}

const PAGE: usize = 4096;
const EMPTY: [u8; PAGE] = [0; PAGE];

fn search(traces: &Path, files: &[&str]) -> io::Result<()> {
    let text = std::fs::read_to_string(traces)?;
    let mut by_start: Vec<Vec<(Vec<u8>, &str)>> = vec![Vec::new(); 1 << 16];
    for line in text.lines() {
        let (digits, name) = line.split_once(' ').ok_or_else(|| io::Error::other("no trace"))?;
        let digit = |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        let bytes: Vec<u8> = (0..digits.len()).step_by(2).filter_map(digit).collect();
        let Some(start) = start(&bytes) else { return Err(io::Error::other("a trace is too short")) };
        by_start.get_mut(start).into_iter().for_each(|place| place.push((bytes.clone(), name)));
    }
    let (mut searched, mut out) = (0, String::new());
    for file in files {
        let bytes = std::fs::read(file)?;
        searched += bytes.len();
        for (page, content) in bytes.chunks(PAGE).enumerate() {
            // Most of the content is zero. A trace that starts with zeros on such a page is found a little
            // before the next page.
            if content == EMPTY.get(..content.len()).unwrap_or_default() {
                continue;
            }
            for at in (page * PAGE).saturating_sub(16)..page * PAGE + content.len() {
                let rest = bytes.get(at..).unwrap_or_default();
                let Some(here) = start(rest).and_then(|start| by_start.get(start)) else { continue };
                for (_, name) in here.iter().filter(|(trace, _)| rest.starts_with(trace)) {
                    out.push_str(&format!("{file} {at} {name}\n"));
                }
            }
        }
    }
    out.push_str(&format!("searched {searched} bytes\n"));
    io::stdout().write_all(out.as_bytes())
}

fn start(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk::<2>().map(|two| usize::from(u16::from_le_bytes(*two)))
}
