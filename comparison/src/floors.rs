//! Compares aumbry with the floors of the hardware: what any program pays that does the same work on the same
//! bytes.

mod at_size;
mod bare;
mod growth;
mod lookup;
mod memory;
mod pictures;
mod power_law;
mod save;
mod threads;
mod unlock;

use std::path::Path;

use self::at_size::AtSize;
pub use self::at_size::Folders;
use crate::child::{self, WARM_UP, timed};
use crate::outcome::Outcome;
use crate::peer::{Kdf, Peer};
use crate::peers::aumbry::Aumbry;
use crate::records::records;
use crate::result::Result;

/// What is measured, and how often.
struct Plan {
    sizes: &'static [usize],
    /// Number of processes that unlock.
    unlocks: usize,
    /// Number of processes that look up, from one thread and from many.
    processes: usize,
    /// Number of rounds within a process.
    look_ups: usize,
    threads: usize,
    saves: usize,
    imports: &'static [usize],
}

const WHOLE: Plan = Plan {
    sizes: &[10, 100, 1_000, 10_000, 100_000, 1_000_000],
    unlocks: 15,
    processes: 5,
    look_ups: 7,
    threads: 2,
    saves: 21,
    imports: &[12_500, 25_000, 50_000, 100_000],
};

const QUICK: Plan = Plan {
    sizes: &[10, 100, 1_000, 10_000],
    unlocks: 3,
    processes: 2,
    look_ups: 2,
    threads: 1,
    saves: 5,
    imports: &[1_250, 2_500, 5_000, 10_000],
};

/// Threads are measured for vaults that are large enough for a program with many.
const FOR_THREADS: usize = 1_000;
/// Sizes that are saved to a disk: large enough to matter, and small enough for a quick run.
const FOR_DISK: [usize; 2] = [10_000, 100_000];

/// Does the work of one child process.
pub fn child(arguments: &[String]) -> Result<()> {
    let [work, size, rounds, memory, disk] = arguments else { return Err("not for use by hand".into()) };
    let (size, rounds, folder) = (size.parse()?, rounds.parse()?, Path::new(memory));
    match work.as_str() {
        "prepare" => prepare(size, folder),
        "unlock" => unlock::aumbry(size, folder),
        "floor" => unlock::floor(size, folder),
        "memory" => memory::child(size, folder),
        "look-up" => lookup::child(size, rounds, folder),
        "threads" => threads::child(size, rounds, folder),
        "save" => save::in_memory(size, rounds, folder),
        "disk" => save::on_disk(size, rounds, folder, Path::new(disk)),
        "import" => save::import(size, rounds),
        _ => Err("no such work".into()),
    }
}

/// Makes aumbry's file and the floor's.
fn prepare(size: usize, folder: &Path) -> Result<()> {
    if size == WARM_UP {
        child::prepare(&Aumbry, size, folder)?; // the warm-up opens it with the least KDF
    } else {
        let path = child::path(folder, &Aumbry, size, Kdf::Full);
        timed("create", || Aumbry.create(&path, &records(size), Kdf::Full))?;
    }
    unlock::prepare(size, folder)
}

pub struct Floors {
    sizes: Vec<AtSize>,
    imports: AtSize,
    plan: &'static Plan,
}

/// Measures one size after another, alternating between aumbry and its floor.
pub fn measure(quick: bool, folders: &Folders<'_>) -> Result<Floors> {
    let plan = if quick { &QUICK } else { &WHOLE };
    let at = |size: &usize| AtSize { size: *size, outcome: Outcome::default() };
    let mut sizes: Vec<AtSize> = plan.sizes.iter().map(at).collect();
    for one in &mut sizes {
        eprintln!("floors: {} records", one.size);
        one.run("prepare", 0, folders)?;
        // Large vaults differ by more than the noise and take long, so they get fewer rounds.
        let fewer = |rounds: usize, large: bool| if large { rounds.div_ceil(3) } else { rounds };
        let (unlocks, saves) =
            (fewer(plan.unlocks, one.size > 100_000), fewer(plan.saves, one.size > 100_000));
        let look_ups = fewer(plan.look_ups, one.size > 10_000);
        for round in 0..unlocks {
            one.run("unlock", round, folders)?;
            one.run("floor", round, folders)?;
        }
        for round in 0..unlocks.min(3) {
            one.run("memory", round, folders)?;
        }
        for _ in 0..plan.processes {
            one.run("look-up", look_ups, folders)?;
            if one.size >= FOR_THREADS {
                one.run("threads", plan.threads, folders)?;
            }
        }
        one.run("save", saves, folders)?;
        if FOR_DISK.contains(&one.size) {
            one.run("disk", saves, folders)?;
        }
    }
    eprintln!("floors: imports");
    let mut imports = at(&0);
    for size in plan.imports {
        imports.size = *size;
        imports.run("import", 3, folders)?;
    }
    Ok(Floors { sizes, imports, plan })
}

impl Floors {
    pub fn passed(&self) -> usize {
        self.sizes.iter().chain([&self.imports]).map(|one| one.outcome.passed).sum()
    }

    pub fn failed(&self) -> impl Iterator<Item = String> {
        self.sizes.iter().chain([&self.imports]).flat_map(|one| {
            let over = one.outcome.over.iter().map(|step| format!("{step} took too long"));
            let failed = one.outcome.failed.iter().cloned().chain(over);
            failed.map(|what| format!("floors with {} records: {what}", one.size))
        })
    }

    /// Returns goals and tables, in Markdown.
    pub fn report(&self) -> String {
        let Self { sizes, imports, plan } = self;
        let goals = [
            ("Unlock", unlock::goals(sizes)),
            ("Look-up", lookup::goals(sizes)),
            ("Threads", threads::goals(sizes)),
            ("Memory", memory::goals(sizes)),
            ("Growth", growth::goals(sizes, plan.imports, &imports.outcome)),
        ];
        let goals = goals.map(|(what, lines)| format!("\n**{what}**\n\n{lines}")).concat();
        let missed = goals.matches("MISSED").count();
        let met = goals.lines().filter(|line| line.starts_with('*') && line.ends_with("met.")).count();
        let tables = [
            unlock::tables(sizes),
            lookup::tables(sizes),
            threads::tables(sizes),
            save::tables(sizes, plan.imports, &imports.outcome),
            memory::tables(sizes),
            growth::tables(sizes),
        ];
        format!(
            "\n## Goals: the floors\n\n{met} met, {missed} missed. Figures are medians of rounds, ratios the \
             median of each round's own; pairs within 10 % are ties.\n{goals}{}",
            tables.concat()
        )
    }

    pub fn draw(&self, folder: &Path) -> Result<()> {
        pictures::draw(&self.sizes, folder)
    }
}
