//! Entry points for the fuzzers in `fuzz/`: parsers that are otherwise reached only with authentic bytes, and
//! encoders for what was parsed.

use super::{Forge, keys_of};
use crate::credentials::{Credentials, NewRecord, Provider};
use crate::crypto::keys::{Kek, VaultKey};
use crate::crypto::{record, sha256};
use crate::error::{Error, ErrorKind, Result};
use crate::format::body::{BodyPlan, RecordView, Run, WireRecord, associated_data, scan};
use crate::format::header::UnverifiedHeader;
use crate::format::slot::{SEALED_LEN, Slot};
use crate::id::SlotId;
use crate::storage::InMemory;
use crate::vault::{OpenOptions, Vault, open_below_kdf};

/// Parses the header of a file of this length, and encodes it again.
///
/// # Errors
/// As for opening the vault.
pub fn header(start: &[u8], file_len: u64) -> Result<Vec<u8>> {
    Ok(UnverifiedHeader::parse(start, file_len)?.encode())
}

/// Checks a body as opening a vault does after authenticating it.
///
/// # Errors
/// As for opening the vault.
pub fn check_body(body: &[u8]) -> Result<()> {
    scan(body).map(|_| ())
}

/// Parses a body field by field, and encodes it again.
///
/// # Errors
/// As for opening the vault.
pub fn body(body: &[u8]) -> Result<Vec<u8>> {
    let scanned = scan(body)?;
    let mut runs = Vec::with_capacity(scanned.records.len());
    let records_end = usize::try_from(scanned.records_end).unwrap_or_default();
    for offset in &scanned.records {
        let record = usize::try_from(*offset).ok().and_then(|offset| body.get(offset..records_end));
        let (record, _) = record.and_then(RecordView::read).ok_or_else(unread)?;
        runs.push(Run::New(anew(&record).encode()?));
    }
    let plan = BodyPlan { count: runs.len(), runs, people: &scanned.people };
    let mut bytes = vec![0; plan.len()];
    plan.write_into(&mut bytes)?;
    Ok(bytes)
}

fn anew<'a>(record: &RecordView<'a>) -> WireRecord<'a> {
    WireRecord {
        name: record.name,
        provider: record.provider.into(),
        access_key_id: record.access_key_id,
        attributes: record.attributes().collect(),
        created: record.created,
        updated: record.updated,
        expires: record.expires,
        secret: record.secret,
    }
}

fn unread() -> Error {
    Error::new(ErrorKind::Damaged, "a record was found and could not be read")
}

/// A person's access to a vault, without the key derivation.
pub struct Way {
    slot: SlotId,
    kek: Kek,
}

impl Way {
    /// Derives the key of the person with this passphrase, once for all later calls.
    ///
    /// # Errors
    /// As for opening the vault.
    pub fn of(file: &[u8], passphrase: &str) -> Result<Self> {
        let header = UnverifiedHeader::parse(file, file.len() as u64)?;
        let mut kek = Kek::default();
        *kek.bytes_mut() = keys_of(file, passphrase)?.kek;
        let opens = |slot: &&Slot| {
            let (mut key, mut x) = (VaultKey::default(), [0; 32]);
            slot.open(header.vault_id(), &kek, &mut [0; SEALED_LEN], &mut key, &mut x).is_ok()
        };
        let slot = header.slots().iter().find(opens).map(|slot| slot.id);
        Ok(Self { slot: slot.unwrap_or(SlotId::from_bytes([0; 16])), kek })
    }

    /// Opens other bytes with the same key.
    ///
    /// # Errors
    /// As for opening the vault.
    pub fn open(&self, storage: InMemory) -> Result<Vault> {
        // Without secret memory, for which the kernel takes some milliseconds.
        let options = OpenOptions::new().slot(self.slot).without_pin().allow_hibernation();
        open_below_kdf(storage, options, &|_| {
            let mut kek = Kek::default();
            *kek.bytes_mut() = *self.kek.bytes();
            kek
        })
    }
}

impl Forge {
    /// Encodes a record whose secret opens to any bytes, including bytes that no writer produces.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn record_of_part(
        &self,
        name: &str,
        provider: Provider,
        key_id: &str,
        part: &[u8],
    ) -> Result<Vec<u8>> {
        let aad = associated_data(&self.vault_id, name, provider, key_id)?;
        let mut secret = vec![0; part.len() + record::OVERHEAD];
        for (place, byte) in secret.iter_mut().skip(record::PREFIX).zip(part) {
            *place = *byte;
        }
        self.record_keys().seal_in_place(&sha256(part), &aad, &mut secret).ok_or_else(unread)?;
        let record = WireRecord {
            name,
            provider: provider.into(),
            access_key_id: key_id,
            attributes: Vec::new(),
            created: 0,
            updated: 0,
            expires: None,
            secret: &secret,
        };
        Ok(record.encode()?.to_vec())
    }
}

/// Encodes the header of an open vault again, and returns its decrypted body.
///
/// # Errors
/// If the vault is locked.
pub fn header_and_body(vault: &Vault) -> Result<(Vec<u8>, Vec<u8>)> {
    vault.header_and_body()
}

/// Returns the credentials that a look-up would give for a record added in the first second of 1970.
#[must_use]
pub fn credentials(draft: &NewRecord) -> Credentials {
    Credentials {
        name: draft.name.clone(),
        secrets: draft.secrets.clone(),
        attributes: draft.attributes.clone(),
        created: 0,
        updated: 0,
        expires: draft.expires,
    }
}
