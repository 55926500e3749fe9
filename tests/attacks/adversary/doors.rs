//! What a reader may not do through the library, and what no vault can prevent.

use aumbry::{ErrorKind, Mismatch, OpenOptions, Result, Role, Vault};

use crate::adversary::parts::Parts;
use crate::adversary::scene::Person::{self, Anna, Rea};
use crate::adversary::scene::{Adversary, OTHERS, PENDING, kind};
use crate::common::{Desk, add, cheap};

/// The vault on a desk, and a person at it.
fn at_desk(file: &[u8]) -> Desk {
    let desk = Desk::new();
    std::fs::write(desk.path(), file).unwrap();
    desk
}

fn options(desk: &Desk, person: Person) -> OpenOptions {
    let state = desk.folder.path().join(format!("{person:?}"));
    OpenOptions::new().state_folder(state).kdf(cheap()).allow_kdf_below_floor()
}

fn open(desk: &Desk, person: Person) -> Result<Vault> {
    options(desk, person).open(desk.path(), person.passphrase())
}

#[test]
fn every_door_that_leads_to_writing_is_closed_to_a_reader() {
    let adversary = Adversary::new();
    let desk = at_desk(&adversary.file);
    let rea = open(&desk, Rea).unwrap();
    let backup = Rea.open(&adversary.older).unwrap();
    let refused = |rea: &Vault| {
        [
            kind(rea.edit(|_| -> Result<()> { panic!("a reader's edit is not run") })),
            kind(rea.add_person("twin", Role::Reader, "twin's passphrase")),
            kind(rea.remove_person("ron")),
            kind(rea.remove_person("anna")),
            kind(rea.remove_person_keeping_seed("anna")),
            kind(rea.change_passphrase("a new passphrase of rea's")),
            kind(rea.set_passphrase("rea", "a new passphrase of rea's")),
            kind(rea.set_passphrase("anna", "a new passphrase of rea's")),
            kind(rea.issue_recovery_code()),
            kind(rea.rekey("a new passphrase of rea's")),
            kind(rea.restore(&backup)),
        ]
    };
    assert_eq!(refused(&rea), [ErrorKind::NotAdministrator; 11]);
    rea.lock();
    rea.unlock(Rea.passphrase()).unwrap();
    assert_eq!(refused(&rea), [ErrorKind::NotAdministrator; 11], "unlocked again");
    let own_copy = Rea.open(&adversary.file).unwrap();
    assert_eq!(refused(&own_copy), [ErrorKind::NotAdministrator; 11], "in memory of her own");

    // Asking for another role or slot gives her none.
    let other = options(&desk, Rea).role(Role::Administrator).open(desk.path(), Rea.passphrase());
    assert_eq!(kind(other), ErrorKind::WrongPassphrase);
    let other = options(&desk, Rea)
        .slot(aumbry::SlotId::from_bytes(*adversary.id(Anna)))
        .open(desk.path(), Rea.passphrase());
    assert_eq!(kind(other), ErrorKind::WrongPassphrase);
    let created = desk.create_options().create(desk.path(), "a new passphrase of rea's");
    assert_eq!(kind(created), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(desk.path()).unwrap(), adversary.file, "all that left the vault alone");

    // A backup comes back through an administrator alone, also where the vault is damaged or gone.
    let mut damaged = adversary.file.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(desk.path(), &damaged).unwrap();
    assert_eq!(kind(options(&desk, Rea).restore(desk.path(), &rea)), ErrorKind::NotAdministrator);
    assert_eq!(std::fs::read(desk.path()).unwrap(), damaged);
    std::fs::remove_file(desk.path()).unwrap();
    assert_eq!(kind(options(&desk, Rea).restore(desk.path(), &rea)), ErrorKind::NotAdministrator);
    assert!(!desk.path().exists());
}

#[test]
fn a_reader_can_copy_every_record_and_so_can_anyone_with_her_vault_key() {
    let adversary = Adversary::new();
    let mut parts = Parts::open(&adversary.file, &adversary.key).unwrap();
    let secrets =
        parts.body.records.iter().map(|record| record.open(&adversary.key, &parts.vault_id).unwrap().0);
    assert_eq!(secrets.count(), 4);
    let pending = parts.record(PENDING).open(&adversary.key, &[0; 16]);
    assert!(pending.is_none(), "the control: secrets are sealed to the vault's id");
}

#[test]
fn a_reader_can_put_an_older_version_back_where_no_pin_knows_better() {
    let adversary = Adversary::new();
    let desk = at_desk(&adversary.file);
    let handles = OTHERS.map(|person| (person, open(&desk, person).unwrap()));
    std::fs::write(desk.path(), &adversary.older).unwrap();
    for (person, handle) in handles {
        assert_eq!(
            person.open(&adversary.older).unwrap().generation().unwrap(),
            5,
            "{person:?} sees it first"
        );
        assert_eq!(
            kind(open(&desk, person)),
            ErrorKind::RevisionRefused(Mismatch::Rollback),
            "{person:?} has a pin"
        );
        assert_eq!(
            kind(handle.refresh()),
            ErrorKind::RevisionRefused(Mismatch::Rollback),
            "{person:?} holds a newer one"
        );
        if person.is_administrator() {
            assert_eq!(
                kind(handle.edit(|_| Ok(()))),
                ErrorKind::RevisionRefused(Mismatch::Rollback),
                "{person:?}"
            );
        }
    }
    assert_eq!(std::fs::read(desk.path()).unwrap(), adversary.older);
}

#[test]
fn a_reader_can_delete_the_vault_but_that_is_never_taken_for_an_empty_one() {
    let adversary = Adversary::new();
    let desk = at_desk(&adversary.file);
    let anna = open(&desk, Anna).unwrap();
    std::fs::remove_file(desk.path()).unwrap();
    assert_eq!(kind(anna.refresh()), ErrorKind::NotFound);
    assert_eq!(kind(anna.edit(|_| Ok(()))), ErrorKind::NotFound);
    assert_eq!(kind(open(&desk, Anna)), ErrorKind::NotFound);
    assert!(!desk.path().exists());
    assert!(anna.get_credentials("backup").unwrap().is_some(), "what is open goes on");

    // With a copy it is as if nothing had been.
    std::fs::write(desk.path(), &adversary.file).unwrap();
    add(&anna, "since");
    assert_eq!(open(&desk, Anna).unwrap().verify().unwrap().records, 5);
}
