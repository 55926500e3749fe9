//! The one vault of a program: a single test, for what it is about is there once in each process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;

use crate::common::*;
use aumbry::{ErrorKind, ExposeSecret, Result, Vault, startup};

fn not_started() {
    assert_eq!(startup::get_credentials("s3-uploads").unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(startup::vault().unwrap_err().kind(), ErrorKind::Misuse);
}

/// A start-up while another one is under way or done: it is refused before its closure runs.
fn refused() {
    let mut ran = false;
    let result = startup::after_startup(|| -> Result<Vault> {
        ran = true;
        Vault::open("no such vault", PASSPHRASE)
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Misuse);
    assert!(!ran);
}

#[test]
fn a_program_opens_its_vault_once_and_asks_it_from_anywhere() {
    let desk = Desk::new();
    add(&desk.create(), "s3-uploads");
    not_started();

    // What fails may be tried again.
    for _ in 0..2 {
        let wrong = || desk.open_options().open(desk.path(), "another passphrase");
        assert_eq!(startup::after_startup(wrong).unwrap_err().kind(), ErrorKind::WrongPassphrase);
        not_started();
    }

    // So may what panics.
    let panics =
        AssertUnwindSafe(|| startup::after_startup(|| std::panic::resume_unwind(Box::new("gave up"))));
    assert_eq!(catch_unwind(panics).unwrap_err().downcast_ref(), Some(&"gave up"));
    not_started();

    // While one thread is at it, others are neither made to wait nor let in, and it cannot start within itself.
    let (opening, is_opening) = channel();
    let (go_on, may_go_on) = channel();
    thread::scope(|scope| {
        let desk = &desk;
        let first = scope.spawn(move || {
            startup::after_startup(|| {
                refused();
                opening.send(()).unwrap();
                may_go_on.recv().unwrap();
                desk.open()
            })
        });
        is_opening.recv().unwrap();
        refused();
        not_started();
        go_on.send(()).unwrap();
        first.join().unwrap().unwrap();
    });

    refused();
    let lookups = thread::spawn(|| {
        let credentials = startup::get_credentials("s3-uploads").unwrap().unwrap();
        assert_eq!(credentials.access_key_id(), KEY_ID);
        assert_eq!(credentials.secret_access_key().expose_secret(), SECRET);
        assert!(startup::get_credentials("s3-downloads").unwrap().is_none());
    });
    lookups.join().unwrap();

    // Every handle is the same vault.
    let vault = startup::vault().unwrap();
    add(&vault, "ses-smtp");
    assert!(startup::get_credentials("ses-smtp").unwrap().is_some());
    vault.lock();
    assert_eq!(startup::get_credentials("ses-smtp").unwrap_err().kind(), ErrorKind::Locked);
    refused();
    startup::vault().unwrap().unlock(PASSPHRASE).unwrap();
    assert!(startup::get_credentials("ses-smtp").unwrap().is_some());

    // Another vault takes its place once it is open, and the previous one is locked.
    let other = Desk::new();
    add(&other.create(), "other");
    let wrong = || other.open_options().open(other.path(), "another passphrase");
    assert_eq!(startup::replace(wrong).unwrap_err().kind(), ErrorKind::WrongPassphrase);
    assert!(startup::get_credentials("ses-smtp").unwrap().is_some(), "the vault is still in use");
    startup::replace(|| {
        assert!(
            startup::get_credentials("ses-smtp").unwrap().is_some(),
            "also while the other one is opened"
        );
        refused();
        other.open()
    })
    .unwrap();
    assert!(startup::get_credentials("other").unwrap().is_some());
    assert!(startup::get_credentials("ses-smtp").unwrap().is_none());
    assert!(vault.is_locked());

    // Closing locks every handle, and the program can open a vault again.
    let held = startup::vault().unwrap();
    startup::close();
    assert!(held.is_locked());
    not_started();
    startup::close();
    startup::after_startup(|| desk.open()).unwrap();
    assert!(startup::get_credentials("ses-smtp").unwrap().is_some());
}
