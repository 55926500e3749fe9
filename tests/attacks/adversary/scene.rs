//! The people, and what a reader's program has in memory.

use std::time::{Duration, UNIX_EPOCH};

use aumbry::storage::InMemory;
use aumbry::testing::{Forge, keys_of};
use aumbry::{ErrorKind, NewRecord, OpenOptions, Result, Role, Vault};

use crate::adversary::parts::{Parts, id_of};
use crate::adversary::tools::{self, Key, Slot};
use crate::common::{KEY_ID, SECRET, cheap};

/// The people of the vault, in the order of their slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Person {
    Anna,
    Bob,
    /// The adversary, a reader.
    Rea,
    Ron,
    /// The person with the recovery code.
    Code,
}

use Person::{Anna, Bob, Code, Rea, Ron};

pub(crate) const OTHERS: [Person; 4] = [Anna, Bob, Ron, Code];

impl Person {
    pub(crate) fn passphrase(self) -> &'static str {
        match self {
            Anna => "anna's passphrase",
            Bob => "bob's passphrase",
            Rea => "rea's passphrase",
            Ron => "ron's passphrase",
            Code => "AUMBRY1QQQSYQCYQ5RQWZQFPG9SCRGWPUEEFNY4",
        }
    }

    pub(crate) fn is_administrator(self) -> bool {
        matches!(self, Anna | Bob | Code)
    }

    /// On a machine that never saw the vault.
    pub(crate) fn open(self, file: &[u8]) -> Result<Vault> {
        open(file, self.passphrase())
    }
}

/// On a machine that never saw the vault.
pub(crate) fn open(file: &[u8], passphrase: &str) -> Result<Vault> {
    OpenOptions::new().open_in(InMemory::from_bytes(file.to_vec()), passphrase)
}

/// What was refused, and how.
#[track_caller]
pub(crate) fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error.kind(),
    }
}

pub(crate) const PENDING: &str = "aumbry:pending:9f86d081884c7d65";
/// With a passphrase of her own choice the adversary makes slots that look like other people's.
pub(crate) const SPARE: &str = "another passphrase of rea's";

fn forge(generation: u64) -> Result<Forge> {
    Forge::new(40)
        .generation(generation)
        .person("anna", Role::Administrator, Anna.passphrase(), cheap())?
        .person("bob", Role::Administrator, Bob.passphrase(), cheap())?
        .person("rea", Role::Reader, Rea.passphrase(), cheap())?
        .person("ron", Role::Reader, Ron.passphrase(), cheap())?
        .recovery_code("recovery code", std::array::from_fn(|n| u8::try_from(n).unwrap()), cheap())
}

/// The vault as it was two commits ago, under the same keys.
fn older_vault() -> Result<Vec<u8>> {
    let backup = NewRecord::new_static("backup", KEY_ID, "the old secret")?;
    forge(5)?.record(&backup, 1_700_000_000, 1_700_000_000)?.build()
}

fn vault() -> Result<Vec<u8>> {
    let uploads = NewRecord::new_static("s3-uploads", "AKIAUPLOADS", SECRET)?
        .attribute("endpoint_url", "https://s3.example.com")?
        .attribute("region", "eu-central-1")?;
    let session = NewRecord::new_session("session", "ASIASESSION", SECRET, "the session's token")?
        .attribute("description", "temporary")?
        .expires(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let pending = NewRecord::new_static("pending", "AKIAPENDING", "the secret to come")?;
    let (created, updated) = (1_700_000_000, 1_750_000_000);
    let file = forge(7)?
        .record_named(PENDING, &pending, created, updated)?
        .record(&NewRecord::new_static("backup", KEY_ID, SECRET)?, created, updated)?
        .record(&uploads, created, updated)?
        .record(&session, created, updated)?
        .build()?;
    // A draft takes no reserved attributes.
    let keys = keys_of(&file, Anna.passphrase())?;
    let mut parts = Parts::take_apart(&file, &keys.vault_key);
    let of = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    parts.record(PENDING).attributes = vec![of("aumbry.of", "backup"), of("aumbry.stage", "created")];
    let mut file = parts.put_together();
    tools::sign(&keys.x, &mut file);
    Ok(file)
}

/// What a reader's open session holds, and what she makes of it. The seed is not in it.
pub(crate) struct Adversary {
    /// The newest version.
    pub(crate) file: Vec<u8>,
    pub(crate) older: Vec<u8>,
    /// K.
    pub(crate) key: Key,
    pub(crate) kek: Key,
    /// Her own Ed25519 seed, which she made herself.
    pub(crate) own_seed: Key,
    /// Salts of slots of her own making, one in place of each person's, with the keys of [`SPARE`] for them.
    spares: Vec<([u8; 16], Key)>,
    ids: Vec<[u8; 16]>,
}

impl Adversary {
    pub(crate) fn new() -> Self {
        let (file, older) = (vault().unwrap(), older_vault().unwrap());
        let keys = keys_of(&file, Rea.passphrase()).unwrap();
        let own_seed = tools::sha256(b"a seed that rea made");
        let spare = |n| {
            let salt = [n; 16];
            (salt, tools::kek(SPARE, &salt))
        };
        let ids = Parts::take_apart(&file, &keys.vault_key).slots.iter().map(id_of).collect();
        let spares = (1..=5).map(spare).collect();
        Self { file, older, key: keys.vault_key, kek: keys.kek, own_seed, spares, ids }
    }

    /// What she begins with: the newest version as its successor, so that neither a pin nor a live handle minds.
    pub(crate) fn parts(&self) -> Parts {
        let parts = Parts::take_apart(&self.file, &self.key);
        Parts { generation: parts.generation + 1, ..parts }
    }

    /// The slot id of a person in the true vault.
    pub(crate) fn id(&self, person: Person) -> &[u8; 16] {
        &self.ids[person as usize]
    }

    /// A slot that her spare passphrase opens, in the place of this person's: it leads to K and to her own key.
    pub(crate) fn spare_slot(&self, person: Person, parts: &Parts) -> Slot {
        let (role, hint) = (if person.is_administrator() { 1 } else { 2 }, u8::from(person == Code));
        let (salt, kek) = &self.spares[person as usize];
        let mut slot = tools::empty_slot(role, hint, *salt);
        tools::wrap(&mut slot, &parts.vault_id, kek, &parts.key, &self.own_x(role));
        slot
    }

    /// The bytes in place of X in a slot that she made.
    pub(crate) fn own_x(&self, role: u8) -> Key {
        if role == 1 { self.own_seed } else { tools::public_key(&self.own_seed) }
    }
}
