//! Restoring backups, from a terminal.
#![cfg(target_os = "linux")]

use std::fs;

use crate::common::*;

const ANOTHER: &str = "tractor lemon violin seventeen";

/// A vault, a backup of it, and a record that came since.
fn home() -> Home {
    let home = Home::new();
    home.write("another", ANOTHER);
    home.succeeds(&["backup", "backup.aumbry"]);
    home.succeeds(&["add", "since", "--access-key-id", "AKIASINCE", "--secret-file", "secret"]);
    home
}

fn names(home: &Home) -> Vec<String> {
    let list = home.json(&["list"]);
    list.as_array().unwrap().iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_records_of_a_backup_come_back_under_the_passphrase_of_today() {
    let home = home();
    assert_eq!(names(&home), ["mine", "since"]);
    let restored = home.json(&["restore", "backup.aumbry", "--yes"]);
    assert_eq!(restored, serde_json::json!({ "records": 1, "generation": 4, "people_of_the_backup": [] }));
    assert_eq!(names(&home), ["mine"]);
    assert_eq!(home.succeeds(&["get", "mine", "-n"]), SECRET);

    // With another passphrase than the backup's.
    home.succeeds(&["passwd", "--new-passphrase-file", "another"]);
    fs::rename(home.path().join("passphrase"), home.path().join("old")).unwrap();
    home.write("passphrase", ANOTHER);
    home.fails(&["restore", "backup.aumbry", "--yes"], 4, "--backup-passphrase-file");
    home.succeeds(&["restore", "backup.aumbry", "--yes", "--backup-passphrase-file", "old"]);
    home.fails(&["list", "--passphrase-file", "old"], 4, "passphrase is wrong");
    assert_eq!(names(&home), ["mine"]);
}

#[test]
fn a_damaged_vault_is_put_aside_and_one_that_is_gone_comes_back_with_its_people() {
    let home = home();
    let mut damaged = fs::read(home.vault()).unwrap();
    damaged[700] ^= 1;
    fs::write(home.vault(), &damaged).unwrap();
    home.fails(&["list"], 8, "aumbry restore FILE");
    let output = home.run(&["restore", "backup.aumbry", "--yes"]);
    assert!(
        output.status.success() && stderr(&output).contains("including people who were removed since: owner"),
        "{}",
        stderr(&output)
    );
    let aside = home.vault().with_extension("aumbry.damaged");
    assert_eq!(fs::read(aside).unwrap(), damaged, "nothing that could be of use is lost");
    assert_eq!(names(&home), ["mine"]);

    fs::remove_file(home.vault()).unwrap();
    let restored = home.json(&["restore", "backup.aumbry", "--yes"]);
    assert_eq!(restored["people_of_the_backup"], serde_json::json!(["owner"]));
    assert!(
        restored["generation"].as_u64().unwrap() > 4,
        "no machine that saw the vault takes it for an older one"
    );
    assert_eq!(names(&home), ["mine"]);
}

#[test]
fn a_damaged_vault_whose_passphrase_changed_since_comes_back_too() {
    let home = home();
    home.succeeds(&["passwd", "--new-passphrase-file", "another"]);
    let mut damaged = fs::read(home.vault()).unwrap();
    damaged[700] ^= 1;
    fs::write(home.vault(), &damaged).unwrap();
    let now = ["--passphrase-file", "another", "--backup-passphrase-file", "passphrase"];
    home.succeeds(&[&["restore", "backup.aumbry", "--yes"], &now[..]].concat());
    assert_eq!(names(&home), ["mine"]);
    assert_eq!(fs::read(home.vault().with_extension("aumbry.damaged")).unwrap(), damaged);
}

#[test]
fn a_reader_can_only_put_the_old_version_back_and_has_to_accept_that() {
    let home = Home::new();
    home.write("another", ANOTHER);
    home.succeeds(&["people", "add", "app", "--new-passphrase-file", "another"]);
    home.succeeds(&["backup", "backup.aumbry"]);
    home.succeeds(&["add", "since", "--access-key-id", "AKIASINCE", "--secret-file", "secret"]);
    home.fails(&as_reader(&["restore", "backup.aumbry", "--yes"]), 9, "a reader cannot sign");
    home.succeeds(&as_reader(&["restore", "backup.aumbry", "--yes", "--accept-rollback"]));
    assert_eq!(fs::read(home.vault()).unwrap(), fs::read(home.path().join("backup.aumbry")).unwrap());
    home.fails(&as_reader(&["list"]), 8, "--accept-rollback");
    // An administrator's commit ends that.
    home.succeeds(&["edit", "mine", "region=us-east-1", "--accept-rollback"]);
    home.succeeds(&as_reader(&["list"]));
}

fn as_reader<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--passphrase-file", "another"]].concat()
}
