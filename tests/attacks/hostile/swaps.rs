//! Parts of sound files in places where they do not belong.

use std::ops::Range;

use aumbry::ErrorKind::{self, Damaged, WrongPassphrase};
use aumbry::testing::Keks;

use crate::common::tell;
use crate::hostile::oracle::Body;
use crate::hostile::scene::{ANNA, RON, Refused, SLOT, SLOT_LEN, forge, header_len, repaired};

/// What can be taken from one file and put into another of the same shape.
fn regions(len: usize) -> [(&'static str, Range<usize>); 8] {
    let header = header_len(2);
    [
        ("vault id", 24..40),
        ("generation", 40..48),
        ("ron's slot", SLOT..SLOT + SLOT_LEN),
        ("anna's slot", SLOT + SLOT_LEN..SLOT + 2 * SLOT_LEN),
        ("payload's salt and commitment", header..header + 64),
        ("payload's first half", header + 64..header + 64 + 512),
        ("payload's rest", header + 64 + 512..len - 64),
        ("signature", len - 64..len),
    ]
}

/// Every choice of regions but none and all.
fn mixtures(into: &[u8], from: &[u8]) -> Vec<(Vec<&'static str>, Vec<u8>)> {
    assert_eq!(into.len(), from.len());
    let regions = regions(into.len());
    (1..1_u32 << regions.len())
        .map(|choice| {
            let chosen = regions.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1);
            let (mut file, mut names) = (into.to_vec(), Vec::new());
            for (_, (name, range)) in chosen {
                file[range.clone()].copy_from_slice(&from[range.clone()]);
                names.push(*name);
            }
            (names, file)
        })
        .filter(|(_, file)| file != from && file != into)
        .collect()
}

/// Every mixture, its checksum as it was and repaired, by reader and administrator.
fn mix(what: &str, into: &[u8], from: &[u8], same_people: bool) {
    let mut refused = Refused::default();
    for (passphrase, own) in [(RON, "ron's slot"), (ANNA, "anna's slot")] {
        let keks = Keks::derive(&[into, from], passphrase).unwrap();
        for (names, file) in mixtures(into, from) {
            let shut_out = !same_people && names.contains(&own);
            let name = format!("{what}: {names:?}, {own}");
            let sealed = repaired(file.clone());
            if sealed == from || sealed == into {
                continue; // with the checksum it is whole
            }
            refused.add(keks.open(sealed), if shut_out { WrongPassphrase } else { Damaged }, &name);
            // The checksum is the old file's: where the header is another, it says so before any key.
            let same_header = file[..header_len(2)] == into[..header_len(2)];
            let expected = if shut_out && same_header { WrongPassphrase } else { Damaged };
            refused.add(keks.open(file), expected, &format!("{name}, checksum as it was"));
        }
    }
    refused.tell(&format!("mixtures {what}"));
    assert!(refused.count() >= 100);
}

#[test]
fn parts_of_another_vault_of_the_same_people_are_refused() {
    let [one, other] = [10, 11].map(|number| forge(number, true, 3).build().unwrap());
    mix("of two vaults, same passphrases", &one, &other, true);
}

#[test]
fn parts_of_a_vault_of_strangers_are_refused() {
    let one = forge(10, true, 3).build().unwrap();
    let strangers = aumbry::testing::Forge::new(12)
        .person("ron", aumbry::Role::Reader, "another's", crate::common::cheap())
        .and_then(|forge| {
            forge.person("anna", aumbry::Role::Administrator, "a third's", crate::common::cheap())
        })
        .and_then(|forge| forge.build())
        .unwrap();
    let strangers = {
        // Of the same length: three records take no more blocks than none.
        assert_eq!(one.len(), strangers.len());
        strangers
    };
    mix("of two vaults, other passphrases", &one, &strangers, false);
}

#[test]
fn parts_of_an_older_version_are_refused() {
    let newer = forge(10, true, 3).build().unwrap();
    let older = forge(10, true, 2).generation(6).build().unwrap();
    assert_eq!(newer[SLOT..SLOT + 2 * SLOT_LEN], older[SLOT..SLOT + 2 * SLOT_LEN], "the same people");
    mix("of two versions of one vault", &newer, &older, true);
}

#[test]
fn parts_of_one_vault_in_another_order_are_refused() {
    let file = forge(10, true, 20).build().unwrap();
    let header = header_len(2);
    let exchanged = |a: usize, b: usize, len: usize| {
        let mut file = file.clone();
        for offset in 0..len {
            file.swap(a + offset, b + offset);
        }
        file
    };
    let slot = SLOT_LEN;
    let slot_parts: [(&str, usize, usize, ErrorKind); 6] = [
        ("slots", 0, slot, Damaged),
        ("roles", 0, 1, Damaged),
        ("salts", 16, 16, WrongPassphrase),
        ("sealed keys", 32, 144, WrongPassphrase),
        ("commitments", 64, 32, WrongPassphrase),
        ("ciphertexts and tags", 96, 80, Damaged),
    ];
    for (who, passphrase) in [("ron", RON), ("anna", ANNA)] {
        let keks = Keks::derive(&[&file], passphrase).unwrap();
        let mut refused = Refused::default();
        for (what, at, len, expected) in slot_parts {
            let file = repaired(exchanged(SLOT + at, SLOT + slot + at, len));
            refused.add(keks.open(file), expected, &format!("{what} exchanged, {who}"));
        }
        // Blocks of the cipher, of the padding, and the bytes before and after.
        for size in [16, 512, 1024] {
            let blocks: Vec<usize> = (header + 64..file.len() - 64 - 16 - size).step_by(size).collect();
            for pair in blocks.windows(2) {
                let file = exchanged(pair[0], pair[1], size);
                refused.add(keks.open(file), Damaged, &format!("blocks of {size} at {}, {who}", pair[0]));
            }
        }
        refused.add(keks.open(exchanged(header, header + 32, 32)), Damaged, "salt and commitment");
        refused.add(keks.open(exchanged(file.len() - 64, file.len() - 32, 32)), Damaged, "R and S");
        refused.tell(&format!("parts of one vault exchanged, {who}"));
        assert!(refused.count() > 200);
    }
}

/// An administrator signs it, so it opens; but no record gives another's secret, and no escrow another's key.
#[test]
fn secrets_and_escrows_in_others_places_are_never_taken_for_theirs() {
    let (one, other) = (forge(10, true, 3), forge(11, true, 3));
    let (file, body) = (one.build().unwrap(), Body::read(&one.body().unwrap()));
    let foreign = Body::read(&other.body().unwrap());
    let keks = Keks::derive(&[&file], ANNA).unwrap();
    let open = |body: &Body| keks.open(one.build_body(&body.encode()).unwrap()).unwrap();

    let mut secrets = 0;
    for into in 0..3 {
        for (whose, from) in (0..3).flat_map(|from| [(&body, from), (&foreign, from)]) {
            let mut mixed = body.clone();
            mixed.records[into].secret = whose.records[from].secret.clone();
            if mixed == body {
                continue;
            }
            let vault = open(&mixed);
            let error = vault.get_credentials(&mixed.records[into].name).unwrap_err();
            assert_eq!(error.kind(), Damaged);
            assert_eq!(vault.verify().unwrap_err().kind(), Damaged);
            for (_, record) in mixed.records.iter().enumerate().filter(|(at, _)| *at != into) {
                assert!(vault.get_credentials(&record.name).unwrap().is_some(), "the others still open");
            }
            secrets += 1;
        }
    }
    let mut escrows = 0;
    for escrow in [&body.people[1].escrow, &foreign.people[0].escrow, &foreign.people[1].escrow] {
        let mut mixed = body.clone();
        mixed.people[0].escrow.clone_from(escrow);
        let vault = open(&mixed);
        // A new K would be sealed for ron under a key that he has not.
        assert_eq!(vault.change_passphrase("anna's next passphrase").unwrap_err().kind(), Damaged);
        assert_eq!(vault.generation().unwrap(), 7, "nothing was written");
        escrows += 1;
    }
    let untouched = open(&body);
    untouched.remove_person("ron").unwrap();
    tell(&format!(
        "signed swaps: {secrets} secrets refused alone, {escrows} escrows refused, 0 taken for another's"
    ));
    assert_eq!((secrets, escrows), (15, 3));
}
