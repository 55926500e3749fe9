//! What does unlocking cost without the key derivation, which is slow on purpose?
//!
//! The vault is opened from a file, with a pin, as in a program; the file is in the system's cache. Each
//! unlock reports how long its key derivation took, so the difference is measured within one call. The file
//! is read and hashed during the derivation, so that time is included in it. `unlock/refresh` does the same
//! work without a derivation, with the key in memory.

mod support;

use aumbry::storage::{Exclusive, FileStorage, Prefix, Revision, Storage};
use aumbry::{KdfParameters, OpenOptions, Result, UnlockTime};
use support::{Bench, PASSPHRASE, sealed};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn main() {
    let mut bench = Bench::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = || OpenOptions::new().state_folder(folder.path().join("state"));

    let sizes = bench.sizes(&SIZES);
    for records in sizes {
        let path = folder.path().join(format!("{records}.aumbry"));
        std::fs::write(&path, sealed(*records, KdfParameters::default())).expect("a vault file");

        let unlock = || -> UnlockTime {
            let vault = options().open(&path, PASSPHRASE).expect("a vault");
            vault.unlock_time().expect("it was just unlocked")
        };
        bench.reported(&format!("unlock/whole/{records}"), || unlock().whole);
        bench.reported(&format!("unlock/kdf/{records}"), || unlock().kdf);
        bench.reported(&format!("unlock/beyond_kdf/{records}"), || {
            let UnlockTime { kdf, whole, .. } = unlock();
            whole - kdf
        });

        let storage = AlwaysChanged(FileStorage::new(&path));
        let vault = options().open_in(storage, PASSPHRASE).expect("a vault");
        bench.prepared(
            &format!("unlock/refresh/{records}"),
            || vault.records().expect("an unlocked vault"), // keeps the old version, so that its drop is not measured
            |old| {
                assert!(vault.refresh().expect("the same vault"));
                old
            },
        );
    }

    for records in sizes {
        bench.ratio(&format!("unlock/beyond_kdf/{records}"), &format!("unlock/whole/{records}"));
    }
    bench.ratio("unlock/beyond_kdf/100000", "unlock/beyond_kdf/10000");
}

/// A storage that always reports a newer version, and then returns the same one.
struct AlwaysChanged(FileStorage);

impl Storage for AlwaysChanged {
    fn revision(&self) -> Result<Option<Revision>> {
        self.0.revision()?;
        Ok(Some(Revision::of(b"another")))
    }

    fn load_prefix(&self, len: usize) -> Result<Prefix> {
        self.0.load_prefix(len)
    }

    fn load(&self, limit: u64) -> Result<Vec<u8>> {
        self.0.load(limit)
    }

    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> Result<()> {
        self.0.replace(expected, bytes)
    }

    fn exclusive(&self) -> Result<Exclusive> {
        self.0.exclusive()
    }

    fn location(&self) -> Result<Option<String>> {
        self.0.location()
    }
}
