//! What does unlocking cost beyond the key derivation, which is slow on purpose?
//!
//! From a file, with a pin, as a program does it; the file is in the system's cache.

mod support;

use aumbry::storage::{Exclusive, FileStorage, Prefix, Storage, Version};
use aumbry::{ErrorKind, KdfParameters, OpenOptions, Result};
use support::{Bench, PASSPHRASE, sealed};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn main() {
    let mut bench = Bench::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = || OpenOptions::new().state_folder(folder.path().join("state"));
    let vault_file = |records: usize| {
        let path = folder.path().join(format!("{records}.aumbry"));
        std::fs::write(&path, sealed(records, KdfParameters::default())).expect("a vault file");
        path
    };

    // A wrong passphrase is found out right after the key derivation.
    let empty = vault_file(0);
    let derive_key = || {
        let refused = options().open(&empty, "a wrong passphrase").expect_err("another passphrase");
        assert_eq!(refused.kind(), ErrorKind::WrongPassphrase);
    };
    bench.slow("unlock/kdf", derive_key);

    let sizes = bench.sizes(&SIZES);
    for records in sizes {
        let path = vault_file(*records);
        bench
            .slow(&format!("unlock/whole/{records}"), || options().open(&path, PASSPHRASE).expect("a vault"));

        let storage = AlwaysChanged(FileStorage::new(&path));
        let vault = options().open_storage(storage, PASSPHRASE).expect("a vault");
        bench.prepared(
            &format!("unlock/beyond_kdf/{records}"),
            || {
                derive_key(); // its 64 MiB drive all else from the processor's caches, as when unlocking
                vault.entries().expect("an unlocked vault") // keeps the old version, whose drop is not timed
            },
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

/// Always says that there is a newer version, and then gives the same one.
///
/// So [`Vault::refresh`](aumbry::Vault::refresh) does each time what unlocking does, but with the key-encryption
/// key in memory: it reads, opens its slot, verifies, decrypts, checks, indexes and compares with the pin.
struct AlwaysChanged(FileStorage);

impl Storage for AlwaysChanged {
    fn version(&self) -> Result<Option<Version>> {
        self.0.version()?;
        Ok(Some(Version::of(b"another")))
    }

    fn load_prefix(&self, len: usize) -> Result<Prefix> {
        self.0.load_prefix(len)
    }

    fn load(&self, limit: u64) -> Result<Vec<u8>> {
        self.0.load(limit)
    }

    fn replace(&self, expected: Option<&Version>, bytes: &[u8]) -> Result<()> {
        self.0.replace(expected, bytes)
    }

    fn exclusive(&self) -> Result<Exclusive> {
        self.0.exclusive()
    }

    fn location(&self) -> Result<Option<String>> {
        self.0.location()
    }
}
