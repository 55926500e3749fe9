//! The payload: records, and what is known of people.

use aumbry::ErrorKind::{Damaged, Unsupported};

use super::{Field, HER_SECRET, Then};
use crate::adversary::parts::{Parts, Record};
use crate::adversary::scene::{Adversary, PENDING};

/// One record, its secret sealed again if it is bound to the altered field.
pub(super) fn record(name: &'static str) -> Vec<Field<'static>> {
    let field = |what: &str, alter: fn(&mut Record)| {
        Field::new(format!("{name}: {what}"), move |parts: &mut Parts| alter(parts.record(name)))
    };
    let resealed = |what: &str, alter: fn(&mut Record)| {
        Field::new(format!("{name}: {what}"), move |parts: &mut Parts| parts.reseal(name, alter))
    };
    let of_her_own = |what: &str, alter: fn(&mut Record)| {
        Field::new(format!("{name}: {what}"), move |parts: &mut Parts| {
            let (key, vault_id) = (parts.key, parts.vault_id);
            let record = parts.record(name);
            alter(record);
            let token = (record.provider == 1).then_some("a token of rea's");
            record.seal(&key, &vault_id, HER_SECRET, token);
        })
    };
    vec![
        resealed("name", |record| record.name.push('~')),
        field("name, the secret as it was", |record| record.name.push('~')).then(Then::OpensButOneSecret),
        resealed("access key id", |record| record.access_key_id.push('7')),
        field("access key id, the secret as it was", |record| record.access_key_id.push('7'))
            .then(Then::OpensButOneSecret),
        field("created", |record| record.created -= 86_400),
        field("updated", |record| record.updated += 86_400),
        field("expires", |record| {
            record.expires = if record.expires.is_some() { None } else { Some(1_900_000_000) };
        }),
        of_her_own("secret", |_| ()),
        of_her_own("provider", |record| record.provider = 1 - record.provider),
        field("ciphertext of the secret", |record| record.secret[12] ^= 1).then(Then::OpensButOneSecret),
        field("secret cut off", |record| record.secret.truncate(27)).then(Then::Refused(Damaged)),
        Field::new(format!("{name}: removed"), move |parts| {
            parts.body.records.retain(|record| record.name != name);
        }),
    ]
}

/// Attributes, which nothing but payload and signature protects.
pub(super) fn attributes() -> Vec<Field<'static>> {
    let mut fields = Vec::new();
    for (name, count) in [(PENDING, 2), ("s3-uploads", 2), ("session", 1)] {
        for n in 0..count {
            fields.push(Field::new(format!("{name}: value of attribute {n}"), move |parts| {
                parts.record(name).attributes[n].1.push_str(".rea.example");
            }));
            fields.push(Field::new(format!("{name}: key of attribute {n}"), move |parts| {
                parts.record(name).attributes[n].0.push('~');
            }));
            fields.push(Field::new(format!("{name}: attribute {n} removed"), move |parts| {
                parts.record(name).attributes.remove(n);
            }));
        }
    }
    fields.push(Field::new("backup: attribute added", |parts| {
        let endpoint = ("endpoint_url".to_owned(), "https://rea.example".to_owned());
        parts.record("backup").attributes.push(endpoint);
    }));
    let swapped = |parts: &mut Parts| parts.record("s3-uploads").attributes.swap(0, 1);
    fields.push(Field::new("s3-uploads: attributes in another order", swapped).then(Then::Refused(Damaged)));
    fields
}

/// The records as a whole.
pub(super) fn records() -> Vec<Field<'static>> {
    let added = |parts: &mut Parts, name: &str| {
        let mut record = parts.record("backup").clone();
        record.name = name.to_owned();
        record.seal(&parts.key, &parts.vault_id, HER_SECRET, None);
        parts.body.records.push(record);
        parts.body.records.sort_by(|a, b| a.name.cmp(&b.name));
    };
    vec![
        Field::new("record added", move |parts| added(parts, "new")),
        Field::new("reserved record added", move |parts| added(parts, "aumbry:pending:00")),
        Field::new("record of an impossible name added", move |parts| added(parts, "two\nlines"))
            .then(Then::Refused(Damaged)),
        Field::new("all records removed", |parts| parts.body.records.clear()),
        Field::new("record doubled", |parts| {
            let record = parts.body.records[1].clone();
            parts.body.records.insert(1, record);
        })
        .then(Then::Refused(Damaged)),
        Field::new("records in another order", |parts| parts.body.records.swap(1, 2))
            .then(Then::Refused(Damaged)),
        Field::new("secrets of two records exchanged as they are", |parts| {
            let backup = parts.record("backup").secret.clone();
            parts.record("backup").secret = parts.record("s3-uploads").secret.clone();
            parts.record("s3-uploads").secret = backup;
        })
        .then(Then::OpensButOneSecret),
        Field::new("secrets of two records exchanged and sealed again", |parts| {
            let (key, vault_id) = (parts.key, parts.vault_id);
            let pending = parts.record(PENDING).open(&key, &vault_id).unwrap().0;
            let backup = parts.record("backup").open(&key, &vault_id).unwrap().0;
            parts.record(PENDING).seal(&key, &vault_id, &backup, None);
            parts.record("backup").seal(&key, &vault_id, &pending, None);
        }),
        Field::new("names of two records exchanged, secrets sealed again", |parts| {
            parts.reseal("backup", |record| record.name = "s".into());
            parts.reseal("s3-uploads", |record| record.name = "backup".into());
            parts.reseal("s", |record| record.name = "s3-uploads".into());
            parts.body.records.sort_by(|a, b| a.name.cmp(&b.name));
        }),
    ]
}

/// What the body says of one person.
pub(super) fn person(position: usize, whose: &str) -> Vec<Field<'static>> {
    vec![
        Field::new(format!("{whose} label"), move |parts| parts.body.people[position].label.push('~')),
        Field::new(format!("{whose} label empty"), move |parts| parts.body.people[position].label.clear())
            .then(Then::Refused(Damaged)),
        Field::new(format!("{whose} time of coming"), move |parts| parts.body.people[position].created += 1),
        Field::new(format!("{whose} escrow"), move |parts| parts.body.people[position].escrow[100] ^= 1),
        Field::new(format!("{whose} escrow cut off"), move |parts| {
            parts.body.people[position].escrow.pop();
        })
        .then(Then::Refused(Damaged)),
    ]
}

/// What the body says of people, as a whole.
pub(super) fn people() -> Vec<Field<'static>> {
    let refused = |name: &str, alter: fn(&mut Parts)| Field::new(name, alter).then(Then::Refused(Damaged));
    vec![
        Field::new("labels exchanged", |parts| {
            let label = std::mem::take(&mut parts.body.people[0].label);
            parts.body.people[0].label = std::mem::replace(&mut parts.body.people[3].label, label);
        }),
        Field::new("escrows exchanged", |parts| {
            let escrow = std::mem::take(&mut parts.body.people[0].escrow);
            parts.body.people[0].escrow = std::mem::replace(&mut parts.body.people[3].escrow, escrow);
        }),
        refused("people in another order than their slots", |parts| parts.body.people.swap(0, 3)),
        refused("person missing in the body", |parts| _ = parts.body.people.pop()),
        refused("two people of one label", |parts| parts.body.people[3].label = "anna".into()),
    ]
}

/// Around the body.
pub(super) fn payload(adversary: &Adversary) -> Vec<Field<'_>> {
    let damaged = |name: &str, alter: fn(&mut Parts)| Field::new(name, alter).then(Then::Refused(Damaged));
    let plaintext = |name: &str, patch: fn(&mut Vec<u8>)| {
        let alter = move |parts: &mut Parts| parts.plaintext = Some(Box::new(patch));
        Field::new(name, alter).then(Then::Refused(Damaged))
    };
    let sealed = |name: &str, behind: usize| {
        let alter = move |parts: &mut Parts| {
            parts.file = Some(Box::new(move |file| file[88 + 5 * 176 + behind] ^= 1));
        };
        Field::new(name, alter).then(Then::Refused(Damaged))
    };
    vec![
        // An authorised signer wrote it, so it is not damage.
        damaged("schema", |parts| parts.body.schema = 2).then(Then::Refused(Unsupported)),
        damaged("payload under another K than the slots'", |parts| parts.move_to([4; 32], parts.vault_id)),
        plaintext("padding not zero", |plain| *plain.last_mut().unwrap() = 1),
        plaintext("padding longer", |plain| plain.resize(plain.len() + 1024, 0)),
        plaintext("length of the body one more", |plain| plain[0] += 1),
        plaintext("length of the body huge", |plain| plain[..8].fill(0xff)),
        sealed("payload: salt", 0),
        sealed("payload: commitment", 32),
        sealed("payload: ciphertext", 64),
        Field::new("payload: tag", |parts| {
            parts.file = Some(Box::new(|file| {
                let tag = file.len() - 65;
                file[tag] ^= 1;
            }));
        })
        .then(Then::Refused(Damaged)),
        // To the last byte before the signature.
        Field::new("nothing but the signature", |parts| {
            let file = adversary.file.clone();
            parts.file = Some(Box::new(move |forged| forged.clone_from(&file)));
        }),
    ]
}
