//! KeePass 2 XML, as KeePass (*File*, *Export*, *KeePass XML (2.x)*) and KeePassXC (*Database*, *Export*, *XML file*, or
//! `keepassxc-cli export`) write it: [read](parse), and [written](render) for `keepassxc-cli import` and KeePass to read.
//!
//! ```xml
//! <KeePassFile><Root><Group><Name>Passwords</Name>
//!   <Entry>
//!     <String><Key>Title</Key><Value>s3-uploads</Value></String>
//!     <String><Key>UserName</Key><Value>AKIAIOSFODNN7EXAMPLE</Value></String>
//!     <String><Key>Password</Key><Value ProtectInMemory="True">wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY</Value></String>
//!     <String><Key>region</Key><Value>eu-central-1</Value></String>
//!   </Entry>
//! </Group></Root></KeePassFile>
//! ```
//!
//! Entries in groups are named behind these; the first group is the root of all, and no folder. Entries in the recycle
//! bin are skipped, and so are those whose key refers to another entry (`{REF:…}`). Custom fields that are protected become
//! no attributes. Older versions of an entry (*History*) and the time at which KeePass calls it expired are passed over.

mod render;

use super::entry::Entry;
use super::xml::{Document, Element};
use super::{Import, LeaveReason, text};
use crate::aws::raw_json::Text;
use crate::error::Result;

pub use render::render;

const FILE: &str = "the KeePass XML file";

/// How deep groups may lie in one another.
const MAX_DEPTH: usize = 64;

/// The names of an entry's own fields. All others are the user's.
const TITLE: &str = "Title";
const USER_NAME: &str = "UserName";
const PASSWORD: &str = "Password";
const URL: &str = "URL";
const NOTES: &str = "Notes";

/// Reads the content of such a file.
///
/// # Errors
/// [`InvalidImport`](crate::ErrorKind::InvalidFile), naming the line and the rule that it breaks, never its content;
/// [`TooLarge`](crate::ErrorKind::InvalidFile) beyond 16 MiB.
pub fn parse(content: &[u8]) -> Result<Import> {
    let mut reading = Reading {
        document: Document::new(FILE, text(FILE, content)?, "KeePassFile")?,
        recycle_bin: None,
        import: Import::default(),
    };
    let mut has_root = false;
    while let Some(element) = reading.document.child()? {
        match element.name() {
            "Meta" if has_root => return Err(reading.document.refused("its Meta comes behind its Root")),
            "Meta" => reading.meta()?,
            "Root" => {
                reading.root()?;
                has_root = true;
            }
            _ => reading.document.skip(&element)?,
        }
    }
    if !has_root {
        return Err(reading.document.refused("it has no Root"));
    }
    reading.document.end()?;
    Ok(reading.import)
}

struct Reading<'a> {
    document: Document<'a>,
    /// The UUID of that group.
    recycle_bin: Option<Text<'a>>,
    import: Import,
}

/// Where a group lies.
struct Place<'p> {
    depth: usize,
    folder: &'p str,
    deleted: bool,
}

impl<'a> Reading<'a> {
    fn meta(&mut self) -> Result<()> {
        let mut enabled = true;
        while let Some(element) = self.document.child()? {
            match element.name() {
                "RecycleBinEnabled" => {
                    enabled = !self.document.text(&element)?.trim().eq_ignore_ascii_case("false");
                }
                "RecycleBinUUID" => self.recycle_bin = Some(self.document.text(&element)?),
                _ => self.document.skip(&element)?,
            }
        }
        self.recycle_bin.take_if(|_| !enabled);
        Ok(())
    }

    fn root(&mut self) -> Result<()> {
        while let Some(element) = self.document.child()? {
            match element.name() {
                "Group" => self.group(&Place { depth: 0, folder: "", deleted: false })?,
                _ => self.document.skip(&element)?,
            }
        }
        Ok(())
    }

    fn group(&mut self, parent: &Place<'_>) -> Result<()> {
        if parent.depth == MAX_DEPTH {
            return Err(self.document.refused("its groups lie too deep in one another"));
        }
        let mut folder = String::new();
        let mut place = Place { depth: parent.depth + 1, folder: "", deleted: parent.deleted };
        let mut has_content = false;
        while let Some(element) = self.document.child()? {
            match element.name() {
                "UUID" | "Name" if has_content => {
                    return Err(self.document.refused("a group says what it is behind what is in it"));
                }
                "UUID" => {
                    let uuid = self.document.text(&element)?;
                    place.deleted |= self.recycle_bin.as_ref().is_some_and(|bin| bin.trim() == uuid.trim());
                }
                "Name" => {
                    let name = self.document.text(&element)?;
                    folder = below(parent, &name);
                }
                "Entry" => {
                    has_content = true;
                    self.entry(&Place { folder: &folder, ..place })?;
                }
                "Group" => {
                    has_content = true;
                    self.group(&Place { folder: &folder, ..place })?;
                }
                _ => self.document.skip(&element)?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, place: &Place<'_>) -> Result<()> {
        let mut entry = Entry::new(format!("line {}", self.document.line()));
        entry.lies_in(place.folder);
        entry.deleted = place.deleted;
        while let Some(element) = self.document.child()? {
            match element.name() {
                "String" => self.string(&mut entry)?,
                "Binary" => self.attachment(&mut entry)?,
                "Tags" => entry.add(Text::AsItStands("tags"), self.document.text(&element)?, None),
                _ => self.document.skip(&element)?,
            }
        }
        entry.add_to(&mut self.import);
        Ok(())
    }

    /// A field, which is a `Key` and a `Value`.
    fn string(&mut self, entry: &mut Entry<'a>) -> Result<()> {
        let (mut key, mut value, mut protected) = (None, None, false);
        while let Some(element) = self.document.child()? {
            match element.name() {
                "Key" => key = Some(self.document.text(&element)?),
                "Value" => {
                    protected = self.document.says(&element, "ProtectInMemory")?;
                    value = Some(self.value(&element)?);
                }
                _ => self.document.skip(&element)?,
            }
        }
        let (Some(key), Some(value)) = (key, value) else {
            return Err(self.document.refused("a field of an entry has no Key or no Value"));
        };
        let unfit = protected.then_some(LeaveReason::Secret);
        let own = match &*key {
            TITLE => &mut entry.title,
            USER_NAME => &mut entry.user_name,
            PASSWORD => &mut entry.password,
            URL => {
                entry.add(Text::AsItStands("url"), value, unfit);
                return Ok(());
            }
            NOTES => {
                entry.add(Text::AsItStands("description"), value, unfit);
                return Ok(());
            }
            _ => {
                entry.add(key, value, unfit);
                return Ok(());
            }
        };
        if !own.is_empty() {
            return Err(self.document.refused("an entry has two titles, user names or passwords"));
        }
        *own = value;
        Ok(())
    }

    fn value(&mut self, element: &Element<'a>) -> Result<Text<'a>> {
        let value = self.document.text(element)?;
        if self.document.says(element, "Protected")? && !value.is_empty() {
            let why = "its protected values are still encrypted: export it as \"KeePass XML (2.x)\"";
            return Err(self.document.refused(why));
        }
        Ok(value)
    }

    /// A file that is attached to an entry, of which the name is all that is taken note of.
    fn attachment(&mut self, entry: &mut Entry<'a>) -> Result<()> {
        while let Some(element) = self.document.child()? {
            match element.name() {
                "Key" => {
                    let name = self.document.text(&element)?;
                    entry.add(name, Text::AsItStands(""), Some(LeaveReason::Attachment));
                }
                _ => self.document.skip(&element)?,
            }
        }
        Ok(())
    }
}

/// The folder that a group makes. The first group makes none.
fn below(parent: &Place<'_>, name: &str) -> String {
    match parent.depth {
        0 => String::new(),
        1 => name.to_owned(),
        // As much as [`Entry::lies_in`] takes, so that deep groups of long names stay short.
        _ => parent.folder.chars().chain(['/']).chain(name.chars()).take(super::entry::MAX_FOLDER).collect(),
    }
}
