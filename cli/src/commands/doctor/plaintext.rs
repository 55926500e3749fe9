//! Keys in plaintext: in the files of AWS clients, and in the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::secret;

const ABOUT: &str = "plaintext";

/// How much of `~/.aws` is looked at: more than users have there, but not a whole disk that is mounted there.
const MAX_DEPTH: usize = 5;
const MAX_FILES: usize = 2000;
const MAX_LEN: u64 = 1024 * 1024;

pub(super) fn findings() -> Vec<Finding> {
    let named: BTreeSet<PathBuf> = ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"]
        .iter()
        .filter_map(std::env::var_os)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect();
    let mut search = Search::default();
    let home = std::env::home_dir().map(|home| home.join(".aws"));
    if let Some(home) = &home {
        search.folder(home, 0);
        let names = ["credentials", "config"].map(|name| home.join(name));
        search.read_by_clients.extend(names);
    }
    search.read_by_clients.extend(named.iter().cloned());
    named.iter().for_each(|file| search.file(file));
    let mut findings: Vec<_> = search.says().map(|says| Finding::ill(ABOUT, says)).collect();
    if findings.is_empty() {
        findings.push(Finding::well(ABOUT, "no keys were found in ~/.aws"));
    }
    findings.extend(environment());
    findings
}

/// What was found so far.
#[derive(Default)]
struct Search {
    /// Where clients look for profiles: other files of that kind are copies.
    read_by_clients: BTreeSet<PathBuf>,
    looked_at: usize,
    with_keys: BTreeSet<PathBuf>,
    /// How many files of a folder hold keys of sessions, or tokens.
    sessions: BTreeMap<PathBuf, usize>,
    tokens: BTreeMap<PathBuf, usize>,
    /// What could not be looked into, and why.
    unread: BTreeSet<String>,
    /// What was too much to look at.
    left_out: BTreeSet<PathBuf>,
}

impl Search {
    /// All files below a folder. Links to other folders are not followed.
    fn folder(&mut self, folder: &Path, depth: usize) {
        let entries = match folder.read_dir() {
            Ok(entries) => entries,
            Err(error) => return self.missed(folder, &error),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if self.looked_at == MAX_FILES {
                self.left_out.insert(folder.to_owned());
                return;
            }
            self.looked_at += 1;
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth == MAX_DEPTH => _ = self.left_out.insert(path),
                Ok(kind) if kind.is_dir() => self.folder(&path, depth + 1),
                _ => self.file(&path),
            }
        }
    }

    fn file(&mut self, file: &Path) {
        match file.metadata() {
            Ok(metadata) if !metadata.is_file() => return, // a pipe would be waited for
            Ok(metadata) if metadata.len() > MAX_LEN => {
                self.left_out.insert(file.to_owned());
                return;
            }
            Ok(_) => {}
            Err(error) => return self.missed(file, &error),
        }
        let content = match secret::import_file(file) {
            Ok(content) => content,
            Err(failure) => {
                self.unread.insert(failure.message().to_owned());
                return;
            }
        };
        let folder = file.parent().unwrap_or(file);
        if gives(&content, "aws_secret_access_key") {
            self.with_keys.insert(file.to_owned());
        } else if gives(&content, "secretaccesskey") {
            *self.sessions.entry(folder.to_owned()).or_default() += 1;
        }
        if ["accesstoken", "refreshtoken", "clientsecret"].iter().any(|word| gives(&content, word)) {
            *self.tokens.entry(folder.to_owned()).or_default() += 1;
        }
    }

    /// What is not there holds nothing.
    fn missed(&mut self, path: &Path, error: &std::io::Error) {
        if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
            self.unread.insert(format!("could not look into {}: {error}", path.display()));
        }
    }

    fn says(&self) -> impl Iterator<Item = String> {
        let keys = self.with_keys.iter().map(|file| {
            let file_name = file.display();
            if self.read_by_clients.contains(file) {
                format!("{file_name} holds keys in plaintext: `aumbry import {file_name}`, then `aumbry aws-config NAME --write`, then remove them there")
            } else {
                format!("{file_name} holds keys in plaintext: `aumbry import {file_name}`, unless the vault has them, then remove it")
            }
        });
        let sessions = self.sessions.iter().map(|(folder, count)| {
            format!(
                "{} holds keys of sessions in plaintext: remove these {count} files; AWS clients get new sessions when they need them",
                folder.display()
            )
        });
        let tokens = self.tokens.iter().map(|(folder, count)| {
            format!(
                "{} holds tokens of a sign-in in plaintext, in {count} files: `aws sso logout` takes them away",
                folder.display()
            )
        });
        let left_out = self.left_out.iter().map(|path| format!("{} is too much to look at", path.display()));
        keys.chain(sessions).chain(tokens).chain(self.unread.iter().cloned()).chain(left_out)
    }
}

/// Whether a value is given to this word, in any case: `word = value`, or as a text in JSON.
fn gives(content: &[u8], word: &str) -> bool {
    let mut rest = content;
    while let Some(at) =
        rest.windows(word.len()).position(|window| window.eq_ignore_ascii_case(word.as_bytes()))
    {
        rest = rest.get(at + word.len()..).unwrap_or_default();
        let behind = blanks_off(rest.strip_prefix(b"\"").unwrap_or(rest));
        let is_given = match behind.split_first() {
            Some((b'=', value)) => !matches!(blanks_off(value).first(), None | Some(b'\r' | b'\n')),
            Some((b':', value)) => {
                blanks_off(value).strip_prefix(b"\"").is_some_and(|value| !value.starts_with(b"\""))
            }
            _ => false,
        };
        if is_given {
            return true;
        }
    }
    false
}

fn blanks_off(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    text.get(blanks..).unwrap_or_default()
}

fn environment() -> Vec<Finding> {
    let is_set = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    let mut findings = Vec::new();
    if is_set("AWS_SECRET_ACCESS_KEY") {
        let says = "AWS_SECRET_ACCESS_KEY is set, and stronger than every profile: unset it where it is set";
        findings.push(Finding::ill("environment", says));
    }
    if is_set("AUMBRY_PASSPHRASE") {
        let says = "AUMBRY_PASSPHRASE can be read by every program of yours: prefer AUMBRY_PASSPHRASE_FILE or AUMBRY_PASSPHRASE_COMMAND";
        findings.push(Finding::ill("environment", says));
    }
    findings
}
