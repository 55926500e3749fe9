//! The real binary, as a person or a script runs it: what it prints, what it ends with, where secrets may stand.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PASSPHRASE: &str = "correct horse battery staple";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=EXAMPLE#KEY;'\"$x";

/// A home folder with a vault in it.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn empty() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        home.write("passphrase", &format!("{PASSPHRASE}\n"));
        home.write("secret", &format!("{SECRET}\n"));
        home
    }

    /// With a vault and one record.
    fn new() -> Self {
        let home = Self::empty();
        home.succeeds(&["init", "--kdf", "m=19MiB,t=2,p=1"]);
        home.succeeds(&[
            "add",
            "mine",
            "--access-key-id",
            "AKIAEXAMPLE",
            "--secret-file",
            "secret",
            "--region",
            "eu-west-1",
        ]);
        home
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Without any terminal, and with nothing of this machine's in the environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aumbry"));
        command.args(arguments).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.path());
        command.env("AUMBRY_PASSPHRASE_FILE", "passphrase");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        checked(self.command(arguments).output().unwrap())
    }

    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Ends with this code and says this, on stderr alone.
    #[track_caller]
    fn fails(&self, arguments: &[&str], exit: i32, says: &str) {
        self.fails_by(&mut self.command(arguments), exit, says);
    }

    #[track_caller]
    fn fails_by(&self, command: &mut Command, exit: i32, says: &str) {
        let output = checked(command.output().unwrap());
        assert_eq!(output.status.code(), Some(exit), "{}", stderr(&output));
        assert!(stderr(&output).contains(says), "{says:?} is not in {:?}", stderr(&output));
        assert!(output.stdout.is_empty(), "a failure prints no result");
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every run of this suite goes through here: no secret ever stands on stderr.
fn checked(output: Output) -> Output {
    for secret in [PASSPHRASE, SECRET] {
        assert!(!stderr(&output).contains(secret), "a secret is on stderr: {}", stderr(&output));
    }
    output
}

#[test]
fn a_record_goes_in_and_comes_out_byte_for_byte() {
    let home = Home::new();
    assert_eq!(home.succeeds(&["get", "mine"]), format!("{SECRET}\n"));
    assert_eq!(home.succeeds(&["get", "mine", "-n"]), SECRET);
    assert_eq!(home.succeeds(&["get", "mine", "--field", "region", "-n"]), "eu-west-1");
    let json: serde_json::Value =
        serde_json::from_str(&home.succeeds(&["show", "mine", "--reveal", "--json"])).unwrap();
    assert_eq!(json["secret_access_key"], SECRET);
    let json: serde_json::Value =
        serde_json::from_str(&home.succeeds(&["credential-process", "mine"])).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "Version": 1, "AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": SECRET })
    );
    assert!(!home.succeeds(&["show", "mine"]).contains(SECRET));
    assert!(!home.succeeds(&["list", "--json"]).contains(SECRET));
    assert_eq!(home.succeeds(&["list", "m"]).lines().count(), 2);
}

#[test]
fn the_passphrase_comes_from_each_of_its_sources() {
    let home = Home::new();
    let list = |arguments: &[&str]| home.command(&[&["list"], arguments].concat());
    let works = |command: &mut Command| {
        let output = checked(command.env_remove("AUMBRY_PASSPHRASE_FILE").output().unwrap());
        assert!(output.status.success(), "{}", stderr(&output));
    };
    works(&mut list(&["--passphrase-file", "passphrase"]));
    works(&mut list(&["--passphrase-command", "cat passphrase"]));
    works(list(&[]).env("AUMBRY_PASSPHRASE_COMMAND", "cat passphrase"));
    works(list(&[]).env("AUMBRY_PASSPHRASE", PASSPHRASE));
    let mut child =
        list(&["--passphrase-fd", "0"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSPHRASE}\r\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());

    home.fails_by(list(&[]).env("AUMBRY_PASSPHRASE_FILE", ""), 6, "no terminal to ask");
    home.fails_by(&mut list(&["--passphrase-command", "echo wrong"]), 4, "passphrase is wrong");
    home.fails_by(&mut list(&["--passphrase-command", "false"]), 6, "command failed");
    home.fails_by(&mut list(&["--passphrase-file", "nothing"]), 3, "could not read nothing");
}

#[test]
fn each_kind_of_failure_has_its_exit_code_and_a_message_that_helps() {
    let home = Home::new();
    home.fails(&["lst"], 2, "Usage");
    home.fails(
        &["add", "two\nlines", "--access-key-id", "A", "--secret-file", "secret"],
        2,
        "control character",
    );
    home.fails(&["add", "aumbry:x", "--access-key-id", "A", "--secret-file", "secret"], 2, "reserved");
    home.fails(&["edit", "mine", "secret-access-key=x"], 2, "--secret-file");
    home.fails(&["edit", "mine"], 2, "nothing to change");
    home.fails(&["--vault", "nowhere", "list"], 3, "aumbry init");
    home.fails(&["--vault", ".", "list"], 3, "folder");
    home.fails(&["get", "nobody"], 5, "aumbry list");
    home.fails(&["get", "Mine"], 5, "did you mean \"mine\"");
    home.fails(&["get", "mine", "--field", "session-token"], 5, "has no session-token");
    home.fails(&["remove", "mine"], 6, "--yes");
    home.fails(&["add", "new", "--access-key-id", "A"], 6, "--secret-file");
    home.fails(&["add", "mine", "--access-key-id", "A", "--secret-file", "secret"], 7, "aumbry edit");
    home.fails(&["init"], 7, "already");
    home.write("broken", "not a vault");
    home.fails(&["--vault", "broken", "list"], 8, "not an aumbry vault");
    home.fails(&["init", "--vault", "cheap", "--kdf", "m=8MiB,t=1"], 9, "below the floor");
    home.fails(&["export", "--format", "json"], 9, "--plaintext");
    home.fails(&["exec", "mine", "--", "no-such-program"], 127, "there is no program");
    home.fails(&["exec", "mine", "--", "./passphrase"], 126, "could not run");
}

#[test]
fn an_error_can_be_read_by_a_program() {
    let home = Home::new();
    let output = home.run(&["get", "nobody", "--json"]);
    let last = stderr(&output).lines().last().unwrap().to_owned();
    let error: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["exit"]), (&"not_found".into(), &5.into()));
}

#[test]
fn a_program_finds_the_record_in_its_environment_and_nothing_that_beats_it() {
    let home = Home::new();
    let print = "printf '%s|' \"$AWS_ACCESS_KEY_ID\" \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_REGION\" \
                 \"${AWS_PROFILE-unset}\" \"${AWS_SESSION_TOKEN-unset}\" \"${AUMBRY_PASSPHRASE-unset}\" \"$KEPT\"; exit 7";
    let output = home
        .command(&["exec", "mine", "--", "sh", "-c", print])
        .env("AWS_PROFILE", "other")
        .env("AWS_SESSION_TOKEN", "stale")
        .env("AUMBRY_PASSPHRASE", PASSPHRASE)
        .env("KEPT", "kept")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7), "its end is ours");
    let expected = format!("AKIAEXAMPLE|{SECRET}|eu-west-1|unset|unset|unset|kept|");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);

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
fn fifty_profiles_go_in_and_come_out_unchanged() {
    let home = Home::new();
    home.succeeds(&["remove", "mine", "--yes"]);
    let profiles: String = (10..60)
        .map(|n| {
            format!("[profile-{n}]\naws_access_key_id = AKIA{n}\naws_secret_access_key = {n}/+=#;abc#d;e\nregion = eu-west-{n}\n")
        })
        .collect::<Vec<_>>()
        .join("\n");
    home.write("credentials", &profiles);
    assert!(home.succeeds(&["import", "credentials", "--dry-run"]).lines().count() == 51);
    assert_eq!(home.succeeds(&["list"]).lines().count(), 1, "a dry run changes nothing");
    home.succeeds(&["import", "credentials"]);
    let exported = home.succeeds(&["export", "--format", "aws-profiles", "--plaintext"]);
    assert_eq!(exported.trim_end(), profiles.trim_end());
    home.fails(&["import", "credentials"], 7, "nothing was imported");
    home.succeeds(&["import", "credentials", "--on-conflict", "skip"]);
    home.succeeds(&["import", "credentials", "--on-conflict", "rename"]);
    assert_eq!(home.succeeds(&["list"]).lines().count(), 101);
}

#[test]
fn an_export_is_its_owner_s_alone_and_can_be_imported_again() {
    let home = Home::new();
    home.succeeds(&["export", "--format", "json", "--plaintext", "-o", "export.json"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(home.path().join("export.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    home.fails(&["export", "--format", "json", "--plaintext", "-o", "export.json"], 7, "already");
    home.succeeds(&["remove", "mine", "--yes"]);
    home.succeeds(&["import", "export.json"]);
    assert_eq!(home.succeeds(&["get", "mine", "-n"]), SECRET);
}

#[test]
fn a_passphrase_is_changed_and_a_recovery_code_opens_the_vault() {
    let home = Home::empty();
    let code = home.succeeds(&["init", "--recovery-code"]);
    home.write("new", "another passphrase\n");
    home.succeeds(&["passwd", "--new-passphrase-file", "new"]);
    home.fails(&["list"], 4, "passphrase is wrong");
    home.succeeds(&["list", "--passphrase-file", "new"]);
    home.write("code", &code.to_lowercase());
    home.succeeds(&["list", "--passphrase-file", "code"]);
    let info: serde_json::Value = serde_json::from_str(&home.succeeds(&["info", "--json"])).unwrap();
    assert_eq!(info["people"][1]["kind"], "recovery-code");
}

#[test]
fn a_closed_stdout_ends_quietly_and_a_full_one_is_an_error() {
    let home = Home::new();
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_aumbry")).current_dir(home.path());
        shell.env("HOME", home.path()).env("AUMBRY_PASSPHRASE_FILE", "passphrase");
        checked(shell.output().unwrap())
    };
    let output = shell("\"$0\" list | true; \"$0\" man | head -1 >&2");
    assert!(
        !stderr(&output).contains("panicked") && !stderr(&output).contains("Broken pipe"),
        "{}",
        stderr(&output)
    );
    let output = shell("\"$0\" list > /dev/full");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
}

#[test]
fn an_older_vault_is_noticed_and_can_be_accepted() {
    let home = Home::new();
    let vault = home.path().join(".local/share/aumbry/default.aumbry");
    let old = std::fs::read(&vault).unwrap();
    home.succeeds(&["edit", "mine", "region=us-east-1"]);
    std::fs::write(&vault, old).unwrap();
    home.fails(&["list"], 8, "--accept-rollback");
    home.succeeds(&["list", "--accept-rollback"]);
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

#[test]
fn a_backup_opens_like_the_vault_and_replaces_no_file() {
    let home = Home::new();
    home.succeeds(&["backup", "copy.aumbry"]);
    assert_eq!(home.succeeds(&["--vault", "copy.aumbry", "get", "mine", "-n"]), SECRET);
    home.fails(&["backup", "copy.aumbry"], 7, "it is not replaced");
}

#[test]
fn the_doctor_finds_plaintext_and_open_permissions() {
    let home = Home::new();
    assert!(home.succeeds(&["doctor"]).contains("no keys were found in ~/.aws"));
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    home.write(".aws/credentials", "[a]\naws_access_key_id=A\naws_secret_access_key=b\n");
    let vault = home.path().join(".local/share/aumbry/default.aumbry");
    std::fs::set_permissions(&vault, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let findings: serde_json::Value = serde_json::from_str(&home.succeeds(&["doctor", "--json"])).unwrap();
    let ill = |about: &str| {
        findings.as_array().unwrap().iter().any(|finding| finding["about"] == about && finding["ok"] == false)
    };
    assert!(ill("plaintext") && ill("permissions") && ill("vault"), "{findings}");
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let home = Home::empty();
    let help = home.succeeds(&["--help"]);
    for command in
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty())
    {
        let name = command.split_whitespace().next().unwrap();
        if name == "help" || !command.starts_with("  ") || command.starts_with("   ") {
            continue;
        }
        let help = home.succeeds(&[name, "--help"]);
        assert!(help.contains(&format!("aumbry {name}")), "{name}");
        assert!(help.to_lowercase().contains("example") || help.contains("~/.aws"), "{name} has no example");
    }
}
