//! A rotation as the vault sees it: two pairs, one of them hidden, and never none that works.

use crate::common::{Desk, KEY_ID, PASSPHRASE, SECRET, add, draft};
use aumbry::{
    ErrorKind, ExposeSecret, Name, NewRecord, OpenOptions, RecordChange, Result, RotationStage, Vault,
};

const NEW_ID: &str = "AKIAI44QH8DHBEXAMPLE";
const NEW_SECRET: &str = "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY";

fn vault(desk: &Desk) -> Vault {
    let vault = desk.create();
    add(&vault, "mine");
    add(&vault, "other");
    vault
}

/// The record's pair and the other one, read again from the disk by another handle.
fn pairs(desk: &Desk) -> (String, Option<(String, String)>) {
    let vault = desk.open().unwrap();
    let secret = |credentials: &aumbry::Credentials| {
        (credentials.access_key_id().to_owned(), credentials.secret_access_key().expose_secret().to_owned())
    };
    let own = secret(&vault.get_credentials("mine").unwrap().unwrap()).0;
    (own, vault.other_credentials("mine").unwrap().as_ref().map(secret))
}

fn stage(desk: &Desk) -> Option<RotationStage> {
    desk.open().unwrap().rotation("mine").unwrap().map(|rotation| rotation.stage)
}

fn begin(vault: &Vault) {
    vault.edit(|edit| edit.begin_rotation("mine", &[KEY_ID, "AKIAOTHEREXAMPLE"])).unwrap();
}

fn keep(vault: &Vault) {
    vault.edit(|edit| edit.keep_new_key("mine", NEW_ID, NEW_SECRET)).unwrap();
}

fn rotation(vault: &Vault) -> aumbry::Rotation {
    vault.rotation("mine").unwrap().unwrap()
}

fn end(vault: &Vault) {
    let rotation = rotation(vault);
    vault.edit(|edit| edit.end_rotation(&rotation)).unwrap();
}

#[test]
fn every_step_of_a_rotation_is_in_the_vault_before_the_next_begins() {
    let desk = Desk::new();
    let vault = vault(&desk);
    assert_eq!(stage(&desk), None);

    begin(&vault);
    assert_eq!(stage(&desk), Some(RotationStage::Creating));
    let rotation = vault.rotations().unwrap().remove(0);
    assert_eq!((rotation.name.as_str(), rotation.keys_before.len()), ("mine", 2));
    assert_eq!(rotation.other_access_key_id, KEY_ID, "there is no new one yet");

    keep(&vault);
    assert_eq!(stage(&desk), Some(RotationStage::Created));
    assert_eq!(pairs(&desk), (KEY_ID.to_owned(), Some((NEW_ID.to_owned(), NEW_SECRET.to_owned()))));

    vault.edit(|edit| edit.swap_keys("mine")).unwrap();
    assert_eq!(stage(&desk), Some(RotationStage::Swapped));
    assert_eq!(pairs(&desk), (NEW_ID.to_owned(), Some((KEY_ID.to_owned(), SECRET.to_owned()))));

    vault.edit(|edit| edit.note_deactivation("mine")).unwrap();
    assert_eq!(stage(&desk), Some(RotationStage::Deactivated));
    end(&vault);
    assert_eq!((stage(&desk), pairs(&desk)), (None, (NEW_ID.to_owned(), None)));
    assert_eq!(vault.verify().unwrap().records, 2);
}

#[test]
fn the_other_pair_is_hidden_from_look_ups() {
    let desk = Desk::new();
    let vault = vault(&desk);
    begin(&vault);
    keep(&vault);
    let names: Vec<_> = vault.records().unwrap().map(|entry| entry.name().to_owned()).collect();
    assert_eq!(names, ["mine", "other"]);
    assert!(vault.other_credentials("other").unwrap().is_none());
    assert!(vault.rotation("other").unwrap().is_none());
    let attributes = vault.other_credentials("mine").unwrap().unwrap();
    assert_eq!(attributes.attributes().count(), 0);
}

#[test]
fn meanwhile_the_record_stays_what_the_rotation_goes_by() {
    let desk = Desk::new();
    let vault = vault(&desk);
    begin(&vault);
    let refused = |edit: &dyn Fn(&mut aumbry::Edit<'_>) -> Result<()>| {
        let error = vault.edit(|records| edit(records)).unwrap_err();
        assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("rotated"), "{error}");
    };
    refused(&|edit| edit.rename("mine", &Name::new("yours")?));
    refused(&|edit| edit.remove("mine"));
    refused(&|edit| edit.put(&draft("mine")));
    refused(&|edit| edit.change("mine", &RecordChange::new().access_key_id("AKIA")));
    refused(&|edit| edit.begin_rotation("mine", &[]));
    let copy = desk.folder.path().join("copy");
    std::fs::copy(desk.path(), &copy).unwrap();
    let backup = OpenOptions::new().without_pin().open(&copy, PASSPHRASE).unwrap();
    assert_eq!(vault.restore(&backup).unwrap_err().kind(), ErrorKind::Refused);

    vault
        .edit(|edit| edit.change("mine", &RecordChange::new().attribute("region", Some("eu-west-1"))))
        .unwrap();
    vault.edit(|edit| edit.rename("other", &Name::new("another")?)).unwrap();
    // Also within one edit that begins a rotation.
    let both = vault.edit(|edit| edit.begin_rotation("another", &[]).and_then(|()| edit.remove("another")));
    assert_eq!(both.unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn steps_out_of_order_are_refused() {
    let desk = Desk::new();
    let vault = vault(&desk);
    let refused = |edit: &dyn Fn(&mut aumbry::Edit<'_>) -> Result<()>| {
        assert_eq!(vault.edit(|records| edit(records)).unwrap_err().kind(), ErrorKind::Refused);
    };
    refused(&|edit| edit.keep_new_key("mine", NEW_ID, NEW_SECRET));
    refused(&|edit| edit.swap_keys("mine"));
    refused(&|edit| edit.note_deactivation("mine"));
    begin(&vault);
    let creating = rotation(&vault);
    refused(&|edit| edit.swap_keys_back(&creating));
    refused(&|edit| edit.swap_keys("mine"));
    refused(&|edit| edit.note_deactivation("mine"));
    keep(&vault);
    refused(&|edit| edit.keep_new_key("mine", NEW_ID, NEW_SECRET));
    refused(&|edit| edit.end_rotation(&creating));
    refused(&|edit| edit.renew_rotation(&creating));
    assert_eq!(
        vault.edit(|edit| edit.begin_rotation("nobody", &[])).unwrap_err().kind(),
        ErrorKind::NoSuchRecord
    );
    vault.edit(|edit| edit.add(&NewRecord::new_session("session", "ASIA", "secret", "token")?)).unwrap();
    refused(&|edit| edit.begin_rotation("session", &[]));
    // One that failed at AWS is given up, and the record is free again.
    end(&vault);
    vault.edit(|edit| edit.remove("mine")).unwrap();
}

/// One who was about to give a rotation up, while another went on with it, would have forgotten the pair that works.
#[test]
fn a_rotation_ends_only_where_its_reader_saw_it() {
    let desk = Desk::new();
    let vault = vault(&desk);
    begin(&vault);
    keep(&vault);
    let seen = rotation(&vault);
    vault.edit(|edit| edit.swap_keys("mine")).unwrap();
    let error = vault.edit(|edit| edit.end_rotation(&seen)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert_eq!(pairs(&desk), (NEW_ID.to_owned(), Some((KEY_ID.to_owned(), SECRET.to_owned()))));
    let swapped = rotation(&vault);
    assert_eq!(
        vault.edit(|edit| edit.renew_rotation(&swapped)).unwrap_err().kind(),
        ErrorKind::Refused,
        "the record has the new pair"
    );
    end(&vault);
    assert_eq!(
        vault.edit(|edit| edit.end_rotation(&swapped)).unwrap_err().kind(),
        ErrorKind::Refused,
        "it is over"
    );

    // Another rotation, which came as far, is another one.
    vault.edit(|edit| edit.begin_rotation("mine", &[NEW_ID])).unwrap();
    vault.edit(|edit| edit.keep_new_key("mine", "AKIAANOTHEREXAMPLE", "another")).unwrap();
    let error = vault.edit(|edit| edit.end_rotation(&seen)).unwrap_err();
    assert!(error.to_string().contains("another rotation"), "{error}");
    end(&vault);
}

#[test]
fn a_new_key_that_is_given_up_leaves_the_vault_before_it_is_deleted() {
    let desk = Desk::new();
    let vault = vault(&desk);
    begin(&vault);
    keep(&vault);
    let created = rotation(&vault);
    vault.edit(|edit| edit.renew_rotation(&created)).unwrap();
    assert_eq!(pairs(&desk), (KEY_ID.to_owned(), Some((KEY_ID.to_owned(), SECRET.to_owned()))));
    let renewed = rotation(&vault);
    assert_eq!((renewed.stage, &renewed.keys_before), (RotationStage::Creating, &created.keys_before));
    assert_eq!(vault.edit(|edit| edit.swap_keys("mine")).unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn the_old_pair_can_be_given_back() {
    let desk = Desk::new();
    let vault = vault(&desk);
    vault
        .edit(|edit| edit.change("mine", &RecordChange::new().attribute("region", Some("eu-west-1"))))
        .unwrap();
    begin(&vault);
    keep(&vault);
    vault.edit(|edit| edit.swap_keys("mine")).unwrap();
    let swapped = rotation(&vault);
    vault.edit(|edit| edit.swap_keys_back(&swapped)).unwrap();
    assert_eq!((stage(&desk), pairs(&desk)), (None, (KEY_ID.to_owned(), None)));
    let back = desk.open().unwrap().get_credentials("mine").unwrap().unwrap();
    assert_eq!(back.secret_access_key().expose_secret(), SECRET);
    assert_eq!(back.attribute("region"), Some("eu-west-1"));
}
