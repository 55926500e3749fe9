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

use clap::Parser;

use arguments::Arguments;
use session::Session;

fn main() -> ExitCode {
    // First of all: no core dump of this process, and no debugger of the same user.
    let hardened = aumbry::harden_process();
    // A full quota is an error like any other, not the end.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(
        signal_hook::consts::SIGXFSZ,
        std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)),
    );

    let Arguments { global, command } = Arguments::parse();
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
