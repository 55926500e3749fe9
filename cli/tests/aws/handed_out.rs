//! What AWS clients are handed: an environment, a shell script, a profile.

use std::process::Command;

use crate::common::*;

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

/// What `env` prints for this shell about one variable, of a record with this region.
#[track_caller]
fn line(region: &str, shell: &str, variable: &str) -> String {
    let home = Home::new();
    home.succeeds(&["edit", "mine", &format!("region={region}")]);
    let script = home.succeeds(&["env", "mine", "--shell", shell]);
    script.lines().find(|line| line.contains(variable)).unwrap().to_owned()
}

#[test]
fn no_value_breaks_out_of_its_quotes() {
    let quotes = "'; calc; \u{2018}\u{2019}\u{201a}\u{201b}\\";
    let region = |shell| line(quotes, shell, "AWS_REGION");
    assert_eq!(region("sh"), "export AWS_REGION=''\\''; calc; \u{2018}\u{2019}\u{201a}\u{201b}\\'");
    assert_eq!(region("fish"), "set -gx AWS_REGION '\\'; calc; \u{2018}\u{2019}\u{201a}\u{201b}\\\\';");
    let doubled = "\u{2018}\u{2018}\u{2019}\u{2019}\u{201a}\u{201a}\u{201b}\u{201b}";
    assert_eq!(region("powershell"), format!("$Env:AWS_REGION = '''; calc; {doubled}\\'"));
}

#[test]
fn what_clients_would_read_first_is_taken_away_in_every_shell() {
    let profile = |shell| line("eu-west-1", shell, "AWS_PROFILE");
    assert_eq!(profile("sh"), "unset AWS_PROFILE");
    // A variable of fish may stand in several scopes. (`interop/clients/run` has fish run it.)
    assert_eq!(profile("fish"), "while set -e AWS_PROFILE; end;");
    assert_eq!(profile("powershell"), "Remove-Item -ErrorAction Ignore Env:AWS_PROFILE");
}

#[test]
fn a_value_that_no_environment_can_carry_is_named() {
    let home = Home::new();
    std::fs::write(home.path().join("nul"), "a\0b").unwrap();
    home.succeeds(&["add", "nul", "--access-key-id", "A", "--secret-file", "nul"]);
    let says = "the value of AWS_SECRET_ACCESS_KEY holds a NUL character, which no environment can carry";
    home.fails(&["exec", "nul", "--", "true"], 2, says);
    home.fails(&["env", "nul"], 2, says);
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_dumps_no_core_unless_it_asks_for_it() {
    let home = Home::new();
    let limits = |shell: &str| {
        let output = succeeds(home.shell(&format!("ulimit -S -c $(ulimit -H -c); {shell}")));
        output.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let before = limits("ulimit -S -c; ulimit -H -c");
    let within = limits("aumbry exec mine -- sh -c 'ulimit -S -c; ulimit -H -c'");
    assert_eq!(within, ["0", &before[1]]);
    assert_eq!(
        limits("aumbry exec mine -- sh -c 'ulimit -S -c $(ulimit -H -c); ulimit -S -c'"),
        [&*before[0]]
    );
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
