//! Keys that stand about in plaintext: in the files of AWS clients, and in the environment.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::secret;

const ABOUT: &str = "plaintext";

pub(super) fn findings() -> Vec<Finding> {
    let home = std::env::home_dir().map(|home| home.join(".aws"));
    let mut files: BTreeSet<PathBuf> = ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"]
        .iter()
        .filter_map(std::env::var_os)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect();
    let mut findings = Vec::new();
    if let Some(home) = &home {
        files.extend(["credentials", "config"].map(|name| home.join(name)));
        // Where the AWS command line keeps the keys of sessions that it asked for.
        findings.extend(["cli/cache", "login/cache"].iter().filter_map(|name| cache(&home.join(name))));
    }
    findings.extend(files.iter().filter_map(|file| match holds(file, "aws_secret_access_key") {
        Ok(false) => None,
        Ok(true) => Some(format!(
            "{0} holds keys in plaintext: `aumbry import {0}`, then `aumbry aws-config NAME --write`, then remove them there",
            file.display()
        )),
        Err(why) => Some(why),
    }));
    let mut findings: Vec<_> = findings.into_iter().map(|says| Finding::ill(ABOUT, says)).collect();
    if findings.is_empty() {
        findings.push(Finding::well(ABOUT, "no keys were found in ~/.aws"));
    }
    findings.extend(environment());
    findings
}

/// What is to be said of the files in a folder of sessions.
fn cache(folder: &Path) -> Option<String> {
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) => return unless_absent(folder, &error).err(),
    };
    let holding =
        entries.flatten().filter(|entry| holds(&entry.path(), "secretaccesskey").unwrap_or(false)).count();
    let folder = folder.display();
    (holding > 0).then(|| {
        format!("{folder} holds keys of sessions in plaintext: remove its {holding} files, AWS clients ask anew when they must")
    })
}

/// Whether a regular file has this word in it, in any case; or why that cannot be told.
fn holds(file: &Path, word: &str) -> Result<bool, String> {
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Ok(false), // a pipe would be waited for
        Err(error) => return unless_absent(file, &error),
    }
    let content = secret::import_file(file).map_err(|failure| failure.message().to_owned())?;
    Ok(content.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes())))
}

/// What is not there holds nothing.
fn unless_absent(path: &Path, error: &std::io::Error) -> Result<bool, String> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(false),
        _ => Err(format!("could not look into {}: {error}", path.display())),
    }
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
