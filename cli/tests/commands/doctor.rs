//! What the doctor finds, and that it never fails because of what it is there to find.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::common::{Home, checked};
use serde_json::Value;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Whether it finds something wrong about this and says these words.
#[track_caller]
fn finds(home: &Home, environment: &[(&str, &str)], about: &str, says: &str) {
    let output = home.command(&["doctor", "--json"]).envs(environment.iter().copied()).output().unwrap();
    let output = checked(output);
    assert!(output.status.success(), "{}", crate::common::stderr(&output));
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
    finds(&home, &[], "vault", "the vault has only one administrator");
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
    fs::hard_link(home.vault(), home.path().join("another name")).unwrap();
    finds(&home, &[], "permissions", "the file has 2 names (hard links)");
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
    finds(&home, &[("AUMBRY_PASSPHRASE", crate::common::PASSPHRASE)], "environment", "AUMBRY_PASSPHRASE");
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

#[test]
fn copies_and_caches_are_found_wherever_they_are_below_the_folder_of_aws() {
    let home = Home::plain();
    home.write(".aws/credentials.bak", "[a]\naws_secret_access_key=b\n");
    home.write(".aws/old/2025/credentials~", "[a]\naws_secret_access_key = b\n");
    home.write(".aws/sso/cache/1.json", r#"{"startUrl": "https://x", "accessToken": "b"}"#);
    home.write(".aws/sso/cache/2.json", r#"{"clientId": "a", "clientSecret": "b"}"#);
    finds(&home, &[], "plaintext", ".aws/credentials.bak holds keys in plaintext");
    finds(&home, &[], "plaintext", ".aws/old/2025/credentials~ holds keys in plaintext");
    finds(&home, &[], "plaintext", ".aws/sso/cache holds tokens of a sign-in in plaintext, in 2 files");
    // What is too large, or too deep, is said to be left out.
    home.write(".aws/models", &"x".repeat(1024 * 1024 + 1));
    home.write(".aws/1/2/3/4/5/6/credentials", "[a]\naws_secret_access_key=b\n");
    finds(&home, &[], "plaintext", ".aws/models is too much to look at");
    finds(&home, &[], "plaintext", ".aws/1/2/3/4/5/6 is too much to look at");
}

#[test]
fn what_only_names_a_key_holds_none() {
    let home = Home::plain();
    home.write(
        ".aws/credentials",
        "[a]\n# no aws_secret_access_key any more\naws_secret_access_key =\nregion = b\n",
    );
    home.write(".aws/models/sts.json", r#"{"SecretAccessKey":{"shape":"x"},"accessToken":""}"#);
    is_well(&home, "plaintext", "no keys were found");
    home.write(".aws/models/real.json", r#"{"SecretAccessKey":{"shape":"x"},"secretAccessKey" : "b"}"#);
    finds(&home, &[], "plaintext", "models holds keys of sessions");
}

#[test]
fn a_vault_that_belongs_to_somebody_else_is_found() {
    let home = Home::plain();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(home.vault(), Some(4711), None).unwrap();
        finds(&home, &[], "permissions", "the vault belongs to another user (number 4711)");
    } else {
        // What is no vault has an owner all the same.
        let output = home.run(&["doctor", "--vault", "/etc/passwd"]);
        let text = crate::common::stdout(&output);
        assert!(text.contains("the vault belongs to another user (number 0)"), "{text}");
    }
}

#[test]
fn a_file_with_the_passphrase_that_others_may_read_is_found() {
    let home = Home::plain();
    assert!(!home.succeeds(&["doctor"]).contains("passphrase's file"));
    chmod(&home.path().join("passphrase"), 0o640);
    finds(
        &home,
        &[],
        "passphrase",
        "others may read or write the passphrase's file (640): `chmod 600 passphrase`",
    );
    let other = home.write("other", crate::common::PASSPHRASE);
    chmod(&other, 0o604);
    let text = home.succeeds(&["doctor", "--passphrase-file", "other"]);
    assert!(text.contains("file (604): `chmod 600 other`"), "{text}");
}

#[test]
fn a_version_that_is_refused_is_found_and_looked_at_and_stays_refused() {
    let home = Home::plain();
    let old = fs::read(home.vault()).unwrap();
    home.succeeds(&["edit", "mine", "region=us-east-1"]);
    let new = fs::read(home.vault()).unwrap();
    fs::write(home.vault(), old).unwrap();
    for _ in 0..2 {
        finds(&home, &[], "pin", "every other command refuses it");
    }
    finds(&home, &[], "kdf", "below today's default");
    home.fails(&["list"], 8, "--accept-rollback");

    fs::write(home.vault(), new).unwrap();
    let state = home.path().join(".local/state/aumbry");
    let pins = || fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path());
    let pin = pins().find(|path| path.extension().is_some_and(|extension| extension == "pin")).unwrap();
    fs::write(&pin, "damaged").unwrap();
    finds(&home, &[], "pin", "every other command refuses it");
    assert_eq!(fs::read(&pin).unwrap(), b"damaged", "it changes nothing");
}

#[test]
fn what_stands_around_a_vault_is_said_also_if_it_cannot_be_opened() {
    let home = Home::plain();
    home.write(".aws/credentials", "[a]\naws_secret_access_key=b\n");
    let around = |exit: i32, says: &str, permissions: bool| {
        let output = home.run(&["doctor", "--json"]);
        let said = crate::common::stderr(&output);
        assert_eq!(output.status.code(), Some(exit), "{said}");
        assert!(said.contains(says), "{said}");
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        let about =
            |about: &str| findings.as_array().unwrap().iter().any(|finding| finding["about"] == about);
        assert!(about("plaintext") && !about("kdf") && about("permissions") == permissions, "{findings:#}");
    };
    let mut bytes = fs::read(home.vault()).unwrap();
    home.write("passphrase", "another one entirely\n");
    around(4, "passphrase is wrong", true);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    home.write("passphrase", crate::common::PASSPHRASE);
    fs::write(home.vault(), bytes).unwrap();
    around(8, "damaged", true);
    fs::remove_file(home.vault()).unwrap();
    around(3, "not_found", false);
}

#[test]
fn a_profile_that_clients_have_another_key_for_is_found() {
    let home = Home::plain();
    home.succeeds(&["aws-config", "mine", "--write"]);
    assert!(!home.succeeds(&["doctor"]).contains("profiles"));
    home.write(".aws/credentials", "[mine]\naws_access_key_id = a\naws_secret_access_key = b\n");
    finds(&home, &[], "profiles", "gives it aws_access_key_id, aws_secret_access_key");
    home.write(".aws/credentials", "[mine\n");
    finds(&home, &[], "profiles", "line 1");
}
