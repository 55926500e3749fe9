//! Profiles in a file that others read and write too.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::*;
use serde_json::json;

const WRITE: [&str; 3] = ["aws-config", "mine", "--write"];

fn config(home: &Home) -> PathBuf {
    home.path().join(".aws/config")
}

fn read(home: &Home) -> String {
    fs::read_to_string(config(home)).unwrap()
}

/// The only line that says what clients are to run.
#[cfg(unix)]
fn process(config: &str) -> &str {
    config.lines().find_map(|line| line.strip_prefix("credential_process = ")).unwrap()
}

#[test]
fn what_is_stronger_than_the_profile_is_named_and_never_its_value() {
    let home = Home::new();
    let keys = format!("aws_access_key_id = AKIAOLD\naws_secret_access_key = {PLAIN_SECRET}\n");
    let credentials = home.write(".aws/credentials", &format!("[mine]\n{keys}[other]\n{keys}"));
    let output = home.run(&[WRITE.as_slice(), &["--quiet"]].concat());
    let warning = format!(
        "aumbry: warning: AWS clients will not run the program of the profile \"mine\", for {} gives it \
         aws_access_key_id, aws_secret_access_key: remove that there, or choose another profile\n",
        credentials.display()
    );
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), warning));
    let stronger = json!([{ "path": credentials, "keys": ["aws_access_key_id", "aws_secret_access_key"] }]);
    assert_eq!(home.json(&WRITE)["stronger"], stronger);

    home.write("elsewhere", "[mine]\ncredential_process = other\n");
    home.write(".aws/config", "[profile mine]\nrole_arn = arn:secret\nsource_profile = x\nregion = y\n");
    let mut command = home.command(&WRITE);
    command.env("AWS_SHARED_CREDENTIALS_FILE", "elsewhere");
    let said = said(command);
    assert!(said.contains("config gives it role_arn, source_profile:"), "{said}");
    assert!(
        said.contains("elsewhere gives it credential_process:") && !said.contains("arn:secret"),
        "{said}"
    );

    // What is no longer there is no longer said, nor is what another profile has.
    fs::write(config(&home), "").unwrap();
    fs::write(&credentials, format!("[other]\n{keys}")).unwrap();
    assert!(!stderr(&home.run(&WRITE)).contains("warning"));
    assert_eq!(home.json(&WRITE)["stronger"], json!([]));
    // A file that cannot be understood is no reason to fail once all is done.
    fs::write(&credentials, "[broken\n").unwrap();
    let output = home.run(&WRITE);
    assert!(output.status.success() && stderr(&output).contains("could not be found out"), "{output:?}");
}

/// What it says on stderr though it succeeds.
#[track_caller]
fn said(command: Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{}", stderr(&output));
    stderr(&output)
}

#[test]
fn of_eight_who_write_at_once_nobody_fails_and_no_profile_is_lost() {
    let home = Home::new();
    // What somebody left who was killed is in nobody's way.
    home.write(".aws/.config.new", "half of it");
    home.write(".aws/config.aumbry-new", "half of it");
    let children: Vec<_> = (0..8)
        .map(|number| {
            let profile = format!("profile-{number}");
            let mut command = home.command(&["aws-config", "mine", "--write", "--profile", &profile]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = checked(child.wait_with_output().unwrap());
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let config = read(&home);
    assert_eq!(config.matches("credential_process = ").count(), 8, "{config}");
    assert!((0..8).all(|number| config.contains(&format!("[profile profile-{number}]\n"))), "{config}");
    assert!(!home.path().join(".aws/.config.new").exists());
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_wherever_it_leads() {
    use std::os::unix::fs::symlink;
    let home = Home::new();
    fs::create_dir_all(home.path().join("dotfiles")).unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    symlink("../dotfiles/aws", config(&home)).unwrap();
    for _ in 0..2 {
        let path = home.json(&WRITE)["path"].as_str().unwrap().to_owned();
        assert_eq!(path, home.path().join("dotfiles/aws").to_str().unwrap());
        assert!(config(&home).symlink_metadata().unwrap().is_symlink());
        assert!(read(&home).starts_with("[profile mine]\n"));
        fs::write(config(&home), "").unwrap();
    }
    fs::remove_dir_all(home.path().join("dotfiles")).unwrap();
    home.fails(&WRITE, 3, "does not exist: create it first");
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_owner_and_permissions_and_one_that_is_read_only_stays_as_it_is() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let home = Home::new();
    home.write(".aws/config", "[default]\n");
    let path = config(&home);
    let chmod = |mode| fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    let owner = if rustix::process::geteuid().is_root() { 4711 } else { path.metadata().unwrap().uid() };
    std::os::unix::fs::chown(&path, Some(owner), None).unwrap();
    chmod(0o640);
    home.succeeds(&WRITE);
    let metadata = path.metadata().unwrap();
    assert_eq!((metadata.uid(), metadata.mode() & 0o777), (owner, 0o640));

    chmod(0o444);
    home.succeeds(&WRITE); // which changes nothing
    let before = read(&home);
    let other = ["aws-config", "mine", "--write", "--profile", "other"];
    home.fails(&other, 3, "config is read-only, and was not changed\n  allow it with `chmod u+w ");
    assert_eq!(read(&home), before);
    chmod(0o644);
    home.succeeds(&other);
}

#[test]
fn a_file_that_is_no_text_is_named_by_the_line() {
    let home = Home::new();
    home.write(".aws/config", "");
    fs::write(config(&home), b"[default]\n# gr\xfc\xdfe\n").unwrap();
    home.fails(&WRITE, 8, "could not read line 2 of the config file: it is not UTF-8 text");
}

#[cfg(unix)]
#[test]
fn a_name_that_looks_like_an_option_is_a_name() {
    let home = Home::new();
    home.succeeds(&["add", "--access-key-id", "AKIADASH", "--secret-file", "secret", "--", "-x"]);
    home.succeeds(&["aws-config", "--write", "--", "-x"]);
    let config = read(&home);
    let line = process(&config);
    assert!(line.ends_with(" -- -x"), "{line}");
    let output = Command::new("sh").arg("-c").arg(line).env_clear().env("HOME", home.path()).output();
    let document: serde_json::Value = serde_json::from_slice(&checked(output.unwrap()).stdout).unwrap();
    assert_eq!(document["AccessKeyId"], "AKIADASH");
}

#[cfg(unix)]
#[test]
fn the_source_of_the_passphrase_goes_into_the_profile_from_the_environment_too() {
    let home = Home::new();
    let line = |variables: &[(&str, &str)]| {
        let mut command = home.command(&["aws-config", "mine"]);
        command.env_remove("AUMBRY_PASSPHRASE_FILE").envs(variables.iter().copied());
        let printed = succeeds(command);
        process(&printed).to_owned()
    };
    let file = format!(" --passphrase-file {}", home.path().join("passphrase").display());
    let command = " --passphrase-command 'cat passphrase'";
    assert!(line(&[("AUMBRY_PASSPHRASE_FILE", "passphrase")]).ends_with(&file));
    assert!(line(&[("AUMBRY_PASSPHRASE_COMMAND", "cat passphrase")]).ends_with(command));
    assert!(line(&[("AUMBRY_PASSPHRASE", PASSPHRASE)]).ends_with("default.aumbry"), "it is a secret");
    assert!(line(&[]).ends_with("default.aumbry"));
}

#[test]
fn a_record_that_is_not_there_gets_no_profile() {
    let home = Home::new();
    home.fails(&["aws-config", "nobody", "--write"], 5, "no record named \"nobody\"");
    assert!(!config(&home).exists());
    // Nobody is asked for a passphrase.
    let mut command = home.command(&["aws-config", "nobody", "--write"]);
    command.env_remove("AUMBRY_PASSPHRASE_FILE");
    let said = said(command);
    assert!(said.contains("was not asked whether it has this record"), "{said}");
    assert!(read(&home).contains("[profile nobody]\n"));
}
