//! Vaults whose random generator has died: every byte it gives is the same, in every program that writes to them. What
//! was sealed is then no longer beyond guessing, but no key and nonce is ever used for two messages.
#![allow(dead_code, reason = "the adversary's tools are used in part")]

use std::collections::{HashMap, HashSet};

use crate::adversary::parts::{Parts, id_of};
use crate::adversary::tools::{self, Key};
use crate::common::{KEY_ID, cheap, draft, tell};
use aumbry::storage::InMemory;
use aumbry::testing::with_dead_generator;
use aumbry::{CreateOptions, NewRecord, OpenOptions, Role, Vault};

const ANNA: &str = "anna's passphrase";
const PASSPHRASES: [&str; 4] = [ANNA, "ron's passphrase", "rea's passphrase", "anna's next passphrase"];

/// One use of AES-GCM: what its key was derived from, the nonce, and what was sealed to what.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Use {
    key: Vec<u8>,
    nonce: Vec<u8>,
    message: Vec<u8>,
}

/// Every use in a file.
struct Uses {
    /// Slot keys by passphrase and salt, because they are slow to derive.
    keks: HashMap<(&'static str, [u8; 16]), Key>,
    found: HashSet<Use>,
    sealed: usize,
    files: HashSet<Vec<u8>>,
}

impl Uses {
    fn new() -> Self {
        Self { keks: HashMap::new(), found: HashSet::new(), sealed: 0, files: HashSet::new() }
    }

    /// What SEAL made: the key of the message follows from `key`, label and salt; the nonce is zero.
    fn add_seal(&mut self, key: &Key, label: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let plain = tools::open(key, label, aad, sealed)?;
        let key = [key, label, &sealed[..32]].concat();
        self.add(Use { key, nonce: vec![0; 12], message: message(aad, &plain) });
        Some(plain)
    }

    fn add(&mut self, found: Use) {
        self.sealed += 1;
        self.found.insert(found);
    }

    /// Takes a file apart, by the format and without the library.
    fn add_file(&mut self, file: &[u8]) {
        if !self.files.insert(file.to_vec()) {
            return;
        }
        let n = usize::from(u16::from_le_bytes(file[48..50].try_into().unwrap()));
        let vault_id: [u8; 16] = file[24..40].try_into().unwrap();
        let (mut vault_key, mut seed) = (None, None);
        for slot in file[56..56 + 176 * n].chunks(176) {
            let salt: [u8; 16] = slot[16..32].try_into().unwrap();
            let aad = [b"AUMBRY\x1a\n\x01\0\x01\0", vault_id.as_slice(), &slot[..32]].concat();
            let plain = PASSPHRASES.iter().find_map(|passphrase| {
                let kek =
                    *self.keks.entry((passphrase, salt)).or_insert_with(|| tools::kek(passphrase, &salt));
                self.add_seal(&kek, b"aumbry1 slot", &aad, &slot[32..])
            });
            let plain = plain.expect("somebody's passphrase opens each slot");
            vault_key = Some(Key::try_from(&plain[..32]).unwrap());
            if slot[0] == 1 {
                seed = Some(Key::try_from(&plain[32..]).unwrap());
            }
        }
        let (vault_key, seed) = (vault_key.unwrap(), seed.unwrap());
        let (header, rest) = file.split_at(88 + 176 * n);
        self.add_seal(&vault_key, tools::PAYLOAD, header, &rest[..rest.len() - 64]).unwrap();
        let parts = Parts::take_apart(file, &vault_key);
        for (slot, meta) in parts.slots.iter().zip(&parts.body.people) {
            let kek = tools::open_escrow(&seed, &vault_id, &id_of(slot), &meta.escrow).unwrap();
            // AK follows from the seed and the vault's id.
            let key = [seed.as_slice(), &vault_id, b"aumbry1 escrow", &meta.escrow[..32]].concat();
            let message = message(&[vault_id, id_of(slot)].concat(), &kek);
            self.add(Use { key, nonce: vec![0; 12], message });
        }
        for record in &parts.body.records {
            let (secret, token) = record.open(&vault_key, &vault_id).unwrap();
            let about = format!("{}\0{}\0{}", record.name, record.provider, record.access_key_id);
            let plain = format!("{secret}\0{token:?}");
            let key = [vault_key.as_slice(), &vault_id, b"records"].concat();
            let message = message(about.as_bytes(), plain.as_bytes());
            self.add(Use { key, nonce: record.secret[..12].to_vec(), message });
        }
    }

    /// How many messages there are, and how many different keys and nonces for them.
    fn counts(&self) -> (usize, usize) {
        let pairs: HashSet<_> = self.found.iter().map(|used| (&used.key, &used.nonce)).collect();
        (self.found.len(), pairs.len())
    }
}

fn message(aad: &[u8], plain: &[u8]) -> Vec<u8> {
    [&(aad.len() as u64).to_le_bytes(), aad, plain].concat()
}

fn options() -> OpenOptions {
    OpenOptions::new().kdf(cheap()).allow_kdf_below_floor()
}

fn create() -> Vec<u8> {
    let storage = InMemory::new();
    let options = CreateOptions::new().kdf(cheap()).allow_kdf_below_floor().open_options(options());
    drop(options.create_in(storage.clone(), ANNA).unwrap());
    storage.to_bytes().unwrap()
}

/// Another program that holds this very file, and what is in its place after it did something.
fn fork(file: &[u8], act: impl FnOnce(&Vault)) -> Vec<u8> {
    let storage = InMemory::from_bytes(file.to_vec());
    let vault = options().role(Role::Administrator).open_in(storage.clone(), ANNA).unwrap();
    act(&vault);
    storage.to_bytes().unwrap()
}

fn put(vault: &Vault, name: &str, secret: &str) {
    vault.edit(|edit| edit.put(&NewRecord::new_static(name, KEY_ID, secret)?)).unwrap();
}

/// All that writes, each from the same state.
fn commits(uses: &mut Uses, base: &[u8]) -> Vec<Vec<u8>> {
    let mut made = Vec::new();
    let mut keep = |file: Vec<u8>| {
        assert_ne!(file, base, "it was a commit");
        uses.add_file(&file);
        made.push(file);
    };
    for n in 0..12 {
        keep(fork(base, |vault| put(vault, &format!("record {n}"), "a secret")));
        keep(fork(base, |vault| put(vault, "one name", &format!("secret {n}"))));
        // The same lengths everywhere: nothing but content tells the messages apart.
        keep(fork(base, |vault| {
            vault
                .edit(|edit| {
                    let draft = NewRecord::new_session(
                        "session",
                        KEY_ID,
                        "a secret",
                        format!("token {n:02}").as_str(),
                    )?;
                    edit.put(&draft.attribute("n", &format!("{n:02}"))?)
                })
                .unwrap();
        }));
    }
    for (label, role) in [("ron", Role::Reader), ("ron", Role::Administrator), ("rea", Role::Reader)] {
        for passphrase in &PASSPHRASES[1..3] {
            keep(fork(base, |vault| vault.add_person(label, role, *passphrase).unwrap()));
        }
    }
    // A new K, twice from the same state and the same random bytes.
    for next in [ANNA, PASSPHRASES[3]] {
        keep(fork(base, |vault| vault.change_passphrase(next).unwrap()));
        keep(fork(base, |vault| {
            put(vault, "record", "a secret");
            vault.change_passphrase(next).unwrap();
        }));
    }
    keep(fork(base, |vault| {
        vault.add_person("ron", Role::Reader, PASSPHRASES[1]).unwrap();
        vault.remove_person("ron").unwrap();
    }));
    keep(fork(base, |vault| {
        vault.add_person("rea", Role::Reader, PASSPHRASES[1]).unwrap();
        put(vault, "record", "a secret");
        vault.remove_person("rea").unwrap();
    }));
    made
}

#[test]
fn no_commits_of_a_dead_generator_share_a_key_and_nonce() {
    let mut uses = Uses::new();
    // The generator gives one byte on the day the vault is made, another later: two slots of one salt would be refused.
    for [first, second, third] in [[0, 1, 2], [0xff, 0, 0x80]] {
        let base = with_dead_generator(first, create);
        uses.add_file(&base);
        let made = with_dead_generator(second, || commits(&mut uses, &base));
        // And from some of what came of it, all of it again.
        for base in [&made[0], &made[2]] {
            with_dead_generator(third, || commits(&mut uses, base));
        }
    }
    let (messages, pairs) = uses.counts();
    tell(&format!(
        "dead generator, whole vaults: {} files, {} seals of {messages} messages, {pairs} distinct (key, nonce)",
        uses.files.len(),
        uses.sealed
    ));
    assert_eq!(messages, pairs, "a key and nonce was used for two messages");
    assert!(uses.files.len() > 200 && messages > 400, "{messages}");

    // The control: had the salts been the random bytes, as they are in other formats, the keys would be few.
    let unsalted =
        |used: &Use| Use { key: used.key[..32].to_vec(), nonce: vec![0; 12], message: used.message.clone() };
    uses.found = uses.found.iter().map(unsalted).collect();
    let (messages, pairs) = uses.counts();
    tell(&format!(
        "    control, salts and nonces of the generator alone: {messages} messages, {pairs} distinct"
    ));
    assert!(pairs * 10 < messages);
}

#[test]
fn a_dead_generator_makes_the_same_file_of_the_same_commit() {
    let base = with_dead_generator(0, create);
    let edit = || fork(&base, |vault| vault.edit(|edit| edit.add(&draft("s3-uploads"))).unwrap());
    // A record says in which second it was made.
    let same = (0..20).any(|_| with_dead_generator(0, edit) == with_dead_generator(0, edit));
    assert!(same, "one state, one edit, one second: one ciphertext");
    assert!((0..20).all(|_| edit() != edit()), "the control: a generator that lives makes others");
}

#[test]
fn two_people_of_one_salt_are_refused() {
    let base = with_dead_generator(0, create);
    let after = fork(&base, |vault| {
        let added = with_dead_generator(0, || vault.add_person("ron", Role::Reader, PASSPHRASES[1]));
        assert_eq!(added.unwrap_err().kind(), aumbry::ErrorKind::Refused);
    });
    assert!(after == base, "nothing was written");
}
