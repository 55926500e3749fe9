//! Commands about the vault as a whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use aumbry::{
    CreateOptions, Error, ErrorKind, ExposeSecret, KdfParameters, Lanes, MemoryKib, OpenOptions, Passes,
    RecoveryCode, Role,
};
use serde_json::json;

use super::people::{check_stdout, lost_code, show_code};
use crate::arguments::Init;
use crate::arguments::secrets::NewPassphrase;
use crate::context::{Context, make_folder};
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json, records};
use crate::passphrase::Wanted;

pub(super) fn init(context: &Context, init: &Init) -> Outcome {
    let path = context.path()?;
    if init.recovery_code {
        check_stdout()?;
    }
    if path.exists() {
        let message = format!("the file {} already exists", path.display());
        return Err(Failure::from(Error::new(ErrorKind::AlreadyExists, message))
            .advise("name another place with --vault, or move that file away"));
    }
    let kdf = match (&init.kdf, &init.kdf_target) {
        (Some(parameters), _) => parse_kdf(parameters)?,
        (None, Some(target)) => context.waiting("Calibrating", || {
            KdfParameters::calibrated_to(parse_time(target)?).map_err(Failure::from)
        })?,
        (None, None) => KdfParameters::default(),
    };
    let known = [init.label.as_str()];
    let wanted = Wanted { ordinary: Some(context.global.passphrase()), ..context.wanted(&init.new, &known) };
    let passphrase = wanted.get()?;
    make_folder(&path)?;
    let options = CreateOptions::new().label(&init.label).kdf(kdf).open_options(OpenOptions::new());
    let (vault, code) = if init.recovery_code {
        let made =
            context.waiting("Making the vault", || options.create_with_recovery_code(&path, passphrase))?;
        (made.0, Some(made.1))
    } else {
        (context.waiting("Making the vault", || options.create(&path, passphrase))?, None)
    };
    if context.global.json {
        let shown = path.to_string_lossy();
        let mut result = BTreeMap::from([("path", &*shown)]);
        let code = code.as_ref().map(RecoveryCode::to_grouped);
        if let Some(code) = &code {
            result.insert("recovery_code", code.expose_secret());
        }
        print_json(&result).map_err(|failure| if code.is_some() { lost_code() } else { failure })?;
        return context.confirmed(&vault);
    }
    context.note(&format!("Made {}.", path.display()));
    let Some(code) = code else { return context.confirmed(&vault) };
    context.note(
        "The recovery code opens the vault when the passphrase is forgotten. It is shown once: write it down.",
    );
    show_code(context, &code, false)?;
    context.confirmed(&vault)
}

pub(super) fn passwd(context: &Context, new: &NewPassphrase) -> Outcome {
    let vault = context.open()?;
    if vault.role()? == Role::Reader {
        let message = "a reader cannot sign a new version of the vault, so cannot change a passphrase either";
        return Err(Failure::from(Error::new(ErrorKind::NotAdministrator, message))
            .advise("ask an administrator, who can: `aumbry people passwd LABEL`"));
    }
    let people = vault.people()?;
    if people.iter().any(|person| person.is_self && person.is_recovery_code) {
        return Err(Failure::refused(
            "the vault was opened with its recovery code, which does not belong to a person",
        )
        .advise("say whose passphrase is to be changed: `aumbry people passwd LABEL`"));
    }
    let known: Vec<&str> = people.iter().map(|person| person.label.as_str()).collect();
    let passphrase = context.wanted(new, &known).get()?;
    context.waiting("Changing the passphrase", || vault.change_passphrase(passphrase))?;
    context.done(
        "Changed. Older copies of the vault still open with the old passphrase; if another person may know \
         it, `aumbry rekey` makes all keys new.",
        &json!({ "path": context.path()?, "generation": vault.generation()? }),
    )
}

pub(super) fn info(context: &Context) -> Outcome {
    let path = context.path()?;
    let info = aumbry::inspect(&path)?;
    let id = info.vault_id.to_string();
    let kind = |is_code| if is_code { "recovery-code" } else { "passphrase" };
    if context.global.json {
        let people: Vec<_> = info
            .slots
            .iter()
            .map(|slot| {
                json!({
                    "role": slot.role.to_string(),
                    "kind": kind(slot.is_recovery_code),
                    "kdf": {
                        "m_kib": slot.kdf.memory().get(),
                        "t": slot.kdf.passes().get(),
                        "p": slot.kdf.lanes().get(),
                    },
                })
            })
            .collect();
        return print_json(
            &json!({ "path": path, "vault_id": id, "generation": info.generation, "bytes": info.file_len, "people": people }),
        );
    }
    let mut text = format!(
        "{}\n  vault id      {id}\n  generation    {}\n  size          {} bytes\n",
        path.display(),
        info.generation,
        info.file_len
    );
    for slot in &info.slots {
        let kdf = slot.kdf;
        let _ = writeln!(
            text,
            "  {:<13} by {}, Argon2id with {} MiB, {} passes, {} lanes",
            slot.role.to_string(),
            kind(slot.is_recovery_code),
            kdf.memory().get() / 1024,
            kdf.passes().get(),
            kdf.lanes().get()
        );
    }
    let total: u64 = info.slots.iter().map(|slot| slot.kdf.cost()).sum();
    let _ = writeln!(
        text,
        "A wrong passphrase costs up to {} runs, {} MiB of passes in all.",
        info.slots.len(),
        total / 1024
    );
    text.push_str("This is not verified: `aumbry verify` checks it.\n");
    print(&text)
}

pub(super) fn verify(context: &Context) -> Outcome {
    let vault = context.open()?;
    let verified = context.waiting("Verifying", || vault.verify())?;
    if context.global.json {
        return print_json(&json!({ "records": verified.records, "generation": verified.generation }));
    }
    print(&format!(
        "{}, generation {}: all of it is sound.\n",
        records(verified.records),
        verified.generation
    ))
}

/// `m=64MiB,t=3,p=4`, each of them optional.
fn parse_kdf(text: &str) -> Outcome<KdfParameters> {
    let usage = || Failure::usage(format!("{text:?} is not of the form m=64MiB,t=3,p=4"));
    let default = KdfParameters::default();
    let (mut memory, mut passes, mut lanes) = (default.memory(), default.passes(), default.lanes());
    for part in text.split(',') {
        let (key, value) = part.trim().split_once('=').ok_or_else(usage)?;
        let number = |value: &str| value.parse::<u32>().map_err(|_| usage());
        match key {
            "m" => {
                let kib =
                    match (value.strip_suffix("MiB"), value.strip_suffix("GiB"), value.strip_suffix("KiB")) {
                        (Some(mib), _, _) => number(mib)?.checked_mul(1024),
                        (_, Some(gib), _) => number(gib)?.checked_mul(1024 * 1024),
                        (_, _, Some(kib)) => Some(number(kib)?),
                        _ => None,
                    };
                memory = MemoryKib::new(kib.ok_or_else(usage)?)?;
            }
            "t" => passes = Passes::new(number(value)?)?,
            "p" => lanes = Lanes::new(number(value)?)?,
            _ => return Err(usage()),
        }
    }
    Ok(KdfParameters::new(memory, passes, lanes)?)
}

/// `500ms` or `2s`.
fn parse_time(text: &str) -> Outcome<Duration> {
    let number = |digits: &str| digits.trim().parse().ok();
    let time = match text.strip_suffix("ms") {
        Some(digits) => number(digits).map(Duration::from_millis),
        None => text.strip_suffix('s').and_then(number).map(Duration::from_secs),
    };
    time.filter(|time| !time.is_zero())
        .ok_or_else(|| Failure::usage(format!("{text:?} is not a time such as 500ms or 2s")))
}
