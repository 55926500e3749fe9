//! Entries that stand in the rows of a CSV file, one in each.

use super::entry::Entry;
use super::{Import, refused, text};
use crate::aws::raw_json::Text;
use crate::aws::rows::{Row, Rows};
use crate::error::Result;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// The names of the folders, from the root down, joined by `/`. The root is every entry's.
    Folder,
    Title,
    UserName,
    Password,
    Attribute(&'static str),
    /// A field of the column's name.
    Field,
    /// Nothing that a record has a place for.
    Ignored,
}

/// Reads a table. `column` says what the column of a header is, which it gets in lower case.
pub(super) fn parse(content: &[u8], file: &'static str, column: fn(&str) -> Column) -> Result<Import> {
    let text = text(file, content)?;
    if text.matches('"').count() % 2 != 0 {
        return Err(refused(file, "it has a quotation mark that begins something and does not end it"));
    }
    let mut rows = Rows::new(file, text)?;
    let columns = match rows.next()? {
        Some(header) => columns(&header, column),
        None => Vec::new(),
    };
    for (needed, name) in
        [(Column::Title, "Title"), (Column::UserName, "Username"), (Column::Password, "Password")]
    {
        if !columns.iter().any(|(column, _)| *column == needed) {
            return Err(refused(file, &format!("its first line has no column {name:?}")));
        }
    }
    let mut import = Import::default();
    while let Some(row) = rows.next()? {
        if row.len() != columns.len() {
            let why = format!("line {} has {} columns, not {}", row.line(), row.len(), columns.len());
            return Err(refused(file, &why));
        }
        entry(&columns, &row).add_to(&mut import);
    }
    Ok(import)
}

/// The columns and their names. Of two that hold the same, the second is a field like any other.
fn columns(header: &Row<'_>, column: fn(&str) -> Column) -> Vec<(Column, String)> {
    let mut columns: Vec<(Column, String)> = Vec::new();
    for name in (0..header.len()).filter_map(|at| header.field(at)) {
        let name = name.trim();
        let found = column(&name.to_lowercase());
        let again = found != Column::Ignored && columns.iter().any(|(before, _)| *before == found);
        columns.push((if again { Column::Field } else { found }, name.to_owned()));
    }
    columns
}

fn entry<'a>(columns: &'a [(Column, String)], row: &Row<'a>) -> Entry<'a> {
    let mut entry = Entry::new(format!("line {}", row.line()));
    for (at, (column, name)) in columns.iter().enumerate() {
        let value = row.field(at).unwrap_or_default();
        let text = Text::AsItStands(value);
        match column {
            Column::Folder => entry.lies_in(value.split_once('/').map_or("", |(_, below)| below)),
            Column::Title => entry.title = text,
            Column::UserName => entry.user_name = text,
            Column::Password => entry.password = text,
            Column::Attribute(key) => entry.add(Text::AsItStands(key), text, None),
            Column::Field => entry.add(Text::AsItStands(name), text, None),
            Column::Ignored => {}
        }
    }
    entry
}
