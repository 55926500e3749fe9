//! Out of several files, what each profile has, and the record that this makes.

use std::collections::{BTreeMap, HashMap};

use secrecy::SecretString;

use super::super::NAME_RULE;
use super::grammar::{Broken, Content, Section, is_identifier, lines};
use super::{FileKind, Import, SkipReason, Skipped};
use crate::credentials::{Name, NewRecord};
use crate::error::{Error, ErrorKind, Result};

const ACCESS_KEY_ID: &str = "aws_access_key_id";
const SECRET_ACCESS_KEY: &str = "aws_secret_access_key";
const SESSION_TOKEN: &str = "aws_session_token";
const SECURITY_TOKEN: &str = "aws_security_token";
/// What belongs together, and is no attribute.
pub(super) const KEY: [&str; 4] = [ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN, SECURITY_TOKEN];

/// A file's text, and how messages call the file.
pub(super) struct Source<'a> {
    pub(super) kind: FileKind,
    shown: String,
    text: &'a str,
}

impl<'a> Source<'a> {
    /// The files in their order, which is how messages call them if there are several.
    pub(super) fn all(files: &[(FileKind, &'a [u8])]) -> Result<Vec<Self>> {
        let sources = files.iter().enumerate().map(|(at, (kind, content))| {
            let shown =
                if files.len() == 1 { format!("the {kind}") } else { format!("file {} ({kind})", at + 1) };
            Self::new(*kind, shown, content)
        });
        sources.collect()
    }

    pub(super) fn new(kind: FileKind, shown: String, content: &'a [u8]) -> Result<Self> {
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

/// A property that counts, and where it stands. The value is still in the file's buffer.
pub(super) struct Property<'a> {
    value: &'a str,
    /// Whether more of it follows on indented lines.
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

/// By key, in lower case.
pub(super) type Properties<'a> = BTreeMap<String, Property<'a>>;

pub(super) struct Profile<'a> {
    pub(super) name: &'a str,
    /// Whether AWS reads a section like this one.
    pub(super) is_read: bool,
    pub(super) properties: Properties<'a>,
}

pub(super) fn import(sources: &[Source<'_>]) -> Result<Import> {
    let mut import = Import { drafts: Vec::new(), skipped: Vec::new() };
    for profile in merged(sources)? {
        match profile.draft()? {
            Ok(draft) => import.drafts.push(draft),
            Err(None) => {}
            Err(Some(reason)) => import.skipped.push(Skipped { profile: profile.name.into(), reason }),
        }
    }
    Ok(import)
}

/// What all files say of each profile, in the order in which they first name them.
fn merged<'a>(sources: &'a [Source<'a>]) -> Result<Vec<Profile<'a>>> {
    let mut profiles: Vec<Profile<'a>> = Vec::new();
    let mut places = HashMap::new();
    let mut found = Vec::new();
    for source in sources {
        for profile in profiles_of(source)? {
            let place = *places.entry((profile.name, profile.is_read)).or_insert_with(|| {
                profiles.push(Profile { properties: Properties::new(), ..profile });
                profiles.len() - 1
            });
            found.push((source.kind, place, profile.properties));
        }
    }
    found.sort_by_key(|(kind, ..)| *kind == FileKind::Credentials); // which is the last, and so the one that counts
    for (_, place, properties) in found {
        if let Some(profile) = profiles.get_mut(place) {
            profile.take(properties);
        }
    }
    Ok(profiles)
}

/// What one file says of each profile.
pub(super) fn profiles_of<'a>(source: &'a Source<'a>) -> Result<Vec<Profile<'a>>> {
    let mut sections: Vec<(Section<'a>, Properties<'a>)> = Vec::new();
    let mut places = HashMap::new();
    let mut place = 0;
    let mut last = String::new();
    for line in lines(source.text) {
        let line = line.map_err(|Broken { line, rule }| refused(line, &source.shown, rule))?;
        match line.content {
            Content::Nothing | Content::IndentedComment => {}
            Content::Section(name) => {
                let section = Section::of(source.kind, name);
                place = *places.entry(section).or_insert_with(|| {
                    sections.push((section, Properties::new()));
                    sections.len() - 1
                });
            }
            Content::Property { key, value, .. } => {
                last = key.to_ascii_lowercase();
                if let Some((_, properties)) = sections.get_mut(place).filter(|_| is_identifier(key)) {
                    let property =
                        Property { value, continued: false, line: line.number, file: &source.shown };
                    properties.insert(last.clone(), property);
                }
            }
            Content::Continuation => {
                let property = sections.get_mut(place).and_then(|(_, properties)| properties.get_mut(&last));
                if let Some(property) = property {
                    property.continued = true;
                }
            }
        }
    }
    let displaced = places.contains_key(&Section::Profile("default"));
    let profiles = sections.into_iter().map(|(section, properties)| {
        let (name, is_read) = match section {
            Section::Profile(name) => (name, true),
            Section::BareDefault => ("default", !displaced),
            Section::Other(name) => (name, false),
        };
        Profile { name, is_read, properties }
    });
    Ok(profiles.collect())
}

impl<'a> Profile<'a> {
    /// Takes over what a file says that counts more than those before it.
    fn take(&mut self, mut properties: Properties<'a>) {
        properties.retain(|key, property| !(KEY.contains(&key.as_str()) && property.is_empty()));
        if KEY.iter().any(|key| properties.contains_key(*key)) {
            self.properties.retain(|key, _| !KEY.contains(&key.as_str()));
        }
        self.properties.append(&mut properties);
    }

    /// The record, or else why there is none; a section that is no profile and holds no key goes without a word.
    fn draft(&self) -> Result<std::result::Result<NewRecord, Option<SkipReason>>> {
        let id = self.properties.get(ACCESS_KEY_ID);
        let secret = self.properties.get(SECRET_ACCESS_KEY);
        if !self.is_read {
            let holds_a_key = id.is_some() || secret.is_some();
            return Ok(Err(holds_a_key.then_some(SkipReason::NotRead)));
        }
        let (id, secret) = match (id, secret) {
            (None, None) => return Ok(Err(Some(self.reason()))),
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
                return Err(property.refused("an indented line follows, but a key must stand on one line"));
            }
        }
        self.record(id, secret, token).map(Ok)
    }

    fn record(
        &self,
        id: &Property<'_>,
        secret: &Property<'_>,
        token: Option<&Property<'_>>,
    ) -> Result<NewRecord> {
        // The rule, not the text: in a file that is something else, a secret may stand where the name should.
        Name::new(self.name)
            .map_err(|_| id.refused(&format!("the name of its profile breaks a rule: {NAME_RULE}")))?;
        let secret_access_key = SecretString::from(secret.value);
        let draft = match token {
            None => NewRecord::new_static(self.name, id.value, secret_access_key),
            Some(token) => NewRecord::new_session(self.name, id.value, secret_access_key, token.value),
        };
        let mut draft =
            draft.map_err(|error| id.refused("its profile makes no record").with_source(error))?;
        for (key, property) in &self.properties {
            if property.continued || KEY.contains(&key.as_str()) {
                continue;
            }
            draft = draft
                .attribute(key, property.value)
                .map_err(|error| property.refused("it makes no attribute").with_source(error))?;
        }
        Ok(draft)
    }

    /// Where the credentials come from instead, in the order in which SDKs look.
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
            SkipReason::NoKey
        }
    }
}

fn refused(line: usize, file: &str, rule: &str) -> Error {
    Error::new(ErrorKind::InvalidFile, format!("line {line} of {file} cannot be used: {rule}"))
}
