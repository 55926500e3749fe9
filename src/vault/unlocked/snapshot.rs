//! A vault as it was at one moment: immutable, shared by whoever looks at it.

use std::sync::Arc;
use std::time::SystemTime;

use crate::credentials::{
    Attributes, Credentials, Name, Provider, RESERVED_PREFIX, is_reserved_name, now, system_time,
};
use crate::crypto::record::RecordKeys;
use crate::crypto::signature::VerificationKey;
use crate::error::Result;
use crate::format::body::{RecordView, scan};
use crate::format::header::Header;
use crate::format::people::SlotMeta;
use crate::format::slot::{Role, Slot, SlotId};
use crate::format::{PlainFile, damaged};
use crate::pin::Pin;
use crate::vault::spread::Counted;
use crate::vault::unlocked::index::Index;

/// The decrypted body in one buffer, each secret in it still sealed, and the index over it.
pub(in crate::vault) struct Snapshot {
    plain: PlainFile,
    index: Index,
    records_end: u32,
    pub(in crate::vault) header: Header,
    pub(in crate::vault) people: Vec<SlotMeta>,
    pub(in crate::vault) verification_key: VerificationKey,
    pub(in crate::vault) signature: [u8; 64],
    /// Through which slot the vault was opened.
    pub(in crate::vault) own_slot: usize,
    /// When this version was read or made, in Unix seconds.
    seen: i64,
    changed: Option<i64>,
}

impl Snapshot {
    /// Reads a body that is authentic, or about to be saved. Every rule of the format is checked.
    pub(in crate::vault) fn new(
        plain: PlainFile,
        header: Header,
        verification_key: VerificationKey,
        signature: [u8; 64],
        own_slot: SlotId,
    ) -> Result<Self> {
        let scanned = scan(plain.body())?;
        let ids = || header.slots.iter().map(|slot| slot.id);
        if !scanned.people.iter().map(|person| person.id).eq(ids()) {
            return Err(damaged("the vault is damaged: its list of people does not match its slots"));
        }
        let own_slot = ids()
            .position(|id| id == own_slot)
            .ok_or_else(|| damaged("the vault is damaged: the slot that opened it is not in it"))?;
        let index = Index::build(plain.body(), scanned.records)?;
        let (people, records_end, changed) = (scanned.people, scanned.records_end, scanned.changed);
        let seen = now();
        Ok(Self {
            plain,
            index,
            records_end,
            header,
            people,
            verification_key,
            signature,
            own_slot,
            seen,
            changed,
        })
    }

    pub(in crate::vault) fn slot(&self) -> Option<&Slot> {
        self.header.slots.get(self.own_slot)
    }

    pub(in crate::vault) fn own_id(&self) -> SlotId {
        self.slot().map_or([0; 16], |slot| slot.id)
    }

    pub(in crate::vault) fn role(&self) -> Role {
        self.slot().map_or(Role::Reader, |slot| slot.role)
    }

    pub(in crate::vault) fn pin(&self) -> Pin {
        Pin {
            vault_id: self.header.vault_id,
            verification_key: self.verification_key.to_bytes(),
            generation: self.header.generation,
            signature: self.signature,
            slot: self.own_id(),
            seen: self.seen,
            changed: self.changed,
        }
    }

    pub(in crate::vault) fn body(&self) -> &[u8] {
        self.plain.body()
    }

    /// The bytes from the record at `offset` on, to the end of all records.
    fn bytes_from(&self, offset: u32) -> &[u8] {
        self.body().get(offset as usize..self.records_end as usize).unwrap_or_default()
    }

    /// Offsets of all records in name order, reserved ones too.
    pub(in crate::vault) fn offsets(&self) -> &[u32] {
        self.index.in_order()
    }

    pub(in crate::vault) fn find(&self, name: &str) -> Option<u32> {
        self.index.find(self.body(), name)
    }

    /// Whether there are records of reserved names.
    pub(in crate::vault) fn has_reserved(&self) -> bool {
        let first = self.offsets().get(self.position(RESERVED_PREFIX));
        first.is_some_and(|offset| is_reserved_name(self.record(*offset).name))
    }

    /// Where a record of this name stands, or would stand, in name order.
    pub(in crate::vault) fn position(&self, name: &str) -> usize {
        self.offsets().len() - self.index.from(self.body(), name).len()
    }

    #[expect(clippy::expect_used, reason = "`scan` read this very record when the snapshot was made")]
    pub(in crate::vault) fn record(&self, offset: u32) -> RecordView<'_> {
        RecordView::read(self.bytes_from(offset)).map(|(record, _)| record).expect("a scanned record")
    }

    /// The encoded records of `range` in name order, as they stand in the body.
    pub(in crate::vault) fn encoded(&self, range: std::ops::Range<usize>) -> &[u8] {
        let at = |position: usize| self.offsets().get(position).copied().unwrap_or(self.records_end) as usize;
        self.body().get(at(range.start)..at(range.end)).unwrap_or_default()
    }

    /// Opens the secret of one record. The caller scrubs the stack.
    pub(in crate::vault) fn open_record(
        &self,
        record: &RecordView<'_>,
        keys: &RecordKeys,
    ) -> Result<Credentials> {
        let secrets = record.open_secret(&self.header.vault_id, keys)?;
        Ok(Credentials {
            name: Name::from_checked(record.name),
            secrets,
            attributes: Attributes::visible(record.attributes()),
            created: record.created,
            updated: record.updated,
            expires: record.expires,
        })
    }
}

/// All attributes of a record, reserved ones too.
pub(in crate::vault) fn attributes(record: &RecordView<'_>) -> Attributes {
    Attributes::from_ascending(record.attributes())
}

/// What is known of a record without opening its secret.
///
/// It holds on to the version of the vault it was found in, so it stays readable after an edit or a lock;
/// drop it when it is no longer needed, for the memory it stands in is wiped only then.
#[derive(Clone)]
pub struct Record {
    snapshot: Arc<Counted>,
    offset: u32,
}

impl Record {
    pub(in crate::vault) fn new(snapshot: Arc<Counted>, offset: u32) -> Self {
        Self { snapshot, offset }
    }

    fn record(&self) -> RecordView<'_> {
        self.snapshot.record(self.offset)
    }

    /// The unique name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.record().name
    }

    /// What kind of credentials the record holds.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.record().provider
    }

    /// The access key id.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.record().access_key_id
    }

    /// Further fields, ascending by key.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        Attributes::visible(self.record().attributes())
    }

    /// The value of one attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<String> {
        self.attributes().get(key).map(Into::into)
    }

    /// When the record was added to the vault. Whole seconds.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        system_time(self.record().created)
    }

    /// When the record was last changed. Whole seconds.
    #[must_use]
    pub fn updated(&self) -> SystemTime {
        system_time(self.record().updated)
    }

    /// When AWS stops accepting these credentials, if that is known. Whole seconds.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.record().expires.map(system_time)
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

/// The records of one version of a vault, in name order, without their secrets.
#[derive(Clone)]
pub struct Records {
    snapshot: Arc<Counted>,
    prefix: Box<str>,
    next: usize,
}

impl Records {
    pub(in crate::vault) fn with_prefix(snapshot: Arc<Counted>, prefix: &str) -> Self {
        let next = snapshot.position(prefix);
        Self { snapshot, prefix: prefix.into(), next }
    }
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            let offset = *self.snapshot.offsets().get(self.next)?;
            let name = self.snapshot.record(offset).name;
            if !name.starts_with(&*self.prefix) {
                return None;
            }
            self.next += 1;
            if !is_reserved_name(name) {
                return Some(Record::new(Arc::clone(&self.snapshot), offset));
            }
        }
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
