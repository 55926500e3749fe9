//! What the doctor finds, and that it never fails because of what it is there to find.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use common::{Home, checked};
use serde_json::Value;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Whether it finds something wrong about this and says these words.
#[track_caller]
fn finds(home: &Home, environment: &[(&str, &str)], about: &str, says: &str) {
    let output = home.command(&["doctor", "--json"]).envs(environment.iter().copied()).output().unwrap();
    let output = checked(output);
    assert!(output.status.success(), "{}", common::stderr(&output));
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = findings.as_array().unwrap().iter().any(|finding| {
        finding["about"] == about
            && finding["ok"] == false
            && finding["message"].as_str().unwrap().contains(says)
    });
    assert!(found, "{about}: {says:?} is not in {findings:#}");
}

/// Whether all is well about this.
#[track_caller]
fn is_well(home: &Home, about: &str, says: &str) {
    let findings = home.json(&["doctor"]);
    let of_it: Vec<_> =
        findings.as_array().unwrap().iter().filter(|finding| finding["about"] == about).collect();
    assert!(!of_it.is_empty() && of_it.iter().all(|finding| finding["ok"] == true), "{findings:#}");
    assert!(of_it[0]["message"].as_str().unwrap().contains(says), "{findings:#}");
}

#[test]
fn a_vault_in_good_order_gets_no_advice_but_on_its_cheap_key_derivation() {
    let home = Home::plain();
    is_well(&home, "permissions", "owner's alone");
    is_well(&home, "pin", "generation 2");
    is_well(&home, "plaintext", "no keys were found");
    finds(
        &home,
        &[],
        "kdf",
        "19 MiB and 2 passes is below today's default of 64 MiB and 3 passes: `aumbry passwd`",
    );
    finds(&home, &[], "vault", "one way in as an administrator");
    // What it advises, helps.
    home.succeeds(&["passwd", "--new-passphrase-file", "passphrase"]);
    is_well(&home, "kdf", "64 MiB and 3 passes");
    let text = home.succeeds(&["doctor"]);
    assert!(text.lines().all(|line| line.starts_with("ok ") || line.starts_with("advice ")), "{text}");
}

#[test]
fn whoever_else_may_write_is_found() {
    let home = Home::plain();
    let folder = home.vault().parent().unwrap().to_owned();
    chmod(&home.vault(), 0o644);
    finds(&home, &[], "permissions", "chmod 600");
    chmod(&home.vault(), 0o600);
    chmod(&folder, 0o777);
    finds(&home, &[], "permissions", "chmod go-w");
    chmod(&folder, 0o1777);
    is_well(&home, "permissions", "owner's alone");
}

#[test]
fn a_pin_that_cannot_be_written_and_one_that_is_ahead_are_found() {
    let home = Home::plain();
    let old = fs::read(home.vault()).unwrap();
    home.succeeds(&["edit", "mine", "region=us-east-1"]);
    fs::write(home.vault(), old).unwrap();
    let output = home.run(&["doctor", "--json", "--accept-rollback"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("the vault is generation 2, and this machine saw 3"), "{text}");

    let home = Home::plain();
    fs::remove_dir_all(home.path().join(".local/state")).unwrap();
    home.write(".local/state", "no folder");
    finds(&home, &[], "pin", "XDG_STATE_HOME");
}

#[test]
fn keys_in_plaintext_are_found_wherever_clients_keep_them() {
    let home = Home::plain();
    home.write(".aws/credentials", "[a]\nAWS_Secret_Access_Key=b\n");
    home.write("elsewhere", "[a]\naws_secret_access_key=b\n");
    home.write(".aws/cli/cache/x.json", r#"{"Credentials":{"SecretAccessKey":"b"}}"#);
    finds(&home, &[], "plaintext", ".aws/credentials holds keys");
    finds(&home, &[], "plaintext", "cli/cache holds keys of sessions");
    finds(&home, &[("AWS_CONFIG_FILE", "elsewhere")], "plaintext", "elsewhere holds keys");
    finds(&home, &[("AWS_SHARED_CREDENTIALS_FILE", "elsewhere")], "plaintext", "elsewhere holds keys");
    finds(&home, &[("AWS_SECRET_ACCESS_KEY", "b")], "environment", "AWS_SECRET_ACCESS_KEY is set");
    finds(&home, &[("AUMBRY_PASSPHRASE", common::PASSPHRASE)], "environment", "AUMBRY_PASSPHRASE");
}

#[test]
fn what_cannot_be_read_is_advice_and_no_failure() {
    let home = Home::plain();
    let aws = home.path().join(".aws");
    fs::create_dir(&aws).unwrap();
    symlink("credentials", aws.join("credentials")).unwrap();
    finds(&home, &[], "plaintext", "could not look into");
    // Nor is what is no file waited for, or read.
    fs::remove_file(aws.join("credentials")).unwrap();
    fs::create_dir(aws.join("credentials")).unwrap();
    assert!(Command::new("mkfifo").arg(aws.join("config")).status().unwrap().success());
    is_well(&home, "plaintext", "no keys were found");
    fs::remove_dir_all(&aws).unwrap();
    home.write(".aws", "no folder");
    is_well(&home, "plaintext", "no keys were found");
}
