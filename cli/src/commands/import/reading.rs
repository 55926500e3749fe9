//! The files of an import: what each is, and what it came to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aumbry::aws::{console_csv, json, profiles};
use aumbry::managers::{self, SkipReason, bitwarden_json, keepass_xml, keepassxc_csv, onepassword_csv};
use aumbry::{Error, ErrorKind, Name, NewRecord};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::super::records::escaped;
use crate::arguments::transfer::{Import, ImportFormat};
use crate::failure::{Failure, Outcome};
use crate::secret::{self, SecretBytes};

/// Larger files of other formats than our own are something else.
const MAX_FILE: usize = 16 * 1024 * 1024;

/// What the files came to.
#[derive(Default)]
pub(super) struct Found<'a> {
    pub(super) drafts: Vec<NewRecord>,
    /// Profiles and entries that hold no key.
    pub(super) skipped: Vec<Remark>,
    /// What no attribute can be.
    pub(super) left_out: Vec<Remark>,
    /// The files that hold keys.
    pub(super) with_keys: Vec<&'a PathBuf>,
}

pub(super) fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// Something that did not become a record, or a part of one.
pub(super) struct Remark {
    /// For people; nothing of what is no surprise.
    pub(super) said: Option<String>,
    /// For programs.
    pub(super) result: Value,
}

impl From<profiles::Skipped> for Remark {
    fn from(skipped: profiles::Skipped) -> Self {
        let said = Some(skipped.to_string());
        Self { said, result: json!({ "name": skipped.profile, "reason": skipped.reason.to_string() }) }
    }
}

impl From<managers::Skipped> for Remark {
    fn from(skipped: managers::Skipped) -> Self {
        // Most of what a password manager holds is no AWS key.
        let said = (skipped.reason != SkipReason::NoKey).then(|| skipped.to_string());
        let name = skipped.name.as_ref().map(Name::as_str);
        let reason = skipped.reason.to_string();
        Self { said, result: json!({ "name": name, "place": skipped.place, "reason": reason }) }
    }
}

impl From<managers::LeftOut> for Remark {
    fn from(left_out: managers::LeftOut) -> Self {
        let field = |(field, reason): &(String, managers::LeaveReason)| json!({ "field": field, "reason": reason.to_string() });
        let fields: Vec<_> = left_out.fields.iter().map(field).collect();
        let result = json!({ "name": left_out.name.as_str(), "place": left_out.place, "fields": fields });
        Self { said: Some(left_out.to_string()), result }
    }
}

/// All records of all files, or none: and what was passed over.
pub(super) fn read_all(import: &Import) -> Outcome<Found<'_>> {
    let name = import.name.as_deref();
    let mut found = Found::default();
    let mut profile_files = Vec::new();
    for path in &import.files {
        let content = if is_stdin(path) { secret::import_stdin()? } else { secret::import_file(path)? };
        let format = import.format.unwrap_or_else(|| guess(&content));
        if !matches!(format, ImportFormat::Json) && content.len() > MAX_FILE {
            let message = format!("{} is longer than {MAX_FILE} bytes, which no such file is", shown(path));
            return Err(Error::new(ErrorKind::InvalidFile, message).into());
        }
        let before = found.drafts.len();
        let mut entries = |parser: fn(&[u8]) -> aumbry::Result<managers::Import>| -> Outcome {
            let imported = parser(&content).map_err(|error| Failure::from(error).of(&shown(path)))?;
            found.drafts.extend(imported.drafts);
            found.skipped.extend(imported.skipped.into_iter().map(Remark::from));
            found.left_out.extend(imported.left_out.into_iter().map(Remark::from));
            Ok(())
        };
        match format {
            ImportFormat::KeepassXml => entries(keepass_xml::parse)?,
            ImportFormat::KeepassxcCsv => entries(keepassxc_csv::parse)?,
            ImportFormat::BitwardenJson => entries(bitwarden_json::parse)?,
            ImportFormat::OnepasswordCsv => entries(onepassword_csv::parse)?,
            ImportFormat::AwsProfiles => {
                if has(&content, b"aws_secret_access_key") {
                    found.with_keys.push(path);
                }
                profile_files.push((path, content));
            }
            ImportFormat::AwsCsv => {
                let stem = path.file_stem().filter(|_| !is_stdin(path)).map(|stem| stem.to_string_lossy());
                found.drafts.extend(parse(path, &content, name.or(stem.as_deref()), console_csv::parse)?);
            }
            ImportFormat::Json => found.drafts.extend(parse(path, &content, name, json::parse)?),
        }
        if found.drafts.len() > before {
            found.with_keys.push(path);
        }
    }
    if !profile_files.is_empty() {
        let kinds =
            profile_files.iter().map(|(path, content)| (profiles::FileKind::of(path, content), &***content));
        let imported = profiles::parse(&kinds.collect::<Vec<_>>()).map_err(|error| {
            let all: Vec<_> = profile_files.iter().map(|(path, _)| shown(path)).collect();
            Failure::from(error).of(&all.join(", "))
        })?;
        found.drafts.extend(imported.drafts);
        found.skipped.extend(imported.skipped.into_iter().map(Remark::from));
    }
    if let Some(name) = &import.name {
        found.drafts = renamed(found.drafts, Name::new(name)?)?;
    }
    let mut names = BTreeSet::new();
    match found.drafts.iter().find(|draft| !names.insert(draft.name().clone())) {
        Some(twice) => Err(Failure::conflict(format!(
            "two records would be named {:?}",
            twice.name().as_str()
        ))
        .advise(
            "import the files one by one, each with its own --name; or name the entries differently there",
        )),
        None => Ok(found),
    }
}

/// The records of one file, by the parser of its format, which needs a name where the file says none.
fn parse(
    path: &Path,
    content: &[u8],
    name: Option<&str>,
    parser: fn(&[u8], Option<&str>) -> aumbry::Result<Vec<NewRecord>>,
) -> Outcome<Vec<NewRecord>> {
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
fn renamed(drafts: Vec<NewRecord>, name: Name) -> Outcome<Vec<NewRecord>> {
    match <[NewRecord; 1]>::try_from(drafts) {
        Ok([draft]) => Ok(vec![draft.renamed(name)]),
        Err(drafts) => {
            Err(Failure::usage(format!("--name is for one record, and there are {} to import", drafts.len()))
                .advise("leave --name out, and give the records other names with `aumbry rename`"))
        }
    }
}

/// Told by the keys of a JSON object, by the columns of a table, or by how the content begins; else it is profiles.
fn guess(content: &SecretBytes) -> ImportFormat {
    let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii_start();
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match text {
        [b'<', ..] => ImportFormat::KeepassXml,
        [b'{', ..] if is_of_bitwarden(text) => ImportFormat::BitwardenJson,
        [b'{', ..] => ImportFormat::Json,
        [b'[', rest @ ..] if matches!(rest.trim_ascii_start().first(), Some(b'{' | b']')) => {
            ImportFormat::Json
        }
        // A comment, or a section, of a file of profiles.
        [b'#' | b';' | b'[', ..] => ImportFormat::AwsProfiles,
        _ if has(first_line, b"title") && has(first_line, b"username") && has(first_line, b"password") => {
            if has(first_line, b"group") {
                ImportFormat::KeepassxcCsv
            } else {
                ImportFormat::OnepasswordCsv
            }
        }
        _ if has(first_line, b"access key id") && first_line.contains(&b',') => ImportFormat::AwsCsv,
        _ if has(first_line, b"awsaccesskeyid") || has(first_line, b"awssecretkey") => ImportFormat::AwsCsv,
        _ => ImportFormat::AwsProfiles,
    }
}

/// No other file that is imported says whether it is encrypted. Nothing but its keys is copied for this.
fn is_of_bitwarden(text: &[u8]) -> bool {
    let keys = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(text);
    keys.is_ok_and(|keys| keys.contains_key("encrypted"))
}

/// Whether these words stand in it, in any case.
fn has(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words))
}
