//! The crate `secrets-vault`: QVLT version 2, a sealed value under each name.

use std::fs;
use std::path::{Path, PathBuf};

use secrets_vault::{MasterSecret, VaultError, VaultReader, random_salt, v2_create, v2_salt};
use zeroize::Zeroizing;

use crate::peer::{About, Kdf, Opened, PASSPHRASE, Peer, key_without_kdf, write_safely};
use crate::records::{Entry, Record, pack, unpack};
use crate::result::Result;

pub struct SecretsVault;

impl Peer for SecretsVault {
    fn id(&self) -> &'static str {
        "secrets-vault"
    }

    fn package(&self) -> &'static str {
        "secrets-vault"
    }

    fn about(&self) -> About {
        About {
            kdf: "PBKDF2-HMAC-SHA-256, 600,000 iterations; cannot be set",
            least: "a key in place of the passphrase",
            sealed_in_memory: true,
            plaintext: "names; no value. The keys are in ordinary memory",
            seals: "yes, AES-256-GCM under a key of each record's own; names are in the clear, HMAC over the file",
            signs: "no",
            saves: "the caller writes: temporary file, fsync, rename; the KDF is not needed",
        }
    }

    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()> {
        let master = master(PASSPHRASE, &random_salt(), kdf);
        let values: Result<Vec<_>> =
            records.iter().map(|Record { name, entry }| Ok((name.clone(), pack(entry)?))).collect();
        write_safely(path, &v2_create(&master, &values?)?)
    }

    fn open(&self, path: &Path, passphrase: &str, kdf: Kdf) -> Result<Box<dyn Opened>> {
        let bytes = fs::read(path)?;
        let master = master(passphrase, &v2_salt(&bytes)?, kdf);
        Ok(Box::new(Open { path: path.to_owned(), reader: VaultReader::open(bytes, &master)?, master }))
    }
}

fn master(passphrase: &str, salt: &[u8; 16], kdf: Kdf) -> MasterSecret {
    match kdf {
        Kdf::Full => MasterSecret::derive(passphrase, salt),
        Kdf::Least => MasterSecret::from_raw_key(&key_without_kdf(), salt),
    }
}

struct Open {
    path: PathBuf,
    master: MasterSecret,
    reader: VaultReader,
}

impl Open {
    fn entry(&self, name: &str) -> Result<Option<Entry>> {
        match self.reader.decrypt_one(&self.master, name) {
            Ok(value) => Ok(Some(unpack(&value)?)),
            Err(VaultError::NotFound) => Ok(None),
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
        let bytes = self.reader.splice(&self.master, &[(name.to_owned(), pack(&entry)?)], &[])?;
        write_safely(&self.path, &bytes)?;
        self.reader = VaultReader::open(bytes, &self.master)?;
        Ok(())
    }
}
