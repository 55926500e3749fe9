//! Writes to the vault of a folder and acknowledges each commit with a line on stdout after it.
//!
//! ```text
//! writer FOLDER create               makes the vault
//! writer FOLDER add PREFIX COUNT     adds PREFIX-0 … in COUNT commits, 0 for no end
//! writer FOLDER names                verifies every record, then prints the names and last "generation N"
//! ```
//! Any error ends it: "error KIND: message" on stdout, exit code 1. A panic is 101.
#![forbid(unsafe_code)]

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use aumbry::Result;
use aumbry_faults::{create, draft, open};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match *words {
        [folder, "create"] => create(Path::new(folder)).map(|_| say("created")),
        [folder, "add", prefix, count] if count.parse::<u64>().is_ok() => {
            add(Path::new(folder), prefix, count.parse().unwrap_or_default())
        }
        [folder, "names"] => names(Path::new(folder)),
        _ => {
            eprintln!("writer FOLDER create | add PREFIX COUNT | names");
            return ExitCode::from(2);
        }
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    say(&format!("error {}: {error}", error.kind().code()));
    ExitCode::FAILURE
}

/// Writes a line with one call: once a part of it is printed, the commit is acknowledged.
fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdout.flush());
}

fn add(folder: &Path, prefix: &str, count: u64) -> Result<()> {
    let vault = open(folder)?;
    let last = if count == 0 { u64::MAX } else { count };
    for number in 0..last {
        let name = format!("{prefix}-{number}");
        let draft = draft(&name)?;
        vault.edit(|edit| edit.add(&draft))?;
        say(&name);
    }
    Ok(())
}

fn names(folder: &Path) -> Result<()> {
    let vault = open(folder)?;
    vault.verify()?;
    vault.records()?.for_each(|entry| say(entry.name()));
    say(&format!("generation {}", vault.generation()?));
    Ok(())
}
