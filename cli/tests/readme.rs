//! The README's tour of the command, run as it stands there.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::fs;

use common::*;

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_s_tour_prints_what_it_says() {
    prints_what_it_says(&home(), "From a terminal", "");
}

#[test]
fn the_readme_s_walk_of_a_team_prints_what_it_says() {
    let home = home();
    home.succeeds(&["init", "--label", "anna", "--recovery-code"]);
    home.succeeds(&["import", "Downloads/anna_accessKeys.csv", "--name", "s3-uploads"]);
    home.write("uploads.passphrase", "tractor lemon violin seventeen\n");
    home.write("new", "another of five unusual words\n");
    prints_what_it_says(&home, "A vault for a team", "new");
}

#[cfg(feature = "aws")]
#[test]
fn the_readme_s_endpoint_and_signatures_print_what_it_says() {
    let home = home();
    home.succeeds(&[["init"].as_slice(), &CHEAP].concat());
    home.succeeds(&["import", "Downloads/anna_accessKeys.csv", "--name", "s3-uploads"]);
    home.succeeds(&["edit", "s3-uploads", "region=eu-central-1"]);
    prints_what_it_says(&home, "AWS clients of every kind", "");
}

/// Runs the commands of this section's first block, and compares what they print with what stands there. A new
/// passphrase, where one would be typed, comes from the file `new`.
fn prints_what_it_says(home: &Home, section: &str, new: &str) {
    let section = README.split_once(&format!("\n## {section}\n")).unwrap().1;
    let tour = section.split_once("```text\n").unwrap().1.split_once("```").unwrap().0;
    // In one shell, with stdout and stderr in one place, as on a terminal.
    let mut script = "exec 2>&1; PATH=$HOME/.cargo/bin:$PATH\n".to_owned();
    for command in tour.lines().filter_map(|line| line.strip_prefix("$ ")) {
        script += &format!("printf '%s\\n' '$ {}'\n{command}\n", command.replace('\'', "'\\''"));
    }
    let mut shell = home.shell(&script);
    shell.env("AUMBRY_NEW_PASSPHRASE_FILE", new);
    let printed = stdout(&output(shell)).replace(home.path().to_str().unwrap(), "/home/anna");
    assert!(tour.matches("\n$ ").count() >= 7, "a tour of too few commands");
    assert_eq!(settled(&printed), settled(tour));
}

/// What the tours begin with: the command where `cargo install` puts it, and a file of the IAM console.
fn home() -> Home {
    let home = Home::empty();
    fs::create_dir_all(home.path().join(".cargo/bin")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_aumbry"), home.path().join(".cargo/bin/aumbry")).unwrap();
    fs::create_dir(home.path().join("Downloads")).unwrap();
    let key = "AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    home.write("Downloads/anna_accessKeys.csv", &format!("Access key ID,Secret access key\r\n{key}\r\n"));
    home
}

/// Without what is another each time (times, the id of the vault, the recovery code) and what the doctor says of this
/// machine's memory.
fn settled(text: &str) -> String {
    let word = |word: &str| {
        let is_id = word.len() == 32 && word.chars().all(|c| c.is_ascii_hexdigit());
        let is_code = word.starts_with("AUMBR-") && word.len() == 46;
        match word {
            word if word.parse::<jiff::Timestamp>().is_ok() => "TIME".to_owned(),
            _ if is_id => "ID".to_owned(),
            _ if is_code => "CODE".to_owned(),
            word => word.to_owned(),
        }
    };
    let line = |line: &str| match line.split_whitespace().nth(1) {
        Some("memory") => "what the doctor says of memory".to_owned(),
        _ => line.split(' ').map(word).collect::<Vec<_>>().join(" "),
    };
    text.lines().map(|text| line(text) + "\n").collect()
}
