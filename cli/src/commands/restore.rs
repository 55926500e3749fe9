//! A backup takes the place of the vault, or of its records.

use std::path::{Path, PathBuf};

use aumbry::storage::{FileStorage, InMemory, Storage};
use aumbry::{ErrorKind, OpenOptions, Passphrase, Role, Vault};
use serde_json::json;

use super::records::escaped;
use crate::arguments::Restore;
use crate::context::{Context, make_folder};
use crate::failure::{Failure, Outcome};
use crate::output::records;
use crate::passphrase::terminal;

/// As much as the format allows.
const MAX_FILE: u64 = 1 << 30;

pub(super) fn restore(context: &Context, restore: &Restore) -> Outcome {
    let path = context.path()?;
    // Read once: what is verified is what is restored.
    let bytes = FileStorage::new(&restore.file).load(MAX_FILE);
    let storage = InMemory::from_bytes(bytes.map_err(unusable)?);
    let of_backup = aumbry::inspect_in(&storage).map_err(unusable)?;
    let gone = match aumbry::inspect(&path) {
        Ok(info) if info.vault_id != of_backup.vault_id => {
            let message = format!("{} is a backup of another vault", restore.file.display());
            return Err(
                Failure::refused(message).advise("export its records from there and import them here")
            );
        }
        Ok(_) => None,
        Err(error) => Some(Destination::by(error)?),
    };
    let passphrase = context.passphrase(if gone.is_some() { &restore.file } else { &path })?;
    let found = match gone {
        Some(gone) => gone,
        None => context
            .open_with(passphrase.clone(), |options, passphrase| options.open(&path, passphrase))
            .map_or_else(Destination::by, |vault| Ok(Destination::Opened(vault)))?,
    };
    let vault = open_backup(context, restore, &storage, passphrase)?;
    let verified = context.waiting("Verifying the backup", || vault.verify()).map_err(unusable)?;
    let text = format!("{} of generation {}", records(verified.records), verified.generation);
    let backup = Backup { vault, storage, text };

    let signs = |vault: &Vault| Ok::<_, Failure>(vault.role()? == Role::Administrator);
    match &found {
        Destination::Opened(vault) if signs(vault)? => backup.give_records_to(vault, context, restore),
        Destination::Nothing | Destination::Damaged if signs(&backup.vault)? => {
            backup.come_back(&found, &path, context, restore)
        }
        _ => backup.put_back(&found, &path, context, restore),
    }
}

fn unusable(error: aumbry::Error) -> Failure {
    Failure::from(error).advise("nothing was changed: name another backup")
}

struct Backup {
    vault: Vault,
    storage: InMemory,
    /// What is in it, for people.
    text: String,
}

impl Backup {
    fn give_records_to(&self, vault: &Vault, context: &Context, restore: &Restore) -> Outcome {
        let (count, generation) = (vault.records()?.count(), vault.generation()?);
        let what =
            format!("In place of {} of generation {generation} there will be {}.", records(count), self.text);
        ask(context, restore, &what)?;
        context.waiting("Restoring", || vault.restore(&self.vault))?;
        report(context, vault, &[])
    }

    fn come_back(&self, found: &Destination, path: &Path, context: &Context, restore: &Restore) -> Outcome {
        let people: Vec<String> = self.vault.people()?.into_iter().map(|person| person.label).collect();
        let what = format!(
            "In place of {} there will be {}. These people can open it with the passphrases they had at that time, including people who were removed since: {}.",
            found.named(path),
            self.text,
            people.iter().map(|label| escaped(label)).collect::<Vec<_>>().join(", ")
        );
        ask(context, restore, &what)?;
        let aside = make_room(found, path)?;
        let restored = context.open_with(&self.vault, |options, backup| options.restore(path, backup));
        let vault = restored.inspect_err(|_| put_back(aside.as_deref(), path))?;
        say_where(context, aside.as_deref());
        report(context, &vault, &people)?;
        context.confirmed(&vault)
    }

    /// As it is, which is all that a reader can do.
    fn put_back(&self, found: &Destination, path: &Path, context: &Context, restore: &Restore) -> Outcome {
        if !context.global.accept_rollback {
            let message = "a reader cannot sign a new version: the backup could only be put back as it is";
            return Err(Failure::refused(message).advise(
                "ask an administrator; or add --accept-rollback, at each opening until an administrator commits",
            ));
        }
        let what = format!("In place of {} there will be {}, as they were.", found.named(path), self.text);
        ask(context, restore, &what)?;
        let aside = make_room(found, path)?;
        let place = FileStorage::new(path);
        let replace = || {
            let _exclusive = place.exclusive()?;
            place.replace(place.revision()?.as_ref(), &self.storage.load(MAX_FILE)?)
        };
        replace().inspect_err(|_| put_back(aside.as_deref(), path))?;
        say_where(context, aside.as_deref());
        report(context, &self.vault, &[])
    }
}

/// What is at the place where the backup goes.
enum Destination {
    Nothing,
    Damaged,
    Opened(Vault),
}

impl Destination {
    /// What makes way without being opened: nothing but what is gone or damaged.
    fn by(error: aumbry::Error) -> Outcome<Self> {
        match error.kind() {
            ErrorKind::NotFound => Ok(Self::Nothing),
            ErrorKind::Damaged => Ok(Self::Damaged),
            ErrorKind::WrongPassphrase => Err(Failure::from(error)
                .advise("if the passphrase is lost, move the vault away, and restore again")),
            ErrorKind::InvalidFile | ErrorKind::Unsupported => Err(Failure::from(error)
                .advise("nothing was overwritten: move that file away, and restore again")),
            _ => Err(error.into()),
        }
    }

    fn named(&self, path: &Path) -> String {
        match self {
            Self::Nothing => format!("nothing at {}", path.display()),
            Self::Damaged => format!("the damaged file {}", path.display()),
            Self::Opened(_) => format!("the vault {}", path.display()),
        }
    }
}

/// With the passphrase of the vault, or with its own.
fn open_backup(
    context: &Context,
    restore: &Restore,
    storage: &InMemory,
    passphrase: Passphrase,
) -> Outcome<Vault> {
    let open = |passphrase| {
        let options = OpenOptions::new().without_pin();
        context.waiting("Unlocking the backup", || options.open_in(storage.clone(), passphrase))
    };
    if let Some(own) = restore.passphrase.sources().backup_passphrase()? {
        return Ok(open(own)?);
    }
    match open(passphrase) {
        Err(error) if error.kind() == ErrorKind::WrongPassphrase => {
            let advise = |failure: Failure| {
                failure.advise("if the backup has another passphrase, give it by --backup-passphrase-file")
            };
            let mut terminal = terminal(context.may_ask(), "passphrase of the backup")
                .map_err(|_| advise(Failure::from(error)))?;
            let own =
                terminal.ask_secret(&format!("Passphrase of the backup {}: ", restore.file.display()))?;
            Ok(open(Passphrase::from(own.as_slice()))?)
        }
        opened => opened.map_err(unusable),
    }
}

/// Asks, or with `--yes` reports what happens, with the names of the people who come back.
fn ask(context: &Context, restore: &Restore, what: &str) -> Outcome {
    if restore.yes {
        context.note(what);
    }
    context.confirm(restore.yes, &format!("{what} Go on?"))
}

/// Creates the folder of the vault. A damaged file is kept beside the vault, because parts of it may be recoverable.
/// Returns where it is now.
fn make_room(found: &Destination, path: &Path) -> Outcome<Option<PathBuf>> {
    make_folder(path)?;
    let Destination::Damaged = found else { return Ok(None) };
    // A link is followed: what it leads to is what is damaged.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let free = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { ".damaged".into() } else { format!(".damaged-{number}") });
        let aside = PathBuf::from(name);
        aside.symlink_metadata().is_err().then_some(aside)
    };
    let aside = (1..).find_map(free).unwrap_or_default();
    std::fs::rename(&path, &aside)
        .map_err(|error| Failure::io(format!("could not put {} aside", path.display()), &error))?;
    Ok(Some(aside))
}

/// As it was, if nothing took its place.
fn put_back(aside: Option<&Path>, path: &Path) {
    let Some(aside) = aside else { return };
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if path.symlink_metadata().is_err() {
        let _ = std::fs::rename(aside, path);
    }
}

fn say_where(context: &Context, aside: Option<&Path>) {
    if let Some(aside) = aside {
        context.note(&format!("The damaged file is kept as {}.", aside.display()));
    }
}

fn report(context: &Context, vault: &Vault, people: &[String]) -> Outcome {
    let (count, generation) = (vault.records()?.count(), vault.generation()?);
    context.done(
        &format!("Restored {}, as generation {generation}.", records(count)),
        &json!({ "records": count, "generation": generation, "people_of_the_backup": people }),
    )
}
