//! What every storage must do: one suite, run for a file and for memory.
//!
//! Another implementation of [`Storage`] passes if [`conforms`] and [`holds_a_vault`] return.

use std::cell::Cell;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::common::*;
use aumbry::storage::{Exclusive, FileStorage, InMemory, Revision, Storage};
use aumbry::{CreateOptions, ErrorKind, ExposeSecret, OpenOptions, Vault};

/// Gives another empty place at each call.
fn files_in(folder: &Path) -> impl Fn() -> FileStorage {
    let made = Cell::new(0);
    move || {
        made.set(made.get() + 1);
        FileStorage::new(folder.join(format!("vault-{}.aumbry", made.get())))
    }
}

#[test]
fn a_file_is_a_storage() {
    let folder = tempfile::tempdir().unwrap();
    conforms(files_in(folder.path()));
}

#[test]
fn memory_is_a_storage() {
    conforms(InMemory::new);
}

#[test]
fn a_file_keeps_a_second_writer_out_until_the_first_lets_go() {
    let folder = tempfile::tempdir().unwrap();
    excludes_a_second_writer(&files_in(folder.path())());
}

#[test]
fn a_file_holds_a_vault() {
    let folder = tempfile::tempdir().unwrap();
    holds_a_vault(files_in(folder.path()), &folder.path().join("state"));
}

#[test]
fn memory_holds_a_vault() {
    let folder = tempfile::tempdir().unwrap();
    let state_folder = folder.path().join("state");
    holds_a_vault(InMemory::new, &state_folder);
    assert!(!state_folder.exists(), "nothing is remembered of what does not outlive the program");
}

#[test]
fn a_vault_in_memory_can_be_carried_elsewhere_as_bytes() {
    let storage = InMemory::new();
    assert_eq!(storage.to_bytes(), None);
    let vault = cheap_options().create_in(storage.clone(), PASSPHRASE).unwrap();
    add(&vault, "s3-uploads");
    let elsewhere = InMemory::from_bytes(storage.to_bytes().unwrap());
    let carried = OpenOptions::new().open_in(elsewhere.clone(), PASSPHRASE).unwrap();
    add(&carried, "ses-smtp");
    assert_eq!(names(&carried), ["s3-uploads", "ses-smtp"]);
    assert!(!vault.refresh().unwrap(), "the two places have nothing to do with each other");
    assert_ne!(storage.to_bytes(), elsewhere.to_bytes());
}

#[test]
fn a_vault_is_opened_as_told_also_when_it_was_just_made() {
    let idle = Duration::from_millis(100);
    let options = || OpenOptions::new().lock_after(idle);
    let storage = InMemory::new();
    let created = cheap_options().open_options(options()).create_in(storage.clone(), PASSPHRASE).unwrap();
    let opened = options().open_in(storage, PASSPHRASE).unwrap();
    let patience = std::time::Instant::now() + Duration::from_secs(60);
    for (vault, how) in [(opened, "opened"), (created, "made")] {
        while !vault.is_locked() {
            assert!(std::time::Instant::now() < patience, "a vault that was just {how} does not lock itself");
            thread::sleep(idle / 10);
        }
    }
}

/// The rules of [`Storage`]. `fresh` gives an empty place, and clones of what it gives share that place.
fn conforms<S: Storage + Clone>(fresh: impl Fn() -> S) {
    nothing_is_there_at_first(&fresh());
    a_version_goes_where_nothing_is(&fresh());
    only_the_expected_version_is_replaced(&fresh());
    a_beginning_can_be_loaded_alone(&fresh());
    too_much_is_not_loaded(&fresh());
    a_version_is_its_last_64_bytes(&fresh());
    of_writers_who_expect_the_same_one_wins(&fresh());
    whoever_loads_gets_one_whole_version(&fresh());
    a_place_has_one_name_of_its_own(&fresh(), &fresh());
}

/// Bytes that tell from what they were made.
fn content(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8 ^ seed).collect()
}

fn nothing_is_there_at_first(storage: &impl Storage) {
    assert_eq!(storage.revision().unwrap(), None);
    assert_eq!(storage.load(1000).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(storage.load_prefix(10).unwrap_err().kind(), ErrorKind::NotFound);
    let expected = Revision::of(&content(200, 1));
    assert_eq!(storage.replace(Some(&expected), &content(200, 2)).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(storage.revision().unwrap(), None, "a refused version leaves nothing behind");
}

fn a_version_goes_where_nothing_is(storage: &impl Storage) {
    storage.replace(None, &content(200, 1)).unwrap();
    assert_eq!(storage.load(200).unwrap(), content(200, 1));
    assert_eq!(storage.replace(None, &content(200, 2)).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(storage.replace(None, &content(200, 1)).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(storage.load(200).unwrap(), content(200, 1));
}

fn only_the_expected_version_is_replaced(storage: &impl Storage) {
    let (first, second) = (content(200, 1), content(3000, 2));
    storage.replace(None, &first).unwrap();
    let other = Revision::of(&second);
    assert_eq!(storage.replace(Some(&other), &second).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(storage.load(10_000).unwrap(), first, "a conflict leaves the old version");
    storage.replace(Some(&Revision::of(&first)), &second).unwrap();
    assert_eq!(storage.load(10_000).unwrap(), second);
    let late = storage.replace(Some(&Revision::of(&first)), &first).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict);
    storage.replace(Some(&other), &first).unwrap();
    assert_eq!(storage.load(10_000).unwrap(), first, "a shorter version leaves nothing of the longer one");
}

fn a_beginning_can_be_loaded_alone(storage: &impl Storage) {
    let whole = content(200, 1);
    storage.replace(None, &whole).unwrap();
    for len in [0, 1, 199, 200, 201, 5000] {
        let prefix = storage.load_prefix(len).unwrap();
        assert_eq!(prefix.bytes, whole.get(..len).unwrap_or(&whole), "a prefix of {len}");
        assert_eq!(prefix.total_len, 200);
    }
}

fn too_much_is_not_loaded(storage: &impl Storage) {
    storage.replace(None, &content(200, 1)).unwrap();
    assert_eq!(storage.load(199).unwrap_err().kind(), ErrorKind::InvalidFile);
    assert_eq!(storage.load(0).unwrap_err().kind(), ErrorKind::InvalidFile);
    assert_eq!(storage.load(200).unwrap().len(), 200);
    assert_eq!(storage.load(u64::MAX).unwrap().len(), 200);
}

fn a_version_is_its_last_64_bytes(storage: &impl Storage) {
    let mut bytes = content(200, 1);
    storage.replace(None, &bytes).unwrap();
    let mut version = storage.revision().unwrap().unwrap();
    assert_eq!(version, Revision::of(&bytes));
    assert_eq!(version, Revision::of(bytes.last_chunk::<64>().unwrap()));
    for (at, is_part_of_it) in [(0, false), (135, false), (136, true), (160, true), (199, true)] {
        *bytes.get_mut(at).unwrap() ^= 1;
        storage.replace(Some(&version), &bytes).unwrap();
        let now = storage.revision().unwrap().unwrap();
        assert_eq!(now != version, is_part_of_it, "byte {at} of 200");
        assert_eq!(now, Revision::of(&bytes));
        version = now;
    }
}

fn of_writers_who_expect_the_same_one_wins<S: Storage + Clone>(storage: &S) {
    const WRITERS: u8 = 8;
    storage.replace(None, &content(200, 0)).unwrap();
    let expected = storage.revision().unwrap();
    let write = |writer| {
        let storage = storage.clone();
        thread::spawn(move || {
            let _alone = storage.exclusive().unwrap();
            storage.replace(expected.as_ref(), &content(200, writer)).map(|()| writer)
        })
    };
    let writers: Vec<_> = (1..=WRITERS).map(write).collect();
    let results: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let winners: Vec<u8> = results.iter().flatten().copied().collect();
    assert_eq!(winners.len(), 1, "{results:?}");
    assert!(results.iter().flat_map(|result| result.as_ref().err()).all(|e| e.kind() == ErrorKind::Conflict));
    assert_eq!(storage.load(1000).unwrap(), content(200, *winners.first().unwrap()));
}

fn whoever_loads_gets_one_whole_version<S: Storage + Clone>(storage: &S) {
    const LEN: usize = 300_000;
    let [short, long] = [content(LEN, 0), content(2 * LEN, 0x55)];
    storage.replace(None, &short).unwrap();
    let reader = {
        let (storage, versions) = (storage.clone(), [short.clone(), long.clone()]);
        thread::spawn(move || {
            for _ in 0..30 {
                let loaded = storage.load(3 * LEN as u64).unwrap();
                assert!(versions.contains(&loaded), "{} bytes are a mixture", loaded.len());
                assert!(storage.revision().unwrap().is_some(), "there is a version at every moment");
            }
        })
    };
    while !reader.is_finished() {
        storage.replace(Some(&Revision::of(&short)), &long).unwrap();
        storage.replace(Some(&Revision::of(&long)), &short).unwrap();
    }
    reader.join().unwrap();
}

fn a_place_has_one_name_of_its_own<S: Storage + Clone>(storage: &S, other: &S) {
    let location = storage.location().unwrap();
    assert_eq!(location, storage.clone().location().unwrap());
    storage.replace(None, &content(200, 1)).unwrap();
    assert_eq!(location, storage.location().unwrap(), "it is the same before and after there is a vault");
    assert!(location.is_none() || location != other.location().unwrap());
}

/// For a storage that has something to lock.
fn excludes_a_second_writer<S: Storage + Clone>(storage: &S) {
    let first: Exclusive = storage.exclusive().unwrap();
    let (sender, second) = channel();
    let waiting = {
        let storage = storage.clone();
        thread::spawn(move || sender.send(storage.exclusive().map(drop)).unwrap())
    };
    let before = second.recv_timeout(Duration::from_millis(150));
    assert_eq!(before.unwrap_err(), RecvTimeoutError::Timeout, "the second writer waits");
    drop(first);
    second.recv_timeout(Duration::from_secs(5)).expect("then it is let in").unwrap();
    waiting.join().unwrap();
    drop(storage.exclusive().unwrap());
}

fn cheap_options() -> CreateOptions {
    CreateOptions::new().kdf(cheap()).allow_kdf_below_floor()
}

fn names(vault: &Vault) -> Vec<String> {
    vault.records().unwrap().map(|entry| entry.name().to_owned()).collect()
}

/// What a program does with a vault, in any storage.
fn holds_a_vault<S: Storage + Clone>(fresh: impl Fn() -> S, state_folder: &Path) {
    let storage = fresh();
    let options = || OpenOptions::new().state_folder(state_folder);
    let create = || cheap_options().open_options(options()).create_in(storage.clone(), PASSPHRASE);
    let open = |passphrase: &str| options().open_in(storage.clone(), passphrase);

    assert_eq!(open(PASSPHRASE).unwrap_err().kind(), ErrorKind::NotFound);
    let vault = create().unwrap();
    assert_eq!(vault.generation().unwrap(), 1);
    add(&vault, "s3-uploads");
    assert_eq!(create().unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(open("another passphrase").unwrap_err().kind(), ErrorKind::WrongPassphrase);

    let reopened = open(PASSPHRASE).unwrap();
    let credentials = reopened.get_credentials("s3-uploads").unwrap().unwrap();
    assert_eq!(credentials.access_key_id(), KEY_ID);
    assert_eq!(credentials.secret_access_key().expose_secret(), SECRET);

    // One handle changes the vault, the other one notices: when asked to, and before it changes anything itself.
    add(&vault, "ses-smtp");
    assert_eq!(names(&reopened), ["s3-uploads"]);
    assert!(reopened.refresh().unwrap());
    assert!(!reopened.refresh().unwrap());
    assert_eq!(names(&reopened), ["s3-uploads", "ses-smtp"]);
    vault.edit(|edit| edit.remove("s3-uploads")).unwrap();
    let taken = reopened.edit(|edit| edit.add(&draft("ses-smtp"))).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    reopened.edit(|edit| edit.add(&draft("s3-uploads"))).unwrap();
    assert_eq!(reopened.generation().unwrap(), 5, "a commit each, and none for what was refused");

    no_commit_of_many_writers_is_lost([vault.clone(), reopened, open(PASSPHRASE).unwrap()]);

    vault.lock();
    assert_eq!(vault.edit(|_| Ok(())).unwrap_err().kind(), ErrorKind::Locked);
    vault.unlock(PASSPHRASE).unwrap();
    assert_eq!(names(&vault).len(), 2 + 3 * 5, "unlocking reads the newest version");
    assert_eq!(vault.verify().unwrap().records, 2 + 3 * 5);
    assert_eq!(vault.generation().unwrap(), 5 + 3 * 5);
}

fn no_commit_of_many_writers_is_lost(handles: [Vault; 3]) {
    let write = |(writer, vault): (usize, Vault)| {
        thread::spawn(move || (0..5).for_each(|at| add(&vault, &format!("writer-{writer}-{at}"))))
    };
    let writers: Vec<_> = handles.into_iter().enumerate().map(write).collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}
