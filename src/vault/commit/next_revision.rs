//! The next version of a vault, on its way to be sealed and signed.

use crate::crypto::keys::{AdministratorKey, Kek};
use crate::crypto::random;
use crate::crypto::signature::VerificationKey;
use crate::error::{Error, ErrorKind, Result};
use crate::format::body::{BodyPlan, Run};
use crate::format::header::{Header, UnverifiedHeader};
use crate::format::people::SlotMeta;
use crate::format::slot::{Role, Slot};
use crate::format::{PlainFile, damaged};
use crate::id::{Revision, SlotId, VaultId};
use crate::memory::{Guarded, with_scrubbed_stack};
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::keys::Keys;
use crate::vault::unlocked::snapshot::Snapshot;

/// The right to write: whoever has one holds the seed that signs.
pub(in crate::vault) struct Administrator<'a> {
    keys: &'a Keys,
}

impl<'a> Administrator<'a> {
    /// # Errors
    /// [`ErrorKind::NotAdministrator`] for a reader.
    pub(in crate::vault) fn of(opened: &'a Unlocked) -> Result<Self> {
        check_role(&opened.snapshot)?;
        Ok(Self { keys: &opened.keys })
    }

    /// Of keys that were made or derived here, seed and all.
    pub(in crate::vault) fn with_own(keys: &'a Keys) -> Self {
        Self { keys }
    }

    pub(in crate::vault) fn keys(&self) -> &'a Keys {
        self.keys
    }

    /// AK, which opens and makes escrows.
    pub(in crate::vault) fn derive_escrow_key(&self, vault_id: &VaultId) -> AdministratorKey {
        with_scrubbed_stack(|| self.keys.seed().derive_administrator_key(vault_id))
    }

    /// Puts the vault's keys into a slot for whoever has `kek`.
    pub(in crate::vault) fn wrap(&self, slot: &mut Slot, vault_id: &VaultId, kek: &Kek) -> Result<()> {
        let random = random::make()?;
        with_scrubbed_stack(|| match slot.role {
            Role::Administrator => {
                slot.seal(vault_id, kek, self.keys.vault_key(), self.keys.seed().bytes(), &random)
            }
            Role::Reader => {
                let key = VerificationKey::derive(self.keys.seed()).to_bytes();
                slot.seal(vault_id, kek, self.keys.vault_key(), &key, &random)
            }
        })
    }
}

/// # Errors
/// [`ErrorKind::NotAdministrator`] for a reader.
pub(in crate::vault) fn check_role(snapshot: &Snapshot) -> Result<()> {
    match snapshot.role() {
        Role::Administrator => Ok(()),
        Role::Reader => {
            let message = "only an administrator can change the vault, but it was opened as a reader";
            Err(Error::new(ErrorKind::NotAdministrator, message))
        }
    }
}

/// All that a version is made of. Secrets in it are sealed already.
pub(in crate::vault) struct NextRevision<'a> {
    pub(in crate::vault) vault_id: VaultId,
    pub(in crate::vault) generation: u64,
    pub(in crate::vault) slots: Vec<Slot>,
    pub(in crate::vault) people: &'a [SlotMeta],
    /// Encoded records, or runs of them, ascending by name.
    pub(in crate::vault) runs: Vec<Run<'a>>,
    pub(in crate::vault) count: usize,
    /// The caller's slot.
    pub(in crate::vault) own: SlotId,
    /// The key that verified the version before this one.
    pub(in crate::vault) trusted: Option<VerificationKey>,
}

impl<'a> NextRevision<'a> {
    /// What `base` holds, signed by the same administrators.
    pub(in crate::vault) fn after(base: &'a Snapshot, generation: u64) -> Self {
        let count = base.offsets().len();
        Self {
            vault_id: base.header.vault_id,
            generation,
            slots: base.header.slots.clone(),
            people: &base.people,
            runs: vec![Run::Kept(base.encoded(0..count))],
            count,
            own: base.own_id(),
            trusted: Some(base.verification_key),
        }
    }

    /// The snapshot to hold in memory, checked as if it had been read, and the file to be saved.
    pub(in crate::vault) fn seal(self, administrator: &Administrator<'_>) -> Result<(Snapshot, Vec<u8>)> {
        let Self { vault_id, generation, slots, people, runs, count, own, trusted } = self;
        let keys = administrator.keys;
        let random = random::make()?;
        let mut header = Header::new(vault_id, generation, slots);
        let plan = BodyPlan { runs, count, people };
        let mut plain = PlainFile::for_body(&mut header, plan.len())?;
        plan.write_into(plain.body_mut())?;
        let (file, verification_key) = with_scrubbed_stack(|| {
            let file = plain.seal(keys.vault_key(), keys.seed(), &random)?;
            Ok::<_, Error>((file, VerificationKey::derive(keys.seed())))
        })?;
        // Nothing is saved that would not open: the header is checked here, the body by `Snapshot::new`.
        if trusted.is_some_and(|trusted| trusted != verification_key) {
            return Err(damaged("the keys in memory do not belong to this vault: open it again"));
        }
        UnverifiedHeader::parse(&file, file.len() as u64).map_err(|error| {
            Error::new(ErrorKind::Refused, "the new revision would break a rule of the format")
                .with_source(error)
        })?;
        let revision = Revision::of(&file);
        Ok((Snapshot::new(plain, header, verification_key, revision, own)?, file))
    }
}

/// A version ready to be saved, with its keys where they are not those of the one before.
pub(in crate::vault) struct Sealed {
    pub(in crate::vault) snapshot: Snapshot,
    pub(in crate::vault) file: Vec<u8>,
    pub(in crate::vault) keys: Option<Guarded<Keys>>,
}
