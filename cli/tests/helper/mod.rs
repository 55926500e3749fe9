//! A home folder with a vault in it, and the real binary run there.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses a part; a failed step fails the test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=EXAMPLEKEY";

pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// With a vault and one record, `mine`.
    pub(crate) fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        home.write("passphrase", PASSPHRASE);
        home.write("secret", SECRET);
        home.succeeds(&["init", "--kdf", "m=19MiB,t=2,p=1"]);
        home.succeeds(&["add", "mine", "--access-key-id", "AKIAEXAMPLE", "--secret-file", "secret"]);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.path().join(".local/share/aumbry/default.aumbry")
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Without any terminal, and with nothing of this machine's in the environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aumbry"));
        command.args(arguments).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.path());
        command.env("AUMBRY_PASSPHRASE_FILE", "passphrase");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        checked(self.command(arguments).output().unwrap())
    }

    #[track_caller]
    pub(crate) fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The result on stdout: one line of JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.succeeds(&[arguments, &["--json"]].concat());
        assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Ends with this code and says this, on stderr alone.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], exit: i32, says: &str) {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(exit), "{}", stderr(&output));
        assert!(stderr(&output).contains(says), "{says:?} is not in {:?}", stderr(&output));
        assert!(output.stdout.is_empty(), "a failure prints no result");
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every run goes through here: no secret ever stands on stderr.
pub(crate) fn checked(output: Output) -> Output {
    for secret in [PASSPHRASE, SECRET] {
        assert!(!stderr(&output).contains(secret), "a secret is on stderr: {}", stderr(&output));
    }
    output
}
