//! Shared by the programs of this package: the vault that is attacked.
#![forbid(unsafe_code)]

pub mod broken;

use std::path::Path;

use aumbry::{
    CreateOptions, KdfParameters, Lanes, MemoryKib, NewRecord, OpenOptions, Passes, Passphrase, Result, Vault,
};

/// The passphrase of every attacked vault. It protects nothing.
pub const PASSPHRASE: &str = "correct horse battery staple";

/// Returns the options to open the vault `vault.aumbry` of a folder, with the folder `state` next to it for
/// pins.
#[must_use]
pub fn options(folder: &Path) -> OpenOptions {
    OpenOptions::new().state_folder(folder.join("state"))
}

/// Makes that vault with the cheapest key derivation that the format allows. Never use it for a real secret.
///
/// # Errors
/// As [`CreateOptions::create`].
pub fn create(folder: &Path) -> Result<Vault> {
    create_with(folder, PASSPHRASE)
}

/// Makes the same vault with this passphrase.
///
/// # Errors
/// As [`CreateOptions::create`].
pub fn create_with(folder: &Path, passphrase: impl Into<Passphrase>) -> Result<Vault> {
    let create = CreateOptions::new().kdf(cheapest()?).allow_kdf_below_floor();
    create.open_options(options(folder)).create(folder.join("vault.aumbry"), passphrase)
}

/// Returns the cheapest parameters that the format allows.
///
/// # Errors
/// None, as the parameters are valid.
pub fn cheapest() -> Result<KdfParameters> {
    KdfParameters::new(MemoryKib::MIN, Passes::MIN, Lanes::MIN)
}

/// Opens the vault.
///
/// # Errors
/// As [`OpenOptions::open`].
pub fn open(folder: &Path) -> Result<Vault> {
    options(folder).open(folder.join("vault.aumbry"), PASSPHRASE)
}

/// Returns a record with this name.
///
/// # Errors
/// If the name is invalid.
pub fn draft(name: &str) -> Result<NewRecord> {
    NewRecord::new_static(name, "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
}
