//! The crate `securestore`: a JSON file with a sealed value under each name.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use securestore::{ErrorKind, KeySource, SecretsManager};
use zeroize::Zeroizing;

use crate::peer::{About, Kdf, Opened, PASSPHRASE, Peer, key_without_kdf};
use crate::records::{Entry, Record, pack, unpack};
use crate::result::Result;

pub struct SecureStore;

impl Peer for SecureStore {
    fn id(&self) -> &'static str {
        "securestore"
    }

    fn package(&self) -> &'static str {
        "securestore"
    }

    fn about(&self) -> About {
        About {
            kdf: "PBKDF2-HMAC-SHA-1, 256,000 iterations; cannot be set",
            least: "a key in place of the passphrase. The file is read through a buffer: the crate's own `load` reads it byte \
                    by byte, some hundred times slower",
            sealed_in_memory: true,
            plaintext: "names; no value. The keys are in ordinary memory",
            seals: "yes, AES-128-CBC with HMAC-SHA-1; names are in the clear, and nothing binds a value to its name",
            signs: "no",
            saves: "in place and byte by byte, without a temporary file or fsync: a crash can leave half a file",
        }
    }

    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()> {
        let key = key_without_kdf();
        let mut manager = SecretsManager::new(source(PASSPHRASE, &key, kdf))?;
        for Record { name, entry } in records {
            manager.set(name, pack(entry)?.as_slice());
        }
        Ok(manager.save_as(path)?)
    }

    fn open(&self, path: &Path, passphrase: &str, kdf: Kdf) -> Result<Box<dyn Opened>> {
        let key = key_without_kdf();
        let file = BufReader::new(File::open(path)?);
        let manager = SecretsManager::load_from(file, source(passphrase, &key, kdf))?;
        Ok(Box::new(Open { path: path.to_owned(), manager }))
    }
}

fn source<'a>(passphrase: &'a str, key: &'a [u8], kdf: Kdf) -> KeySource<'a> {
    if kdf == Kdf::Full { KeySource::Password(passphrase) } else { KeySource::Buffer(key) }
}

struct Open {
    path: PathBuf,
    manager: SecretsManager,
}

impl Open {
    fn entry(&self, name: &str) -> Result<Option<Entry>> {
        match self.manager.get_as::<Vec<u8>>(name) {
            Ok(value) => Ok(Some(unpack(&Zeroizing::new(value))?)),
            Err(error) if error.kind() == ErrorKind::SecretNotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Opened for Open {
    fn holds(&self, name: &str, secret: &str) -> Result<bool> {
        Ok(self.entry(name)?.is_some_and(|entry| *entry.secret == secret))
    }

    fn change(&mut self, name: &str, secret: &str) -> Result<()> {
        let mut entry = self.entry(name)?.ok_or("no such name")?;
        entry.secret = Zeroizing::new(secret.to_owned());
        self.manager.set(name, pack(&entry)?.as_slice());
        Ok(self.manager.save_as(&self.path)?)
    }
}
