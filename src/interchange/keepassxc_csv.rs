//! What KeePassXC exports as CSV: *Database*, *Export*, *CSV file*, or `keepassxc-cli export --format csv`.
//!
//! ```csv
//! "Group","Title","Username","Password","URL","Notes","TOTP","Icon","Last Modified","Created"
//! ```
//!
//! The columns may stand in any order and case; `Title`, `Username` and `Password` must be there. A column of another name
//! is a field. Groups name their parents, `Passwords/AWS`; the first is the root of all, and no folder.
//!
//! KeePassXC writes neither custom fields nor attachments into it, and does not say which group is the recycle bin. So
//! rather use [`keepass_xml`](super::keepass_xml) for entries that have more than a user name and a password.

use super::Import;
use super::table::{self, Column};
use crate::error::Result;

const FILE: &str = "the CSV file of KeePassXC";

/// Reads the content of such a file.
///
/// # Errors
/// [`InvalidImport`](crate::ErrorKind::InvalidFile), naming the line and the rule that it breaks, never its content;
/// [`TooLarge`](crate::ErrorKind::InvalidFile) beyond 16 MiB.
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
