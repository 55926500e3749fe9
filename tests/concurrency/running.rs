//! Programs that run while others change the vault: what a reader's and an administrator's handle answer then, after
//! everything that others can do.

use std::fs;
use std::sync::LazyLock;

use crate::common::{Desk, add, cheap, draft};
use aumbry::testing::Forge;
use aumbry::{ErrorKind, ExposeSecret, Mismatch, OpenOptions, RecordChange, Result, Role, Vault};

/// What a handle answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    /// There is nothing new.
    Old,
    /// What the others did.
    New,
    No(ErrorKind),
}
use Answer::{New, No, Old};

/// What the others do, what refreshing, verifying and editing say then, and what locking and unlocking with the
/// passphrase of before does.
struct Row {
    others: &'static str,
    act: fn(&Scene) -> Option<Vault>,
    refresh: Answer,
    unlock: Answer,
}

const fn row(others: &'static str, refresh: Answer, unlock: Answer, act: fn(&Scene) -> Option<Vault>) -> Row {
    Row { others, act, refresh, unlock }
}

/// What honest administrators do.
const COMMITS: [Row; 16] = [
    row("do nothing", Old, Old, |_| None),
    row("add a record", New, New, |scene| scene.olga(|olga| olga.edit(|edit| edit.add(&draft("two"))))),
    row("change a secret", New, New, |scene| {
        let change = RecordChange::new().secret_access_key("another secret");
        scene.olga(|olga| olga.edit(|edit| edit.change("one", &change)))
    }),
    row("remove a record", New, New, |scene| scene.olga(|olga| olga.edit(|edit| edit.remove("one")))),
    row("add somebody", New, New, |scene| scene.olga(|olga| olga.add_person("carl", Role::Reader, "carl"))),
    row("remove somebody else", New, New, |scene| scene.olga(|olga| olga.remove_person("dora"))),
    row("change somebody else's passphrase", New, New, |scene| {
        scene.olga(|olga| olga.set_passphrase("dora", "another"))
    }),
    row("change their own passphrase", New, New, |scene| {
        scene.olga(|olga| olga.change_passphrase("another"))
    }),
    row("issue a recovery code", New, New, |scene| scene.olga(|olga| olga.issue_recovery_code().map(drop))),
    row("restore a backup", New, New, |scene| {
        fs::write(scene.elsewhere(), &scene.older).unwrap();
        let backup = scene.unpinned().open(scene.elsewhere(), "olga").unwrap();
        scene.olga(|olga| olga.restore(&backup))
    }),
    row("change this passphrase", No(ErrorKind::Reopen), No(ErrorKind::WrongPassphrase), |scene| {
        scene.olga(|olga| olga.set_passphrase(scene.who, "another"))
    }),
    row("remove this person", No(ErrorKind::Reopen), No(ErrorKind::WrongPassphrase), |scene| {
        scene.olga(|olga| olga.remove_person_keeping_seed(scene.who))
    }),
    row("remove this person and add them again", No(ErrorKind::Reopen), New, |scene| {
        scene.olga(|olga| {
            olga.remove_person_keeping_seed(scene.who)?;
            olga.add_person(scene.who, scene.role(), scene.who)
        })
    }),
    row("give this person the other role", No(ErrorKind::Reopen), New, |scene| {
        let other = if scene.role() == Role::Reader { Role::Administrator } else { Role::Reader };
        scene.olga(|olga| {
            olga.remove_person_keeping_seed(scene.who)?;
            olga.add_person(scene.who, other, scene.who)
        })
    }),
    row("rekey", No(ErrorKind::Reopen), No(ErrorKind::WrongPassphrase), |scene| {
        scene.olga(|olga| olga.rekey("another").map(drop))
    }),
    row(
        "rekey and add everybody again",
        No(ErrorKind::Reopen),
        No(ErrorKind::RevisionRefused(Mismatch::VaultChanged)),
        |scene| {
            scene.olga(|olga| {
                olga.rekey("another")?;
                olga.add_person(scene.who, scene.role(), scene.who)
            })
        },
    ),
];

/// What any process that can write the file can do.
const SWAPS: [Row; 9] = [
    row(
        "put an older version back",
        No(ErrorKind::RevisionRefused(Mismatch::Rollback)),
        No(ErrorKind::RevisionRefused(Mismatch::Rollback)),
        |scene| scene.put(&scene.older),
    ),
    row(
        "edit a copy of an older version",
        No(ErrorKind::RevisionRefused(Mismatch::Fork)),
        No(ErrorKind::RevisionRefused(Mismatch::Fork)),
        |scene| {
            scene.put(&scene.older);
            scene.olga(|olga| olga.edit(|edit| edit.add(&draft("forked"))))
        },
    ),
    // A limit that is documented: a fork of a higher generation looks like the future.
    row("edit a copy of an older version twice", New, New, |scene| {
        scene.put(&scene.older);
        scene.olga(|olga| {
            olga.edit(|edit| edit.add(&draft("forked")))?;
            olga.edit(|edit| edit.add(&draft("forked again")))
        })
    }),
    row(
        "put another vault of the same people there",
        No(ErrorKind::RevisionRefused(Mismatch::VaultChanged)),
        No(ErrorKind::RevisionRefused(Mismatch::VaultChanged)),
        |scene| scene.put(&forge(2).build().unwrap()),
    ),
    row("sign it without the seed", No(ErrorKind::Damaged), No(ErrorKind::Damaged), |scene| {
        scene.put(&forge(2).resign(scene.held.clone()))
    }),
    row("alter a byte", No(ErrorKind::Damaged), No(ErrorKind::Damaged), |scene| {
        let mut altered = scene.held.clone();
        altered.iter_mut().rev().nth(100).map(|byte| *byte ^= 1).unwrap();
        // The last bytes are what a version is known by: a refresh looks no further if they are the same.
        altered.last_mut().map(|byte| *byte ^= 1).unwrap();
        scene.put(&altered)
    }),
    row("cut it off", No(ErrorKind::Damaged), No(ErrorKind::Damaged), |scene| {
        scene.put(scene.held.split_last().unwrap().1)
    }),
    row("put another file there", No(ErrorKind::InvalidFile), No(ErrorKind::InvalidFile), |scene| {
        scene.put(&[b'x'; 5000])
    }),
    row("remove it", No(ErrorKind::NotFound), No(ErrorKind::NotFound), |scene| {
        fs::remove_file(scene.desk.path()).unwrap();
        None
    }),
];

/// Anna and Olga administer, Dora and Rea read, one record. Everybody's passphrase is their name.
fn forge(number: u64) -> Forge {
    let mut forge = Forge::new(number);
    for (person, role) in [
        ("anna", Role::Administrator),
        ("rea", Role::Reader),
        ("olga", Role::Administrator),
        ("dora", Role::Reader),
    ] {
        forge = forge.person(person, role, person, cheap()).unwrap();
    }
    forge.record(&draft("one"), 1, 1).unwrap()
}

static FIRST: LazyLock<Vec<u8>> = LazyLock::new(|| forge(1).build().unwrap());

/// A vault of generation 2 that one of two people has open; the others are on another machine.
struct Scene {
    desk: Desk,
    who: &'static str,
    older: Vec<u8>,
    held: Vec<u8>,
    running: Vault,
}

impl Scene {
    fn new(who: &'static str, is_pinned: bool) -> Self {
        let desk = Desk::new();
        fs::write(desk.path(), &*FIRST).unwrap();
        add(&OpenOptions::new().without_pin().open(desk.path(), "anna").unwrap(), "since");
        let options = if is_pinned { desk.open_options() } else { OpenOptions::new().without_pin() };
        let running = options.open(desk.path(), who).unwrap();
        Self { who, older: FIRST.clone(), held: fs::read(desk.path()).unwrap(), running, desk }
    }

    fn role(&self) -> Role {
        if self.who == "rea" { Role::Reader } else { Role::Administrator }
    }

    fn elsewhere(&self) -> std::path::PathBuf {
        self.desk.folder.path().join("elsewhere.aumbry")
    }

    fn unpinned(&self) -> OpenOptions {
        OpenOptions::new().without_pin().kdf(cheap()).allow_kdf_below_floor()
    }

    /// Olga does something; what she holds then is the newest version.
    fn olga(&self, act: impl FnOnce(&Vault) -> Result<()>) -> Option<Vault> {
        let olga = self.unpinned().open(self.desk.path(), "olga").unwrap();
        act(&olga).unwrap();
        Some(olga)
    }

    fn put(&self, file: &[u8]) -> Option<Vault> {
        fs::write(self.desk.path(), file).unwrap();
        None
    }

    fn file(&self) -> Option<Vec<u8>> {
        fs::read(self.desk.path()).ok()
    }
}

/// All that look-ups tell.
#[derive(Clone, PartialEq, Debug)]
struct View {
    generation: u64,
    records: Vec<(String, String)>,
    people: Vec<(String, Role)>,
}

impl View {
    fn of(vault: &Vault) -> Self {
        let records = vault.records().unwrap().map(|entry| {
            let found = vault.get_credentials(entry.name()).unwrap().unwrap();
            (entry.name().to_owned(), found.secret_access_key().expose_secret().to_owned())
        });
        let people = vault.people().unwrap().into_iter().map(|person| (person.label, person.role));
        Self { generation: vault.generation().unwrap(), records: records.collect(), people: people.collect() }
    }
}

fn said<T>(result: &Result<T>, changed: impl FnOnce(&T) -> bool) -> Answer {
    match result {
        Ok(value) if changed(value) => New,
        Ok(_) => Old,
        Err(error) => No(error.kind()),
    }
}

/// Each of the things that a program does, each in a scene of its own, and what it answered.
fn check(row: &Row, who: &'static str, is_pinned: bool) {
    let doing = |what: &str| format!("others {}, {who} (pinned: {is_pinned}) {what}", row.others);
    // The view of before, that of afterwards, and what the file is.
    let play = |verb: &dyn Fn(&Scene, &View, &View)| {
        let scene = Scene::new(who, is_pinned);
        let old = View::of(&scene.running);
        let new = (row.act)(&scene).as_ref().map_or_else(|| old.clone(), View::of);
        let file = scene.file();
        assert_eq!(View::of(&scene.running), old, "{}", doing("looks up"));
        verb(&scene, &old, &new);
        (scene.file() == file, View::of_unlocked(&scene.running), old, new)
    };
    let after = |answer, old: View, new: View| Some(if answer == New { new } else { old });

    let (untouched, view, old, new) = play(&|scene, _, _| {
        assert_eq!(said(&scene.running.refresh(), |is_new| *is_new), row.refresh, "{}", doing("refreshes"));
    });
    assert!(untouched && view == after(row.refresh, old, new), "{}: {view:?}", doing("has refreshed"));

    let (untouched, view, old, _) = play(&|scene, _, new| {
        let verified = scene.running.verify();
        if let Ok(verified) = &verified {
            assert_eq!((verified.records, verified.generation), (new.records.len(), new.generation));
        }
        let expected = if row.refresh == Old { New } else { row.refresh };
        assert_eq!(said(&verified, |_| true), expected, "{}", doing("verifies"));
    });
    assert!(untouched && view == Some(old), "{}: {view:?}", doing("has verified"));

    let (untouched, view, old, new) = play(&|scene, _, _| {
        scene.running.lock();
        let unlocked = scene.running.unlock(scene.who).map(|()| scene.running.generation().unwrap());
        let changed = said(&unlocked, |generation| *generation > 2);
        assert_eq!(changed, row.unlock, "{}", doing("locks and unlocks"));
    });
    let view_expected = if matches!(row.unlock, No(_)) { None } else { after(row.unlock, old, new) };
    assert!(untouched && view == view_expected, "{}: {view:?}", doing("has locked and unlocked"));

    let is_reader = who == "rea";
    let expected = match row.refresh {
        _ if is_reader => No(ErrorKind::NotAdministrator),
        No(kind) => No(kind),
        Old | New => New,
    };
    let (untouched, view, old, mut new) = play(&|scene, _, _| {
        let mut runs = 0;
        let edited = scene.running.edit(|edit| {
            runs += 1;
            edit.add(&draft("zz"))
        });
        assert_eq!(said(&edited, |()| true), expected, "{}", doing("edits"));
        assert_eq!(runs, usize::from(expected == New), "{}", doing("edits"));
        if expected == New {
            let again = scene.unpinned().open(scene.desk.path(), scene.who).unwrap();
            assert_eq!(View::of(&again), View::of(&scene.running), "{}", doing("edits and opens"));
        }
    });
    new.generation += 1;
    new.records.push(("zz".to_owned(), crate::common::SECRET.to_owned()));
    assert_eq!(untouched, expected != New, "{}", doing("has edited"));
    assert_eq!(view, after(expected, old, new), "{}", doing("has edited"));
}

impl View {
    fn of_unlocked(vault: &Vault) -> Option<Self> {
        (!vault.is_locked()).then(|| Self::of(vault))
    }
}

#[test]
fn a_running_reader_answers_rightly_whatever_administrators_do() {
    COMMITS.iter().for_each(|row| check(row, "rea", true));
}

#[test]
fn a_running_administrator_answers_rightly_whatever_administrators_do() {
    COMMITS.iter().for_each(|row| check(row, "anna", true));
}

#[test]
fn a_running_reader_answers_rightly_whatever_becomes_of_the_file_with_or_without_a_pin() {
    SWAPS.iter().for_each(|row| [true, false].into_iter().for_each(|is_pinned| check(row, "rea", is_pinned)));
}

#[test]
fn a_running_administrator_answers_rightly_whatever_becomes_of_the_file_with_or_without_a_pin() {
    SWAPS
        .iter()
        .for_each(|row| [true, false].into_iter().for_each(|is_pinned| check(row, "anna", is_pinned)));
}

/// Bytes before the signature are read when they are needed: damage there does not affect a handle that holds the
/// valid version.
#[test]
fn damage_beneath_the_signature_of_the_version_held_is_found_by_verifying_and_mended_by_an_edit() {
    let scene = Scene::new("anna", true);
    let mut damaged = scene.held.clone();
    damaged.iter_mut().rev().nth(100).map(|byte| *byte ^= 1).unwrap();
    scene.put(&damaged);
    let old = View::of(&scene.running);
    assert!(!scene.running.refresh().unwrap());
    assert_eq!(scene.running.verify().unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(View::of(&scene.running), old);
    assert_eq!(scene.file(), Some(damaged));
    add(&scene.running, "two");
    let again = scene.desk.open_options().open(scene.desk.path(), "rea").unwrap();
    assert_eq!(again.verify().unwrap().records, 3);
}

/// Only the pin can tell a running program that its own version is an older one: this machine saw what came after it.
#[test]
fn the_pin_alone_notices_that_the_very_version_that_is_held_was_put_back() {
    let act: fn(&Scene) -> Option<Vault> = |scene| {
        let here = scene.desk.open_options().open(scene.desk.path(), "olga").unwrap();
        add(&here, "two");
        scene.put(&scene.held)
    };
    for who in ["rea", "anna"] {
        check(
            &row(
                "put the version that is held back",
                No(ErrorKind::RevisionRefused(Mismatch::Rollback)),
                No(ErrorKind::RevisionRefused(Mismatch::Rollback)),
                act,
            ),
            who,
            true,
        );
        check(&row("put the version that is held back", Old, Old, act), who, false);
    }
}
