//! Advice about an open vault: what the user could improve.

use std::fmt;

use crate::crypto::kdf::KdfParameters;
use crate::error::Result;
use crate::format::slot::Role;
use crate::memory::MemoryProtection;
use crate::vault::handle::Vault;

/// Something that the user should know although nothing failed. `Display` prints it as a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Advice {
    /// A guess at this passphrase costs less than the current default. Changing the passphrase renews the cost.
    KdfBelowDefault(KdfParameters),
    /// There is only one administrator. If that passphrase is forgotten, the vault can no longer be changed.
    NoSecondAdministrator,
    /// The keys may reach swap or a core dump.
    MemoryNotLocked,
    /// This machine could not remember which revision it saw, so it will not notice an older one.
    PinNotWritten(String),
    /// The last change was saved, but the disk did not confirm that it would survive a power cut.
    NotConfirmed,
}

impl Advice {
    fn on_kdf(parameters: KdfParameters) -> Option<Self> {
        let cheap = parameters.cost() < KdfParameters::default().cost() || !parameters.is_above_floor();
        cheap.then_some(Self::KdfBelowDefault(parameters))
    }

    fn on_memory(protection: MemoryProtection) -> Option<Self> {
        (protection == MemoryProtection::None).then_some(Self::MemoryNotLocked)
    }
}

impl Vault {
    /// Returns what the user could improve. An empty list means that there is nothing to improve.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn advice(&self) -> Result<Vec<Advice>> {
        let held = self.held();
        let unlocked = held.unlocked()?;
        let (snapshot, pinned) = (&unlocked.snapshot, self.pinned());
        let slots = &snapshot.header.slots;
        let administrators = slots.iter().filter(|slot| slot.role == Role::Administrator).count();
        let all = [
            snapshot.slot().and_then(|slot| Advice::on_kdf(slot.kdf)),
            (administrators < 2).then_some(Advice::NoSecondAdministrator),
            Advice::on_memory(unlocked.keys.protection()),
            pinned.pin_problem().map(Advice::PinNotWritten),
            (!pinned.is_confirmed()).then_some(Advice::NotConfirmed),
        ];
        Ok(all.into_iter().flatten().collect())
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KdfBelowDefault(kdf) => write!(
                f,
                "a guess at your passphrase costs only {} MiB and {} passes: change the passphrase to raise the cost",
                kdf.memory().get() / 1024,
                kdf.passes().get()
            ),
            Self::NoSecondAdministrator => f.write_str(
                "the vault has only one administrator: if that passphrase is forgotten, the vault can no longer be \
                 changed",
            ),
            Self::MemoryNotLocked => f.write_str(
                "the system refused to lock memory: raise the limit on locked memory (ulimit -l) to 64 KiB or more",
            ),
            Self::NotConfirmed => f.write_str(
                "the last change was saved, but the disk did not confirm it: make a backup and check the disk",
            ),
            Self::PinNotWritten(why) => {
                write!(f, "this machine will not notice an older vault: {why}")
            }
        }
    }
}
