//! Commits that happen at the worst moment must not look like rollbacks, forks or changed passphrases.

use std::fs::{self, File};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::*;
use aumbry::storage::{Exclusive, FileStorage, Prefix, Revision, Storage};
use aumbry::{Error, ErrorKind, Mismatch, Result, Vault};

type Work = Box<dyn FnOnce() + Send>;

/// A file that does something else at a chosen moment.
#[derive(Clone)]
struct Staged {
    file: FileStorage,
    /// Done once, after all bytes have been read and before the caller gets them.
    after_load: Arc<Mutex<Option<Work>>>,
    /// Whether the disk confirms what was saved.
    durable: Arc<Mutex<bool>>,
}

impl Staged {
    fn new(desk: &Desk) -> Self {
        let file = FileStorage::new(desk.path());
        Self { file, after_load: Arc::default(), durable: Arc::new(Mutex::new(true)) }
    }

    fn open(&self, desk: &Desk) -> Vault {
        desk.open_options().open_in(self.clone(), PASSPHRASE).unwrap()
    }

    fn after_next_load(&self, work: impl FnOnce() + Send + 'static) {
        *self.after_load.lock().unwrap() = Some(Box::new(work));
    }

    fn assert_done(&self) {
        assert!(self.after_load.lock().unwrap().is_none(), "the moment has come");
    }
}

impl Storage for Staged {
    fn load_prefix(&self, len: usize) -> Result<Prefix> {
        self.file.load_prefix(len)
    }

    fn load(&self, limit: u64) -> Result<Vec<u8>> {
        let bytes = self.file.load(limit);
        let work = self.after_load.lock().unwrap().take();
        work.into_iter().for_each(|work| work());
        bytes
    }

    fn revision(&self) -> Result<Option<Revision>> {
        self.file.revision()
    }

    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> Result<()> {
        self.file.replace(expected, bytes)?;
        if *self.durable.lock().unwrap() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::DurabilityUnknown, "the disk did not answer"))
    }

    fn exclusive(&self) -> Result<Exclusive> {
        self.file.exclusive()
    }

    fn location(&self) -> Result<Option<String>> {
        self.file.location()
    }
}

/// A vault of generation 2, open.
fn staged() -> (Desk, Staged, Vault) {
    let desk = Desk::new();
    add(&desk.create(), "s3-uploads");
    let storage = Staged::new(&desk);
    let vault = storage.open(&desk);
    (desk, storage, vault)
}

#[test]
fn opening_while_another_program_commits_is_not_a_rollback() {
    let (desk, storage, other) = staged();
    let before = fs::read(desk.path()).unwrap();
    storage.after_next_load(move || add(&other, "ses-smtp"));
    let vault = storage.open(&desk);
    storage.assert_done();
    assert_eq!(vault.generation().unwrap(), 2, "it is what was read");
    assert!(vault.refresh().unwrap());
    assert_eq!(vault.generation().unwrap(), 3);
    drop(vault);
    fs::write(desk.path(), before).unwrap();
    assert_eq!(
        desk.open().unwrap_err().kind(),
        ErrorKind::RevisionRefused(Mismatch::Rollback),
        "the pin did not go back"
    );
}

#[test]
fn verifying_while_another_thread_commits_is_not_a_rollback() {
    let (_desk, storage, vault) = staged();
    let editor = vault.clone();
    storage.after_next_load(move || add(&editor, "ses-smtp"));
    let verified = vault.verify();
    storage.assert_done();
    assert!((2..=3).contains(&verified.unwrap().generation));
    assert_eq!(vault.generation().unwrap(), 3);
}

#[test]
fn refreshing_while_another_thread_commits_is_not_a_rollback() {
    let (desk, storage, vault) = staged();
    add(&desk.open().unwrap(), "ses-smtp");
    let editor = vault.clone();
    storage.after_next_load(move || add(&editor, "sns-topics"));
    let refreshed = vault.refresh();
    storage.assert_done();
    assert!(refreshed.unwrap());
    assert_eq!(vault.generation().unwrap(), 4);
}

#[test]
fn unlocking_while_another_thread_commits_is_not_a_rollback() {
    let (_desk, storage, vault) = staged();
    let editor = vault.clone();
    storage.after_next_load(move || add(&editor, "ses-smtp"));
    let unlocked = vault.unlock(PASSPHRASE);
    storage.assert_done();
    unlocked.unwrap();
    assert!(vault.find("ses-smtp").unwrap().is_some(), "nor does it undo the commit in memory");
}

#[test]
fn verifying_while_another_thread_changes_the_passphrase_needs_no_passphrase() {
    let (_desk, storage, vault) = staged();
    let editor = vault.clone();
    storage.after_next_load(move || editor.change_passphrase("another passphrase").unwrap());
    let verified = vault.verify();
    storage.assert_done();
    assert_eq!(verified.unwrap().records, 1);
}

/// Unlocking an unlocked vault takes long: what is committed meanwhile must not vanish from memory. Here both wait
/// for the note of the version last seen, and give up in the order in which they came.
#[test]
fn unlocking_does_not_fall_behind_a_commit_of_the_meantime() {
    let (desk, storage, vault) = staged();
    let locks = fs::read_dir(desk.state_folder()).unwrap().map(|entry| entry.unwrap().path());
    let lock = locks.filter(|path| path.extension().is_some_and(|ending| ending == "lock")).last().unwrap();
    let held = File::open(lock).unwrap();
    held.lock().unwrap();

    let (editor, file) = (vault.clone(), storage.file.clone());
    let (sender, commit) = std::sync::mpsc::channel();
    storage.after_next_load(move || {
        let before = file.revision().unwrap();
        sender.send(thread::spawn(move || add(&editor, "ses-smtp"))).unwrap();
        while file.revision().unwrap() == before {
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(Duration::from_millis(200));
    });
    let unlocked = vault.unlock(PASSPHRASE);
    commit.recv().unwrap().join().unwrap();
    drop(held);
    unlocked.unwrap();
    assert!(vault.find("ses-smtp").unwrap().is_some(), "generation {}", vault.generation().unwrap());
}

#[test]
fn a_version_of_unknown_durability_is_held_but_not_insisted_on() {
    let (desk, storage, vault) = staged();
    let second = fs::read(desk.path()).unwrap();
    *storage.durable.lock().unwrap() = false;
    let error = vault.edit(|edit| edit.add(&draft("ses-smtp"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DurabilityUnknown);
    assert_eq!(vault.generation().unwrap(), 3);
    assert!(vault.find("ses-smtp").unwrap().is_some(), "it was saved, so it is what the vault holds");
    assert!(!vault.refresh().unwrap());

    // After a power cut the version before may be there again: that is not an attack.
    let third = fs::read(desk.path()).unwrap();
    fs::write(desk.path(), &second).unwrap();
    assert_eq!(desk.open().unwrap().generation().unwrap(), 2);
    fs::write(desk.path(), &third).unwrap();

    *storage.durable.lock().unwrap() = true;
    add(&vault, "sns-topics");
    assert_eq!(desk.open().unwrap().verify().unwrap().records, 3);
    fs::write(desk.path(), &third).unwrap();
    assert_eq!(
        desk.open().unwrap_err().kind(),
        ErrorKind::RevisionRefused(Mismatch::Rollback),
        "a durable version is insisted on"
    );
}
