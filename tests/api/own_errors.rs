//! Edits that fail with an error of the program's own.

use crate::common::*;
use aumbry::ErrorKind;
use aumbry::storage::InMemory;

#[derive(Debug)]
enum OwnError {
    Vault(ErrorKind),
    Program,
}

impl From<aumbry::Error> for OwnError {
    fn from(error: aumbry::Error) -> Self {
        Self::Vault(error.kind())
    }
}

#[test]
fn an_edit_fails_with_the_programs_own_error_and_saves_nothing() {
    let options = aumbry::CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
    let vault = options.create_in(InMemory::new(), PASSPHRASE).unwrap();
    let failed = vault.try_edit(|edit| -> Result<(), OwnError> {
        edit.add(&draft("one"))?;
        Err(OwnError::Program)
    });
    assert!(matches!(failed, Err(OwnError::Program)), "{failed:?}");
    let failed = vault.try_edit(|edit| -> Result<(), OwnError> { Ok(edit.remove("one")?) });
    assert!(matches!(failed, Err(OwnError::Vault(ErrorKind::NoSuchRecord))), "{failed:?}");
    assert_eq!(vault.generation().unwrap(), 1);
    let count = vault.try_edit(|edit| -> Result<usize, OwnError> {
        edit.add(&draft("one"))?;
        Ok(1)
    });
    assert!(matches!(count, Ok(1)), "{count:?}");
    vault.lock();
    let failed = vault.try_edit(|_| -> Result<(), OwnError> { Err(OwnError::Program) });
    assert!(matches!(failed, Err(OwnError::Vault(ErrorKind::Locked))), "{failed:?}");
}
