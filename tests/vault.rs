//! What a program does with a vault.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use aumbry::{ExposeSecret, Vault};
use common::*;

#[test]
fn a_record_goes_in_and_comes_back() {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "s3-uploads");
    drop(vault);
    let vault: Vault = desk.open().unwrap();
    let credentials = vault.get_credentials("s3-uploads").unwrap().unwrap();
    assert_eq!(credentials.access_key_id(), KEY_ID);
    assert_eq!(credentials.secret_access_key().expose_secret(), SECRET);
    assert!(vault.get_credentials("s3-downloads").unwrap().is_none());
    vault.change_passphrase("another passphrase").unwrap();
    assert_eq!(vault.verify().unwrap().records, 1);
    assert_eq!(desk.open().unwrap_err().kind(), aumbry::ErrorKind::WrongPassphrase);
    let vault = desk.open_options().open(desk.path(), "another passphrase").unwrap();
    println!("{:?} {:?}", vault.memory_protection(), vault.advice());
    assert_eq!(
        vault.get_credentials("s3-uploads").unwrap().unwrap().secret_access_key().expose_secret(),
        SECRET
    );
}
