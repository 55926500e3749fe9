//! What AWS clients are handed: an environment, a shell script, a profile.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::process::Command;

use common::*;

#[test]
fn a_program_finds_the_record_in_its_environment_and_nothing_that_beats_it() {
    let home = Home::new();
    let print = "printf '%s|' \"$AWS_ACCESS_KEY_ID\" \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_REGION\" \
                 \"${AWS_PROFILE-unset}\" \"${AWS_SESSION_TOKEN-unset}\" \"${AUMBRY_PASSPHRASE-unset}\" \"$KEPT\"; exit 7";
    let mut command = home.command(&["exec", "mine", "--", "sh", "-c", print]);
    command.env("AWS_PROFILE", "other").env("AWS_SESSION_TOKEN", "stale");
    command.env("AUMBRY_PASSPHRASE", PASSPHRASE).env("KEPT", "kept");
    let output = output(command);
    assert_eq!(output.status.code(), Some(7), "its end is ours");
    assert_eq!(stdout(&output), format!("AKIAEXAMPLE|{SECRET}|eu-west-1|unset|unset|unset|kept|"));

    // What `env` prints, a shell reads back the same.
    let script = home.write("script", &home.succeeds(&["env", "mine"]));
    let read = Command::new("sh")
        .arg("-c")
        .arg(". \"$0\"; printf %s \"$AWS_SECRET_ACCESS_KEY\"")
        .arg(script)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&read.stdout), SECRET);
}

#[test]
fn a_profile_is_written_and_the_rest_of_the_file_stays_byte_for_byte() {
    let home = Home::new();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let before = "# mine\r\n[default]\r\nregion=eu-west-1   ; here\r\n\r\n[profile other]\noutput = json";
    home.write(".aws/config", before);
    home.succeeds(&["aws-config", "mine", "--profile", "up", "--passphrase-file", "passphrase", "--write"]);
    let after = std::fs::read_to_string(home.path().join(".aws/config")).unwrap();
    assert!(after.starts_with(before), "{after}");
    let printed = home.succeeds(&["aws-config", "mine", "--passphrase-file", "passphrase"]);
    assert!(printed.starts_with("[profile mine]\n"), "{printed}");
    let line = after.lines().find_map(|line| line.strip_prefix("credential_process = ")).unwrap();
    assert!(line.contains("credential-process mine --vault /") && !line.contains('"'), "{line}");
    // What it says is what a client runs, from anywhere.
    let output =
        Command::new("sh").arg("-c").arg(line).current_dir("/").env_clear().env("HOME", home.path()).output();
    let json: serde_json::Value = serde_json::from_slice(&checked(output.unwrap()).stdout).unwrap();
    assert_eq!(json["SecretAccessKey"], SECRET);
    home.succeeds(&["aws-config", "mine", "--profile", "up", "--passphrase-file", "passphrase", "--write"]);
    assert_eq!(
        std::fs::read_to_string(home.path().join(".aws/config")).unwrap(),
        after,
        "again changes nothing"
    );
}
