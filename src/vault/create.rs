//! Making a vault.

use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::format::slot::{Hint, Role};
use crate::memory::Guarded;
use crate::passphrase::Passphrase;
use crate::passphrase::recovery_code::{self, RecoveryCode};
use crate::storage::{Storage, Version};
use crate::vault::commit::new_slot::{Newcomer, check_label};
use crate::vault::commit::next_revision::{Administrator, NextVersion};
use crate::vault::open::CreateOptions;
use crate::vault::open::slot_search::Opened;
use crate::vault::unlocked::keys::Keys;
use crate::vault::{Place, Vault};

/// Makes an empty vault with one administrator, and one more for a recovery code.
pub(super) fn create(
    storage: Box<dyn Storage>,
    options: CreateOptions,
    passphrase: &Passphrase,
    code: Option<&RecoveryCode>,
) -> Result<Vault> {
    // All that can be refused is refused before the slow step.
    passphrase.check_len()?;
    let kdf = options.first_kdf()?;
    check_label(&options.label)?;
    if code.is_some() && options.label == recovery_code::LABEL {
        let message =
            format!("{:?} is what the recovery code is called: choose another label", recovery_code::LABEL);
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let place = Place::new(storage, options.open)?;
    if place.storage.version()?.is_some() {
        let at = place.storage.location()?.map(|at| format!(" at {}", quoted(&at))).unwrap_or_default();
        let message = format!("there is a vault or another file{at} already");
        return Err(Error::new(ErrorKind::AlreadyExists, message));
    }

    let secret_memory = place.secret_memory();
    let newcomer = |label: &str, hint, passphrase: &Passphrase| {
        Newcomer::make(label, (Role::Administrator, hint), kdf, passphrase, secret_memory)
    };
    let owner = newcomer(&options.label, Hint::Passphrase, passphrase)?;
    let code = code
        .map(|code| newcomer(recovery_code::LABEL, Hint::RecoveryCode, &code.to_passphrase()))
        .transpose()?;

    let vault_id = random::make()?;
    let mut keys = Guarded::<Keys>::new(secret_memory)?;
    keys.make_first(&vault_id)?;
    keys.set_kek(owner.kek());
    let founder = Administrator::with_own(&keys);
    let admitted =
        [Some(&owner), code.as_ref()].into_iter().flatten().map(|who| who.admit(&founder, &vault_id));
    let (slots, people): (Vec<_>, Vec<_>) = admitted.collect::<Result<Vec<_>>>()?.into_iter().unzip();

    let own = owner.id();
    let next = NextVersion {
        vault_id,
        generation: 1,
        slots,
        people: &people,
        runs: Vec::new(),
        count: 0,
        own,
        trusted: None,
    };
    let (snapshot, file) = next.seal(&founder)?;
    let place = NewPlace { place, expected: None };
    place.settle(Opened::new(snapshot.into(), keys), &file)
}

/// A place where a vault begins.
pub(super) struct NewPlace {
    pub(super) place: Place,
    /// What stands there and makes way.
    pub(super) expected: Option<Version>,
}

impl NewPlace {
    /// Saves the first version of a handle.
    pub(super) fn settle(self, opened: Opened, file: &[u8]) -> Result<Vault> {
        let pin = opened.snapshot.pin();
        // All that can fail comes before the file is made: a recovery code must not be lost with an error.
        let vault = Vault::unlocked(self.place, opened)?;
        let place = vault.place();
        let before = place.read_pin();
        {
            let _exclusive = place.storage.exclusive()?;
            match place.storage.replace(self.expected.as_ref(), file) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::DurabilityUnknown => place.set_confirmed(false),
                Err(error) => return Err(error),
            }
            // Also of a file that may vanish: then there is none, which is no older one. And what this program made
            // itself it accepts, if the pin of an earlier vault cannot be replaced.
            if !place.remember(&pin, &before) {
                place.accept(pin.signature);
            }
        }
        Ok(vault)
    }
}
