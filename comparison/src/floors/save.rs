//! Saves one changed record among many, and many new ones at once.

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use aes_gcm::Nonce;
use aes_gcm::aead::AeadInOut;
use aumbry::storage::InMemory;
use aumbry::{
    CreateOptions, ExposeSecret, KdfParameters, Lanes, MemoryKib, NewRecord, OpenOptions, Passes,
    RecordChange, Vault,
};
use sha2::{Digest, Sha256};

use super::at_size::AtSize;
use super::bare;
use super::power_law::exponent;
use crate::child::{self, begin, check, timed};
use crate::outcome::Outcome;
use crate::peer::{Kdf, PASSPHRASE, write_safely};
use crate::peers::aumbry::{Aumbry, options};
use crate::records::{Dice, name, records};
use crate::result::Result;
use crate::tables::{number, seconds, table, times};

/// Saves one changed record without waiting for a disk.
pub fn in_memory(size: usize, rounds: usize, folder: &Path) -> Result<()> {
    begin("setting up");
    let bytes = fs::read(child::path(folder, &Aumbry, size, Kdf::Full))?;
    let vault = OpenOptions::new().open_in(InMemory::from_bytes(bytes.clone()), PASSPHRASE)?;
    let before = sealed(&vault)?;
    let cipher = bare::cipher();
    let mut changes = Changes::new(&vault, size);
    for round in 0..=rounds {
        // The first round touches code and memory.
        let (save, floor) = if round > 0 { ("save", "floor-save") } else { ("save-cold", "floor-cold") };
        changes.one(save)?;
        timed(floor, || {
            let mut copy = bytes.clone();
            let tag = cipher.encrypt_inout_detached(&Nonce::default(), &[], copy.as_mut_slice().into());
            tag.map_err(|_| "too long to seal")?;
            black_box((Sha256::digest(&copy), copy));
            Ok(())
        })?;
    }
    changes.check(&before)
}

/// Saves one changed record so that it survives a power cut.
pub fn on_disk(size: usize, rounds: usize, memory: &Path, disk: &Path) -> Result<()> {
    begin("setting up");
    let bytes = fs::read(child::path(memory, &Aumbry, size, Kdf::Full))?;
    let folder = disk.join(size.to_string());
    fs::create_dir(&folder)?;
    let path = folder.join("vault.aumbry");
    write_safely(&path, &bytes)?;
    let vault = options(&path).open(&path, PASSPHRASE)?;
    let before = sealed(&vault)?;
    let mut changes = Changes::new(&vault, size);
    for round in 0..=rounds {
        let (save, floor) = if round > 0 { ("disk", "floor-disk") } else { ("disk-cold", "floor-cold") };
        changes.one(save)?;
        timed(floor, || write_safely(&folder.join("bare"), &bytes))?;
    }
    changes.check(&before)
}

/// Gives one record after another, in random order, another secret.
struct Changes<'a> {
    vault: &'a Vault,
    size: usize,
    dice: Dice,
    changed: BTreeMap<String, String>,
}

impl<'a> Changes<'a> {
    fn new(vault: &'a Vault, size: usize) -> Self {
        Self { vault, size, dice: Dice(2), changed: BTreeMap::new() }
    }

    fn one(&mut self, step: &str) -> Result<()> {
        let (name, secret) = (name(self.dice.below(self.size)), self.dice.secret().to_string());
        let change = RecordChange::new().secret_access_key(secret.clone());
        timed(step, || Ok(self.vault.edit(|edit| edit.change(&name, &change))?))?;
        self.changed.insert(name, secret);
        Ok(())
    }

    /// Checks that each changed record has its new secret, and that no byte of the other sealed secrets
    /// changed.
    fn check(self, before: &BTreeMap<String, Vec<u8>>) -> Result<()> {
        begin("checks");
        let mut right = true;
        for (name, secret) in &self.changed {
            let found = self.vault.get_credentials(name)?;
            right &= found.is_some_and(|found| found.secret_access_key().expose_secret() == secret);
        }
        check("every changed secret is the new one", right);
        let after = sealed(self.vault)?;
        let other = after.iter().filter(|(name, secret)| before.get(*name) != Some(*secret));
        let other: Vec<&String> = other.map(|(name, _)| name).collect();
        check("no record is gone, and none is new", after.len() == before.len());
        check("no other record's secret was sealed again", other.into_iter().eq(self.changed.keys()));
        Ok(())
    }
}

/// A record as `docs/format.md` defines it: name, provider, key id, attributes, three times, the sealed
/// secret.
type Record = (String, u32, String, Vec<(String, String)>, i64, i64, Option<i64>, Vec<u8>);

/// Returns the sealed secrets of a vault, by name.
fn sealed(vault: &Vault) -> Result<BTreeMap<String, Vec<u8>>> {
    let (_, body) = aumbry::testing::fuzzing::header_and_body(vault)?;
    let ((_, records), _): ((u16, Vec<Record>), usize) =
        bincode::serde::decode_from_slice(&body, bincode::config::standard())?;
    Ok(records.into_iter().map(|record| (record.0, record.7)).collect())
}

/// Adds this many new records in one edit.
pub fn import(count: usize, rounds: usize) -> Result<()> {
    begin("making drafts");
    let drafts: Vec<NewRecord> = records(count)
        .iter()
        .map(|record| {
            let draft = NewRecord::new_static(
                &record.name,
                &record.entry.access_key_id,
                record.entry.secret.as_str(),
            );
            draft.and_then(|draft| draft.attribute("region", &record.entry.region))
        })
        .collect::<aumbry::Result<_>>()?;
    let kdf = KdfParameters::new(MemoryKib::MIN, Passes::MIN, Lanes::MIN)?;
    for round in 0..=rounds {
        let options = CreateOptions::new().kdf(kdf).allow_kdf_below_floor();
        let vault = options.create_in(InMemory::new(), PASSPHRASE)?;
        let step = if round > 0 { format!("import-{count}") } else { "import-cold".to_owned() };
        timed(&step, || Ok(vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft)))?))?;
        check("every record was imported", vault.records()?.count() == count);
    }
    Ok(())
}

/// Returns the median time of imports of these sizes, and the exponent by which it grows.
pub fn imported(counts: &[usize], outcome: &Outcome) -> (Vec<(f64, f64)>, Option<f64>) {
    let point = |count: &usize| Some((*count as f64, outcome.median(&format!("import-{count}"))?));
    let points: Vec<(f64, f64)> = counts.iter().filter_map(point).collect();
    let exponent = exponent(&points);
    (points, exponent)
}

pub fn tables(all: &[AtSize], counts: &[usize], imports: &Outcome) -> String {
    let titles = [
        "records",
        "in memory: x hashing, sealing, copying as many bytes",
        "on disk: x a bare durable write",
        "on disk: x both",
        "in memory",
        "hashing, sealing, copying",
        "on disk",
        "bare durable write",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for one in all.iter().filter(|one| one.median("save").is_some()) {
        let both = || Some(one.median("disk")? / (one.median("floor-save")? + one.median("floor-disk")?));
        rows.push(vec![
            number(one.size),
            one.shown_ratio("save", "floor-save"),
            one.shown_ratio("disk", "floor-disk"),
            both().map_or_else(|| String::from("–"), times),
            one.shown("save", seconds),
            one.shown("floor-save", seconds),
            one.shown("disk", seconds),
            one.shown("floor-disk", seconds),
        ]);
    }
    let (points, exponent) = imported(counts, imports);
    let mut lines = vec![["new records in one edit", "time", "a record"].map(str::to_owned).to_vec()];
    for (count, time) in points {
        lines.push(vec![number(count as usize), seconds(time), seconds(time / count)]);
    }
    let exponent = exponent.map_or_else(|| String::from("not known"), |exponent| format!("{exponent:.2}"));
    format!(
        "\n## Save of one changed record: x the floor\n\n\
         A save writes the whole vault. Its floor in memory is SHA-256, AES-256-GCM and one copy of as many bytes; on a \
         disk a bare write of as many bytes with fsync, rename, and fsync of the folder. aumbry also salts and checks \
         what it seals, indexes the new version, locks, and remembers what it saved. After each run the sealed secrets \
         of all records but the changed ones were compared with those of before, byte by byte.\n\n{}\n\
         ### Import in one edit, in memory\n\nTime grows with the number of records to the power of {exponent}.\n\n{}",
        table(&rows),
        table(&lines)
    )
}
