//! Where a passphrase comes from, and what opens a vault.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::common::*;

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

#[cfg(unix)]
#[test]
fn a_descriptor_is_read_itself_from_where_it_stands() {
    let home = Home::new();
    // A socket has no name by which it could be opened again.
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ours.write_all(PASSPHRASE.as_bytes()).unwrap();
    drop(ours);
    let mut list = home.command(&["list", "--passphrase-fd", "0"]);
    list.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
    assert!(checked(list.output().unwrap()).status.success());
    // Somebody else has read the first line of this file already.
    home.write("lines", &format!("first\n{PASSPHRASE}\n"));
    succeeds(home.shell("exec 5< lines && read first <&5 && aumbry list --passphrase-fd 5"));
}

#[cfg(unix)]
#[test]
fn a_command_that_prints_for_ever_is_ended() {
    let home = Home::new();
    home.fails(&["list", "--passphrase-command", "yes"], 2, "gives more than");
    home.fails(
        &["list", "--passphrase-command", "trap '' PIPE; while :; do echo y; done 2>&-"],
        2,
        "gives more than",
    );
}

#[test]
fn a_recovery_code_is_not_made_where_nobody_would_see_it() {
    let home = Home::empty();
    for nowhere in ["> /dev/null", ">&-"] {
        fails(home.shell(&format!("aumbry init --recovery-code {nowhere}")), 3, "stdout leads nowhere");
    }
    assert!(!home.vault().exists());
}
