//! The CSV export of 1Password: *File*, *Export*, *CSV*.
//!
//! ```csv
//! Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes
//! Title,Website,Username,Password,One-time password,Favorite status,Archived status,Tags,Notes,Access key ID
//! ```
//!
//! The names and the order of the columns differ between versions. Columns are identified by their names, in any order and
//! any case. `Title`, `Username` and `Password` are required. A column of another name is a field; entries without that
//! field leave it empty. Archived entries are imported like other entries. The file does not contain the names of the
//! vaults.
//!
//! Sources: [Export your data from the 1Password app][export], and the columns of files that 1Password wrote. CSV is
//! [RFC 4180].
//!
//! [export]: https://support.1password.com/export/
//! [RFC 4180]: https://www.rfc-editor.org/rfc/rfc4180

use super::entry::table::{self, Column};
use super::import::Import;
use super::importer::Importer;
use crate::error::Result;

/// The name of the file in messages.
const FILE: &str = "the CSV file of 1Password";

pub(super) const IMPORTER: Importer = Importer {
    // KeePassXC writes a column `Group` besides, and comes first in the table.
    recognises: |sample| sample.header_has(&["title", "username", "password"]),
    parse: |content, _| parse(content),
};

/// Parses the content of such a file.
///
/// # Errors
/// [`InvalidFile`](crate::ErrorKind::InvalidFile): the file is longer than 16 MiB, or breaks a rule. The message names the
/// line and the rule, never the content.
pub fn parse(content: &[u8]) -> Result<Import> {
    table::parse(content, FILE, |name| match name {
        "title" | "name" => Column::Title,
        "username" | "user name" => Column::UserName,
        "password" => Column::Password,
        "url" | "urls" | "website" => Column::Attribute("url"),
        "notes" | "notesplain" => Column::Attribute("description"),
        "tags" => Column::Attribute("tags"),
        "favorite" | "favorite status" | "archived" | "archived status" | "type" => Column::Ignored,
        _ => Column::Field,
    })
}
