//! The work of one child process: one peer, one size, one round. Each step is reported as soon as it is done,
//! so that the parent can report "more than N seconds" for the next one.
//!
//! Lines on stdout: `begin STEP`, `STEP SECONDS` (or bytes), `passed WHAT`, `failed WHAT`.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::peer::{Kdf, Opened, PASSPHRASE, Peer, argon2id};
use crate::records::{Dice, Record, records};
use crate::result::Result;

/// Records that are opened before anything is timed, so that the program's own pages are in memory.
pub const WARM_UP: usize = 10;

pub fn path(folder: &Path, peer: &dyn Peer, size: usize, kdf: Kdf) -> PathBuf {
    folder.join(format!("{}-{size}-{kdf:?}.file", peer.id()))
}

/// Makes both files, and tries operations that must fail.
pub fn prepare(peer: &dyn Peer, size: usize, folder: &Path) -> Result<()> {
    let records = records(size);
    let least = path(folder, peer, size, Kdf::Least);
    let full = path(folder, peer, size, Kdf::Full);
    timed("create", || peer.create(&least, &records, Kdf::Least))?;
    println!("bytes {}", fs::metadata(&least)?.len());
    timed("create-full", || peer.create(&full, &records, Kdf::Full))?;
    if size == WARM_UP {
        begin("checks");
        let opened = peer.open(&full, PASSPHRASE, Kdf::Full)?;
        let all = records.iter().map(|record| holds(&*opened, record));
        check(
            "every secret comes back under its name",
            all.collect::<Result<Vec<_>>>()?.iter().all(|held| *held),
        );
        let absent = opened.holds("team-00/service-9999-uploads", "");
        check("an unknown name is not found", matches!(absent, Ok(false)));
        let wrong = opened.holds(&records[0].name, "another secret");
        check("another secret is not taken for the right one", matches!(wrong, Ok(false)));
        check("a wrong passphrase is refused", peer.open(&full, "correct horse battery", Kdf::Full).is_err());
    }
    Ok(())
}

pub fn round(peer: &dyn Peer, size: usize, folder: &Path, round: u64) -> Result<()> {
    warm_up(peer, folder)?;
    let records = records(size);
    let (changed, records) = records.split_last().ok_or("no records")?;
    let least = path(folder, peer, size, Kdf::Least);
    let mut dice = Dice(round);

    // aumbry's work after its KDF finds the caches full of the KDF's memory. Peers without a KDF must find
    // them in the same state.
    begin("a KDF before");
    black_box(argon2id(PASSPHRASE, &[0; 16])?);
    begin("beyond");
    let start = Instant::now();
    let mut opened = peer.open(&least, PASSPHRASE, Kdf::Least)?;
    let elapsed = start.elapsed();
    if opened.told_kdf().is_none() {
        tell("beyond", elapsed);
    }

    let record = &records[dice.below(records.len())];
    let found = timed("first", || opened.holds(&record.name, &record.entry.secret))?;
    check("the first look-up finds the secret", found);
    steady(&*opened, records, &mut dice)?;

    let secret = dice.secret();
    timed("save", || opened.change(&changed.name, &secret))?;
    drop(opened);
    begin("reopening");
    let opened = peer.open(&least, PASSPHRASE, Kdf::Least)?;
    check("the changed secret was saved", opened.holds(&changed.name, &secret)?);
    check("another secret was kept", holds(&*opened, record)?);
    drop(opened);
    Ok(())
}

/// Opens with the whole KDF, in a process that has not opened this many records before, like the runs with
/// the least KDF.
pub fn full(peer: &dyn Peer, size: usize, folder: &Path) -> Result<()> {
    warm_up(peer, folder)?;
    let records = records(size);
    begin("whole");
    let full = path(folder, peer, size, Kdf::Full);
    let start = Instant::now();
    let opened = peer.open(&full, PASSPHRASE, Kdf::Full)?;
    let whole = start.elapsed();
    tell("whole", whole);
    if let Some(kdf) = opened.told_kdf() {
        tell("kdf", kdf);
        tell("beyond", whole.saturating_sub(kdf));
    }
    check("with the whole KDF it opens too", holds(&*opened, &records[size / 2])?);
    Ok(())
}

/// Looks up random names for a fixed time.
fn steady(opened: &dyn Opened, records: &[Record], dice: &mut Dice) -> Result<()> {
    const LOOK_UPS: usize = 10_000;
    const TIME: Duration = Duration::from_millis(300);
    let order: Vec<&Record> = (0..LOOK_UPS).map(|_| &records[dice.below(records.len())]).collect();
    begin("steady");
    let (mut done, mut right) = (0, 0);
    let start = Instant::now();
    for some in order.chunks(20) {
        for record in some {
            right += usize::from(black_box(holds(opened, record)?));
        }
        done += some.len();
        if start.elapsed() > TIME {
            break;
        }
    }
    tell("steady", start.elapsed() / u32::try_from(done)?);
    check("every look-up finds its secret", right == done);
    Ok(())
}

pub fn memory(peer: &dyn Peer, size: usize, folder: &Path) -> Result<()> {
    warm_up(peer, folder)?;
    begin("peak");
    println!("peak {}", peer.peak_of_open(&path(folder, peer, size, Kdf::Least))?);
    Ok(())
}

pub fn warm_up(peer: &dyn Peer, folder: &Path) -> Result<()> {
    begin("warming up");
    let opened = peer.open(&path(folder, peer, WARM_UP, Kdf::Least), PASSPHRASE, Kdf::Least)?;
    check("the small file opens", holds(&*opened, &records(1)[0])?);
    Ok(())
}

fn holds(opened: &dyn Opened, record: &Record) -> Result<bool> {
    opened.holds(&record.name, &record.entry.secret)
}

pub fn timed<T>(step: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    begin(step);
    let start = Instant::now();
    let result = work()?;
    tell(step, start.elapsed());
    Ok(result)
}

pub fn begin(step: &str) {
    println!("begin {step}");
}

pub fn tell(step: &str, time: Duration) {
    note(step, time.as_secs_f64());
}

/// Reports a figure that is not a time.
pub fn note(step: &str, value: f64) {
    println!("{step} {value}");
}

pub fn check(what: &str, holds: bool) {
    println!("{} {what}", if holds { "passed" } else { "failed" });
}
