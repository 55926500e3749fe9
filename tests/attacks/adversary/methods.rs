//! How a forgery gets past the signature, or does not.

use crate::adversary::fields::Field;
use crate::adversary::parts::Parts;
use crate::adversary::scene::{Adversary, Person};
use crate::adversary::tools::{self, Key};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    /// The newest version's signature stays.
    Kept,
    /// The same, with S + L in the place of S.
    KeptWithLargerS,
    /// Zeros.
    Dropped,
    /// An older version's, which the true seed made.
    Copied,
    /// R of small order and S zero, which lenient verifiers take for any message under a key of small order.
    SmallOrder,
    /// Made with the adversary's own key.
    OwnKey,
    /// The same, and that key is in her own slot, sealed under her passphrase.
    OwnKeyInOwnSlot,
    /// The same, and her own slot is an administrator's.
    OwnSeedInOwnSlot,
    /// The same, and ron's slot is one of her making: his passphrase no longer opens it.
    OwnKeyInRonsSlot,
    /// The 64 bytes are missing.
    CutOff,
    /// The control: made with the seed, which a reader does not have.
    Seed(Key),
}

impl Method {
    pub(crate) const ALL: [Self; 10] = [
        Self::Kept,
        Self::KeptWithLargerS,
        Self::Dropped,
        Self::Copied,
        Self::SmallOrder,
        Self::OwnKey,
        Self::OwnKeyInOwnSlot,
        Self::OwnSeedInOwnSlot,
        Self::OwnKeyInRonsSlot,
        Self::CutOff,
    ];

    /// The field altered in this way. `None` where the slot that would be replaced is not there.
    pub(crate) fn forge(self, field: &Field<'_>, adversary: &Adversary) -> Option<Vec<u8>> {
        let mut parts = adversary.parts();
        (field.alter)(&mut parts);
        self.replace_slot(&mut parts, adversary)?;
        let mut file = parts.put_together();
        self.sign(&mut file, adversary);
        Some(file)
    }

    fn replace_slot(self, parts: &mut Parts, adversary: &Adversary) -> Option<()> {
        match self {
            Self::OwnKeyInOwnSlot | Self::OwnSeedInOwnSlot => {
                let position = parts.position(adversary.id(Person::Rea))?;
                let mut slot = parts.slots[position];
                if self == Self::OwnSeedInOwnSlot {
                    slot[0] = 1;
                }
                let x = adversary.own_x(slot[0]);
                tools::wrap(&mut slot, &parts.vault_id, &adversary.kek, &parts.key, &x);
                parts.replace_slot(position, slot);
            }
            Self::OwnKeyInRonsSlot => {
                let position = parts.position(adversary.id(Person::Ron))?;
                let slot = adversary.spare_slot(Person::Ron, parts);
                parts.replace_slot(position, slot);
            }
            _ => {}
        }
        Some(())
    }

    fn sign(self, file: &mut Vec<u8>, adversary: &Adversary) {
        let kept: [u8; 64] = *adversary.file.last_chunk().unwrap();
        let signature = match self {
            Self::Seed(seed) => return tools::sign(&seed, file),
            Self::CutOff => return file.truncate(file.len() - 64),
            Self::OwnKey | Self::OwnKeyInOwnSlot | Self::OwnSeedInOwnSlot | Self::OwnKeyInRonsSlot => {
                return tools::sign(&adversary.own_seed, file);
            }
            Self::Kept => kept,
            Self::KeptWithLargerS => tools::with_larger_s(&kept),
            Self::Dropped => [0; 64],
            Self::Copied => *adversary.older.last_chunk().unwrap(),
            Self::SmallOrder => std::array::from_fn(|n| u8::from(n == 0)),
        };
        *file.last_chunk_mut().unwrap() = signature;
    }
}
