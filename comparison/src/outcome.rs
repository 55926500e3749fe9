//! The results of some child processes, each of which reported its figures line by line.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::result::Result;

#[derive(Default)]
pub struct Outcome {
    values: BTreeMap<String, Vec<f64>>,
    /// The step that took longer than the budget.
    pub over: Option<String>,
    pub passed: usize,
    pub failed: Vec<String>,
}

impl Outcome {
    /// Runs this program again as a child with these arguments, unless an earlier one took too long or
    /// failed. No step may take longer than `budget`. `who` appears in messages.
    pub fn run(&mut self, who: &str, arguments: &[&str], budget: Duration) -> Result<()> {
        if self.over.is_some() || !self.failed.is_empty() {
            return Ok(());
        }
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--child")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no pipe")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(|line| line.ok());
            lines.into_iter().try_for_each(|line| sender.send(line))
        });

        let mut step = arguments.first().copied().unwrap_or_default().to_owned();
        loop {
            match lines.recv_timeout(budget) {
                Ok(line) => self.take(&line, &mut step),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    eprintln!("{who}: {step}: more than {} s", budget.as_secs());
                    self.over = Some(step);
                    child.kill()?;
                    child.wait()?;
                    return Ok(());
                }
            }
        }
        if !child.wait()?.success() {
            self.failed.push(format!("{step}: the child process failed"));
        }
        for what in &self.failed {
            eprintln!("{who}: FAILED: {what}");
        }
        Ok(())
    }

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

    pub fn median(&self, step: &str) -> Option<f64> {
        self.values.get(step).map(|values| median(values))
    }

    /// Returns the median of the ratios of the rounds, because a disturbance slows both steps of a round. If
    /// the rounds differ, returns the ratio of the medians.
    pub fn ratio(&self, step: &str, of: &str) -> Option<f64> {
        let (steps, ofs) = (self.values.get(step)?, self.values.get(of)?);
        if steps.len() != ofs.len() {
            return Some(median(steps) / median(ofs));
        }
        let ratios: Vec<f64> = steps.iter().zip(ofs).map(|(step, of)| step / of).collect();
        Some(median(&ratios))
    }

    /// Returns the fastest and the slowest round.
    pub fn range(&self, step: &str) -> Option<(f64, f64)> {
        let values = self.values.get(step)?;
        Some((values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?))
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}
