//! Bringing back what a backup holds: as a new version, never as an old one.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::format::body::Run;
use crate::memory::{Guarded, KeyPages};
use crate::pin::Pin;
use crate::storage::{FileStorage, Storage};
use crate::vault::commit::next_revision::{Administrator, NextRevision, Sealed, check_role};
use crate::vault::commit::rekey::{Departure, Renewed, rewrap, seal_anew};
use crate::vault::create::save_first;
use crate::vault::handle::Vault;
use crate::vault::open::OpenOptions;
use crate::vault::open::load::load;
use crate::vault::pinned_storage::PinnedStorage;
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::keys::Keys;

impl Vault {
    /// Puts the records of a backup in the place of this vault's own, as a new version. Who can open the vault stays as
    /// it is: nobody who was removed since comes back, and no old passphrase opens it again.
    ///
    /// Open the backup with [`OpenOptions::without_pin`]: this machine need not remember where it stands.
    ///
    /// # Errors
    /// [`Refused`](ErrorKind::Refused) if `backup` is no backup of this vault, or is this very handle, or newer than the
    /// vault, or while keys are being rotated;
    /// [`Damaged`](ErrorKind::Damaged) if one of its records does not open; or as [`edit`](Self::edit).
    pub fn restore(&self, backup: &Self) -> Result<()> {
        if Arc::ptr_eq(&self.shared, &backup.shared) {
            return Err(Error::new(ErrorKind::Refused, "a vault cannot be restored from itself"));
        }
        let backup = backup.with_own_keys(&backup.snapshot()?)?;
        self.commit(
            |base| {
                let message = if base.header.vault_id != backup.snapshot.header.vault_id {
                    "the backup is of another vault: export its records from there and import them here"
                } else if backup.snapshot.header.generation > base.header.generation {
                    // Its people are those of then: whoever was removed since would read what is newer.
                    "the vault is older than the backup: move it away, and restore the backup in its place"
                } else if !base.reserved_positions().is_empty() {
                    // It may hold the only copy of a key that AWS knows already.
                    "the keys of a record are being rotated: finish that first"
                } else {
                    return Ok(());
                };
                Err(Error::new(ErrorKind::Refused, message))
            },
            |(), opened, generation| restored(&backup, opened, generation).map(Some),
        )
    }
}

/// The records of the backup under the keys and the people of today.
fn restored(backup: &Unlocked, opened: &Unlocked, generation: u64) -> Result<Sealed> {
    let administrator = Administrator::of(opened)?;
    let base = &*opened.snapshot;
    backup.check_secrets(|| Ok(()))?; // all or nothing
    let records = seal_anew(&backup.snapshot, &backup.keys, &opened.keys)?;
    let count = backup.snapshot.offsets().len();
    let next = NextRevision { runs: vec![Run::New(records)], count, ..NextRevision::after(base, generation) };
    let (snapshot, file) = next.seal(&administrator)?;
    Ok(Sealed { snapshot, file, keys: None })
}

impl OpenOptions {
    /// Puts a backup where the vault at `path` was, which is gone or damaged: as a new version, newer than any that this
    /// machine saw, and opens it. A vault that still opens is restored with [`Vault::restore`].
    ///
    /// # Security
    /// The people of the backup can open it, each with the passphrase of then, also those who were removed since:
    /// [`Vault::people`] names them. The vault key is a new one; the key that signs is that of then.
    ///
    /// # Errors
    /// * [`NotAdministrator`](ErrorKind::NotAdministrator): the backup was opened as a reader.
    /// * [`Refused`](ErrorKind::Refused): the vault at `path` is sound.
    /// * [`Reopen`](ErrorKind::Reopen), [`Unsupported`](ErrorKind::Unsupported),
    ///   [`InvalidFile`](ErrorKind::InvalidFile) and what else says that something is there which is not known to be
    ///   damaged.
    /// * [`RevisionRefused`](ErrorKind::RevisionRefused): this machine saw another vault
    ///   at `path`, or cannot know; [`accept_revision`](Self::accept_revision) takes the backup's version all the same.
    /// * What keeps it from being saved, as [`Vault::edit`].
    pub fn restore(&self, path: impl AsRef<std::path::Path>, backup: &Vault) -> Result<Vault> {
        self.restore_in(FileStorage::new(path.as_ref()), backup)
    }

    /// Puts a backup where the vault in `storage` was, which is gone or damaged.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn restore_in(&self, storage: impl Storage, backup: &Vault) -> Result<Vault> {
        let backup = backup.with_own_keys(&backup.snapshot()?)?;
        check_role(&backup.snapshot)?;
        let pinned = PinnedStorage::new(Box::new(storage), &self.pinning)?;
        let pages = self.settings.pages;
        // Where what stands there cannot be opened, its version is all that is known of it.
        let expected = pinned.storage.revision()?;
        if expected.is_some() {
            check_damaged(&pinned, &backup, pages)?;
        }
        let base = &*backup.snapshot;
        let pin = pinned.read_pin();
        let newest = base.header.generation.max(pin.generation());
        let generation = newest.checked_add(1).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the vault has had as many generations as can be counted")
        })?;
        pin.allows(&Pin { generation, ..base.pin() }, pinned.accepted().as_ref())?;

        backup.check_secrets(|| Ok(()))?; // all or nothing
        // Under a new K: somebody who came after the backup and was removed since may have kept the K of then.
        let Renewed { snapshot, file, keys } = rewrap(&backup, 0, &Departure::Nobody, generation, pages)?;
        let unlocked = Unlocked::new(Arc::new(snapshot), keys);
        save_first(pinned, &self.settings, unlocked, expected.as_ref(), &file)
    }
}

/// Nothing is overwritten but what is damaged: the keys of the backup tell.
fn check_damaged(pinned: &PinnedStorage, backup: &Unlocked, pages: KeyPages) -> Result<()> {
    let mut keys = Guarded::<Keys>::new(pages)?;
    keys.set_kek(backup.keys.kek());
    let opened =
        load(&*pinned.storage).and_then(|loaded| loaded.open_with_kek(keys, backup.snapshot.own_id()));
    match opened {
        Err(error) if error.kind() == ErrorKind::Damaged => Ok(()),
        Err(error) => Err(error),
        Ok(_) => {
            let message = "the vault there is sound: open it, and restore the backup into it";
            Err(Error::new(ErrorKind::Refused, message))
        }
    }
}
