//! A plain encrypted JSON file, as a careful programmer writes it in an afternoon: Argon2id, AES-256-GCM, serde_json.

use std::fs;
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::peer::{About, Kdf, Opened, PASSPHRASE, Peer, write_safely};
use crate::records::{Book, Record, book};
use crate::result::Result;

pub struct Json;

/// Salt, then memory, passes and lanes: they are authenticated with the ciphertext.
const HEADER_LEN: usize = 16 + 12;
const NONCE_LEN: usize = 12;

impl Peer for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn package(&self) -> &'static str {
        "serde_json"
    }

    fn about(&self) -> About {
        About {
            kdf: "Argon2id, 64 MiB, t 3, p 4, by the crate argon2 with its lanes in parallel",
            least: "Argon2id with 8 KiB, t 1, p 1: some microseconds",
            sealed_in_memory: false,
            plaintext: "everything",
            seals: "no: one piece, AES-256-GCM",
            signs: "no",
            saves: "temporary file, fsync, rename; the key is kept, so no KDF",
        }
    }

    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()> {
        let mut header = [0; HEADER_LEN];
        getrandom::fill(&mut header[..16])?;
        let cost: [u32; 3] = if kdf == Kdf::Full { [64 * 1024, 3, 4] } else { [8, 1, 1] };
        for (to, from) in header[16..].chunks_mut(4).zip(cost) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        let key = derive(PASSPHRASE, &header)?;
        Open { path: path.to_owned(), header, key, book: book(records) }.save()
    }

    fn open(&self, path: &Path, passphrase: &str, _: Kdf) -> Result<Box<dyn Opened>> {
        let bytes = fs::read(path)?;
        let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>().ok_or("too short")?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or("too short")?;
        let key = derive(passphrase, header)?;
        let plain = Aes256Gcm::new((&*key).into())
            .decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: header })
            .map_err(|_| "the passphrase is wrong, or the file was altered")?;
        let book = serde_json::from_slice(&Zeroizing::new(plain))?;
        Ok(Box::new(Open { path: path.to_owned(), header: *header, key, book }))
    }
}

fn derive(passphrase: &str, header: &[u8; HEADER_LEN]) -> Result<Zeroizing<[u8; 32]>> {
    let (salt, cost) = header.split_at(16);
    let mut cost = cost.chunks(4).map(|four| four.try_into().map_or(0, u32::from_le_bytes));
    let mut cost = || cost.next().unwrap_or(0);
    let params = Params::new(cost(), cost(), cost(), Some(32))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
        passphrase.as_bytes(),
        salt,
        &mut *key,
    )?;
    Ok(key)
}

struct Open {
    path: PathBuf,
    header: [u8; HEADER_LEN],
    key: Zeroizing<[u8; 32]>,
    book: Book,
}

impl Open {
    fn save(&self) -> Result<()> {
        let plain = Zeroizing::new(serde_json::to_vec(&self.book)?);
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)?;
        let sealed = Aes256Gcm::new((&*self.key).into())
            .encrypt(&Nonce::from(nonce), Payload { msg: &plain, aad: &self.header })
            .map_err(|_| "too long to encrypt")?;
        write_safely(&self.path, &[&self.header[..], &nonce, &sealed].concat())
    }
}

impl Opened for Open {
    fn holds(&self, name: &str, secret: &str) -> Result<bool> {
        Ok(self.book.get(name).is_some_and(|entry| *entry.secret == secret))
    }

    fn change(&mut self, name: &str, secret: &str) -> Result<()> {
        self.book.get_mut(name).ok_or("no such name")?.secret = Zeroizing::new(secret.to_owned());
        self.save()
    }
}
