//! The measurements of one size, taken by child processes that work in given folders.

use std::path::Path;
use std::time::Duration;

use crate::outcome::Outcome;
use crate::result::Result;
use crate::tables::times;

const BUDGET: Duration = Duration::from_secs(120);

/// The measurements of one size: aumbry's steps and the floors'.
pub struct AtSize {
    pub(super) size: usize,
    pub(super) outcome: Outcome,
}

impl AtSize {
    pub(super) fn median(&self, step: &str) -> Option<f64> {
        self.outcome.median(step)
    }

    pub(super) fn ratio(&self, step: &str, of: &str) -> Option<f64> {
        self.outcome.ratio(step, of)
    }

    pub(super) fn shown(&self, step: &str, show: impl Fn(f64) -> String) -> String {
        self.median(step).map_or_else(|| String::from("–"), show)
    }

    pub(super) fn shown_ratio(&self, step: &str, of: &str) -> String {
        self.ratio(step, of).map_or_else(|| String::from("–"), times)
    }

    /// Runs one more child process: `rounds` rounds of `work`, or round number `rounds`.
    pub(super) fn run(&mut self, work: &str, rounds: usize, folders: &Folders<'_>) -> Result<()> {
        let (size, rounds) = (self.size.to_string(), rounds.to_string());
        let text = |folder: &'static str, path: &Path| path.to_str().map(str::to_owned).ok_or(folder);
        let memory = text("a folder whose name is not valid text", folders.memory)?;
        let disk = text("a folder whose name is not valid text", folders.disk)?;
        let who = format!("floors, {size} records, {work}");
        self.outcome.run(&who, &["floors", work, &size, &rounds, &memory, &disk], BUDGET)
    }
}

/// The folders for files: in memory, and on a disk.
pub struct Folders<'a> {
    pub memory: &'a Path,
    pub disk: &'a Path,
}
