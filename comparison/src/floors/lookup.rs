//! Looks up names in one thread, in aumbry and in a bare table: names in random order, one subject after
//! another in each round.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aumbry::storage::InMemory;
use aumbry::{ExposeSecret, OpenOptions, Vault};

use super::at_size::AtSize;
use super::bare::{self, Floor, Held};
use crate::child::{self, begin, check, note};
use crate::goals::Limit;
use crate::peer::{Kdf, PASSPHRASE};
use crate::peers::aumbry::Aumbry;
use crate::records::{Dice, name, records};
use crate::result::Result;
use crate::tables::{number, seconds, table};

const GOAL: f64 = 1.5;
/// The minimum number of look-ups that are timed together: all names of a vault, small vaults several times,
/// and a part of a large one. The names are consecutive in memory, so fetching them costs little.
const LEAST: usize = 16_384;
const MOST: usize = 131_072;
/// How many times all names of a vault are looked up before the timed pass.
const PASSES: usize = 8;

/// A vault and its floor with the same names, and names to look up.
pub struct Scene {
    pub vault: Vault,
    pub floor: Floor,
    pub known: Vec<String>,
    pub unknown: Vec<String>,
}

impl Scene {
    pub fn new(size: usize, folder: &Path) -> Result<Self> {
        begin("setting up");
        let bytes = fs::read(child::path(folder, &Aumbry, size, Kdf::Full))?;
        let floor = Floor::new(Held::new(bare::plaintext(size, bytes.len())?, size));
        let vault = OpenOptions::new().open_in(InMemory::from_bytes(bytes), PASSPHRASE)?;
        let known: Vec<String> = order(size).into_iter().map(name).collect();
        let unknown = known.iter().map(|name| name.replace("uploads", "missing")).collect();
        Ok(Self { vault, floor, known, unknown })
    }

    pub fn finds(&self, name: &str) -> bool {
        black_box(self.vault.find(name)).is_ok_and(|entry| entry.is_some())
    }

    pub fn gets(&self, name: &str) -> bool {
        black_box(self.vault.get_credentials(name)).is_ok_and(|credentials| credentials.is_some())
    }

    pub fn floor_finds(&self, name: &str) -> bool {
        black_box(self.floor.find(name)).is_some()
    }

    pub fn floor_opens(&self, name: &str) -> bool {
        black_box(self.floor.open(name)).is_some()
    }

    /// Checks that the measured code is correct: names, key ids and secrets of some records, and unknown
    /// names.
    fn check(&self, size: usize) -> Result<()> {
        let (mut found, mut got, mut floor) = (true, true, true);
        let some = records(size.min(1_000));
        for record in &some {
            let entry = self.vault.find(&record.name)?;
            found &= entry.is_some_and(|entry| entry.access_key_id() == record.entry.access_key_id);
            let credentials = self.vault.get_credentials(&record.name)?;
            got &= credentials.is_some_and(|credentials| {
                *credentials.secret_access_key().expose_secret() == **record.entry.secret
            });
            floor &=
                self.floor.open(&record.name).is_some_and(|text| text.starts_with(record.name.as_bytes()));
        }
        check("find gives the record that was asked for", found);
        check("get_credentials gives its secret", got);
        check("the floor opens the record that was asked for", floor);
        Ok(())
    }
}

/// Returns indices in random order: each record once before any comes again, until there are enough to be
/// timed.
fn order(size: usize) -> Vec<usize> {
    let mut dice = Dice(0);
    let mut order = Vec::new();
    while order.len() < LEAST {
        let mut all: Vec<usize> = (0..size).collect();
        for last in (1..size).rev() {
            all.swap(last, dice.below(last + 1));
        }
        order.append(&mut all);
    }
    order
}

/// Runs some rounds in this process, with the vault open. Other processes run more, because the position of
/// data in memory makes a difference of some nanoseconds.
pub fn child(size: usize, rounds: usize, folder: &Path) -> Result<()> {
    let scene = Scene::new(size, folder)?;
    scene.check(size)?;
    let held = scene.floor.snapshot();
    begin("looking up");
    let mut right = true;
    for round in 0..rounds {
        let known = Batch::of(&scene.known, round);
        right &= known.timed("bare", &|name| black_box(held.find(name)).is_some());
        right &= known.timed("snapshot", &|_| Arc::strong_count(&black_box(scene.floor.snapshot())) > 0);
        right &= known.timed("floor-find", &|name| scene.floor_finds(name));
        right &= known.timed("find", &|name| scene.finds(name));
        right &= known.timed("floor-get", &|name| scene.floor_opens(name));
        right &= known.timed("get", &|name| scene.gets(name));
        let unknown = Batch::of(&scene.unknown, round);
        right &= unknown.timed("floor-miss", &|name| !scene.floor_finds(name));
        right &= unknown.timed("find-miss", &|name| !scene.finds(name));
        right &= unknown.timed("get-miss", &|name| !scene.gets(name));
    }
    check("every known name was found, and no other", right);
    Ok(())
}

/// Names for the warm-up, and others to time. The timed look-ups find the caches as the same kind of look-ups
/// left them, as in a program that does nothing else.
struct Batch<'a> {
    before: &'a [String],
    /// How often to warm up: after one pass the caches contain only a part of what they will.
    passes: usize,
    timed: &'a [String],
}

impl<'a> Batch<'a> {
    /// In a large vault each round has its own names.
    fn of(names: &'a [String], round: usize) -> Self {
        let parts: Vec<&[String]> = names.chunks_exact(MOST.min(names.len())).collect();
        let part = |number: usize| parts.get(number % parts.len()).copied().unwrap_or_default();
        let passes = if parts.len() == 1 { PASSES } else { 1 }; // names that do not fit in the caches need no repetition
        Self { before: part(2 * round), passes, timed: part(2 * round + 1) }
    }

    /// Returns whether `look_up` always returned true. Each look-up is a call, as into a library: inlined
    /// here, the processor would start some look-ups before the previous one has ended.
    #[inline(never)]
    fn timed(&self, step: &str, look_up: &dyn Fn(&str) -> bool) -> bool {
        let all = |names: &[String]| names.iter().filter(|name| look_up(name)).count() == names.len();
        let before = (0..self.passes).all(|_| all(self.before));
        let start = Instant::now();
        let right = all(self.timed);
        note(step, start.elapsed().as_secs_f64() / self.timed.len() as f64);
        before && right
    }
}

/// The comparisons: aumbry's step, its floor's, and the name in the report.
const COMPARED: [(&str, &str, &str); 4] = [
    ("find", "floor-find", "find"),
    ("get", "floor-get", "get_credentials"),
    ("find-miss", "floor-miss", "find of an unknown name"),
    ("get-miss", "floor-miss", "get_credentials of an unknown name"),
];

pub fn goals(all: &[AtSize]) -> String {
    let mut text = String::new();
    for one in all.iter().filter(|one| one.size >= 1_000) {
        for (step, floor, what) in COMPARED {
            let Some(seen) = one.ratio(step, floor) else { continue };
            let what = format!("{what} among {} records", number(one.size));
            text += &Limit::AtMost(GOAL).line(&what, "its floor", seen);
        }
    }
    text
}

pub fn tables(all: &[AtSize]) -> String {
    let titles = COMPARED.iter().map(|(_, _, what)| (*what).to_owned());
    let mut ratios = vec![[String::from("records")].into_iter().chain(titles).collect::<Vec<_>>()];
    let steps = [
        ("bare", "bare table"),
        ("snapshot", "snapshot alone"),
        ("floor-find", "table and snapshot"),
        ("find", "`find`"),
        ("floor-get", "table, snapshot, opening, scrub"),
        ("get", "`get_credentials`"),
        ("floor-miss", "unknown: table and snapshot"),
        ("find-miss", "unknown: `find`"),
        ("get-miss", "unknown: `get_credentials`"),
    ];
    let titles = steps.iter().map(|(_, what)| (*what).to_owned());
    let mut times = vec![[String::from("records")].into_iter().chain(titles).collect::<Vec<_>>()];
    for one in all {
        let cells = COMPARED.iter().map(|(step, floor, _)| one.shown_ratio(step, floor));
        ratios.push([number(one.size)].into_iter().chain(cells).collect());
        let cells = steps.iter().map(|(step, _)| one.shown(step, seconds));
        times.push([number(one.size)].into_iter().chain(cells).collect());
    }
    format!(
        "\n## Look-up: x the floor\n\n\
         Names in random order, all of the same kind one behind the other and all of a vault many times, so that tables and \
         records are in the caches as far as they fit. The floor of `find` is a bare `hashbrown` table of offsets over a \
         buffer of the same names, and taking the snapshot: a read lock and a count of references. The floor of \
         `get_credentials` is that, one \
         AES-256-GCM opening in place of 40 bytes copied from the buffer, with associated data of the same length, and \
         overwriting 16 KiB of stack; aumbry overwrites the vector registers too, allocates what it gives out, and wipes \
         it.\n\n{}\n### Look-up: as measured\n\n{}",
        table(&ratios),
        table(&times)
    )
}
