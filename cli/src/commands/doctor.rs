//! What could be better, and how. What it is there to find never makes it fail: a vault that cannot be opened does, once
//! everything else is said.

mod finding;
#[cfg(feature = "aws")]
mod key;
mod permissions;
mod plaintext;

use std::path::Path;

use aumbry::{Advice, KdfParameters, MemoryProtection, OpenOptions, Role, Vault, VaultInfo};
use serde_json::json;

use self::finding::{Finding, under_way};
use super::aws_files;
use super::records::rfc3339;
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::{print, print_json};

pub(super) fn doctor(context: &Context) -> Outcome {
    let path = context.path()?;
    let mut findings = permissions::findings(&path);
    let passphrase = context.global.passphrase().named()?.file;
    findings.extend(passphrase.as_deref().and_then(permissions::of_passphrase));
    // If the vault cannot be opened, the findings about everything else are still reported.
    let opened = of_vault(context, &path).map(|of_vault| findings.extend(of_vault));
    findings.extend(profiles());
    findings.extend(plaintext::findings());
    report(context, &findings)?;
    opened
}

/// Of one record alone: whether AWS accepts its key.
#[cfg(feature = "aws")]
pub(super) fn doctor_of_key(context: &Context, name: &str, sts_endpoint: Option<&str>) -> Outcome {
    let vault = context.open()?;
    report(context, &key::findings(context, &vault, name, sts_endpoint)?)
}

fn report(context: &Context, findings: &[Finding]) -> Outcome {
    if context.global.json {
        let findings = findings
            .iter()
            .map(|finding| json!({ "about": finding.about, "ok": finding.is_well, "message": finding.says }));
        return print_json(&findings.collect::<Vec<_>>());
    }
    let lines = findings.iter().map(|Finding { about, is_well, says }| {
        format!("{:<7} {about:<12} {says}\n", if *is_well { "ok" } else { "advice" })
    });
    print(&lines.collect::<String>())
}

/// Findings about a vault that can be opened.
fn of_vault(context: &Context, path: &Path) -> Outcome<Vec<Finding>> {
    let info = context.inspect(path)?;
    let passphrase = context.passphrase(path)?;
    let opened = context.open_with(passphrase.clone(), |options, passphrase| options.open(path, passphrase));
    let (vault, refused) = match opened {
        // A refused revision is opened without its pin, so that nothing is remembered.
        Err(error) if error.refused_revision().is_some() => {
            let open = |options: OpenOptions, passphrase| options.without_pin().open(path, passphrase);
            (context.open_with(passphrase, open)?, Some(error))
        }
        opened => (opened?, None),
    };
    let advice = vault.advice()?;
    let mut findings = Vec::new();
    findings.push(match refused {
        Some(error) => Finding::ill("pin", format!("{error}: every other command refuses it; if you know why, for instance because you restored a backup, add --accept-rollback")),
        None => pin(&vault, &advice)?,
    });
    findings.push(memory(vault.memory_protection()?));
    findings.extend(kdf(&info, &advice, vault.role()?));
    findings.extend(rest(&advice));
    findings.extend(vault.rotations()?.iter().map(under_way));
    Ok(findings)
}

/// Profiles that AWS clients have another key for.
fn profiles() -> Vec<Finding> {
    const ABOUT: &str = "profiles";
    match aws_files::stronger() {
        Ok(stronger) => stronger.iter().map(|stronger| Finding::ill(ABOUT, stronger.says())).collect(),
        Err(failure) => vec![Finding::ill(ABOUT, failure.message())],
    }
}

/// Whether an older vault would be noticed on this machine.
fn pin(vault: &Vault, advice: &[Advice]) -> Outcome<Finding> {
    const ABOUT: &str = "pin";
    if let Some(trouble) = advice.iter().find(|advice| matches!(advice, Advice::PinNotWritten(_))) {
        let says = format!("{trouble}: let that place be written, or set XDG_STATE_HOME to another");
        return Ok(Finding::ill(ABOUT, says));
    }
    let generation = vault.generation()?;
    Ok(match vault.remembered() {
        Some(last) if last.generation > generation => Finding::ill(
            ABOUT,
            format!(
                "the vault is generation {generation}, and this machine saw {} at {}: an administrator's next change \
                 makes it the newest again",
                last.generation,
                rfc3339(last.seen)
            ),
        ),
        Some(last) => Finding::well(
            ABOUT,
            format!(
                "an older vault would be noticed: this machine saw generation {} at {}",
                last.generation,
                rfc3339(last.seen)
            ),
        ),
        None => Finding::ill(
            ABOUT,
            "this machine remembers nothing of the vault: an older one would not be noticed",
        ),
    })
}

fn memory(protection: MemoryProtection) -> Finding {
    match protection {
        MemoryProtection::None => {
            Finding::ill("memory", "the keys may reach swap: raise `ulimit -l` to 64 or more")
        }
        protection => Finding::well("memory", format!("the keys are {protection}")),
    }
}

/// What a guess at the passphrases costs, beside what it would cost in a vault made today.
fn kdf(info: &VaultInfo, advice: &[Advice], role: Role) -> Vec<Finding> {
    const ABOUT: &str = "kdf";
    let default = KdfParameters::default();
    let mut findings = Vec::new();
    let own = advice.iter().find_map(|advice| match advice {
        Advice::KdfBelowDefault(kdf) => Some(kdf),
        _ => None,
    });
    if let Some(own) = own {
        let renew = match role {
            Role::Administrator => "`aumbry passwd` renews it, with any passphrase",
            _ => "an administrator can renew it",
        };
        let says =
            format!("Argon2id with {} is below today's default of {}: {renew}", words(own), words(&default));
        findings.push(Finding::ill(ABOUT, says));
    }
    let is_below = |kdf: KdfParameters| kdf.cost() < default.cost() || !kdf.is_above_floor();
    let below = info.slots.iter().filter(|slot| is_below(slot.kdf)).count();
    match below.saturating_sub(usize::from(own.is_some())) {
        0 if own.is_some() => {}
        0 => findings.push(Finding::well(
            ABOUT,
            format!("Argon2id with {} or more guards every way in", words(&default)),
        )),
        others => {
            let says = format!(
                "of {} ways in, {others} that are not yours are guarded by less than Argon2id with {}: a new passphrase renews each",
                info.slots.len(),
                words(&default)
            );
            findings.push(Finding::ill(ABOUT, says));
        }
    }
    findings
}

fn words(kdf: &KdfParameters) -> String {
    let passes = kdf.passes().get();
    let s = if passes == 1 { "" } else { "es" };
    format!("{} MiB and {passes} pass{s}", kdf.memory().get() / 1024)
}

/// The remaining advice.
fn rest(advice: &[Advice]) -> Vec<Finding> {
    let rest = advice.iter().filter_map(|advice| match advice {
        Advice::PinNotWritten(_) | Advice::MemoryNotLocked | Advice::KdfBelowDefault(_) => None,
        Advice::NoSecondAdministrator => {
            Some(Finding::ill("vault", format!("{advice} (keep a copy of it in a safe place)")))
        }
        advice => Some(Finding::ill("vault", advice.to_string())),
    });
    let rest: Vec<_> = rest.collect();
    if rest.is_empty() {
        vec![Finding::well("vault", "the vault has more than one administrator")]
    } else {
        rest
    }
}
