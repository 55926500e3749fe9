//! What is asked on a terminal, and what is typed there.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::process::Command;

use common::tty::Tty;
use common::*;

const PROMPT: &str = "Passphrase of ";

/// `aumbry`, with the terminal as the only place where a passphrase can come from.
fn asking(home: &Home, arguments: &[&str]) -> Command {
    let mut command = home.program(env!("CARGO_BIN_EXE_aumbry"), arguments);
    command.env_remove("AUMBRY_PASSPHRASE_FILE").env("TERM", "xterm");
    command
}

#[test]
fn the_terminal_is_asked_without_echo_while_stdout_and_stderr_are_captured() {
    let home = Home::new();
    let mut tty = Tty::new();
    let before = tty.modes().local_modes;
    let child = tty.spawn_captured(asking(&home, &["get", "mine"]));
    tty.wait_for(": ", 0);
    assert!(!tty.echoes(), "whoever types at once is not shown either");
    tty.type_(format!("{PASSPHRASE}\r"));
    let output = tty.wait(child);
    assert_eq!((stdout(&output), stderr(&output)), (format!("{SECRET}\n"), String::new()));
    assert_eq!(tty.screen(), format!("{PROMPT}{}: \r\n", home.vault().display()), "no key is shown");
    assert_eq!(tty.modes().local_modes, before);
}
