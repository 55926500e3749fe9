//! One handle in many hands: another thread, another program or an attacker acts at the worst moment.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::*;
use aumbry::storage::{Exclusive, InMemory, Prefix, Revision, Storage};
use aumbry::testing::Forge;
use aumbry::{
    Advice, CreateOptions, Error, ErrorKind, ExposeSecret, KdfParameters, Lanes, MemoryKib, Mismatch,
    OpenOptions, Passes, Result, Role, Vault,
};

type Hook = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Memory in which something else happens, once, at a moment of our choice.
#[derive(Clone, Default)]
struct Hooked {
    inner: InMemory,
    on_exclusive: Hook,
    after_prefix: Hook,
    after_load: Hook,
    before_replace: Hook,
    /// What `replace` says after it has replaced.
    answer: Arc<Mutex<Option<ErrorKind>>>,
}

impl Hooked {
    fn new(file: Vec<u8>) -> Self {
        Self { inner: InMemory::from_bytes(file), ..Self::default() }
    }

    fn open(&self, passphrase: &str) -> Result<Vault> {
        OpenOptions::new().open_in(self.clone(), passphrase)
    }
}

/// In another thread, because a thread may hold what it waits for.
fn set(hook: &Hook, action: impl FnOnce() + Send + 'static) {
    *hook.lock().unwrap() = Some(Box::new(|| std::thread::spawn(action).join().unwrap()));
}

fn fire(hook: &Hook) {
    let action = hook.lock().unwrap().take();
    if let Some(action) = action {
        action();
    }
}

impl Storage for Hooked {
    fn load_prefix(&self, len: usize) -> Result<Prefix> {
        let prefix = self.inner.load_prefix(len);
        fire(&self.after_prefix);
        prefix
    }

    fn load(&self, limit: u64) -> Result<Vec<u8>> {
        let bytes = self.inner.load(limit);
        fire(&self.after_load);
        bytes
    }

    fn revision(&self) -> Result<Option<Revision>> {
        self.inner.revision()
    }

    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> Result<()> {
        fire(&self.before_replace);
        self.inner.replace(expected, bytes)?;
        match self.answer.lock().unwrap().take() {
            None => Ok(()),
            Some(kind) => Err(Error::new(kind, "as the test wants it")),
        }
    }

    fn exclusive(&self) -> Result<Exclusive> {
        fire(&self.on_exclusive);
        self.inner.exclusive()
    }

    fn location(&self) -> Result<Option<String>> {
        Ok(None)
    }
}

fn kdf(memory: u32, passes: u32) -> KdfParameters {
    KdfParameters::new(MemoryKib::new(memory).unwrap(), Passes::new(passes).unwrap(), Lanes::MIN).unwrap()
}

/// Anna administers, Bob reads, one record.
fn anna_and_bob() -> Vec<u8> {
    let forge = Forge::new(1).person("anna", Role::Administrator, "anna", cheap()).unwrap();
    let forge = forge.person("bob", Role::Reader, "bob", cheap()).unwrap();
    forge.record(&draft("one"), 1, 1).unwrap().build().unwrap()
}

#[test]
fn unlocking_as_another_person_during_a_save_does_not_mix_their_keys() {
    let storage = Hooked::new(anna_and_bob());
    let vault = storage.open("anna").unwrap();
    let clone = vault.clone();
    set(&storage.before_replace, move || clone.unlock("bob").unwrap());
    add(&vault, "two");
    assert_eq!(vault.role().unwrap(), Role::Reader);
    assert!(vault.find("two").unwrap().is_some(), "what was saved is there for the reader too");
    assert_eq!(vault.edit(|edit| edit.add(&draft("three"))).unwrap_err().kind(), ErrorKind::NotAdministrator);
    for person in ["anna", "bob"] {
        assert_eq!(storage.open(person).unwrap().verify().unwrap().records, 2);
    }
}

#[test]
fn a_vault_that_would_not_open_is_not_saved() {
    // All slots together cost what the format allows: anna's cheap one cannot be renewed at the default.
    let mut forge = Forge::new(2).person("anna", Role::Administrator, "anna", cheap()).unwrap();
    for (n, passes) in [64, 64, 64, 63].into_iter().enumerate() {
        forge = forge.person(&format!("reader {n}"), Role::Reader, "reader", kdf(32_768, passes)).unwrap();
    }
    let storage = Hooked::new(forge.build().unwrap());
    let vault = storage.open("anna").unwrap();
    assert_eq!(vault.change_passphrase("new").unwrap_err().kind(), ErrorKind::Refused);
    assert!(storage.open("anna").is_ok());
}

#[test]
fn a_new_passphrase_never_takes_parameters_below_the_floor() {
    // 8 MiB and 24 passes cost as much as the default, but need too little memory.
    let forge = Forge::new(3).person("anna", Role::Administrator, "anna", kdf(8192, 24)).unwrap();
    let storage = Hooked::new(forge.build().unwrap());
    let vault = storage.open("anna").unwrap();
    assert!(vault.advice().unwrap().contains(&Advice::KdfBelowDefault(kdf(8192, 24))));
    vault.change_passphrase("new").unwrap();
    let info = aumbry::inspect_in(&storage).unwrap();
    assert_eq!(info.slots.first().unwrap().kdf, KdfParameters::default());
}

#[test]
fn a_handle_notices_by_the_pin_that_its_own_version_was_put_back() {
    let desk = Desk::new();
    drop(desk.create());
    let held = desk.open().unwrap();
    let old = std::fs::read(desk.path()).unwrap();
    desk.open().unwrap().change_passphrase("the leaked one is gone").unwrap();
    std::fs::write(desk.path(), &old).unwrap();
    assert_eq!(held.refresh().unwrap_err().kind(), ErrorKind::RevisionRefused(Mismatch::Rollback));
    assert_eq!(
        held.edit(|edit| edit.add(&draft("new"))).unwrap_err().kind(),
        ErrorKind::RevisionRefused(Mismatch::Rollback)
    );
    assert_eq!(std::fs::read(desk.path()).unwrap(), old, "nothing was written under the leaked key");
}

#[test]
fn a_role_that_was_changed_meanwhile_stays_changed() {
    let vault_of = |role, passphrase, generation| {
        let forge = Forge::new(4).generation(generation);
        let forge = forge.person("anna", Role::Administrator, "anna", cheap()).unwrap();
        forge.person("bob", role, passphrase, cheap()).unwrap()
    };
    let before = vault_of(Role::Administrator, "bob", 1).build().unwrap();
    // Another number draws other salts, so bob's slot is another one; the keys would differ too, but no check gets
    // that far.
    let demoted = vault_of(Role::Reader, "bob again", 2).person("carl", Role::Reader, "c", cheap()).unwrap();
    let demoted = demoted.build().unwrap();
    let storage = Hooked::new(before);
    let vault = storage.open("anna").unwrap();
    let inner = storage.inner.clone();
    set(&storage.on_exclusive, move || {
        let version = inner.revision().unwrap();
        inner.replace(version.as_ref(), &demoted).unwrap();
    });
    let result = vault.set_passphrase("bob", "bob as he likes it");
    let role_now = aumbry::inspect_in(&storage).unwrap().slots.get(1).unwrap().role;
    assert!(result.is_err() || role_now == Role::Reader, "bob was made an administrator again");
}

#[test]
fn a_passphrase_that_was_replaced_meanwhile_does_not_unlock() {
    let storage = Hooked::new(anna_and_bob());
    let vault = storage.open("anna").unwrap();
    vault.lock();
    let clone = vault.clone();
    set(&storage.after_load, move || {
        clone.unlock("anna").unwrap();
        clone.change_passphrase("anna's new one").unwrap();
        clone.lock();
    });
    assert_eq!(vault.unlock("anna").unwrap_err().kind(), ErrorKind::Conflict);
    assert!(vault.is_locked());
    vault.unlock("anna's new one").unwrap();
}

#[test]
fn unlocking_as_another_person_switches_or_returns_an_error() {
    let storage = Hooked::new(anna_and_bob());
    let vault = storage.open("anna").unwrap();
    let clone = vault.clone();
    set(&storage.after_load, move || add(&clone, "two"));
    assert_eq!(vault.unlock("bob").unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(vault.role().unwrap(), Role::Administrator, "what another thread did stands");
    vault.unlock("bob").unwrap();
    assert_eq!(vault.role().unwrap(), Role::Reader);
}

#[test]
fn a_refresh_does_not_undo_a_switch_to_another_person() {
    let storage = Hooked::new(anna_and_bob());
    let vault = storage.open("anna").unwrap();
    let clone = vault.clone();
    add(&storage.open("anna").unwrap(), "two");
    set(&storage.after_load, move || clone.unlock("bob").unwrap());
    vault.refresh().unwrap();
    assert_eq!(vault.role().unwrap(), Role::Reader);
}

#[test]
fn a_lock_during_an_unlock_holds_and_is_said() {
    let storage = Hooked::new(anna_and_bob());
    let vault = storage.open("anna").unwrap();
    let clone = vault.clone();
    set(&storage.after_load, move || clone.lock());
    assert_eq!(vault.unlock("anna").unwrap_err().kind(), ErrorKind::Locked);
    assert!(vault.is_locked());
}

#[test]
fn a_refresh_that_ends_after_a_lock_does_not_unlock() {
    let storage = Hooked::new(anna_and_bob());
    let vault = storage.open("anna").unwrap();
    add(&storage.open("anna").unwrap(), "two");
    let clone = vault.clone();
    set(&storage.after_load, move || clone.lock());
    assert_eq!(vault.refresh().unwrap_err().kind(), ErrorKind::Locked);
    assert!(vault.is_locked());
}

#[test]
fn verifying_stops_when_the_vault_is_locked() {
    let storage = Hooked::new(anna_and_bob());
    let vault = storage.open("anna").unwrap();
    let clone = vault.clone();
    set(&storage.after_load, move || clone.lock());
    assert_eq!(vault.verify().unwrap_err().kind(), ErrorKind::Locked);
}

#[test]
fn background_work_does_not_count_as_use_of_the_vault() {
    let storage = Hooked::new(anna_and_bob());
    for idle in [Duration::from_millis(200), Duration::ZERO] {
        let vault = OpenOptions::new().lock_after(idle).open_in(storage.clone(), "anna").unwrap();
        let patience = std::time::Instant::now() + Duration::from_secs(60);
        while !vault.is_locked() {
            assert!(std::time::Instant::now() < patience, "refreshing kept the vault open");
            let _ = (vault.refresh(), vault.role(), vault.generation(), vault.advice());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn unlocking_within_an_edit_is_refused() {
    let storage = Hooked::new(anna_and_bob());
    let vault = storage.open("anna").unwrap();
    let mut runs = 0;
    let result = vault.edit(|edit| {
        runs += 1;
        vault.unlock("anna")?;
        edit.add(&draft("two"))
    });
    assert_eq!((result.unwrap_err().kind(), runs), (ErrorKind::Misuse, 1));
    vault.edit(|edit| vault.refresh().and_then(|_| edit.add(&draft("two")))).unwrap();
}

#[test]
fn a_panic_in_the_storage_leaves_the_handle_usable() {
    let storage = Hooked::new(anna_and_bob());
    let vault = storage.open("anna").unwrap();
    set(&storage.before_replace, || panic!("on purpose"));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| add(&vault, "two")));
    assert!(panicked.is_err());
    add(&vault, "two");
    assert_eq!(vault.verify().unwrap().records, 2);
}

#[test]
fn a_commit_that_the_disk_did_not_confirm_counts_and_is_said() {
    let storage = Hooked::new(anna_and_bob());
    let vault = storage.open("anna").unwrap();
    *storage.answer.lock().unwrap() = Some(ErrorKind::DurabilityUnknown);
    let error = vault.edit(|edit| edit.add(&draft("two"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DurabilityUnknown);
    assert!(vault.find("two").unwrap().is_some());
    assert!(vault.advice().unwrap().contains(&Advice::NotConfirmed));
    add(&vault, "three");
    assert!(!vault.advice().unwrap().contains(&Advice::NotConfirmed));
}

#[test]
fn a_new_vault_that_the_disk_did_not_confirm_is_there_with_all_its_ways_in() {
    let storage = Hooked::default();
    *storage.answer.lock().unwrap() = Some(ErrorKind::DurabilityUnknown);
    let options = CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
    let vault = options.create_in(storage.clone(), PASSPHRASE).unwrap();
    assert!(vault.advice().unwrap().contains(&Advice::NotConfirmed));
    add(&vault, "one");
    let again = storage.open(PASSPHRASE).unwrap();
    let credentials = again.get_credentials("one").unwrap().unwrap();
    assert_eq!(credentials.secret_access_key().expose_secret(), SECRET);
}

#[test]
fn a_body_with_more_people_than_slots_costs_no_memory() {
    // An administrator's own doing: a million people of nineteen bytes each.
    let people = 1_000_000_u32;
    let mut body = vec![1, 0, 252];
    body.extend_from_slice(&people.to_le_bytes());
    body.resize(body.len() + 19 * people as usize, 0);
    let forge = Forge::new(5).person("anna", Role::Administrator, "anna", cheap()).unwrap();
    let storage = Hooked::new(forge.build_body(&body).unwrap());
    assert_eq!(storage.open("anna").unwrap_err().kind(), ErrorKind::Damaged);
}

/// The key derivation begins with the header alone; the whole file, read beside it, may be a newer one.
#[test]
fn a_save_between_reading_header_and_file_is_seen_by_the_opener() {
    let storage = Hooked::new(anna_and_bob());
    let anna = storage.open("anna").unwrap();

    let editor = anna.clone();
    set(&storage.after_prefix, move || add(&editor, "two"));
    assert!(storage.open("bob").unwrap().find("two").unwrap().is_some());

    let editor = anna.clone();
    set(&storage.after_prefix, move || editor.change_passphrase("anna's new one").unwrap());
    assert_eq!(storage.open("anna").unwrap_err().kind(), ErrorKind::WrongPassphrase);

    let editor = anna.clone();
    set(&storage.after_prefix, move || editor.change_passphrase("anna's third one").unwrap());
    assert_eq!(storage.open("anna's third one").unwrap().verify().unwrap().records, 2);

    set(&storage.after_prefix, move || anna.remove_person("bob").unwrap());
    assert_eq!(storage.open("bob").unwrap_err().kind(), ErrorKind::WrongPassphrase);
}

/// The file is loaded in a thread of its own. Where that comes to nothing, it is loaded once more.
#[test]
fn a_storage_that_fails_in_other_threads_opens_all_the_same() {
    let storage = Hooked::new(anna_and_bob());
    for (passphrase, opens) in [("anna", true), ("nobody's", false)] {
        let here = std::thread::current().id();
        *storage.after_load.lock().unwrap() = Some(Box::new(move || {
            assert_eq!(std::thread::current().id(), here, "as the test wants it");
        }));
        match storage.open(passphrase) {
            Ok(vault) => assert!(opens && vault.verify().unwrap().records == 1),
            Err(error) => assert!(!opens && error.kind() == ErrorKind::WrongPassphrase, "{error}"),
        }
        assert!(storage.after_load.lock().unwrap().is_none(), "the control: it was loaded");
    }
}

/// A program may keep a handle in a thread's own storage, and look something up when that goes.
#[test]
fn a_thread_that_ends_can_look_up_and_lock() {
    struct Last(Vault, Arc<Mutex<Vec<bool>>>);

    impl Drop for Last {
        fn drop(&mut self) {
            let found =
                self.0.find("one").unwrap().is_some() && self.0.get_credentials("one").unwrap().is_some();
            self.1.lock().unwrap().push(found);
            self.0.lock();
        }
    }

    thread_local!(static LAST: std::cell::RefCell<Vec<Last>> = const { std::cell::RefCell::new(Vec::new()) });

    for used_before in [false, true] {
        let vault = Hooked::new(anna_and_bob()).open("anna").unwrap();
        let found = Arc::default();
        let last = Last(vault.clone(), Arc::clone(&found));
        let ends = std::thread::spawn(move || {
            // What is used before is gone first.
            LAST.with_borrow_mut(|kept| kept.push(last));
            LAST.with_borrow(|kept| assert!(!used_before || kept[0].0.find("one").unwrap().is_some()));
        });
        ends.join().unwrap();
        assert_eq!(*found.lock().unwrap(), [true]);
        assert!(vault.is_locked());
    }
}
