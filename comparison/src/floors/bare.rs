//! The floor of a look-up: a bare hash table of offsets over one buffer, with the minimum of work.

use std::hash::BuildHasher;
use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock};

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::records::name;
use crate::result::Result;

const NONCE: usize = 12;
const TEXT: usize = 40;
const TAG: usize = 16;
/// As long as aumbry's associated data of these records: vault id, name, provider and key id, with their
/// lengths.
const ASSOCIATED: [u8; 76] = [7; 76];
/// As much stack as aumbry scrubs in a release build.
const SCRUBBED: usize = 16 * 1024;

pub fn cipher() -> Aes256Gcm {
    Aes256Gcm::new(&[7; 32].into())
}

/// Returns `len` bytes with `count` records in name order: a name after its length, a sealed secret that
/// begins with the name, and zeros. All have the same odd length, so that they start at varying offsets of
/// cache lines, as records of different lengths do.
pub fn plaintext(count: usize, len: usize) -> Result<Vec<u8>> {
    let mut names: Vec<String> = (0..count).map(name).collect();
    names.sort_unstable();
    let cipher = cipher();
    let mut bytes = vec![0; len];
    for (number, (name, record)) in names.iter().zip(bytes.chunks_exact_mut(stride(count, len))).enumerate() {
        let (head, sealed) = record.split_at_mut(1 + name.len());
        head[0] = u8::try_from(name.len())?;
        head[1..].copy_from_slice(name.as_bytes());
        sealed[..8].copy_from_slice(&number.to_le_bytes());
        let (nonce, rest) = sealed.split_first_chunk_mut::<NONCE>().ok_or("a record without room")?;
        let (text, rest) = rest.split_first_chunk_mut::<TEXT>().ok_or("a record without room")?;
        let tag = rest.first_chunk_mut::<TAG>().ok_or("a record without room")?;
        text[..name.len()].copy_from_slice(name.as_bytes());
        *tag = cipher
            .encrypt_inout_detached(&Nonce::from(*nonce), &ASSOCIATED, text.as_mut_slice().into())
            .map_err(|_| "too long to seal")?
            .into();
    }
    Ok(bytes)
}

fn stride(count: usize, len: usize) -> usize {
    let even = len / count;
    if even.is_multiple_of(2) { even - 1 } else { even }
}

/// Offsets of records, hashed by name.
pub struct BareTable {
    by_name: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl BareTable {
    /// Builds a table over the bytes of [`plaintext`]. Offsets fit in 32 bits, like aumbry's.
    pub fn build(bytes: &[u8], count: usize) -> Self {
        let hasher = DefaultHashBuilder::default();
        let hash = |offset: &u32| hasher.hash_one(name_at(bytes, *offset));
        let mut by_name = HashTable::with_capacity(count);
        let stride = stride(count, bytes.len());
        for offset in (0..count).map(|i| (i * stride) as u32) {
            by_name.insert_unique(hash(&offset), offset, hash);
        }
        Self { by_name, hasher }
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn find(&self, bytes: &[u8], name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(name.as_bytes());
        self.by_name.find(hash, |offset| name_at(bytes, *offset) == name.as_bytes()).copied()
    }
}

fn name_at(bytes: &[u8], offset: u32) -> &[u8] {
    let record = bytes.get(offset as usize..).unwrap_or_default();
    record.split_first().and_then(|(len, rest)| rest.get(..usize::from(*len))).unwrap_or_default()
}

/// One version: a buffer and the table over it.
pub struct Held {
    bytes: Vec<u8>,
    table: BareTable,
}

impl Held {
    pub fn new(bytes: Vec<u8>, count: usize) -> Self {
        Self { table: BareTable::build(&bytes, count), bytes }
    }

    pub fn find(&self, name: &str) -> Option<u32> {
        self.table.find(&self.bytes, name)
    }
}

/// A version that can be replaced while other threads read it, and the key to its secrets.
pub struct Floor {
    current: RwLock<Arc<Held>>,
    cipher: Aes256Gcm,
}

impl Floor {
    pub fn new(held: Held) -> Self {
        Self { current: RwLock::new(Arc::new(held)), cipher: cipher() }
    }

    /// Returns the current version, which stays valid if another replaces it.
    pub fn snapshot(&self) -> Arc<Held> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn find(&self, name: &str) -> Option<(Arc<Held>, u32)> {
        let held = self.snapshot();
        let offset = held.find(name)?;
        Some((held, offset))
    }

    /// Finds a secret, opens a copy of it in place, and scrubs the stack. Vector registers are not
    /// overwritten.
    pub fn open(&self, name: &str) -> Option<[u8; TEXT]> {
        #[inline(never)]
        fn open(held: &Held, offset: u32, cipher: &Aes256Gcm) -> Option<[u8; TEXT]> {
            let record = held.bytes.get(offset as usize..)?;
            let sealed = record.get(1 + usize::from(*record.first()?)..)?;
            let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
            let (text, rest) = rest.split_first_chunk::<TEXT>()?;
            let tag = Tag::from(*rest.first_chunk::<TAG>()?);
            let mut text = *text;
            cipher
                .decrypt_inout_detached(&Nonce::from(*nonce), &ASSOCIATED, text.as_mut_slice().into(), &tag)
                .ok()?;
            Some(text)
        }
        let (held, offset) = self.find(name)?;
        let text = black_box(open(&held, offset, &self.cipher));
        zeroize::zeroize_stack::<SCRUBBED>();
        text
    }
}
