//! Commands about people.

use std::collections::BTreeMap;

use aumbry::{ErrorKind, Person, RecoveryCode, Role, Vault};
use aumbry::{ExposeSecret, Passphrase};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::records::{escaped, rfc3339, table};
use crate::arguments::people::{Add, People, RecoveryCheck, Rekey, Remove};
use crate::arguments::secrets::NewPassphrase;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json, records, stdout_is_lost};
use crate::suggestion::did_you_mean;

pub(super) fn people(context: &Context, people: &People) -> Outcome {
    match people {
        People::List => list(context),
        People::Add(arguments) => add(context, arguments),
        People::Remove(arguments) => remove(context, arguments),
        People::Passwd { label, new } => passwd(context, label, new),
        People::RecoveryCode { print, yes } => recovery_code(context, *print, *yes),
        People::RecoveryCheck(arguments) => recovery_check(context, arguments),
    }
}

fn labels(vault: &Vault) -> Outcome<Vec<String>> {
    Ok(vault.people()?.into_iter().map(|person| person.label).collect())
}

fn list(context: &Context) -> Outcome {
    let people = context.open()?.people()?;
    if context.global.json {
        return print_json(&people.iter().map(as_json).collect::<Vec<_>>());
    }
    let rows: Vec<[String; 4]> = people
        .iter()
        .map(|person| {
            let you = if person.is_self { " (you)" } else { "" };
            [
                escaped(&person.label) + you,
                person.role.to_string(),
                kind(person).to_owned(),
                rfc3339(person.created),
            ]
        })
        .collect();
    print(&table(&["LABEL", "ROLE", "OPENS BY", "SINCE"], &rows))
}

fn kind(person: &Person) -> &'static str {
    if person.is_recovery_code { "recovery-code" } else { "passphrase" }
}

fn as_json(person: &Person) -> Value {
    json!({
        "label": person.label,
        "role": person.role.to_string(),
        "kind": kind(person),
        "created": rfc3339(person.created),
        "kdf": {
            "m_kib": person.kdf.memory().get(),
            "t": person.kdf.passes().get(),
            "p": person.kdf.lanes().get(),
        },
    })
}

fn add(context: &Context, add: &Add) -> Outcome {
    let vault = context.open_to_write()?;
    let role = if add.administrator { Role::Administrator } else { Role::Reader };
    let labels = labels(&vault)?;
    // Before a passphrase is thought up.
    if labels.contains(&add.label) {
        let message = format!("the vault already has a person named {:?}", add.label);
        return Err(Failure::from(aumbry::Error::new(ErrorKind::AlreadyExists, message))
            .advise("choose another label, or see `aumbry people list`"));
    }
    let known: Vec<&str> = labels.iter().map(String::as_str).chain([add.label.as_str()]).collect();
    let passphrase = context.wanted(&add.new, &known).get()?;
    context.waiting("Adding", || vault.add_person(&add.label, role, passphrase))?;
    context.done(&format!("Added {}, {role}.", escaped(&add.label)), &as_json(&person(&vault, &add.label)?))
}

fn person(vault: &Vault, label: &str) -> Outcome<Person> {
    let mut people = vault.people()?;
    if let Some(at) = people.iter().position(|person| person.label == label) {
        return Ok(people.swap_remove(at));
    }
    let advice = did_you_mean(label, people.into_iter().map(|person| person.label));
    Err(Failure::no_such_person(format!("the vault has no person named {label:?}"))
        .advise(advice.unwrap_or_else(|| "`aumbry people list` shows the labels".to_owned())))
}

fn remove(context: &Context, remove: &Remove) -> Outcome {
    let vault = context.open_to_write()?;
    let person = person(&vault, &remove.label)?;
    if person.is_self {
        return Err(Failure::refused("you cannot remove yourself").advise(
            "another administrator can; to replace all keys and remove all other people, use `aumbry rekey`",
        ));
    }
    if remove.rekey {
        return make_new(context, &vault, remove.yes, &remove.new, Some(&person.label));
    }
    if person.role == Role::Administrator && !remove.keep_seed {
        let message = format!(
            "{} is an administrator and has known the key that signs the vault",
            escaped(&person.label)
        );
        return Err(Failure::refused(message).advise(
            "add --rekey, which replaces all keys; or --keep-seed, if no other person has seen this passphrase or code",
        ));
    }
    context.confirm(
        remove.yes,
        &format!("{} will not be able to open the vault any more. Go on?", escaped(&person.label)),
    )?;
    context.waiting("Removing", || match remove.keep_seed {
        true => vault.remove_person_keeping_seed(&person.label),
        false => vault.remove_person(&person.label),
    })?;
    let could_read = vault.records()?.count();
    let note = format!(
        "Removed {}, who could read the secrets of {}: change those at AWS.",
        escaped(&person.label),
        records(could_read)
    );
    context.done(&note, &json!({ "removed": [as_json(&person)], "could_read": could_read }))
}

fn passwd(context: &Context, label: &str, new: &NewPassphrase) -> Outcome {
    let vault = context.open_to_write()?;
    let person = person(&vault, label)?;
    let labels = labels(&vault)?;
    let known: Vec<&str> = labels.iter().map(String::as_str).collect();
    let passphrase = context.wanted(new, &known).get()?;
    context.waiting("Changing the passphrase", || vault.set_passphrase(label, passphrase))?;
    let mut note = format!("Changed the passphrase of {}.", escaped(label));
    if person.role == Role::Administrator {
        note.push_str("\nIf another person may know the old one: `aumbry rekey` replaces all keys.");
    }
    context.done(&note, &as_json(&self::person(&vault, label)?))
}

pub(super) fn rekey(context: &Context, rekey: &Rekey) -> Outcome {
    let vault = context.open_to_write()?;
    make_new(context, &vault, rekey.yes, &rekey.new, None)
}

/// `leaving` is who shall not come back.
fn make_new(
    context: &Context,
    vault: &Vault,
    yes: bool,
    new: &NewPassphrase,
    leaving: Option<&str>,
) -> Outcome {
    let people = vault.people()?;
    if people.iter().any(|person| person.is_self && person.is_recovery_code) {
        return Err(Failure::refused(
            "the vault was opened with its recovery code, and a rekey leaves one passphrase alone",
        )
        .advise("give yourself one with `aumbry people passwd LABEL`, and open the vault with that"));
    }
    let others: Vec<&str> =
        people.iter().filter(|person| !person.is_self).map(|person| person.label.as_str()).collect();
    let gone = if others.is_empty() { "nobody".to_owned() } else { escaped(&others.join(", ")) };
    context.confirm(
        yes,
        &format!(
            "All keys are made new. Besides you, these can open the vault now and then cannot: {gone}. Go on?"
        ),
    )?;
    let known: Vec<&str> = people.iter().map(|person| person.label.as_str()).collect();
    let passphrase = context.wanted(new, &known).get()?;
    let gone = context.waiting("Making all keys new", || vault.rekey(passphrase))?;
    let could_read = vault.records()?.count();
    if context.global.json {
        let removed: Vec<_> = gone.iter().map(as_json).collect();
        print_json(&json!({ "removed": removed, "could_read": could_read }))?;
        return context.confirmed(vault);
    }
    context.note("All keys are new, and only your new passphrase opens the vault.");
    for person in gone.iter().filter(|person| Some(person.label.as_str()) != leaving) {
        context.note(&match (person.is_recovery_code, person.role) {
            (true, _) => "Make a new recovery code: aumbry people recovery-code".to_owned(),
            (false, Role::Administrator) => format!(
                "To be added again, with a passphrase never used here: aumbry people add --administrator {}",
                word(&person.label)
            ),
            (false, _) => format!(
                "To be added again, with a passphrase never used here: aumbry people add {}",
                word(&person.label)
            ),
        });
    }
    context.note("Each machine that remembers the vault asks once: add --accept-rollback there.");
    if !gone.is_empty() {
        context.note(&format!(
            "They could read the secrets of {}: change at AWS the ones that they know.",
            records(could_read)
        ));
    }
    context.confirmed(vault)
}

/// As a shell takes it for one word, and no option.
fn word(label: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    if !label.starts_with('-') && label.chars().all(plain) {
        return label.to_owned();
    }
    format!("-- '{}'", escaped(label).replace('\'', "'\\''"))
}

fn recovery_code(context: &Context, page: bool, yes: bool) -> Outcome {
    check_stdout()?;
    let vault = context.open_to_write()?;
    let had_one = vault.people()?.iter().any(|person| person.is_recovery_code);
    if had_one {
        context.confirm(
            yes,
            "The recovery code that was made before will not open the vault any more. Go on?",
        )?;
    }
    let code = context.waiting("Making the code", || vault.issue_recovery_code())?;
    if had_one {
        context.note("If another person may have seen the previous one: `aumbry rekey` replaces all keys.");
    }
    context
        .note("It is shown once. It opens the vault as an administrator: keep it apart from the passphrase.");
    show_code(context, &code, page).map_err(|failure| {
        failure.advise("the code is lost: make another one with `aumbry people recovery-code`")
    })
}

/// The code on stdout, bare or on a page.
pub(super) fn show_code(context: &Context, code: &RecoveryCode, page: bool) -> Outcome {
    let grouped = code.to_grouped();
    let shown = grouped.expose_secret();
    let printed = match (context.global.json, page) {
        (true, _) => print_json(&BTreeMap::from([("recovery_code", shown)])),
        (false, false) => print(&joined(&[shown, "\n"])),
        (false, true) => print(&recovery_page(context, shown)?),
    };
    // Also if the reader of stdout is gone: a code that is shown once must not be lost quietly.
    printed.map_err(|_| lost_code())
}

/// A code is shown only once, therefore stdout must not be the null device.
pub(super) fn check_stdout() -> Outcome {
    if !stdout_is_lost() {
        return Ok(());
    }
    Err(Failure::lost("stdout leads nowhere, and a recovery code is shown once: nothing was changed"))
}

pub(super) fn lost_code() -> Failure {
    Failure::lost("the recovery code could not be printed, and is lost")
        .advise("make another one with `aumbry people recovery-code`")
}

/// In a buffer of the exact size: one that grows leaves its smaller self behind, with the code.
fn joined(parts: &[&str]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| text.push_str(part));
    text
}

fn recovery_page(context: &Context, code: &str) -> Outcome<Zeroizing<String>> {
    let path = context.path()?;
    let path = std::path::absolute(&path).unwrap_or(path);
    let before = format!(
        "RECOVERY CODE OF AN AUMBRY VAULT\n\n    vault   {}\n    made    {}\n\n    ",
        path.display(),
        jiff::Timestamp::now().strftime("%Y-%m-%d")
    );
    let after = "\n\n\
         Anybody with this page and the vault can read and change all its records. Keep it where the\n\
         passphrase is not, and not beside the computer.\n\n\
         When the passphrase is forgotten:\n\n    \
         aumbry people list              type the code where the passphrase is asked for\n    \
         aumbry people passwd LABEL      the code again, then the new passphrase twice\n\n\
         Upper and lower case, spaces and hyphens do not matter. A mistyped letter is noticed.\n\
         To see whether the code still opens the vault:\n\n    aumbry people recovery-check\n";
    Ok(joined(&[&before, code, after]))
}

fn recovery_check(context: &Context, check: &RecoveryCheck) -> Outcome {
    let path = context.path()?;
    aumbry::inspect(&path)?;
    let code: Passphrase = check.sources().code(context.may_ask())?;
    let checked = context.open_with(code, |options, code| options.check_recovery_code(&path, code));
    let checked = checked.map_err(|error| match error.kind() {
        ErrorKind::WrongPassphrase => {
            Failure::from(error).advise("the code was replaced by a newer one, or is of another vault")
        }
        _ => error.into(),
    })?;
    if context.global.json {
        return print_json(&json!({ "opens": true, "generation": checked.generation }));
    }
    print(&format!(
        "The code opens {}, generation {}, as an administrator.\n",
        path.display(),
        checked.generation
    ))
}
