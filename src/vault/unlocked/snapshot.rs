//! One revision of a vault, decrypted: immutable, and shared by all its readers.

use std::ops::Deref;
use std::sync::Arc;

use crate::credentials::{
    Attributes, Credentials, Name, RESERVED_PREFIX, is_reserved_name, now, visible_attributes,
};
use crate::crypto::record::RecordKeys;
use crate::crypto::signature::VerificationKey;
use crate::error::Result;
use crate::format::body::{RecordView, scan};
use crate::format::header::Header;
use crate::format::people::SlotMeta;
use crate::format::slot::{Role, Slot};
use crate::format::{PlainFile, damaged};
use crate::id::{Revision, SlotId};
use crate::pin::Pin;
use crate::vault::unlocked::index::Index;

/// The decrypted body in one buffer, each secret in it still sealed, and the index over it.
pub(in crate::vault) struct Snapshot {
    plain: PlainFile,
    index: Index,
    records_end: u32,
    pub(in crate::vault) header: Header,
    pub(in crate::vault) people: Vec<SlotMeta>,
    pub(in crate::vault) verification_key: VerificationKey,
    pub(in crate::vault) revision: Revision,
    /// The index of the slot through which the vault was opened.
    pub(in crate::vault) own_slot: usize,
    /// When this revision was read or made, in Unix seconds.
    seen: i64,
    changed: Option<i64>,
}

impl Snapshot {
    /// Reads a body that was authenticated or will be saved. Checks every rule of the format.
    pub(in crate::vault) fn new(
        plain: PlainFile,
        header: Header,
        verification_key: VerificationKey,
        revision: Revision,
        own_slot: SlotId,
    ) -> Result<Self> {
        let scanned = scan(plain.body())?;
        let ids = || header.slots.iter().map(|slot| slot.id);
        if !scanned.people.iter().map(|person| person.id).eq(ids()) {
            return Err(damaged("the vault is damaged: its list of people does not match its slots"));
        }
        let own_slot = ids()
            .position(|id| id == own_slot)
            .ok_or_else(|| damaged("the vault is damaged: it does not contain the slot that opened it"))?;
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
            revision,
            own_slot,
            seen,
            changed,
        })
    }

    pub(in crate::vault) fn slot(&self) -> Option<&Slot> {
        self.header.slots.get(self.own_slot)
    }

    pub(in crate::vault) fn own_id(&self) -> SlotId {
        self.slot().map_or(SlotId::from_bytes([0; 16]), |slot| slot.id)
    }

    pub(in crate::vault) fn role(&self) -> Role {
        self.slot().map_or(Role::Reader, |slot| slot.role)
    }

    pub(in crate::vault) fn pin(&self) -> Pin {
        Pin {
            vault_id: self.header.vault_id,
            verification_key: self.verification_key.to_bytes(),
            generation: self.header.generation,
            revision: self.revision,
            slot: self.own_id(),
            seen: self.seen,
            changed: self.changed,
        }
    }

    pub(in crate::vault) fn body(&self) -> &[u8] {
        self.plain.body()
    }

    /// Returns the bytes from the record at `offset` to the end of all records.
    fn bytes_from(&self, offset: u32) -> &[u8] {
        self.body().get(offset as usize..self.records_end as usize).unwrap_or_default()
    }

    /// Returns the offsets of all records in name order, including reserved names.
    pub(in crate::vault) fn offsets(&self) -> &[u32] {
        self.index.in_order()
    }

    pub(in crate::vault) fn find(&self, name: &str) -> Option<u32> {
        self.index.find(self.body(), name)
    }

    /// Finds a record by a name that is not reserved.
    pub(in crate::vault) fn find_visible(&self, name: &str) -> Option<u32> {
        self.find(name).filter(|_| !is_reserved_name(name))
    }

    /// Returns the positions, in name order, of the records whose names begin with `prefix`.
    pub(in crate::vault) fn positions_with_prefix(&self, prefix: &str) -> std::ops::Range<usize> {
        let start = self.position(prefix);
        let rest = self.offsets().get(start..).unwrap_or_default();
        let len = rest.partition_point(|offset| self.record(*offset).name.starts_with(prefix));
        start..start + len
    }

    /// Returns the positions of the records with reserved names.
    pub(in crate::vault) fn reserved_positions(&self) -> std::ops::Range<usize> {
        self.positions_with_prefix(RESERVED_PREFIX)
    }

    /// Returns the position of the record of this name in name order, or the position that it would have.
    pub(in crate::vault) fn position(&self, name: &str) -> usize {
        self.offsets().len() - self.index.from(self.body(), name).len()
    }

    #[expect(clippy::expect_used, reason = "`scan` read this very record when the snapshot was made")]
    pub(in crate::vault) fn record(&self, offset: u32) -> RecordView<'_> {
        RecordView::read(self.bytes_from(offset)).map(|(record, _)| record).expect("a scanned record")
    }

    /// Returns the encoded records of `range` in name order, as the body contains them.
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
            attributes: Attributes::from_ascending(visible_attributes(record.attributes())),
            created: record.created,
            updated: record.updated,
            expires: record.expires,
        })
    }
}

/// Returns all attributes of a record, including reserved ones.
pub(in crate::vault) fn attributes(record: &RecordView<'_>) -> Attributes {
    Attributes::from_ascending(record.attributes())
}

/// A reference count of a snapshot that few threads share, so that parallel look-ups do not contend on one counter.
///
/// It is on two cache lines of its own, because processors fetch them in pairs.
#[repr(align(128))]
pub(in crate::vault) struct Counted(Arc<Snapshot>);

impl Counted {
    pub(in crate::vault) fn new(snapshot: &Arc<Snapshot>) -> Arc<Self> {
        Arc::new(Self(Arc::clone(snapshot)))
    }
}

impl Deref for Counted {
    type Target = Snapshot;
    fn deref(&self) -> &Snapshot {
        &self.0
    }
}
