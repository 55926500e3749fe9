//! One run of the program: its global options, the vault they lead to, and the wait while it opens.

use std::path::{Path, PathBuf};

use aumbry::{Advice, ErrorKind, OpenOptions, Passphrase, Role, Vault, VaultInfo};

use crate::arguments::secrets::NewPassphrase;
use crate::arguments::{Color, Global};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::passphrase::{self, Wanted};
use crate::progress::{Counter, Spinner};

pub(crate) struct Context {
    pub(crate) global: Global,
}

impl Context {
    /// `--vault`, or the default place.
    pub(crate) fn path(&self) -> Outcome<PathBuf> {
        // An empty variable is as good as none.
        match self.global.vault.as_ref().filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => Ok(path.clone()),
            None => default_path(),
        }
    }

    /// Opens the vault, asking for the passphrase if no source gives it.
    pub(crate) fn open(&self) -> Outcome<Vault> {
        let path = self.path()?;
        self.inspect(&path)?;
        let passphrase = self.passphrase(&path)?;
        let vault = self.open_with(passphrase, |options, passphrase| options.open(&path, passphrase))?;
        for advice in vault.advice()?.iter().filter(|advice| matches!(advice, Advice::PinNotWritten(_))) {
            self.note(&format!("aumbry: warning: {advice}"));
        }
        if self.global.verbose {
            self.note(&opened(&vault)?);
        }
        Ok(vault)
    }

    /// Checks all that can be checked before a passphrase is asked for.
    pub(crate) fn inspect(&self, path: &Path) -> Outcome<VaultInfo> {
        let info = aumbry::inspect(path)?;
        match self.global.role.map(Role::from) {
            Some(role) if info.slots.iter().all(|slot| slot.role != role) => {
                Err(Failure::no_such_person(format!("the vault has no person in the role {role}"))
                    .advise("open it without --role, or see `aumbry people list`"))
            }
            _ => Ok(info),
        }
    }

    /// Opens the vault to change it. A reader is refused before anything else is asked for.
    pub(crate) fn open_to_write(&self) -> Outcome<Vault> {
        let vault = self.open()?;
        if vault.role()? == Role::Administrator {
            return Ok(vault);
        }
        let message = "only an administrator can change the vault, and it was opened as a reader";
        Err(aumbry::Error::new(ErrorKind::NotAdministrator, message).into())
    }

    /// What a new passphrase is to be like, and where it comes from.
    pub(crate) fn wanted<'a>(&self, new: &NewPassphrase, known: &'a [&'a str]) -> Wanted<'a> {
        Wanted {
            sources: new.sources(),
            ordinary: None,
            may_ask: self.may_ask(),
            allow_weak: new.allow_weak,
            known,
        }
    }

    /// The passphrase of the vault at `path`, from a source or from the terminal.
    pub(crate) fn passphrase(&self, path: &Path) -> Outcome<Passphrase> {
        let prompt = format!("Passphrase of {}: ", path.display());
        self.global.passphrase().passphrase(self.may_ask(), &prompt)
    }

    /// Runs `open`, and once more with the version that it refused, if the user accepts that.
    pub(crate) fn open_with<S: Clone, T>(
        &self,
        source: S,
        open: impl Fn(OpenOptions, S) -> aumbry::Result<T>,
    ) -> aumbry::Result<T> {
        let options = match self.global.role {
            Some(role) => OpenOptions::new().role(role.into()),
            None => OpenOptions::new(),
        };
        match self.waiting("Unlocking", || open(options.clone(), source.clone())) {
            Err(error) if self.global.accept_rollback => match error.refused_revision() {
                Some(refused) => {
                    self.note(&format!("aumbry: accepted: {error}"));
                    let options = options.accept_revision(refused.revision);
                    self.waiting("Unlocking", || open(options, source))
                }
                None => Err(error),
            },
            opened => opened,
        }
    }

    /// What was saved, but not confirmed by the disk: said last, when all that is told once was told.
    pub(crate) fn confirmed(&self, vault: &Vault) -> Outcome {
        if vault.advice()?.contains(&Advice::NotConfirmed) {
            let message = "the vault was saved, but the disk did not confirm it";
            return Err(aumbry::Error::new(ErrorKind::DurabilityUnknown, message).into());
        }
        Ok(())
    }

    pub(crate) fn may_ask(&self) -> bool {
        !self.global.no_input
    }

    /// Asks before something that cannot be taken back, unless `yes` was said already.
    pub(crate) fn confirm(&self, yes: bool, what: &str) -> Outcome {
        if yes {
            return Ok(());
        }
        let mut terminal = passphrase::terminal(self.may_ask(), "yes").map_err(|_| {
            Failure::input_needed("a confirmation is needed, and there is no terminal to ask on")
                .advise("add --yes")
        })?;
        if terminal.confirm(what)? {
            return Ok(());
        }
        Err(Failure::input_needed("nothing was changed"))
    }

    /// Runs `work` behind a spinner, on a terminal.
    pub(crate) fn waiting<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        let _spinner = self.shows_progress().then(|| Spinner::new(what));
        work()
    }

    /// A bar for so many, on a terminal.
    pub(crate) fn counter(&self, what: &str, len: usize) -> Counter {
        if self.shows_progress() { Counter::new(what, len, self.color()) } else { Counter::hidden() }
    }

    fn shows_progress(&self) -> bool {
        !self.global.quiet && !self.global.json
    }

    fn color(&self) -> bool {
        match self.global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// Prints something that is not a result.
    pub(crate) fn note(&self, text: &str) {
        output::note(self.global.quiet, text);
    }

    /// Reports what was done: a line for a person, or with `--json` the result.
    pub(crate) fn done(&self, note: &str, result: &serde_json::Value) -> Outcome {
        if self.global.json {
            return output::print_json(result);
        }
        self.note(note);
        Ok(())
    }
}

/// Names the person that opened the vault, and how long that took.
fn opened(vault: &Vault) -> Outcome<String> {
    let own = vault.people()?.into_iter().find(|person| person.is_self);
    let who = own.map(|own| format!("{}, {}", own.label.escape_debug(), own.role)).unwrap_or_default();
    let (kdf, rest) = vault.unlock_time().map_or((0.0, 0.0), |time| {
        (time.kdf.as_secs_f64() * 1e3, time.whole.saturating_sub(time.kdf).as_secs_f64() * 1e3)
    });
    Ok(format!(
        "Opened generation {} as {who}: {kdf:.0} ms for the passphrase, {rest:.1} ms for the rest.",
        vault.generation()?
    ))
}

fn default_path() -> Outcome<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| if cfg!(windows) { absolute("LOCALAPPDATA") } else { None })
        .or_else(|| std::env::home_dir().map(|home| home.join(".local").join("share")))
        .ok_or_else(|| Failure::usage("could not find the home folder: name the vault with --vault"))?;
    Ok(data.join("aumbry").join("default.aumbry"))
}

/// Creates the folder of a new vault, accessible only to its owner.
pub(crate) fn make_folder(path: &Path) -> Outcome {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    create_folder(folder).map_err(|error| Failure::io(format!("could not make {}", folder.display()), &error))
}

/// Creates the folder and its parents, one after the other, because a umask may remove the owner's access to each.
#[cfg(unix)]
fn create_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {
            if folder.symlink_metadata().is_ok_and(|made| made.is_dir() && made.mode() & 0o700 != 0o700) {
                let _ = std::fs::set_permissions(folder, PermissionsExt::from_mode(0o700));
            }
            Ok(())
        }
        Err(_) if folder.is_dir() => Ok(()), // another program made it meanwhile
        failed => failed,
    }
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}
