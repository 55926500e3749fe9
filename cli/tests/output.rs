//! What is printed, where to, and what happens when nobody takes it.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use common::*;

#[test]
fn a_closed_stdout_ends_quietly_and_a_full_one_is_an_error() {
    let home = Home::new();
    let closed = output(home.shell("aumbry list | true; aumbry man | head -1 >&2"));
    assert!(!stderr(&closed).contains("panicked") && !stderr(&closed).contains("Broken pipe"));
    fails(home.shell("aumbry list > /dev/full"), 3, "could not write to stdout: No space left on device");
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let home = Home::empty();
    let help = home.succeeds(&["--help"]);
    for command in
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty())
    {
        let name = command.split_whitespace().next().unwrap();
        if name == "help" || !command.starts_with("  ") || command.starts_with("   ") {
            continue;
        }
        let help = home.succeeds(&[name, "--help"]);
        assert!(help.contains(&format!("aumbry {name}")), "{name}");
        assert!(help.to_lowercase().contains("example") || help.contains("~/.aws"), "{name} has no example");
    }
}
