//! Records that leave the vault in plaintext.

use std::process::Command;

use crate::common::{Home, PLAIN_SECRET};

#[test]
fn an_env_file_holds_one_record_as_a_shell_reads_it() {
    let home = Home::plain();
    home.succeeds(&["edit", "mine", "region=eu-west-1", "endpoint-url=http://[::1]:9000/a?b=*{c}^!,%40@d"]);
    let file = home.succeeds(&["export", "mine", "--format", "env", "--plaintext"]);
    let expected = format!(
        "AWS_ACCESS_KEY_ID=AKIAEXAMPLE\nAWS_SECRET_ACCESS_KEY={PLAIN_SECRET}\nAWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=eu-west-1\n\
         AWS_ENDPOINT_URL=http://[::1]:9000/a?b=*{{c}}^!,%40@d\n"
    );
    assert_eq!(file, expected);
    home.write("mine.env", &file);
    let read = Command::new("sh")
        .args(["-c", "set -a; . ./mine.env; env"])
        .current_dir(home.path())
        .env_clear()
        .output()
        .unwrap();
    let read = String::from_utf8(read.stdout).unwrap();
    for line in file.lines() {
        assert!(read.lines().any(|read| read == line), "{line} is not in {read}");
    }
}

#[test]
fn an_env_file_needs_the_name_of_exactly_one_record() {
    let home = Home::plain();
    home.succeeds(&["add", "other", "--access-key-id", "AKIAOTHER", "--secret-file", "secret"]);
    for names in [&[] as &[&str], &["mine", "other"]] {
        let arguments = [&["export", "--format", "env", "--plaintext"], names].concat();
        home.fails(&arguments, 2, "an env file holds one record");
    }
    home.fails(&["export", "nobody", "--format", "env", "--plaintext"], 5, "aumbry list");
    home.fails(&["export", "mine", "--format", "env"], 9, "--plaintext");
}

#[test]
fn what_an_env_file_cannot_carry_is_refused_by_name_and_never_shown() {
    let home = Home::plain();
    home.write("secret", "two words");
    home.succeeds(&["edit", "mine", "--secret-file", "secret"]);
    let output = home.run(&["export", "mine", "--format", "env", "--plaintext", "-o", "mine.env"]);
    let said = crate::common::stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("\"mine\"") && said.contains("AWS_SECRET_ACCESS_KEY") && said.contains("white space")
    );
    assert!(!said.contains("two words"), "{said}");
    assert!(!home.path().join("mine.env").exists());
}

#[test]
fn names_choose_what_every_format_exports() {
    let home = Home::plain();
    for name in ["a", "b"] {
        home.succeeds(&["add", name, "--access-key-id", "AKIAOTHER", "--secret-file", "secret"]);
    }
    let exported = home.succeeds(&["export", "mine", "a", "mine", "--format", "json", "--plaintext"]);
    let exported: serde_json::Value = serde_json::from_str(&exported).unwrap();
    let names: Vec<_> = exported.as_array().unwrap().iter().map(|record| &record["name"]).collect();
    assert_eq!(names, ["a", "mine"]);
    let profiles = home.succeeds(&["export", "b", "--format", "aws-profiles", "--plaintext"]);
    assert!(profiles.starts_with("[b]\n") && profiles.matches('[').count() == 1, "{profiles}");
    let all = home.json(&["export", "--format", "json", "--plaintext", "-o", "all.json"]);
    assert_eq!(all, serde_json::json!({ "path": "all.json", "records": 3 }));
}
