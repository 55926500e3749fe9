//! What a program gets from `--json`: one line on stdout, and no secret that it did not ask for.

use crate::common::{Home, PLAIN_SECRET, stderr};
use serde_json::json;

#[test]
fn a_record_that_was_written_is_the_result() {
    let home = Home::plain();
    let added =
        home.json(&["add", "a", "--access-key-id", "AKIAA", "--secret-file", "secret", "--region", "r"]);
    assert_eq!(added, home.json(&["show", "a"]));
    assert_eq!(added["attributes"], json!({ "region": "r" }));
    let edited = home.json(&["edit", "a", "region=s"]);
    assert_eq!((&edited["name"], &edited["attributes"]["region"]), (&json!("a"), &json!("s")));
    let renamed = home.json(&["rename", "a", "b"]);
    assert_eq!((&renamed["name"], &renamed["access_key_id"]), (&json!("b"), &json!("AKIAA")));
    assert_eq!(home.json(&["remove", "b", "--yes"]), json!({ "removed": "b" }));
    for record in [added, edited, renamed] {
        assert!(!record.to_string().contains(PLAIN_SECRET), "{record}");
    }
}

#[test]
fn secrets_stand_in_the_results_that_are_asked_for_them() {
    let home = Home::plain();
    let field = json!({ "name": "mine", "field": "secret-access-key", "value": PLAIN_SECRET });
    assert_eq!(home.json(&["get", "mine"]), field);
    let variables = json!({ "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": PLAIN_SECRET });
    assert_eq!(home.json(&["env", "mine"]), variables);
    assert_eq!(home.json(&["credential-process", "mine"])["SecretAccessKey"], PLAIN_SECRET);
    // With every character that JSON escapes.
    home.write("secret", "a\"\\\u{1}\té\u{1F511}");
    home.succeeds(&["edit", "mine", "--secret-file", "secret"]);
    assert_eq!(home.json(&["get", "mine"])["value"], "a\"\\\u{1}\té\u{1F511}");
}

#[test]
fn what_was_done_to_the_vault_is_the_result() {
    let home = Home::plain();
    let made = home.json(&["init", "--vault", "plain", "--kdf", "m=19MiB,t=2,p=1"]);
    assert_eq!(made, json!({ "path": "plain" }));
    let made = home.json(&["init", "--vault", "coded", "--kdf", "m=19MiB,t=2,p=1", "--recovery-code"]);
    assert_eq!(made["path"], "coded");
    home.write("code", made["recovery_code"].as_str().unwrap());
    home.succeeds(&["list", "--vault", "coded", "--passphrase-file", "code"]);
    let changed = home.json(&["passwd", "--vault", "plain", "--new-passphrase-file", "passphrase"]);
    assert_eq!(changed, json!({ "path": "plain", "generation": 2 }));
    assert_eq!(home.json(&["backup", "copy"]), json!({ "path": "copy", "records": 1, "generation": 2 }));
    assert_eq!(home.json(&["verify"]), json!({ "records": 1, "generation": 2 }));
}

#[test]
fn a_profile_is_a_result_too() {
    let home = Home::plain();
    let printed = home.json(&["aws-config", "mine", "--profile", "up", "--region", "r"]);
    assert_eq!((&printed["profile"], &printed["properties"]["region"]), (&json!("up"), &json!("r")));
    assert!(
        printed["properties"]["credential_process"].as_str().unwrap().contains("credential-process mine")
    );
    let written = home.json(&["aws-config", "mine", "--write"]);
    assert!(std::path::Path::new(written["path"].as_str().unwrap()).is_file(), "{written}");
}

#[test]
fn a_command_line_that_is_not_understood_is_an_error_for_programs_too() {
    let home = Home::plain();
    let output = home.run(&["exec", "--json"]);
    let last = stderr(&output).lines().last().unwrap().to_owned();
    let message = "the following required arguments were not provided: <NAME> <CMD>...";
    let error = json!({ "error": { "code": "usage", "exit": 2, "message": message } });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&last).unwrap(), error);
    // What stands behind -- is another program's.
    let output = home.run(&["exec", "--", "program", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!stderr(&output).contains('{'), "{}", stderr(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_an_error() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    for arguments in [&["--help"] as &[&str], &["help", "import"], &["man"], &["--version"]] {
        let output = Home::plain().command(arguments).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", stderr(&output));
    }
}
