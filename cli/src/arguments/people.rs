//! Options of the commands about people.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::secrets::NewPassphrase;
use crate::passphrase::Sources;

#[derive(Subcommand)]
pub(crate) enum People {
    /// List who can open the vault
    #[command(after_help = "Example:\n  aumbry people list --json | jq -r '.[].label'")]
    List,
    /// Add a person with a passphrase of their own; the passphrases of the others are not needed
    #[command(
        after_help = "Examples:\n  aumbry people add reports --new-passphrase-file /run/secrets/reports     (an application that reads)\n  aumbry people add bob --administrator"
    )]
    Add(Add),
    /// Remove a person
    #[command(
        after_help = "Examples:\n  aumbry people remove reports\n  aumbry people remove bob --rekey\n\nA person who could read secrets may have copied them: change them at AWS. An administrator also knew the key that signs the vault. Therefore removing an administrator requires new keys and new passphrases for all people (--rekey), unless no other person has seen that passphrase or code (--keep-seed)."
    )]
    Remove(Remove),
    /// Give a person a new passphrase, for instance because it was forgotten
    #[command(after_help = "Example:\n  aumbry people passwd bob")]
    Passwd {
        /// The person's label
        label: String,
        #[command(flatten)]
        new: NewPassphrase,
    },
    /// Make a recovery code, shown only once, which opens the vault if a passphrase is forgotten
    #[command(
        name = "recovery-code",
        after_help = "Example:\n  aumbry people recovery-code --print | lpr\n\nTo replace a forgotten passphrase, type the code where these commands ask for the passphrase:\n  aumbry people list\n  aumbry people passwd LABEL\n\nAn older code no longer opens the vault."
    )]
    RecoveryCode {
        /// Print a page to keep, instead of the bare code
        #[arg(long)]
        print: bool,
        /// Do not ask before replacing an older code
        #[arg(long)]
        yes: bool,
    },
    /// Check whether a recovery code still opens the vault, without changing anything
    #[command(name = "recovery-check", after_help = "Example:\n  aumbry people recovery-check")]
    RecoveryCheck(RecoveryCheck),
}

#[derive(Args)]
pub(crate) struct Add {
    /// Their name in this vault
    pub(crate) label: String,
    /// Let them read, but not write; the default
    #[arg(long, conflicts_with = "administrator")]
    pub(crate) reader: bool,
    /// Let them read, write and manage people
    #[arg(long)]
    pub(crate) administrator: bool,
    #[command(flatten)]
    pub(crate) new: NewPassphrase,
}

#[derive(Args)]
pub(crate) struct Remove {
    /// The person's label
    pub(crate) label: String,
    /// Replace all keys: only you stay, with a new passphrase
    #[arg(long, conflicts_with = "keep_seed")]
    pub(crate) rekey: bool,
    /// Keep the signing key, because no other person has seen this passphrase or code
    #[arg(long)]
    pub(crate) keep_seed: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) new: NewPassphrase,
}

#[derive(Args)]
pub(crate) struct Rekey {
    /// Do not ask for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) new: NewPassphrase,
}

#[derive(Args)]
pub(crate) struct RecoveryCheck {
    /// Read the code from this open file descriptor
    #[arg(long, value_name = "N", group = "code")]
    code_fd: Option<u32>,
    /// Read the code from this file
    #[arg(long, value_name = "PATH", group = "code")]
    code_file: Option<PathBuf>,
    /// Read the code from what this shell command prints
    #[arg(long, value_name = "CMD", group = "code")]
    code_command: Option<String>,
}

impl RecoveryCheck {
    pub(crate) fn sources(&self) -> Sources {
        Sources { descriptor: self.code_fd, file: self.code_file.clone(), command: self.code_command.clone() }
    }
}
