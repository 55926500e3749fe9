//! What Windows does differently: files that others hold, access rights, locked memory.
#![cfg(windows)]

use std::fs::{self, OpenOptions};
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::*;
use aumbry::storage::{FileStorage, Storage};
use aumbry::{ErrorKind, MemoryProtection};

const FILE_ATTRIBUTE_HIDDEN: u32 = 2;

#[test]
fn the_keys_stand_in_locked_memory() {
    let vault = Desk::new().create();
    assert_eq!(vault.memory_protection().unwrap(), MemoryProtection::Locked);
}

#[test]
fn many_vaults_find_room_in_locked_memory() {
    let desks: Vec<_> = (0..16).map(|_| Desk::new()).collect();
    let vaults: Vec<_> = desks.iter().map(Desk::create).collect();
    assert!(vaults.iter().all(|vault| vault.memory_protection().unwrap() == MemoryProtection::Locked));
}

#[test]
fn a_vault_is_saved_while_others_read_it_and_they_read_whole_versions() {
    let desk = Desk::new();
    let vault = desk.create();
    thread::scope(|scope| {
        let writer = scope.spawn(|| (0..20).for_each(|at| add(&vault, &format!("record-{at}"))));
        while !writer.is_finished() {
            desk.open().unwrap();
            thread::sleep(Duration::from_millis(1)); // not the only one on this machine
        }
    });
    assert!(desk.open().unwrap().get_credentials("record-19").unwrap().is_some());
}

#[test]
fn a_file_that_another_program_holds_briefly_is_waited_for() {
    let desk = Desk::new();
    desk.create();
    loop {
        let start = Instant::now();
        let held = OpenOptions::new().read(true).share_mode(0).open(desk.path()).unwrap();
        let holder = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            drop(held);
            start.elapsed()
        });
        let opened = desk.open();
        // A machine that is too busy to let go in time proves nothing.
        if holder.join().unwrap() < Duration::from_millis(500) {
            opened.unwrap();
            return;
        }
    }
}

#[test]
fn a_file_that_another_program_keeps_open_is_an_error_and_stays_unchanged() {
    let desk = Desk::new();
    let vault = desk.create();
    let before = fs::read(desk.path()).unwrap();
    // Read and written by all, but neither renamed nor replaced.
    let kept = OpenOptions::new().read(true).share_mode(3).open(desk.path()).unwrap();
    let error = vault.edit(|edit| edit.add(&draft("s3-uploads"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(fs::read(desk.path()).unwrap(), before);
    drop(kept);
    add(&vault, "s3-uploads");
    let names: Vec<_> =
        fs::read_dir(desk.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.contains(&".vault.aumbry.new".into()), "nothing is left lying about: {names:?}");
}

#[test]
fn a_lock_that_is_held_cannot_be_removed_from_under_its_holder() {
    let desk = Desk::new();
    let storage = FileStorage::new(desk.path());
    let held = storage.exclusive().unwrap();
    let lock = desk.folder.path().join(".vault.aumbry.lock");
    assert!(fs::remove_file(&lock).is_err());
    drop(held);
    fs::remove_file(&lock).unwrap();
    drop(storage.exclusive().unwrap());
    assert_ne!(fs::metadata(&lock).unwrap().file_attributes() & FILE_ATTRIBUTE_HIDDEN, 0);
}

#[test]
fn a_folder_is_not_a_vault() {
    let desk = Desk::new();
    fs::create_dir(desk.path()).unwrap();
    assert_eq!(desk.open().unwrap_err().kind(), ErrorKind::InvalidFile);
}

#[test]
fn one_file_is_remembered_under_one_name_however_it_is_written() {
    let desk = Desk::new();
    desk.create();
    let as_made = FileStorage::new(desk.path()).location().unwrap();
    let shouted = desk.folder.path().join("VAULT.AUMBRY");
    assert!(shouted.exists(), "names are not told apart by their case here");
    assert_eq!(FileStorage::new(shouted).location().unwrap(), as_made);
}

#[test]
fn a_hardened_process_goes_on_working_and_can_be_hardened_again() {
    aumbry::harden_process().unwrap();
    aumbry::harden_process().unwrap();
    let desk = Desk::new();
    add(&desk.create(), "s3-uploads");
    assert!(desk.open().unwrap().get_credentials("s3-uploads").unwrap().is_some());
}
