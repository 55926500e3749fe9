//! Records from other programs' files, and to them.

use std::collections::BTreeSet;
use std::path::Path;

use aumbry::aws::{console_csv, json, profiles};
use aumbry::{Draft, ExposeSecret, Name, Vault};

use super::records::{escaped, table};
use crate::arguments::{Export, ExportFormat, Import, ImportFormat, OnConflict};
use crate::failure::{Failure, Outcome};
use crate::output::{print, stdout_is_terminal, write_new};
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

pub(super) fn import(session: &Session, import: &Import) -> Outcome {
    let (drafts, skipped) = read_all(import)?;
    let vault = session.open()?;
    let planned = plan(&vault, drafts, import.on_conflict)?;
    if import.dry_run {
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
        print(&table(&["NAME", "PROVIDER", "ACCESS KEY ID", "WHAT WOULD HAPPEN"], &rows))?;
    } else {
        session.waiting("Importing", || {
            vault.edit(|edit| {
                planned.iter().try_for_each(|(fate, draft)| match fate {
                    Fate::Add | Fate::Rename => edit.add(draft),
                    Fate::Replace => edit.put(draft),
                    Fate::Skip => Ok(()),
                })
            })
        })?;
    }
    for skipped in skipped {
        session.note(&skipped);
    }
    if !import.dry_run {
        let imported = planned.iter().filter(|(fate, _)| *fate != Fate::Skip).count();
        session.note(&format!("Imported {imported} of {} records.", planned.len()));
        for file in import.files.iter().filter(|file| *file != Path::new("-")) {
            session
                .note(&format!("{} still holds its keys in plaintext: remove them there.", file.display()));
        }
    }
    Ok(())
}

/// All records of all files, or none: and what was passed over.
fn read_all(import: &Import) -> Outcome<(Vec<Draft>, Vec<String>)> {
    let mut drafts = Vec::new();
    let mut profile_files = Vec::new();
    for path in &import.files {
        let content =
            if path == Path::new("-") { secret::import_stdin()? } else { secret::import_file(path)? };
        match import.format.unwrap_or_else(|| guess(&content)) {
            ImportFormat::AwsProfiles => {
                profile_files.push((profiles::FileKind::of(path, &content), content));
            }
            ImportFormat::AwsCsv => {
                let stem = path.file_stem().map(|stem| stem.to_string_lossy());
                drafts.extend(console_csv::parse(&content, import.name.as_deref().or(stem.as_deref()))?);
            }
            ImportFormat::Json => drafts.extend(json::parse(&content, import.name.as_deref())?),
        }
    }
    let files: Vec<_> = profile_files.iter().map(|(kind, content)| (*kind, content.as_slice())).collect();
    let mut skipped = Vec::new();
    if !files.is_empty() {
        let imported = profiles::parse(&files)?;
        skipped.extend(imported.skipped.iter().map(ToString::to_string));
        drafts.extend(imported.drafts);
    }
    let mut names = BTreeSet::new();
    match drafts.iter().find(|draft| !names.insert(draft.name().clone())) {
        Some(twice) => {
            Err(Failure::conflict(format!("two records would be named {:?}", twice.name().as_str())))
        }
        None => Ok((drafts, skipped)),
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

pub(super) fn export(session: &Session, export: &Export) -> Outcome {
    if !export.plaintext {
        return Err(Failure::refused("an export holds every secret in plaintext")
            .advise("add --plaintext if that is what you want"));
    }
    if export.output.is_none() && stdout_is_terminal() {
        return Err(Failure::refused("an export is never written to a terminal")
            .advise("name a file with -o, or pipe it"));
    }
    let vault = session.open()?;
    let records = vault
        .entries()?
        .map(|entry| Ok(vault.get_credentials(entry.name())?))
        .filter_map(Outcome::transpose)
        .collect::<Outcome<Vec<_>>>()?;
    let text = match export.format {
        ExportFormat::Json => json::render_all_with_secrets(&records)?,
        ExportFormat::AwsProfiles => profiles::render(&records)?,
    };
    match &export.output {
        None => {
            print(text.expose_secret())?;
            print(if text.expose_secret().ends_with('\n') { "" } else { "\n" })
        }
        Some(path) => write_new(path, text.expose_secret().as_bytes()).map(|()| {
            session.note(&format!("Wrote {} records to {}, in plaintext.", records.len(), path.display()));
        }),
    }
}
