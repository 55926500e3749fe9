//! The fields of `docs/format.md`, section 3, and what becomes of a file in which one byte of them is another. Written
//! from that page; the library is not asked.

use aumbry::ErrorKind::{self, Damaged, InvalidFile, Unsupported, WrongPassphrase};

use crate::hostile::scene::{CHECKSUM_LEN, SLOT, SLOT_LEN, header_len};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Field {
    Magic,
    Version,
    Suite,
    Zeros,
    Length,
    VaultId,
    Generation,
    SlotCount,
    Slot(usize, SlotField),
    Checksum,
    Payload,
    Signature,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum SlotField {
    Role,
    Hint,
    Zeros,
    Memory,
    Passes,
    Lanes,
    Salt,
    SealSalt,
    Commitment,
    Ciphertext,
    Tag,
}

/// Name and end of each field of a table, in order.
fn field_at<F: Copy>(table: &[(F, usize)], at: usize) -> F {
    table.iter().find(|(_, end)| at < *end).expect("an offset within the table").0
}

/// Which field of a file with so many slots the byte at `at` belongs to.
pub(crate) fn field_of(at: usize, slots: usize, file_len: usize) -> Field {
    use Field::{
        Checksum, Generation, Length, Magic, Payload, Signature, Slot, SlotCount, Suite, VaultId, Version,
        Zeros,
    };
    const FIXED: &[(Field, usize)] = &[
        (Magic, 8),
        (Version, 10),
        (Suite, 12),
        (Zeros, 16),
        (Length, 24),
        (VaultId, 40),
        (Generation, 48),
        (SlotCount, 50),
        (Zeros, 56),
    ];
    const IN_SLOT: &[(SlotField, usize)] = &[
        (SlotField::Role, 1),
        (SlotField::Hint, 2),
        (SlotField::Zeros, 4),
        (SlotField::Memory, 8),
        (SlotField::Passes, 12),
        (SlotField::Lanes, 16),
        (SlotField::Salt, 32),
        (SlotField::SealSalt, 64),
        (SlotField::Commitment, 96),
        (SlotField::Ciphertext, 160),
        (SlotField::Tag, 176),
    ];
    let header = header_len(slots);
    match at {
        _ if at < SLOT => field_at(FIXED, at),
        _ if at < header - CHECKSUM_LEN => {
            Slot((at - SLOT) / SLOT_LEN, field_at(IN_SLOT, (at - SLOT) % SLOT_LEN))
        }
        _ if at < header => Checksum,
        _ if at < file_len - 64 => Payload,
        _ => Signature,
    }
}

/// What a file is refused as, in which something in `field` was altered, nothing repaired.
pub(crate) fn as_it_is(field: Field) -> ErrorKind {
    match field {
        Field::Magic => InvalidFile,
        Field::Version | Field::Suite => Unsupported,
        _ => Damaged, // the checksum sees it at the latest, or the signature
    }
}

/// The same with the header's checksum repaired, as read by the person who opens slot `own`. `file` is the altered one.
pub(crate) fn with_checksum(field: Field, own: usize, file: &[u8]) -> ErrorKind {
    let Field::Slot(slot, part) = field else { return as_it_is(field) };
    if slot != own {
        return Damaged;
    }
    match part {
        // Argon2id gives another key, if it runs at all.
        SlotField::Memory | SlotField::Passes | SlotField::Lanes => {
            if within_limits(&file[SLOT + SLOT_LEN * slot..]) { WrongPassphrase } else { Damaged }
        }
        SlotField::Salt | SlotField::SealSalt | SlotField::Commitment => WrongPassphrase,
        SlotField::Role | SlotField::Hint | SlotField::Zeros | SlotField::Ciphertext | SlotField::Tag => {
            Damaged
        }
    }
}

/// Section 5, step 4, of one slot.
fn within_limits(slot: &[u8]) -> bool {
    let number = |at: usize| u64::from(u32::from_le_bytes(slot[at..at + 4].try_into().unwrap()));
    let (m, t, p) = (number(4), number(8), number(12));
    (8 << 10..=1 << 20).contains(&m) && (1..=64).contains(&t) && (1..=8).contains(&p) && m * t <= 1 << 21
}
