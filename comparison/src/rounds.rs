//! Runs each peer's steps in child processes, round after round, one peer after another within a round, so
//! that a disturbance of the machine affects all of them. A step that takes too long is ended, and the peer
//! is skipped at that size.

use std::path::Path;
use std::time::Duration;

use crate::child::WARM_UP;
use crate::outcome::Outcome;
use crate::peer::Peer;
use crate::peers::ALL;
use crate::result::Result;

pub struct Plan {
    pub sizes: Vec<usize>,
    pub rounds: usize,
    /// The longest time that a step may take.
    pub budget: Duration,
}

/// One figure of a table.
#[derive(Clone, Copy)]
pub enum Figure {
    Median(f64),
    /// It took longer than this.
    MoreThan(f64),
    /// It was not reached.
    Unknown,
}

/// The measurements of one peer at one size.
pub struct Measured {
    pub peer: &'static dyn Peer,
    pub size: usize,
    pub outcome: Outcome,
    budget: f64,
}

impl Measured {
    pub fn figure(&self, step: &str) -> Figure {
        if let Some(median) = self.outcome.median(step) {
            return Figure::Median(median);
        }
        match &self.outcome.over {
            Some(over) if over == step => Figure::MoreThan(self.budget),
            _ => Figure::Unknown,
        }
    }

    pub fn median(&self, step: &str) -> Option<f64> {
        self.outcome.median(step)
    }

    /// Returns the time that the peer reports, or otherwise the difference between the whole opening and one
    /// with the least KDF.
    pub fn kdf(&self) -> Option<f64> {
        self.median("kdf").or_else(|| Some((self.median("whole")? - self.median("beyond")?).max(0.0)))
    }
}

/// Measures everything, in the order of sizes and peers.
pub fn measure(plan: &Plan, folder: &Path) -> Result<Vec<Measured>> {
    let mut all = Vec::new();
    let sizes: Vec<usize> = [WARM_UP].into_iter().chain(plan.sizes.iter().copied()).collect();
    for size in sizes {
        let mut measured: Vec<Measured> = Vec::new();
        for peer in ALL {
            let outcome = Outcome::default();
            measured.push(Measured { peer, size, outcome, budget: plan.budget.as_secs_f64() });
        }
        eprintln!("{size} records: making the files");
        for one in &mut measured {
            child(one, "prepare", 0, plan, folder)?;
        }
        // Large vaults differ by more than the noise and take long, so they get fewer rounds.
        let rounds = if size > 10_000 { plan.rounds.min(3) } else { plan.rounds };
        for round in 0..if size == WARM_UP { 0 } else { rounds } {
            eprintln!("{size} records: round {} of {rounds}", round + 1);
            for one in &mut measured {
                for work in ["round", "full", "memory"] {
                    child(one, work, round, plan, folder)?;
                }
            }
        }
        all.append(&mut measured);
    }
    Ok(all)
}

fn child(one: &mut Measured, work: &str, round: usize, plan: &Plan, folder: &Path) -> Result<()> {
    let (peer, size, round) = (one.peer.id(), one.size.to_string(), round.to_string());
    let folder = folder.to_str().ok_or("a folder whose name is not valid text")?;
    one.outcome.run(peer, &[work, peer, &size, &round, folder], plan.budget)
}
