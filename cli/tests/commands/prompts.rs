//! What is asked on a terminal, and what is typed there.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

use crate::common::tty::Tty;
use crate::common::*;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::LocalModes;

const PROMPT: &str = "Passphrase of ";

/// `aumbry`, with the terminal as the only place where a passphrase can come from.
fn asking(home: &Home, arguments: &[&str]) -> Command {
    let mut command = home.program(env!("CARGO_BIN_EXE_aumbry"), arguments);
    command.env_remove("AUMBRY_PASSPHRASE_FILE").env("TERM", "xterm");
    command
}

/// A command that asks for the passphrase, and what it comes to once these keys are typed.
fn typed(home: &Home, arguments: &[&str], keys: impl AsRef<[u8]>) -> (Tty, Output) {
    let mut tty = Tty::new();
    let child = tty.spawn_captured(asking(home, arguments));
    tty.wait_for(PROMPT, 0);
    tty.type_(keys);
    let output = tty.wait(child);
    (tty, output)
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

#[test]
fn what_is_typed_can_be_corrected_whole_characters_at_a_time() {
    let home = Home::empty();
    home.write("passphrase", "pässwörd 🔑\n");
    home.succeeds(&[&["init", "--allow-weak"], CHEAP.as_slice()].concat());
    for keys in [
        "pässwörd 🔑\n",                   // a line feed ends it as well as a carriage return
        "pässwörd 🔑é\x7f\r",              // delete
        "x\x08pässwörd 🔒\x08🔑\r",        // backspace, over four bytes
        "\x7f\x7fpässwörd 🔑\r",           // more than there is
        "something else\x15pässwörd 🔑\r", // Ctrl-U
    ] {
        let (mut tty, output) = typed(&home, &["list"], keys);
        assert!(output.status.success(), "{keys:?}: {}", stderr(&output));
        assert!(!tty.screen().contains("ssw") && !tty.screen().contains("something"), "{:?}", tty.screen());
    }
    // The controls, and a space at the end, which counts.
    for keys in ["pässwörd 🔒\r", "pässwörd 🔑 \r", "pässwörd 🔑é\x7f\x7f\r"] {
        assert_eq!(typed(&home, &["list"], keys).1.status.code(), Some(4), "{keys:?}");
    }
}

#[test]
fn a_question_that_is_cancelled_leaves_the_terminal_and_the_vault_as_they_were() {
    let home = Home::new();
    let vault = fs::read(home.vault()).unwrap();
    let signals = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];
    let ways =
        ["\x03", "\x04", "\x1c", "correct\x03", "correct\x04"].map(Ok).into_iter().chain(signals.map(Err));
    for way in ways {
        let mut tty = Tty::new();
        let before = tty.modes();
        let child = tty.spawn_captured(asking(&home, &["edit", "mine", "region=us-east-1"]));
        tty.wait_for(": ", 0);
        let quiet = tty.modes().local_modes;
        assert!(!quiet.intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
        match way {
            Ok(keys) => tty.type_(keys),
            Err(signal) => {
                tty.type_("corr");
                kill_process(Pid::from_child(&child), signal).unwrap();
            }
        }
        let output = tty.wait(child);
        let after = tty.modes();
        assert_eq!(
            (after.local_modes, after.input_modes, after.output_modes, after.control_modes),
            (before.local_modes, before.input_modes, before.output_modes, before.control_modes),
            "{way:?}"
        );
        assert_eq!(
            (output.status.code(), stderr(&output).as_str()),
            (Some(6), "aumbry: cancelled\n"),
            "{way:?}"
        );
        assert!(output.stdout.is_empty() && !tty.screen().contains("corr"), "{way:?}: {:?}", tty.screen());
        assert_eq!(fs::read(home.vault()).unwrap(), vault, "{way:?}");
    }
}

#[test]
fn a_new_passphrase_is_asked_for_twice() {
    let home = Home::empty();
    let ask = |again: &str| {
        let mut tty = Tty::new();
        let child = tty.spawn_captured(asking(&home, &[&["init"], CHEAP.as_slice()].concat()));
        let at = tty.wait_for("New passphrase: ", 0);
        tty.type_(format!("{PASSPHRASE}\r"));
        tty.wait_for("Again: ", at);
        tty.type_(format!("{again}\r"));
        let output = tty.wait(child);
        assert_eq!(tty.screen(), "New passphrase: \r\nAgain: \r\n");
        output
    };
    let output = ask("correct horse battery stable");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "aumbry: the two passphrases differ: nothing was changed\n");
    assert!(!home.vault().exists());
    assert!(ask(PASSPHRASE).status.success());
    home.succeeds(&["list"]);
}

#[test]
fn a_secret_access_key_is_asked_for_without_echo() {
    let home = Home::new();
    let mut tty = Tty::new();
    let child = tty.spawn_captured(
        home.program(env!("CARGO_BIN_EXE_aumbry"), &["add", "new", "--access-key-id", "AKIANEW"]),
    );
    tty.wait_for("Secret access key: ", 0);
    tty.type_(format!("{SECRET}\r"));
    assert!(tty.wait(child).status.success());
    assert_eq!(tty.screen(), "Secret access key: \r\n");
    assert_eq!(home.succeeds(&["get", "new", "-n"]), SECRET);
}

#[test]
fn a_record_is_removed_only_when_the_answer_is_yes() {
    let home = Home::new();
    let answer = |keys: &str| {
        let mut tty = Tty::new();
        let child = tty.spawn_captured(home.program(env!("CARGO_BIN_EXE_aumbry"), &["remove", "mine"]));
        tty.wait_for("Remove mine (AKIAEXAMPLE) for good? [y/N] ", 0);
        assert!(tty.echoes(), "an answer is no secret");
        tty.type_(keys);
        tty.wait(child)
    };
    for keys in ["n\r", "\r", "no, yes\r", " y\r", "\x04"] {
        let output = answer(keys);
        assert_eq!(
            (output.status.code(), stderr(&output).as_str()),
            (Some(6), "aumbry: nothing was changed\n")
        );
        assert!(home.succeeds(&["list"]).contains("mine"), "{keys:?}");
    }
    assert!(answer("y\r").status.success());
    assert!(!home.succeeds(&["list"]).contains("mine"));
}

#[test]
fn with_no_input_not_even_a_terminal_is_asked() {
    let home = Home::new();
    for arguments in [
        &["--no-input", "list"][..],
        &["--no-input", "passwd"],
        &["--no-input", "credential-process", "mine"],
    ] {
        let mut tty = Tty::new();
        let child = tty.spawn_captured(asking(&home, arguments));
        let output = tty.wait(child);
        assert_eq!(output.status.code(), Some(6), "{arguments:?}");
        let says = "aumbry: a passphrase is needed, and there is no terminal to ask for it\n";
        assert!(stderr(&output).starts_with(says), "{}", stderr(&output));
        assert_eq!(tty.screen(), "", "{arguments:?}");
    }
    let mut tty = Tty::new();
    let child =
        tty.spawn_captured(home.program(env!("CARGO_BIN_EXE_aumbry"), &["--no-input", "remove", "mine"]));
    let output = tty.wait(child);
    assert_eq!((output.status.code(), tty.screen().as_str()), (Some(6), ""), "{}", stderr(&output));
}

#[test]
fn an_export_is_never_shown_on_a_terminal() {
    let home = Home::new();
    let mut tty = Tty::new();
    let export = ["export", "--format", "json", "--plaintext"];
    let child = tty.spawn(home.program(env!("CARGO_BIN_EXE_aumbry"), &export));
    assert_eq!(tty.wait(child).status.code(), Some(9));
    let says = "aumbry: an export is never written to a terminal\r\n  name a file with -o, or pipe it\r\n";
    assert_eq!(tty.screen(), says);
    // One secret is: that is what `get` is for.
    let child = tty.spawn(home.program(env!("CARGO_BIN_EXE_aumbry"), &["--quiet", "get", "mine"]));
    assert!(tty.wait(child).status.success());
    assert_eq!(tty.screen(), format!("{says}{SECRET}\r\n"));
}

#[test]
fn a_wait_is_shown_on_a_terminal_and_nowhere_else() {
    let home = Home::empty();
    home.succeeds(&["init", "--kdf", "m=128MiB,t=2"]); // long enough to be waited for
    let shown = |arguments: &[&str]| {
        let mut tty = Tty::new();
        let mut command = home.program(env!("CARGO_BIN_EXE_aumbry"), arguments);
        command.env("TERM", "xterm");
        let child = tty.spawn(command);
        assert!(tty.wait(child).status.success());
        tty.screen()
    };
    assert!(shown(&["list"]).contains("Unlocking …"), "{:?}", shown(&["list"]));
    for arguments in [["list", "--quiet"], ["list", "--json"]] {
        assert!(!shown(&arguments).contains("Unlocking"), "{arguments:?}");
    }
    assert_eq!(stderr(&home.run(&["list"])), "", "nor where nobody looks");
}

#[test]
fn after_a_question_signals_do_what_they_always_do() {
    let home = Home::new();
    for interrupt in [None, Some(Signal::TERM)] {
        let mut tty = Tty::new();
        let child = tty.spawn_captured(asking(&home, &["remove", "mine"]));
        tty.wait_for(": ", 0);
        tty.type_(format!("{PASSPHRASE}\r"));
        tty.wait_for("[y/N]", 0);
        match interrupt {
            None => tty.type_("\x03"),
            Some(signal) => kill_process(Pid::from_child(&child), signal).unwrap(),
        }
        let expected = interrupt.unwrap_or(Signal::INT).as_raw();
        assert_eq!(tty.wait(child).status.signal(), Some(expected));
    }
    home.succeeds(&["show", "mine"]);
}

#[test]
fn a_question_can_be_put_aside_and_taken_up_again() {
    let home = Home::new();
    for keyboard in [true, false] {
        let mut tty = Tty::new();
        let child = tty.spawn_captured(asking(&home, &["get", "mine"]));
        let pid = Pid::from_child(&child);
        tty.wait_for(": ", 0);
        if keyboard {
            tty.type_("corr\x1a");
        } else {
            tty.type_("corr");
            kill_process(pid, Signal::TSTP).unwrap();
        }
        wait_until(|| is_stopped(pid));
        assert!(tty.echoes(), "meanwhile the terminal is somebody else's");
        kill_process(pid, Signal::CONT).unwrap();
        wait_until(|| !tty.echoes());
        tty.type_(format!("\x15{PASSPHRASE}\r"));
        let output = tty.wait(child);
        assert_eq!((stdout(&output), stderr(&output)), (format!("{SECRET}\n"), String::new()));
    }
}

#[test]
fn a_key_that_writes_no_letter_is_no_part_of_a_passphrase() {
    let home = Home::new();
    let (_, output) = typed(&home, &["list"], format!("{PASSPHRASE}\x1b[D\r"));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("such as an arrow"), "{}", stderr(&output));
}

fn is_stopped(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap();
    stat.rsplit(") ").next().unwrap().starts_with('T')
}

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "it did not come to that");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn add_asks_for_the_key_id_and_the_secret_on_a_terminal() {
    let home = Home::new();
    let mut tty = Tty::new();
    let child = tty.spawn_captured(home.program(env!("CARGO_BIN_EXE_aumbry"), &["add", "typed"]));
    let at = tty.wait_for("Access key id: ", 0);
    assert!(tty.echoes(), "an access key id is not a secret");
    tty.type_("AKIATYPEX\x7f\r");
    tty.wait_for("Secret access key: ", at);
    assert!(!tty.echoes());
    tty.type_(format!("{SECRET}\r"));
    let output = tty.wait(child);
    assert_eq!(stderr(&output), "Added typed.\n");
    assert!(!tty.screen().contains(SECRET), "{}", tty.screen());
    assert_eq!(home.succeeds(&["get", "typed", "--field", "access-key-id"]), "AKIATYPE\n");
    assert_eq!(home.succeeds(&["get", "typed"]), format!("{SECRET}\n"));
}

#[test]
fn add_changes_nothing_when_no_key_id_is_typed() {
    let home = Home::new();
    let vault = fs::read(home.vault()).unwrap();
    let mut tty = Tty::new();
    let child = tty.spawn_captured(home.program(env!("CARGO_BIN_EXE_aumbry"), &["add", "typed"]));
    tty.wait_for("Access key id: ", 0);
    tty.type_("\r");
    let output = tty.wait(child);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(6), "aumbry: cancelled\n"));
    assert_eq!(fs::read(home.vault()).unwrap(), vault);
}

#[test]
fn add_without_a_terminal_says_which_options_to_give() {
    let home = Home::new();
    home.fails(
        &["add", "other"],
        6,
        "--access-key-id, with --secret-file or --secret-fd; or all by --from-json",
    );
}

#[test]
fn a_role_that_the_vault_does_not_have_is_reported_before_the_passphrase_is_asked_for() {
    let home = Home::new();
    let mut tty = Tty::new();
    let child = tty.spawn_captured(asking(&home, &["list", "--role", "reader", "--json"]));
    let output = tty.wait(child);
    assert_eq!(tty.screen(), "");
    assert_eq!(output.status.code(), Some(5));
    assert!(stderr(&output).contains("\"code\":\"no_such_person\""), "{}", stderr(&output));
}
