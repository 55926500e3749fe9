//! The known-answer vaults: what must open opens forever, what must not is refused with its class.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aumbry::storage::InMemory;
use aumbry::{Credentials, ErrorKind, ExposeSecret, OpenOptions, Role, Vault};
use serde_json::{Value, json};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors"))
}

fn index() -> Vec<Value> {
    ["index.json", "by_second_reader.json"]
        .iter()
        .flat_map(|name| {
            let text = std::fs::read(folder().join(name)).unwrap();
            serde_json::from_slice::<Vec<Value>>(&text).unwrap()
        })
        .collect()
}

fn unix(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs().cast_signed(),
        Err(before) => -before.duration().as_secs().cast_signed(),
    }
}

fn shown(credentials: &Credentials) -> Value {
    json!({
        "name": credentials.name(),
        "provider": credentials.provider().to_string(),
        "access_key_id": credentials.access_key_id(),
        "attributes": credentials.attributes().collect::<BTreeMap<_, _>>(),
        "created": unix(credentials.created()),
        "updated": unix(credentials.updated()),
        "expires": credentials.expires().map(unix),
        "secret_access_key": credentials.secret_access_key().expose_secret(),
        "session_token": credentials.session_token().map(|token| token.expose_secret().to_owned()),
    })
}

fn open(vector: &Value) -> aumbry::Result<Vault> {
    let bytes = std::fs::read(folder().join(vector["file"].as_str().unwrap())).unwrap();
    OpenOptions::new().open_in(InMemory::from_bytes(bytes), vector["passphrase"].as_str().unwrap())
}

/// The whole of a vault as the index describes it.
fn contents(vault: &Vault) -> Vec<Value> {
    let show = |name: &str| match vault.get_credentials(name) {
        Ok(credentials) => shown(&credentials.unwrap()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Damaged);
            json!({ "name": name, "damaged": true })
        }
    };
    vault.records().unwrap().map(|entry| show(entry.name())).collect()
}

/// What the index says a vault holds, as a program is given it: an empty session token is none to a client. And in times
/// of this system: the clock of Windows begins in the year 1601, and earlier times are read as the epoch.
fn promised(vector: &Value) -> Vec<Value> {
    let mut records = vector["records"].as_array().unwrap().clone();
    for record in &mut records {
        if record["session_token"] == "" {
            record["session_token"] = Value::Null;
        }
        for time in ["created", "updated", "expires"] {
            let before = record[time].as_i64().filter(|at| *at < 0).map_or(0, i64::unsigned_abs);
            if UNIX_EPOCH.checked_sub(Duration::from_secs(before)).is_none() {
                record[time] = json!(0);
            }
        }
    }
    records
}

fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Damaged => "damaged",
        ErrorKind::WrongPassphrase => "wrong_passphrase",
        ErrorKind::InvalidFile => "not_a_vault",
        ErrorKind::Unsupported => "unsupported_version",
        other => panic!("{other:?} is no class of the specification"),
    }
}

#[test]
fn every_vector_opens_or_is_refused_as_the_index_says() {
    let mut counts = BTreeMap::new();
    for vector in index() {
        let (file, expected) = (&vector["file"], vector["expect"].as_str().unwrap());
        *counts.entry(expected.to_owned()).or_insert(0) += 1;
        match open(&vector) {
            Err(error) => assert_eq!(class(error.kind()), expected, "{file}: {error}"),
            Ok(vault) => {
                assert_eq!(expected, "opens", "{file} was accepted");
                assert_eq!(vault.role().unwrap().to_string(), vector["role"].as_str().unwrap(), "{file}");
                assert_eq!(contents(&vault), promised(&vector), "{file}");
            }
        }
    }
    crate::common::tell(&format!("vectors, each with a passphrase: {counts:?}"));
}

#[test]
fn there_are_enough_vectors_and_the_index_names_each() {
    let index = index();
    let files = |opens: bool| -> BTreeSet<&str> {
        let chosen = index.iter().filter(|vector| (vector["expect"] == "opens") == opens);
        chosen.map(|vector| vector["file"].as_str().unwrap()).collect()
    };
    let (opening, refused) = (files(true), files(false));
    let all: BTreeSet<String> = opening.union(&refused).map(|name| (*name).to_owned()).collect();
    let there: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".aumbry"))
        .collect();
    assert_eq!(there, all, "the index and the folder");
    // Some open with one passphrase and not with another: they count as files that open.
    let never = all.len() - opening.len();
    crate::common::tell(&format!("vectors: {} files, {never} must never open", all.len()));
    assert!(all.len() >= 150 && 4 * never >= 3 * all.len());
}

#[test]
fn a_vault_that_opens_can_be_edited_only_by_an_administrator() {
    for vector in index().iter().filter(|vector| vector["expect"] == "opens") {
        let vault = open(vector).unwrap();
        let mut ran = false;
        let result = vault.edit(|edit| {
            ran = true;
            edit.add(&aumbry::NewRecord::new_static("new", "AKIAIOSFODNN7EXAMPLE", "secret")?)
        });
        match (vault.role().unwrap(), result) {
            (Role::Administrator, Ok(())) => assert_eq!(vault.find("new").unwrap().unwrap().name(), "new"),
            // The counter of this one has reached its maximum.
            (Role::Administrator, Err(error)) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{vector}");
            }
            (_, Err(error)) => {
                assert_eq!(error.kind(), ErrorKind::NotAdministrator);
                assert!(!ran, "a reader's edit must not run");
                assert_eq!(vault.change_passphrase("new").unwrap_err().kind(), ErrorKind::NotAdministrator);
            }
            (role, Ok(())) => panic!("a {role} edited {}", vector["file"]),
        }
    }
}

#[test]
fn reserved_names_and_attributes_are_hidden_from_every_door() {
    let vectors = index();
    let vector = |name| vectors.iter().find(|vector| vector["file"] == name).unwrap();
    let vault = open(vector("reserved-name-is-hidden.aumbry")).unwrap();
    let reserved = "aumbry:pending:00";
    assert!(vault.find(reserved).unwrap().is_none());
    assert!(vault.get_credentials(reserved).unwrap().is_none());
    assert_eq!(vault.records_with_prefix("aumbry:").unwrap().count(), 0);
    vault
        .edit(|edit| {
            assert!(!edit.contains(reserved) && edit.find(reserved).is_none());
            assert_eq!(edit.remove(reserved).unwrap_err().kind(), ErrorKind::NoSuchRecord);
            Ok(())
        })
        .unwrap();
    // It is there all the same, and an edit keeps it.
    vault.edit(|edit| edit.remove("b")).unwrap();
    assert_eq!(vault.verify().unwrap().records, vault.records().unwrap().count() + 1);

    let vault = open(vector("reserved-attribute-is-hidden.aumbry")).unwrap();
    let entry = vault.find("one").unwrap().unwrap();
    assert_eq!(entry.attribute("aumbry.of"), None);
    assert_eq!(entry.attributes().collect::<Vec<_>>(), [("aumbry", "shown")]);
    let credentials = vault.get_credentials("one").unwrap().unwrap();
    assert_eq!((credentials.attribute("aumbry.of"), credentials.attributes().count()), (None, 1));
}

#[test]
fn verify_finds_the_one_secret_that_is_damaged() {
    let vectors = index();
    let vector = |name| vectors.iter().find(|vector| vector["file"] == name).unwrap();
    let error = open(vector("one-secret-is-damaged.aumbry")).unwrap().verify().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("\"s3-uploads\""), "{error}");
    assert_eq!(open(vector("two-people-three-records.aumbry")).unwrap().verify().unwrap().records, 3);
}
