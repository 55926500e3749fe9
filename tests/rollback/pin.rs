//! What this machine remembers of a vault, and what it refuses because of that.

use std::error::Error as _;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::common::*;
use aumbry::storage::{InMemory, Revision, Storage};
use aumbry::{Advice, Error, ErrorKind, Mismatch, OpenOptions, Vault};

fn bytes(desk: &Desk) -> Vec<u8> {
    fs::read(desk.path()).unwrap()
}

fn put_back(desk: &Desk, file: &[u8]) {
    fs::write(desk.path(), file).unwrap();
}

/// The one pin in the folder for state.
fn pin_file(desk: &Desk) -> PathBuf {
    let is_pin = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "pin");
    let mut pins: Vec<_> = fs::read_dir(desk.state_folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(is_pin)
        .collect();
    assert_eq!(pins.len(), 1, "{pins:?}");
    pins.remove(0)
}

fn refused(desk: &Desk) -> Error {
    desk.open().unwrap_err()
}

fn accept(desk: &Desk, error: &Error) -> aumbry::Result<Vault> {
    desk.open_options()
        .accept_revision(error.refused_revision().unwrap().revision)
        .open(desk.path(), PASSPHRASE)
}

/// A vault of generation 3, closed, and its file as it was at generations 2 and 3.
fn three_generations() -> (Desk, Vec<u8>, Vec<u8>) {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "s3-uploads");
    let second = bytes(&desk);
    add(&vault, "ses-smtp");
    let third = bytes(&desk);
    (desk, second, third)
}

#[test]
fn an_older_file_is_a_rollback_until_it_is_accepted() {
    let (desk, second, _) = three_generations();
    put_back(&desk, &second);
    let error = refused(&desk);
    assert_eq!(error.kind(), ErrorKind::RevisionRefused(Mismatch::Rollback));
    assert_eq!(error.refused_revision().unwrap().revision, Revision::of(&second));
    let message = error.to_string();
    assert!(message.contains("generation 2") && message.contains('3'), "{message}");
    assert_eq!(
        refused(&desk).kind(),
        ErrorKind::RevisionRefused(Mismatch::Rollback),
        "a refusal is not forgotten"
    );

    let vault = accept(&desk, &error).unwrap();
    assert_eq!(vault.generation().unwrap(), 2);
    assert_eq!(
        refused(&desk).kind(),
        ErrorKind::RevisionRefused(Mismatch::Rollback),
        "it was accepted for that one opening"
    );
    add(&vault, "sns-topics");
    assert_eq!(vault.generation().unwrap(), 4, "above what this machine has seen, not above the file alone");
    assert_eq!(desk.open().unwrap().generation().unwrap(), 4);
}

#[test]
fn accepting_one_version_accepts_no_other() {
    let (desk, second, third) = three_generations();
    put_back(&desk, &second);
    let others = [Revision::of(&third), Revision::from_bytes([0; 64])];
    for other in others {
        let error = desk.open_options().accept_revision(other).open(desk.path(), PASSPHRASE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RevisionRefused(Mismatch::Rollback));
    }
}

#[test]
fn a_wrong_passphrase_is_said_before_a_rollback() {
    let (desk, second, _) = three_generations();
    put_back(&desk, &second);
    let error = desk.open_options().open(desk.path(), "another passphrase").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongPassphrase);
    assert_eq!(error.refused_revision(), None);
}

#[test]
fn two_edits_of_one_version_are_a_fork() {
    let (desk, second, third) = three_generations();
    put_back(&desk, &second);
    let elsewhere = desk.open_options().without_pin().open(desk.path(), PASSPHRASE).unwrap();
    add(&elsewhere, "sns-topics");
    assert_eq!(elsewhere.generation().unwrap(), 3);
    let other_third = bytes(&desk);

    let error = refused(&desk);
    assert_eq!(error.kind(), ErrorKind::RevisionRefused(Mismatch::Fork));
    assert_eq!(error.refused_revision().unwrap().revision, Revision::of(&other_third));
    assert!(error.to_string().contains("generation 3"), "{error}");
    put_back(&desk, &third);
    drop(desk.open().unwrap());

    put_back(&desk, &other_third);
    let vault = accept(&desk, &error).unwrap();
    assert!(vault.find("sns-topics").unwrap().is_some());
    add(&vault, "sqs-jobs");
    assert_eq!(desk.open().unwrap().generation().unwrap(), 4);
    put_back(&desk, &third);
    assert_eq!(
        refused(&desk).kind(),
        ErrorKind::RevisionRefused(Mismatch::Rollback),
        "now the other branch is the old one"
    );
}

#[test]
fn another_vault_at_the_same_path_is_noticed_until_it_is_accepted() {
    let (desk, ..) = three_generations();
    let other = Desk::new();
    add(&other.create(), "of-somebody-else");
    put_back(&desk, &bytes(&other));
    let error = refused(&desk);
    assert_eq!(error.kind(), ErrorKind::RevisionRefused(Mismatch::VaultChanged));
    assert_eq!(error.refused_revision().unwrap().revision, Revision::of(&bytes(&other)));
    accept(&desk, &error).unwrap();
    assert!(
        desk.open().unwrap().find("of-somebody-else").unwrap().is_some(),
        "accepted once, then remembered"
    );
}

#[test]
fn a_new_vault_may_be_made_where_an_old_one_was_removed() {
    let (desk, ..) = three_generations();
    fs::remove_file(desk.path()).unwrap();
    drop(desk.create());
    assert_eq!(desk.open().unwrap().generation().unwrap(), 1);
}

#[test]
fn a_damaged_pin_is_accepted_once_and_then_written_again() {
    let (desk, second, third) = three_generations();
    let sound = fs::read_to_string(pin_file(&desk)).unwrap();
    let newest = sound.lines().find(|line| line.contains("generation")).unwrap();
    let damages: [Vec<u8>; 7] = [
        vec![],
        b"garbage\n".to_vec(),
        vec![0xff; 300],
        vec![b'x'; 100_000],
        sound.trim_end().into(),
        sound.replace(newest, "generation 2").into(),
        format!("{sound}\n").into(),
    ];
    for damage in damages {
        fs::write(pin_file(&desk), &damage).unwrap();
        let error = refused(&desk);
        assert_eq!(error.kind(), ErrorKind::RevisionRefused(Mismatch::PinDamaged));
        assert_eq!(error.refused_revision().unwrap().revision, Revision::of(&third));
        assert_eq!(fs::read(pin_file(&desk)).unwrap(), damage, "a refusal repairs nothing");
        accept(&desk, &error).unwrap();
        desk.open().unwrap();
        put_back(&desk, &second);
        assert_eq!(
            refused(&desk).kind(),
            ErrorKind::RevisionRefused(Mismatch::Rollback),
            "the new pin is worth something"
        );
        put_back(&desk, &third);
    }
}

#[test]
fn without_a_pin_it_is_the_first_meeting() {
    let (desk, second, _) = three_generations();
    put_back(&desk, &second);
    assert_eq!(refused(&desk).kind(), ErrorKind::RevisionRefused(Mismatch::Rollback));
    fs::remove_dir_all(desk.state_folder()).unwrap();
    assert_eq!(desk.open().unwrap().generation().unwrap(), 2);
    assert!(pin_file(&desk).exists(), "from now on it is known");
}

#[test]
fn a_state_folder_that_cannot_be_written_blocks_nothing_but_is_told() {
    let desk = Desk::new();
    fs::write(desk.state_folder(), "a file where the folder should be").unwrap();
    let pin_advice = |vault: &Vault| {
        let advice = vault.advice().unwrap();
        advice.into_iter().filter(|advice| matches!(advice, Advice::PinNotWritten(_))).collect::<Vec<_>>()
    };
    let vault = desk.create();
    assert_eq!(pin_advice(&vault).len(), 1);
    add(&vault, "s3-uploads");
    vault.lock();
    vault.unlock(PASSPHRASE).unwrap();
    let vault = desk.open().unwrap();
    let advice = pin_advice(&vault);
    let said = advice.first().unwrap().to_string();
    assert!(said.contains("state"), "it says which file: {said}");

    fs::remove_file(desk.state_folder()).unwrap();
    add(&vault, "ses-smtp");
    assert_eq!(pin_advice(&vault), [], "once it is remembered there is nothing to tell");
}

#[test]
fn without_pin_leaves_no_trace_and_compares_nothing() {
    let desk = Desk::new();
    let options = || desk.open_options().without_pin();
    let vault = desk.create_options().open_options(options()).create(desk.path(), PASSPHRASE).unwrap();
    let first = bytes(&desk);
    add(&vault, "s3-uploads");
    assert_eq!(vault.advice().unwrap().iter().filter(|a| matches!(a, Advice::PinNotWritten(_))).count(), 0);
    vault.lock();
    vault.unlock(PASSPHRASE).unwrap();
    drop(vault);
    put_back(&desk, &first);
    assert_eq!(options().open(desk.path(), PASSPHRASE).unwrap().generation().unwrap(), 1);
    assert!(!desk.state_folder().exists());
}

#[test]
fn a_commit_moves_the_pin() {
    let desk = Desk::new();
    let vault = desk.create();
    let mut before = bytes(&desk);
    for at in 0..3 {
        add(&vault, &format!("record-{at}"));
        let after = bytes(&desk);
        put_back(&desk, &before);
        assert_eq!(
            refused(&desk).kind(),
            ErrorKind::RevisionRefused(Mismatch::Rollback),
            "nobody has opened what was committed"
        );
        put_back(&desk, &after);
        before = after;
    }
    vault.edit(|_| Ok(())).unwrap();
    assert_eq!(bytes(&desk), before, "an edit that changes nothing is no commit");
}

#[cfg(unix)]
#[test]
fn the_pin_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let vault = desk.create();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(desk.state_folder()), 0o700);
    assert_eq!(mode(pin_file(&desk)), 0o600);
    add(&vault, "s3-uploads");
    assert_eq!(mode(pin_file(&desk)), 0o600);
    assert_eq!(fs::read_dir(desk.state_folder()).unwrap().count(), 2, "the pin and its lock");
}

#[test]
fn unlocking_refuses_an_older_file_without_any_pin() {
    let (desk, second, third) = three_generations();
    let vault = desk.open_options().without_pin().open(desk.path(), PASSPHRASE).unwrap();
    vault.lock();
    put_back(&desk, &second);
    let error = vault.unlock(PASSPHRASE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RevisionRefused(Mismatch::Rollback));
    assert_eq!(error.refused_revision().unwrap().revision, Revision::of(&second));
    assert!(vault.is_locked());
    put_back(&desk, &third);
    vault.unlock(PASSPHRASE).unwrap();
    assert_eq!(vault.generation().unwrap(), 3);
}

/// Puts other bytes in the place of a vault in memory, as the program that stores the bytes could.
fn swap(storage: &InMemory, file: &[u8]) {
    let now = Revision::of(&storage.to_bytes().unwrap());
    storage.replace(Some(&now), file).unwrap();
}

#[test]
fn a_vault_in_memory_goes_on_from_what_it_holds_alone() {
    let storage = InMemory::new();
    let create = |storage: &InMemory| {
        let options = aumbry::CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
        options.create_in(storage.clone(), PASSPHRASE).unwrap()
    };
    let vault = create(&storage);
    add(&vault, "s3-uploads");
    let second = storage.to_bytes().unwrap();
    add(&vault, "ses-smtp");
    let third = storage.to_bytes().unwrap();

    let fork = InMemory::from_bytes(second.clone());
    add(&OpenOptions::new().open_in(fork.clone(), PASSPHRASE).unwrap(), "sns-topics");
    let stranger = InMemory::new();
    create(&stranger);
    let swaps = [
        (second, ErrorKind::RevisionRefused(Mismatch::Rollback)),
        (fork.to_bytes().unwrap(), ErrorKind::RevisionRefused(Mismatch::Fork)),
        (stranger.to_bytes().unwrap(), ErrorKind::RevisionRefused(Mismatch::VaultChanged)),
    ];
    for (file, kind) in swaps {
        swap(&storage, &file);
        assert_eq!(vault.refresh().unwrap_err().kind(), kind);
        assert_eq!(vault.edit(|edit| edit.add(&draft("sqs-jobs"))).unwrap_err().kind(), kind);
        assert_eq!(vault.verify().unwrap_err().kind(), kind);
        assert_eq!(storage.to_bytes().unwrap(), file, "it is left as it is");
        assert_eq!(vault.generation().unwrap(), 3, "what was held goes on answering");
        assert!(vault.get_credentials("ses-smtp").unwrap().is_some());
    }
    swap(&storage, &third);
    assert!(!vault.refresh().unwrap());
    assert!(vault.edit(|edit| edit.add(&draft("sqs-jobs"))).is_ok());
}

#[test]
fn a_refresh_names_the_version_that_it_refuses() {
    let (desk, second, third) = three_generations();
    let other = Desk::new();
    drop(other.create());
    let vault = desk.open().unwrap();
    for (file, kind) in [
        (second, ErrorKind::RevisionRefused(Mismatch::Rollback)),
        (bytes(&other), ErrorKind::RevisionRefused(Mismatch::VaultChanged)),
    ] {
        put_back(&desk, &file);
        let error = vault.refresh().unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.refused_revision().unwrap().revision, Revision::of(&file), "{error}");
    }
    put_back(&desk, &third);
    assert!(!vault.refresh().unwrap());
}

#[test]
fn an_accepted_version_that_comes_back_is_refused() {
    let (desk, second, _) = three_generations();
    put_back(&desk, &second);
    let vault = accept(&desk, &refused(&desk)).unwrap();
    assert!(!vault.refresh().unwrap(), "it is accepted as long as it is what the vault holds");
    add(&vault, "sns-topics");
    put_back(&desk, &second);
    assert_eq!(vault.refresh().unwrap_err().kind(), ErrorKind::RevisionRefused(Mismatch::Rollback));
    assert_eq!(
        vault.edit(|edit| edit.add(&draft("x"))).unwrap_err().kind(),
        ErrorKind::RevisionRefused(Mismatch::Rollback)
    );
    vault.lock();
    assert_eq!(vault.unlock(PASSPHRASE).unwrap_err().kind(), ErrorKind::RevisionRefused(Mismatch::Rollback));
}

#[test]
fn messages_of_the_pin_hold_no_key_and_no_cause_twice() {
    let (desk, second, _) = three_generations();
    put_back(&desk, &second);
    let error = refused(&desk);
    assert!(error.source().is_none());
    let pin = fs::read_to_string(pin_file(&desk)).unwrap();
    let said = format!("{error} {error:?}");
    for line in pin.lines().filter(|line| line.len() > 40) {
        let (_, value) = line.split_once(' ').unwrap();
        assert!(!said.contains(value), "{line}");
    }
}

#[test]
fn a_vault_made_where_an_old_pin_cannot_be_replaced_can_be_edited_by_its_creator() {
    let desk = Desk::new();
    drop(desk.create());
    fs::remove_file(desk.path()).unwrap();
    let pin = pin_file(&desk);
    let name = format!(".{}.new", pin.file_name().unwrap().to_string_lossy());
    fs::create_dir_all(pin.with_file_name(name).join("obstacle")).unwrap();
    let vault = desk.create();
    assert!(vault.advice().unwrap().iter().any(|advice| matches!(advice, Advice::PinNotWritten(_))));
    for name in ["a", "b"] {
        add(&vault, name);
    }
    assert!(!vault.refresh().unwrap());
}

#[test]
fn a_program_can_tell_what_this_machine_remembers() {
    let (desk, _, _) = three_generations();
    let vault = desk.open().unwrap();
    let remembered = vault.remembered().unwrap();
    assert_eq!(remembered.generation, 3);
    assert!(
        remembered.seen <= SystemTime::now()
            && remembered.seen.elapsed().unwrap() < Duration::from_secs(3600)
    );
    add(&vault, "another");
    assert_eq!(vault.remembered().unwrap().generation, 4);
    fs::write(pin_file(&desk), "no pin").unwrap();
    assert_eq!(vault.remembered(), None);
    assert_eq!(desk.open_options().without_pin().open(desk.path(), PASSPHRASE).unwrap().remembered(), None);
}
