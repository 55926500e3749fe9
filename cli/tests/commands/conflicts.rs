//! Two who change one vault at a time.
#![cfg(unix)]

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use crate::common::*;

/// A command that has come as far as reading the FIFO `pipe`, and waits there.
struct Waiting {
    child: Child,
    pipe: File,
}

impl Waiting {
    fn begin(home: &Home, arguments: &[&str]) -> Self {
        assert!(Command::new("mkfifo").arg(home.path().join("pipe")).status().unwrap().success());
        let mut command = home.command(arguments);
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // This returns once the command has opened the other end.
        Self { child, pipe: OpenOptions::new().write(true).open(home.path().join("pipe")).unwrap() }
    }

    /// It reads `content`, and fails with this exit code, code word and message.
    #[track_caller]
    fn fails(mut self, content: &str, exit: i32, code: &str, message: &str) {
        writeln!(self.pipe, "{content}").unwrap();
        drop(self.pipe);
        let output = checked(self.child.wait_with_output().unwrap());
        let said = stderr(&output);
        let error: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(exit), ""), "{said}");
        assert_eq!(error["error"]["code"], code);
        assert_eq!(error["error"]["exit"], exit);
        assert_eq!(error["error"]["message"], message);
    }
}

#[test]
fn a_passphrase_that_is_changed_meanwhile_must_be_given_again() {
    let home = Home::new();
    let add = ["--json", "add", "new", "--access-key-id", "A", "--secret-file", "pipe"];
    let waiting = Waiting::begin(&home, &add);
    home.write("new", "another passphrase\n");
    home.succeeds(&["passwd", "--new-passphrase-file", "new"]);
    let message =
        "an administrator changed or removed this passphrase since the vault was opened: open it again";
    waiting.fails(SECRET, 4, "reopen", message);
    assert_eq!(home.succeeds(&["list", "--passphrase-file", "new"]).lines().count(), 2, "nothing was added");
}

#[test]
fn a_vault_that_is_put_in_the_place_of_another_meanwhile_is_noticed() {
    let home = Home::new();
    home.succeeds(&[&["init", "--vault", "other.aumbry"], CHEAP.as_slice()].concat());
    let add = ["--json", "add", "new", "--access-key-id", "A", "--secret-file", "pipe"];
    let waiting = Waiting::begin(&home, &add);
    fs::copy(home.path().join("other.aumbry"), home.vault()).unwrap();
    waiting.fails(SECRET, 8, "vault_changed", "another vault replaced this one, which had generation 2");
}

#[test]
fn a_vault_that_is_made_meanwhile_is_not_replaced() {
    let home = Home::empty();
    let init = [&["--json", "init", "--passphrase-file", "pipe"], CHEAP.as_slice()].concat();
    let waiting = Waiting::begin(&home, &init);
    home.succeeds(&[&["init"], CHEAP.as_slice()].concat());
    let vault = fs::read(home.vault()).unwrap();
    let message = format!("a vault or another file already exists at {:?}", home.vault());
    waiting.fails("another passphrase", 7, "already_exists", &message);
    assert_eq!(fs::read(home.vault()).unwrap(), vault);
}

#[test]
fn records_that_others_add_meanwhile_stay() {
    let home = Home::new();
    let waiting = Waiting::begin(&home, &["add", "new", "--access-key-id", "A", "--secret-file", "pipe"]);
    home.succeeds(&["add", "meanwhile", "--access-key-id", "A", "--secret-file", "secret"]);
    let Waiting { mut child, mut pipe } = waiting;
    writeln!(pipe, "{SECRET}").unwrap();
    drop(pipe);
    assert!(child.wait().unwrap().success());
    assert_eq!(home.succeeds(&["list"]).lines().count(), 4, "a head and three records");
}

#[test]
fn whoever_finds_the_vault_locked_for_ten_seconds_is_told_to_try_later() {
    let home = Home::new();
    let before = fs::read(home.vault()).unwrap();
    let lock = File::create(home.vault().with_file_name(".default.aumbry.lock")).unwrap();
    lock.lock().unwrap();
    assert!(home.succeeds(&["list"]).contains("mine"), "reading needs no lock");
    let output = home.run(&["--json", "edit", "mine", "region=us-east-1"]);
    let message = "another program has been writing to the vault for 10 seconds: try again later";
    let json = serde_json::json!({ "error": { "code": "busy", "exit": 7, "message": message } });
    assert_eq!(stderr(&output), format!("aumbry: {message}\n{json}\n"));
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(7), ""));
    assert_eq!(fs::read(home.vault()).unwrap(), before);
    lock.unlock().unwrap();
    home.succeeds(&["edit", "mine", "region=us-east-1"]);
}
