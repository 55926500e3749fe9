//! Restoring a backup: the records come back, and nothing else does.

use std::path::{Path, PathBuf};

use crate::common::{Desk, PASSPHRASE, SECRET, add, cheap};
use aumbry::testing::Forge;
use aumbry::{ErrorKind, ExposeSecret, Mismatch, OpenOptions, Role, Vault};

/// A copy of the vault as it is now.
fn backup(desk: &Desk) -> PathBuf {
    let path = desk.folder.path().join("backup.aumbry");
    std::fs::copy(desk.path(), &path).unwrap();
    path
}

fn open_backup(path: &Path, passphrase: &str) -> Vault {
    OpenOptions::new().without_pin().open(path, passphrase).unwrap()
}

fn names(vault: &Vault) -> Vec<String> {
    vault.records().unwrap().map(|entry| entry.name().to_owned()).collect()
}

#[test]
fn the_records_of_a_backup_come_back_as_a_new_version_under_the_current_passphrases() {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "kept");
    add(&vault, "removed");
    let created = vault.find("removed").unwrap().unwrap().created();
    let backup = backup(&desk);
    vault.edit(|edit| edit.remove("removed")).unwrap();
    add(&vault, "added");
    vault.change_passphrase("another passphrase of mine").unwrap();
    let before = vault.generation().unwrap();

    vault.restore(&open_backup(&backup, PASSPHRASE)).unwrap();
    assert_eq!(names(&vault), ["kept", "removed"]);
    assert_eq!(vault.generation().unwrap(), before + 1);
    drop(vault);
    assert_eq!(desk.open().unwrap_err().kind(), ErrorKind::WrongPassphrase, "no old passphrase comes back");
    let vault = desk.open_options().open(desk.path(), "another passphrase of mine").unwrap();
    assert_eq!(vault.verify().unwrap().records, 2);
    let record = vault.get_credentials("removed").unwrap().unwrap();
    assert_eq!(record.secret_access_key().expose_secret(), SECRET);
    assert_eq!(record.created(), created);
}

#[test]
fn only_a_backup_of_the_same_vault_is_restored_and_only_by_an_administrator() {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "mine");
    let other = Desk::new();
    other.create();
    let error = vault.restore(&open_backup(&other.path(), PASSPHRASE)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(vault.restore(&vault.clone()).unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(names(&vault), ["mine"]);

    let forge = Forge::new(1).person("anna", Role::Administrator, "anna", cheap()).unwrap();
    let file = forge.person("rea", Role::Reader, "rea", cheap()).unwrap().build().unwrap();
    std::fs::write(other.path(), file).unwrap();
    let reader = open_backup(&other.path(), "rea");
    let administrator = open_backup(&other.path(), "anna");
    assert_eq!(reader.restore(&administrator).unwrap_err().kind(), ErrorKind::NotAdministrator);
    administrator.restore(&reader).unwrap(); // K is all it needs of the backup
    let elsewhere = desk.folder.path().join("elsewhere.aumbry");
    let error = desk.open_options().restore(&elsewhere, &reader).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAdministrator);
    assert!(!elsewhere.exists());
}

#[test]
fn a_vault_that_is_gone_or_damaged_comes_back_newer_than_any_that_was_seen() {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "mine");
    let backup = backup(&desk);
    add(&vault, "since");
    let seen = vault.generation().unwrap();
    drop(vault);

    std::fs::remove_file(desk.path()).unwrap();
    let vault = desk.open_options().restore(desk.path(), &open_backup(&backup, PASSPHRASE)).unwrap();
    assert_eq!((names(&vault), vault.generation().unwrap()), (vec!["mine".to_owned()], seen + 1));
    assert_eq!(vault.people().unwrap().len(), 1, "who can open it is named");
    drop(vault);
    desk.open().expect("no rollback is seen");

    let mut bytes = std::fs::read(desk.path()).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(desk.path(), &bytes).unwrap();
    assert_eq!(desk.open().unwrap_err().kind(), ErrorKind::Damaged);
    desk.open_options().restore(desk.path(), &open_backup(&backup, PASSPHRASE)).unwrap();
    let vault = desk.open().unwrap();
    assert_eq!((vault.generation().unwrap(), vault.verify().unwrap().records), (seen + 2, 1));
}

#[test]
fn what_is_not_known_to_be_damaged_is_not_overwritten() {
    let desk = Desk::new();
    let vault = desk.create();
    let copy = backup(&desk);
    let restore = || {
        let before = std::fs::read(desk.path()).unwrap();
        let error = desk.open_options().restore(desk.path(), &open_backup(&copy, PASSPHRASE)).unwrap_err();
        assert_eq!(std::fs::read(desk.path()).unwrap(), before);
        error.kind()
    };
    assert_eq!(restore(), ErrorKind::Refused, "it is sound");
    vault.change_passphrase("another passphrase of mine").unwrap();
    assert_eq!(restore(), ErrorKind::Reopen, "its passphrase is another, so it may be sound");
    std::fs::write(desk.path(), "something else that is longer than the shortest header, by some bytes")
        .unwrap();
    assert_eq!(restore(), ErrorKind::InvalidFile);
    let mut newer = std::fs::read(&copy).unwrap();
    newer[8] = 2;
    std::fs::write(desk.path(), newer).unwrap();
    assert_eq!(restore(), ErrorKind::Unsupported);
}

#[test]
fn a_backup_of_another_vault_than_the_one_seen_here_must_be_accepted() {
    let desk = Desk::new();
    desk.create();
    std::fs::remove_file(desk.path()).unwrap();
    let other = Desk::new();
    other.create();
    let backup = open_backup(&other.path(), PASSPHRASE);
    let error = desk.open_options().restore(desk.path(), &backup).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RevisionRefused(Mismatch::VaultChanged));
    assert!(!desk.path().exists());
    let version = error.refused_revision().unwrap().revision;
    desk.open_options().accept_revision(version).restore(desk.path(), &backup).unwrap();
    desk.open().expect("what was restored here is what is remembered");
}

#[test]
fn a_person_added_and_removed_after_the_backup_does_not_regain_access_with_old_files() {
    let desk = Desk::new();
    let options = || desk.open_options().kdf(cheap()).allow_kdf_below_floor();
    let anna = desk.create_options().open_options(options()).create(desk.path(), PASSPHRASE).unwrap();
    add(&anna, "mine");
    let backup = backup(&desk);
    anna.add_person("rea", Role::Reader, "rea's passphrase").unwrap();
    let key = |passphrase: &str| {
        aumbry::testing::keys_of(&std::fs::read(desk.path()).unwrap(), passphrase).unwrap().vault_key
    };
    let kept = key("rea's passphrase");
    anna.remove_person("rea").unwrap();
    drop(anna);

    std::fs::remove_file(desk.path()).unwrap();
    let anna = options().restore(desk.path(), &open_backup(&backup, PASSPHRASE)).unwrap();
    assert_ne!(key(PASSPHRASE), kept, "K of the backup is hers too");
    add(&anna, "since");
    assert_eq!(desk.open().unwrap().verify().unwrap().records, 2);
}

#[test]
fn a_backup_is_not_restored_into_an_older_vault_whose_people_were_removed_since() {
    let desk = Desk::new();
    let options = || desk.open_options().kdf(cheap()).allow_kdf_below_floor();
    let anna = desk.create_options().open_options(options()).create(desk.path(), PASSPHRASE).unwrap();
    anna.add_person("rea", Role::Reader, "rea's passphrase").unwrap();
    let old = std::fs::read(desk.path()).unwrap();
    anna.remove_person("rea").unwrap();
    add(&anna, "since");
    let backup = backup(&desk);
    drop(anna);
    std::fs::write(desk.path(), &old).unwrap();
    let version = options().open(desk.path(), PASSPHRASE).unwrap_err().refused_revision().unwrap().revision;
    let rolled_back = options().accept_revision(version).open(desk.path(), PASSPHRASE).unwrap();
    let error = rolled_back.restore(&open_backup(&backup, PASSPHRASE)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(std::fs::read(desk.path()).unwrap(), old);
}
