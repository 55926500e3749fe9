//! Copying records between vaults, and what an edit sees of its own changes.

use std::time::{Duration, SystemTime};

use crate::common::*;
use aumbry::storage::InMemory;
use aumbry::{Credentials, ErrorKind, ExposeSecret, Name, NewRecord, Provider, RecordChange, Vault};

fn in_memory() -> Vault {
    let options = aumbry::CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
    options.create_in(InMemory::new(), PASSPHRASE).unwrap()
}

/// A vault whose record was created and updated long ago.
fn with_an_old_session() -> Vault {
    let vault = in_memory();
    let session = NewRecord::new_session("session", KEY_ID, SECRET, "token").unwrap();
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let session = session.attribute("region", "eu-central-1").unwrap().expires(expires);
    vault.edit(|edit| edit.add(&session)).unwrap();
    std::thread::sleep(Duration::from_millis(1100)); // times are whole seconds
    vault.edit(|edit| edit.change("session", &RecordChange::new().attribute("note", Some("x")))).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    vault
}

fn get(vault: &Vault, name: &str) -> Credentials {
    vault.get_credentials(name).unwrap().unwrap()
}

#[test]
fn a_copied_record_keeps_its_times_kind_attributes_and_expiry() {
    let (source, target) = (with_an_old_session(), in_memory());
    target.edit(|edit| edit.copy_from(&source, "session")).unwrap();
    let (original, copy) = (get(&source, "session"), get(&target, "session"));
    assert!(original.created() < original.updated());
    assert_eq!((copy.created(), copy.updated()), (original.created(), original.updated()));
    assert_eq!((copy.provider(), copy.expires()), (Provider::Session, original.expires()));
    assert!(copy.expires().is_some());
    assert!(copy.attributes().eq([("note", "x"), ("region", "eu-central-1")]));
    assert_eq!(copy.secret_access_key().expose_secret(), SECRET);
    assert_eq!(copy.session_token().unwrap().expose_secret(), "token");

    // A copy that is changed keeps its creation time alone.
    let renamed = NewRecord::from(&original).renamed(Name::new("other").unwrap());
    target.edit(|edit| edit.put(&renamed)).unwrap();
    let renamed = get(&target, "other");
    assert_eq!(renamed.created(), original.created());
    assert!(renamed.updated() > original.updated());
}

#[test]
fn copying_refuses_a_missing_record_and_an_existing_name() {
    let (source, target) = (in_memory(), in_memory());
    add(&source, "one");
    let missing = target.edit(|edit| edit.copy_from(&source, "two")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoSuchRecord);
    assert_eq!(missing.to_string(), "the other vault has no record named \"two\"");
    target.edit(|edit| edit.copy_from(&source, "one")).unwrap();
    let taken = target.edit(|edit| edit.copy_from(&source, "one")).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    source.lock();
    let locked = target.edit(|edit| edit.copy_from(&source, "one")).unwrap_err();
    assert_eq!(locked.kind(), ErrorKind::Locked);
}

#[test]
fn an_edit_sees_its_own_changes() {
    let vault = in_memory();
    add(&vault, "one");
    vault
        .edit(|edit| {
            assert_eq!(edit.find("one").unwrap().access_key_id(), KEY_ID);
            edit.change("one", &RecordChange::new().attribute("region", Some("eu-west-1")))?;
            let found = edit.find("one").unwrap();
            assert_eq!((found.name(), found.access_key_id()), ("one", KEY_ID));
            assert_eq!(found.attribute("region"), Some("eu-west-1"));
            edit.change("one", &RecordChange::new().access_key_id("AKIAI44QH8DHBEXAMPLE"))?;
            assert_eq!(edit.find("one").unwrap().access_key_id(), "AKIAI44QH8DHBEXAMPLE");
            edit.rename("one", &Name::new("two")?)?;
            assert!(edit.find("one").is_none() && !edit.contains("one"));
            let renamed = edit.find("two").unwrap();
            assert!(renamed.attributes().eq([("region", "eu-west-1")]));
            let session = NewRecord::new_session("three", KEY_ID, SECRET, "token")?;
            edit.add(&session)?;
            assert_eq!(edit.find("three").unwrap().provider(), Provider::Session);
            edit.remove("three")?;
            assert!(edit.find("three").is_none());
            Ok(())
        })
        .unwrap();
    let saved = vault.find("two").unwrap().unwrap();
    assert_eq!(
        (saved.access_key_id(), saved.attribute("region")),
        ("AKIAI44QH8DHBEXAMPLE", Some("eu-west-1"))
    );
}
