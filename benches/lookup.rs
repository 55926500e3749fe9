//! What does a look-up cost, compared with a hash map with the same names?
//!
//! Names come in random order, so that in a large vault most look-ups miss the processor's caches.

mod support;

use aumbry::OpenOptions;
use aumbry::storage::InMemory;
use hashbrown::HashMap;
use support::{Bench, Dice, PASSPHRASE, cheap_kdf, name, sealed};

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

fn main() {
    let mut bench = Bench::new();
    let sizes = bench.sizes(&SIZES);
    for records in sizes {
        let storage = InMemory::from_bytes(sealed(*records, cheap_kdf()));
        let vault = OpenOptions::new().open_in(storage, PASSPHRASE).expect("a vault");
        let hash_map: HashMap<String, usize> = (0..*records).map(|i| (name(i), i)).collect();

        let mut order: Vec<usize> = (0..*records).collect();
        Dice::new(0).shuffle(&mut order);
        let known: Vec<String> = order.iter().map(|i| name(*i)).collect();
        let unknown: Vec<String> = order.iter().map(|i| name(*i).replace("uploads", "missing")).collect();

        let mut names = known.iter().cycle().map(String::as_str);
        let mut next = || names.next().expect("an endless iterator");
        bench.quick(&format!("lookup/hash_map/{records}"), || *hash_map.get(next()).expect("a known name"));
        bench.quick(&format!("lookup/find/{records}"), || {
            vault.find(next()).expect("an unlocked vault").expect("a known name")
        });
        bench.quick(&format!("lookup/get_credentials/{records}"), || {
            vault.get_credentials(next()).expect("an unlocked vault").expect("a known name")
        });
        let mut names = unknown.iter().cycle().map(String::as_str);
        bench.quick(&format!("lookup/unknown/{records}"), || {
            let found = vault.get_credentials(names.next().expect("an endless iterator"));
            assert!(found.expect("an unlocked vault").is_none());
        });
    }

    for records in sizes {
        let floor = format!("lookup/hash_map/{records}");
        for verb in ["find", "get_credentials", "unknown"] {
            bench.ratio(&format!("lookup/{verb}/{records}"), &floor);
        }
    }
    bench.ratio("lookup/get_credentials/1000000", "lookup/get_credentials/1000");
}
