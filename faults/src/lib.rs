//! What the programs of this package share: the vault that is attacked.
#![forbid(unsafe_code)]

pub mod broken;

use std::path::Path;

use aumbry::{
    CreateOptions, KdfParameters, Lanes, MemoryKib, NewRecord, OpenOptions, Passes, Passphrase, Result, Vault,
};

/// Nobody's: whoever attacks a vault of this package may know it.
pub const PASSPHRASE: &str = "correct horse battery staple";

/// How to open the vault `vault.aumbry` of a folder; this machine's memory of it stands in the folder `state` beside it.
#[must_use]
pub fn options(folder: &Path) -> OpenOptions {
    OpenOptions::new().state_folder(folder.join("state"))
}

/// Makes that vault, with the cheapest key derivation that the format allows: never to be trusted with a secret.
///
/// # Errors
/// As [`CreateOptions::create`].
pub fn create(folder: &Path) -> Result<Vault> {
    create_with(folder, PASSPHRASE)
}

/// Makes it for whoever has this passphrase.
///
/// # Errors
/// As [`CreateOptions::create`].
pub fn create_with(folder: &Path, passphrase: impl Into<Passphrase>) -> Result<Vault> {
    let create = CreateOptions::new().kdf(cheapest()?).allow_kdf_below_floor();
    create.open_options(options(folder)).create(folder.join("vault.aumbry"), passphrase)
}

/// The least that the format allows.
///
/// # Errors
/// None, as long as that is so.
pub fn cheapest() -> Result<KdfParameters> {
    KdfParameters::new(MemoryKib::MIN, Passes::MIN, Lanes::MIN)
}

/// Opens it.
///
/// # Errors
/// As [`OpenOptions::open`].
pub fn open(folder: &Path) -> Result<Vault> {
    options(folder).open(folder.join("vault.aumbry"), PASSPHRASE)
}

/// A record of this name.
///
/// # Errors
/// If the name is none.
pub fn draft(name: &str) -> Result<NewRecord> {
    NewRecord::new_static(name, "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
}
