//! The interface of each peer, so that all do the same work.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::records::Record;
use crate::{Result, memory};

pub const PASSPHRASE: &str = "correct horse battery staple";

/// How a passphrase becomes a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kdf {
    /// As the peer is meant to be used: Argon2id with 64 MiB, 3 passes, 4 lanes, if these can be set.
    Full,
    /// As cheap as the peer allows, or none, to measure what opening costs without the KDF.
    Least,
}

/// The properties of a peer that a table of figures cannot show.
pub struct About {
    /// Its KDF for a passphrase: which one, its cost, and whether the cost can be set.
    pub kdf: &'static str,
    /// How the figures without the KDF are measured.
    pub least: &'static str,
    /// Whether secrets that were not looked up are sealed in memory after opening.
    pub sealed_in_memory: bool,
    /// What is readable in memory.
    pub plaintext: &'static str,
    /// Whether each record is sealed separately.
    pub seals: &'static str,
    /// Whether a reader who has the passphrase is prevented from writing.
    pub signs: &'static str,
    /// How a save reaches the disk.
    pub saves: &'static str,
}

pub trait Peer: Sync {
    /// Returns the name in tables, plots and file names.
    fn id(&self) -> &'static str;

    /// Returns the package whose version is reported.
    fn package(&self) -> &'static str;

    fn about(&self) -> About;

    /// Makes the file with all records.
    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()>;

    /// Opens the file so that names can be looked up. `passphrase` is used with [`Kdf::Full`].
    fn open(&self, path: &Path, passphrase: &str, kdf: Kdf) -> Result<Box<dyn Opened>>;

    /// Returns the peak memory of opening in bytes, in addition to what the process already had, without the
    /// KDF's.
    fn peak_of_open(&self, path: &Path) -> Result<u64> {
        memory::peak_of(|| self.open(path, PASSPHRASE, Kdf::Least))
    }
}

pub trait Opened {
    /// Looks up the secret and compares it. `false` if there is no such name.
    fn holds(&self, name: &str, secret: &str) -> Result<bool>;

    /// Gives a record another secret and saves the file.
    fn change(&mut self, name: &str, secret: &str) -> Result<()>;

    /// Returns how long the KDF took, if the peer reports it.
    fn told_kdf(&self) -> Option<Duration> {
        None
    }
}

/// Replaces a file safely: completely or not at all, and on the disk.
pub fn write_safely(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

/// Returns 32 bytes that take the place of a key that was derived before.
pub fn key_without_kdf() -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(PASSPHRASE.bytes().cycle()) {
        *to = from;
    }
    key
}

/// Argon2id with 64 MiB, 3 passes, 4 lanes, for peers that leave the KDF to their caller.
pub fn argon2id(passphrase: &str, salt: &[u8]) -> Result<[u8; 32]> {
    let params = argon2::Params::new(64 * 1024, 3, 4, Some(32))?;
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut key = [0; 32];
    argon2.hash_password_into(passphrase.as_bytes(), salt, &mut key)?;
    Ok(key)
}
