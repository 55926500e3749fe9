//! The crate `cocoon`: one encrypted container that contains all records, encoded by bincode.

use std::fs::File;
use std::path::{Path, PathBuf};

use cocoon::MiniCocoon;
use zeroize::Zeroizing;

use crate::peer::{About, Kdf, Opened, PASSPHRASE, Peer, key_without_kdf, write_safely};
use crate::records::{Book, Record, book, pack, unpack};
use crate::result::Result;

pub struct Cocoon;

impl Peer for Cocoon {
    fn id(&self) -> &'static str {
        "cocoon"
    }

    fn package(&self) -> &'static str {
        "cocoon"
    }

    fn about(&self) -> About {
        About {
            kdf: "PBKDF2-HMAC-SHA-256, 100,000 iterations; cannot be set higher",
            least: "its MiniCocoon, the same container with a key in place of a passphrase",
            sealed_in_memory: false,
            plaintext: "everything",
            seals: "no: one piece, ChaCha20-Poly1305",
            signs: "no",
            saves: "the caller writes: temporary file, fsync, rename. With a passphrase each save pays the KDF",
        }
    }

    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()> {
        save(path, &book(records), kdf)
    }

    fn open(&self, path: &Path, passphrase: &str, kdf: Kdf) -> Result<Box<dyn Opened>> {
        let mut file = File::open(path)?;
        let plain = match kdf {
            Kdf::Full => cocoon::Cocoon::new(passphrase.as_bytes()).parse(&mut file),
            Kdf::Least => MiniCocoon::from_key(&key_without_kdf(), &[0; 32]).parse(&mut file),
        };
        let plain = Zeroizing::new(plain.map_err(said)?);
        Ok(Box::new(Open { path: path.to_owned(), kdf, book: unpack(&plain)? }))
    }
}

fn save(path: &Path, book: &Book, kdf: Kdf) -> Result<()> {
    let plain = pack(book)?;
    let sealed = match kdf {
        Kdf::Full => cocoon::Cocoon::new(PASSPHRASE.as_bytes()).wrap(&plain),
        Kdf::Least => {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed)?;
            MiniCocoon::from_key(&key_without_kdf(), &seed).wrap(&plain)
        }
    };
    write_safely(path, &sealed.map_err(said)?)
}

/// Its errors have no `Display`.
fn said(error: cocoon::Error) -> String {
    format!("cocoon: {error:?}")
}

struct Open {
    path: PathBuf,
    kdf: Kdf,
    book: Book,
}

impl Opened for Open {
    fn holds(&self, name: &str, secret: &str) -> Result<bool> {
        Ok(self.book.get(name).is_some_and(|entry| *entry.secret == secret))
    }

    fn change(&mut self, name: &str, secret: &str) -> Result<()> {
        self.book.get_mut(name).ok_or("no such name")?.secret = Zeroizing::new(secret.to_owned());
        save(&self.path, &self.book, self.kdf)
    }
}
