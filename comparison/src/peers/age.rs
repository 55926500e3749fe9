//! The crate `age`: one encrypted file that contains all records, encoded by bincode.

use std::fs;
use std::path::{Path, PathBuf};

use age::secrecy::{ExposeSecret, SecretString};
use age::{scrypt, x25519};
use zeroize::Zeroizing;

use crate::peer::{About, Kdf, Opened, PASSPHRASE, Peer, write_safely};
use crate::records::{Book, Record, book, pack, unpack};
use crate::result::Result;

pub struct Age;

/// N = 2^16 with r = 8 uses 64 MiB, like Argon2id in the other peers.
const LOG_N: u8 = 16;

impl Peer for Age {
    fn id(&self) -> &'static str {
        "age"
    }

    fn package(&self) -> &'static str {
        "age"
    }

    fn about(&self) -> About {
        About {
            kdf: "scrypt, N 2^16, r 8: 64 MiB; can be set. The crate also measures the machine each time, which counts as \
                  KDF here",
            least: "an X25519 identity in place of the passphrase",
            sealed_in_memory: false,
            plaintext: "everything",
            seals: "no: one stream, ChaCha20-Poly1305",
            signs: "no",
            saves: "the caller writes: temporary file, fsync, rename. With a passphrase each save pays the KDF",
        }
    }

    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()> {
        if kdf == Kdf::Least {
            let identity = x25519::Identity::generate();
            fs::write(identity_path(path), identity.to_string().expose_secret())?;
        }
        save(path, &book(records), kdf)
    }

    fn open(&self, path: &Path, passphrase: &str, kdf: Kdf) -> Result<Box<dyn Opened>> {
        let sealed = fs::read(path)?;
        let plain = match kdf {
            Kdf::Full => age::decrypt(&scrypt::Identity::new(SecretString::from(passphrase)), &sealed)?,
            Kdf::Least => age::decrypt(&identity(path)?, &sealed)?,
        };
        let plain = Zeroizing::new(plain);
        Ok(Box::new(Open { path: path.to_owned(), kdf, book: unpack(&plain)? }))
    }
}

fn identity_path(path: &Path) -> PathBuf {
    path.with_extension("identity")
}

fn identity(path: &Path) -> Result<x25519::Identity> {
    Ok(fs::read_to_string(identity_path(path))?.parse()?)
}

fn save(path: &Path, book: &Book, kdf: Kdf) -> Result<()> {
    let plain = pack(book)?;
    let sealed = match kdf {
        Kdf::Full => {
            let mut recipient = scrypt::Recipient::new(SecretString::from(PASSPHRASE));
            recipient.set_work_factor(LOG_N);
            age::encrypt(&recipient, &plain)?
        }
        Kdf::Least => age::encrypt(&identity(path)?.to_public(), &plain)?,
    };
    write_safely(path, &sealed)
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
