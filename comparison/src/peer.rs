//! What is asked of each peer, so that all do the same work.

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
    /// As the peer would be used: Argon2id with 64 MiB, 3 passes, 4 lanes where it can be set.
    Full,
    /// As little as the peer allows, or none: what opening costs beyond the KDF.
    Least,
}

/// What a table of figures cannot say.
pub struct About {
    /// Of its KDF with a passphrase: which and how dear, and whether that can be set.
    pub kdf: &'static str,
    /// How the figures beyond the KDF come about.
    pub least: &'static str,
    /// Whether secrets that nobody asked for are sealed in memory after opening.
    pub sealed_in_memory: bool,
    /// What is readable there.
    pub plaintext: &'static str,
    /// Whether each record is sealed on its own.
    pub seals: &'static str,
    /// Whether a reader who has the passphrase is kept from writing.
    pub signs: &'static str,
    /// How a save reaches the disk.
    pub saves: &'static str,
}

pub trait Peer: Sync {
    /// For tables, plots and file names.
    fn id(&self) -> &'static str;

    /// The package whose version counts.
    fn package(&self) -> &'static str;

    fn about(&self) -> About;

    /// Makes the file with all records.
    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()>;

    /// Until a look-up by name can be asked for. `passphrase` counts with [`Kdf::Full`].
    fn open(&self, path: &Path, passphrase: &str, kdf: Kdf) -> Result<Box<dyn Opened>>;

    /// The most memory that opening takes beside what the process had, without the KDF's, in bytes.
    fn peak_of_open(&self, path: &Path) -> Result<u64> {
        memory::peak_of(|| self.open(path, PASSPHRASE, Kdf::Least))
    }
}

pub trait Opened {
    /// Looks the secret up and compares it. `false` if there is no such name.
    fn holds(&self, name: &str, secret: &str) -> Result<bool>;

    /// Gives a record another secret and saves the file.
    fn change(&mut self, name: &str, secret: &str) -> Result<()>;

    /// If the peer says itself how long its KDF took.
    fn told_kdf(&self) -> Option<Duration> {
        None
    }
}

/// Replaces a file as a careful program does: all or nothing, and on the disk.
pub fn write_safely(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

/// 32 bytes that stand for a key that was derived before.
pub fn key_without_kdf() -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(PASSPHRASE.bytes().cycle()) {
        *to = from;
    }
    key
}

/// Argon2id with 64 MiB, 3 passes, 4 lanes: for the peers that leave the KDF to their caller.
pub fn argon2id(passphrase: &str, salt: &[u8]) -> Result<[u8; 32]> {
    let params = argon2::Params::new(64 * 1024, 3, 4, Some(32))?;
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut key = [0; 32];
    argon2.hash_password_into(passphrase.as_bytes(), salt, &mut key)?;
    Ok(key)
}
