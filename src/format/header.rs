//! The header: everything that can be read before a passphrase is known.

use std::collections::BTreeSet;

use crate::crypto::kdf::KdfParameters;
use crate::crypto::seal;
use crate::crypto::sha256;
use crate::crypto::signature::{self, Digested, VerificationKey};
use crate::error::{Error, ErrorKind, Result};
use crate::id::VaultId;

use super::preamble::{MAGIC, PREAMBLE, SUITE, VERSION};
use super::slot::{self, Role, Slot};
use super::{BLOCK, MAX_FILE, damaged};

const FIXED_LEN: usize = 56;
const CHECKSUM: usize = 32;
pub(crate) const MAX_SLOTS: usize = 32;
/// Length of the longest header.
pub(crate) const MAX_LEN: usize = len(MAX_SLOTS);

/// Returns the length of a header with this number of slots.
pub(crate) const fn len(slots: usize) -> usize {
    FIXED_LEN + slots * slot::LEN + CHECKSUM
}

/// A header whose file is signed by the vault's administrators, or is about to be signed.
#[derive(Clone)]
pub(crate) struct Header {
    pub(crate) vault_id: VaultId,
    pub(crate) generation: u64,
    pub(crate) slots: Vec<Slot>,
    pub(super) file_len: u64,
}

impl Header {
    /// Makes a header without a file length, which is set when the body's length is known.
    pub(crate) fn new(vault_id: VaultId, generation: u64, slots: Vec<Slot>) -> Self {
        Self { vault_id, generation, slots, file_len: 0 }
    }

    /// Returns the length of the whole file in bytes.
    pub(crate) fn file_len(&self) -> u64 {
        self.file_len
    }

    /// Returns the encoded header.
    #[cfg(feature = "testing")]
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; len(self.slots.len())];
        self.encode_into(&mut bytes);
        bytes
    }

    /// Writes the header, checksum included, into exactly [`len`] bytes.
    pub(super) fn encode_into(&self, bytes: &mut [u8]) {
        let mut fields = Vec::with_capacity(len(self.slots.len()));
        fields.extend_from_slice(&PREAMBLE);
        fields.extend_from_slice(&[0; 4]);
        fields.extend_from_slice(&self.file_len.to_le_bytes());
        fields.extend_from_slice(self.vault_id.as_bytes());
        fields.extend_from_slice(&self.generation.to_le_bytes());
        fields.extend_from_slice(&u16::try_from(self.slots.len()).unwrap_or(u16::MAX).to_le_bytes());
        fields.extend_from_slice(&[0; 6]);
        for slot in &self.slots {
            fields.extend_from_slice(&slot.encode());
        }
        fields.extend_from_slice(&sha256(&fields));
        bytes.copy_from_slice(&fields);
    }
}

/// A header whose signature has not been verified. Its values are within the format's limits, so it is safe
/// to derive keys with its Argon2id parameters.
pub(crate) struct UnverifiedHeader(Header);

impl UnverifiedHeader {
    /// Checks everything that can be checked without a key, in the order of `docs/format.md`, section 5.
    ///
    /// `start` is at least the first [`MAX_LEN`] bytes of the file, or the whole file if it is shorter.
    /// `file_len` is the length of the whole file.
    pub(crate) fn parse(start: &[u8], file_len: u64) -> Result<Self> {
        if file_len > MAX_FILE {
            let message = format!(
                "the file is not an aumbry vault: it is {file_len} bytes long, but the maximum is {MAX_FILE}"
            );
            return Err(Error::new(ErrorKind::InvalidFile, message));
        }
        // Magic, version and suite.
        let preamble = start.first_chunk::<{ PREAMBLE.len() }>();
        match preamble.and_then(|preamble| preamble.split_first_chunk()) {
            Some((magic, rest)) if *magic == MAGIC => check_version(rest)?,
            _ if start.is_empty() => {
                return Err(Error::new(
                    ErrorKind::InvalidFile,
                    "the file is not an aumbry vault: it is empty",
                ));
            }
            None if start.starts_with(&MAGIC) => return Err(cut_off()),
            _ => return Err(Error::new(ErrorKind::InvalidFile, "the file is not an aumbry vault")),
        }
        // The fields at fixed offsets.
        let fixed = start.first_chunk::<FIXED_LEN>().ok_or_else(cut_off)?;
        let u64_at = |at: usize| {
            let bytes = fixed.get(at..).and_then(<[u8]>::first_chunk::<8>);
            u64::from_le_bytes(bytes.copied().unwrap_or_default())
        };
        let stored_len = u64_at(16);
        if stored_len != file_len {
            let message = format!(
                "the vault is damaged: it is {file_len} bytes long instead of {stored_len}, because bytes were \
                 removed or added"
            );
            return Err(damaged(message));
        }
        let generation = u64_at(40);
        let [slots, zeros @ ..] = u16s(u64_at(48));
        if fixed.get(12..16) != Some(&[0; 4]) || zeros != [0; 3] || generation == 0 {
            return Err(damaged("the vault is damaged: its header contains impossible values"));
        }
        let slots = usize::from(slots);
        if !(1..=MAX_SLOTS).contains(&slots) {
            return Err(damaged("the vault is damaged: its number of slots is out of range"));
        }
        // The payload takes the remaining length, which must be a whole number of blocks.
        let others = (len(slots) + seal::OVERHEAD + signature::LEN) as u64;
        let plaintext = file_len.saturating_sub(others);
        if plaintext == 0 || !plaintext.is_multiple_of(BLOCK as u64) {
            return Err(damaged("the vault is damaged: its length is not a possible length of a vault"));
        }
        // The slots, and then the checksum of all bytes before it.
        let header = start.get(..len(slots)).ok_or_else(cut_off)?;
        let vault_id = fixed.get(24..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        let (content, checksum) = header.split_last_chunk::<CHECKSUM>().ok_or_else(cut_off)?;
        let slots = parse_slots(content.get(FIXED_LEN..).unwrap_or_default())?;
        if sha256(content) != *checksum {
            return Err(damaged("the vault is damaged: the checksum of its header is wrong"));
        }
        Ok(Self(Header { vault_id: VaultId::from_bytes(vault_id), generation, slots, file_len }))
    }

    pub(crate) fn vault_id(&self) -> &VaultId {
        &self.0.vault_id
    }

    pub(crate) fn generation(&self) -> u64 {
        self.0.generation
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.0.slots
    }

    pub(crate) fn file_len(&self) -> u64 {
        self.0.file_len
    }

    /// Returns whether the same keys open both.
    pub(crate) fn has_slots_of(&self, other: &Self) -> bool {
        self.0.vault_id == other.0.vault_id && self.0.slots == other.0.slots
    }

    /// Returns the encoded header.
    #[cfg(feature = "testing")]
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }

    /// Returns the header if `signature`, the last bytes of the file, is valid under `key` for all bytes
    /// before it, by the strict rules.
    pub(crate) fn verify(
        self,
        file: &Digested,
        signature: &[u8; signature::LEN],
        key: &VerificationKey,
    ) -> Result<Header> {
        if key.accepts(file, signature) {
            return Ok(self.0);
        }
        Err(damaged("the vault was altered: it does not have a valid signature of an administrator"))
    }
}

fn check_version(version_and_suite: &[u8]) -> Result<()> {
    let [version, suite] = match version_and_suite {
        [a, b, c, d] => [u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d])],
        _ => [0, 0],
    };
    if version == VERSION && suite == SUITE {
        return Ok(());
    }
    let message = format!(
        "the vault has format version {version} and suite {suite}, but this program supports only version {VERSION} \
         and suite {SUITE}: use a newer version of the program"
    );
    Err(Error::new(ErrorKind::Unsupported, message))
}

fn parse_slots(bytes: &[u8]) -> Result<Vec<Slot>> {
    let (chunks, _) = bytes.as_chunks::<{ slot::LEN }>();
    let slots = chunks.iter().map(Slot::parse).collect::<Result<Vec<_>>>()?;
    if slots.iter().map(|slot| slot.kdf.cost()).sum::<u64>() > KdfParameters::MAX_TOTAL_COST {
        return Err(damaged(
            "the vault is damaged: the key derivations of its slots cost more than the format allows",
        ));
    }
    // The standard library's hash tables ask the system for random bytes, and panic if it has none.
    let mut ids = BTreeSet::new();
    if !slots.iter().all(|slot| ids.insert(slot.id)) {
        return Err(damaged("the vault is damaged: two of its slots have the same id"));
    }
    if !slots.iter().any(|slot| slot.role == Role::Administrator) {
        return Err(damaged("the vault is damaged: it has no administrator"));
    }
    Ok(slots)
}

fn cut_off() -> Error {
    damaged("the vault is damaged: its header is incomplete")
}

fn u16s(word: u64) -> [u16; 4] {
    let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
    [[a, b], [c, d], [e, f], [g, h]].map(u16::from_le_bytes)
}
