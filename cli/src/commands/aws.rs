//! Commands that hand a record to AWS clients.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind as IoKind;
use std::process::Command;
use std::time::SystemTime;

use aumbry::interchange::credential_process;
use aumbry::interchange::env_file::variables;
use aumbry::{Credentials, ExposeSecret, Vault};
use zeroize::Zeroizing;

use super::records::{credentials, rfc3339};
use crate::arguments::Shell;
use crate::context::Context;
use crate::environment::hide_from_child;
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json};

/// What AWS clients read from the environment before they look at a profile: a stale one would win over the record.
const READ_BY_CLIENTS: [&str; 13] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// What to do about a session that has ended.
#[cfg(feature = "aws")]
pub(super) const RENEW: &str = "put a new one in with `aumbry edit NAME --from-json FILE`";
const RENEW_OR_ALLOW: &str =
    "put a new one in with `aumbry edit NAME --from-json FILE`, or add --allow-expired";

/// The record of the vault, unless its session has expired and that is not allowed.
fn fresh(context: &Context, name: &str, allow_expired: bool) -> Outcome<Credentials> {
    let vault = context.open()?;
    if allow_expired { credentials(&vault, name) } else { unexpired(&vault, name, RENEW_OR_ALLOW) }
}

/// The record, unless its session has expired.
pub(super) fn unexpired(vault: &Vault, name: &str, advice: &str) -> Outcome<Credentials> {
    let credentials = credentials(vault, name)?;
    match credentials.expires().filter(|_| credentials.is_expired(SystemTime::now())) {
        None => Ok(credentials),
        Some(expires) => {
            let message = format!("the session {name:?} expired at {}", rfc3339(expires));
            Err(Failure::expired(message).advise(advice))
        }
    }
}

/// Returns the record, if it is not expired and its values can be environment variables.
fn for_environment(context: &Context, name: &str, allow_expired: bool) -> Outcome<Credentials> {
    let credentials = fresh(context, name, allow_expired)?;
    if let Some((name, _)) = variables(&credentials).find(|(_, value)| value.contains('\0')) {
        return Err(Failure::usage(format!(
            "the value of {name} holds a NUL character, which no environment can carry"
        )));
    }
    Ok(credentials)
}

/// Exactly one JSON object on stdout once everything has succeeded, and nothing else anywhere.
pub(super) fn credential_process(context: &Context, name: &str, allow_expired: bool) -> Outcome {
    let credentials = fresh(context, name, allow_expired)?;
    print(credential_process::render(&credentials)?.expose_secret())?;
    print("\n")
}

pub(super) fn env(context: &Context, name: &str, shell: Shell, allow_expired: bool) -> Outcome {
    let credentials = for_environment(context, name, allow_expired)?;
    if context.global.json {
        return print_json(&variables(&credentials).collect::<BTreeMap<_, _>>());
    }
    // Sized first: each value may double when it is quoted, each line has a frame.
    let len = READ_BY_CLIENTS.iter().map(|name| name.len() + 40).sum::<usize>()
        + variables(&credentials).map(|(name, value)| name.len() + 5 * value.len() + 40).sum::<usize>();
    let mut script = Zeroizing::new(String::with_capacity(len));
    for name in READ_BY_CLIENTS {
        let (before, after) = match shell {
            Shell::Sh => ("unset ", "\n"),
            // Each time out of one scope (local, global, universal), until it is in none.
            Shell::Fish => ("while set -e ", "; end;\n"),
            Shell::Powershell => ("Remove-Item -ErrorAction Ignore Env:", "\n"),
        };
        [before, name, after].into_iter().for_each(|part| script.push_str(part));
    }
    for (name, value) in variables(&credentials) {
        if value.contains(['\n', '\r']) {
            return Err(Failure::usage(format!(
                "the value of {name} holds a line break, which a shell script cannot carry"
            )));
        }
        script.push_str(match shell {
            Shell::Sh => "export ",
            Shell::Fish => "set -gx ",
            Shell::Powershell => "$Env:",
        });
        script.push_str(name);
        script.push_str(match shell {
            Shell::Sh => "=",
            Shell::Fish => " ",
            Shell::Powershell => " = ",
        });
        quote(&mut script, shell, value);
        script.push_str(if shell == Shell::Fish { ";\n" } else { "\n" });
    }
    print(&script)
}

/// In single quotes, inside which each of these shells leaves all but one or two characters alone.
fn quote(script: &mut String, shell: Shell, value: &str) {
    script.push('\'');
    for letter in value.chars() {
        match (shell, letter) {
            (Shell::Sh, '\'') => script.push_str("'\\''"),
            (Shell::Fish, '\'' | '\\') => {
                script.push('\\');
                script.push(letter);
            }
            // To PowerShell the typographic ones are single quotes, too.
            (Shell::Powershell, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') => {
                script.push(letter);
                script.push(letter);
            }
            _ => script.push(letter),
        }
    }
    script.push('\'');
}

/// Runs a program that finds the record in its environment; its end is ours.
pub(super) fn exec(context: &Context, name: &str, command: &[OsString], allow_expired: bool) -> Outcome {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::usage("name a program behind --"));
    };
    let credentials = for_environment(context, name, allow_expired)?;
    let mut child = Command::new(program);
    child.args(arguments);
    for name in READ_BY_CLIENTS {
        child.env_remove(name);
    }
    hide_from_child(&mut child);
    child.envs(variables(&credentials));
    // On Unix the program takes our place: no parent is left that holds secrets.
    #[cfg(unix)]
    let error = std::os::unix::process::CommandExt::exec(&mut child);
    #[cfg(not(unix))]
    let error = match child.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    };
    let program = program.to_string_lossy();
    Err(match error.kind() {
        IoKind::NotFound => Failure::no_program(format!("could not find the program {program}: {error}")),
        _ => Failure::not_runnable(format!("could not run {program}: {error}")),
    })
}
