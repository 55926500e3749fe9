//! Where a passphrase comes from: the sources in the order of `aumbry --help`, never the command line.

use std::path::PathBuf;

use aumbry::{Passphrase, Weakness};
use subtle::ConstantTimeEq;

use crate::environment::{BACKUP_PASSPHRASE, NEW_PASSPHRASE, PASSPHRASE, Variables, set};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::secret::{self, SecretBytes};
use crate::terminal::Terminal;

/// One passphrase and where it may come from.
#[derive(Clone, Default)]
pub(crate) struct Sources {
    pub(crate) descriptor: Option<u32>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) command: Option<String>,
}

impl Sources {
    /// The source that an option names, otherwise the file or command that a variable names.
    fn or_environment(&self, variables: Variables) -> Outcome<Self> {
        if self.is_named() {
            return Ok(self.clone());
        }
        if let Some(path) = set(variables.file) {
            return Ok(Self { file: Some(path.into()), ..Self::default() });
        }
        let command = set(variables.command).map(|command| {
            command.into_string().map_err(|_| Failure::usage("the passphrase command is not UTF-8"))
        });
        Ok(Self { command: command.transpose()?, ..Self::default() })
    }

    /// The file, command or descriptor that gives the passphrase of a vault, if there is one.
    pub(crate) fn named(&self) -> Outcome<Self> {
        self.or_environment(PASSPHRASE)
    }

    /// Whether an option names a source.
    fn is_named(&self) -> bool {
        self.descriptor.is_some() || self.file.is_some() || self.command.is_some()
    }

    /// Whether the passphrase of a vault comes without being asked for.
    pub(crate) fn is_given(&self) -> bool {
        self.is_named() || PASSPHRASE.all().into_iter().any(|variable| set(variable).is_some())
    }

    /// The passphrase from an option or from the environment, if one of them is set.
    fn read(&self, variables: Variables) -> Outcome<Option<SecretBytes>> {
        match self.or_environment(variables)?.read_named()? {
            Some(passphrase) => Ok(Some(passphrase)),
            None => Ok(set(variables.value).map(|value| value.into_encoded_bytes().into())),
        }
    }

    /// The passphrase from an option, if one is given.
    fn read_named(&self) -> Outcome<Option<SecretBytes>> {
        match self {
            Self { descriptor: Some(number), .. } => secret::from_descriptor(*number).map(Some),
            Self { file: Some(path), .. } => secret::from_file(path).map(Some),
            Self { command: Some(command), .. } => secret::from_command(command).map(Some),
            Self { .. } => Ok(None),
        }
    }

    /// The passphrase of a vault, asked for on the terminal if no source gives it.
    pub(crate) fn passphrase(&self, may_ask: bool, prompt: &str) -> Outcome<Passphrase> {
        if let Some(bytes) = self.read(PASSPHRASE)? {
            return Ok(Passphrase::from(bytes.as_slice()));
        }
        let bytes = terminal(may_ask, "passphrase")?.ask_secret(prompt)?;
        Ok(Passphrase::from(bytes.as_slice()))
    }

    /// The passphrase of a backup, if a source gives one.
    pub(crate) fn backup_passphrase(&self) -> Outcome<Option<Passphrase>> {
        Ok(self.read(BACKUP_PASSPHRASE)?.map(|bytes| Passphrase::from(bytes.as_slice())))
    }

    /// A recovery code, asked for on the terminal if no source gives it.
    pub(crate) fn code(&self, may_ask: bool) -> Outcome<Passphrase> {
        let bytes = match self.read_named()? {
            Some(bytes) => bytes,
            None => terminal(may_ask, "recovery code")?.ask_secret("Recovery code: ")?,
        };
        Ok(Passphrase::from(bytes.as_slice()))
    }
}

/// A passphrase that is to be set.
pub(crate) struct Wanted<'a> {
    pub(crate) sources: Sources,
    /// For a new vault the ordinary sources will do.
    pub(crate) ordinary: Option<Sources>,
    pub(crate) may_ask: bool,
    pub(crate) allow_weak: bool,
    /// What an attacker knows: labels.
    pub(crate) known: &'a [&'a str],
}

impl Wanted<'_> {
    /// Tries its own sources, then the ordinary ones; otherwise asks twice. A passphrase that is easy to guess is refused.
    pub(crate) fn get(&self) -> Outcome<Passphrase> {
        let ordinary = || self.ordinary.as_ref().map(|sources| sources.read(PASSPHRASE)).transpose();
        let bytes = match self.sources.read(NEW_PASSPHRASE)? {
            Some(bytes) => Some(bytes),
            None => ordinary()?.flatten(),
        };
        if let Some(bytes) = bytes {
            let passphrase = Passphrase::from(bytes.as_slice());
            return self.check(&passphrase).map(|()| passphrase);
        }
        let mut terminal = terminal(self.may_ask, "new passphrase")?;
        let first = terminal.ask_secret("New passphrase: ")?;
        let passphrase = Passphrase::from(first.as_slice());
        self.check(&passphrase)?;
        let again = terminal.ask_secret("Again: ")?;
        if !bool::from(first.ct_eq(&again)) {
            return Err(Failure::usage("the two passphrases differ: nothing was changed"));
        }
        Ok(passphrase)
    }

    fn check(&self, passphrase: &Passphrase) -> Outcome {
        match passphrase.weakness(self.known) {
            // An empty one the vault refuses in words of its own.
            None | Some(Weakness::Short(0)) => Ok(()),
            Some(weakness) if self.allow_weak => {
                // Also with --quiet, because it is a warning.
                output::note(false, &format!("aumbry: warning: the new passphrase is weak: {weakness}"));
                Ok(())
            }
            Some(weakness) => Err(Failure::weak_passphrase(format!(
                "the new passphrase is weak: {weakness}"
            ))
            .advise("take four or five words that have nothing to do with each other; or add --allow-weak")),
        }
    }
}

/// Opens the terminal. The error says what to do without one.
pub(crate) fn terminal(may_ask: bool, what: &str) -> Outcome<Terminal> {
    let terminal = if may_ask { Terminal::open() } else { None };
    terminal.ok_or_else(|| {
        Failure::input_needed(format!("a {what} is needed, and there is no terminal to ask for it"))
            .advise("give it by a file, a descriptor or a command: see `aumbry --help`")
    })
}
