//! What the tests share: quick vaults in a folder of their own.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::PathBuf;

use aumbry::{CreateOptions, KdfParameters, Lanes, MemoryKib, NewRecord, OpenOptions, Passes, Vault};

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";
pub(crate) const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=EXAMPLE#KEY;";

/// The cheapest parameters that the format allows; far below what a real vault may have.
pub(crate) fn cheap() -> KdfParameters {
    KdfParameters::new(MemoryKib::MIN, Passes::MIN, Lanes::MIN).unwrap()
}

/// A folder with a vault and the memory of this machine in it.
pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("vault.aumbry")
    }

    pub(crate) fn state_folder(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn open_options(&self) -> OpenOptions {
        OpenOptions::new().state_folder(self.state_folder())
    }

    pub(crate) fn create_options(&self) -> CreateOptions {
        CreateOptions::new().kdf(cheap()).allow_kdf_below_floor().open_options(self.open_options())
    }

    pub(crate) fn create(&self) -> Vault {
        self.create_options().create(self.path(), PASSPHRASE).unwrap()
    }

    pub(crate) fn open(&self) -> aumbry::Result<Vault> {
        self.open_options().open(self.path(), PASSPHRASE)
    }
}

pub(crate) fn draft(name: &str) -> NewRecord {
    NewRecord::new_static(name, KEY_ID, SECRET).unwrap()
}

pub(crate) fn add(vault: &Vault, name: &str) {
    vault.edit(|edit| edit.add(&draft(name))).unwrap();
}

/// All that a program might log of an error: each `Display` and `Debug`, down to the last cause.
pub(crate) fn everything_said(error: &aumbry::Error) -> String {
    let mut said = format!("{error}\n{error:?}\n{error:#?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        said.push_str(&format!("\n{error}\n{error:?}"));
        cause = error.source();
    }
    said
}

/// Whether the long walks run at their full size, as in `.ci/run`. Otherwise they run at a size that still tries every kind.
pub(crate) fn full() -> bool {
    std::env::var_os("AUMBRY_TESTS").is_some_and(|size| size == "full")
}

/// Says a count straight to stderr: what a test prints is shown only if it fails.
pub(crate) fn tell(count: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(format!("{count}\n").as_bytes());
}
