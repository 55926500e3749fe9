//! `aumbry`: AWS credentials in a sealed vault, for terminals and scripts.
//!
//! `arguments` defines the command line, `commands` runs the commands, `context` opens the vault. `passphrase`, `secret`
//! and `terminal` read secrets, `environment` has the names of our variables, `output` and `failure` print results and
//! errors, `suggestion` corrects names, `progress` shows progress, `online` calls AWS.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod context;
mod environment;
mod failure;
#[cfg(feature = "aws")]
mod online;
mod output;
mod passphrase;
mod progress;
mod secret;
mod suggestion;
mod terminal;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory, FromArgMatches};

use arguments::{Arguments, Command};
use context::Context;
use failure::Failure;

/// A parser or an estimate of strength copies what it works on, and wipes nothing: so whatever is freed is wiped.
#[global_allocator]
static WIPING: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    // First of all: no core dump of this process, and no debugger of the same user.
    let hardened = aumbry::harden_process();
    // A full quota is an error like any other, not the end.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(
        signal_hook::consts::SIGXFSZ,
        std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)),
    );

    let parsed = Arguments::command().color(colors()).try_get_matches();
    let Arguments { mut global, command } =
        match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
            Ok(arguments) => arguments,
            Err(error) => return misunderstood(&error),
        };
    // AWS clients treat any output on stderr as a failure.
    global.quiet |= matches!(command, Command::CredentialProcess { .. });
    global.verbose &= !global.quiet;
    let context = Context { global };
    if let Err(error) = hardened {
        context.note(&format!("aumbry: warning: {error}"));
    }
    match commands::run(&context, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(context.global.json);
            ExitCode::from(failure.exit())
        }
    }
}

/// What `--color` says, before the command line is understood: what is wrong with it is printed in colours too.
fn colors() -> ColorChoice {
    let mut before = String::new();
    for argument in std::env::args_os().take_while(|argument| argument != "--") {
        let argument = argument.to_string_lossy().into_owned();
        match (before.as_str(), argument.as_str()) {
            ("--color", "never") | (_, "--color=never") => return ColorChoice::Never,
            ("--color", "always") | (_, "--color=always") => return ColorChoice::Always,
            _ => before = argument,
        }
    }
    ColorChoice::Auto
}

/// Help and version, or what is wrong with the command line: to a program too, which says so with `--json`.
fn misunderstood(error: &clap::Error) -> ExitCode {
    if let Some(failure) = perhaps_a_secret(error) {
        failure.print(asks_for_json());
        return ExitCode::from(failure.exit());
    }
    let printed = error.print();
    if !error.use_stderr() {
        return match printed {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                let failure = Failure::io("could not write to stdout", &error);
                failure.print(false);
                ExitCode::from(failure.exit())
            }
            _ => ExitCode::SUCCESS,
        };
    }
    let text = error.to_string();
    let said = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let failure = Failure::usage(said.split_whitespace().collect::<Vec<_>>().join(" "));
    if asks_for_json() {
        failure.print_json();
    }
    ExitCode::from(failure.exit())
}

fn asks_for_json() -> bool {
    // Arguments after `--` are for another program.
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// An unexpected argument, or one that is not a number where a descriptor is expected, may be a secret in the wrong
/// place. The usual message would repeat it.
fn perhaps_a_secret(error: &clap::Error) -> Option<Failure> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else { return None };
    let message = match error.kind() {
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            "unexpected argument (not shown, because it may be a secret)".to_owned()
        }
        ErrorKind::ValueValidation if argument.contains("-fd ") => {
            format!("invalid value for {argument}: it must be the number of a descriptor")
        }
        _ => return None,
    };
    Some(Failure::usage(message).advise(
        "secrets are given on the terminal, by a file, a descriptor or a command: see `aumbry --help`",
    ))
}
