//! What a program does with a vault: look up, list, edit, lock, refresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::common::*;
use aumbry::{Advice, ErrorKind, ExposeSecret, Name, NewRecord, Provider, RecordChange, Role, Vault};

fn secret(vault: &Vault, name: &str) -> String {
    let credentials = vault.get_credentials(name).unwrap().unwrap();
    credentials.secret_access_key().expose_secret().to_owned()
}

fn names(vault: &Vault, prefix: &str) -> Vec<String> {
    vault.records_with_prefix(prefix).unwrap().map(|entry| entry.name().to_owned()).collect()
}

#[test]
fn a_record_comes_back_whole_after_the_vault_was_closed() {
    let desk = Desk::new();
    let before = SystemTime::now() - Duration::from_secs(1);
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    {
        let vault = desk.create();
        vault
            .edit(|edit| {
                edit.add(&draft("s3-uploads").attribute("region", "eu-central-1")?)?;
                edit.add(
                    &NewRecord::new_session("sso", "ASIAEXAMPLE", "short", "token//==")?.expires(expires),
                )
            })
            .unwrap();
    }
    let vault = desk.open().unwrap();
    assert_eq!(vault.role().unwrap(), Role::Administrator);

    let uploads = vault.get_credentials("s3-uploads").unwrap().unwrap();
    assert_eq!((uploads.name(), uploads.provider()), ("s3-uploads", Provider::Static));
    assert_eq!(uploads.access_key_id(), KEY_ID);
    assert_eq!(uploads.secret_access_key().expose_secret(), SECRET);
    assert_eq!(uploads.static_credentials().unwrap().secret_access_key().expose_secret(), SECRET);
    assert!(uploads.session_token().is_none() && uploads.session_credentials().is_none());
    assert_eq!(uploads.attribute("region"), Some("eu-central-1"));
    assert!(uploads.created() > before && uploads.updated() == uploads.created());
    assert!(!uploads.is_expired(SystemTime::now()));

    let sso = vault.get_credentials("sso").unwrap().unwrap();
    assert_eq!(sso.provider(), Provider::Session);
    assert_eq!(sso.session_token().unwrap().expose_secret(), "token//==");
    assert_eq!(sso.expires(), Some(expires));
    assert!(sso.is_expired(expires) && !sso.is_expired(expires - Duration::from_secs(1)));

    let entry = vault.find("sso").unwrap().unwrap();
    assert_eq!((entry.name(), entry.provider(), entry.expires()), ("sso", Provider::Session, Some(expires)));
}

#[test]
fn an_unknown_name_is_not_an_error() {
    let desk = Desk::new();
    let vault = desk.create();
    for name in ["nobody", "", "two\nlines", "aumbry:pending:00"] {
        assert!(vault.get_credentials(name).unwrap().is_none(), "{name:?}");
        assert!(vault.find(name).unwrap().is_none(), "{name:?}");
    }
}

#[test]
fn records_are_listed_by_prefix_in_name_order() {
    let desk = Desk::new();
    let vault = desk.create();
    assert_eq!(names(&vault, ""), [""; 0]);
    for name in ["s3/b", "s3", "S3/a", "s3/a", "s4", "s3/é", "r"] {
        add(&vault, name);
    }
    assert_eq!(names(&vault, ""), ["S3/a", "r", "s3", "s3/a", "s3/b", "s3/é", "s4"]);
    assert_eq!(names(&vault, "s3/"), ["s3/a", "s3/b", "s3/é"]);
    assert_eq!(names(&vault, "s3"), ["s3", "s3/a", "s3/b", "s3/é"]);
    assert_eq!(names(&vault, "zz"), [""; 0]);
}

#[test]
fn fields_change_in_one_commit_and_the_rest_stays() {
    let desk = Desk::new();
    let vault = desk.create();
    vault.edit(|edit| edit.add(&draft("a").attribute("region", "eu-west-1")?.attribute("x", "1")?)).unwrap();
    let generation = vault.generation().unwrap();

    // Attributes alone: the sealed secret is not touched.
    let change = RecordChange::new().attribute("region", Some("us-east-1")).attribute("x", None);
    vault.edit(|edit| edit.change("a", &change)).unwrap();
    let entry = vault.find("a").unwrap().unwrap();
    assert_eq!(entry.attribute("region"), Some("us-east-1"));
    assert_eq!(entry.attributes().count(), 1);
    assert_eq!(secret(&vault, "a"), SECRET);

    // The key pair.
    let change = RecordChange::new().access_key_id("AKIA2").secret_access_key("second secret");
    vault.edit(|edit| edit.change("a", &change)).unwrap();
    assert_eq!(vault.find("a").unwrap().unwrap().access_key_id(), "AKIA2");
    assert_eq!(secret(&vault, "a"), "second secret");

    // The key id alone: the secret is sealed again, bound to it.
    vault.edit(|edit| edit.change("a", &RecordChange::new().access_key_id("AKIA3"))).unwrap();
    assert_eq!(secret(&vault, "a"), "second secret");

    // To a session and back.
    let change = RecordChange::new().session_token(Some("token".into()));
    vault.edit(|edit| edit.change("a", &change)).unwrap();
    let session = vault.get_credentials("a").unwrap().unwrap();
    assert_eq!((session.provider(), session.access_key_id()), (Provider::Session, "AKIA3"));
    assert_eq!(session.session_token().unwrap().expose_secret(), "token");
    vault.edit(|edit| edit.change("a", &RecordChange::new().session_token(None))).unwrap();
    assert_eq!(vault.find("a").unwrap().unwrap().provider(), Provider::Static);

    assert_eq!(vault.generation().unwrap(), generation + 5);
    assert_eq!(desk.open().unwrap().verify().unwrap().records, 1);
}

#[test]
fn a_record_is_renamed_replaced_and_removed() {
    let desk = Desk::new();
    let vault = desk.create();
    for name in ["a", "m", "z"] {
        add(&vault, name);
    }
    let created = vault.find("m").unwrap().unwrap().created();
    vault.edit(|edit| edit.rename("m", &Name::new("zz")?)).unwrap();
    assert_eq!(names(&vault, ""), ["a", "z", "zz"]);
    assert_eq!(secret(&vault, "zz"), SECRET);
    assert_eq!(vault.find("zz").unwrap().unwrap().created(), created);

    vault
        .edit(|edit| {
            edit.put(&NewRecord::new_static("zz", "AKIA9", "other")?)?;
            Ok(())
        })
        .unwrap();
    assert_eq!(secret(&vault, "zz"), "other");
    assert_eq!(vault.find("zz").unwrap().unwrap().created(), created);

    vault.edit(|edit| edit.remove("a")).unwrap();
    assert_eq!(names(&vault, ""), ["z", "zz"]);
    assert_eq!(vault.verify().unwrap().records, 2);
}

#[test]
fn the_steps_of_one_edit_see_each_other() {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "old");
    vault
        .edit(|edit| {
            edit.add(&draft("new"))?;
            edit.change("new", &RecordChange::new().attribute("k", Some("v")))?;
            edit.change("new", &RecordChange::new().secret_access_key("changed"))?;
            edit.rename("new", &Name::new("newer")?)?;
            edit.remove("old")?;
            edit.rename("newer", &Name::new("old")?)?;
            edit.change("old", &RecordChange::new().attribute("l", Some("w")))?;
            assert!(edit.contains("old") && !edit.contains("new") && !edit.contains("newer"));
            Ok(())
        })
        .unwrap();
    assert_eq!(names(&vault, ""), ["old"]);
    assert_eq!(secret(&vault, "old"), "changed");
    let record = vault.find("old").unwrap().unwrap();
    assert_eq!(record.attributes().collect::<Vec<_>>(), [("k", "v"), ("l", "w")]);
}

#[test]
fn an_edit_that_fails_changes_nothing() {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "a");
    let file = std::fs::read(desk.path()).unwrap();
    let fails = |kind, edit: &mut dyn FnMut(&mut aumbry::Edit<'_>) -> aumbry::Result<()>| {
        let result = vault.edit(|e| {
            e.add(&draft("half"))?;
            edit(e)
        });
        assert_eq!(result.unwrap_err().kind(), kind);
        assert_eq!(names(&vault, ""), ["a"]);
        assert_eq!(std::fs::read(desk.path()).unwrap(), file);
    };
    fails(ErrorKind::AlreadyExists, &mut |edit| edit.add(&draft("a")));
    fails(ErrorKind::AlreadyExists, &mut |edit| edit.rename("half", &Name::new("a")?));
    fails(ErrorKind::NoSuchRecord, &mut |edit| edit.remove("b"));
    fails(ErrorKind::NoSuchRecord, &mut |edit| edit.rename("b", &Name::new("c")?));
    fails(ErrorKind::NoSuchRecord, &mut |edit| edit.change("b", &RecordChange::new()));
    fails(ErrorKind::NoSuchRecord, &mut |edit| edit.remove("aumbry:pending:00"));
    fails(ErrorKind::InvalidInput, &mut |edit| {
        edit.change("a", &RecordChange::new().attribute("aumbry.of", Some("x")))
    });
    fails(ErrorKind::InvalidInput, &mut |edit| edit.change("a", &RecordChange::new().secret_access_key("")));
    fails(ErrorKind::InvalidInput, &mut |edit| {
        edit.change("a", &RecordChange::new().attribute("k", Some(&"v".repeat(16 * 1024))))
    });
}

#[test]
fn an_edit_that_changes_nothing_saves_nothing() {
    let desk = Desk::new();
    let vault = desk.create();
    let file = std::fs::read(desk.path()).unwrap();
    assert!(!vault.edit(|edit| Ok(edit.contains("a"))).unwrap());
    assert_eq!(std::fs::read(desk.path()).unwrap(), file);
}

#[test]
fn a_locked_vault_answers_nothing_until_it_is_unlocked() {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "a");
    let clone = vault.clone();
    let entry = vault.find("a").unwrap().unwrap();
    clone.lock();
    assert!(vault.is_locked());
    let kinds = [
        vault.get_credentials("a").unwrap_err().kind(),
        vault.find("a").unwrap_err().kind(),
        vault.records().unwrap_err().kind(),
        vault.edit(|edit| edit.remove("a")).unwrap_err().kind(),
        vault.refresh().unwrap_err().kind(),
        vault.verify().unwrap_err().kind(),
        vault.advice().unwrap_err().kind(),
        vault.role().unwrap_err().kind(),
        vault.memory_protection().unwrap_err().kind(),
        vault.change_passphrase("x").unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::Locked; 10]);
    assert_eq!(entry.access_key_id(), KEY_ID, "an entry outlives the lock");

    assert_eq!(vault.unlock("wrong").unwrap_err().kind(), ErrorKind::WrongPassphrase);
    assert!(vault.is_locked());
    vault.unlock(PASSPHRASE).unwrap();
    assert_eq!(secret(&clone, "a"), SECRET);
}

#[test]
fn a_lock_during_an_edit_stops_it_before_anything_is_saved() {
    let desk = Desk::new();
    let vault = desk.create();
    let file = std::fs::read(desk.path()).unwrap();
    let result = vault.edit(|edit| {
        edit.add(&draft("a"))?;
        vault.lock();
        Ok(())
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Locked);
    assert_eq!(std::fs::read(desk.path()).unwrap(), file);
}

#[test]
fn an_idle_vault_locks_itself_and_a_busy_one_does_not() {
    let desk = Desk::new();
    add(&desk.create(), "a");
    let idle = Duration::from_millis(400);
    let vault = desk.open_options().lock_after(idle).open(desk.path(), PASSPHRASE).unwrap();
    let start = std::time::Instant::now();
    let mut used = start;
    while start.elapsed() < 3 * idle {
        if vault.find("a").is_err() {
            // On a machine that let this thread wait so long, it was idle indeed.
            assert!(used.elapsed() >= idle, "a vault in use was locked");
            vault.unlock(PASSPHRASE).unwrap();
        }
        used = std::time::Instant::now();
        std::thread::sleep(Duration::from_millis(5));
    }
    let patience = std::time::Instant::now() + Duration::from_secs(60);
    while !vault.is_locked() {
        assert!(std::time::Instant::now() < patience, "an idle vault was not locked");
        std::thread::sleep(Duration::from_millis(20));
    }
    vault.unlock(PASSPHRASE).unwrap();
    assert_eq!(secret(&vault, "a"), SECRET);

    // One that was just made, too.
    let options =
        desk.create_options().open_options(desk.open_options().lock_after(Duration::from_millis(1)));
    let vault = options.create(desk.folder.path().join("new.aumbry"), PASSPHRASE).unwrap();
    while !vault.is_locked() {
        assert!(std::time::Instant::now() < patience, "a new vault was not locked");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_newer_version_is_picked_up_by_refresh_and_by_the_next_edit() {
    let desk = Desk::new();
    let first = desk.create();
    let second = desk.open().unwrap();
    assert!(!second.refresh().unwrap());
    add(&first, "a");
    assert!(second.find("a").unwrap().is_none());
    assert!(second.refresh().unwrap());
    assert_eq!(secret(&second, "a"), SECRET);
    add(&first, "b");
    add(&second, "c");
    assert_eq!(names(&second, ""), ["a", "b", "c"]);
    assert!(first.refresh().unwrap());
    assert_eq!(names(&first, ""), ["a", "b", "c"]);
}

#[test]
fn a_new_passphrase_replaces_the_old_one_without_asking_other_people() {
    let desk = Desk::new();
    let (vault, code) =
        desk.create_options().label("Anna").create_with_recovery_code(desk.path(), PASSPHRASE).unwrap();
    for name in ["a", "b", "c"] {
        add(&vault, name);
    }
    let other = desk.open().unwrap();
    let keys = |passphrase: &str| {
        let keys = aumbry::testing::keys_of(&std::fs::read(desk.path()).unwrap(), passphrase).unwrap();
        (keys.vault_key, keys.x)
    };
    let (old_key, old_seed) = keys(PASSPHRASE);
    vault.change_passphrase("a new passphrase").unwrap();
    let (new_key, new_seed) = keys("a new passphrase");
    assert!(new_key != old_key && new_seed == old_seed, "everything is sealed under a new vault key");
    assert_eq!(secret(&vault, "b"), SECRET);
    add(&vault, "d");

    assert_eq!(desk.open().unwrap_err().kind(), ErrorKind::WrongPassphrase);
    assert_eq!(other.refresh().unwrap_err().kind(), ErrorKind::Reopen);
    assert_eq!(secret(&other, "a"), SECRET, "it goes on answering from what it holds");
    let vault = desk.open_options().open(desk.path(), "a new passphrase").unwrap();
    assert_eq!(vault.verify().unwrap().records, 4);

    // The recovery code opens still, and sets a passphrase when the new one is forgotten.
    let typed = code.to_grouped().expose_secret().to_lowercase();
    let vault = desk.open_options().open(desk.path(), typed.as_str()).unwrap();
    assert_eq!(vault.role().unwrap(), Role::Administrator);
    assert_eq!(vault.change_passphrase("x").unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(vault.set_passphrase("recovery code", "x").unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(vault.set_passphrase("Bert", "x").unwrap_err().kind(), ErrorKind::NoSuchPerson);
    vault.set_passphrase("Anna", "a third passphrase").unwrap();
    assert_eq!(vault.verify().unwrap().records, 4);
    let vault = desk.open_options().open(desk.path(), "a third passphrase").unwrap();
    assert_eq!(secret(&vault, "d"), SECRET);
    assert!(desk.open_options().open(desk.path(), code.to_grouped()).is_ok());
}

#[test]
fn what_could_be_better_is_said() {
    let desk = Desk::new();
    let advice = desk.create().advice().unwrap();
    assert!(advice.contains(&Advice::KdfBelowDefault(cheap())), "{advice:?}");
    assert!(advice.contains(&Advice::NoSecondAdministrator), "{advice:?}");
    let vault = desk.open().unwrap();
    vault.change_passphrase(PASSPHRASE).unwrap();
    assert!(
        !vault.advice().unwrap().contains(&Advice::KdfBelowDefault(cheap())),
        "a new passphrase renews it"
    );

    let desk = Desk::new();
    let options = desk.create_options().kdf(aumbry::KdfParameters::default());
    let (vault, _) = options.create_with_recovery_code(desk.path(), PASSPHRASE).unwrap();
    assert_eq!(
        vault.advice().unwrap().iter().filter(|advice| **advice != Advice::MemoryNotLocked).count(),
        0
    );
}

#[test]
fn readers_in_other_threads_see_whole_versions_during_edits() {
    let desk = Desk::new();
    let vault = desk.create();
    vault
        .edit(|edit| {
            edit.add(&NewRecord::new_static("left", "AKIA0", "0")?)?;
            edit.add(&NewRecord::new_static("right", "AKIA0", "0")?)
        })
        .unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (vault, done) = (vault.clone(), Arc::clone(&done));
            std::thread::spawn(move || {
                let mut seen = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    let ids: Vec<_> =
                        vault.records().unwrap().map(|entry| entry.access_key_id().to_owned()).collect();
                    assert!(ids.len() == 2 && ids.first() == ids.get(1), "half an edit was seen: {ids:?}");
                    let credentials = vault.get_credentials("left").unwrap().unwrap();
                    let id = credentials.access_key_id().trim_start_matches("AKIA");
                    assert_eq!(credentials.secret_access_key().expose_secret(), id);
                    seen += 1;
                }
                seen
            })
        })
        .collect();
    for n in 1..40 {
        let change = RecordChange::new().access_key_id(&format!("AKIA{n}")).secret_access_key(n.to_string());
        vault
            .edit(|edit| {
                edit.change("left", &change)?;
                edit.change("right", &change)
            })
            .unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.join().unwrap() > 0);
    }
}

#[test]
fn edits_of_many_threads_and_handles_are_all_kept() {
    let desk = Desk::new();
    let first = desk.create();
    let second = desk.open().unwrap();
    std::thread::scope(|scope| {
        for (thread, vault) in [&first, &first, &second, &second].into_iter().enumerate() {
            scope.spawn(move || {
                for n in 0..10 {
                    add(vault, &format!("{thread}/{n}"));
                }
            });
        }
    });
    first.refresh().unwrap();
    assert_eq!(first.verify().unwrap().records, 40);
    assert_eq!(first.generation().unwrap(), 41);
}

#[test]
fn an_edit_inside_an_edit_is_misuse() {
    let desk = Desk::new();
    let vault = desk.create();
    let result = vault.edit(|_| vault.edit(|edit| edit.add(&draft("a"))));
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Misuse);
    add(&vault, "a");
}

#[test]
fn a_panic_within_an_edit_leaves_the_vault_usable() {
    let desk = Desk::new();
    let vault = desk.create();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        vault.edit(|edit| -> aumbry::Result<()> {
            edit.add(&draft("half"))?;
            panic!("on purpose")
        })
    }));
    assert!(panicked.is_err());
    add(&vault, "a");
    assert_eq!(names(&vault, ""), ["a"]);
}

#[test]
fn a_vault_is_not_made_where_one_is_or_below_the_floor() {
    let desk = Desk::new();
    desk.create();
    let file = std::fs::read(desk.path()).unwrap();
    let again = desk.create_options().create(desk.path(), PASSPHRASE);
    assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(desk.path()).unwrap(), file);

    let elsewhere = desk.folder.path().join("other.aumbry");
    let options = || aumbry::CreateOptions::new().open_options(desk.open_options());
    assert_eq!(options().kdf(cheap()).create(&elsewhere, PASSPHRASE).unwrap_err().kind(), ErrorKind::Refused);
    for passphrase in [String::new(), "x".repeat(1025)] {
        let made = options().create(&elsewhere, passphrase);
        assert_eq!(made.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    for label in ["", " a", "a\n"] {
        assert_eq!(
            options().label(label).create(&elsewhere, "p").unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
    assert!(!elsewhere.exists());
}
