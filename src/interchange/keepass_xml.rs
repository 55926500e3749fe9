//! KeePass 2 XML: the export of KeePass (*File*, *Export*, *KeePass XML (2.x)*) and KeePassXC (*Database*, *Export*,
//! *XML file*, or `keepassxc-cli export`). It can be [parsed](parse), and [written](render) for KeePass and
//! `keepassxc-cli import`.
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
//! The name of a record contains the names of the entry's groups. The first group is the root group, which is not a
//! folder. Entries in the recycle bin are skipped, and so are entries whose key refers to another entry (`{REF:…}`).
//! Protected custom fields do not become attributes. Older versions of an entry (*History*) and its expiry in KeePass are
//! ignored.
//!
//! Sources: KeePass's [XML schema][schema] and [field references][references], and what KeePass and KeePassXC write
//! (`interop/` tests with KeePassXC itself). XML is [XML 1.0].
//!
//! [references]: https://keepass.info/help/base/fieldrefs.html
//! [schema]: https://keepass.info/help/download/KDBX_XML.xsd
//! [XML 1.0]: https://www.w3.org/TR/xml/

mod names;
mod render;

use self::names::{FILE, NOTES, PASSWORD, TITLE, URL, USER_NAME};
use super::entry::{Entry, MAX_FOLDER};
use super::import::{Import, LeaveReason};
use super::importer::Importer;
use super::text::input::utf8;
use super::text::value::Text;
use super::text::xml::{Document, Element};
use crate::error::Result;
use crate::memory::with_scrubbed_stack;

pub use render::render;

pub(super) const IMPORTER: Importer =
    Importer { recognises: |sample| sample.text().starts_with(b"<"), parse: |content, _| parse(content) };

/// The limit for the nesting of groups.
const MAX_DEPTH: usize = 64;

/// Parses the content of such a file.
///
/// # Errors
/// [`InvalidFile`](crate::ErrorKind::InvalidFile): the file is longer than 16 MiB, or breaks a rule. The message names the
/// line and the rule, never the content.
pub fn parse(content: &[u8]) -> Result<Import> {
    // `quick-xml` searches the text in vectors, which can remain on the stack.
    with_scrubbed_stack(|| read_document(content))
}

fn read_document(content: &[u8]) -> Result<Import> {
    let mut reading = Reading {
        document: Document::new(FILE, utf8(FILE, content)?, "KeePassFile")?,
        recycle_bin: None,
        import: Import::default(),
    };
    let mut has_root = false;
    while let Some(element) = reading.document.child()? {
        match element.name() {
            "Meta" if has_root => return Err(reading.document.refused("its Meta comes after its Root")),
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
    /// The UUID of the recycle bin's group.
    recycle_bin: Option<Text<'a>>,
    import: Import,
}

/// A group that contains other groups and entries.
#[derive(Clone, Copy)]
struct Group<'p> {
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
                "Group" => self.group(&Group { depth: 0, folder: "", deleted: false })?,
                _ => self.document.skip(&element)?,
            }
        }
        Ok(())
    }

    fn group(&mut self, parent: &Group<'_>) -> Result<()> {
        if parent.depth == MAX_DEPTH {
            return Err(self.document.refused("its groups are nested too deeply"));
        }
        let mut folder = String::new();
        let mut group = Group { depth: parent.depth + 1, folder: "", deleted: parent.deleted };
        let mut has_content = false;
        while let Some(element) = self.document.child()? {
            match element.name() {
                "UUID" | "Name" if has_content => {
                    return Err(self.document.refused("the UUID or Name of a group comes after its content"));
                }
                "UUID" => {
                    let uuid = self.document.text(&element)?;
                    group.deleted |= self.recycle_bin.as_ref().is_some_and(|bin| bin.trim() == uuid.trim());
                }
                "Name" => {
                    let name = self.document.text(&element)?;
                    folder = below(parent, &name);
                }
                "Entry" => {
                    has_content = true;
                    self.entry(&Group { folder: &folder, ..group })?;
                }
                "Group" => {
                    has_content = true;
                    self.group(&Group { folder: &folder, ..group })?;
                }
                _ => self.document.skip(&element)?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, group: &Group<'_>) -> Result<()> {
        let mut entry = Entry::new(format!("line {}", self.document.line()));
        entry.set_folder(group.folder);
        entry.deleted = group.deleted;
        while let Some(element) = self.document.child()? {
            match element.name() {
                "String" => self.string(&mut entry)?,
                "Binary" => self.attachment(&mut entry)?,
                "Tags" => entry.add(Text::Borrowed("tags"), self.document.text(&element)?, None),
                _ => self.document.skip(&element)?,
            }
        }
        entry.add_to(&mut self.import);
        Ok(())
    }

    /// Reads a field, which consists of a `Key` and a `Value`.
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
                entry.add(Text::Borrowed("url"), value, unfit);
                return Ok(());
            }
            NOTES => {
                entry.add(Text::Borrowed("description"), value, unfit);
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

    /// Reads the name of a file that is attached to an entry.
    fn attachment(&mut self, entry: &mut Entry<'a>) -> Result<()> {
        while let Some(element) = self.document.child()? {
            match element.name() {
                "Key" => {
                    let name = self.document.text(&element)?;
                    entry.add(name, Text::Borrowed(""), Some(LeaveReason::Attachment));
                }
                _ => self.document.skip(&element)?,
            }
        }
        Ok(())
    }
}

/// Returns the folder of a group. The first group is not a folder.
fn below(parent: &Group<'_>, name: &str) -> String {
    match parent.depth {
        0 => String::new(),
        1 => name.to_owned(),
        // The limit of `Entry::set_folder`. It keeps the memory small for deeply nested groups with long names.
        _ => parent.folder.chars().chain(['/']).chain(name.chars()).take(MAX_FOLDER).collect(),
    }
}
