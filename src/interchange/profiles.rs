//! The shared files of the AWS CLI and SDKs, `~/.aws/credentials` and `~/.aws/config`: parsed into records, written from
//! records, and one profile of a config file edited in place.
//!
//! ```
//! use aumbry::interchange::profiles::{self, FileKind};
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
//! assert_eq!(import.records.len(), 1); // pass each record to Edit::add
//! let skipped = "the profile \"administrator\" was skipped: it assumes a role (role_arn)";
//! assert_eq!(import.skipped[0].to_string(), skipped);
//! # Ok::<(), aumbry::Error>(())
//! ```
//!
//! # The grammar
//! Sources: AWS's [Shared config and credentials files][format], and the vectors with which the AWS SDKs test their
//! parsers (`profile-parser-tests.json`; `interop/` runs all of them). Where both say nothing (indented comments, names
//! in quotes or with spaces), this parser does the same as the AWS CLI (botocore).
//!
//! * `[name]` begins a profile in the credentials file, `[profile name]` or `[default]` in the config file. White space
//!   around names is removed. In the config file a name can be in quotes; the AWS CLI writes it so if it contains spaces.
//!   Other sections (`[sso-session …]`, `[services …]`) are ignored. Sections with the same name are one profile.
//!   `[profile default]` replaces `[default]`.
//! * `key = value`. Keys are compared without case. White space (spaces and tabs) around both is removed. If a key occurs
//!   twice, the last one counts. Keys with other characters than ASCII letters, digits and `_-/.%@:+` are ignored.
//! * There are no quotes and no escapes: quotes and backslashes belong to the value. So do `#` and `;`, except after white
//!   space, where they begin a comment. After a section they always do. A line that begins with one of them, indented or
//!   not, is a comment.
//! * An indented line continues the property before it. After an empty value, the indented lines are properties nested
//!   in it, such as those of `s3 =`. Neither fits into an attribute of a record, so both are ignored; a key pair that
//!   is continued is refused.
//! * The text is UTF-8, with or without a byte order mark. Lines end with `\n` or `\r\n`.
//!
//! # Several files
//! A profile combines the properties from all files. If two files set the same property, the credentials file counts,
//! otherwise the later file ([Precedence of settings][precedence]). The key pair and its token come from the same file:
//! SDKs that merge them one by one can pair a key with the token of another key.
//!
//! [format]: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
//! [precedence]: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html

mod edit;
mod grammar;
mod import;
mod render;
mod section;
mod stronger;

use std::path::Path;

use self::import::{Source, import};
use super::import::Import;
use super::importer::Importer;
use super::text::input::read_all;
use crate::error::{Result, quoted};

pub use edit::set_properties;
pub use render::render;
pub use section::FileKind;
pub use stronger::{Stronger, stronger_than_process};

pub(super) const IMPORTER: Importer = Importer {
    // The last format in the table: any text can be a file of profiles.
    recognises: |_| true,
    parse: |content, _| parse(&[(FileKind::of_content(content), content)]),
};

/// Reads shared files, which can also be pipes. [`FileKind::of`] tells which of the two each file is.
///
/// The files stay where they are; remove the keys from them once the vault is backed up.
///
/// # Errors
/// * [`NotFound`](crate::ErrorKind::NotFound) or [`Io`](crate::ErrorKind::Io): a file cannot be read.
/// * [`InvalidFile`](crate::ErrorKind::InvalidFile): a path leads to a folder, or the file is longer than 16 MiB.
/// * Those of [`parse`].
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
    import(&sources.collect::<Result<Vec<_>>>()?)
}

/// Parses the contents of shared files. Each record is named after its profile; the other properties of the profile
/// (`region`, `endpoint_url`, …) are its attributes, with keys in lower case.
///
/// An empty key or token counts as absent. A token (`aws_session_token`, or the older `aws_security_token`) makes the
/// record a session.
///
/// All or nothing: one invalid line, or one profile with half of a key pair, refuses all files.
///
/// # Errors
/// [`InvalidFile`](crate::ErrorKind::InvalidFile): a file is longer than 16 MiB, or breaks a rule. The message names the
/// file, the line and the rule, never the content.
pub fn parse(files: &[(FileKind, &[u8])]) -> Result<Import> {
    import(&Source::all(files)?)
}
