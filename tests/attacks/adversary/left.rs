//! People who had access once: a reader who was removed, an administrator who left, a passphrase that leaked. They
//! kept every version of their time.

use std::collections::BTreeSet;

use aumbry::testing::keys_of;
use aumbry::{ErrorKind, ExposeSecret, Mismatch, NewRecord, OpenOptions, Result, Role, Vault};

use crate::adversary::parts::{Parts, id_of};
use crate::adversary::scene::{kind, open};
use crate::adversary::tools::{self, Key, Slot};
use crate::common::{Desk, KEY_ID, PASSPHRASE, SECRET, add, cheap};

fn options(desk: &Desk) -> OpenOptions {
    desk.open_options().kdf(cheap()).allow_kdf_below_floor()
}

fn read(desk: &Desk) -> Vec<u8> {
    std::fs::read(desk.path()).unwrap()
}

/// `anna` administers, with [`PASSPHRASE`], as does `bob`; `rea` and `ron` read. A record of each provider.
fn vault(desk: &Desk) -> Vault {
    let create = desk.create_options().label("anna").open_options(options(desk));
    let anna = create.create(desk.path(), PASSPHRASE).unwrap();
    anna.add_person("bob", Role::Administrator, "bob's passphrase").unwrap();
    anna.add_person("rea", Role::Reader, "rea's passphrase").unwrap();
    anna.add_person("ron", Role::Reader, "ron's passphrase").unwrap();
    anna.edit(|edit| {
        edit.add(&NewRecord::new_static("backup", KEY_ID, SECRET)?.attribute("region", "eu-central-1")?)?;
        edit.add(&NewRecord::new_session("session", "ASIASESSION", SECRET, "a token")?)
    })
    .unwrap();
    anna
}

/// How many secrets of a version open under this K, by whatever key its payload is sealed.
fn secrets_under(key: &Key, parts: &Parts) -> usize {
    parts.body.records.iter().filter(|record| record.open(key, &parts.vault_id).is_some()).count()
}

/// The slots that a key-encryption key opens.
fn slots_under(kek: &Key, parts: &Parts) -> usize {
    parts.slots.iter().filter(|slot| tools::unwrap(slot, &parts.vault_id, kek).is_some()).count()
}

#[test]
fn a_removed_reader_opens_nothing_of_any_later_version_with_all_that_she_kept() {
    let desk = Desk::new();
    let anna = vault(&desk);
    let code = anna.issue_recovery_code().unwrap().to_grouped();
    let others = [PASSPHRASE, "bob's passphrase", "ron's passphrase", code.expose_secret()];

    let old = read(&desk);
    let kept = keys_of(&old, "rea's passphrase").unwrap();
    let old_parts = Parts::take_apart(&old, &kept.vault_key);
    assert_eq!(
        secrets_under(&kept.vault_key, &old_parts),
        2,
        "the control: of her time she reads everything"
    );
    assert_eq!(slots_under(&kept.kek, &old_parts), 1);

    anna.remove_person("rea").unwrap();
    let mut later = vec![read(&desk)];
    let mut then = |step: &dyn Fn() -> Result<()>| {
        step().unwrap();
        later.push(read(&desk));
    };
    then(&|| anna.edit(|edit| edit.add(&NewRecord::new_static("since", KEY_ID, SECRET)?)));
    then(&|| anna.edit(|edit| edit.remove("backup")));
    then(&|| anna.add_person("newcomer", Role::Reader, "newcomer's passphrase"));
    then(&|| anna.remove_person("newcomer"));
    then(&|| anna.restore(&open(&old, PASSPHRASE)?));
    // She comes back with a passphrase of her own choice, and her old copies are worth no more than before.
    then(&|| anna.add_person("rea", Role::Reader, "rea's second passphrase"));

    for (n, file) in later.iter().enumerate() {
        for passphrase in others {
            assert!(
                open(file, passphrase).unwrap().verify().is_ok(),
                "{n}: the people who stayed notice nothing"
            );
        }
        assert_eq!(kind(open(file, "rea's passphrase")), ErrorKind::WrongPassphrase, "{n}");
        assert!(Parts::open(file, &kept.vault_key).is_none(), "{n}: the old K opens the payload");
        let now = keys_of(file, PASSPHRASE).unwrap().vault_key;
        let parts = Parts::take_apart(file, &now);
        assert_eq!(slots_under(&kept.kek, &parts), 0, "{n}: her old key opens a slot");
        assert_eq!(secrets_under(&kept.vault_key, &parts), 0, "{n}: the old K opens a record");
        assert_eq!(secrets_under(&now, &parts), parts.body.records.len(), "the control");

        // Her old slot put in: it opens, and trusts a key that has not signed this.
        let mut spliced = file.clone();
        let header = 56 + 176 * parts.slots.len();
        spliced[header - 176..header].copy_from_slice(&old_parts.slots[2]);
        aumbry::testing::repair_checksum(&mut spliced);
        assert_eq!(kind(open(&spliced, "rea's passphrase")), ErrorKind::Damaged, "{n}");
    }
}

/// One slot of a version from before the rekey, with what opens it and the vault key of that version.
struct OldSlot {
    slot: Slot,
    file: usize,
    key: Key,
    passphrase: String,
}

#[test]
fn an_administrator_who_left_before_a_rekey_cannot_splice_old_slots_back_in() {
    let desk = Desk::new();
    let anna = vault(&desk);
    let mut files = vec![read(&desk)];
    let mut then = |step: &dyn Fn() -> Result<()>| {
        step().unwrap();
        files.push(read(&desk));
    };
    let code = anna.issue_recovery_code().unwrap().to_grouped();
    then(&|| Ok(()));
    then(&|| anna.set_passphrase("ron", "ron's second passphrase"));
    then(&|| anna.remove_person("rea"));
    then(&|| anna.change_passphrase("anna's second passphrase"));
    let old_passphrases = [
        PASSPHRASE,
        "anna's second passphrase",
        "bob's passphrase",
        "rea's passphrase",
        "ron's passphrase",
        "ron's second passphrase",
        code.expose_secret(),
    ];
    // A machine that sees nothing of what follows.
    let asleep = tempfile::tempdir().unwrap();
    let asleep = OpenOptions::new().state_folder(asleep.path());
    asleep.clone().open(desk.path(), "ron's second passphrase").unwrap();

    let seed = keys_of(&files[0], "bob's passphrase").unwrap().x;
    let old_slots = old_slots(&files, &old_passphrases);
    assert!(old_slots.len() >= 15, "each slot of each K: {}", old_slots.len());

    anna.rekey("anna's third passphrase").unwrap();
    anna.add_person("ron", Role::Reader, "ron's third passphrase").unwrap();
    let new_code = anna.issue_recovery_code().unwrap().to_grouped();
    let new_passphrases = ["anna's third passphrase", "ron's third passphrase", new_code.expose_secret()];
    let newest = read(&desk);
    let elsewhere = tempfile::tempdir().unwrap();
    let machines = [options(&desk), OpenOptions::new().state_folder(elsewhere.path())];
    for machine in &machines {
        machine.clone().open(desk.path(), "ron's third passphrase").unwrap();
    }
    let ron = machines[1].clone().open(desk.path(), "ron's third passphrase").unwrap();

    let (mut spliced, mut unpinned) = (0, 0);
    for old in &old_slots {
        let alone = alone(old, &files, &seed);
        let among = among_the_new(old, &files, &newest, &seed);
        for (file, to_the_new) in [(alone, ErrorKind::WrongPassphrase), (among, ErrorKind::Damaged)] {
            std::fs::write(desk.path(), &file).unwrap();
            for passphrase in new_passphrases {
                assert_eq!(kind(open(&file, passphrase)), to_the_new, "no current passphrase opens it");
            }
            for machine in &machines {
                let opened = machine.clone().open(desk.path(), old.passphrase.as_str());
                assert_eq!(
                    kind(opened),
                    ErrorKind::RevisionRefused(Mismatch::VaultChanged),
                    "a pin knows better"
                );
            }
            let handles = (kind(anna.edit(|_| Ok(()))), kind(ron.refresh()));
            let expected = if to_the_new == ErrorKind::Damaged { to_the_new } else { ErrorKind::Reopen };
            assert_eq!(handles, (expected, expected), "and so do handles");
            assert_eq!(read(&desk), file);
            spliced += 1;
            // The risk that remains, and why an old passphrase must not be used again.
            unpinned += usize::from(open(&file, &old.passphrase).is_ok());
        }
    }
    crate::common::tell(&format!(
        "old slots spliced in: {spliced} files; {unpinned} open with an old passphrase where there is no pin"
    ));
    assert_eq!((spliced, unpinned), (2 * old_slots.len(), 2 * old_slots.len()));

    // A machine that last saw the vault before the rekey still believes the old seed, as long as it sees nothing newer.
    let of_ron = |old: &&OldSlot| old.passphrase == "ron's second passphrase";
    let last = old_slots.iter().rfind(of_ron).unwrap();
    std::fs::write(desk.path(), alone(last, &files, &seed)).unwrap();
    assert!(asleep.clone().open(desk.path(), "ron's second passphrase").is_ok());
    std::fs::write(desk.path(), &newest).unwrap();
    assert_eq!(
        kind(asleep.open(desk.path(), "ron's third passphrase")),
        ErrorKind::RevisionRefused(Mismatch::VaultChanged)
    );
    assert_eq!(anna.verify().unwrap().records, 2, "no person lost access");
}

/// Every slot that the vault ever contained, once.
fn old_slots(files: &[Vec<u8>], passphrases: &[&str]) -> Vec<OldSlot> {
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for (at, file) in files.iter().enumerate() {
        let key = keys_of(file, "bob's passphrase").unwrap().vault_key;
        let parts = Parts::take_apart(file, &key);
        for slot in parts.slots.iter().filter(|slot| seen.insert(slot.to_vec())) {
            let opened = |passphrase: &&&str| {
                let kek = tools::kek(&canonical(passphrase), &id_of(slot));
                tools::unwrap(slot, &parts.vault_id, &kek).is_some()
            };
            let passphrase = passphrases.iter().find(opened).unwrap().to_string();
            found.push(OldSlot { slot: *slot, file: at, key, passphrase });
        }
    }
    found
}

/// The bytes that Argon2id is given for a recovery code.
fn canonical(passphrase: &str) -> String {
    let bare: String = passphrase.chars().filter(|c| !" -".contains(*c)).collect::<String>().to_lowercase();
    if bare.starts_with("aumbry1") { bare } else { passphrase.to_owned() }
}

/// The old slot and that of the administrator who left, as the newest generation of all.
fn alone(old: &OldSlot, files: &[Vec<u8>], seed: &Key) -> Vec<u8> {
    let mut parts = Parts::take_apart(&files[old.file], &old.key);
    for position in (0..parts.slots.len()).rev() {
        if position != 1 && parts.slots[position] != old.slot {
            parts.remove_slot(position);
        }
    }
    signed(parts, seed)
}

/// The old slot among the current ones, its payload under the old vault key.
fn among_the_new(old: &OldSlot, files: &[Vec<u8>], newest: &[u8], seed: &Key) -> Vec<u8> {
    let mut parts = Parts::take_apart(&files[old.file], &old.key);
    (parts.slots, parts.body.people) = (Vec::new(), Vec::new());
    let slots = newest[56..56 + 3 * 176].chunks(176).chain([old.slot.as_slice()]);
    for (n, slot) in slots.enumerate() {
        parts.add_slot(slot.try_into().unwrap(), &format!("person {n}"));
    }
    signed(parts, seed)
}

fn signed(parts: Parts, seed: &Key) -> Vec<u8> {
    let mut file = Parts { generation: 1000, ..parts }.put_together();
    tools::sign(seed, &mut file);
    file
}

#[test]
fn a_thief_of_an_administrator_s_passphrase_reads_and_writes_until_a_rekey() {
    let desk = Desk::new();
    let anna = vault(&desk);
    let leaked = read(&desk);
    let thief = keys_of(&leaked, "bob's passphrase").unwrap();
    let (seed, old) = (thief.x, Parts::take_apart(&leaked, &thief.vault_key));

    anna.set_passphrase("bob", "bob's second passphrase").unwrap();
    add(&anna, "since");
    let changed = read(&desk);
    assert_eq!(kind(open(&changed, "bob's passphrase")), ErrorKind::WrongPassphrase);
    // The seed opens the escrow of anna in the old file, and her key, which has not changed, the current slot.
    let kek_of = |person: usize| {
        let meta = &old.body.people[person];
        tools::open_escrow(&seed, &old.vault_id, &meta.id, &meta.escrow).unwrap()
    };
    let slot_of =
        |file: &[u8], person: usize| -> Slot { file[56 + 176 * person..][..176].try_into().unwrap() };
    let (key, same_seed) = tools::unwrap(&slot_of(&changed, 0), &old.vault_id, &kek_of(0)).unwrap();
    assert_eq!(same_seed, seed, "a changed passphrase keeps the seed");
    let mut parts = Parts::take_apart(&changed, &key);
    assert_eq!(secrets_under(&key, &parts), 3, "what came since is read");
    parts.reseal("since", |record| record.access_key_id = "AKIATHIEF".into());
    parts.generation += 1;
    let mut forged = parts.put_together();
    tools::sign(&seed, &mut forged);
    std::fs::write(desk.path(), &forged).unwrap();
    assert!(anna.refresh().unwrap(), "and what is written is believed, pin or not");
    assert_eq!(anna.find("since").unwrap().unwrap().access_key_id(), "AKIATHIEF");

    anna.rekey("anna's second passphrase").unwrap();
    anna.add_person("ron", Role::Reader, "ron's second passphrase").unwrap();
    let rekeyed = read(&desk);
    let count = usize::from(u16::from_le_bytes(rekeyed[48..50].try_into().unwrap()));
    for (slot, person) in (0..count).flat_map(|slot| (0..old.slots.len()).map(move |person| (slot, person))) {
        let opened = tools::unwrap(&slot_of(&rekeyed, slot), &old.vault_id, &kek_of(person));
        assert!(opened.is_none(), "no key that the seed ever opened opens slot {slot}");
    }
    assert!(Parts::open(&rekeyed, &key).is_none() && Parts::open(&rekeyed, &thief.vault_key).is_none());
    let mut forged = rekeyed.clone();
    tools::sign(&seed, &mut forged);
    for passphrase in ["anna's second passphrase", "ron's second passphrase"] {
        assert_eq!(
            kind(open(&forged, passphrase)),
            ErrorKind::Damaged,
            "and what the old seed signs is refused"
        );
    }
}
