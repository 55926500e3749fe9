//! Unlocking without the KDF, compared with what any program must do that reads, checks, decrypts and indexes
//! as many bytes.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Nonce, Tag};
use aumbry::ExposeSecret;
use sha2::{Digest, Sha256};

use super::at_size::AtSize;
use super::bare;
use crate::child::{self, WARM_UP, begin, check, tell};
use crate::goals::Limit;
use crate::peer::{Kdf, PASSPHRASE, argon2id};
use crate::peers::aumbry::{Aumbry, options};
use crate::records::{name, records};
use crate::result::Result;
use crate::tables::{number, seconds, seconds_range, table};

/// Below what a vault may hold, and a program may be slower.
const GOALS: [(usize, f64); 3] = [(10_000, 1.5), (100_000, 1.5), (1_000_000, 2.0)];
const TAG: usize = 16;

fn path(folder: &Path, size: usize) -> PathBuf {
    folder.join(format!("floor-{size}.file"))
}

/// Makes a file as long as the vault's, sealed in one piece.
pub fn prepare(size: usize, folder: &Path) -> Result<()> {
    let len = fs::metadata(child::path(folder, &Aumbry, size, Kdf::Full))?.len();
    let mut bytes = bare::plaintext(size, usize::try_from(len)? - TAG)?;
    let tag = bare::cipher().encrypt_inout_detached(&Nonce::default(), &[], bytes.as_mut_slice().into());
    bytes.extend_from_slice(&tag.map_err(|_| "too long to seal")?);
    Ok(fs::write(path(folder, size), &bytes)?)
}

/// Unlocks like a program that has just started.
pub fn aumbry(size: usize, folder: &Path) -> Result<()> {
    child::warm_up(&Aumbry, folder)?;
    begin("unlock");
    let file = child::path(folder, &Aumbry, size, Kdf::Full);
    let vault = options(&file).open(&file, PASSPHRASE)?;
    let time = vault.unlock_time().ok_or("it does not say how long it took")?;
    let beyond = time.whole.saturating_sub(time.kdf);
    tell("kdf", time.kdf);
    tell("unlock", beyond);
    tell("payload", time.payload);
    tell("records", time.records);
    tell("rest", beyond.saturating_sub(time.payload + time.records));
    begin("checks");
    check("every record is there", vault.records()?.count() == size);
    let first = &records(1)[0];
    let found = vault.get_credentials(&first.name)?;
    let right = found.is_some_and(|one| *one.secret_access_key().expose_secret() == **first.entry.secret);
    check("the secret is the right one", right);
    Ok(())
}

/// Runs Argon2id first, so that the caches are in the same state as in an unlock.
pub fn floor(size: usize, folder: &Path) -> Result<()> {
    begin("warming up");
    Floor::reach(&path(folder, WARM_UP), WARM_UP)?;
    begin("a KDF before");
    black_box(argon2id(PASSPHRASE, &[0; 16])?);
    begin("floor");
    let floor = Floor::reach(&path(folder, size), size)?;
    tell("floor", floor.whole);
    tell("floor-needs-key", floor.parts[2] + floor.parts[3]);
    for (part, time) in FLOOR.iter().zip(floor.parts) {
        tell(part.0, time);
    }
    check("the table holds every record", floor.table.len() == size);
    check("it finds a name", floor.table.find(&floor.bytes, &name(size / 2)).is_some());
    Ok(())
}

/// The parts of the floor, with their names in the report.
const FLOOR: [(&str, &str); 4] = [
    ("floor-read", "floor: reading"),
    ("floor-hash", "SHA-256"),
    ("floor-open", "AES-256-GCM"),
    ("floor-table", "hash table"),
];

/// The parts that aumbry reports.
const PARTS: [(&str, &str); 3] = [
    ("payload", "aumbry: signature, decryption"),
    ("records", "checking and indexing the records"),
    ("rest", "the rest"),
];

struct Floor {
    bytes: Vec<u8>,
    table: bare::BareTable,
    parts: [Duration; 4],
    whole: Duration,
}

impl Floor {
    fn reach(path: &Path, count: usize) -> Result<Self> {
        let start = Instant::now();
        let mut bytes = fs::read(path)?;
        let read = start.elapsed();
        black_box(Sha256::digest(&bytes));
        let hashed = start.elapsed();
        let (text, tag) = bytes.split_last_chunk_mut::<TAG>().ok_or("too short")?;
        bare::cipher()
            .decrypt_inout_detached(&Nonce::default(), &[], text.into(), &Tag::from(*tag))
            .map_err(|_| "the floor's file was altered")?;
        let opened = start.elapsed();
        bytes.truncate(bytes.len() - TAG);
        let table = bare::BareTable::build(&bytes, count);
        let whole = start.elapsed();
        let parts = [read, hashed - read, opened - hashed, whole - opened];
        Ok(Self { bytes, table, parts, whole })
    }
}

pub fn goals(all: &[AtSize]) -> String {
    let line = |(size, limit): &(usize, f64)| {
        let seen = all.iter().find(|one| one.size == *size)?.ratio("unlock", "floor")?;
        let what = format!("unlock of {} records beyond the KDF", number(*size));
        Some(Limit::AtMost(*limit).line(&what, "the floor", seen))
    };
    GOALS.iter().filter_map(line).collect()
}

pub fn tables(all: &[AtSize]) -> String {
    let titles = [
        "records",
        "x the floor",
        "x the floor without reading and SHA-256",
        "beyond the KDF",
        "quickest to slowest",
        "floor",
        "quickest to slowest",
        "KDF",
    ];
    let mut ratios = vec![titles.map(str::to_owned).to_vec()];
    let all_parts = || PARTS.iter().chain(&FLOOR);
    let titles = ["records"].into_iter().chain(all_parts().map(|part| part.1));
    let mut parts = vec![titles.map(str::to_owned).collect::<Vec<_>>()];
    for one in all {
        let time = |step: &'static str| one.shown(step, seconds);
        ratios.push(vec![
            number(one.size),
            one.shown_ratio("unlock", "floor"),
            one.shown_ratio("unlock", "floor-needs-key"),
            time("unlock"),
            seconds_range(one.outcome.range("unlock")),
            time("floor"),
            seconds_range(one.outcome.range("floor")),
            time("kdf"),
        ]);
        let cells = all_parts().map(|part| time(part.0));
        parts.push([number(one.size)].into_iter().chain(cells).collect());
    }
    format!(
        "\n## Unlock beyond the KDF: x the floor\n\n\
         The floor reads as many bytes from a file, hashes them with SHA-256, opens AES-256-GCM over them in place, and \
         builds a bare `hashbrown` table of as many offsets, keyed by the names in them. Each round of each is a \
         process of its own that has opened ten records before; an Argon2id run (64 MiB, t 3, p 4) comes before both. \
         aumbry opens by path, with a pin in a state folder. It reads and hashes the file during its KDF: both are in the \
         floor's time, but in aumbry's only as far as they outlast the KDF, so the second ratio leaves them out. Files are \
         in memory (/dev/shm).\n\n{}\n### Unlock beyond the KDF: where it goes\n\n\
         The rest is what is left of reading and hashing once the KDF is done, opening one slot, and the pin: it is read \
         before, compared and, when the version is a new one, written after.\n\n{}",
        table(&ratios),
        table(&parts)
    )
}
