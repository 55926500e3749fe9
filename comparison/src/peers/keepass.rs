//! The crate `keepass`: a KDBX4 database with one entry for each record.

use std::fs::File;
use std::path::{Path, PathBuf};

use keepass::config::{DatabaseConfig, KdfConfig};
use keepass::db::fields::{PASSWORD, TITLE, USERNAME};
use keepass::{Database, DatabaseKey};

use crate::peer::{About, Kdf, Opened, PASSPHRASE, Peer, write_safely};
use crate::records::Record;
use crate::result::Result;

pub struct KeePass;

impl Peer for KeePass {
    fn id(&self) -> &'static str {
        "keepass"
    }

    fn package(&self) -> &'static str {
        "keepass"
    }

    fn about(&self) -> About {
        About {
            kdf: "Argon2id, 64 MiB, t 3, p 4; can be set",
            least: "Argon2id with 8 KiB, t 1, p 1: some microseconds",
            sealed_in_memory: false,
            plaintext: "everything",
            seals: "no: one piece, AES-256-CBC with HMAC; passwords once more with a ChaCha20 stream",
            signs: "no",
            saves: "the caller writes: temporary file, fsync, rename. Each save pays the KDF",
        }
    }

    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()> {
        let (memory, iterations, parallelism) =
            if kdf == Kdf::Full { (64 << 20, 3, 4) } else { (8 << 10, 1, 1) };
        let version = rust_argon2::Version::Version13;
        let mut config = DatabaseConfig::default();
        config.kdf_config = KdfConfig::Argon2id { iterations, memory, parallelism, version };
        let mut database = Database::with_config(config);
        let mut root = database.root_mut();
        for Record { name, entry } in records {
            let mut made = root.add_entry();
            made.set_unprotected(TITLE, name);
            made.set_unprotected(USERNAME, &entry.access_key_id);
            made.set_protected(PASSWORD, entry.secret.as_str());
            made.set_unprotected("region", &entry.region);
        }
        Open { path: path.to_owned(), database }.save()
    }

    fn open(&self, path: &Path, passphrase: &str, _: Kdf) -> Result<Box<dyn Opened>> {
        let key = DatabaseKey::new().with_password(passphrase);
        let database = Database::open(&mut File::open(path)?, key)?;
        Ok(Box::new(Open { path: path.to_owned(), database }))
    }
}

struct Open {
    path: PathBuf,
    database: Database,
}

impl Open {
    fn save(&self) -> Result<()> {
        let mut bytes = Vec::new();
        self.database.save(&mut bytes, DatabaseKey::new().with_password(PASSPHRASE))?;
        write_safely(&self.path, &bytes)
    }
}

/// Uses the crate's own look-up, which goes through all entries.
impl Opened for Open {
    fn holds(&self, name: &str, secret: &str) -> Result<bool> {
        let root = self.database.root();
        Ok(root.entry_by_name(name).is_some_and(|entry| entry.get_password() == Some(secret)))
    }

    fn change(&mut self, name: &str, secret: &str) -> Result<()> {
        let mut root = self.database.root_mut();
        root.entry_by_name_mut(name).ok_or("no such name")?.set_protected(PASSWORD, secret);
        self.save()
    }
}
