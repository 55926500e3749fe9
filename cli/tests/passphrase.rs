//! Where a passphrase comes from, and what opens a vault.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::*;

#[test]
fn the_passphrase_comes_from_each_of_its_sources() {
    let home = Home::new();
    let list = |arguments: &[&str]| home.command(&[&["list"], arguments].concat());
    let works = |mut command: Command, (variable, value)| {
        command.env_remove("AUMBRY_PASSPHRASE_FILE").env(variable, value);
        succeeds(command);
    };
    let nothing = ("AUMBRY_PASSPHRASE", "");
    works(list(&["--passphrase-file", "passphrase"]), nothing);
    works(list(&["--passphrase-command", "cat passphrase"]), nothing);
    works(list(&[]), ("AUMBRY_PASSPHRASE_FILE", "passphrase"));
    works(list(&[]), ("AUMBRY_PASSPHRASE_COMMAND", "cat passphrase"));
    works(list(&[]), ("AUMBRY_PASSPHRASE", PASSPHRASE));
    let mut child =
        list(&["--passphrase-fd", "0"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSPHRASE}\r\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_passphrase_is_changed_and_a_recovery_code_opens_the_vault() {
    let home = Home::empty();
    let code = home.succeeds(&[&["init", "--recovery-code"], CHEAP.as_slice()].concat());
    home.write("new", "another passphrase\n");
    home.succeeds(&["passwd", "--new-passphrase-file", "new"]);
    home.fails(&["list"], 4, "passphrase is wrong");
    home.succeeds(&["list", "--passphrase-file", "new"]);
    home.write("code", &code.to_lowercase());
    home.succeeds(&["list", "--passphrase-file", "code"]);
    let info: serde_json::Value = serde_json::from_str(&home.succeeds(&["info", "--json"])).unwrap();
    assert_eq!(info["people"][1]["kind"], "recovery-code");
}
