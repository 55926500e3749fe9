//! The command line: commands, options and their help.

#[cfg(feature = "aws")]
pub(crate) mod clients;
pub(crate) mod online;
pub(crate) mod people;
pub(crate) mod secrets;
pub(crate) mod transfer;

use std::path::PathBuf;

use clap::builder::TypedValueParser as _;
use clap::{Args, Parser, Subcommand, ValueEnum};

use self::secrets::{BackupPassphrase, NewPassphrase, SecretSource};
use crate::environment::VAULT;
use crate::failure::EXITS;
use crate::passphrase::Sources;

/// Each paragraph is one line, because clap wraps to the width of the terminal.
const SOURCES_HELP: &str = "\
Where the passphrase comes from, first found:
  --passphrase-fd N, --passphrase-file P, --passphrase-command CMD
  AUMBRY_PASSPHRASE_FILE, AUMBRY_PASSPHRASE_COMMAND, AUMBRY_PASSPHRASE
  the terminal, which does not show it

The command line is never a source, because every user of the machine can read it. AUMBRY_PASSPHRASE is readable in \
/proc/PID/environ by programs of the same user: prefer a file, a descriptor or a command. One final line end is not \
part of a passphrase. A recovery code is accepted wherever a passphrase is.";

/// The meaning of the exit codes, for the end of the help.
fn exits() -> String {
    let lines = EXITS.iter().map(|(exit, meaning)| format!("\n  {exit}  {meaning}"));
    format!(
        "Exit codes:{}\n`aumbry man` has more: every error code, environment, files, JSON.",
        lines.collect::<String>()
    )
}

/// AWS credentials in one sealed file: unlocked by a passphrase, looked up by name.
#[derive(Parser)]
#[command(
    name = "aumbry",
    version,
    arg_required_else_help = true,
    after_long_help = format!("To start:\n  aumbry init\n  aumbry import ~/Downloads/anna_accessKeys.csv --name s3-uploads\n  \
        aumbry exec s3-uploads -- aws s3 ls\n\n{SOURCES_HELP}\n\n{}", exits())
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The vault [default: $XDG_DATA_HOME/aumbry/default.aumbry]
    #[arg(
        long,
        value_name = "PATH",
        env = VAULT,
        global = true,
        value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from)
    )]
    pub(crate) vault: Option<PathBuf>,
    /// Results as JSON on stdout, errors as JSON in the last line of stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print only results and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print who opened the vault, and how long that took
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Never ask on the terminal: fail with exit code 6 instead
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Use colours on a terminal [default: auto, which respects NO_COLOR]
    #[arg(long, value_enum, default_value_t, hide_default_value = true, global = true)]
    pub(crate) color: Color,
    /// Accept a vault that is older than the one that this machine saw last, or another one
    #[arg(long, global = true)]
    pub(crate) accept_rollback: bool,
    /// Open the vault only in this role, without trying the key slots of the other role
    #[arg(long, value_enum, global = true)]
    pub(crate) role: Option<Role>,
    /// Read the passphrase from this open file descriptor
    #[arg(long, value_name = "N", global = true, group = "passphrase")]
    passphrase_fd: Option<u32>,
    /// Read the passphrase from this file
    #[arg(long, value_name = "PATH", global = true, group = "passphrase")]
    passphrase_file: Option<PathBuf>,
    /// Read the passphrase from what this shell command prints
    #[arg(long, value_name = "CMD", global = true, group = "passphrase")]
    passphrase_command: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    Administrator,
    Reader,
}

impl From<Role> for aumbry::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Administrator => Self::Administrator,
            Role::Reader => Self::Reader,
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, ValueEnum)]
pub(crate) enum Color {
    /// Unless NO_COLOR is set
    #[default]
    Auto,
    /// Even if NO_COLOR is set
    Always,
    /// Without colours
    Never,
}

impl Global {
    pub(crate) fn passphrase(&self) -> Sources {
        Sources {
            descriptor: self.passphrase_fd,
            file: self.passphrase_file.clone(),
            command: self.passphrase_command.clone(),
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create a vault
    #[command(
        after_help = "Example:\n  aumbry init --label anna --recovery-code\n\nWrite the recovery code down: it is shown only once, and opens the vault if the passphrase is forgotten."
    )]
    Init(Init),
    /// Add a record
    #[command(
        after_help = "Example, which asks for the key id and the secret:\n  aumbry add s3-uploads --region eu-central-1\n\nFrom another program:\n  aws configure export-credentials | aumbry add s3-uploads --from-json -"
    )]
    Add(Add),
    /// List records, without their secrets
    #[command(after_help = "Example:\n  aumbry list team-a/\n  aumbry list --json | jq -r '.[].name'")]
    List {
        /// List only names with this prefix
        prefix: Option<String>,
        /// List only records of this kind: static or session
        #[arg(long)]
        provider: Option<aumbry::Provider>,
    },
    /// Show one record, with its secret only if --reveal is given
    #[command(after_help = "Example:\n  aumbry show s3-uploads")]
    Show {
        /// The record
        name: String,
        /// Show the secret too
        #[arg(long)]
        reveal: bool,
    },
    /// Print one field of a record, by default its secret access key
    #[command(
        after_help = "Example:\n  aumbry get s3-uploads | pbcopy\n  aumbry get s3-uploads --field region"
    )]
    Get {
        /// The record
        name: String,
        /// secret-access-key, session-token, access-key-id, expires, or the key of an attribute
        #[arg(long, default_value = "secret-access-key")]
        field: String,
        /// Print no line end after the value
        #[arg(short = 'n')]
        no_newline: bool,
    },
    /// Change fields of a record, all in one commit
    #[command(
        after_help = "Examples:\n  aumbry edit s3-uploads region=us-east-1 description=        (empty clears)\n  aumbry edit s3-uploads access-key-id=AKIAI44QH8DHBEXAMPLE --secret-file new-key"
    )]
    Edit(Edit),
    /// Give a record another name
    #[command(after_help = "Example:\n  aumbry rename s3-uploads team-a/s3-uploads")]
    Rename {
        /// The current name
        old: String,
        /// The new name
        new: String,
    },
    /// Remove a record
    #[command(after_help = "Example:\n  aumbry remove s3-uploads")]
    Remove {
        /// The record
        name: String,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Import records from files of other programs, all or none
    #[command(
        after_help = "Examples:\n  aumbry import ~/Downloads/anna_accessKeys.csv --name s3-uploads\n  aumbry import ~/.aws/credentials ~/.aws/config --dry-run\n  aws configure export-credentials | aumbry import - --name s3-uploads\n\nProfiles without a key of their own (those that assume a role, sign in, or ask a program) are skipped, and listed with the reason. The files are not changed: remove the keys from them once the vault is backed up."
    )]
    Import(transfer::Import),
    /// Write records with their secrets in plaintext
    #[command(
        after_help = "Examples:\n  aumbry export --format json --plaintext -o vault.json\n  aumbry export s3-uploads --format env --plaintext -o s3-uploads.env\n\n`docker run --env-file`, EnvironmentFile= of systemd and a shell can read the second file. The export fails if they would read a value differently."
    )]
    Export(transfer::Export),
    /// Print a record as AWS clients expect it from a credential_process
    #[command(
        name = "credential-process",
        after_help = "In ~/.aws/config (`aumbry aws-config NAME --write` writes it):\n  [profile uploads]\n  credential_process = /usr/local/bin/aumbry credential-process s3-uploads"
    )]
    CredentialProcess {
        /// The record
        name: String,
        /// Accept a session that has expired
        #[arg(long)]
        allow_expired: bool,
    },
    /// Print the profile through which AWS clients use a record, or write it to ~/.aws/config
    #[command(
        name = "aws-config",
        after_help = "Example:\n  aumbry aws-config s3-uploads --profile uploads --passphrase-command 'pass aumbry' --write\n  aws --profile uploads s3 ls\n\nThe profile names the vault and the passphrase source of this call, including a file or a command that the environment names. Everything else in the file stays as it is. A warning says if AWS clients would use another key for the profile."
    )]
    AwsConfig(AwsConfig),
    /// Print a record as commands for a shell
    #[command(after_help = "Example:\n  eval \"$(aumbry env s3-uploads)\"")]
    Env {
        /// The record
        name: String,
        /// The shell
        #[arg(long, value_enum, default_value_t)]
        shell: Shell,
        /// Accept a session that has expired
        #[arg(long)]
        allow_expired: bool,
    },
    /// Run a program with a record in its environment
    #[command(
        after_help = "Example:\n  aumbry exec s3-uploads -- aws s3 ls\n\nThe exit code is that of the program, or 126 or 127 if it could not be run. The program starts with core dumps disabled, because they would contain the secret. To enable them: aumbry exec s3-uploads -- sh -c 'ulimit -c unlimited; exec program'"
    )]
    Exec {
        /// The record
        name: String,
        /// Accept a session that has expired
        #[arg(long)]
        allow_expired: bool,
        /// The program and its arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<std::ffi::OsString>,
    },
    /// Replace the key of a record at AWS, and delete the old one; the record must have a key of an IAM user
    #[cfg(feature = "aws")]
    #[command(after_help = online::ROTATE_HELP)]
    Rotate(online::Rotate),
    /// Serve records to AWS clients over HTTP, as containers get them
    #[cfg(feature = "aws")]
    #[command(after_help = clients::SERVE_HELP)]
    Serve(clients::Serve),
    /// Sign a request with a record, for curl and similar programs
    #[cfg(feature = "aws")]
    #[command(after_help = clients::SIGN_HELP)]
    Sign(clients::Sign),
    /// Change your own passphrase
    #[command(
        after_help = "Example:\n  aumbry passwd\n\nEvery record is sealed again under a new key; the other people keep their passphrases. If another person may know the old passphrase and you are an administrator, use `aumbry rekey` instead."
    )]
    Passwd {
        #[command(flatten)]
        new: NewPassphrase,
    },
    /// Manage who can open the vault
    #[command(
        subcommand,
        after_help = "Example:\n  aumbry people add reports       (a reader: an application, say)\n  aumbry people list"
    )]
    People(people::People),
    /// Replace all keys of the vault: afterwards only you can open it, with a new passphrase
    #[command(
        after_help = "Example:\n  aumbry rekey\n\nUse it when an administrator leaves, or when others may know an administrator's passphrase. All other people must be added again, each with a passphrase that was never used in this vault, and a new recovery code must be made."
    )]
    Rekey(people::Rekey),
    /// Show what is known about a vault without a passphrase
    #[command(after_help = "Example:\n  aumbry info --json")]
    Info,
    /// Check the whole vault and open every record
    #[command(after_help = "Example:\n  aumbry verify && aumbry backup /media/usb/vault.aumbry")]
    Verify,
    /// Check the whole vault and copy it, still sealed, to a new file
    #[command(
        after_help = "Example:\n  aumbry backup /media/usb/vault-2026-11.aumbry\n\nA backup opens like the vault itself: aumbry --vault /media/usb/vault-2026-11.aumbry list"
    )]
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Restore the records of a backup
    #[command(
        after_help = "Example:\n  aumbry restore /media/usb/vault-2026-11.aumbry\n\nA vault that opens keeps its people and passphrases and gets the records of the backup as a new revision. A vault that is missing or damaged is replaced by the backup with the people of that time; the damaged file is kept beside it. A reader cannot sign a new revision, and can only put the old file back, with --accept-rollback."
    )]
    Restore(Restore),
    /// Check permissions, pin, memory, key derivation and plaintext files, and say what to improve
    #[command(after_help = online::DOCTOR_HELP)]
    Doctor(online::Doctor),
    /// Write a completion script for a shell
    #[command(
        after_help = "Example:\n  aumbry completions bash > ~/.local/share/bash-completion/completions/aumbry"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page
    #[command(after_help = "Example:\n  aumbry man > ~/.local/share/man/man1/aumbry.1")]
    Man,
}

#[derive(Args)]
pub(crate) struct AwsConfig {
    /// The record
    pub(crate) name: String,
    /// The name of the profile [default: the name of the record]
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// The region of the profile
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Write it to ~/.aws/config, or to the file that AWS_CONFIG_FILE names
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Clone, Copy, Default, PartialEq, ValueEnum)]
pub(crate) enum Shell {
    /// For sh, bash and zsh
    #[default]
    Sh,
    /// For fish
    Fish,
    /// For PowerShell
    Powershell,
}

#[derive(Args)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// Do not ask for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) passphrase: BackupPassphrase,
}

#[derive(Args)]
pub(crate) struct Init {
    /// Your name in this vault
    #[arg(long, value_name = "ME", default_value = "owner")]
    pub(crate) label: String,
    /// The cost of a guess at the passphrase, such as m=64MiB,t=3,p=4
    #[arg(long, value_name = "PARAMETERS", conflicts_with = "kdf_target")]
    pub(crate) kdf: Option<String>,
    /// Choose that cost so that unlocking takes this long on this machine, such as 500ms
    #[arg(long, value_name = "TIME")]
    pub(crate) kdf_target: Option<String>,
    /// Make a recovery code too, and print it once
    #[arg(long)]
    pub(crate) recovery_code: bool,
    #[command(flatten)]
    pub(crate) new: NewPassphrase,
}

#[derive(Args)]
pub(crate) struct Add {
    /// The name of the record: unique, up to 1024 bytes
    pub(crate) name: String,
    /// The access key id, such as AKIAIOSFODNN7EXAMPLE [default: asked for on the terminal]
    #[arg(long, value_name = "ID", conflicts_with = "from_json")]
    pub(crate) access_key_id: Option<String>,
    /// The AWS region to sign for
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// The endpoint to use instead of AWS's own
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// Any further field; may be given several times
    #[arg(long = "attribute", value_name = "KEY=VALUE")]
    pub(crate) attributes: Vec<String>,
    #[command(flatten)]
    pub(crate) secret: SecretSource,
}

#[derive(Args)]
pub(crate) struct Edit {
    /// The record
    pub(crate) name: String,
    /// region, endpoint-url, access-key-id, expires, description, or any attribute; `FIELD=` clears it
    #[arg(value_name = "FIELD=VALUE")]
    pub(crate) fields: Vec<String>,
    #[command(flatten)]
    pub(crate) secret: SecretSource,
}
