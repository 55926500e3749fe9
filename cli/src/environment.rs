//! The environment variables that aumbry reads for passphrases, and how they are kept from programs that it runs.

use std::ffi::OsString;
use std::process::Command;

/// The three variables of one passphrase, in the order in which they are tried.
#[derive(Clone, Copy)]
pub(crate) struct Variables {
    /// Names a file.
    pub(crate) file: &'static str,
    /// A shell command.
    pub(crate) command: &'static str,
    /// The passphrase itself.
    pub(crate) value: &'static str,
}

impl Variables {
    pub(crate) fn all(self) -> [&'static str; 3] {
        [self.file, self.command, self.value]
    }
}

/// The passphrase of the vault.
pub(crate) const PASSPHRASE: Variables = Variables {
    file: "AUMBRY_PASSPHRASE_FILE",
    command: "AUMBRY_PASSPHRASE_COMMAND",
    value: "AUMBRY_PASSPHRASE",
};

/// A new passphrase.
pub(crate) const NEW_PASSPHRASE: Variables = Variables {
    file: "AUMBRY_NEW_PASSPHRASE_FILE",
    command: "AUMBRY_NEW_PASSPHRASE_COMMAND",
    value: "AUMBRY_NEW_PASSPHRASE",
};

/// The passphrase of a backup.
pub(crate) const BACKUP_PASSPHRASE: Variables = Variables {
    file: "AUMBRY_BACKUP_PASSPHRASE_FILE",
    command: "AUMBRY_BACKUP_PASSPHRASE_COMMAND",
    value: "AUMBRY_BACKUP_PASSPHRASE",
};

/// The vault.
pub(crate) const VAULT: &str = "AUMBRY_VAULT";

/// Returns the value of a variable; an empty one counts as not set.
pub(crate) fn set(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

/// Removes the passphrases from the environment of a program.
pub(crate) fn hide_from_child(command: &mut Command) {
    for variables in [PASSPHRASE, NEW_PASSPHRASE, BACKUP_PASSPHRASE] {
        command.env_remove(variables.value);
    }
}
