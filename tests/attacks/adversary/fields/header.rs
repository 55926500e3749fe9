//! Header and slots.

use aumbry::ErrorKind::{Damaged, InvalidFile, Reopen, RevisionRefused, Unsupported, WrongPassphrase};
use aumbry::Mismatch;

use super::{Field, Then};
use crate::adversary::parts::Parts;
use crate::adversary::scene::Person::{self, Anna, Code, Rea, Ron};
use crate::adversary::scene::{Adversary, OTHERS};
use crate::adversary::tools;

/// Before the slots. Where the checksum or a limit is in the way, no key is tried.
pub(super) fn fields() -> Vec<Field<'static>> {
    let patched = |name, at: usize, bytes: &'static [u8]| {
        Field::new(name, move |parts: &mut Parts| {
            parts.header = Some(Box::new(move |header| {
                header.splice(at..at + bytes.len(), bytes.iter().copied());
            }));
        })
    };
    let generation = |name, generation: fn(u64) -> u64| {
        Field::new(name, move |parts: &mut Parts| parts.generation = generation(parts.generation - 1))
    };
    vec![
        patched("magic", 6, b"\r\n").before_keys(InvalidFile),
        patched("version", 8, &[2]).before_keys(Unsupported),
        patched("suite", 10, &[2]).before_keys(Unsupported),
        patched("first zero field", 12, &[1]).before_keys(Damaged),
        patched("file length", 17, &[0xff]).before_keys(Damaged),
        patched("number of slots", 48, &[6]).before_keys(Damaged),
        patched("second zero field", 55, &[1]).before_keys(Damaged),
        Field::new("header's checksum", |parts| {
            parts.file = Some(Box::new(|file| file[56 + 5 * 176] ^= 1));
        })
        .before_keys(Damaged),
        // Each slot is sealed to the vault's id.
        Field::new("vault id", |parts| parts.move_to(parts.key, [9; 16])).shuts_out(
            &OTHERS,
            Damaged,
            RevisionRefused(Mismatch::VaultChanged),
        ),
        generation("generation zero", |_| 0).before_keys(Damaged),
        generation("generation lower", |now| now - 1),
        Field::new("generation equal, a record removed", |parts| {
            parts.generation -= 1;
            parts.body.records.pop();
        }),
        generation("generation higher", |now| now + 1),
        generation("generation greatest", |_| u64::MAX),
    ]
}

/// The fields of one slot. The signature covers it for everybody else.
pub(super) fn slot<'a>(adversary: &'a Adversary, person: Person, whose: &str) -> Vec<Field<'a>> {
    let id = *adversary.id(person);
    let flipped = |what: &str, at: usize, bits: u8, passphrase, handle| {
        let alter = move |parts: &mut Parts| {
            let position = parts.position(&id).unwrap();
            parts.slots[position][at] ^= bits;
        };
        Field::new(format!("{whose} slot: {what}"), alter).shuts_out(&[person], passphrase, handle)
    };
    let named = |what: &str, alter: Box<dyn Fn(&mut Parts) + 'a>| {
        let field = Field::new(format!("{whose} slot: {what}"), alter);
        field.shuts_out(&[person], WrongPassphrase, Reopen)
    };
    vec![
        flipped("role", 0, 3, Damaged, Damaged),
        flipped("hint", 1, 1, Damaged, Damaged),
        flipped("zero field", 2, 1, Damaged, Damaged).before_keys(Damaged),
        // Another key comes of the passphrase; a handle that is open needs none, and sees what the slot is sealed to.
        flipped("KDF memory", 4, 4, WrongPassphrase, Damaged),
        flipped("KDF passes", 8, 3, WrongPassphrase, Damaged),
        flipped("KDF lanes", 12, 3, WrongPassphrase, Damaged),
        // In the header alone, so that the body names another slot.
        flipped("salt", 16, 1, WrongPassphrase, Reopen).then(Then::Refused(Damaged)),
        flipped("salt of the seal", 32, 1, WrongPassphrase, Reopen),
        flipped("commitment", 64, 1, WrongPassphrase, Reopen),
        flipped("ciphertext of K", 96, 1, Damaged, Damaged),
        flipped("ciphertext of X", 128, 1, Damaged, Damaged),
        flipped("tag", 175, 1, Damaged, Damaged),
        named(
            "id, in header and body",
            Box::new(move |parts| {
                let position = parts.position(&id).unwrap();
                let mut slot = parts.slots[position];
                slot[16] ^= 1;
                parts.replace_slot(position, slot);
            }),
        ),
        named(
            "all of it",
            Box::new(move |parts| {
                let position = parts.position(&id).unwrap();
                parts.replace_slot(position, adversary.spare_slot(person, parts));
            }),
        ),
        named(
            "what is sealed, under another key",
            Box::new(move |parts| {
                let position = parts.position(&id).unwrap();
                let mut slot = parts.slots[position];
                let x = adversary.own_x(slot[0]);
                tools::wrap(&mut slot, &parts.vault_id, &[3; 32], &parts.key, &x);
                parts.slots[position] = slot;
            }),
        ),
        named(
            "removed",
            Box::new(move |parts| {
                let position = parts.position(&id).unwrap();
                parts.remove_slot(position);
            }),
        ),
        Field::new(format!("{whose} slot: doubled"), move |parts: &mut Parts| {
            let position = parts.position(&id).unwrap();
            parts.add_slot(parts.slots[position], "twin");
        })
        .before_keys(Damaged),
    ]
}

/// The slots as a whole.
pub(super) fn slots(adversary: &Adversary) -> Vec<Field<'_>> {
    let fresh = |role, parts: &Parts| {
        let mut slot = tools::empty_slot(role, 0, [8; 16]);
        tools::wrap(&mut slot, &parts.vault_id, &[3; 32], &parts.key, &adversary.own_x(role));
        slot
    };
    let alone = |parts: &mut Parts| {
        let own = parts.position(adversary.id(Rea)).unwrap();
        (parts.slots, parts.body.people) = (vec![parts.slots[own]], vec![parts.body.people[own].clone()]);
        parts.slots[0][0] = 1;
    };
    let rebuilt = |parts: &mut Parts| {
        for person in [Anna, Person::Bob, Rea, Ron, Code] {
            parts.replace_slot(person as usize, adversary.spare_slot(person, parts));
        }
    };
    vec![
        Field::new("slot of a reader added", move |parts| parts.add_slot(fresh(2, parts), "newcomer")),
        Field::new("slot of an administrator added", move |parts| {
            parts.add_slot(fresh(1, parts), "newcomer");
        }),
        Field::new("slots in another order", |parts| {
            parts.slots.swap(0, 3);
            parts.body.people.swap(0, 3);
        }),
        Field::new("slots in another order than in the body", |parts| parts.slots.swap(0, 3))
            .then(Then::Refused(Damaged)),
        Field::new("slots exchanged with the other's salt", |parts| {
            let (anna, ron) = (parts.slots[0], parts.slots[3]);
            parts.slots[0][32..].copy_from_slice(&ron[32..]);
            parts.slots[3][32..].copy_from_slice(&anna[32..]);
        })
        .shuts_out(&[Anna, Ron], WrongPassphrase, Reopen),
        Field::new("every role a reader's", |parts| {
            parts.header = Some(Box::new(|header| (0..5).for_each(|n| header[56 + 176 * n] = 2)));
        })
        .before_keys(Damaged),
        Field::new("all slots but her own, which is an administrator's, removed", alone).shuts_out(
            &OTHERS,
            WrongPassphrase,
            Reopen,
        ),
        Field::new("every slot", rebuilt).shuts_out(&OTHERS, WrongPassphrase, Reopen),
        Field::new("whole file, under another K", move |parts| {
            parts.move_to([4; 32], parts.vault_id);
            rebuilt(parts);
        })
        .shuts_out(&OTHERS, WrongPassphrase, Reopen),
        Field::new("whole file, under another K and vault id", move |parts| {
            parts.move_to([4; 32], [9; 16]);
            rebuilt(parts);
        })
        .shuts_out(&OTHERS, WrongPassphrase, RevisionRefused(Mismatch::VaultChanged)),
    ]
}
