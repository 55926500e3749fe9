//! Options that say where a secret comes from.

use std::path::PathBuf;

use clap::Args;

use crate::passphrase::Sources;

/// Where a new passphrase comes from.
#[derive(Args)]
pub(crate) struct NewPassphrase {
    /// Read the new passphrase from this open file descriptor
    #[arg(long, value_name = "N", group = "new")]
    new_passphrase_fd: Option<u32>,
    /// Read the new passphrase from this file
    #[arg(long, value_name = "PATH", group = "new")]
    new_passphrase_file: Option<PathBuf>,
    /// Read the new passphrase from what this shell command prints
    #[arg(long, value_name = "CMD", group = "new")]
    new_passphrase_command: Option<String>,
    /// Accept a new passphrase that is easy to guess
    #[arg(long)]
    pub(crate) allow_weak: bool,
}

impl NewPassphrase {
    pub(crate) fn sources(&self) -> Sources {
        Sources {
            descriptor: self.new_passphrase_fd,
            file: self.new_passphrase_file.clone(),
            command: self.new_passphrase_command.clone(),
        }
    }
}

/// Where a secret access key comes from.
#[derive(Args)]
pub(crate) struct SecretSource {
    /// Read the secret access key from this open file descriptor
    #[arg(long, value_name = "N", group = "secret")]
    pub(crate) secret_fd: Option<u32>,
    /// Read the secret access key from this file
    #[arg(long, value_name = "PATH", group = "secret")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Read key id, secret, token and expiry from a credential_process document; - is stdin
    #[arg(long, value_name = "FILE", group = "secret")]
    pub(crate) from_json: Option<PathBuf>,
}

/// Where the passphrase of a backup comes from, if it differs from that of the vault.
#[derive(Args)]
pub(crate) struct BackupPassphrase {
    /// Read the backup's passphrase, if it differs, from this open file descriptor
    #[arg(long, value_name = "N", group = "backup")]
    backup_passphrase_fd: Option<u32>,
    /// Read it from this file
    #[arg(long, value_name = "PATH", group = "backup")]
    backup_passphrase_file: Option<PathBuf>,
    /// Read it from what this shell command prints
    #[arg(long, value_name = "CMD", group = "backup")]
    backup_passphrase_command: Option<String>,
}

impl BackupPassphrase {
    pub(crate) fn sources(&self) -> Sources {
        Sources {
            descriptor: self.backup_passphrase_fd,
            file: self.backup_passphrase_file.clone(),
            command: self.backup_passphrase_command.clone(),
        }
    }
}
