//! What could be better, and how.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::failure::Outcome;
use crate::output::print;
use crate::session::Session;

/// One finding: what it is about, whether all is well, and what to do if not.
struct Finding {
    about: &'static str,
    is_well: bool,
    says: String,
}

impl Finding {
    fn well(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, is_well: true, says: says.into() }
    }

    fn ill(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, is_well: false, says: says.into() }
    }
}

pub(super) fn doctor(session: &Session) -> Outcome {
    let path = session.path()?;
    let vault = session.open()?;
    let mut findings = vec![permissions(&path)];
    findings.push(match vault.memory_protection()? {
        aumbry::MemoryProtection::None => {
            Finding::ill("memory", "the keys may reach swap: raise `ulimit -l` to 64 or more")
        }
        protection => Finding::well("memory", format!("the keys stand {protection}")),
    });
    let advice = vault.advice()?;
    if advice.is_empty() {
        findings.push(Finding::well(
            "vault",
            "key derivation, ways in and this machine's memory of it are as they should be",
        ));
    }
    findings.extend(advice.iter().map(|advice| Finding::ill("vault", advice.to_string())));
    let left = plaintext_files();
    if left.is_empty() {
        findings.push(Finding::well("plaintext", "no keys were found in ~/.aws"));
    }
    findings.extend(left.iter().map(|file| {
        let says = format!("{0} holds keys in plaintext: `aumbry import {0}`, then `aumbry aws-config NAME --write`, then remove them there", file.display());
        Finding::ill("plaintext", says)
    }));
    if session.global.json {
        let findings: Vec<_> = findings
            .iter()
            .map(|finding| json!({ "about": finding.about, "ok": finding.is_well, "message": finding.says }))
            .collect();
        return print(&format!("{}\n", json!(findings)));
    }
    let lines = findings.iter().map(|finding| {
        format!(
            "{}  {:<12} {}\n",
            if finding.is_well { "ok     " } else { "advice " },
            finding.about,
            finding.says
        )
    });
    print(&lines.collect::<String>())
}

#[cfg(unix)]
fn permissions(path: &Path) -> Finding {
    use std::os::unix::fs::PermissionsExt;
    let about = "permissions";
    match std::fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o077 == 0 => Finding::well(about, "the vault is its owner's alone"),
        Ok(mode) => {
            let says = format!(
                "others may read or write the vault ({mode:o}), though not open it: `chmod 600 {}`, unless it is shared on purpose",
                path.display()
            );
            Finding::ill(about, says)
        }
        Err(error) => Finding::ill(about, format!("could not look at {}: {error}", path.display())),
    }
}

#[cfg(not(unix))]
fn permissions(_path: &Path) -> Finding {
    Finding::well("permissions", "not looked at on this system")
}

/// The files of `~/.aws` that hold a secret access key.
fn plaintext_files() -> Vec<PathBuf> {
    let Some(home) = std::env::home_dir() else { return Vec::new() };
    let holds_keys = |path: &PathBuf| {
        crate::secret::import_file(path).is_ok_and(|content| {
            const KEY: &[u8] = b"aws_secret_access_key";
            content.windows(KEY.len()).any(|window| window.eq_ignore_ascii_case(KEY))
        })
    };
    ["credentials", "config"]
        .map(|name| home.join(".aws").join(name))
        .into_iter()
        .filter(holds_keys)
        .collect()
}
