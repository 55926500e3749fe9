//! What is printed, where to, and what happens when nobody takes it.

use crate::common::*;

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

#[cfg(target_os = "linux")]
#[test]
fn colours_are_for_terminals_that_are_not_told_otherwise() {
    let home = Home::empty();
    let shown = |arguments: &[&str], no_color: &str| {
        let mut tty = crate::common::tty::Tty::new();
        let mut command = home.program(env!("CARGO_BIN_EXE_aumbry"), arguments);
        command.env("TERM", "xterm").env("NO_COLOR", no_color);
        let child = tty.spawn(command);
        tty.wait(child);
        tty.screen().contains("\x1b[")
    };
    assert!(shown(&["lst"], "") && !shown(&["lst"], "1"));
    assert!(!shown(&["--color", "never", "lst"], "") && !shown(&["lst", "--color=never"], ""));
    assert!(shown(&["--color", "always", "lst"], "1"));
}

#[test]
fn who_wants_to_know_is_told_as_whom_the_vault_was_opened() {
    let home = Home::new();
    let said = stderr(&home.run(&["list", "-v"]));
    assert!(said.starts_with("Opened generation 2 as owner, administrator: "), "{said}");
    assert!(said.ends_with(" ms for the rest.\n"), "{said}");
    assert_eq!(
        stderr(&home.run(&["credential-process", "mine", "-v"])),
        "",
        "a client would take it for a failure"
    );
    home.fails(&["list", "-v", "-q"], 2, "cannot be used with");
}
