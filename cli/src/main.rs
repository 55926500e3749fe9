//! `aumbry`: AWS credentials in a sealed vault, for terminals and scripts.
//!
//! `arguments` says what can be said, `commands` does it, `session` leads to the vault, `passphrase`, `secret` and
//! `terminal` take secrets in, `output` and `failure` let results and errors out.

mod arguments;
mod commands;
mod failure;
mod output;
mod passphrase;
mod secret;
mod session;
mod terminal;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;

use arguments::Arguments;
use failure::Failure;
use session::Session;

fn main() -> ExitCode {
    // First of all: no core dump of this process, and no debugger of the same user.
    let hardened = aumbry::harden_process();
    // A full quota is an error like any other, not the end.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));

    let Arguments { global, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misunderstood(&error),
    };
    let session = Session { global };
    if let Err(error) = hardened {
        session.note(&format!("aumbry: warning: {error}"));
    }
    match commands::run(&session, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(session.global.json);
            ExitCode::from(failure.exit())
        }
    }
}

/// Help and version, or what is wrong with the command line: to a program too, which says so with `--json`.
fn misunderstood(error: &clap::Error) -> ExitCode {
    // If that cannot be printed there is nobody left to tell.
    let _ = error.print();
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        eprintln!("{}", Failure::usage(first.trim_start_matches("error: ")).json());
    }
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}
