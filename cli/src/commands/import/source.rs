//! The files to import: read, told apart, and taken to records.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aumbry::aws::{console_csv, json, profiles};
use aumbry::storage::{FileStorage, Storage};
use aumbry::{Draft, Error, ErrorKind, Name};

use super::super::records::escaped;
use crate::arguments::{Import, ImportFormat};
use crate::failure::{Failure, Outcome};
use crate::secret::{self, SecretBytes};

/// An export may be as large as a vault.
const MAX_EXPORT: u64 = 1 << 30;
/// Larger files of other formats are something else.
const MAX_FILE: usize = 16 * 1024 * 1024;

/// What the files came to.
pub(super) struct Found<'a> {
    pub(super) drafts: Vec<Draft>,
    /// Profiles that hold no key.
    pub(super) skipped: Vec<profiles::Skipped>,
    /// The files that hold keys.
    pub(super) with_keys: Vec<&'a PathBuf>,
}

pub(super) fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// All records of all files, or none: and what was passed over.
pub(super) fn read_all(import: &Import) -> Outcome<Found<'_>> {
    let name = import.name.as_deref();
    let mut drafts = Vec::new();
    let mut with_keys = Vec::new();
    let mut profile_files = Vec::new();
    for path in &import.files {
        let content = content(path)?;
        let format = import.format.unwrap_or_else(|| guess(&content));
        if !matches!(format, ImportFormat::Json) && content.len() > MAX_FILE {
            let message = format!("{} is longer than {MAX_FILE} bytes, which no such file is", shown(path));
            return Err(Error::new(ErrorKind::TooLarge, message).into());
        }
        let before = drafts.len();
        match format {
            ImportFormat::AwsProfiles => {
                if has(&content, b"aws_secret_access_key") {
                    with_keys.push(path);
                }
                profile_files.push((path, content));
            }
            ImportFormat::AwsCsv => {
                let stem = path.file_stem().filter(|_| !is_stdin(path)).map(|stem| stem.to_string_lossy());
                drafts.extend(parse(path, &content, name.or(stem.as_deref()), console_csv::parse)?);
            }
            ImportFormat::Json => drafts.extend(parse(path, &content, name, json::parse)?),
        }
        if drafts.len() > before {
            with_keys.push(path);
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
        None => Ok(Found { drafts, skipped, with_keys }),
    }
}

/// All of a file, a pipe or stdin, in memory that is wiped.
fn content(path: &Path) -> Outcome<SecretBytes> {
    if is_stdin(path) {
        return secret::import_stdin();
    }
    // The length of a file is known before it is read; that of a pipe is not.
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => secret::import_file(path),
        _ => match FileStorage::new(path).load(MAX_EXPORT) {
            Ok(content) => Ok(SecretBytes::new(content)),
            Err(error) => Err(Failure::from(error).advise("name another file to import")),
        },
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

/// What to call it in a message.
pub(super) fn shown(path: &Path) -> String {
    if is_stdin(path) { "stdin".into() } else { escaped(&path.to_string_lossy()) }
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
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match text {
        [b'{', ..] => ImportFormat::Json,
        [b'[', rest @ ..] if matches!(rest.trim_ascii_start().first(), Some(b'{' | b']')) => {
            ImportFormat::Json
        }
        // A comment, or a section, of a file of profiles.
        [b'#' | b';' | b'[', ..] => ImportFormat::AwsProfiles,
        _ if has(first_line, b"access key id") && first_line.contains(&b',') => ImportFormat::AwsCsv,
        _ if has(first_line, b"awsaccesskeyid") || has(first_line, b"awssecretkey") => ImportFormat::AwsCsv,
        _ => ImportFormat::AwsProfiles,
    }
}

/// Whether these words stand in it, in any case.
fn has(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words))
}
