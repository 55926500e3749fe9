//! Imports records from the files of other programs: all of them or none.

mod plan;
mod reading;

use std::path::PathBuf;

use aumbry::{Name, NewRecord, Vault};
use serde_json::{Value, json};

use self::plan::{Fate, Planned, conflicts, plan};
use self::reading::{Contents, Remark, is_stdin, read_all, shown};
use super::aws_config::{Platform, quoted};
use super::records::{escaped, table};
use crate::arguments::transfer::{Import, OnConflict};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json, records};

pub(super) fn import(session: &Context, import: &Import) -> Outcome {
    check(session, import)?;
    let Contents { records: new, skipped, left_out, with_keys } = read_all(import)?;
    // Without anything to import, the user is not asked for a passphrase.
    let vault = if new.is_empty() { None } else { Some(session.open_to_write()?) };
    let planned = match &vault {
        None => Vec::new(),
        Some(vault) if import.dry_run => {
            plan(&new, import.on_conflict, |name| Ok(vault.find(name)?.is_some()))?
        }
        Some(vault) => {
            let planned = add_all(session, vault, &new, import.on_conflict)?;
            refuse_conflicts(&planned)?;
            planned
        }
    };
    if session.global.json {
        print_json(&result(import.dry_run, &planned, &skipped, &left_out))?;
    } else {
        if import.dry_run && !planned.is_empty() {
            print(&preview(&planned))?;
        }
        for said in skipped.iter().chain(&left_out).filter_map(|remark| remark.said.as_ref()) {
            session.note(said);
        }
        match skipped.iter().filter(|remark| remark.said.is_none()).count() {
            0 => {}
            1 => session.note("1 entry holds no AWS access key, and was skipped."),
            count => session.note(&format!("{count} entries hold no AWS access key, and were skipped.")),
        }
        if planned.is_empty() {
            session.note("There was nothing to import.");
        } else if !import.dry_run {
            advise(session, &planned, &with_keys);
        }
    }
    refuse_conflicts(&planned)
}

/// Refuses arguments that cannot work, before the command reads a file or asks for a passphrase.
fn check(session: &Context, import: &Import) -> Outcome {
    if let Some(name) = &import.name {
        Name::new(name)?;
    }
    match import.files.iter().filter(|file| is_stdin(file)).count() {
        0 => Ok(()),
        1 if session.global.passphrase().descriptor == Some(0) => Err(Failure::usage(
            "stdin cannot give both the passphrase and a file to import: take another descriptor, or a file",
        )),
        1 => Ok(()),
        _ => Err(Failure::usage("stdin can be imported once: name - once only")),
    }
}

/// Adds all records in one commit, or none if one conflicts with the vault at that time. The closure can run again, so it
/// restarts the counter.
fn add_all<'a>(
    session: &Context,
    vault: &Vault,
    new: &'a [NewRecord],
    on_conflict: OnConflict,
) -> Outcome<Vec<Planned<'a>>> {
    let counter = session.counter("Importing", new.len());
    let planned = vault.edit(|edit| {
        counter.begin();
        let planned = plan(new, on_conflict, |name| Ok(edit.contains(name)))?;
        if conflicts(&planned).next().is_some() {
            return Ok(planned);
        }
        for Planned { fate, record } in &planned {
            match fate {
                Fate::Add | Fate::Rename => edit.add(record)?,
                Fate::Replace => edit.put(record)?,
                Fate::Skip | Fate::Conflict => {}
            }
            counter.count();
        }
        counter.then("Sealing and saving"); // takes longer, and begins when this closure returns
        Ok(planned)
    })?;
    Ok(planned)
}

fn refuse_conflicts(planned: &[Planned<'_>]) -> Outcome {
    let names: Vec<_> = conflicts(planned).map(escaped).collect();
    if names.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the vault has records of these names already, so nothing was imported: {}",
        names.join(", ")
    );
    Err(Failure::already_exists(message).advise("choose with --on-conflict skip, replace or rename"))
}

/// Prints what was imported and what to do next.
fn advise(session: &Context, planned: &[Planned<'_>], with_keys: &[&PathBuf]) {
    let imported: Vec<_> = planned.iter().filter(|planned| planned.fate != Fate::Skip).collect();
    session.note(&format!("Imported {} of {}.", imported.len(), records(planned.len())));
    if let Some(command) = imported.iter().find_map(|planned| aws_config(session, planned.name())) {
        let each = if imported.len() == 1 { "" } else { ", and so on for each of them" };
        session.note(&format!("AWS clients find a record through a profile: {command}{each}"));
    }
    for file in with_keys.iter().filter(|file| !is_stdin(file)) {
        session.note(&format!("{} still holds its keys in plaintext: remove them there.", shown(file)));
    }
}

/// Returns the command that creates a profile for this record, if a profile can have its name.
fn aws_config(session: &Context, name: &str) -> Option<String> {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c)) || name.starts_with('-') {
        return None;
    }
    let vault = match &session.global.vault {
        Some(path) => format!(" --vault {}", quoted(path.to_str()?, Platform::HERE).ok()?),
        None => String::new(),
    };
    Some(format!("aumbry aws-config {name} --write{vault}"))
}

fn result(dry_run: bool, planned: &[Planned<'_>], skipped: &[Remark], left_out: &[Remark]) -> Value {
    let names = |fates: &[Fate]| -> Vec<&str> {
        planned.iter().filter(|planned| fates.contains(&planned.fate)).map(Planned::name).collect()
    };
    let taken = names(&[Fate::Skip]);
    let results = |remarks: &[Remark]| remarks.iter().map(|remark| remark.result.clone()).collect::<Vec<_>>();
    let taken =
        taken.iter().map(|name| json!({ "name": name, "reason": "the vault has a record of this name" }));
    json!({
        "dry_run": dry_run,
        "added": names(&[Fate::Add, Fate::Rename]),
        "replaced": names(&[Fate::Replace]),
        "skipped": taken.chain(results(skipped)).collect::<Vec<_>>(),
        "left_out": results(left_out),
        "conflicts": names(&[Fate::Conflict]),
    })
}

fn preview(planned: &[Planned<'_>]) -> String {
    let rows: Vec<[String; 4]> = planned
        .iter()
        .map(|planned| {
            let fate = match planned.fate {
                Fate::Add => "add",
                Fate::Replace => "replace",
                Fate::Skip => "skip",
                Fate::Rename => "add under another name",
                Fate::Conflict => "conflict: the vault has this name",
            };
            let id = escaped(planned.record.access_key_id());
            [escaped(planned.name()), planned.record.provider().to_string(), id, fate.into()]
        })
        .collect();
    table(&["NAME", "PROVIDER", "ACCESS KEY ID", "WHAT WOULD HAPPEN"], &rows)
}
