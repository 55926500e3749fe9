//! What went wrong, for people and for programs: an exit code, a code word, a message, a line of advice.

use std::error::Error as _;
use std::fmt::Write as _;

use aumbry::ErrorKind;

/// A command that did not do what was asked.
pub(crate) struct Failure {
    code: &'static str,
    exit: u8,
    message: String,
    advice: Option<String>,
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    fn new(code: &'static str, exit: u8, message: impl Into<String>) -> Self {
        Self { code, exit, message: message.into(), advice: None }
    }

    /// Nothing to say, and no failure to anybody who still listens.
    pub(crate) fn silent() -> Self {
        Self::new("closed", 0, "")
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new("usage", 2, message)
    }

    pub(crate) fn io(message: impl Into<String>, error: &std::io::Error) -> Self {
        Self::new("io", 3, format!("{}: {error}", message.into()))
    }

    /// Something that is shown once was not shown.
    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self::new("io", 3, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new("not_found", 5, message)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new("expired", 5, message)
    }

    /// Something must be typed, and there is nobody to type it.
    pub(crate) fn input_needed(message: impl Into<String>) -> Self {
        Self::new("input_needed", 6, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new("conflict", 7, message)
    }

    /// As a shell says it: 127 for a program that is not there, 126 for one that cannot be run.
    pub(crate) fn of_exec(exit: u8, message: impl Into<String>) -> Self {
        Self::new("exec", exit, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new("refused", 9, message)
    }

    pub(crate) fn weak_passphrase(message: impl Into<String>) -> Self {
        Self::new("weak_passphrase", 9, message)
    }

    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new("unexpected", 1, message)
    }

    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(crate) fn exit(&self) -> u8 {
        self.exit
    }

    /// Says it on stderr; with `--json`, the last line is one JSON object.
    pub(crate) fn print(&self, json: bool) {
        if self.message.is_empty() {
            return;
        }
        let mut text = format!("aumbry: {}\n", self.message);
        if let Some(advice) = &self.advice {
            let _ = writeln!(text, "  {advice}");
        }
        if json {
            let error = serde_json::json!({ "code": self.code, "exit": self.exit, "message": self.message });
            let _ = writeln!(text, "{}", serde_json::json!({ "error": error }));
        }
        // If even stderr is closed there is nobody left to tell.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    }
}

impl From<aumbry::Error> for Failure {
    fn from(error: aumbry::Error) -> Self {
        let (code, exit) = code(error.kind());
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = write!(message, ": {error}");
            cause = error.source();
        }
        Self { code, exit, message, advice: advice(error.kind()).map(Into::into) }
    }
}

/// The code word and the exit code of each kind. The man page lists them.
fn code(kind: ErrorKind) -> (&'static str, u8) {
    match kind {
        ErrorKind::InvalidName => ("invalid_name", 2),
        ErrorKind::ReservedName => ("reserved_name", 2),
        ErrorKind::TooLong => ("too_long", 2),
        ErrorKind::InvalidInput => ("invalid_input", 2),
        ErrorKind::NotFound => ("file_not_found", 3),
        ErrorKind::NotAFile => ("not_a_file", 3),
        ErrorKind::Io => ("io", 3),
        ErrorKind::StorageFull => ("storage_full", 3),
        ErrorKind::DurabilityUnknown => ("durability_unknown", 3),
        ErrorKind::WrongPassphrase => ("wrong_passphrase", 4),
        ErrorKind::Reopen => ("reopen", 4),
        ErrorKind::NoSuchRecord => ("not_found", 5),
        ErrorKind::NameTaken => ("name_taken", 7),
        ErrorKind::VaultExists => ("vault_exists", 7),
        ErrorKind::Conflict => ("conflict", 7),
        ErrorKind::Busy => ("busy", 7),
        ErrorKind::Damaged => ("damaged", 8),
        ErrorKind::NotAVault => ("not_a_vault", 8),
        ErrorKind::TooLarge => ("too_large", 8),
        ErrorKind::UnsupportedVersion => ("unsupported_version", 8),
        ErrorKind::Rollback => ("rollback", 8),
        ErrorKind::Fork => ("fork", 8),
        ErrorKind::VaultChanged => ("vault_changed", 8),
        ErrorKind::PinDamaged => ("pin_damaged", 8),
        ErrorKind::InvalidImport => ("invalid_import", 8),
        ErrorKind::NotAdministrator => ("not_administrator", 9),
        ErrorKind::Refused => ("refused", 9),
        _ => ("unexpected", 1),
    }
}

/// What to do next, where the message does not say it.
fn advice(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => "make a vault with `aumbry init`, or name another one with --vault",
        ErrorKind::WrongPassphrase => "a recovery code opens the vault too",
        ErrorKind::NotAdministrator => {
            "ask an administrator, or open the vault with an administrator's passphrase"
        }
        ErrorKind::Rollback | ErrorKind::Fork | ErrorKind::VaultChanged | ErrorKind::PinDamaged => {
            "if you know why, for instance because you restored a backup, add --accept-rollback"
        }
        ErrorKind::Damaged | ErrorKind::NotAVault => {
            "if you have a backup, bring it back with `aumbry restore FILE`"
        }
        ErrorKind::NoSuchRecord => "`aumbry list` shows the names",
        ErrorKind::StorageFull => "make room and try again",
        _ => return None,
    })
}
