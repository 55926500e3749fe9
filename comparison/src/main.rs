//! Compares aumbry with crates that could be used instead of it, its Argon2id with other implementations, and
//! its work with what the hardware needs for it: the same work in one run, with ratios first. The script
//! `run` of this package installs what is needed, builds this program and starts it.
//!
//! ```text
//! comparison [--quick] [--out FOLDER]          stores, then Argon2id, then floors
//! comparison stores|kdf|floors [--quick] [--out FOLDER]
//! ```

mod child;
mod floors;
mod folder;
mod goals;
mod kdf;
mod machine;
mod memory;
mod outcome;
mod peer;
mod peers;
mod plots;
mod records;
mod result;
mod rounds;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use folder::Temporary;
use result::Result;
use rounds::Plan;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("--child") => as_child(&arguments[1..]).map(|()| true),
        _ => Asked::parse(&arguments).and_then(|asked| asked.answer()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("comparison: {error}");
            ExitCode::FAILURE
        }
    }
}

fn as_child(arguments: &[String]) -> Result<()> {
    if let [first, rest @ ..] = arguments
        && first == "floors"
    {
        return floors::child(rest);
    }
    let [work, peer, size, round, folder] = arguments else { return Err("not for use by hand".into()) };
    let (peer, folder) = (peers::by_id(peer).ok_or("no such peer")?, Path::new(folder));
    match work.as_str() {
        "prepare" => child::prepare(peer, size.parse()?, folder),
        "round" => child::round(peer, size.parse()?, folder, round.parse()?),
        "full" => child::full(peer, size.parse()?, folder),
        "memory" => child::memory(peer, size.parse()?, folder),
        _ => Err("no such work".into()),
    }
}

/// A part of the program, and so of the report.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Stores,
    Kdf,
    Floors,
}

struct Asked {
    /// `None` means all parts.
    part: Option<Part>,
    quick: bool,
    out: PathBuf,
}

/// The results of all parts that were requested.
#[derive(Default)]
struct Report {
    text: String,
    passed: usize,
    failed: Vec<String>,
}

/// Measures one part and adds its results.
type Measure = fn(&Asked, &mut Report) -> Result<()>;

impl Asked {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut asked = Self { part: None, quick: false, out: PathBuf::from("target/comparison") };
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match argument {
                "stores" => asked.part = Some(Part::Stores),
                "kdf" => asked.part = Some(Part::Kdf),
                "floors" => asked.part = Some(Part::Floors),
                "--quick" => asked.quick = true,
                "--out" => asked.out = arguments.next().ok_or("--out needs a folder")?.into(),
                _ => {
                    let usage = "usage: run [stores|kdf|floors] [--quick] [--out FOLDER]";
                    return Err(format!("{usage}, not {argument}").into());
                }
            }
        }
        Ok(asked)
    }

    /// Returns whether all checks passed.
    fn answer(&self) -> Result<bool> {
        fs::create_dir_all(&self.out)?;
        let text = format!("## What was measured on\n\n{}", machine::described(&self.command()));
        let mut report = Report { text, ..Report::default() };
        let parts: [(Part, Measure); 3] =
            [(Part::Stores, Self::stores), (Part::Kdf, Self::kdf), (Part::Floors, Self::floors)];
        for (part, measure) in parts {
            if self.part.is_none_or(|asked| asked == part) {
                measure(self, &mut report)?;
            }
        }
        let Report { mut text, passed, failed } = report;
        for what in &failed {
            text += &format!("\n**FAILED**: {what}\n");
        }
        fs::write(self.out.join("comparison.md"), &text)?;
        println!("{text}");
        println!("{passed} passed, {} failed", failed.len());
        Ok(failed.is_empty())
    }

    /// Returns the command that repeats this run, without the output folder.
    fn command(&self) -> String {
        let part = match self.part {
            None => "",
            Some(Part::Stores) => " stores",
            Some(Part::Kdf) => " kdf",
            Some(Part::Floors) => " floors",
        };
        format!("comparison/run{part}{}", if self.quick { " --quick" } else { "" })
    }

    /// Measures in memory: this comparison leaves out the disk's part of a save.
    fn stores(&self, report: &mut Report) -> Result<()> {
        let plan = if self.quick {
            Plan { sizes: vec![1_000], rounds: 2, budget: Duration::from_secs(10) }
        } else {
            Plan { sizes: vec![1_000, 10_000, 100_000], rounds: 7, budget: Duration::from_secs(30) }
        };
        let folder = Temporary::in_memory(&self.out)?;
        let all = rounds::measure(&plan, folder.path())?;
        let shown = &all[peers::ALL.len()..]; // without the small files
        report.text += &[goals::stores(shown), tables::stores(shown), tables::notes(shown)].concat();
        plots::draw(shown, &self.out)?;
        report.passed += all.iter().map(|one| one.outcome.passed).sum::<usize>();
        for one in &all {
            let told = |what| format!("{} with {} records: {what}", one.peer.id(), one.size);
            report.failed.extend(one.outcome.failed.iter().map(told));
        }
        Ok(())
    }

    fn kdf(&self, report: &mut Report) -> Result<()> {
        let compared = kdf::compare(if self.quick { 2 } else { 25 })?;
        report.text += &[goals::kdf(&compared), tables::kdf(&compared)].concat();
        report.passed += compared.passed;
        report.failed.extend(compared.failed);
        Ok(())
    }

    fn floors(&self, report: &mut Report) -> Result<()> {
        let (memory, disk) = (Temporary::in_memory(&self.out)?, Temporary::on_disk()?);
        let floors =
            floors::measure(self.quick, &floors::Folders { memory: memory.path(), disk: disk.path() })?;
        report.text += &floors.report();
        floors.draw(&self.out)?;
        report.passed += floors.passed();
        report.failed.extend(floors.failed());
        Ok(())
    }
}
