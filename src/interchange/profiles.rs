//! The shared files of the AWS command line and SDKs, `~/.aws/credentials` and `~/.aws/config`: records read out of
//! them, records written to one, and one profile of a config file edited in place.
//!
//! ```
//! use aumbry::aws::profiles::{self, FileKind};
//!
//! let credentials = b"[s3-uploads]
//! aws_access_key_id = AKIAIOSFODNN7EXAMPLE
//! aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
//! ";
//! let config = b"[profile s3-uploads]
//! region = eu-central-1
//!
//! [profile administrator]
//! role_arn = arn:aws:iam::123456789012:role/administrator
//! ";
//! let import = profiles::parse(&[(FileKind::Credentials, credentials), (FileKind::Config, config)])?;
//! assert_eq!(import.drafts.len(), 1); // to be handed to Edit::add, one by one
//! let skipped = "the profile \"administrator\" was skipped: it assumes a role (role_arn)";
//! assert_eq!(import.skipped[0].to_string(), skipped);
//! # Ok::<(), aumbry::Error>(())
//! ```
//!
//! # The grammar
//! As AWS describes it in [Shared config and credentials files][format], and in the vectors that its SDKs test their
//! parsers with (`profile-parser-tests.json`; `interop/` runs them all). Where both are silent, as the command line
//! (botocore) has it: indented comments, names in quotes or with spaces.
//!
//! * `[name]` begins a profile in the credentials file, `[profile name]` or `[default]` in the config file. White space
//!   around names is dropped; in the config file a name may stand in quotes, as the command line writes it when it has
//!   spaces. Other sections (`[sso-session …]`, `[services …]`) are passed over. Sections of one name are one profile.
//!   `[profile default]` displaces `[default]`.
//! * `key = value`. The case of keys is of no account; white space (blanks and tabs) around both is dropped. Of a key
//!   that stands twice the last one counts. Keys of other characters than ASCII letters, digits and `_-/.%@:+` are
//!   passed over.
//! * There is no quoting and no escape: quotes and backslashes belong to the value. So do `#` and `;`, unless white
//!   space stands before them: then they begin a comment. After a section they always do. A line that begins with
//!   one, indented or not, is a comment.
//! * An indented line continues the property before it. After an empty value the indented lines are properties nested
//!   in it, such as those of `s3 =`. Both are longer than a line, and no record has a place for them: they are
//!   passed over, and a key of such a form is refused.
//! * The text is UTF-8, with or without a byte-order mark; lines end with `\n` or `\r\n`.
//!
//! # Of several files
//! A profile is what all of them say of it. Of two values the credentials file's counts, else the later file's
//! ([Precedence of settings][precedence]). The key pair and its token come from one file together: SDKs that merge them
//! one by one can pair a key with another key's token.
//!
//! [format]: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
//! [precedence]: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html

mod edit;
mod grammar;
mod import;
mod render;
mod stronger;

use std::fmt;
use std::path::Path;

use self::import::Source;
use super::plaintext::read_all;
use crate::credentials::NewRecord;
use crate::error::{Result, quoted};

pub use edit::set_properties;
pub use render::render;
pub use stronger::{Stronger, stronger_than_process};

/// Which of the two shared files a text is: they name their sections differently.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FileKind {
    /// `~/.aws/credentials`, where a profile's section is `[name]`.
    Credentials,
    /// `~/.aws/config`, where it is `[profile name]`.
    Config,
}

impl FileKind {
    /// What a file is by its name, `credentials` or `config`; under another name by its content: sections of
    /// two words, such as `[profile name]`, stand in config files only.
    #[must_use]
    pub fn of(path: impl AsRef<Path>, content: &[u8]) -> Self {
        match path.as_ref().file_name().and_then(|name| name.to_str()) {
            Some("credentials") => Self::Credentials,
            Some("config") => Self::Config,
            _ if grammar::has_config_sections(content) => Self::Config,
            _ => Self::Credentials,
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials => "credentials file",
            Self::Config => "config file",
        })
    }
}

/// What profiles came to. Nothing is added to a vault here: hand each draft to [`Edit::add`](crate::Edit::add).
#[derive(Debug)]
#[non_exhaustive]
pub struct Import {
    /// The profiles with a key of their own, in the order in which the files first name them. Each is called as its
    /// profile is; its other properties (`region`, `endpoint_url`, …) are attributes, keys in lower case.
    pub drafts: Vec<NewRecord>,
    /// The profiles without one, in the same order.
    pub skipped: Vec<Skipped>,
}

/// A profile that makes no record.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// Its name as the file has it.
    pub profile: String,
    /// Why it makes none.
    pub reason: SkipReason,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the profile {} was skipped: {}", quoted(&self.profile), self.reason)
    }
}

/// Why a profile makes no record: where its credentials come from instead.
///
/// The properties are those of AWS's [settings reference][settings].
///
/// [settings]: https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SkipReason {
    /// It assumes a role with a token that a file holds: `web_identity_token_file`.
    WebIdentity,
    /// It assumes a role: `role_arn`.
    Role,
    /// It borrows the key of another profile: `source_profile`.
    SourceProfile,
    /// It signs in at IAM Identity Center: `sso_session`, `sso_start_url`, ….
    SingleSignOn,
    /// It asks a program: `credential_process`.
    CredentialProcess,
    /// It signs in with the console's session: `login_session`.
    Login,
    /// It holds no key, and does not say where to find one.
    NoKey,
    /// It holds a key, but under a section that AWS does not read: `[profile name]` in a credentials file, `[name]` in
    /// a config file, or `[default]` beside `[profile default]`.
    NotRead,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WebIdentity => "it assumes a role with a token from a file (web_identity_token_file)",
            Self::Role => "it assumes a role (role_arn)",
            Self::SourceProfile => "it uses the key of another profile (source_profile)",
            Self::SingleSignOn => "it signs in at IAM Identity Center (sso_…)",
            Self::CredentialProcess => "it asks a program for its key (credential_process)",
            Self::Login => "it signs in with the console's session (login_session)",
            Self::NoKey => "it holds no key",
            Self::NotRead => "its key stands in a section that AWS does not read in such a file",
        })
    }
}

/// Reads shared files, which may also be pipes. What each of them is, [`FileKind::of`] tells.
///
/// The files stay where they are; remove the keys from them once the vault is backed up.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`NotAFile`](crate::ErrorKind::InvalidFile) or
/// [`Io`](crate::ErrorKind::Io) if a file cannot be read, [`TooLarge`](crate::ErrorKind::InvalidFile) beyond 16 MiB,
/// and as [`parse`].
pub fn read<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Import> {
    let mut files = Vec::new();
    for path in paths {
        let content = read_all(path.as_ref(), "credentials or config file of AWS")?;
        files.push((path, content));
    }
    let sources = files.iter().map(|(path, content)| {
        let shown = quoted(&path.as_ref().to_string_lossy());
        Source::new(FileKind::of(path, content), shown, content)
    });
    import::import(&sources.collect::<Result<Vec<_>>>()?)
}

/// Reads the contents of shared files.
///
/// An empty key or token counts as none. A token (`aws_session_token`, or `aws_security_token` of old) makes a session.
///
/// All or nothing: one line that is not understood, or one profile with half of a key pair, refuses all of them.
///
/// # Errors
/// [`InvalidImport`](crate::ErrorKind::InvalidFile), naming the file, the line and the rule that it breaks, never
/// its content.
pub fn parse(files: &[(FileKind, &[u8])]) -> Result<Import> {
    import::import(&Source::all(files)?)
}
