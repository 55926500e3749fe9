//! What the tests share: a home folder with a vault in it, and the real binary, run as a script would run it.
#![allow(dead_code, reason = "each test file uses a part")]

#[cfg(all(target_os = "linux", feature = "aws"))]
pub(crate) mod server;
#[cfg(target_os = "linux")]
pub(crate) mod tty;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use assert_cmd::assert::OutputAssertExt as _;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=EXAMPLE#KEY;'\"$x";
/// A secret that every format can carry.
pub(crate) const PLAIN_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=EXAMPLEKEY";
pub(crate) const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN//////////+a=";

/// The cheapest key derivation that a vault may have.
pub(crate) const CHEAP: [&str; 2] = ["--kdf", "m=19MiB,t=2,p=1"];

/// No command of these tests takes a tenth of this: one that does hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A home folder.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// With a passphrase and a secret in files, and no vault yet.
    pub(crate) fn empty() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        home.write("passphrase", &format!("{PASSPHRASE}\n"));
        home.write("secret", &format!("{SECRET}\n"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let alone = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(home.path().join("passphrase"), alone).unwrap();
        }
        home
    }

    /// With a vault and one record.
    pub(crate) fn new() -> Self {
        let home = Self::empty();
        home.succeeds(&[&["init"], CHEAP.as_slice()].concat());
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

    /// With a vault and one record that every format can carry.
    pub(crate) fn plain() -> Self {
        let home = Self::empty();
        home.write("secret", PLAIN_SECRET);
        home.succeeds(&[&["init"], CHEAP.as_slice()].concat());
        home.succeeds(&["add", "mine", "--access-key-id", "AKIAEXAMPLE", "--secret-file", "secret"]);
        home
    }

    /// Adds a session that ends then.
    pub(crate) fn add_session(&self, name: &str, expiration: &str) {
        let document = serde_json::json!({
            "Version": 1,
            "AccessKeyId": "ASIAEXAMPLE",
            "SecretAccessKey": SECRET,
            "SessionToken": TOKEN,
            "Expiration": expiration,
        });
        self.write("session.json", &document.to_string());
        self.succeeds(&["add", name, "--from-json", "session.json"]);
    }

    /// Links followed, as messages name it.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
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

    /// The program, in this folder and with nothing of this machine's in its environment.
    pub(crate) fn program(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        let folder = Path::new(env!("CARGO_BIN_EXE_aumbry")).parent().unwrap();
        // The system's own programs, and not what whoever runs these tests has in front of them.
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
        command.args(arguments).current_dir(self.path()).env_clear();
        command.env("PATH", path).env("HOME", self.path()).env("AUMBRY_PASSPHRASE_FILE", "passphrase");
        command
    }

    /// `aumbry`, without a terminal, also where somebody runs these tests from one.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        if cfg!(target_os = "linux") {
            self.program("setsid", &[&[env!("CARGO_BIN_EXE_aumbry")], arguments].concat())
        } else {
            self.program(env!("CARGO_BIN_EXE_aumbry"), arguments)
        }
    }

    /// What `sh` makes of this, also without a terminal.
    pub(crate) fn shell(&self, script: &str) -> Command {
        self.program("setsid", &["sh", "-c", script])
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        output(self.command(arguments))
    }

    #[track_caller]
    pub(crate) fn succeeds(&self, arguments: &[&str]) -> String {
        succeeds(self.command(arguments))
    }

    /// The result on stdout: one line of JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let text = self.succeeds(&[arguments, &["--json"]].concat());
        assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], exit: i32, says: &str) {
        fails(self.command(arguments), exit, says);
    }
}

/// Every run of these tests goes through here or, if it talks to the test meanwhile, through [`checked`].
#[track_caller]
pub(crate) fn output(command: Command) -> Output {
    checked(assert_cmd::Command::from_std(command).timeout(PATIENCE).output().unwrap())
}

/// No secret ever stands on stderr.
#[track_caller]
pub(crate) fn checked(output: Output) -> Output {
    for secret in [PASSPHRASE, SECRET, PLAIN_SECRET, TOKEN] {
        assert!(!stderr(&output).contains(secret), "a secret is on stderr: {}", stderr(&output));
    }
    output
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Ends with 0; what it printed.
#[track_caller]
pub(crate) fn succeeds(command: Command) -> String {
    stdout(output(command).assert().success().get_output())
}

/// Ends with this code and says this, on stderr alone.
#[track_caller]
pub(crate) fn fails(command: Command, exit: i32, says: &str) {
    let assert = output(command).assert().code(exit).stdout("");
    let said = stderr(assert.get_output());
    assert!(said.contains(says), "{says:?} is not in {said:?}");
}
