//! The CSV export of KeePassXC: *Database*, *Export*, *CSV file*, or `keepassxc-cli export --format csv`.
//!
//! ```csv
//! "Group","Title","Username","Password","URL","Notes","TOTP","Icon","Last Modified","Created"
//! ```
//!
//! The columns can be in any order and case. `Title`, `Username` and `Password` are required. A column of another name is a
//! field. A group includes the names of its parents, `Passwords/AWS`; the first name is the root group, which is not a
//! folder.
//!
//! KeePassXC writes neither custom fields nor attachments to this file, and does not mark the recycle bin. Export entries
//! that have more than a user name and a password as XML (`keepass_xml`).
//!
//! Sources: [KeePassXC User Guide, Exporting Databases][guide]; the columns are those that KeePassXC writes (`interop/`
//! compares them with KeePassXC itself). CSV is [RFC 4180].
//!
//! [guide]: https://keepassxc.org/docs/KeePassXC_UserGuide
//! [RFC 4180]: https://www.rfc-editor.org/rfc/rfc4180

use super::entry::table::{self, Column};
use super::import::Import;
use super::importer::Importer;
use crate::error::Result;

/// The name of the file in messages.
const FILE: &str = "the CSV file of KeePassXC";

pub(super) const IMPORTER: Importer = Importer {
    recognises: |sample| sample.header_has(&["title", "username", "password", "group"]),
    parse: |content, _| parse(content),
};

/// Parses the content of such a file.
///
/// # Errors
/// [`InvalidFile`](crate::ErrorKind::InvalidFile): the file is longer than 16 MiB, or breaks a rule. The message names the
/// line and the rule, never the content.
pub fn parse(content: &[u8]) -> Result<Import> {
    table::parse(content, FILE, |name| match name {
        "group" => Column::Folder,
        "title" => Column::Title,
        "username" => Column::UserName,
        "password" => Column::Password,
        "url" => Column::Attribute("url"),
        "notes" => Column::Attribute("description"),
        "icon" | "last modified" | "created" => Column::Ignored,
        _ => Column::Field,
    })
}
