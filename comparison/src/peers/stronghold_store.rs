//! The crate `iota_stronghold`, its store: bytes under a key, read back as they were.

use std::path::{Path, PathBuf};
use std::sync::Once;

use iota_stronghold::engine::snapshot::try_set_encrypt_work_factor;
use iota_stronghold::{Client, KeyProvider, SnapshotPath, Stronghold};
use zeroize::Zeroizing;

use crate::peer::{About, Kdf, Opened, PASSPHRASE, Peer, argon2id, key_without_kdf};
use crate::records::{Entry, Record, pack, unpack};
use crate::result::Result;

pub struct StrongholdStore;

pub(super) const CLIENT: &str = "aws";

pub(super) const KDF: &str = "the caller's: here Argon2id, 64 MiB, t 3, p 4, by the crate argon2 with its lanes in \
    parallel. The snapshot's own scrypt, 2^19 by default at each open and save, is switched off, because the key is \
    already strong; the switch is intended for its tests";

pub(super) const LEAST: &str = "a key in place of the passphrase";

pub(super) const SAVES: &str = "temporary file, fsync, rename; compressed; the KDF is not needed";

impl Peer for StrongholdStore {
    fn id(&self) -> &'static str {
        "stronghold-store"
    }

    fn package(&self) -> &'static str {
        "iota_stronghold"
    }

    fn about(&self) -> About {
        About {
            kdf: KDF,
            least: LEAST,
            sealed_in_memory: false,
            plaintext: "everything in the store",
            seals: "no: one piece, ChaCha20-Poly1305 in the manner of age",
            signs: "no",
            saves: SAVES,
        }
    }

    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()> {
        let hold = Hold::create(path, kdf)?;
        for Record { name, entry } in records {
            hold.client.store().insert(name.clone().into_bytes(), pack(entry)?.to_vec(), None)?;
        }
        hold.save()
    }

    fn open(&self, path: &Path, passphrase: &str, kdf: Kdf) -> Result<Box<dyn Opened>> {
        Ok(Box::new(Open(Hold::open(path, passphrase, kdf)?)))
    }
}

/// A stronghold with its only client, and what is needed to save it.
pub(super) struct Hold {
    pub(super) client: Client,
    stronghold: Stronghold,
    key: KeyProvider,
    path: PathBuf,
}

impl Hold {
    pub(super) fn create(path: &Path, kdf: Kdf) -> Result<Self> {
        let key = key(PASSPHRASE, kdf)?;
        let stronghold = Stronghold::default();
        let client = stronghold.create_client(CLIENT)?;
        Ok(Self { client, stronghold, key, path: path.to_owned() })
    }

    pub(super) fn open(path: &Path, passphrase: &str, kdf: Kdf) -> Result<Self> {
        let key = key(passphrase, kdf)?;
        let stronghold = Stronghold::default();
        let client = stronghold.load_client_from_snapshot(CLIENT, &key, &SnapshotPath::from_path(path))?;
        Ok(Self { client, stronghold, key, path: path.to_owned() })
    }

    pub(super) fn save(&self) -> Result<()> {
        Ok(self.stronghold.commit_with_keyprovider(&SnapshotPath::from_path(&self.path), &self.key)?)
    }
}

/// A real program would keep the salt next to the snapshot: a constant costs the same here.
fn key(passphrase: &str, kdf: Kdf) -> Result<KeyProvider> {
    static STRONG_KEYS: Once = Once::new();
    STRONG_KEYS.call_once(|| {
        // A valid number: only 64 and more are refused.
        let _ = try_set_encrypt_work_factor(0);
    });
    let key = if kdf == Kdf::Full { argon2id(passphrase, b"stronghold salt.")? } else { key_without_kdf() };
    Ok(KeyProvider::try_from(Zeroizing::new(key.to_vec())).map_err(|error| format!("{error:?}"))?)
}

struct Open(Hold);

impl Open {
    fn entry(&self, name: &str) -> Result<Option<Entry>> {
        let value = self.0.client.store().get(name.as_bytes())?;
        value.map(|value| unpack(&Zeroizing::new(value))).transpose()
    }
}

impl Opened for Open {
    fn holds(&self, name: &str, secret: &str) -> Result<bool> {
        Ok(self.entry(name)?.is_some_and(|entry| *entry.secret == secret))
    }

    fn change(&mut self, name: &str, secret: &str) -> Result<()> {
        let mut entry = self.entry(name)?.ok_or("no such name")?;
        entry.secret = Zeroizing::new(secret.to_owned());
        self.0.client.store().insert(name.as_bytes().to_vec(), pack(&entry)?.to_vec(), None)?;
        self.0.save()
    }
}
