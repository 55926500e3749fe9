//! Looking records up: one by name, all of them, or those that contain a text.

use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::SystemTime;

use crate::credentials::{Attributes, Credentials, Provider, system_time, visible_attributes};
use crate::error::Result;
use crate::format::body::RecordView;
use crate::vault::handle::{Held, Vault};
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::snapshot::Counted;

impl Vault {
    /// Returns what is known of the record of this name, without opening its secret. `None` if there is no such record.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn find(&self, name: &str) -> Result<Option<Record>> {
        let held = self.held();
        let unlocked = self.used(&held)?;
        let offset = unlocked.snapshot.find_visible(name);
        Ok(offset.map(|offset| Record::new(Arc::clone(&unlocked.counted), offset)))
    }

    /// Returns the record of this name with its secret, which is opened for this call. `None` if there is no such record.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked); [`Damaged`](crate::ErrorKind::Damaged) if the secret of this record was
    /// altered.
    pub fn get_credentials(&self, name: &str) -> Result<Option<Credentials>> {
        let held = self.held();
        let unlocked = self.used(&held)?;
        unlocked.snapshot.find_visible(name).map(|offset| unlocked.open_record(offset)).transpose()
    }

    /// Returns all records in name order, without their secrets.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn records(&self) -> Result<Records> {
        self.records_with_prefix("")
    }

    /// Returns the records whose names begin with `prefix`, in name order, without their secrets.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn records_with_prefix(&self, prefix: &str) -> Result<Records> {
        let snapshot = Arc::clone(&self.used(&self.held())?.counted);
        Ok(Records::with_prefix(snapshot, prefix))
    }

    /// Returns the records that contain `text` in their name, their access key id, or the key or value of an attribute, in
    /// name order. Upper and lower case are the same. An empty text finds every record.
    ///
    /// # Performance
    /// Looks at every record as the iterator advances: about 0.2 µs for each on a desktop machine.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn search(&self, text: &str) -> Result<impl Iterator<Item = Record> + use<>> {
        let text = text.to_lowercase();
        Ok(self.records()?.filter(move |record| record.contains(&text)))
    }

    /// Returns the number of records.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn len(&self) -> Result<usize> {
        Ok(self.records()?.len())
    }

    /// Returns whether there is no record.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Returns whether there is a record of this name.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn contains(&self, name: &str) -> Result<bool> {
        Ok(self.used(&self.held())?.snapshot.find_visible(name).is_some())
    }

    /// Returns the unlocked revision for immediate use, and restarts the idle time of the auto-lock thread.
    pub(super) fn used<'a>(&self, held: &'a Held) -> Result<&'a Unlocked> {
        self.mark_used();
        held.unlocked()
    }
}

/// What is known of a record without opening its secret.
///
/// It keeps the revision of the vault in which it was found, so it stays readable after an edit or a lock. Drop it when it
/// is no longer needed: the memory of that revision is wiped only then.
#[derive(Clone)]
pub struct Record(Source);

#[derive(Clone)]
enum Source {
    Saved {
        snapshot: Arc<Counted>,
        offset: u32,
    },
    /// An edit that is not saved yet added or changed it.
    Planned(Arc<PlannedFields>),
}

/// What is known of a record that an edit added or changed.
pub(super) struct PlannedFields {
    pub(super) name: Box<str>,
    pub(super) provider: Provider,
    pub(super) access_key_id: Box<str>,
    pub(super) attributes: Attributes,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) expires: Option<i64>,
}

/// What is known of a record, saved or planned.
struct Fields<'a> {
    name: &'a str,
    provider: Provider,
    access_key_id: &'a str,
    created: i64,
    updated: i64,
    expires: Option<i64>,
}

impl Record {
    pub(super) fn new(snapshot: Arc<Counted>, offset: u32) -> Self {
        Self(Source::Saved { snapshot, offset })
    }

    pub(super) fn planned(fields: PlannedFields) -> Self {
        Self(Source::Planned(Arc::new(fields)))
    }

    fn fields(&self) -> Fields<'_> {
        match &self.0 {
            Source::Saved { snapshot, offset } => {
                let RecordView { name, provider, access_key_id, created, updated, expires, .. } =
                    snapshot.record(*offset);
                Fields { name, provider, access_key_id, created, updated, expires }
            }
            Source::Planned(planned) => Fields {
                name: &planned.name,
                provider: planned.provider,
                access_key_id: &planned.access_key_id,
                created: planned.created,
                updated: planned.updated,
                expires: planned.expires,
            },
        }
    }

    /// Returns the unique name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.fields().name
    }

    /// Returns the kind of the credentials.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.fields().provider
    }

    /// Returns the access key id.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.fields().access_key_id
    }

    /// Returns the attributes, ascending by key.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let (saved, planned) = match &self.0 {
            Source::Saved { snapshot, offset } => (Some(snapshot.record(*offset).attributes()), None),
            Source::Planned(planned) => (None, Some(planned.attributes.iter())),
        };
        visible_attributes(saved.into_iter().flatten().chain(planned.into_iter().flatten()))
    }

    /// Returns the value of one attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes().find(|(own, _)| *own == key).map(|(_, value)| value)
    }

    /// Returns when the record was added to the vault, in whole seconds.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        system_time(self.fields().created)
    }

    /// Returns when the record was last changed, in whole seconds.
    #[must_use]
    pub fn updated(&self) -> SystemTime {
        system_time(self.fields().updated)
    }

    /// Returns when AWS stops accepting these credentials, if that is known, in whole seconds.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.fields().expires.map(system_time)
    }

    /// Returns whether a field contains `text`, which is in lower case.
    fn contains(&self, text: &str) -> bool {
        let contains = |field: &str| field.to_lowercase().contains(text);
        contains(self.name())
            || contains(self.access_key_id())
            || self.attributes().any(|(key, value)| contains(key) || contains(value))
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("name", &self.name())
            .field("provider", &self.provider())
            .field("access_key_id", &self.access_key_id())
            .finish_non_exhaustive()
    }
}

/// The records of one revision of a vault, in name order, without their secrets.
#[derive(Clone)]
pub struct Records {
    snapshot: Arc<Counted>,
    /// Positions in name order. Those of reserved names, which are hidden, are cut out.
    before: std::ops::Range<usize>,
    after: std::ops::Range<usize>,
}

impl Records {
    pub(super) fn with_prefix(snapshot: Arc<Counted>, prefix: &str) -> Self {
        let chosen = snapshot.positions_with_prefix(prefix);
        let hidden = snapshot.reserved_positions();
        Self {
            before: chosen.start..chosen.end.min(hidden.start).max(chosen.start),
            after: chosen.start.max(hidden.end).min(chosen.end)..chosen.end,
            snapshot,
        }
    }

    fn record_at(&self, position: usize) -> Option<Record> {
        let offset = *self.snapshot.offsets().get(position)?;
        Some(Record::new(Arc::clone(&self.snapshot), offset))
    }
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let position = self.before.next().or_else(|| self.after.next())?;
        self.record_at(position)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.before.len() + self.after.len();
        (len, Some(len))
    }
}

impl DoubleEndedIterator for Records {
    fn next_back(&mut self) -> Option<Record> {
        let position = self.after.next_back().or_else(|| self.before.next_back())?;
        self.record_at(position)
    }
}

impl ExactSizeIterator for Records {}

impl FusedIterator for Records {}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("remaining", &self.len()).finish_non_exhaustive()
    }
}
