//! Merges the profiles of several files, and turns each into a record.

use std::collections::{BTreeMap, HashMap};

use secrecy::SecretString;

use super::grammar::{Broken, Content, is_identifier, lines};
use super::section::{FileKind, Section};
use crate::credentials::{Name, NewRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::interchange::import::{Import, NAME_RULE, SkipReason, Skipped};
use crate::interchange::text::input::check_len;

const ACCESS_KEY_ID: &str = "aws_access_key_id";
const SECRET_ACCESS_KEY: &str = "aws_secret_access_key";
const SESSION_TOKEN: &str = "aws_session_token";
const SECURITY_TOKEN: &str = "aws_security_token";
/// The properties of the key pair. They belong together and are not attributes.
pub(super) const KEY: [&str; 4] = [ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN, SECURITY_TOKEN];

/// The text of a file, and the name of the file in messages.
pub(super) struct Source<'a> {
    pub(super) kind: FileKind,
    shown: String,
    text: &'a str,
}

impl<'a> Source<'a> {
    /// Takes several files, which messages call by their numbers.
    pub(super) fn all(files: &[(FileKind, &'a [u8])]) -> Result<Vec<Self>> {
        let sources = files.iter().enumerate().map(|(at, (kind, content))| {
            let shown =
                if files.len() == 1 { format!("the {kind}") } else { format!("file {} ({kind})", at + 1) };
            Self::new(*kind, shown, content)
        });
        sources.collect()
    }

    /// Takes one file, which messages call `shown`.
    pub(super) fn new(kind: FileKind, shown: String, content: &'a [u8]) -> Result<Self> {
        check_len(&shown, content)?;
        match std::str::from_utf8(content) {
            Ok(text) => Ok(Self { kind, shown, text }),
            Err(error) => {
                let before = content.get(..error.valid_up_to()).unwrap_or_default();
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                Err(refused(line, &shown, "it is not UTF-8 text"))
            }
        }
    }
}

/// A property that counts, and its position. The value is a slice of the file.
pub(super) struct Property<'a> {
    value: &'a str,
    /// Whether indented lines continue it.
    continued: bool,
    line: usize,
    file: &'a str,
}

impl Property<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.value.is_empty() && !self.continued
    }

    fn refused(&self, rule: &str) -> Error {
        refused(self.line, self.file, rule)
    }
}

/// The properties of a profile by key, in lower case.
pub(super) type Properties<'a> = BTreeMap<String, Property<'a>>;

pub(super) struct Profile<'a> {
    pub(super) name: &'a str,
    /// Whether AWS reads a section like this one.
    pub(super) is_read: bool,
    pub(super) properties: Properties<'a>,
}

/// Merges the profiles of all files and turns each into a record, or reports why it does not become one.
pub(super) fn import(sources: &[Source<'_>]) -> Result<Import> {
    let mut import = Import::default();
    for profile in merged(sources)? {
        match profile.outcome()? {
            Outcome::Record(record) => import.records.push(record),
            Outcome::Skipped(reason) => {
                let name = Some(profile.name.into());
                import.skipped.push(Skipped { name, position: None, reason });
            }
            Outcome::NotAProfile => {}
        }
    }
    Ok(import)
}

/// Merges the properties of each profile from all files. The profiles are in the order in which the files first name
/// them.
fn merged<'a>(sources: &'a [Source<'a>]) -> Result<Vec<Profile<'a>>> {
    let mut profiles: Vec<Profile<'a>> = Vec::new();
    let mut indices = HashMap::new();
    let mut parts = Vec::new();
    for source in sources {
        for profile in profiles_of(source)? {
            let index = *indices.entry((profile.name, profile.is_read)).or_insert_with(|| {
                profiles.push(Profile { properties: Properties::new(), ..profile });
                profiles.len() - 1
            });
            parts.push((source.kind, index, profile.properties));
        }
    }
    // The last value counts, and the credentials file counts more than the config file.
    parts.sort_by_key(|(kind, ..)| *kind == FileKind::Credentials);
    for (_, index, properties) in parts {
        if let Some(profile) = profiles.get_mut(index) {
            profile.take(properties);
        }
    }
    Ok(profiles)
}

/// Returns the profiles of one file.
pub(super) fn profiles_of<'a>(source: &'a Source<'a>) -> Result<Vec<Profile<'a>>> {
    let mut sections: Vec<(Section<'a>, Properties<'a>)> = Vec::new();
    let mut indices = HashMap::new();
    let mut index = 0;
    let mut last = String::new();
    for line in lines(source.text) {
        let line = line.map_err(|Broken { line, rule }| refused(line, &source.shown, rule))?;
        match line.content {
            Content::Nothing | Content::IndentedComment => {}
            Content::Section(name) => {
                let section = Section::of(source.kind, name);
                index = *indices.entry(section).or_insert_with(|| {
                    sections.push((section, Properties::new()));
                    sections.len() - 1
                });
            }
            Content::Property { key, value, .. } => {
                last = key.to_ascii_lowercase();
                if let Some((_, properties)) = sections.get_mut(index).filter(|_| is_identifier(key)) {
                    let property =
                        Property { value, continued: false, line: line.number, file: &source.shown };
                    properties.insert(last.clone(), property);
                }
            }
            Content::Continuation => {
                let property = sections.get_mut(index).and_then(|(_, properties)| properties.get_mut(&last));
                if let Some(property) = property {
                    property.continued = true;
                }
            }
        }
    }
    let is_replaced = indices.contains_key(&Section::Profile("default"));
    let profiles = sections.into_iter().map(|(section, properties)| {
        let (name, is_read) = match section {
            Section::Profile(name) => (name, true),
            Section::BareDefault => ("default", !is_replaced),
            Section::Other(name) => (name, false),
        };
        Profile { name, is_read, properties }
    });
    Ok(profiles.collect())
}

/// What a profile becomes.
enum Outcome {
    Record(NewRecord),
    Skipped(SkipReason),
    /// A section that is not a profile and contains no key. It is not reported.
    NotAProfile,
}

impl<'a> Profile<'a> {
    /// Adds the properties from a file that counts more than the files before it.
    fn take(&mut self, mut properties: Properties<'a>) {
        properties.retain(|key, property| !(KEY.contains(&key.as_str()) && property.is_empty()));
        if KEY.iter().any(|key| properties.contains_key(*key)) {
            self.properties.retain(|key, _| !KEY.contains(&key.as_str()));
        }
        self.properties.append(&mut properties);
    }

    fn outcome(&self) -> Result<Outcome> {
        let id = self.properties.get(ACCESS_KEY_ID);
        let secret = self.properties.get(SECRET_ACCESS_KEY);
        if !self.is_read {
            let has_key = id.is_some() || secret.is_some();
            return Ok(if has_key { Outcome::Skipped(SkipReason::NotRead) } else { Outcome::NotAProfile });
        }
        let (id, secret) = match (id, secret) {
            (None, None) => return Ok(Outcome::Skipped(self.reason())),
            (Some(id), None) => {
                return Err(id.refused("its profile has an access key id, but no secret access key"));
            }
            (None, Some(secret)) => {
                return Err(secret.refused("its profile has a secret access key, but no access key id"));
            }
            (Some(id), Some(secret)) => (id, secret),
        };
        let token = self.properties.get(SESSION_TOKEN).or_else(|| self.properties.get(SECURITY_TOKEN));
        for property in [Some(id), Some(secret), token].into_iter().flatten() {
            if property.continued {
                return Err(property.refused("an indented line follows, but a key must be on one line"));
            }
        }
        self.record(id, secret, token).map(Outcome::Record)
    }

    fn record(
        &self,
        id: &Property<'_>,
        secret: &Property<'_>,
        token: Option<&Property<'_>>,
    ) -> Result<NewRecord> {
        // The message states the rule, not the name: a file of another format can have a secret in the place of the name.
        Name::new(self.name)
            .map_err(|_| id.refused(&format!("the name of its profile breaks a rule: {NAME_RULE}")))?;
        let secret_access_key = SecretString::from(secret.value);
        let record = match token {
            None => NewRecord::new_static(self.name, id.value, secret_access_key),
            Some(token) => NewRecord::new_session(self.name, id.value, secret_access_key, token.value),
        };
        let mut record =
            record.map_err(|error| id.refused("its profile is not a valid record").with_source(error))?;
        for (key, property) in &self.properties {
            if property.continued || KEY.contains(&key.as_str()) {
                continue;
            }
            record = record
                .attribute(key, property.value)
                .map_err(|error| property.refused("it is not a valid attribute").with_source(error))?;
        }
        Ok(record)
    }

    /// Returns where the credentials come from instead. The order is that in which SDKs look.
    fn reason(&self) -> SkipReason {
        let has = |key: &str| self.properties.contains_key(key);
        if has("web_identity_token_file") {
            SkipReason::WebIdentity
        } else if has("role_arn") {
            SkipReason::Role
        } else if has("source_profile") {
            SkipReason::SourceProfile
        } else if self.properties.keys().any(|key| key.starts_with("sso_")) {
            SkipReason::SingleSignOn
        } else if has("credential_process") {
            SkipReason::CredentialProcess
        } else if has("login_session") {
            SkipReason::Login
        } else {
            SkipReason::NoKeySource
        }
    }
}

fn refused(line: usize, file: &str, rule: &str) -> Error {
    Error::new(ErrorKind::InvalidFile, format!("could not read line {line} of {file}: {rule}"))
}
