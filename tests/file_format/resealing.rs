//! A commit carries sealed secrets over as they are: it seals those that changed, and opens no other.

use std::collections::BTreeMap;

use crate::common::*;
use aumbry::storage::InMemory;
use aumbry::testing::{Forge, fuzzing};
use aumbry::{ExposeSecret, Name, OpenOptions, RecordChange, Role, Vault};
use bincode::config;

const RECORDS: usize = 200;

/// A record as `docs/format.md`, section 4, writes it down: name, provider, access key id, attributes, created, updated,
/// expires, the sealed secret.
type Record = (String, u32, String, Vec<(String, String)>, i64, i64, Option<i64>, Vec<u8>);

/// The sealed secret of each record, as encoded in the body.
fn sealed(vault: &Vault) -> BTreeMap<String, Vec<u8>> {
    let (_, body) = fuzzing::header_and_body(vault).unwrap();
    let ((_, records), _): ((u16, Vec<Record>), usize) =
        bincode::serde::decode_from_slice(&body, config::standard()).unwrap();
    records.into_iter().map(|record| (record.0, record.7)).collect()
}

fn name(i: usize) -> String {
    format!("record-{i:03}")
}

/// The names whose sealed secret is another one than before, or is gone, or is new.
fn differing(before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

#[test]
fn a_commit_seals_what_it_changes_and_nothing_else() {
    let desk = Desk::new();
    let vault = desk.create();
    vault.edit(|edit| (0..RECORDS).try_for_each(|i| edit.add(&draft(&name(i))))).unwrap();
    let mut before = sealed(&vault);
    assert_eq!(before.len(), RECORDS);

    let mut compared = 0;
    let mut seals = |expected: &[&str], edit: &dyn Fn(&mut aumbry::Edit<'_>) -> aumbry::Result<()>| {
        vault.edit(edit).unwrap();
        let after = sealed(&vault);
        assert_eq!(differing(&before, &after), expected);
        compared += after.len();
        before = after;
    };
    let secret = RecordChange::new().secret_access_key("another secret");
    seals(&["record-000"], &|edit| edit.change("record-000", &secret));
    seals(&["record-100"], &|edit| edit.change("record-100", &secret));
    seals(&["record-100"], &|edit| edit.change("record-100", &secret)); // the same secret, under a nonce of its own
    seals(&["record-007", "record-199"], &|edit| {
        edit.change("record-199", &secret)?;
        edit.change("record-007", &RecordChange::new().access_key_id("AKIA2"))
    });
    seals(&[], &|edit| {
        edit.change("record-050", &RecordChange::new().attribute("region", Some("eu-west-1")))
    });
    seals(&["record-060", "renamed"], &|edit| edit.rename("record-060", &Name::new("renamed")?));
    seals(&["record-070"], &|edit| edit.remove("record-070"));
    seals(&["between"], &|edit| edit.add(&draft("between")));

    // What is not made of records leaves all of them as they are.
    vault.add_person("Berta", Role::Reader, "another passphrase").unwrap();
    assert_eq!(differing(&before, &sealed(&vault)), [""; 0]);
    compared += before.len();

    // And what was written is what is in memory.
    let reopened = desk.open().unwrap();
    assert_eq!(sealed(&reopened), before);
    assert_eq!(reopened.verify().unwrap().records, RECORDS);
    tell(&format!("{compared} sealed secrets compared with those before the commit"));
}

#[test]
fn a_commit_opens_no_secret_that_it_does_not_change() {
    let mut forge = Forge::new(7).person("me", Role::Administrator, PASSPHRASE, cheap()).unwrap();
    for i in 0..RECORDS {
        forge = forge.record(&draft(&name(i)), 1_700_000_000, 1_700_000_000).unwrap();
    }
    // Every secret but one is damaged, which only opening it shows. It is the last field of its record.
    let mut records = forge.encoded_records();
    for record in &mut records[1..] {
        *record.last_mut().unwrap() ^= 1;
    }
    let storage = InMemory::from_bytes(forge.build_body(&forge.body_of(&records).unwrap()).unwrap());
    let vault = OpenOptions::new().open_in(storage.clone(), PASSPHRASE).unwrap();
    for i in 1..RECORDS {
        assert!(vault.get_credentials(&name(i)).is_err(), "{} is not damaged", name(i));
    }

    let before = sealed(&vault);
    let change = RecordChange::new().secret_access_key("another secret");
    vault.edit(|edit| edit.change(&name(0), &change)).unwrap();
    vault
        .edit(|edit| edit.change(&name(1), &RecordChange::new().attribute("region", Some("eu-west-1"))))
        .unwrap();
    vault.edit(|edit| edit.remove(&name(2))).unwrap();
    assert_eq!(differing(&before, &sealed(&vault)), [name(0), name(2)]);

    let reopened = OpenOptions::new().open_in(storage, PASSPHRASE).unwrap();
    let credentials = reopened.get_credentials(&name(0)).unwrap().unwrap();
    assert_eq!(credentials.secret_access_key().expose_secret(), "another secret");
    tell(&format!("three commits beside {} secrets that do not open", RECORDS - 1));
}
