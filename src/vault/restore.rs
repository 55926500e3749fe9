//! Restoring a backup: always as a new revision, never as the old one.

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
    /// Replaces the records of this vault by those of a backup, as a new revision. People and passphrases stay
    /// unchanged: a person who was removed since the backup stays removed, and no old passphrase opens the vault again.
    ///
    /// Open the backup with [`OpenOptions::without_pin`], because this machine need not remember it.
    ///
    /// # Errors
    /// * [`Refused`](ErrorKind::Refused): `backup` is not a backup of this vault, is this same handle, or is newer than
    ///   the vault; or keys are being rotated.
    /// * [`Damaged`](ErrorKind::Damaged): a record of the backup does not open.
    /// * As [`edit`](Self::edit).
    pub fn restore(&self, backup: &Self) -> Result<()> {
        if Arc::ptr_eq(&self.shared, &backup.shared) {
            return Err(Error::new(
                ErrorKind::Refused,
                "could not restore the vault: the backup is this same vault",
            ));
        }
        let backup = backup.with_own_keys(&backup.snapshot()?)?;
        self.commit(
            |base| {
                let message = if base.header.vault_id != backup.snapshot.header.vault_id {
                    "the backup is not a backup of this vault: export its records and import them here instead"
                } else if backup.snapshot.header.generation > base.header.generation {
                    // The vault has old slots too: a person who was removed since then could read the newer records.
                    "the vault is older than the backup: move the vault away, and restore the backup in its place"
                } else if !base.reserved_positions().is_empty() {
                    // The reserved record may contain the only copy of a key that AWS already has.
                    "the keys of a record are being rotated: finish the rotation first"
                } else {
                    return Ok(());
                };
                Err(Error::new(ErrorKind::Refused, message))
            },
            |(), opened, generation| restored(&backup, opened, generation).map(Some),
        )
    }
}

/// Seals the records of the backup under the current keys, for the current people.
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
    /// Restores a backup at `path` in place of a missing or damaged vault, as a new revision that is newer than any
    /// that this machine saw, and opens it. If the vault still opens, use [`Vault::restore`] instead.
    ///
    /// # Security
    /// All people of the backup can open the restored vault, each with the passphrase at the time of the backup. This
    /// includes people who were removed since: [`Vault::people`] lists them. The vault key is new, but the signing key
    /// is the one of the backup.
    ///
    /// # Errors
    /// * [`NotAdministrator`](ErrorKind::NotAdministrator): the backup was opened as a reader.
    /// * [`Refused`](ErrorKind::Refused): the vault at `path` is not damaged.
    /// * [`Reopen`](ErrorKind::Reopen), [`Unsupported`](ErrorKind::Unsupported),
    ///   [`InvalidFile`](ErrorKind::InvalidFile) and other errors of reading: `path` contains a file that is not known to
    ///   be damaged.
    /// * [`RevisionRefused`](ErrorKind::RevisionRefused): this machine saw another vault at `path`, or its pin is damaged.
    ///   Use [`accept_revision`](Self::accept_revision) to restore the backup nevertheless.
    /// * Errors of saving, as for [`Vault::edit`].
    pub fn restore(&self, path: impl AsRef<std::path::Path>, backup: &Vault) -> Result<Vault> {
        self.restore_in(FileStorage::new(path.as_ref()), backup)
    }

    /// Restores a backup in `storage` in place of a missing or damaged vault.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn restore_in(&self, storage: impl Storage, backup: &Vault) -> Result<Vault> {
        let backup = backup.with_own_keys(&backup.snapshot()?)?;
        check_role(&backup.snapshot)?;
        let pinned = PinnedStorage::new(Box::new(storage), &self.pinning)?;
        let pages = self.settings.pages;
        // A damaged vault cannot be opened, so its revision is all that is known of it.
        let expected = pinned.storage.revision()?;
        if expected.is_some() {
            check_damaged(&pinned, &backup, pages)?;
        }
        let base = &*backup.snapshot;
        let pin = pinned.read_pin();
        let newest = base.header.generation.max(pin.generation());
        let generation = newest.checked_add(1).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the generation counter has reached its maximum")
        })?;
        pin.allows(&Pin { generation, ..base.pin() }, pinned.accepted().as_ref())?;

        backup.check_secrets(|| Ok(()))?; // all or nothing
        // Under a new K, because a person who was added after the backup and then removed may have kept the old K.
        let Renewed { snapshot, file, keys } = rewrap(&backup, 0, &Departure::Nobody, generation, pages)?;
        let unlocked = Unlocked::new(Arc::new(snapshot), keys);
        save_first(pinned, &self.settings, unlocked, expected.as_ref(), &file)
    }
}

/// Checks with the keys of the backup that the existing vault is damaged, because only a damaged vault may be overwritten.
fn check_damaged(pinned: &PinnedStorage, backup: &Unlocked, pages: KeyPages) -> Result<()> {
    let mut keys = Guarded::<Keys>::new(pages)?;
    keys.set_kek(backup.keys.kek());
    let opened =
        load(&*pinned.storage).and_then(|loaded| loaded.open_with_kek(keys, backup.snapshot.own_id()));
    match opened {
        Err(error) if error.kind() == ErrorKind::Damaged => Ok(()),
        Err(error) => Err(error),
        Ok(_) => {
            let message = "the existing vault is not damaged: open it and restore the backup into it";
            Err(Error::new(ErrorKind::Refused, message))
        }
    }
}
