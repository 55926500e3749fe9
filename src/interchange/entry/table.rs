//! Entries in the rows of a CSV file, one in each row.

use super::Entry;
use crate::error::Result;
use crate::interchange::import::Import;
use crate::interchange::text::csv::{Row, Rows};
use crate::interchange::text::input::{refused, utf8};
use crate::interchange::text::value::Text;

/// What a column contains.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::interchange) enum Column {
    /// The names of the folders, joined by `/`. The first one is the root, which all entries share.
    Folder,
    Title,
    UserName,
    Password,
    Attribute(&'static str),
    /// A field with the name of the column.
    Field,
    /// Something that a record does not contain.
    Ignored,
}

/// Parses a table. `column` tells what a column contains by its name, in lower case.
pub(in crate::interchange) fn parse(
    content: &[u8],
    file: &'static str,
    column: fn(&str) -> Column,
) -> Result<Import> {
    let text = utf8(file, content)?;
    if text.matches('"').count() % 2 != 0 {
        return Err(refused(file, "it has a quotation mark without a closing one"));
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

/// Returns the columns and their names. If two columns contain the same, the second is an ordinary field.
fn columns(header: &Row<'_>, column: fn(&str) -> Column) -> Vec<(Column, String)> {
    let mut columns: Vec<(Column, String)> = Vec::new();
    for name in (0..header.len()).filter_map(|at| header.field(at)) {
        let name = name.trim();
        let column = column(&name.to_lowercase());
        let is_repeated = column != Column::Ignored && columns.iter().any(|(before, _)| *before == column);
        columns.push((if is_repeated { Column::Field } else { column }, name.to_owned()));
    }
    columns
}

fn entry<'a>(columns: &'a [(Column, String)], row: &Row<'a>) -> Entry<'a> {
    let mut entry = Entry::new(format!("line {}", row.line()));
    for (at, (column, name)) in columns.iter().enumerate() {
        let value = row.field(at).unwrap_or_default();
        let text = Text::Borrowed(value);
        match column {
            Column::Folder => entry.set_folder(value.split_once('/').map_or("", |(_, below)| below)),
            Column::Title => entry.title = text,
            Column::UserName => entry.user_name = text,
            Column::Password => entry.password = text,
            Column::Attribute(key) => entry.add(Text::Borrowed(key), text, None),
            Column::Field => entry.add(Text::Borrowed(name), text, None),
            Column::Ignored => {}
        }
    }
    entry
}
