//! Files of other programs: records read from them, and records written to them.
//!
//! [`read`] detects the format of a file and returns one [`Import`], whatever the format:
//!
//! ```
//! let file = b"[s3-uploads]
//! aws_access_key_id = AKIAIOSFODNN7EXAMPLE
//! aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
//! ";
//! let import = aumbry::interchange::read(file, None)?;
//! assert_eq!(import.records[0].name().as_str(), "s3-uploads"); // pass each record to Edit::add
//! # Ok::<(), aumbry::Error>(())
//! ```
//!
//! | module | file | reads | writes |
//! |---|---|---|---|
//! | [`console_csv`] | the CSV file of the IAM console | yes | |
//! | [`profiles`] | `~/.aws/credentials` and `~/.aws/config` | yes | yes |
//! | [`credential_process`] | the JSON document that AWS SDKs ask a program for | yes | yes |
//! | [`env_file`] | environment variables | | yes |
//! | [`json`] | aumbry's own JSON | yes | yes |
//! | `keepass_xml` | KeePass 2 XML, with the feature `password-managers` | yes | yes |
//! | [`keepassxc_csv`], [`bitwarden_json`], [`onepassword_csv`] | exports of password managers | yes | |
//!
//! Each module has its own `parse` and `render`. [`Format`] lists the formats that [`read`] detects; use it to force one.
//! KeePass XML has a feature of its own because it needs a dependency, quick-xml.
//!
//! # Security
//! These files contain secrets in plaintext. Parsers copy a secret only into memory that is wiped, and messages name the
//! line or the rule, never the content. A file stays where it is: delete it once the vault is backed up.
//!
//! # Password managers
//! A password manager stores logins, not AWS keys. An entry becomes a record as follows:
//!
//! | the record's | is the entry's |
//! |---|---|
//! | name | title, after the names of its folders: `AWS/production/s3-uploads` |
//! | access key id | field of that name; otherwise the user name, if it looks like an access key id |
//! | secret access key | field of that name; otherwise the password |
//! | session token, expiry | fields `Session Token` and `Expires` (RFC 3339) |
//! | `region` | field of that name |
//! | `description`, `url`, `tags` | notes, address, tags |
//! | other attributes | other fields, under their own names |
//!
//! * The name of a field is compared without case, spaces, `_`, `-` and a leading `AWS`: `Access Key ID`,
//!   `aws_access_key_id` and `AccessKey` are the same field. `attribute:KEY` always means the attribute `KEY`.
//! * A user name looks like an access key id if it has AWS's length ([16 to 128 characters][form]) and consists of capital
//!   letters and digits, as every id that AWS issues does. Store any other id in a field. This rule keeps logins to web
//!   sites from becoming records.
//! * If a field contains the access key id, the password is its secret only if the user name is the same id or empty.
//!   Any other user name becomes the attribute `user_name`, and the password belongs to it.
//! * Attributes are not secret. Fields that are protected, or whose name suggests a secret (`password`, `PIN`, `TOTP`, …),
//!   are left out, and so are attachments and fields that break a rule for attributes.
//!
//! Nothing is lost silently: the [`Import`] lists each skipped entry and each field that was left out. A file that is
//! encrypted, or whose structure is broken, is refused as a whole. Two entries can become records of the same name,
//! because password managers allow it; the caller decides what to do then.
//!
//! [form]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html
//!
//! # How to add a format
//! 1. **One file**, `src/interchange/NAME.rs`, and its `pub mod` line below. Its module text names the source of the
//!    format. It contains `parse`, which returns an [`Import`], and the constant `IMPORTER`, which tells how to recognise a
//!    file. The parsers in `text/` locate the values in JSON, CSV and XML without copying secrets. A format of
//!    a password manager only fills in an `entry::Entry` for each login, or, if it is a table, names its columns for
//!    `entry::table`; `keepassxc_csv` is the shortest example.
//! 2. **One line** in the table in `format.rs`. [`read`], [`Format`] and the command's `import --format` follow from it.
//! 3. **One test** with a sample file as the program writes it. `tests/managers/samples.rs` has examples; the test there
//!    named `every_format_is_detected` fails until the table's new line has a sample.

pub mod bitwarden_json;
pub mod console_csv;
pub mod credential_process;
pub mod env_file;
pub mod json;
#[cfg(feature = "password-managers")]
pub mod keepass_xml;
pub mod keepassxc_csv;
pub mod onepassword_csv;
pub mod profiles;

mod entry;
mod format;
mod import;
mod importer;
mod text;

pub use self::format::{Format, read};
pub use self::import::{Import, LeaveReason, LeftOut, SkipReason, Skipped};
pub use crate::credentials::rfc3339 as time;
