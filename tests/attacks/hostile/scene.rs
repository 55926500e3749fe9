//! The vaults that are altered, and how the outcome is taken down.

use std::collections::BTreeMap;

use aumbry::testing::{Forge, Keks};
use aumbry::{ErrorKind, NewRecord, Role, Vault};

use crate::common::{KEY_ID, SECRET, cheap, tell};

pub(crate) const ANNA: &str = "anna's passphrase";
pub(crate) const RON: &str = "ron's passphrase";

/// Where the first slot starts, how long one is, and what follows the last.
pub(crate) const SLOT: usize = 56;
pub(crate) const SLOT_LEN: usize = 176;
pub(crate) const CHECKSUM_LEN: usize = 32;

pub(crate) fn header_len(slots: usize) -> usize {
    SLOT + slots * SLOT_LEN + CHECKSUM_LEN
}

/// A vault of so many records, by Anna alone or by Ron, who reads, and Anna.
pub(crate) fn forge(number: u64, with_reader: bool, records: usize) -> Forge {
    let mut forge = Forge::new(number).generation(7);
    if with_reader {
        forge = forge.person("ron", Role::Reader, RON, cheap()).unwrap();
    }
    forge = forge.person("anna", Role::Administrator, ANNA, cheap()).unwrap();
    for n in 0..records {
        let draft = NewRecord::new_static(format!("record {n:04}").as_str(), KEY_ID, SECRET).unwrap();
        forge = forge.record(&draft, 1_700_000_000, 1_750_000_000).unwrap();
    }
    forge
}

/// A file, and one of the people who can open it.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) file: Vec<u8>,
    pub(crate) keks: Keks,
    pub(crate) slots: usize,
    /// The slot that opens.
    pub(crate) own: usize,
}

/// One administrator; reader and administrator, as opened by either.
pub(crate) fn cases(records: usize) -> Vec<Case> {
    let (alone, two) = (forge(1, false, records).build().unwrap(), forge(2, true, records).build().unwrap());
    [
        ("one administrator", &alone, ANNA, 1, 0),
        ("two people, the reader", &two, RON, 2, 0),
        ("two people, the administrator", &two, ANNA, 2, 1),
    ]
    .map(|(what, file, passphrase, slots, own)| {
        let keks = Keks::derive(&[file], passphrase).unwrap();
        assert!(keks.open(file.clone()).unwrap().verify().is_ok(), "the control: as it is, it opens");
        Case { what, file: file.clone(), keks, slots, own }
    })
    .into()
}

/// How many files were refused, and with which class.
#[derive(Default)]
pub(crate) struct Refused(BTreeMap<String, usize>);

impl Refused {
    #[track_caller]
    pub(crate) fn add(&mut self, opened: aumbry::Result<Vault>, expected: ErrorKind, what: &str) {
        match opened {
            Ok(_) => panic!("{what}: accepted"),
            Err(error) => assert_eq!(error.kind(), expected, "{what}: {error}"),
        }
        *self.0.entry(format!("{expected:?}")).or_insert(0) += 1;
    }

    pub(crate) fn count(&self) -> usize {
        self.0.values().sum()
    }

    pub(crate) fn tell(&self, what: &str) {
        tell(&format!("hostile files, {what}: {} refused, 0 accepted: {:?}", self.count(), self.0));
    }
}

/// The file with some bytes replaced.
pub(crate) fn with(file: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

/// The same under a header checksum that fits.
pub(crate) fn repaired(mut file: Vec<u8>) -> Vec<u8> {
    aumbry::testing::repair_checksum(&mut file);
    file
}

/// The same, its stored length that of the file, under a header checksum that fits.
pub(crate) fn with_right_length(mut file: Vec<u8>) -> Vec<u8> {
    let len = (file.len() as u64).to_le_bytes();
    file[16..24].copy_from_slice(&len);
    repaired(file)
}
