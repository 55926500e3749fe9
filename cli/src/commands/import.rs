//! Records from other programs' files: all of them or none.

mod reading;

use std::collections::BTreeSet;
use std::path::Path;

use aumbry::{Draft, Name, Vault};
use serde_json::{Value, json};

use self::reading::{Found, Remark, read_all};
use super::aws_config::{Platform, quoted};
use super::records::{escaped, table};
use crate::arguments::transfer::{Import, OnConflict};
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json, records};
use crate::session::Session;

/// What becomes of one record.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Add,
    Replace,
    Skip,
    Rename,
}

pub(super) fn import(session: &Session, import: &Import) -> Outcome {
    check(session, import)?;
    let Found { drafts, skipped, left_out } = read_all(import)?;
    let vault = session.open_to_write()?;
    let planned = plan(&vault, drafts, import.on_conflict)?;
    if !import.dry_run {
        add_all(session, &vault, &planned)?;
    }
    if session.global.json {
        return print_json(&result(import.dry_run, &planned, &skipped, &left_out));
    }
    if import.dry_run {
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
    if !import.dry_run {
        let imported: Vec<_> = planned.iter().filter(|(fate, _)| *fate != Fate::Skip).collect();
        session.note(&format!("Imported {} of {}.", imported.len(), records(planned.len())));
        if let Some(command) = imported.iter().find_map(|(_, draft)| aws_config(session, draft)) {
            let each = if imported.len() == 1 { "" } else { ", and so on for each of them" };
            session.note(&format!("AWS clients find a record through a profile: {command}{each}"));
        }
        for file in import.files.iter().filter(|file| !is_stdin(file)) {
            session
                .note(&format!("{} still holds its keys in plaintext: remove them there.", file.display()));
        }
    }
    Ok(())
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// What cannot work, found before anything is read or asked for.
fn check(session: &Session, import: &Import) -> Outcome {
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

/// What becomes of each record where the vault, or this import, has its name already.
fn plan(vault: &Vault, drafts: Vec<Draft>, on_conflict: OnConflict) -> Outcome<Vec<(Fate, Draft)>> {
    let mut taken: BTreeSet<String> = drafts.iter().map(|draft| draft.name().as_str().to_owned()).collect();
    let mut planned = Vec::new();
    let mut conflicts = Vec::new();
    for draft in drafts {
        let name = draft.name().as_str().to_owned();
        if vault.find(&name)?.is_none() {
            planned.push((Fate::Add, draft));
            continue;
        }
        match on_conflict {
            OnConflict::Fail => conflicts.push(escaped(&name)),
            OnConflict::Skip => planned.push((Fate::Skip, draft)),
            OnConflict::Replace => planned.push((Fate::Replace, draft)),
            OnConflict::Rename => {
                let mut number = 2;
                let free = loop {
                    let candidate = format!("{name}-{number}");
                    if vault.find(&candidate)?.is_none() && taken.insert(candidate.clone()) {
                        break candidate;
                    }
                    number += 1;
                };
                planned.push((Fate::Rename, draft.renamed(Name::new(free)?)));
            }
        }
    }
    if conflicts.is_empty() {
        return Ok(planned);
    }
    let message = format!(
        "the vault has records of these names already, so nothing was imported: {}",
        conflicts.join(", ")
    );
    Err(Failure::conflict(message).advise("choose with --on-conflict skip, replace or rename"))
}

/// All of them in one commit. The closure may run again: then the bar begins anew.
fn add_all(session: &Session, vault: &Vault, planned: &[(Fate, Draft)]) -> Outcome {
    session.counting("Importing", planned.len(), |bar| {
        vault.edit(|edit| {
            bar.reset();
            planned.iter().try_for_each(|(fate, draft)| {
                match fate {
                    Fate::Add | Fate::Rename => edit.add(draft)?,
                    Fate::Replace => edit.put(draft)?,
                    Fate::Skip => {}
                }
                bar.inc(1);
                Ok(())
            })
        })
    })?;
    Ok(())
}

/// The command that makes a profile for this record, if a profile can have its name.
fn aws_config(session: &Session, draft: &Draft) -> Option<String> {
    let name = draft.name().as_str();
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c)) || name.starts_with('-') {
        return None;
    }
    let vault = match &session.global.vault {
        Some(path) => format!(" --vault {}", quoted(path.to_str()?, Platform::HERE).ok()?),
        None => String::new(),
    };
    Some(format!("aumbry aws-config {name} --write{vault}"))
}

fn result(dry_run: bool, planned: &[(Fate, Draft)], skipped: &[Remark], left_out: &[Remark]) -> Value {
    let names = |fates: &[Fate]| -> Vec<&str> {
        planned
            .iter()
            .filter(|(fate, _)| fates.contains(fate))
            .map(|(_, draft)| draft.name().as_str())
            .collect()
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
    })
}

fn preview(planned: &[(Fate, Draft)]) -> String {
    let rows: Vec<[String; 4]> = planned
        .iter()
        .map(|(fate, draft)| {
            let fate = match fate {
                Fate::Add => "add",
                Fate::Replace => "replace",
                Fate::Skip => "skip",
                Fate::Rename => "add under another name",
            };
            let id = escaped(draft.access_key_id());
            [escaped(draft.name().as_str()), draft.provider().to_string(), id, fate.into()]
        })
        .collect();
    table(&["NAME", "PROVIDER", "ACCESS KEY ID", "WHAT WOULD HAPPEN"], &rows)
}
