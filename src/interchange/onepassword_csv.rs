//! What 1Password exports as CSV: *File*, *Export*, *CSV*.
//!
//! ```csv
//! Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes
//! Title,Website,Username,Password,One-time password,Favorite status,Archived status,Tags,Notes,Access key ID
//! ```
//!
//! Versions differ in names and order of the columns, so they are told by their names, in any order and case. `Title`,
//! `Username` and `Password` must be there. A column of another name is a field, which entries without it leave empty.
//! Archived entries are imported like others. The file does not say in which vault an entry lies.

use super::Import;
use super::table::{self, Column};
use crate::error::Result;

const FILE: &str = "the CSV file of 1Password";

/// Reads the content of such a file.
///
/// # Errors
/// [`InvalidImport`](crate::ErrorKind::InvalidFile), naming the line and the rule that it breaks, never its content;
/// [`TooLarge`](crate::ErrorKind::InvalidFile) beyond 16 MiB.
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
