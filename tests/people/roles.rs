//! Who can open a vault: people come, go, forget their passphrases, and no other person has to do anything.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use crate::common::{Desk, PASSPHRASE, SECRET, add, cheap};
use aumbry::testing::{Forge, keys_of};
use aumbry::{
    ErrorKind, ExposeSecret, KdfParameters, Lanes, MemoryKib, Mismatch, OpenOptions, Passes, Role, Vault,
};

/// Passphrases that are set are as cheap as the first one.
fn options(desk: &Desk) -> OpenOptions {
    desk.open_options().kdf(cheap()).allow_kdf_below_floor()
}

fn open(desk: &Desk, passphrase: &str) -> aumbry::Result<Vault> {
    options(desk).open(desk.path(), passphrase)
}

fn labels(vault: &Vault) -> Vec<String> {
    vault.people().unwrap().into_iter().map(|person| person.label).collect()
}

/// An administrator, `anna`, and a record.
fn vault(desk: &Desk) -> Vault {
    let vault = desk
        .create_options()
        .label("anna")
        .open_options(options(desk))
        .create(desk.path(), PASSPHRASE)
        .unwrap();
    add(&vault, "mine");
    vault
}

#[test]
fn people_are_added_without_anybody_else_s_passphrase_and_each_has_a_role() {
    let desk = Desk::new();
    let anna = vault(&desk);
    anna.add_person("bob", Role::Administrator, "bob's passphrase").unwrap();
    anna.add_person("app", Role::Reader, "the application's").unwrap();
    assert_eq!(labels(&anna), ["anna", "bob", "app"]);

    let app = open(&desk, "the application's").unwrap();
    assert_eq!(app.role().unwrap(), Role::Reader);
    assert_eq!(app.get_credentials("mine").unwrap().unwrap().secret_access_key().expose_secret(), SECRET);
    let me: Vec<bool> = app.people().unwrap().iter().map(|person| person.is_self).collect();
    assert_eq!(me, [false, false, true]);
    let bob = open(&desk, "bob's passphrase").unwrap();
    add(&bob, "bob's");
    assert!(app.refresh().unwrap() && app.find("bob's").unwrap().is_some());

    let bytes = std::fs::read(desk.path()).unwrap();
    for label in ["anna", "bob", "app"] {
        assert!(
            !bytes.windows(label.len()).any(|window| window == label.as_bytes()),
            "{label} is in the clear"
        );
    }
}

#[test]
fn a_reader_is_refused_before_any_work() {
    let desk = Desk::new();
    vault(&desk).add_person("app", Role::Reader, "the application's").unwrap();
    let before = std::fs::read(desk.path()).unwrap();
    let app = open(&desk, "the application's").unwrap();
    let kinds = [
        app.edit(|_| -> aumbry::Result<()> { unreachable!("a reader's edit is not run") }).unwrap_err(),
        app.add_person("", Role::Reader, "").unwrap_err(),
        app.remove_person("anna").unwrap_err(),
        app.remove_person_keeping_seed("anna").unwrap_err(),
        app.change_passphrase("").unwrap_err(),
        app.set_passphrase("anna", "").unwrap_err(),
        app.issue_recovery_code().unwrap_err(),
        app.rekey("").unwrap_err(),
    ]
    .map(|error| error.kind());
    assert_eq!(kinds, [ErrorKind::NotAdministrator; 8]);
    assert_eq!(std::fs::read(desk.path()).unwrap(), before);
}

#[test]
fn a_removed_reader_opens_nothing_that_comes_and_everybody_else_notices_nothing() {
    let desk = Desk::new();
    let anna = vault(&desk);
    anna.add_person("bob", Role::Administrator, "bob's passphrase").unwrap();
    anna.add_person("rea", Role::Reader, "rea's passphrase").unwrap();
    let code = anna.issue_recovery_code().unwrap();
    let bob = open(&desk, "bob's passphrase").unwrap();
    let rea = open(&desk, "rea's passphrase").unwrap();
    let key = |passphrase: &str| keys_of(&std::fs::read(desk.path()).unwrap(), passphrase).unwrap().vault_key;
    let old_key = key(PASSPHRASE);

    bob.remove_person("rea").unwrap();
    assert_eq!(labels(&bob), ["anna", "bob", "recovery code"]);
    assert_eq!(open(&desk, "rea's passphrase").unwrap_err().kind(), ErrorKind::WrongPassphrase);
    assert_eq!(rea.refresh().unwrap_err().kind(), ErrorKind::Reopen);
    assert_ne!(key(PASSPHRASE), old_key, "what they kept opens nothing that comes");

    assert!(anna.refresh().unwrap());
    add(&anna, "since");
    for passphrase in [PASSPHRASE, "bob's passphrase", code.to_grouped().expose_secret()] {
        assert_eq!(open(&desk, passphrase).unwrap().verify().unwrap().records, 2);
    }
}

#[test]
fn an_administrator_is_removed_only_with_open_eyes_and_never_the_last() {
    let desk = Desk::new();
    let anna = vault(&desk);
    let last = anna.remove_person_keeping_seed("anna").unwrap_err();
    assert!(last.kind() == ErrorKind::Refused && last.to_string().contains("last administrator"), "{last}");
    anna.issue_recovery_code().unwrap();
    assert!(anna.remove_person_keeping_seed("anna").unwrap_err().to_string().contains("last administrator"));
    anna.add_person("bob", Role::Administrator, "bob's passphrase").unwrap();
    let own = anna.remove_person_keeping_seed("anna").unwrap_err();
    assert!(own.kind() == ErrorKind::Refused && own.to_string().contains("yourself"), "{own}");
    let seen = anna.remove_person("bob").unwrap_err();
    assert!(seen.kind() == ErrorKind::Refused && seen.to_string().contains("rekey"), "{seen}");
    assert_eq!(anna.remove_person("recovery code").unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(anna.remove_person("nobody").unwrap_err().kind(), ErrorKind::NoSuchPerson);
    assert_eq!(labels(&anna).len(), 3);

    anna.remove_person_keeping_seed("recovery code").unwrap();
    anna.remove_person_keeping_seed("bob").unwrap();
    assert_eq!(labels(&anna), ["anna"]);
    assert_eq!(open(&desk, "bob's passphrase").unwrap_err().kind(), ErrorKind::WrongPassphrase);
}

#[test]
fn an_administrator_with_an_old_version_acts_on_the_current_people() {
    let desk = Desk::new();
    let anna = vault(&desk);
    anna.add_person("bob", Role::Administrator, "bob's passphrase").unwrap();
    anna.add_person("rea", Role::Reader, "rea's passphrase").unwrap();
    let bob = open(&desk, "bob's passphrase").unwrap();
    // Bob does the first, and anna the second, without having looked meanwhile.
    bob.remove_person("rea").unwrap();
    anna.add_person("rea", Role::Reader, "rea's second").unwrap();
    bob.add_person("carl", Role::Reader, "carl's passphrase").unwrap();
    anna.set_passphrase("carl", "carl's second").unwrap();
    bob.set_passphrase("rea", "rea's third").unwrap();
    anna.set_passphrase("rea", "rea's fourth").unwrap();
    bob.issue_recovery_code().unwrap();
    let code = anna.issue_recovery_code().unwrap();
    for passphrase in ["rea's fourth", "carl's second", code.to_grouped().expose_secret()] {
        open(&desk, passphrase).unwrap();
    }
    bob.remove_person_keeping_seed("anna").unwrap();
    for refused in [
        anna.add_person("bob", Role::Reader, "again"),
        anna.set_passphrase("nobody", "again"),
        anna.rekey(PASSPHRASE).map(|_| ()),
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Reopen, "she is told first that she is gone");
    }
}

#[test]
fn a_rekey_leaves_one_way_in_and_names_the_others() {
    let desk = Desk::new();
    let anna = vault(&desk);
    anna.add_person("bob", Role::Administrator, "bob's passphrase").unwrap();
    anna.add_person("app", Role::Reader, "the application's").unwrap();
    let bob = open(&desk, "bob's passphrase").unwrap();
    let before = keys_of(&std::fs::read(desk.path()).unwrap(), PASSPHRASE).unwrap();

    let same = anna.rekey(PASSPHRASE).unwrap_err();
    assert_eq!(same.kind(), ErrorKind::InvalidInput, "whoever leaves may know it");
    let gone = anna.rekey("a new passphrase").unwrap();
    assert_eq!(gone.iter().map(|person| &*person.label).collect::<Vec<_>>(), ["bob", "app"]);
    let after = keys_of(&std::fs::read(desk.path()).unwrap(), "a new passphrase").unwrap();
    assert!(before.vault_key != after.vault_key && before.x != after.x, "K and the seed are new");

    // The handle goes on, and so does this machine's memory of the vault.
    add(&anna, "since");
    assert!(!anna.refresh().unwrap());
    assert_eq!(open(&desk, "a new passphrase").unwrap().verify().unwrap().records, 2);
    for passphrase in [PASSPHRASE, "bob's passphrase", "the application's"] {
        assert_eq!(open(&desk, passphrase).unwrap_err().kind(), ErrorKind::WrongPassphrase);
    }
    assert_eq!(bob.refresh().unwrap_err().kind(), ErrorKind::Reopen);

    // A machine that saw the vault before says so once.
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::copy(desk.state_folder().join(pin_name(&desk)), elsewhere.path().join(pin_name(&desk))).unwrap();
    anna.rekey("another new passphrase").unwrap();
    let there = || OpenOptions::new().state_folder(elsewhere.path());
    let changed = there().open(desk.path(), "another new passphrase").unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::RevisionRefused(Mismatch::VaultChanged));
    let version = changed.refused_revision().unwrap().revision;
    there().accept_revision(version).open(desk.path(), "another new passphrase").unwrap();
    there().open(desk.path(), "another new passphrase").expect("it was accepted once and for all");
}

fn pin_name(desk: &Desk) -> String {
    let names = std::fs::read_dir(desk.state_folder()).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.find(|name| name.ends_with(".pin")).unwrap()
}

#[test]
fn a_rekey_goes_on_where_nothing_can_be_remembered() {
    let desk = Desk::new();
    let anna = vault(&desk);
    // The pin speaks of the old keys and cannot be replaced: a folder is at the path of its next version.
    std::fs::create_dir_all(desk.state_folder().join(format!(".{}.new/obstacle", pin_name(&desk)))).unwrap();
    anna.rekey("a new passphrase").unwrap();
    assert!(!anna.refresh().unwrap(), "its own rekey is no surprise to it");
    add(&anna, "since");
    assert_eq!(anna.verify().unwrap().records, 2);
    assert_eq!(
        open(&desk, "a new passphrase").unwrap_err().kind(),
        ErrorKind::RevisionRefused(Mismatch::VaultChanged)
    );
}

#[test]
fn a_forgotten_passphrase_is_replaced_with_a_recovery_code() {
    let desk = Desk::new();
    let anna = vault(&desk);
    let first = anna.issue_recovery_code().unwrap();
    let before_the_code = std::fs::read(desk.path()).unwrap();
    let code = anna.issue_recovery_code().unwrap();
    assert_eq!(labels(&anna), ["anna", "recovery code"], "a new code takes the old one's place");
    assert_eq!(
        open(&desk, first.to_grouped().expose_secret()).unwrap_err().kind(),
        ErrorKind::WrongPassphrase
    );
    drop(anna);

    let check = |code: &str| {
        let (file, pin) = (desk.path(), desk.state_folder().join(pin_name(&desk)));
        let before = (std::fs::read(&file).unwrap(), std::fs::read(&pin).unwrap());
        let checked = options(&desk).check_recovery_code(&file, code);
        assert_eq!(
            (std::fs::read(&file).unwrap(), std::fs::read(&pin).unwrap()),
            before,
            "it changes nothing"
        );
        checked.map(|info| info.generation).map_err(|error| error.kind())
    };
    assert_eq!(check(code.to_grouped().expose_secret()), Ok(4));
    assert_eq!(check(first.to_grouped().expose_secret()), Err(ErrorKind::WrongPassphrase));
    assert_eq!(check(PASSPHRASE), Err(ErrorKind::InvalidInput));

    // It is this generation that the code must open.
    let now = std::fs::read(desk.path()).unwrap();
    std::fs::write(desk.path(), &before_the_code).unwrap();
    assert_eq!(
        check(first.to_grouped().expose_secret()),
        Err(ErrorKind::RevisionRefused(Mismatch::Rollback))
    );
    std::fs::write(desk.path(), now).unwrap();

    let by_code = open(&desk, code.to_grouped().expose_secret()).unwrap();
    assert_eq!(by_code.change_passphrase("x").unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(by_code.rekey("x").unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(by_code.issue_recovery_code().unwrap_err().kind(), ErrorKind::Refused);
    let created = by_code.people().unwrap()[0].created;
    by_code.set_passphrase("anna", "one that I can remember").unwrap();
    let anna = open(&desk, "one that I can remember").unwrap();
    assert_eq!(anna.people().unwrap()[0].created, created, "she was here before");
    assert_eq!(open(&desk, PASSPHRASE).unwrap_err().kind(), ErrorKind::WrongPassphrase);
}

#[test]
fn labels_are_unique_up_to_the_format_s_maximum_of_people() {
    let desk = Desk::new();
    let anna = vault(&desk);
    let add_reader = |label: &str| anna.add_person(label, Role::Reader, label).map_err(|error| error.kind());
    assert_eq!(add_reader("anna"), Err(ErrorKind::AlreadyExists));
    assert_eq!(add_reader(""), Err(ErrorKind::InvalidInput));
    assert_eq!(add_reader("two\nlines"), Err(ErrorKind::InvalidInput));
    assert_eq!(add_reader(&"x".repeat(129)), Err(ErrorKind::InvalidInput));
    for number in 2..=32 {
        add_reader(&format!("reader {number}")).unwrap();
    }
    assert_eq!(add_reader("one too many"), Err(ErrorKind::Refused));
    assert_eq!(anna.people().unwrap().len(), 32);
    for number in [2, 17, 32] {
        let reader = open(&desk, &format!("reader {number}")).unwrap();
        assert_eq!(reader.people().unwrap().iter().position(|person| person.is_self), Some(number - 1));
    }
    assert_eq!(open(&desk, "nobody's").unwrap_err().kind(), ErrorKind::WrongPassphrase);
}

#[test]
fn the_caller_may_say_which_slot_or_which_role_is_meant() {
    let desk = Desk::new();
    let anna = vault(&desk);
    anna.add_person("app", Role::Reader, "the application's").unwrap();
    let slots = aumbry::inspect(desk.path()).unwrap().slots;
    let opened = |options: OpenOptions, passphrase: &str| {
        options.open(desk.path(), passphrase).map(|vault| vault.role().unwrap()).map_err(|error| error.kind())
    };
    assert_eq!(opened(options(&desk).role(Role::Reader), "the application's"), Ok(Role::Reader));
    assert_eq!(opened(options(&desk).role(Role::Reader), PASSPHRASE), Err(ErrorKind::WrongPassphrase));
    assert_eq!(opened(options(&desk).slot(slots[0].id), PASSPHRASE), Ok(Role::Administrator));
    assert_eq!(
        opened(options(&desk).slot(slots[0].id), "the application's"),
        Err(ErrorKind::WrongPassphrase)
    );
    assert_eq!(
        opened(options(&desk).slot(aumbry::SlotId::from_bytes([7; 16])), PASSPHRASE),
        Err(ErrorKind::NoSuchPerson)
    );
    anna.remove_person("app").unwrap();
    assert_eq!(opened(options(&desk).role(Role::Reader), PASSPHRASE), Err(ErrorKind::NoSuchPerson));
}

#[test]
fn a_slot_that_would_cost_more_than_the_format_allows_is_refused() {
    let desk = Desk::new();
    vault(&desk);
    // 2^21 KiB-passes a slot, 2^23 for all of them.
    let costly = KdfParameters::new(MemoryKib::new(32_768).unwrap(), Passes::MAX, Lanes::MIN).unwrap();
    let anna = desk.open_options().kdf(costly).open(desk.path(), PASSPHRASE).unwrap();
    for reader in ["a", "b", "c"] {
        anna.add_person(reader, Role::Reader, "costly").unwrap();
    }
    assert_eq!(anna.add_person("d", Role::Reader, "costly").unwrap_err().kind(), ErrorKind::Refused);
    let below = desk.open_options().kdf(cheap()).open(desk.path(), PASSPHRASE).unwrap();
    assert_eq!(below.add_person("e", Role::Reader, "cheap").unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn a_record_that_does_not_open_does_not_prevent_renewing_the_keys() {
    // As an attacker with the seed can make it: hidden, so that it cannot be removed, and with a secret that is noise.
    let forge = Forge::new(1).person("anna", Role::Administrator, PASSPHRASE, cheap()).unwrap();
    let forge = forge.person("rea", Role::Reader, "rea's passphrase", cheap()).unwrap();
    let forge = forge.record(&crate::common::draft("mine"), 1, 1).unwrap();
    let forge = forge.record_named("aumbry:pending:00", &crate::common::draft("other"), 1, 1).unwrap();
    let records = forge.encoded_records();
    let mut planted = records[1].clone();
    *planted.last_mut().unwrap() ^= 1;
    let file = forge.build_body(&forge.body_of(&[planted, records[0].clone()]).unwrap()).unwrap();

    let storage = aumbry::storage::InMemory::from_bytes(file);
    let options = OpenOptions::new().kdf(cheap()).allow_kdf_below_floor();
    let anna = options.open_in(storage, PASSPHRASE).unwrap();
    anna.remove_person("rea").unwrap();
    anna.rekey("a new passphrase").unwrap();
    assert_eq!(anna.get_credentials("mine").unwrap().unwrap().secret_access_key().expose_secret(), SECRET);
    assert_eq!(anna.verify().unwrap_err().kind(), ErrorKind::Damaged, "and it is still told");
}
