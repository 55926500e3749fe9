//! People, recovery codes and rekeys, from a terminal.
#![cfg(target_os = "linux")]

use crate::common::tty::Tty;
use crate::common::*;

const ANOTHER: &str = "tractor lemon violin seventeen";

/// A vault with one record, and a second passphrase in a file.
fn home() -> Home {
    let home = Home::new();
    home.write("another", ANOTHER);
    home
}

fn labels(home: &Home) -> Vec<String> {
    let people = home.json(&["people", "list"]);
    people.as_array().unwrap().iter().map(|person| person["label"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_person_is_shown_to_programs_as_the_manual_says() {
    let home = home();
    let added = home.json(&["people", "add", "app", "--new-passphrase-file", "another"]);
    let keys: Vec<_> = added.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["created", "kdf", "kind", "label", "role"]);
    assert_eq!(
        (&added["label"], &added["role"], &added["kind"]),
        (&"app".into(), &"reader".into(), &"passphrase".into())
    );
    assert_eq!(added["kdf"], serde_json::json!({ "m_kib": 65536, "t": 3, "p": 4 }));
    assert_eq!(home.json(&["people", "list"])[1], added);

    let changed = home.json(&["people", "passwd", "app", "--new-passphrase-file", "passphrase"]);
    assert_eq!(changed["created"], added["created"]);
    let removed = home.json(&["people", "remove", "app", "--yes"]);
    assert_eq!((&removed["removed"][0]["label"], &removed["could_read"]), (&"app".into(), &1.into()));
    let code = home.json(&["people", "recovery-code"]);
    home.write("code", code["recovery_code"].as_str().unwrap());
    let checked = home.json(&["people", "recovery-check", "--code-file", "code"]);
    assert_eq!(checked, serde_json::json!({ "opens": true, "generation": 6 }));
    let gone = home.json(&["rekey", "--yes", "--new-passphrase-file", "another"]);
    assert_eq!(gone["removed"][0]["label"], "recovery code");
    home.write("passphrase", ANOTHER);
    assert_eq!(labels(&home), ["owner"]);
}

#[test]
fn a_forgotten_passphrase_is_set_anew_with_the_code_from_the_printed_page() {
    let home = home();
    let page = home.succeeds(&["people", "recovery-code", "--print"]);
    let code = page.lines().map(str::trim).find(|line| line.starts_with("AUMBR-Y1")).unwrap();
    for says in ["people passwd", "recovery-check", "Keep it where the"] {
        assert!(page.contains(says), "{page}");
    }
    home.write("code", &code.to_lowercase().replace('-', " "));
    let by_code = ["--passphrase-file", "code"];
    assert!(home.succeeds(&[&["people", "list"], &by_code[..]].concat()).contains("owner"));
    home.succeeds(
        &[&["people", "passwd", "owner", "--new-passphrase-file", "another"], &by_code[..]].concat(),
    );
    home.fails(&["list"], 4, "passphrase is wrong");
    home.succeeds(&["list", "--passphrase-file", "another"]);
    // The page is good until there is a new one.
    home.succeeds(&["people", "recovery-check", "--code-file", "code"]);
    home.succeeds(&["people", "recovery-code", "--yes", "--passphrase-file", "another"]);
    home.fails(&["people", "recovery-check", "--code-file", "code"], 4, "replaced by a newer one");
}

#[test]
fn a_code_that_could_not_be_shown_is_no_quiet_end() {
    let home = home();
    for lost in [
        "aumbry people recovery-code --yes > /dev/full",
        "aumbry people recovery-code --yes | :; exit ${PIPESTATUS[0]}",
    ] {
        let mut shell = home.program("setsid", &["bash", "-c", lost]);
        shell.env(
            "PATH",
            format!(
                "{}:/usr/bin:/bin",
                std::path::Path::new(env!("CARGO_BIN_EXE_aumbry")).parent().unwrap().display()
            ),
        );
        let output = output(shell);
        // A pipe that nobody reads may still take the line before it is closed.
        if output.status.code() != Some(0) || lost.contains("full") {
            assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
            assert!(stderr(&output).contains("is lost"), "{}", stderr(&output));
        }
    }
}

#[test]
fn a_weak_passphrase_is_refused_or_taken_with_a_loud_warning() {
    let home = home();
    home.write("weak", "password1234");
    home.fails(&["passwd", "--new-passphrase-file", "weak"], 9, "resembles, a common password");
    home.succeeds(&["list"]);
    let loud = home.run(&["passwd", "--new-passphrase-file", "weak", "--allow-weak", "--quiet"]);
    assert!(
        loud.status.success() && stderr(&loud).contains("warning: the new passphrase is weak"),
        "{}",
        stderr(&loud)
    );
    home.succeeds(&["list", "--passphrase-file", "weak"]);
}

#[test]
fn what_cannot_be_taken_back_is_asked_about_on_a_terminal() {
    let home = home();
    home.succeeds(&["people", "add", "app", "--new-passphrase-file", "another"]);
    let answer = |arguments: &[&str], question: &str, answer: &str| {
        let mut tty = Tty::new();
        let child = tty.spawn_captured(home.program(env!("CARGO_BIN_EXE_aumbry"), arguments));
        tty.wait_for(question, 0);
        tty.type_(answer);
        tty.wait(child)
    };
    let refused = answer(&["people", "remove", "app"], "app will not be able to open the vault", "n\n");
    assert_eq!(refused.status.code(), Some(6), "{}", stderr(&refused));
    assert_eq!(labels(&home), ["owner", "app"]);
    let rekey = answer(&["rekey", "--new-passphrase-file", "another"], "then cannot: app", "\n");
    assert_eq!(rekey.status.code(), Some(6));
    let done = answer(&["people", "remove", "app"], "Go on?", "yes\n");
    assert!(done.status.success(), "{}", stderr(&done));
    assert_eq!(labels(&home), ["owner"]);
}

#[test]
fn nobody_shuts_everybody_else_out_by_removing_themselves() {
    let home = home();
    home.succeeds(&["people", "add", "bob", "--administrator", "--new-passphrase-file", "another"]);
    home.fails(
        &["people", "remove", "owner", "--rekey", "--yes", "--new-passphrase-file", "another"],
        9,
        "yourself",
    );
    assert_eq!(labels(&home), ["owner", "bob"]);
}

#[test]
fn a_label_is_a_word_where_it_is_to_be_pasted() {
    let home = home();
    home.succeeds(&["people", "add", "x; touch pwned #", "--new-passphrase-file", "another"]);
    let output = home.run(&["rekey", "--yes", "--new-passphrase-file", "another"]);
    assert!(stderr(&output).contains("aumbry people add -- 'x; touch pwned #'"), "{}", stderr(&output));
}

#[test]
fn a_program_says_in_which_role_it_opens_the_vault() {
    let home = home();
    home.succeeds(&["people", "add", "app", "--new-passphrase-file", "another"]);
    home.succeeds(&["list", "--role", "reader", "--passphrase-file", "another"]);
    home.fails(&["list", "--role", "reader"], 4, "passphrase is wrong");
    home.fails(
        &["list", "--role", "administrator", "--passphrase-file", "another"],
        4,
        "passphrase is wrong",
    );
}
