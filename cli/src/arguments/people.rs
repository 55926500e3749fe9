//! What can be said about people.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::secrets::NewPassphrase;
use crate::passphrase::Sources;

#[derive(Subcommand)]
pub(crate) enum People {
    /// List who can open the vault
    #[command(after_help = "Example:\n  aumbry people list --json | jq -r '.[].label'")]
    List,
    /// Give somebody a way in of their own; nobody else's passphrase is needed
    #[command(
        after_help = "Examples:\n  aumbry people add reports --new-passphrase-file /run/secrets/reports     (an application, which reads)\n  aumbry people add bob --administrator"
    )]
    Add(Add),
    /// Take somebody's way in away
    #[command(
        after_help = "Examples:\n  aumbry people remove reports\n  aumbry people remove bob --rekey\n\nWho could read secrets may have copied them: change those at AWS. An administrator has also known the key that signs the vault, so removing one takes new keys and new passphrases for everybody (--rekey), unless nobody else has seen that passphrase or code (--keep-seed)."
    )]
    Remove(Remove),
    /// Give somebody a new passphrase, for instance one who forgot it
    #[command(after_help = "Example:\n  aumbry people passwd bob")]
    Passwd {
        /// Whose
        label: String,
        #[command(flatten)]
        new: NewPassphrase,
    },
    /// Make a recovery code, shown once: it opens the vault when a passphrase is forgotten
    #[command(
        name = "recovery-code",
        after_help = "Example:\n  aumbry people recovery-code --print | lpr\n\nA forgotten passphrase is replaced in two steps, the code being typed where the passphrase is asked for:\n  aumbry people list\n  aumbry people passwd LABEL\n\nA code that was made before opens the vault no more."
    )]
    RecoveryCode {
        /// A page to be printed and kept, instead of the bare code
        #[arg(long)]
        print: bool,
        /// Do not ask before an older code is replaced
        #[arg(long)]
        yes: bool,
    },
    /// Whether a recovery code still opens the vault; nothing is changed
    #[command(name = "recovery-check", after_help = "Example:\n  aumbry people recovery-check")]
    RecoveryCheck(RecoveryCheck),
}

#[derive(Args)]
pub(crate) struct Add {
    /// What they are called in this vault
    pub(crate) label: String,
    /// They read, and cannot write; the default
    #[arg(long, conflicts_with = "administrator")]
    pub(crate) reader: bool,
    /// They read, write, and manage people
    #[arg(long)]
    pub(crate) administrator: bool,
    #[command(flatten)]
    pub(crate) new: NewPassphrase,
}

#[derive(Args)]
pub(crate) struct Remove {
    /// Whose
    pub(crate) label: String,
    /// Make all keys new; only you stay, with a new passphrase
    #[arg(long, conflicts_with = "keep_seed")]
    pub(crate) rekey: bool,
    /// Keep the key that signs: nobody else has seen this passphrase or code
    #[arg(long)]
    pub(crate) keep_seed: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) new: NewPassphrase,
}

#[derive(Args)]
pub(crate) struct Rekey {
    /// Do not ask
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
