//! Runs the transcripts of the README and the book, and compares what the command prints with what they show.
//!
//! `UPDATE_TRANSCRIPTS=1 cargo test -p aumbry-cli --test readme` writes what it prints into the pages instead.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::*;

#[test]
fn the_readme_shows_what_the_command_prints() {
    prints_what_the_page_shows(&home(), "README.md", "passphrase");
}

#[test]
fn the_tour_of_the_command_line_shows_what_the_command_prints() {
    prints_what_the_page_shows(&home(), "docs/command-line.md", "");
}

#[test]
fn the_tour_of_a_team_shows_what_the_command_prints() {
    let home = home();
    home.succeeds(&[["init", "--label", "anna", "--recovery-code"].as_slice(), &CHEAP].concat());
    home.succeeds(&["import", "Downloads/anna_accessKeys.csv", "--name", "s3-uploads"]);
    home.write("uploads.passphrase", "tractor lemon violin seventeen\n");
    home.write("new", "another of five unusual words\n");
    prints_what_the_page_shows(&home, "docs/teams.md", "new");
}

#[cfg(feature = "aws")]
#[test]
fn the_page_on_aws_clients_shows_what_the_command_prints() {
    let home = home();
    home.succeeds(&[["init"].as_slice(), &CHEAP].concat());
    home.succeeds(&["import", "Downloads/anna_accessKeys.csv", "--name", "s3-uploads"]);
    home.succeeds(&["edit", "s3-uploads", "region=eu-central-1"]);
    prints_what_the_page_shows(&home, "docs/aws-clients.md", "");
}

/// `interop/clients/rotation` runs the transcripts of `docs/rotation.md`, because they need a server.
#[test]
fn every_transcript_is_run() {
    let mut pages = vec![root().join("README.md")];
    pages.extend(fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    let count = |page: &PathBuf| match page.extension() {
        Some(extension) if extension == "md" => {
            fs::read_to_string(page).unwrap().matches("```text\n$ ").count()
        }
        _ => 0,
    };
    let found: usize = pages.iter().map(count).sum();
    assert_eq!(found, 4 + 2, "a transcript that no test runs, or one that is gone");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Runs the commands of the page's first transcript. A new passphrase, where a person would type one, comes from the
/// file `new`.
fn prints_what_the_page_shows(home: &Home, page: &str, new: &str) {
    let page = root().join(page);
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once("```text\n").unwrap();
    let (shown, after) = rest.split_once("```").unwrap();
    // In one shell, with stdout and stderr in one place, as on a terminal.
    let mut script = "exec 2>&1; PATH=$HOME/.cargo/bin:$PATH\n".to_owned();
    for command in shown.lines().filter_map(|line| line.strip_prefix("$ ")) {
        script += &format!("printf '%s\\n' '$ {}'\n{command}\n", command.replace('\'', "'\\''"));
    }
    let mut shell = home.shell(&script);
    shell.env("AUMBRY_NEW_PASSPHRASE_FILE", new);
    let printed = stdout(&output(shell)).replace(home.path().to_str().unwrap(), "/home/anna");
    assert!(shown.matches("$ ").count() >= 4, "a transcript of too few commands");
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() && settled(&printed) != settled(shown) {
        return fs::write(page, format!("{before}```text\n{printed}```{after}")).unwrap();
    }
    assert_eq!(settled(&printed), settled(shown));
}

/// What the transcripts begin with: the command where `cargo install` puts it, and a file of the IAM console.
fn home() -> Home {
    let home = Home::empty();
    fs::create_dir_all(home.path().join(".cargo/bin")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_aumbry"), home.path().join(".cargo/bin/aumbry")).unwrap();
    fs::create_dir(home.path().join("Downloads")).unwrap();
    let key = "AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    home.write("Downloads/anna_accessKeys.csv", &format!("Access key ID,Secret access key\r\n{key}\r\n"));
    home
}

/// Replaces what differs between runs (times, the vault's id, the recovery code) and what the doctor says about this
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
        Some("memory") => "what the doctor says about memory".to_owned(),
        _ => line.split(' ').map(word).collect::<Vec<_>>().join(" "),
    };
    text.lines().map(|text| line(text) + "\n").collect()
}
