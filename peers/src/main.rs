//! aumbry beside the crates that one could use instead of it, and its Argon2id beside other implementations: the same
//! work, one run, ratios first. `run` beside this package installs what is needed, builds and starts it.
//!
//! ```text
//! peers [--quick] [--out FOLDER]          stores, then Argon2id
//! peers stores|kdf [--quick] [--out FOLDER]
//! ```

mod child;
mod goals;
mod kdf;
mod machine;
mod memory;
mod peer;
mod peers;
mod plots;
mod records;
mod rounds;
mod tables;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use rounds::{Measured, Plan};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

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
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn as_child(arguments: &[String]) -> Result<()> {
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

struct Asked {
    stores: bool,
    kdf: bool,
    quick: bool,
    out: PathBuf,
}

impl Asked {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut asked = Self { stores: true, kdf: true, quick: false, out: PathBuf::from("target/peers") };
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match argument {
                "stores" => asked.kdf = false,
                "kdf" => asked.stores = false,
                "--quick" => asked.quick = true,
                "--out" => asked.out = arguments.next().ok_or("--out needs a folder")?.into(),
                _ => {
                    return Err(
                        format!("usage: run [stores|kdf] [--quick] [--out FOLDER], not {argument}").into()
                    );
                }
            }
        }
        Ok(asked)
    }

    /// Whether all checks passed.
    fn answer(&self) -> Result<bool> {
        fs::create_dir_all(&self.out)?;
        let mut text = format!("# aumbry and its peers\n\n{}", machine::described(&self.command()));
        let (mut passed, mut failed) = (0, Vec::new());
        if self.stores {
            let all = self.measure()?;
            let shown = &all[peers::ALL.len()..]; // without the small files
            text += &[goals::stores(shown), tables::stores(shown), tables::notes(shown)].concat();
            plots::draw(shown, &self.out)?;
            passed += all.iter().map(|one| one.outcome.passed).sum::<usize>();
            for one in &all {
                let told = |what| format!("{} with {} records: {what}", one.peer.id(), one.size);
                failed.extend(one.outcome.failed.iter().map(told));
            }
        }
        if self.kdf {
            let compared = kdf::compare(if self.quick { 2 } else { 9 })?;
            text += &[goals::kdf(&compared), tables::kdf(&compared)].concat();
            passed += compared.passed;
            failed.extend(compared.failed);
        }
        for what in &failed {
            text += &format!("\n**FAILED**: {what}\n");
        }
        fs::write(self.out.join("peers.md"), &text)?;
        println!("{text}");
        println!("{passed} passed, {} failed", failed.len());
        Ok(failed.is_empty())
    }

    /// What gives the same again, wherever it is written to.
    fn command(&self) -> String {
        let part = match (self.stores, self.kdf) {
            (true, false) => " stores",
            (false, true) => " kdf",
            _ => "",
        };
        format!("peers/run{part}{}", if self.quick { " --quick" } else { "" })
    }

    /// In a file system in memory where there is one: what a save costs is not the disk's affair here.
    fn measure(&self) -> Result<Vec<Measured>> {
        let plan = if self.quick {
            Plan { sizes: vec![1_000], rounds: 2, budget: Duration::from_secs(10) }
        } else {
            Plan { sizes: vec![1_000, 10_000, 100_000], rounds: 7, budget: Duration::from_secs(30) }
        };
        let shared = Path::new("/dev/shm");
        let place = if shared.is_dir() { shared } else { &self.out };
        let folder = place.join(format!("aumbry-peers-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let measured = rounds::measure(&plan, &folder);
        fs::remove_dir_all(&folder)?;
        measured
    }
}
