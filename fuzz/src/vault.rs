//! Targets for a vault's own bytes: header, body, and the whole file without the key derivation.

use std::sync::LazyLock;

use aumbry::interchange::json;
use aumbry::storage::InMemory;
use aumbry::testing::{Forge, fuzzing, repair_checksum};
use aumbry::{
    ErrorKind, ExposeSecret, KdfParameters, Lanes, MemoryKib, NewRecord, Passes, Provider, Role, Vault,
};

use super::allocation::within;
use super::importers::same;
use super::planted;

/// The header, which is read before a passphrase is known: as it is, and with the correct checksum and
/// length.
pub fn header(input: &[u8]) {
    let read =
        |input: &[u8], file_len| within(24 * 1024, 8, input.len(), || fuzzing::header(input, file_len));
    let as_it_is = read(input, input.len() as u64);
    assert!(as_it_is.is_err() || as_it_is.is_ok_and(|anew| input.starts_with(&anew)));
    let mut repaired = input.to_vec();
    repair_checksum(&mut repaired);
    let file_len = repaired.get(16..24).and_then(|len| len.try_into().ok()).map_or(0, u64::from_le_bytes);
    if let Ok(anew) = read(&repaired, file_len) {
        assert_eq!(
            repaired.get(..anew.len()),
            Some(&*anew),
            "the header is another when it is encoded again"
        );
    }
}

/// The body, which is read once it is authentic.
pub fn body(input: &[u8]) {
    let decoded = within(8 * 1024, 8, input.len(), || {
        let decoded = planted::decoded(input);
        fuzzing::check_body(decoded).map(|()| decoded)
    });
    if let Ok(decoded) = decoded {
        assert_eq!(fuzzing::body(decoded).unwrap(), input, "the body is another when it is encoded again");
    }
}

/// A vault of two people, and the derived keys of both.
struct Known {
    forge: Forge,
    administrator: fuzzing::Way,
    reader: fuzzing::Way,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let kdf = KdfParameters::new(MemoryKib::MIN, Passes::MIN, Lanes::MIN).unwrap();
    let forge = Forge::new(1).person("Anna", Role::Administrator, "Anna's", kdf).unwrap();
    let forge = forge.person("build server", Role::Reader, "the server's", kdf).unwrap();
    let file = forge.build().unwrap();
    let way = |passphrase| fuzzing::Way::of(&file, passphrase).unwrap();
    let (administrator, reader) = (way("Anna's"), way("the server's"));
    Known { forge, administrator, reader }
});

/// The whole file, opened with the key that a passphrase would give. The first byte of the input selects how
/// the other bytes are used, so that the fuzzer need not guess a signature, and which person opens the file.
pub fn file(input: &[u8]) {
    let Some((how, rest)) = input.split_first() else { return };
    let Known { forge, administrator, reader } = &*KNOWN;
    let made = match how % 8 {
        0 => Ok(rest.to_vec()),
        1 => Ok(forge.resign(rest.to_vec())),
        2 => forge.build_plaintext(rest),
        3 => forge.build_body(rest),
        4 => forge.body_of(&[rest.to_vec()]).and_then(|body| forge.build_body(&body)),
        5 => with_part(Provider::Static, rest),
        6 => with_part(Provider::Session, rest),
        _ => Ok(with_altered_header(rest)),
    };
    let Ok(made) = made else { return };
    let way = if how & 0x80 == 0 { administrator } else { reader };
    let storage = InMemory::from_bytes(made.clone());
    let Ok(vault) = within(64 * 1024, 16, made.len(), || way.open(storage.clone())) else { return };
    let (header, body) = fuzzing::header_and_body(&vault).unwrap();
    assert!(made.starts_with(&header), "the header is another when it is encoded again");
    assert_eq!(fuzzing::body(&body).unwrap(), body, "the body is another when it is encoded again");
    assert_eq!(forge.build_body(&body).unwrap(), made, "the vault is another when it is encoded again");
    look(&vault);
    if how & 0xc0 == 0x40 {
        change(&vault, way, &storage);
    }
}

/// Returns a vault with one record whose secret opens to these bytes.
fn with_part(provider: Provider, part: &[u8]) -> aumbry::Result<Vec<u8>> {
    let forge = &KNOWN.forge;
    forge.build_body(&forge.body_of(&[forge.record_of_part(
        "a",
        provider,
        "AKIAIOSFODNN7EXAMPLE",
        part,
    )?])?)
}

/// Returns a valid vault that starts with these bytes, with a new checksum and signature.
fn with_altered_header(start: &[u8]) -> Vec<u8> {
    let mut file = KNOWN.forge.build().unwrap();
    for (place, byte) in file.iter_mut().zip(start) {
        *place = *byte;
    }
    KNOWN.forge.resign(file)
}

/// Calls everything that a program can ask an open vault for.
fn look(vault: &Vault) {
    let entries: Vec<_> = vault.records().unwrap().collect();
    json::render_all(entries.iter().cloned()).unwrap();
    for entry in &entries {
        assert_eq!(vault.find(entry.name()).unwrap().unwrap().name(), entry.name());
        let found = match vault.get_credentials(entry.name()) {
            Ok(found) => found.expect("a record that is listed"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
                continue;
            }
        };
        let written = json::render_with_secret(&found).unwrap();
        // Imports refuse records that only a forger can write, such as one with an empty key id.
        if let Ok(import) = json::parse(written.expose_secret().as_bytes(), None) {
            assert!(matches!(&*import.records, [draft] if same(&fuzzing::credentials(draft), &found)));
        }
    }
    let _ = (vault.verify(), vault.people(), vault.advice());
}

/// Checks that an opened vault can be changed, and opens again with all its records.
fn change(vault: &Vault, way: &fuzzing::Way, storage: &InMemory) {
    let names = |vault: &Vault| -> Vec<String> {
        vault.records().unwrap().map(|entry| entry.name().to_owned()).collect()
    };
    let mut expected = names(vault);
    let name = "m: by the fuzzer";
    let changed =
        vault.edit(|edit| edit.put(&NewRecord::new_static(name, "AKIAIOSFODNN7EXAMPLE", "secret")?));
    match changed {
        Ok(()) => {
            expected.push(name.into());
            expected.sort();
            expected.dedup();
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}"),
    }
    let again =
        way.open(InMemory::from_bytes(storage.to_bytes().unwrap())).expect("the vault that was saved");
    assert_eq!(names(&again), expected);
}
