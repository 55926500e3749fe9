//! Why a command failed, for people and for programs: an exit code, a code word, a message, a line of advice.

mod code;

use std::error::Error as _;
use std::fmt::Write as _;

use aumbry::ErrorKind;

pub(crate) use code::{CODES, Code, EXITS};

/// A command that did not do what was asked.
pub(crate) struct Failure {
    code: Code,
    message: String,
    advice: Option<String>,
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), advice: None }
    }

    /// Nothing to say, and no failure to anybody who still listens.
    pub(crate) fn silent() -> Self {
        Self::new(Code { word: "", exit: 0, meaning: "" }, "")
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(code::USAGE, message)
    }

    pub(crate) fn io(message: impl Into<String>, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let full = matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
        Self::new(if full { code::STORAGE_FULL } else { code::IO }, format!("{}: {error}", message.into()))
    }

    /// A file could not be read.
    pub(crate) fn reading(path: &std::path::Path, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => code::NOT_FOUND,
            std::io::ErrorKind::IsADirectory => code::INVALID_FILE,
            _ => code::IO,
        };
        Self::new(code, format!("could not read {}: {error}", path.display()))
    }

    pub(crate) fn too_long(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_INPUT, message)
    }

    /// Something that is shown once was not shown.
    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self::new(code::IO, message)
    }

    pub(crate) fn no_such_record(message: impl Into<String>) -> Self {
        Self::new(code::NO_SUCH_RECORD, message)
    }

    pub(crate) fn no_such_person(message: impl Into<String>) -> Self {
        Self::new(code::NO_SUCH_PERSON, message)
    }

    pub(crate) fn no_such_field(message: impl Into<String>) -> Self {
        Self::new(code::NO_SUCH_FIELD, message)
    }

    pub(crate) fn already_exists(message: impl Into<String>) -> Self {
        Self::new(code::ALREADY_EXISTS, message)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(code::EXPIRED, message)
    }

    /// Something must be typed, and there is no terminal.
    pub(crate) fn input_needed(message: impl Into<String>) -> Self {
        Self::new(code::INPUT_NEEDED, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(code::CONFLICT, message)
    }

    /// As a shell says it: 127.
    pub(crate) fn no_program(message: impl Into<String>) -> Self {
        Self::new(code::NO_PROGRAM, message)
    }

    /// As a shell says it: 126.
    pub(crate) fn not_runnable(message: impl Into<String>) -> Self {
        Self::new(code::NOT_RUNNABLE, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(code::REFUSED, message)
    }

    pub(crate) fn weak_passphrase(message: impl Into<String>) -> Self {
        Self::new(code::WEAK_PASSPHRASE, message)
    }

    /// AWS was not reached, or did not do what it does.
    #[cfg(feature = "aws")]
    pub(crate) fn network(message: impl Into<String>) -> Self {
        Self::new(code::NETWORK, message)
    }

    #[cfg(feature = "aws")]
    pub(crate) fn bad_answer(message: impl Into<String>) -> Self {
        Self::new(code::BAD_ANSWER, message)
    }

    #[cfg(feature = "aws")]
    pub(crate) fn aws_refused(message: impl Into<String>) -> Self {
        Self::new(code::AWS_REFUSED, message)
    }

    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(code::UNEXPECTED, message)
    }

    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same of a file: its message begins with the name.
    pub(crate) fn of(mut self, file: &str) -> Self {
        self.message = format!("{file}: {}", self.message);
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The code, by which programs tell it from others.
    #[cfg(feature = "aws")]
    pub(crate) fn word(&self) -> &'static str {
        self.code.word
    }

    pub(crate) fn exit(&self) -> u8 {
        self.code.exit
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
        say(&text);
        if json {
            self.print_json();
        }
    }

    /// What programs read: one object on the last line of stderr.
    pub(crate) fn print_json(&self) {
        let Code { word, exit, .. } = self.code;
        let error = serde_json::json!({ "code": word, "exit": exit, "message": self.message });
        say(&format!("{}\n", serde_json::json!({ "error": error })));
    }
}

fn say(text: &str) {
    // If stderr is closed too, the message cannot be shown anywhere.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}

impl From<aumbry::Error> for Failure {
    fn from(error: aumbry::Error) -> Self {
        let kind = error.kind();
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = write!(message, ": {error}");
            cause = error.source();
        }
        Self { code: code::of(kind), message, advice: advice(kind).map(Into::into) }
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
        ErrorKind::RevisionRefused(_) => {
            "if you know why, for instance because you restored a backup, add --accept-rollback"
        }
        ErrorKind::Damaged => "if you have a backup, bring it back with `aumbry restore FILE`",
        ErrorKind::NoSuchRecord => "`aumbry list` shows the names",
        ErrorKind::StorageFull => "make room and try again",
        _ => return None,
    })
}
