//! A reader of the vault as its adversary. She holds what a session of hers holds: K, the verification key, her own
//! slot and its key, this version of the file and older ones; and a program of her own that does what the format lets
//! her do. She has neither the seed nor anybody else's key.
//!
//! Every field of the format is altered in every way she has to get past the signature. The control does the same with
//! the seed in hand, and succeeds.

mod doors;
mod fields;
mod left;
mod methods;
pub(crate) mod parts;
mod scene;
pub(crate) mod tools;

use std::collections::{BTreeMap, HashSet};

use crate::common::{Desk, add, full};
use aumbry::storage::{InMemory, Revision, Storage};
use aumbry::testing::keys_of;
use aumbry::{ErrorKind, ExposeSecret, Mismatch, OpenOptions, Role, Vault};
use fields::{Field, HER_SECRET, ShutOut, Then};
use methods::Method;
use parts::Parts;
use scene::Person::{self, Anna, Rea, Ron};
use scene::{Adversary, OTHERS, SPARE};

struct Forgery<'a> {
    field: &'a Field<'a>,
    method: Method,
    file: Vec<u8>,
    turn: usize,
}

/// Every field in every way, each file once.
fn forgeries<'a>(adversary: &Adversary, fields: &'a [Field<'a>]) -> Vec<Forgery<'a>> {
    let mut seen = HashSet::from([adversary.file.clone()]);
    let mut made = Vec::new();
    for (f, field) in fields.iter().enumerate() {
        for (m, method) in Method::ALL.into_iter().enumerate() {
            if let Some(file) = method.forge(field, adversary).filter(|file| seen.insert(file.clone())) {
                made.push(Forgery { field, method, file, turn: f + m });
            }
        }
    }
    made
}

impl Forgery<'_> {
    /// How it must be refused, by `docs/format.md`, section 5.
    fn expected(&self, person: Person) -> ShutOut {
        let everywhere = |kind| ShutOut { passphrase: kind, handle: kind };
        let shut_out = self.field.shuts_out_person(person);
        match (self.field.before_keys, self.method) {
            (Some(kind), _) => everywhere(kind),
            // Its length is none that a vault can have.
            (None, Method::CutOff) => everywhere(ErrorKind::Damaged),
            (None, Method::OwnKeyInRonsSlot) if person == Ron => match shut_out {
                // A handle looks for the vault it holds before it looks for its slot.
                Some(how @ ShutOut { handle: ErrorKind::RevisionRefused(Mismatch::VaultChanged), .. }) => {
                    ShutOut { passphrase: ErrorKind::WrongPassphrase, ..how }
                }
                _ => ShutOut { passphrase: ErrorKind::WrongPassphrase, handle: ErrorKind::Reopen },
            },
            // Where the slot opens, the signature does not hold.
            _ => shut_out.unwrap_or(everywhere(ErrorKind::Damaged)),
        }
    }

    fn name(&self, person: Person) -> String {
        format!("{}, {:?}, as read by {person:?}", self.field.name, self.method)
    }

    /// Whether a storage says that this is the version the others hold.
    fn passes_for(&self, held: &[u8]) -> bool {
        self.file.last_chunk::<64>() == held.last_chunk()
    }
}

/// One person's machine: a handle that is open, and the memory of the true version.
struct Machine {
    person: Person,
    vault: Vault,
    options: OpenOptions,
}

impl Machine {
    fn new(desk: &Desk, person: Person) -> Self {
        let options = OpenOptions::new().state_folder(desk.folder.path().join(format!("{person:?}")));
        let vault = options.clone().open(desk.path(), person.passphrase()).unwrap();
        Self { person, vault, options }
    }
}

#[test]
fn no_person_accepts_what_a_reader_forges() {
    let adversary = Adversary::new();
    let fields = fields::all(&adversary);
    let forgeries = forgeries(&adversary, &fields);
    let desk = Desk::new();
    std::fs::write(desk.path(), &adversary.file).unwrap();
    let machines = OTHERS.map(|person| Machine::new(&desk, person));

    let kind_of = |result: aumbry::Result<()>| result.map_err(|error| error.kind());
    let mut classes = BTreeMap::new();
    for forgery in &forgeries {
        // One in five meets each field, each method and each person; the fields that nothing else changes all count.
        if !full() && forgery.turn % 5 != 0 && forgery.method != Method::Kept {
            continue;
        }
        std::fs::write(desk.path(), &forgery.file).unwrap();
        for (at, Machine { person, vault, options }) in machines.iter().enumerate() {
            let (ShutOut { passphrase, handle }, name) = (forgery.expected(*person), forgery.name(*person));
            // A key derivation is slow, and handles have done theirs. With passphrases people take turns, so that each
            // field meets everybody's, and each method everybody's with a pin and without. Whom a field shuts out
            // whatever the method has one turn more.
            let turn = forgery.turn % 8;
            if turn == at
                || (forgery.method == Method::Kept && forgery.field.shuts_out_person(*person).is_some())
            {
                *classes.entry(format!("{passphrase:?}")).or_insert(0) += 1;
                assert_eq!(kind_of(person.open(&forgery.file).map(drop)), Err(passphrase), "{name}");
            }
            if turn == at + 4 {
                *classes.entry(format!("{passphrase:?}")).or_insert(0) += 1;
                let opened = options.clone().open(desk.path(), person.passphrase());
                assert_eq!(kind_of(opened.map(drop)), Err(passphrase), "{name}, with a pin");
            }
            if forgery.passes_for(&adversary.file) {
                assert!(!vault.refresh().unwrap(), "{name}: as if nothing had changed");
                assert_eq!(kind_of(vault.verify().map(drop)), Err(handle), "{name}, read by a handle");
                continue;
            }
            assert_eq!(kind_of(vault.refresh().map(drop)), Err(handle), "{name}, read by a handle");
            let edited = vault.edit(|_| -> aumbry::Result<()> { panic!("an edit began on a forgery") });
            let expected = if person.is_administrator() { handle } else { ErrorKind::NotAdministrator };
            assert_eq!(kind_of(edited), Err(expected), "{name}, edited by a handle");
        }
        assert_eq!(
            std::fs::read(desk.path()).unwrap(),
            forgery.file,
            "{} was written over",
            forgery.field.name
        );
    }
    crate::common::tell(&format!(
        "forgeries: {} refused, 0 accepted; passphrases were told {classes:?}",
        forgeries.len()
    ));
    assert!(forgeries.len() >= 1500, "the matrix is not whole: {}", forgeries.len());

    // No person lost access.
    std::fs::write(desk.path(), &adversary.file).unwrap();
    for Machine { person, vault, options } in machines {
        assert!(!vault.refresh().unwrap());
        assert_eq!(vault.verify().unwrap().records, 4);
        assert_eq!(options.open(desk.path(), person.passphrase()).unwrap().generation().unwrap(), 7);
    }
}

#[test]
fn with_the_seed_the_same_forgeries_are_accepted() {
    let adversary = Adversary::new();
    let seed = keys_of(&adversary.file, Anna.passphrase()).unwrap().x;
    let fields = fields::all(&adversary);
    let (mut by_all, mut by_some, mut by_none) = (0, 0, 0);
    for field in fields.iter().step_by(if full() { 1 } else { 3 }) {
        let file = Method::Seed(seed).forge(field, &adversary).unwrap();
        let mut accepted = 0;
        for person in OTHERS {
            let opened = person.open(&file);
            let name = format!("{}, as read by {person:?}", field.name);
            let refused = field.before_keys.or(field.shuts_out_person(person).map(|how| how.passphrase));
            match (refused, field.then, &opened) {
                (Some(kind), _, Err(error)) => assert_eq!(error.kind(), kind, "{name}"),
                (None, Then::Refused(kind), Err(error)) => assert_eq!(error.kind(), kind, "{name}"),
                (None, Then::Opens, Ok(vault)) => assert!(vault.verify().is_ok(), "{name}"),
                (None, Then::OpensButOneSecret, Ok(vault)) => {
                    assert_eq!(vault.verify().unwrap_err().kind(), ErrorKind::Damaged, "{name}");
                }
                (_, _, result) => panic!("{name}: {:?}", result.as_ref().map_err(aumbry::Error::kind)),
            }
            accepted += usize::from(opened.is_ok());
        }
        match accepted {
            0 => by_none += 1,
            4 => by_all += 1,
            _ => by_some += 1,
        }
    }
    crate::common::tell(&format!(
        "with the seed: {by_all} accepted by all, {by_some} by those not shut out, {by_none} break a rule"
    ));
    if full() {
        assert_eq!((by_all, by_some, by_none), (99, 29, 52));
    }
    assert!(by_all >= 20 && by_some >= 5 && by_none >= 10, "too little was tried");

    let backup = fields.iter().find(|field| field.name == "backup: secret").unwrap();
    let vault = Ron.open(&Method::Seed(seed).forge(backup, &adversary).unwrap()).unwrap();
    let secret = vault.get_credentials("backup").unwrap().unwrap();
    assert_eq!(secret.secret_access_key().expose_secret(), HER_SECRET, "what is accepted is what she made");
}

#[test]
fn a_reader_fools_only_people_who_share_her_passphrase_and_have_no_pin() {
    let adversary = Adversary::new();
    let fields = fields::all(&adversary);
    let desk = Desk::new();
    std::fs::write(desk.path(), &adversary.file).unwrap();
    let machine = Machine::new(&desk, Rea);
    let mut accepted = 0;
    let fields_that_let_her_in = fields.iter().filter(|field| field.shuts_out_person(Rea).is_none());
    for field in fields_that_let_her_in.step_by(if full() { 1 } else { 3 }) {
        for method in [Method::OwnKeyInOwnSlot, Method::OwnSeedInOwnSlot] {
            let Some(file) = method.forge(field, &adversary) else { continue };
            let name = format!("{}, {method:?}", field.name);
            std::fs::write(desk.path(), &file).unwrap();
            let opened = Rea.open(&file);
            let with_pin = machine.options.clone().open(desk.path(), Rea.passphrase()).unwrap_err().kind();
            match opened {
                Ok(vault) => {
                    let role = vault.role().unwrap();
                    assert!(role == Role::Administrator || method == Method::OwnKeyInOwnSlot, "{name}");
                    assert_eq!(with_pin, ErrorKind::RevisionRefused(Mismatch::VaultChanged), "{name}");
                    accepted += 1;
                }
                Err(error) => {
                    let breaks_a_rule = field.before_keys.is_some() || matches!(field.then, Then::Refused(_));
                    // In the true file her own slot names the true key.
                    assert!(breaks_a_rule || field.name == "nothing but the signature", "{name}: {error}");
                    assert_eq!(with_pin, error.kind(), "{name}");
                }
            }
        }
    }
    crate::common::tell(&format!("forgeries that open with the adversary's own passphrase: {accepted}"));
    assert!(accepted >= if full() { 100 } else { 30 });

    // The slot that she makes for ron is a sound one: it is his passphrase that does not open it.
    let higher = fields.iter().find(|field| field.name == "generation higher").unwrap();
    let file = Method::OwnKeyInRonsSlot.forge(higher, &adversary).unwrap();
    let vault = scene::open(&file, SPARE).unwrap();
    let me = vault.people().unwrap().into_iter().find(|person| person.is_self).unwrap();
    assert_eq!(me.label, "ron");
}

/// The last 64 bytes say which version a file is, so a handle that holds the version does not read it again. It
/// answers from what it holds, and so does its next edit.
#[test]
fn an_edit_over_a_forgery_with_the_old_signature_takes_nothing_of_it() {
    let adversary = Adversary::new();
    let seed = keys_of(&adversary.file, Anna.passphrase()).unwrap().x;
    let truth = Parts::take_apart(&adversary.file, &adversary.key);
    let mut edits = 0;
    for field in fields::all(&adversary) {
        let forged = Method::Kept.forge(&field, &adversary).unwrap();
        let storage = InMemory::from_bytes(adversary.file.clone());
        let vault = OpenOptions::new().open_in(storage.clone(), Anna.passphrase()).unwrap();
        storage.replace(Some(&Revision::of(&adversary.file)), &forged).unwrap();
        add(&vault, "zz");

        let mut saved = storage.to_bytes().unwrap();
        let parts = Parts::take_apart(&saved, &adversary.key);
        assert_eq!((parts.vault_id, parts.generation), (truth.vault_id, 8), "{}", field.name);
        assert_eq!((parts.slots, parts.body.people), (truth.slots.clone(), truth.body.people.clone()));
        let (last, records) = parts.body.records.split_last().unwrap();
        assert_eq!((last.name.as_str(), records), ("zz", truth.body.records.as_slice()), "{}", field.name);
        let signature: [u8; 64] = *saved.last_chunk().unwrap();
        tools::sign(&seed, &mut saved);
        assert_eq!(*saved.last_chunk().unwrap(), signature, "the true seed signed it");
        edits += 1;
    }
    crate::common::tell(&format!("edits over a forgery: {edits}"));
    assert!(edits >= 100);
}
