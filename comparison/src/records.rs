//! The records that every peer stores: the same in each run.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::result::Result;

/// The content of a record.
#[derive(Clone, Serialize, Deserialize)]
pub struct Entry {
    pub access_key_id: String,
    pub secret: Zeroizing<String>,
    pub region: String,
}

pub struct Record {
    pub name: String,
    pub entry: Entry,
}

/// All records in one value, as `age`, `cocoon` and the JSON file store them.
pub type Book = HashMap<String, Entry>;

pub fn book(records: &[Record]) -> Book {
    records.iter().map(|record| (record.name.clone(), record.entry.clone())).collect()
}

/// Encodes one entry, for peers that store bytes under a name.
pub fn pack<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>> {
    Ok(Zeroizing::new(bincode::serde::encode_to_vec(value, bincode::config::standard())?))
}

pub fn unpack<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    Ok(bincode::serde::decode_from_slice(bytes, bincode::config::standard())?.0)
}

/// Returns the name of record `i`: unique below a million. At most one slash, because one peer does not allow
/// more.
pub fn name(i: usize) -> String {
    format!("team-{:02}/service-{:04}-uploads", i % 100, i / 100)
}

/// Returns the records `0..count`: a key id, 40 random characters that do not compress, a region.
pub fn records(count: usize) -> Vec<Record> {
    const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const REGIONS: [&str; 4] = ["eu-central-1", "us-east-1", "ap-southeast-2", "sa-east-1"];
    let mut dice = Dice(0);
    (0..count)
        .map(|i| {
            let access_key_id = format!("AKIA{}", dice.text(BASE32, 16));
            let region = REGIONS[i % REGIONS.len()].to_owned();
            Record { name: name(i), entry: Entry { access_key_id, secret: dice.secret(), region } }
        })
        .collect()
}

/// SplitMix64: the same numbers in each run, and random enough for a benchmark.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn text(&mut self, alphabet: &[u8], len: usize) -> String {
        (0..len).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    pub fn secret(&mut self) -> Zeroizing<String> {
        const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        Zeroizing::new(self.text(BASE64, 40))
    }
}
