//! One handle, one writer and many readers: each reader sees one whole generation, never a mixture of two.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use crate::common::*;
use aumbry::storage::InMemory;
use aumbry::{CreateOptions, ExposeSecret, NewRecord, OpenOptions, Record, Vault};

/// At least; more where the readers are given little time, until they have seen enough.
const EDITS: u64 = 2000;
const NAMES: [&str; 2] = ["left", "right"];

/// Both records say in all their fields which edit wrote them.
fn record(name: &str, number: u64) -> NewRecord {
    let draft = NewRecord::new_static(name, &format!("AKIA{number}"), format!("secret-{number}")).unwrap();
    draft.attribute("number", &number.to_string()).unwrap()
}

/// The number that a record bears, if all its fields bear one.
fn number(key_id: &str, attribute: &str) -> u64 {
    assert_eq!(key_id.strip_prefix("AKIA"), Some(attribute), "one record is of two edits");
    attribute.parse().unwrap()
}

/// What the readers have seen.
#[derive(Default)]
struct Seen {
    snapshots: AtomicU64,
    generations: AtomicU64,
    credentials: AtomicU64,
    found: AtomicU64,
    reopened: AtomicU64,
    /// Two look-ups of two generations: what a snapshot is there to prevent.
    mixed: AtomicU64,
}

impl Seen {
    fn is_enough(&self) -> bool {
        let [snapshots, credentials, reopened, mixed] =
            [&self.snapshots, &self.credentials, &self.reopened, &self.mixed]
                .map(|count| count.load(Ordering::Relaxed));
        snapshots > 1000 && credentials > 1000 && reopened > 10 && mixed > 0
    }
}

fn count(seen: &AtomicU64) {
    seen.fetch_add(1, Ordering::Relaxed);
}

/// All records through one snapshot: they are of one edit.
fn look_at_a_snapshot(vault: &Vault, seen: &Seen) -> u64 {
    let entries: Vec<_> = vault.records().unwrap().collect();
    let names: Vec<_> = entries.iter().map(Record::name).collect();
    assert_eq!(names, NAMES, "an edit removes and adds both");
    thread::yield_now();
    let numbers: Vec<_> = entries
        .iter()
        .map(|entry| number(entry.access_key_id(), entry.attribute("number").unwrap()))
        .collect();
    assert_eq!(numbers.first(), numbers.last(), "a snapshot is of two edits");
    count(&seen.snapshots);
    *numbers.first().unwrap()
}

/// Whole records, one after the other: each is of one edit and none is older than what was seen before.
fn look_up(vault: &Vault, seen: &Seen) -> [u64; 2] {
    NAMES.map(|name| {
        let credentials = vault.get_credentials(name).unwrap().expect("it is there at every moment");
        let number = number(credentials.access_key_id(), credentials.attribute("number").unwrap());
        assert_eq!(credentials.secret_access_key().expose_secret(), format!("secret-{number}"));
        count(&seen.credentials);
        let entry = vault.find(name).unwrap().expect("it is there at every moment");
        assert!(self::number(entry.access_key_id(), entry.attribute("number").unwrap()) >= number);
        count(&seen.found);
        thread::sleep(Duration::from_micros(50));
        number
    })
}

fn read(vault: &Vault, seen: &Seen, is_over: &AtomicBool) {
    let (mut generation, mut newest) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        let now = vault.generation().unwrap();
        assert!(now >= generation, "generation {now} after {generation}");
        generation = now;
        count(&seen.generations);
        let snapshot = look_at_a_snapshot(vault, seen);
        assert!(snapshot >= newest, "edit {snapshot} after {newest}");
        let [left, right] = look_up(vault, seen);
        assert!(left >= snapshot && right >= left, "edits {left} and {right} after {snapshot}");
        newest = right;
        if left != right {
            count(&seen.mixed);
        }
    }
}

/// From the storage, as another program does.
fn reopen(storage: &InMemory, seen: &Seen, is_over: &AtomicBool) {
    let vault = OpenOptions::new().open_in(storage.clone(), PASSPHRASE).unwrap();
    let (mut newest, mut generation) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        vault.refresh().unwrap();
        let number = look_at_a_snapshot(&vault, seen);
        let now = vault.generation().unwrap();
        assert!(number >= newest && now >= generation, "edit {number} after {newest}");
        (newest, generation) = (number, now);
        count(&seen.reopened);
    }
}

#[test]
fn readers_see_whole_generations_only_during_edits() {
    let storage = InMemory::new();
    let options = CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
    let vault = options.create_in(storage.clone(), PASSPHRASE).unwrap();
    vault.edit(|edit| NAMES.iter().try_for_each(|name| edit.add(&record(name, 0)))).unwrap();
    let (seen, is_over) = (Seen::default(), AtomicBool::new(false));
    let mut edits = 0;
    thread::scope(|scope| {
        let mut readers: Vec<_> = (0..4).map(|_| scope.spawn(|| read(&vault, &seen, &is_over))).collect();
        readers.push(scope.spawn(|| reopen(&storage, &seen, &is_over)));
        while edits < EDITS || (edits < 10 * EDITS && !seen.is_enough()) {
            let number = edits + 1;
            vault
                .edit(|edit| {
                    NAMES.iter().try_for_each(|name| edit.remove(name))?;
                    NAMES.iter().try_for_each(|name| edit.add(&record(name, number)))
                })
                .unwrap();
            edits = number;
            if readers.iter().any(ScopedJoinHandle::is_finished) {
                break;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(vault.generation().unwrap(), 2 + edits);
    let [snapshots, generations, credentials, found, reopened, mixed] =
        [&seen.snapshots, &seen.generations, &seen.credentials, &seen.found, &seen.reopened, &seen.mixed]
            .map(|count| count.load(Ordering::Relaxed));
    tell(&format!(
        "{edits} edits, 5 readers: {snapshots} snapshots, {credentials} credentials, {found} entries, {generations} \
         generations and {reopened} refreshes, each of one edit and none older than the one before"
    ));
    tell(&format!("control: {mixed} of {generations} times two look-ups in a row saw two edits"));
    assert!(mixed > 0, "the readers read beside the edits, not during them");
    assert!(seen.is_enough());
}
