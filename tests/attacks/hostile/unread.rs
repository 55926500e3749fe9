//! What is refused before any key derivation costs nearly nothing: a few kilobytes read, no Argon2id, no memory.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aumbry::ErrorKind::{self, Damaged, InvalidFile, WrongPassphrase};
use aumbry::storage::{Exclusive, InMemory, Prefix, Revision, Storage};
use aumbry::testing::key_derivations;
use aumbry::{KdfParameters, OpenOptions, Result, Role};

use crate::common::tell;
use crate::hostile::child;
use crate::hostile::fields::{as_it_is, field_of};
use crate::hostile::flips::flipped;
use crate::hostile::limits::{Beyond, beyond_the_header};
use crate::hostile::scene::{ANNA, Refused, forge, header_len, with};

/// The longest header there is: 32 slots.
const LONGEST_HEADER: usize = 88 + 32 * 176;

/// A storage that counts what is read of it.
#[derive(Clone, Default)]
struct Counting {
    bytes: InMemory,
    read: Arc<AtomicUsize>,
    loads: Arc<AtomicUsize>,
}

impl Counting {
    fn new(file: Vec<u8>) -> Self {
        Self { bytes: InMemory::from_bytes(file), ..Self::default() }
    }
}

impl Storage for Counting {
    fn load_prefix(&self, len: usize) -> Result<Prefix> {
        let prefix = self.bytes.load_prefix(len)?;
        self.read.fetch_add(prefix.bytes.len(), Ordering::Relaxed);
        Ok(prefix)
    }

    fn load(&self, limit: u64) -> Result<Vec<u8>> {
        let bytes = self.bytes.load(limit)?;
        self.read.fetch_add(bytes.len(), Ordering::Relaxed);
        self.loads.fetch_add(1, Ordering::Relaxed);
        Ok(bytes)
    }

    fn revision(&self) -> Result<Option<Revision>> {
        self.bytes.revision()
    }

    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> Result<()> {
        self.bytes.replace(expected, bytes)
    }

    fn exclusive(&self) -> Result<Exclusive> {
        self.bytes.exclusive()
    }

    fn location(&self) -> Result<Option<String>> {
        self.bytes.location()
    }
}

/// Everything about a header that needs no key to be refused: each bit of it, each limit, each place to cut.
pub(crate) fn each(file: &[u8], slots: usize, mut with_each: impl FnMut(&str, Vec<u8>, ErrorKind)) {
    for bit in 0..header_len(slots) * 8 {
        let expected = as_it_is(field_of(bit / 8, slots, file.len()));
        with_each(&format!("bit {bit}"), flipped(file, bit), expected);
    }
    for Beyond { what, file, expected } in beyond_the_header(file, slots) {
        with_each(&what, file, expected);
    }
    for len in 0..file.len() {
        let expected = if len < 8 { InvalidFile } else { Damaged };
        with_each(&format!("cut to {len}"), file[..len].to_vec(), expected);
    }
    for more in [1, 1000, 1 << 20] {
        with_each("grown", [file, &vec![0; more]].concat(), Damaged);
    }
}

/// By the whole way of opening with a passphrase; so many bytes were read, so many times the whole file.
fn open(file: Vec<u8>, passphrase: &str) -> (Result<aumbry::Vault>, usize, usize) {
    let storage = Counting::new(file);
    let opened = OpenOptions::new().open_in(storage.clone(), passphrase);
    (opened, storage.read.load(Ordering::Relaxed), storage.loads.load(Ordering::Relaxed))
}

#[test]
fn what_needs_no_key_is_refused_without_a_key_derivation_and_without_reading_on() {
    let mut refused = Refused::default();
    let mut most = 0;
    let mut took = Vec::new();
    let before = key_derivations();
    let files =
        [(forge(1, false, 1), 1), (forge(2, true, 1), 2)].map(|(forge, n)| (forge.build().unwrap(), n));
    let in_making = key_derivations() - before;
    assert_eq!(in_making, 3, "the control: making three slots derives three keys");
    for (file, slots) in &files {
        each(file, *slots, |what, file, expected| {
            let start = Instant::now();
            let (opened, read, loads) = open(file, ANNA);
            took.push(start.elapsed());
            refused.add(opened, expected, what);
            assert!(
                read <= LONGEST_HEADER && loads == 0,
                "{what}: {read} bytes read, {loads} times to the end"
            );
            most = most.max(read);
        });
    }
    assert_eq!(key_derivations() - before, in_making, "a key was derived");

    // The control: what only a key can tell reads the whole file, and derives a key for each slot.
    let (file, _) = &files[1];
    let start = Instant::now();
    let (opened, read, loads) = open(file.clone(), "nobody's");
    let one_kdf = start.elapsed() / 2; // the cheapest that there is
    refused.add(opened, WrongPassphrase, "the control");
    assert_eq!((read, loads), (2 * file.len(), 1), "the header, and the whole");
    assert!(key_derivations() > before + in_making);

    took.sort();
    let [typical, nearly_worst] = [took[took.len() / 2], took[took.len() * 99 / 100]];
    let ratio = |time: Duration| time.as_secs_f64() / one_kdf.as_secs_f64();
    refused.tell("before any key, no key derivation");
    tell(&format!(
        "    at most {most} bytes read; the time of the cheapest key derivation: {:.4} (median), {:.4} (99 of 100)",
        ratio(typical),
        ratio(nearly_worst)
    ));
    assert!(ratio(typical) <= 0.1, "{typical:?} of {one_kdf:?}");
}

/// Bytes that this thread has read from files.
fn bytes_read() -> u64 {
    let counts = fs::read_to_string("/proc/thread-self/io").unwrap();
    counts.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

/// A file of this length, whose beginning is `start` and which takes no room.
pub(crate) fn sparse(path: &Path, start: &[u8], len: u64) {
    fs::write(path, start).unwrap();
    File::options().write(true).open(path).unwrap().set_len(len).unwrap();
}

/// Files of any size that need no key to be refused.
fn on_disk(folder: &Path, vault: &[u8], mut refuse: impl FnMut(&str, &Path, ErrorKind)) {
    let path = folder.join("hostile.aumbry");
    for len in [(1 << 30) + 1, 1 << 31, 1 << 33, 1 << 40] {
        let claiming = crate::hostile::scene::repaired(with(vault, 16, &u64::to_le_bytes(len)));
        sparse(&path, &claiming, len);
        refuse(&format!("{len} bytes long"), &path, InvalidFile);
        sparse(&path, &[], len);
        refuse(&format!("{len} bytes, all zero"), &path, InvalidFile);
    }
    for len in [1 << 20, 1 << 28, 1 << 30] {
        sparse(&path, vault, len);
        refuse(&format!("grown to {len}"), &path, Damaged);
        sparse(&path, &[], len);
        refuse(&format!("{len} zero bytes"), &path, InvalidFile);
        // The right length, but none that a vault can have.
        let claiming = crate::hostile::scene::repaired(with(vault, 16, &u64::to_le_bytes(len)));
        sparse(&path, &claiming, len);
        refuse(&format!("{len} bytes and says so"), &path, Damaged);
    }
    each(vault, 1, |what, file, expected| {
        if what.contains("byte") || what.contains("slot") || what.starts_with("cut") || file.len() > 4096 {
            fs::write(&path, file).unwrap();
            refuse(what, &path, expected);
        }
    });
}

#[test]
fn of_a_file_that_needs_no_key_to_be_refused_nothing_but_its_beginning_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let vault = forge(1, false, 1).build().unwrap();
    let derivations = key_derivations();
    let by_the_way = {
        let before = bytes_read();
        bytes_read() - before
    };
    let (mut refused, mut most) = (Refused::default(), 0);
    on_disk(folder.path(), &vault, |what, path, expected| {
        let before = bytes_read();
        let opened = OpenOptions::new().without_pin().open(path, ANNA);
        let read = bytes_read() - before - by_the_way;
        refused.add(opened, expected, what);
        // A little room, for the numbers in that file grow.
        assert!(read <= LONGEST_HEADER as u64 + 64, "{what}: {read} bytes were read");
        most = most.max(read);
    });
    assert_eq!(key_derivations(), derivations);
    refused.tell("on disk, before any key, files of up to 1 TiB");
    tell(&format!("    at most {most} bytes read, counted by the system"));
}

/// The most memory this process ever had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// In a child: refuses all of it, and then opens a vault of the usual cost.
pub(crate) fn measured(folder: &Path) {
    let vault = fs::read(folder.join("small.aumbry")).unwrap();
    let mut count = 0;
    let mut refuse = |opened: Result<aumbry::Vault>, expected, what: &str| {
        assert_eq!(opened.map(drop).map_err(|error| error.kind()), Err(expected), "{what}");
        count += 1;
    };
    each(&vault, 1, |what, file, expected| refuse(open(file, ANNA).0, expected, what));
    on_disk(folder, &vault, |what, path, expected| {
        refuse(OpenOptions::new().without_pin().open(path, ANNA), expected, what);
    });
    println!("> {count} {}", peak());
    OpenOptions::new().without_pin().open(folder.join("usual.aumbry"), ANNA).unwrap();
    println!("> 1 {}", peak());
}

#[test]
fn refusing_without_a_key_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.aumbry"), forge(1, false, 1).build().unwrap()).unwrap();
    let usual = aumbry::testing::Forge::new(9)
        .person("anna", Role::Administrator, ANNA, KdfParameters::default())
        .and_then(|forge| forge.build())
        .unwrap();
    fs::write(folder.path().join("usual.aumbry"), usual).unwrap();
    let ended = child::run("measure", folder.path(), None, false);
    assert!(ended.well, "{}", ended.how);
    let numbers: Vec<u64> =
        ended.said.iter().flat_map(|line| line.split(' ')).map(|word| word.parse().unwrap()).collect();
    let [count, refusing, _, opening] = numbers[..] else { panic!("{numbers:?}") };
    tell(&format!(
        "memory: {count} files refused before any key with a peak of {refusing} KiB for the whole process; the \
         control, one key derivation of the usual cost: {opening} KiB"
    ));
    assert!(count > 3_000 && refusing < 32 << 10, "{refusing} KiB");
    assert!(opening > 64 << 10, "the control: a key derivation would be noticed");
}
