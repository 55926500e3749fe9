//! Saves on request and reports the result, so that the system calls of one save can be numbered.
//!
//! ```text
//! stepper FOLDER KIND
//! ```
//! It opens the vault of the folder and says "ready". For each line "NAME" or "NAME PADDING COUNT" of stdin it adds, in
//! one commit, a record of this name with so many bytes more, and so many others "NAME.1" and on; it answers "saved NAME" or
//! "error KIND: message". The end of stdin ends it, exit code 0; if the vault cannot be opened it says why, exit code 1. A
//! panic is 101.
//!
//! `KIND` is `sound`, or what an attack must find wanting: `in-place` overwrites the vault's own file, `early`
//! acknowledges before it saves.
//!
//! It listens and speaks through `readv` and `writev`, which a save does not use: if every `write` fails, it still says so.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aumbry::storage::{Exclusive, FileStorage, Prefix, Revision, Storage};
use aumbry::{Error, ErrorKind, Result, Vault};
use aumbry_faults::{PASSPHRASE, draft, open, options};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let [folder, kind @ ("sound" | "in-place" | "early")] = *words else {
        eprintln!("stepper FOLDER sound | in-place | early");
        return ExitCode::from(2);
    };
    let folder = Path::new(folder);
    let Ok(mut talk) = Talk::new() else { return ExitCode::from(2) };
    let vault = match kind {
        "in-place" => options(folder).open_in(InPlace::new(folder.join("vault.aumbry")), PASSPHRASE),
        _ => open(folder),
    };
    match vault {
        Ok(vault) => {
            talk.say("ready");
            while let Some(line) = talk.hear() {
                if kind == "early" {
                    talk.say(&format!("saved {}", line.split(' ').next().unwrap_or_default()));
                    let _ = step(&vault, &line);
                } else {
                    let answer = step(&vault, &line).unwrap_or_else(|error| described(&error));
                    talk.say(&answer);
                }
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            talk.say(&described(&error));
            ExitCode::FAILURE
        }
    }
}

fn described(error: &Error) -> String {
    format!("error {}: {error}", error.kind().code())
}

fn step(vault: &Vault, line: &str) -> Result<String> {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let [padding, others] = [(); 2].map(|()| words.next().and_then(|word| word.parse().ok()).unwrap_or(0));
    let padding = "x".repeat(padding);
    let make = |name: &str| draft(name)?.attribute("padding", &padding);
    let mut drafts = vec![make(name)?];
    for number in 1..=others {
        drafts.push(make(&format!("{name}.{number}"))?);
    }
    vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft)))?;
    Ok(format!("saved {name}"))
}

/// Reads and writes lines without the standard library's buffers, which would call `read`.
struct Talk {
    input: File,
    output: File,
    heard: VecDeque<u8>,
}

impl Talk {
    fn new() -> io::Result<Self> {
        let input = io::stdin().as_fd().try_clone_to_owned()?.into();
        let output = io::stdout().as_fd().try_clone_to_owned()?.into();
        Ok(Self { input, output, heard: VecDeque::new() })
    }

    /// Returns the next line, without its end; `None` at the end of the input.
    fn hear(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.heard.iter().position(|&byte| byte == b'\n') {
                let line: Vec<_> = self.heard.drain(..=end).take(end).collect();
                return String::from_utf8(line).ok();
            }
            let mut buffer = [0; 4096];
            let count = self.input.read_vectored(&mut [IoSliceMut::new(&mut buffer)]).ok()?;
            if count == 0 {
                return None;
            }
            self.heard.extend(buffer.iter().take(count));
        }
    }

    /// Writes a line with one call: once a part of it is printed, the save is acknowledged.
    fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        let _ = self.output.write_vectored(&[IoSlice::new(line.as_bytes())]);
    }
}

/// A broken storage, as a control: overwrites the old version in place.
struct InPlace {
    path: PathBuf,
    file: FileStorage,
}

impl InPlace {
    fn new(path: PathBuf) -> Self {
        Self { file: FileStorage::new(&path), path }
    }
}

impl Storage for InPlace {
    fn load_prefix(&self, len: usize) -> Result<Prefix> {
        self.file.load_prefix(len)
    }

    fn load(&self, limit: u64) -> Result<Vec<u8>> {
        self.file.load(limit)
    }

    fn revision(&self) -> Result<Option<Revision>> {
        self.file.revision()
    }

    fn replace(&self, _: Option<&Revision>, bytes: &[u8]) -> Result<()> {
        fs::write(&self.path, bytes)
            .map_err(|error| Error::new(ErrorKind::Io, "could not save the vault").with_source(error))
    }

    fn exclusive(&self) -> Result<Exclusive> {
        self.file.exclusive()
    }

    fn location(&self) -> Result<Option<String>> {
        self.file.location()
    }
}
