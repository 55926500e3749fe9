//! Every single bit.

use std::collections::BTreeMap;

use crate::common::tell;
use crate::hostile::fields::{Field, as_it_is, field_of, with_checksum};
use crate::hostile::scene::{Case, Refused, cases, header_len, repaired};

pub(crate) fn flipped(file: &[u8], bit: usize) -> Vec<u8> {
    let mut file = file.to_vec();
    file[bit / 8] ^= 1 << (bit % 8);
    file
}

/// How many bits of each field were flipped: so that no field is left out unnoticed.
fn note(fields: &mut BTreeMap<String, usize>, field: Field) {
    let name = match field {
        Field::Slot(_, part) => format!("Slot {part:?}"),
        field => format!("{field:?}"),
    };
    *fields.entry(name).or_insert(0) += 1;
}

fn flip_all(case: &Case) {
    let Case { what, file, keks, slots, .. } = case;
    let (mut refused, mut fields) = (Refused::default(), BTreeMap::new());
    for bit in 0..file.len() * 8 {
        let field = field_of(bit / 8, *slots, file.len());
        note(&mut fields, field);
        refused.add(keks.open(flipped(file, bit)), as_it_is(field), &format!("{what}, bit {bit}, {field:?}"));
    }
    refused.tell(&format!("every bit, {what}"));
    tell(&format!("    by field: {fields:?}"));
    assert_eq!((refused.count(), fields.len()), (file.len() * 8, 22));
}

#[test]
fn every_flipped_bit_of_a_vault_of_one_administrator_is_refused_with_its_class() {
    flip_all(&cases(1)[0]);
}

#[test]
fn every_flipped_bit_is_refused_to_a_reader_with_its_class() {
    flip_all(&cases(1)[1]);
}

#[test]
fn every_flipped_bit_of_the_header_is_refused_although_its_checksum_was_repaired() {
    for Case { what, file, keks, slots, own } in cases(1) {
        let mut refused = Refused::default();
        // Beyond the header nothing is repaired; and a checksum that is repaired is the one that was there.
        let bits = (header_len(slots) - 32) * 8;
        for bit in 0..bits {
            let file = repaired(flipped(&file, bit));
            let field = field_of(bit / 8, slots, file.len());
            let expected = with_checksum(field, own, &file);
            refused.add(
                keks.open(file),
                expected,
                &format!("{what}, bit {bit}, {field:?}, checksum repaired"),
            );
        }
        refused.tell(&format!("every bit of the header, checksum repaired, {what}"));
        assert_eq!(refused.count(), bits);
    }
}
