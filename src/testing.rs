//! Only for tests: reproducible vaults made from their parts, valid or not, and access to keys.
//!
//! No published package enables the feature `testing`: this code does not protect secrets.

use std::collections::HashMap;

use crate::credentials::NewRecord;
use crate::crypto::kdf::{self, KdfParameters, derive_kek};
use crate::crypto::keys::{Kek, Seed, VaultKey};
use crate::crypto::record::{self, RecordKeys};
use crate::crypto::sha256;
use crate::crypto::signature::{VerificationKey, sign};
use crate::error::{Error, ErrorKind, Result};
use crate::format::PlainFile;
use crate::format::body::{BodyPlan, Run, WireRecord, seal_secret};
use crate::format::header::{self, Header, UnverifiedHeader};
use crate::format::people::{Escrow, SlotMeta};
use crate::format::slot::{Hint, Role, SEALED_LEN, Slot};
use crate::id::{SlotId, VaultId};
use crate::passphrase::{Passphrase, RecoveryCode};
use crate::storage::InMemory;
use crate::vault::{OpenOptions, Vault, open_below_kdf};

/// Returns how many key derivations this thread has started. Opening a vault starts the first one on the
/// calling thread.
#[must_use]
pub fn key_derivations() -> u64 {
    kdf::runs::of_this_thread()
}

/// Runs `work`; meanwhile every random byte of this thread is `byte`.
pub fn with_dead_generator<R>(byte: u8, work: impl FnOnce() -> R) -> R {
    crate::crypto::random::dead::at(byte, work)
}

pub mod fuzzing;
mod traces;

pub use traces::{Traces, forms_of, traces_of};

/// Makes a vault of format version 1 from its parts. The same parts give the same bytes.
pub struct Forge {
    vault_id: VaultId,
    generation: u64,
    seed: Seed,
    vault_key: VaultKey,
    people: Vec<(Slot, SlotMeta)>,
    records: Vec<(String, Vec<u8>)>,
    drawn: u64,
}

impl Forge {
    /// Starts a vault whose keys, salts and nonces are all derived from `number`.
    #[must_use]
    pub fn new(number: u64) -> Self {
        let mut forge = Self {
            vault_id: VaultId::from_bytes([0; 16]),
            generation: 1,
            seed: Seed::default(),
            vault_key: VaultKey::default(),
            people: Vec::new(),
            records: Vec::new(),
            drawn: number << 32,
        };
        forge.vault_id = VaultId::from_bytes(forge.draw_16());
        *forge.seed.bytes_mut() = forge.draw();
        *forge.vault_key.bytes_mut() = forge.draw();
        forge
    }

    /// Returns 32 bytes that replace random ones.
    fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        sha256(&self.drawn.to_le_bytes())
    }

    fn draw_16(&mut self) -> [u8; 16] {
        self.draw().first_chunk().copied().unwrap_or_default()
    }

    /// Sets the generation.
    #[must_use]
    pub fn generation(mut self, generation: u64) -> Self {
        self.generation = generation;
        self
    }

    /// Adds a person who opens the vault with a passphrase.
    ///
    /// # Errors
    /// If the key derivation fails.
    pub fn person(self, label: &str, role: Role, passphrase: &str, kdf: KdfParameters) -> Result<Self> {
        self.slot(label, role, Hint::Passphrase, &Passphrase::from(passphrase), kdf, None)
    }

    /// Adds a reader whose slot contains the verification key of another vault.
    ///
    /// # Errors
    /// If the key derivation fails.
    pub fn misled_reader(
        self,
        label: &str,
        passphrase: &str,
        kdf: KdfParameters,
        trusted: [u8; 32],
    ) -> Result<Self> {
        self.slot(label, Role::Reader, Hint::Passphrase, &Passphrase::from(passphrase), kdf, Some(trusted))
    }

    /// Adds a recovery code with these bits.
    ///
    /// # Errors
    /// If the key derivation fails.
    pub fn recovery_code(self, label: &str, bits: [u8; 16], kdf: KdfParameters) -> Result<Self> {
        let code = Passphrase::from(&RecoveryCode::encode(&bits));
        self.slot(label, Role::Administrator, Hint::RecoveryCode, &code, kdf, None)
    }

    fn slot(
        mut self,
        label: &str,
        role: Role,
        hint: Hint,
        passphrase: &Passphrase,
        kdf: KdfParameters,
        trusted: Option<[u8; 32]>,
    ) -> Result<Self> {
        let mut slot = Slot::new(role, hint, kdf, SlotId::from_bytes(self.draw_16()));
        let mut kek = Kek::default();
        derive_kek(passphrase.bytes(), slot.id.as_bytes(), &kdf, &mut kek)?;
        let random = self.draw();
        let x = match role {
            Role::Administrator => *self.seed.bytes(),
            Role::Reader => VerificationKey::derive(&self.seed).to_bytes(),
        };
        slot.seal(&self.vault_id, &kek, &self.vault_key, &trusted.unwrap_or(x), &random)?;
        let escrow_key = self.seed.derive_administrator_key(&self.vault_id);
        let random = self.draw();
        let escrow = Escrow { vault_id: &self.vault_id, kek: &kek, key: &escrow_key };
        let meta = SlotMeta::new(slot.id, label, 1_700_000_000, &escrow, &random)?;
        self.people.push((slot, meta));
        Ok(self)
    }

    /// Adds a record, created and last changed at these Unix seconds.
    ///
    /// # Errors
    /// If it exceeds a limit.
    pub fn record(self, draft: &NewRecord, created: i64, updated: i64) -> Result<Self> {
        let name = draft.name().as_str().to_owned();
        self.record_named(&name, draft, created, updated)
    }

    /// Adds a record with any name, even a reserved or invalid one.
    ///
    /// # Errors
    /// If it exceeds a limit.
    pub fn record_named(mut self, name: &str, draft: &NewRecord, created: i64, updated: i64) -> Result<Self> {
        let random = self.draw();
        let secret = seal_secret(&self.vault_id, name, &draft.secrets, &self.record_keys(), &random)?;
        let record = WireRecord {
            name,
            provider: draft.provider().into(),
            access_key_id: draft.access_key_id(),
            attributes: draft.attributes.iter().collect(),
            created,
            updated,
            expires: draft.expires,
            secret: &secret,
        };
        let encoded = record.encode()?.to_vec();
        self.records.push((name.to_owned(), encoded));
        Ok(self)
    }

    /// Returns the sealed secret that this record would have, for a record encoded by hand.
    ///
    /// # Errors
    /// If it exceeds a limit.
    pub fn sealed_secret(&mut self, name: &str, draft: &NewRecord) -> Result<Vec<u8>> {
        let random = self.draw();
        seal_secret(&self.vault_id, name, &draft.secrets, &self.record_keys(), &random)
    }

    /// Seals any plaintext as the secret of a record with this name, provider and key id.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn sealed_plaintext(
        &mut self,
        name: &str,
        provider: u32,
        access_key_id: &str,
        plaintext: &[u8],
    ) -> Result<Vec<u8>> {
        let lp = |text: &str| {
            let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
            [&len.to_le_bytes(), text.as_bytes()].concat()
        };
        let provider = provider.to_le_bytes();
        let aad = [self.vault_id.as_bytes(), lp(name).as_slice(), &provider, &lp(access_key_id)].concat();
        let random = self.draw();
        let mut sealed = vec![0; record::PREFIX];
        sealed.extend_from_slice(plaintext);
        sealed.resize(plaintext.len() + record::OVERHEAD, 0);
        match self.record_keys().seal_in_place(&random, &aad, &mut sealed) {
            Some(()) => Ok(sealed),
            None => Err(Error::new(ErrorKind::InvalidInput, "too long to be encrypted")),
        }
    }

    fn record_keys(&self) -> RecordKeys {
        let mut keys = RecordKeys::default();
        keys.derive_from(&self.vault_key, &self.vault_id);
        keys
    }

    /// Returns the body made of these parts.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn body(&self) -> Result<Vec<u8>> {
        let mut records: Vec<_> = self.records.iter().collect();
        records.sort();
        self.body_of(&records.into_iter().map(|(_, encoded)| encoded.clone()).collect::<Vec<_>>())
    }

    /// Returns the body with these encoded records, in this order.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn body_of(&self, records: &[Vec<u8>]) -> Result<Vec<u8>> {
        let people: Vec<SlotMeta> = self.people.iter().map(|(_, meta)| meta.clone()).collect();
        let runs = records.iter().map(|record| Run::Kept(record)).collect();
        let plan = BodyPlan { runs, count: records.len(), people: &people };
        let mut body = vec![0; plan.len()];
        plan.write_into(&mut body)?;
        Ok(body)
    }

    /// Returns the encoded records, in the order in which they were added.
    #[must_use]
    pub fn encoded_records(&self) -> Vec<Vec<u8>> {
        self.records.iter().map(|(_, encoded)| encoded.clone()).collect()
    }

    /// Returns the vault.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn build(&self) -> Result<Vec<u8>> {
        self.build_body(&self.body()?)
    }

    /// Returns the vault with another body.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn build_body(&self, body: &[u8]) -> Result<Vec<u8>> {
        let mut plaintext = (body.len() as u64).to_le_bytes().to_vec();
        plaintext.extend_from_slice(body);
        plaintext.resize(plaintext.len().next_multiple_of(1024), 0);
        self.build_plaintext(&plaintext)
    }

    /// Returns the vault with another payload, including length and padding.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn build_plaintext(&self, plaintext: &[u8]) -> Result<Vec<u8>> {
        let slots = self.people.iter().map(|(slot, _)| slot.clone()).collect();
        let mut header = Header::new(self.vault_id, self.generation, slots);
        let random = sha256(plaintext);
        PlainFile::for_plaintext(&mut header, plaintext)?.seal(&self.vault_key, &self.seed, &random)
    }

    /// Returns the same bytes with a new header checksum and a new signature.
    #[must_use]
    pub fn resign(&self, mut file: Vec<u8>) -> Vec<u8> {
        repair_checksum(&mut file);
        if let Some((signed, signature)) = file.split_last_chunk_mut() {
            *signature = sign(&self.seed, signed);
        }
        file
    }
}

/// Updates the checksum of the header to match its current content.
pub fn repair_checksum(file: &mut [u8]) {
    let slots = file.get(48..50).and_then(|bytes| bytes.try_into().ok()).map_or(1, u16::from_le_bytes);
    let header = file.get_mut(..header::len(usize::from(slots)));
    if let Some((content, checksum)) = header.and_then(<[u8]>::split_last_chunk_mut) {
        *checksum = sha256(content);
    }
}

/// The key-encryption keys of one passphrase for the slots of some vaults. Altered copies of these vaults can
/// be opened with them without running Argon2id.
pub struct Keks(HashMap<KdfInput, [u8; 32]>);

/// Salt, memory, passes, lanes.
type KdfInput = ([u8; 16], u32, u32, u32);

fn kdf_input(slot: &Slot) -> KdfInput {
    (*slot.id.as_bytes(), slot.kdf.memory().get(), slot.kdf.passes().get(), slot.kdf.lanes().get())
}

impl Keks {
    /// Derives the key for every slot of these vaults.
    ///
    /// # Errors
    /// If a header is invalid, or a key derivation fails.
    pub fn derive(files: &[&[u8]], passphrase: &str) -> Result<Self> {
        let passphrase = Passphrase::from(passphrase);
        let mut keks = HashMap::new();
        for file in files {
            for slot in UnverifiedHeader::parse(file, file.len() as u64)?.slots() {
                let mut kek = Kek::default();
                derive_kek(passphrase.bytes(), slot.id.as_bytes(), &slot.kdf, &mut kek)?;
                keks.insert(kdf_input(slot), *kek.bytes());
            }
        }
        Ok(Self(keks))
    }

    /// Opens a vault as the passphrase would. A slot with another salt, memory, passes or lanes gets a key
    /// that opens nothing, just as Argon2id would derive one.
    ///
    /// # Errors
    /// As [`OpenOptions::open_in`](crate::OpenOptions::open_in).
    pub fn open(&self, file: Vec<u8>) -> Result<Vault> {
        open_below_kdf(InMemory::from_bytes(file), OpenOptions::new(), &|slot| {
            let (salt, memory, passes, lanes) = kdf_input(slot);
            let mut kek = Kek::default();
            *kek.bytes_mut() = self.0.get(&kdf_input(slot)).copied().unwrap_or_else(|| {
                let numbers = [memory, passes, lanes].map(u32::to_le_bytes).concat();
                sha256(&[salt.as_slice(), &numbers].concat())
            });
            kek
        })
    }
}

/// Every key that opening a vault puts into memory.
pub struct NamedKeys {
    /// The key-encryption key of the slot that opened.
    pub kek: [u8; 32],
    /// The vault key (K).
    pub vault_key: [u8; 32],
    /// The seed, or for a reader the verification key.
    pub x: [u8; 32],
    /// The record key and the nonce key (RK and NK).
    pub record_keys: [u8; 64],
}

/// Returns the keys that this passphrase opens.
///
/// # Errors
/// As for opening the vault.
pub fn keys_of(file: &[u8], passphrase: &str) -> Result<NamedKeys> {
    let header = UnverifiedHeader::parse(file, file.len() as u64)?;
    let OpenedSlot { kek, vault_key, x, .. } = open_slot_of(&header, passphrase)?;
    let record_keys = crate::crypto::record::derive_bytes(&vault_key, header.vault_id());
    Ok(NamedKeys { kek: *kek.bytes(), vault_key: *vault_key.bytes(), x: *x.bytes(), record_keys })
}

/// A slot, the key that opened it, and the keys that it contains.
struct OpenedSlot {
    slot: Slot,
    kek: Kek,
    vault_key: VaultKey,
    x: Seed,
}

fn open_slot_of(header: &UnverifiedHeader, passphrase: &str) -> Result<OpenedSlot> {
    let passphrase = Passphrase::from(passphrase);
    for slot in header.slots() {
        let (mut kek, mut vault_key, mut x) = (Kek::default(), VaultKey::default(), Seed::default());
        derive_kek(passphrase.bytes(), slot.id.as_bytes(), &slot.kdf, &mut kek)?;
        let scratch = &mut [0; SEALED_LEN];
        if slot.open(header.vault_id(), &kek, scratch, &mut vault_key, x.bytes_mut()).is_ok() {
            return Ok(OpenedSlot { slot: slot.clone(), kek, vault_key, x });
        }
    }
    Err(Error::new(ErrorKind::WrongPassphrase, "no slot opens"))
}
