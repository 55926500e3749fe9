//! Runs each peer's steps in child processes, round after round, one peer after the other within a round: what disturbs
//! the machine disturbs all alike. A step that takes too long is ended, and the peer is left alone at that size.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::child::WARM_UP;
use crate::peer::Peer;
use crate::peers::ALL;

pub struct Plan {
    pub sizes: Vec<usize>,
    pub rounds: usize,
    /// No step may take longer.
    pub budget: Duration,
}

/// What came of one peer at one size.
#[derive(Default)]
pub struct Outcome {
    values: BTreeMap<String, Vec<f64>>,
    /// The step that took longer than the budget.
    over: Option<String>,
    pub passed: usize,
    pub failed: Vec<String>,
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

pub struct Measured {
    pub peer: &'static dyn Peer,
    pub size: usize,
    pub outcome: Outcome,
    budget: f64,
}

impl Measured {
    pub fn figure(&self, step: &str) -> Figure {
        if let Some(values) = self.outcome.values.get(step) {
            return Figure::Median(median(values));
        }
        match &self.outcome.over {
            Some(over) if over == step => Figure::MoreThan(self.budget),
            _ => Figure::Unknown,
        }
    }

    pub fn median(&self, step: &str) -> Option<f64> {
        if let Figure::Median(value) = self.figure(step) { Some(value) } else { None }
    }

    /// As the peer says it, or else what the whole opening takes more than one with the least KDF.
    pub fn kdf(&self) -> Option<f64> {
        self.median("kdf").or_else(|| Some((self.median("whole")? - self.median("beyond")?).max(0.0)))
    }

    /// The quickest and the slowest round.
    pub fn range(&self, step: &str) -> Option<(f64, f64)> {
        let values = self.outcome.values.get(step)?;
        Some((values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?))
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// Everything, in the order of sizes and peers.
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
        // Large vaults differ by more than the noise, and take long.
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

/// Runs one child, unless an earlier one took too long or failed.
fn child(one: &mut Measured, work: &str, round: usize, plan: &Plan, folder: &Path) -> Result<()> {
    if one.outcome.over.is_some() || !one.outcome.failed.is_empty() {
        return Ok(());
    }
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--child", work, one.peer.id(), &one.size.to_string(), &round.to_string()])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("no pipe")?;
    let (sender, lines) = channel();
    thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(|line| line.ok()).try_for_each(|line| sender.send(line))
    });

    let mut step = work.to_owned();
    loop {
        match lines.recv_timeout(plan.budget) {
            Ok(line) => one.outcome.take(&line, &mut step),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("{}: {step}: more than {} s", one.peer.id(), plan.budget.as_secs());
                one.outcome.over = Some(step);
                child.kill()?;
                child.wait()?;
                return Ok(());
            }
        }
    }
    if !child.wait()?.success() {
        one.outcome.failed.push(format!("{step}: the child process failed"));
    }
    for what in &one.outcome.failed {
        eprintln!("{}: FAILED: {what}", one.peer.id());
    }
    Ok(())
}

impl Outcome {
    fn take(&mut self, line: &str, step: &mut String) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest.parse()) {
            ("begin", _) => rest.clone_into(step),
            ("passed", _) => self.passed += 1,
            ("failed", _) => self.failed.push(rest.to_owned()),
            (_, Ok(value)) => self.values.entry(word.to_owned()).or_default().push(value),
            (_, Err(_)) => self.failed.push(format!("a line that is none of ours: {line}")),
        }
    }
}
