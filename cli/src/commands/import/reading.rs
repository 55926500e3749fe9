//! Reads the files of an import.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aumbry::interchange::{self, Format, LeaveReason, LeftOut, SkipReason, Skipped, profiles};
use aumbry::{Name, NewRecord};
use serde_json::{Value, json};

use super::super::records::escaped;
use crate::arguments::transfer::Import;
use crate::failure::{Failure, Outcome};
use crate::secret;

/// What all files of an import contain together.
#[derive(Default)]
pub(super) struct Contents<'a> {
    pub(super) records: Vec<NewRecord>,
    /// The profiles and entries that do not become records.
    pub(super) skipped: Vec<Remark>,
    /// The fields that do not become attributes.
    pub(super) left_out: Vec<Remark>,
    /// The files that contain keys.
    pub(super) with_keys: Vec<&'a PathBuf>,
}

impl Contents<'_> {
    fn add(&mut self, import: interchange::Import) {
        self.records.extend(import.records);
        self.skipped.extend(import.skipped.into_iter().map(Remark::from));
        self.left_out.extend(import.left_out.into_iter().map(Remark::from));
    }
}

pub(super) fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// A profile, an entry or a field that was not imported.
pub(super) struct Remark {
    /// The message for people. `None` if it would surprise nobody.
    pub(super) said: Option<String>,
    /// The JSON for programs.
    pub(super) result: Value,
}

impl From<Skipped> for Remark {
    fn from(skipped: Skipped) -> Self {
        // Most entries of a password manager contain no AWS key.
        let said = (skipped.reason != SkipReason::NoKey).then(|| skipped.to_string());
        let (name, reason) = (skipped.name, skipped.reason.to_string());
        let result = match skipped.position {
            Some(position) => json!({ "name": name, "place": position, "reason": reason }),
            None => json!({ "name": name, "reason": reason }),
        };
        Self { said, result }
    }
}

impl From<LeftOut> for Remark {
    fn from(left_out: LeftOut) -> Self {
        let field =
            |(field, reason): &(String, LeaveReason)| json!({ "field": field, "reason": reason.to_string() });
        let fields: Vec<_> = left_out.fields.iter().map(field).collect();
        let result = json!({ "name": left_out.name.as_str(), "place": left_out.position, "fields": fields });
        Self { said: Some(left_out.to_string()), result }
    }
}

/// Reads all files, or none: one that is refused refuses the import.
pub(super) fn read_all(import: &Import) -> Outcome<Contents<'_>> {
    let mut contents = Contents::default();
    let mut profile_files = Vec::new();
    for path in &import.files {
        let content = if is_stdin(path) { secret::import_stdin()? } else { secret::import_file(path)? };
        let format = import.format.unwrap_or_else(|| Format::detect(&content));
        if format == Format::AwsProfiles {
            if has(&content, b"aws_secret_access_key") {
                contents.with_keys.push(path);
            }
            // A profile can be spread over several files.
            profile_files.push((path, content));
            continue;
        }
        let imported = parse(path, format, &content, import.name.as_deref())?;
        if !imported.records.is_empty() {
            contents.with_keys.push(path);
        }
        contents.add(imported);
    }
    if !profile_files.is_empty() {
        let kinds =
            profile_files.iter().map(|(path, content)| (profiles::FileKind::of(path, content), &***content));
        let imported = profiles::parse(&kinds.collect::<Vec<_>>()).map_err(|error| {
            let all: Vec<_> = profile_files.iter().map(|(path, _)| shown(path)).collect();
            Failure::from(error).of(&all.join(", "))
        })?;
        contents.add(imported);
    }
    if let Some(name) = &import.name {
        contents.records = renamed(contents.records, Name::new(name)?)?;
    }
    let mut names = BTreeSet::new();
    match contents.records.iter().find(|record| !names.insert(record.name().clone())) {
        Some(twice) => Err(Failure::conflict(format!(
            "two records would be named {:?}",
            twice.name().as_str()
        ))
        .advise(
            "import the files one by one, each with its own --name; or name the entries differently there",
        )),
        None => Ok(contents),
    }
}

/// Parses one file. A record without a name of its own gets `name`; the console's file is named after the user.
fn parse(path: &Path, format: Format, content: &[u8], name: Option<&str>) -> Outcome<interchange::Import> {
    let stem = path.file_stem().filter(|_| format == Format::AwsCsv && !is_stdin(path));
    let stem = stem.map(|stem| stem.to_string_lossy());
    let name = name.or(stem.as_deref());
    format.parse(content, name).map_err(|error| {
        if name.is_none() && format.parse(content, Some("any")).is_ok() {
            return Failure::usage(format!("{} does not say what its record is called", shown(path)))
                .advise("say it with --name NAME");
        }
        Failure::from(error).of(&shown(path))
    })
}

/// Returns the name of a file in messages.
pub(super) fn shown(path: &Path) -> String {
    if is_stdin(path) { "stdin".into() } else { escaped(&path.to_string_lossy()) }
}

/// Gives the only record the name of `--name`.
fn renamed(records: Vec<NewRecord>, name: Name) -> Outcome<Vec<NewRecord>> {
    match <[NewRecord; 1]>::try_from(records) {
        Ok([record]) => Ok(vec![record.renamed(name)]),
        Err(records) => Err(Failure::usage(format!(
            "--name is for one record, and there are {} to import",
            records.len()
        ))
        .advise("leave --name out, and give the records other names with `aumbry rename`")),
    }
}

/// Tells whether the text contains these words, in any case.
fn has(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words))
}
