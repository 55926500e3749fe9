//! Cut off at every place, and grown by anything.

use aumbry::ErrorKind::{self, Damaged, InvalidFile};

use crate::hostile::scene::{Case, Refused, cases, header_len, with_right_length};

/// Enough records for a payload of several blocks, so that whole blocks can be cut off.
const RECORDS: usize = 20;

/// By an administrator alone, and by a reader beside one: whose slot it is makes no difference to a length.
fn by_slots(records: usize) -> impl Iterator<Item = Case> {
    cases(records).into_iter().take(2)
}

fn cut(len: usize) -> ErrorKind {
    if len < 8 { InvalidFile } else { Damaged }
}

#[test]
fn every_truncation_is_refused_with_its_class() {
    for Case { what, file, keks, .. } in by_slots(RECORDS) {
        let mut refused = Refused::default();
        for len in 0..file.len() {
            refused.add(keks.open(file[..len].to_vec()), cut(len), &format!("{what}, cut to {len}"));
        }
        refused.tell(&format!("every truncation, {what}"));
        assert_eq!(refused.count(), file.len());
    }
}

#[test]
fn every_truncation_is_refused_although_length_and_checksum_were_repaired() {
    for Case { what, file, keks, slots, .. } in by_slots(RECORDS) {
        let mut refused = Refused::default();
        // From where there is a length and a checksum to repair.
        for len in header_len(slots)..file.len() {
            let cut = with_right_length(file[..len].to_vec());
            refused.add(keks.open(cut), Damaged, &format!("{what}, cut to {len}, length repaired"));
        }
        refused.tell(&format!("every truncation, length and checksum repaired, {what}"));
        assert!(refused.count() > 3 * 1024, "some of them by whole blocks");
    }
}

#[test]
fn every_extension_is_refused() {
    for Case { what, file, keks, .. } in by_slots(1) {
        let mut refused = Refused::default();
        let tails = (1..=1100)
            .map(|len| vec![0; len])
            .chain((1..=100).map(|len| file[..len].to_vec()))
            .chain((1..=100).map(|len| file[file.len() - len..].to_vec()))
            .chain((1..=8).map(|copies| file.repeat(copies)));
        for (number, tail) in tails.enumerate() {
            let name = format!("{what}, extension {number}");
            let longer = [file.as_slice(), &tail].concat();
            refused.add(keks.open(longer.clone()), Damaged, &name);
            refused.add(keks.open(with_right_length(longer)), Damaged, &format!("{name}, length repaired"));
            // And before the signature, which stays the last of the file.
            let (signed, signature) = file.split_at(file.len() - 64);
            let inside = with_right_length([signed, &tail, signature].concat());
            refused.add(keks.open(inside), Damaged, &format!("{name}, before the signature"));
        }
        refused.tell(&format!("extensions, {what}"));
        assert_eq!(refused.count(), 3 * 1308);
    }
}

#[test]
fn bytes_before_a_vault_make_it_none() {
    let Case { file, keks, .. } = &cases(1)[0];
    let mut refused = Refused::default();
    for len in 1..=64 {
        for byte in [0, b'A', 0xff] {
            refused.add(
                keks.open([&vec![byte; len], file.as_slice()].concat()),
                InvalidFile,
                "bytes before it",
            );
        }
    }
    refused.tell("bytes before the vault");
}
