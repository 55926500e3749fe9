//! The pin: what this machine remembers of a vault, so that it notices an older or swapped file.
//!
//! It is a small file outside the vault. It is read before the vault, because otherwise a commit in between would look
//! like a rollback. It is written only after a revision is known to be durable, and it only moves forward. If it cannot
//! be written, that is a warning, never a failure.

use subtle::ConstantTimeEq;

use crate::credentials::{now, system_time};
use crate::crypto::sha256;
use crate::error::{Error, ErrorKind, Mismatch, RefusedRevision, Result, SeenRevision, quoted};
use crate::hex::{hex, unhex};
use crate::id::{Revision, SlotId, VaultId};
use crate::storage::StateFile;

/// A revision of a vault that this machine saw, and the slot through which it was opened.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) vault_id: VaultId,
    pub(crate) verification_key: [u8; 32],
    pub(crate) generation: u64,
    pub(crate) revision: Revision,
    pub(crate) slot: SlotId,
    /// When it was seen, in Unix seconds.
    pub(crate) seen: i64,
    /// When a record was last changed, for messages. `None` in a pin that was read, because the file does not contain it.
    pub(crate) changed: Option<i64>,
}

/// The content of the pin's file.
pub(crate) enum StoredPin {
    /// There is no pin: this machine never saw the vault, or must not remember it.
    Absent,
    Present(Pin),
    /// The file at this path is not a valid pin, or cannot be read.
    Damaged(String),
}

impl StoredPin {
    pub(crate) fn generation(&self) -> u64 {
        match self {
            Self::Present(pin) => pin.generation,
            Self::Absent | Self::Damaged(_) => 0,
        }
    }

    pub(crate) fn slot(&self) -> Option<SlotId> {
        match self {
            Self::Present(pin) => Some(pin.slot),
            Self::Absent | Self::Damaged(_) => None,
        }
    }

    /// Checks whether `found` may follow the revision of this pin. `accepted` is the revision that the user accepted.
    pub(crate) fn allows(&self, found: &Pin, accepted: Option<&Revision>) -> Result<()> {
        let result = match self {
            Self::Absent => Ok(()),
            Self::Present(pin) => pin.allows(found),
            Self::Damaged(place) => {
                let message = format!(
                    "could not check whether the vault is older than the last revision that this machine saw: the \
                     pin {} is damaged or cannot be read; the vault has generation {}{}",
                    quoted(place),
                    found.generation,
                    Changed(found.changed)
                );
                Err(Error::new(ErrorKind::RevisionRefused(Mismatch::PinDamaged), message))
            }
        };
        match result {
            Err(_)
                if accepted
                    .is_some_and(|accepted| accepted.as_bytes().ct_eq(found.revision.as_bytes()).into()) =>
            {
                Ok(())
            }
            Err(error) => Err(error.with_refused_revision(self.refused(found))),
            Ok(()) => Ok(()),
        }
    }

    fn refused(&self, found: &Pin) -> RefusedRevision {
        let seen = match self {
            Self::Present(pin) => Some(pin.seen()),
            Self::Absent | Self::Damaged(_) => None,
        };
        RefusedRevision {
            revision: found.revision,
            generation: found.generation,
            changed: found.changed.map(system_time),
            seen,
        }
    }
}

impl Pin {
    /// Returns this revision as an error reports it.
    pub(crate) fn seen(&self) -> SeenRevision {
        SeenRevision { revision: self.revision, generation: self.generation, when: system_time(self.seen) }
    }

    /// Checks whether `found` may follow this revision.
    pub(crate) fn allows(&self, found: &Self) -> Result<()> {
        let seen = Ago(self.seen);
        let changed = Changed(found.changed);
        if self.vault_id != found.vault_id {
            let message = format!(
                "another vault is stored here: its id differs from the one that this machine saw {seen}; it has \
                 generation {}{changed}, and this machine saw generation {}",
                found.generation, self.generation
            );
            return Err(Error::new(ErrorKind::RevisionRefused(Mismatch::VaultChanged), message));
        }
        if self.verification_key != found.verification_key && found.generation <= self.generation {
            let message = format!(
                "the vault has another signing key than the one that this machine saw {seen}, and its generation is \
                 not newer: it may be a copy from before a rekey, put back by a person who was removed; it has \
                 generation {}{changed}, and this machine saw generation {}",
                found.generation, self.generation
            );
            return Err(Error::new(ErrorKind::RevisionRefused(Mismatch::VaultChanged), message));
        }
        if self.verification_key != found.verification_key {
            let message = format!(
                "the signing key of the vault was replaced since this machine saw the vault {seen}: ask an \
                 administrator whether the vault was rekeyed; it has generation {}{changed}, and this machine saw \
                 generation {}",
                found.generation, self.generation
            );
            return Err(Error::new(ErrorKind::RevisionRefused(Mismatch::VaultChanged), message));
        }
        if found.generation < self.generation {
            let message = format!(
                "the vault is older than the revision that this machine saw {seen}: it has generation {}{changed}, \
                 and this machine saw generation {}",
                found.generation, self.generation
            );
            return Err(Error::new(ErrorKind::RevisionRefused(Mismatch::Rollback), message));
        }
        if found.generation == self.generation && found.revision != self.revision {
            let message = format!(
                "the vault is not the revision that this machine saw {seen}, although both have generation \
                 {}{changed}: another program edited a copy of the vault",
                self.generation
            );
            return Err(Error::new(ErrorKind::RevisionRefused(Mismatch::Fork), message));
        }
        Ok(())
    }

    fn is_of_same_vault(&self, other: &Self) -> bool {
        self.vault_id == other.vault_id && self.verification_key == other.verification_key
    }

    /// Encodes the pin as text, so that a person can read it, with a checksum, so that damage is noticed.
    fn encode(&self) -> Vec<u8> {
        let mut text = format!(
            "aumbry pin 1\nvault-id {}\nverification-key {}\ngeneration {}\nsignature {}\nslot {}\nseen {}\n",
            self.vault_id,
            hex(&self.verification_key),
            self.generation,
            self.revision,
            self.slot,
            self.seen
        );
        let checksum = hex(&sha256(text.as_bytes()));
        text.push_str("checksum ");
        text.push_str(&checksum);
        text.push('\n');
        text.into_bytes()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.lines();
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        if value("aumbry pin")? != "1" {
            return None;
        }
        let pin = Self {
            vault_id: value("vault-id")?.parse().ok()?,
            verification_key: unhex(value("verification-key")?)?,
            generation: value("generation")?.parse().ok()?,
            revision: value("signature")?.parse().ok()?,
            slot: value("slot")?.parse().ok()?,
            seen: value("seen")?.parse().ok()?,
            changed: None,
        };
        // A valid pin encodes to the same text again, including the checksum.
        (pin.encode() == bytes).then_some(pin)
    }
}

/// Returns where the pin of the vault at `location` is stored.
pub(crate) fn state_file(folder: Option<&std::path::Path>, location: &str) -> Option<StateFile> {
    let digest = sha256(location.as_bytes());
    let name = hex(digest.first_chunk::<16>()?);
    StateFile::new(folder, &format!("{name}.pin"))
}

/// Reads the pin. If this user may not read the folder, that counts as no pin, so it never prevents opening.
pub(crate) fn read(file: Option<&StateFile>) -> StoredPin {
    let Some(file) = file else { return StoredPin::Absent };
    let damaged = || StoredPin::Damaged(file.path().to_string_lossy().into_owned());
    match file.read() {
        Ok(None) => StoredPin::Absent,
        Ok(Some(bytes)) => Pin::parse(&bytes).map_or_else(damaged, StoredPin::Present),
        Err(_) => damaged(),
    }
}

/// Remembers `pin`, unless another program has remembered a newer revision of the same vault, or another vault, since
/// `before` was read.
pub(crate) fn remember(file: &StateFile, pin: &Pin, before: &StoredPin) -> std::io::Result<()> {
    file.update(|current| {
        if let Some(current) = current.and_then(Pin::parse) {
            let replaced = !current.is_of_same_vault(pin)
                && !matches!(before, StoredPin::Present(before) if before.is_of_same_vault(&current));
            if replaced {
                return None;
            }
        }
        let newer_known = current.and_then(Pin::parse).is_some_and(|current| {
            let same_vault = current.is_of_same_vault(pin);
            let unchanged = current.revision == pin.revision && current.slot == pin.slot;
            let other = current.generation == pin.generation && current.revision != pin.revision;
            same_vault && (current.generation > pin.generation || unchanged || other)
        });
        (!newer_known).then(|| Pin { seen: now(), ..pin.clone() }.encode())
    })
}

/// Displays a time as its distance from now and in UTC.
struct Ago(i64);

impl std::fmt::Display for Ago {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = now().saturating_sub(self.0).max(0);
        let (count, unit) = match seconds {
            0..60 => return write!(f, "less than a minute ago ({})", At(self.0)),
            60..3600 => (seconds / 60, "minute"),
            3600..86_400 => (seconds / 3600, "hour"),
            _ => (seconds / 86_400, "day"),
        };
        write!(f, "{count} {unit}{} ago ({})", if count == 1 { "" } else { "s" }, At(self.0))
    }
}

/// Displays when the revision that was found was last changed.
struct Changed(Option<i64>);

impl std::fmt::Display for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(time) => write!(f, " (changed {})", At(time)),
            None => Ok(()),
        }
    }
}

/// Displays a time in UTC.
struct At(i64);

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "Unix time {}", self.0),
        }
    }
}
