//! aumbry as a program uses it: a file, and a pin in a folder next to it.

use std::path::Path;
use std::time::Duration;

use aumbry::storage::{Exclusive, FileStorage, Prefix, Revision, Storage};
use aumbry::{
    CreateOptions, ExposeSecret, KdfParameters, Lanes, MemoryKib, NewRecord, OpenOptions, Passes,
    RecordChange, Vault,
};

use crate::peer::{About, Kdf, Opened, PASSPHRASE, Peer};
use crate::records::Record;
use crate::{Result, memory};

pub struct Aumbry;

impl Peer for Aumbry {
    fn id(&self) -> &'static str {
        "aumbry"
    }

    fn package(&self) -> &'static str {
        "aumbry"
    }

    fn about(&self) -> About {
        About {
            kdf: "Argon2id, 64 MiB, t 3, p 4; can be set",
            least: "each opening says how long its KDF took; SHA-256 of the file runs beside it. Memory: a refresh, which \
                    opens the whole file again with the key in memory",
            sealed_in_memory: true,
            plaintext: "names, key ids, attributes; no secret. The keys are in a guarded page",
            seals: "yes, AES-256-GCM, and the whole file",
            signs: "yes, Ed25519",
            saves: "temporary file, fsync, rename, fsync of the folder; the KDF is not needed",
        }
    }

    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()> {
        let parameters = match kdf {
            Kdf::Full => KdfParameters::default(),
            Kdf::Least => KdfParameters::new(MemoryKib::MIN, Passes::MIN, Lanes::MIN)?,
        };
        let options =
            CreateOptions::new().kdf(parameters).allow_kdf_below_floor().open_options(options(path));
        let vault = options.create(path, PASSPHRASE)?;
        vault.edit(|edit| {
            records.iter().try_for_each(|Record { name, entry }| {
                let draft = NewRecord::new_static(name, &entry.access_key_id, entry.secret.as_str())?;
                edit.add(&draft.attribute("region", &entry.region)?)
            })
        })?;
        Ok(())
    }

    fn open(&self, path: &Path, passphrase: &str, _: Kdf) -> Result<Box<dyn Opened>> {
        Ok(Box::new(Open(options(path).open(path, passphrase)?)))
    }

    fn peak_of_open(&self, path: &Path) -> Result<u64> {
        let vault = options(path).open_in(AlwaysChanged(FileStorage::new(path)), PASSPHRASE)?;
        memory::peak_of(|| if vault.refresh()? { Ok(()) } else { Err("nothing was read again".into()) })
    }
}

/// Returns options with a pin in a folder next to the file.
pub fn options(path: &Path) -> OpenOptions {
    OpenOptions::new().state_folder(path.with_extension("state"))
}

struct Open(Vault);

impl Opened for Open {
    fn holds(&self, name: &str, secret: &str) -> Result<bool> {
        let credentials = self.0.get_credentials(name)?;
        Ok(credentials.is_some_and(|credentials| credentials.secret_access_key().expose_secret() == secret))
    }

    fn change(&mut self, name: &str, secret: &str) -> Result<()> {
        let change = RecordChange::new().secret_access_key(secret.to_owned());
        Ok(self.0.edit(|edit| edit.change(name, &change))?)
    }

    fn told_kdf(&self) -> Option<Duration> {
        self.0.unlock_time().map(|time| time.kdf)
    }
}

/// A storage that always reports a newer version, and then returns the same one.
struct AlwaysChanged(FileStorage);

impl Storage for AlwaysChanged {
    fn revision(&self) -> aumbry::Result<Option<Revision>> {
        self.0.revision()?;
        Ok(Some(Revision::of(b"another")))
    }

    fn load_prefix(&self, len: usize) -> aumbry::Result<Prefix> {
        self.0.load_prefix(len)
    }

    fn load(&self, limit: u64) -> aumbry::Result<Vec<u8>> {
        self.0.load(limit)
    }

    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> aumbry::Result<()> {
        self.0.replace(expected, bytes)
    }

    fn exclusive(&self) -> aumbry::Result<Exclusive> {
        self.0.exclusive()
    }

    fn location(&self) -> aumbry::Result<Option<String>> {
        self.0.location()
    }
}
