//! Records from other programs' files: all of them or none.

use std::collections::BTreeSet;
use std::path::Path;

use aumbry::aws::{console_csv, json, profiles};
use aumbry::{Draft, Name, Vault};
use serde_json::{Value, json};

use super::aws_config::{Platform, quoted};
use super::records::{escaped, table};
use crate::arguments::{Import, ImportFormat, OnConflict};
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json, records};
use crate::secret::{self, SecretBytes};
use crate::session::Session;

/// What becomes of one record.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Add,
    Replace,
    Skip,
    Rename,
}

/// What the files came to.
struct Found {
    drafts: Vec<Draft>,
    /// Profiles that hold no key.
    skipped: Vec<profiles::Skipped>,
}

pub(super) fn import(session: &Session, import: &Import) -> Outcome {
    check(session, import)?;
    let Found { drafts, skipped } = read_all(import)?;
    let vault = session.open_to_write()?;
    let planned = plan(&vault, drafts, import.on_conflict)?;
    if !import.dry_run {
        add_all(session, &vault, &planned)?;
    }
    if session.global.json {
        return print_json(&result(import.dry_run, &planned, &skipped));
    }
    if import.dry_run {
        print(&preview(&planned))?;
    }
    for skipped in &skipped {
        session.note(&skipped.to_string());
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

/// All records of all files, or none: and what was passed over.
fn read_all(import: &Import) -> Outcome<Found> {
    let name = import.name.as_deref();
    let mut drafts = Vec::new();
    let mut profile_files = Vec::new();
    for path in &import.files {
        let content = if is_stdin(path) { secret::import_stdin()? } else { secret::import_file(path)? };
        match import.format.unwrap_or_else(|| guess(&content)) {
            ImportFormat::AwsProfiles => profile_files.push((path, content)),
            ImportFormat::AwsCsv => {
                let stem = path.file_stem().filter(|_| !is_stdin(path)).map(|stem| stem.to_string_lossy());
                drafts.extend(parse(path, &content, name.or(stem.as_deref()), console_csv::parse)?);
            }
            ImportFormat::Json => drafts.extend(parse(path, &content, name, json::parse)?),
        }
    }
    let mut skipped = Vec::new();
    if !profile_files.is_empty() {
        let kinds =
            profile_files.iter().map(|(path, content)| (profiles::FileKind::of(path, content), &***content));
        let imported = profiles::parse(&kinds.collect::<Vec<_>>()).map_err(|error| {
            let all: Vec<_> = profile_files.iter().map(|(path, _)| shown(path)).collect();
            Failure::from(error).of(&all.join(", "))
        })?;
        skipped = imported.skipped;
        drafts.extend(imported.drafts);
    }
    if let Some(name) = &import.name {
        drafts = renamed(drafts, Name::new(name)?)?;
    }
    let mut names = BTreeSet::new();
    match drafts.iter().find(|draft| !names.insert(draft.name().clone())) {
        Some(twice) => {
            Err(Failure::conflict(format!("two records would be named {:?}", twice.name().as_str()))
                .advise("import the files one by one, each with its own --name"))
        }
        None => Ok(Found { drafts, skipped }),
    }
}

/// The records of one file, by the parser of its format, which needs a name where the file says none.
fn parse(
    path: &Path,
    content: &[u8],
    name: Option<&str>,
    parser: fn(&[u8], Option<&str>) -> aumbry::Result<Vec<Draft>>,
) -> Outcome<Vec<Draft>> {
    parser(content, name).map_err(|error| {
        if name.is_none() && parser(content, Some("any")).is_ok() {
            return Failure::usage(format!("{} does not say what its record is called", shown(path)))
                .advise("say it with --name NAME");
        }
        Failure::from(error).of(&shown(path))
    })
}

fn shown(path: &Path) -> String {
    if is_stdin(path) { "stdin".into() } else { path.display().to_string() }
}

/// `--name` names the one record that there is.
fn renamed(drafts: Vec<Draft>, name: Name) -> Outcome<Vec<Draft>> {
    match <[Draft; 1]>::try_from(drafts) {
        Ok([draft]) => Ok(vec![draft.renamed(name)]),
        Err(drafts) => {
            Err(Failure::usage(format!("--name is for one record, and there are {} to import", drafts.len()))
                .advise("leave --name out, and give the records other names with `aumbry rename`"))
        }
    }
}

/// JSON, a file of the IAM console, or else profiles, by how the content begins.
fn guess(content: &SecretBytes) -> ImportFormat {
    let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii_start();
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().to_ascii_lowercase();
    let has = |needle: &[u8]| first_line.windows(needle.len()).any(|window| window == needle);
    match text {
        [b'{', ..] => ImportFormat::Json,
        [b'[', rest @ ..] if matches!(rest.trim_ascii_start().first(), Some(b'{' | b']')) => {
            ImportFormat::Json
        }
        _ if has(b"access key id") || has(b"awsaccesskeyid") || has(b"awssecretkey") => ImportFormat::AwsCsv,
        _ => ImportFormat::AwsProfiles,
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

fn result(dry_run: bool, planned: &[(Fate, Draft)], skipped: &[profiles::Skipped]) -> Value {
    let names = |fates: &[Fate]| -> Vec<&str> {
        planned
            .iter()
            .filter(|(fate, _)| fates.contains(fate))
            .map(|(_, draft)| draft.name().as_str())
            .collect()
    };
    let taken = names(&[Fate::Skip]);
    let skipped = skipped
        .iter()
        .map(|skipped| json!({ "name": skipped.profile, "reason": skipped.reason.to_string() }));
    let taken =
        taken.iter().map(|name| json!({ "name": name, "reason": "the vault has a record of this name" }));
    json!({
        "dry_run": dry_run,
        "added": names(&[Fate::Add, Fate::Rename]),
        "replaced": names(&[Fate::Replace]),
        "skipped": taken.chain(skipped).collect::<Vec<_>>(),
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
