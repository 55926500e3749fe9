//! One run of the program: its global options, the vault they lead to, and the wait while it opens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aumbry::{OpenOptions, Vault};
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::{Color, Global};
use crate::failure::{Failure, Outcome};
use crate::output;

pub(crate) struct Session {
    pub(crate) global: Global,
}

impl Session {
    /// `--vault`, or the default place.
    pub(crate) fn path(&self) -> Outcome<PathBuf> {
        match &self.global.vault {
            Some(path) => Ok(path.clone()),
            None => default_path(),
        }
    }

    /// Opens the vault, asking for the passphrase if no source gives it.
    pub(crate) fn open(&self) -> Outcome<Vault> {
        let path = self.path()?;
        // What needs no passphrase is found out before one is asked for.
        aumbry::inspect(&path)?;
        let prompt = format!("Passphrase of {}: ", path.display());
        let passphrase = self.global.passphrase().passphrase(self.may_ask(), &prompt)?;
        let opened = self.waiting("Unlocking", || OpenOptions::new().open(&path, passphrase.clone()));
        match opened {
            Err(error) if self.global.accept_rollback && error.refused_version().is_some() => {
                let version = error.refused_version().unwrap_or([0; 64]);
                output::note(self.global.quiet, &format!("aumbry: accepted: {error}"));
                let options = OpenOptions::new().accept_version(version);
                Ok(self.waiting("Unlocking", || options.open(&path, passphrase))?)
            }
            opened => Ok(opened?),
        }
    }

    pub(crate) fn may_ask(&self) -> bool {
        !self.global.no_input
    }

    /// Runs `work` behind a spinner, on a terminal.
    pub(crate) fn waiting<T>(&self, what: &'static str, work: impl FnOnce() -> T) -> T {
        if self.global.quiet || self.global.json {
            return work();
        }
        let spinner = ProgressBar::new_spinner(); // draws on stderr, and only if that is a terminal
        if self.color() {
            spinner.set_style(ProgressStyle::default_spinner());
        }
        spinner.set_message(format!("{what} …"));
        spinner.enable_steady_tick(Duration::from_millis(80));
        let result = work();
        spinner.finish_and_clear();
        result
    }

    fn color(&self) -> bool {
        match self.global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// Says something that is no result.
    pub(crate) fn note(&self, text: &str) {
        output::note(self.global.quiet, text);
    }
}

fn default_path() -> Outcome<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| if cfg!(windows) { absolute("LOCALAPPDATA") } else { None })
        .or_else(|| std::env::home_dir().map(|home| home.join(".local").join("share")))
        .ok_or_else(|| Failure::usage("there is no home folder: name the vault with --vault"))?;
    Ok(data.join("aumbry").join("default.aumbry"))
}

/// Makes the folder of a new vault, for its owner alone.
pub(crate) fn make_folder(path: &Path) -> Outcome {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| Failure::io(format!("could not make {}", folder.display()), &error))
}
