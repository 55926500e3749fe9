//! What does saving cost: one changed record, and many new records at once?
//!
//! A commit seals and writes the whole vault. Its lower bound is writing that many bytes and waiting for the
//! disk.

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use aumbry::storage::{FileStorage, InMemory, Storage};
use aumbry::{OpenOptions, RecordChange, Vault};
use support::{Bench, Dice, PASSPHRASE, cheap_kdf, drafts, import, name, sealed};

const SIZES: [usize; 2] = [10_000, 100_000];

fn main() {
    let mut bench = Bench::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sizes = bench.sizes(&SIZES);

    for records in sizes {
        let bytes = sealed(*records, cheap_kdf());
        let path = folder.path().join(format!("{records}.aumbry"));
        fs::write(&path, &bytes).expect("a vault file");
        bench.slow(&format!("save/bare_file/{records}"), || {
            write_durably(&bytes, &folder.path().join("bare")).expect("room on the disk");
        });

        let vault = open(FileStorage::new(&path), folder.path());
        let mut rotate = rotation(&vault, *records);
        bench.slow(&format!("save/one_in_file/{records}"), &mut rotate);

        let vault = open(InMemory::from_bytes(bytes), folder.path());
        let mut rotate = rotation(&vault, *records);
        bench.slow(&format!("save/one_in_memory/{records}"), &mut rotate);
    }

    let empty = sealed(0, cheap_kdf());
    let drafts = drafts(0..10_000);
    bench.prepared(
        "save/import_in_memory/10000",
        || open(InMemory::from_bytes(empty.clone()), folder.path()),
        |vault| {
            import(&vault, &drafts);
            vault
        },
    );

    for records in sizes {
        bench.ratio(&format!("save/one_in_file/{records}"), &format!("save/bare_file/{records}"));
        bench.ratio(&format!("save/one_in_file/{records}"), &format!("save/one_in_memory/{records}"));
    }
    bench.ratio("save/one_in_memory/100000", "save/one_in_memory/10000");
    bench.ratio("save/import_in_memory/10000", "save/one_in_memory/10000");
}

fn open(storage: impl Storage, folder: &Path) -> Vault {
    let options = OpenOptions::new().state_folder(folder.join("state"));
    options.open_in(storage, PASSPHRASE).expect("a vault")
}

/// Returns a function that gives one record after another, in random order, a new key pair.
fn rotation(vault: &Vault, records: usize) -> impl FnMut() {
    let mut order: Vec<usize> = (0..records).collect();
    Dice::new(0).shuffle(&mut order);
    let change = RecordChange::new()
        .access_key_id("AKIAI44QH8DHBEXAMPLE")
        .secret_access_key("je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY");
    let mut records = order.into_iter().cycle();
    move || {
        let name = name(records.next().expect("an endless iterator"));
        vault.edit(|edit| edit.change(&name, &change)).expect("a known name");
    }
}

/// Writes a file as any program must to replace it safely.
fn write_durably(bytes: &[u8], path: &Path) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}
