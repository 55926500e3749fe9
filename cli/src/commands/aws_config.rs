//! The profile by which AWS clients find a record.

mod quoting;
mod shared_file;

use std::collections::BTreeMap;
use std::path::Path;

use aumbry::interchange::profiles::set_properties;
use aumbry::{ExposeSecret, Name};
use serde_json::json;

use super::aws_files;
use super::records::credentials;
use crate::arguments::AwsConfig;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::{self, print, print_json};
use crate::passphrase::Sources;

pub(super) use quoting::{Platform, quoted};

pub(super) fn aws_config(context: &Context, arguments: &AwsConfig) -> Outcome {
    Name::new(&arguments.name)?;
    let profile = arguments.profile.as_deref().unwrap_or(&arguments.name);
    let command = credential_process(context, &arguments.name)?;
    let mut properties = vec![("credential_process", command.as_str())];
    if let Some(region) = &arguments.region {
        properties.push(("region", region));
    }
    let by_name: BTreeMap<_, _> = properties.iter().copied().collect();
    if !arguments.write {
        let result = json!({ "profile": profile, "properties": by_name });
        let text = set_properties("", profile, &properties)?;
        return if context.global.json { print_json(&result) } else { print(text.expose_secret()) };
    }
    check_record(context, &arguments.name)?;
    let path = shared_file::edit(&aws_files::config()?, |old| set_properties(old, profile, &properties))?;
    let note = format!(
        "The profile {profile:?} is now in {}. Try: aws --profile {profile} sts get-caller-identity",
        path.display()
    );
    // Also with --quiet: as long as something else is stronger, the profile is not what it seems.
    let warn = |what: &str| output::note(false, &format!("aumbry: warning: {what}"));
    let stronger = aws_files::stronger().unwrap_or_else(|failure| {
        warn(&format!("what else gives the profile a key could not be found out: {}", failure.message()));
        Vec::new()
    });
    let stronger: Vec<_> = stronger.into_iter().filter(|stronger| stronger.profile == profile).collect();
    let keys = stronger.iter().map(|stronger| json!({ "path": stronger.path, "keys": stronger.keys }));
    let keys: Vec<_> = keys.collect();
    let result = json!({ "profile": profile, "properties": by_name, "path": path, "stronger": keys });
    context.done(&note, &result)?;
    stronger.iter().for_each(|stronger| warn(&stronger.says()));
    Ok(())
}

/// Whether there is such a record, if that can be found out without asking for the passphrase.
fn check_record(context: &Context, name: &str) -> Outcome {
    if context.global.passphrase().is_given() {
        credentials(&context.open()?, name).map(drop)
    } else {
        context.note("No passphrase was given, so the vault was not asked whether it has this record.");
        Ok(())
    }
}

/// What AWS clients are to run: absolute paths, and the vault and passphrase source of this very call.
fn credential_process(context: &Context, name: &str) -> Outcome<String> {
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|error| Failure::io(format!("could not find {}", path.display()), &error))
    };
    let program =
        std::env::current_exe().map_err(|error| Failure::io("could not find this program", &error))?;
    let mut words = vec![text(&program)?, "credential-process".into()];
    // A name that looks like an option comes last, behind what ends the options.
    let is_like_an_option = name.starts_with('-');
    if !is_like_an_option {
        words.push(name.into());
    }
    words.extend(["--vault".into(), text(&absolute(&context.path()?)?)?]);
    match context.global.passphrase().named()? {
        Sources { descriptor: Some(_), .. } => {
            return Err(Failure::usage(
                "a descriptor is open only now: give the passphrase by a file or a command",
            ));
        }
        Sources { file: Some(file), .. } => {
            words.extend(["--passphrase-file".into(), text(&absolute(&file)?)?]);
        }
        Sources { command: Some(command), .. } => words.extend(["--passphrase-command".into(), command]),
        Sources { .. } => {}
    }
    if is_like_an_option {
        words.extend(["--".into(), name.into()]);
    }
    let words = words.iter().map(|word| quoted(word, Platform::HERE)).collect::<Outcome<Vec<_>>>()?;
    Ok(words.join(" "))
}

fn text(path: &Path) -> Outcome<String> {
    let text =
        path.to_str().ok_or_else(|| Failure::usage(format!("the path {} is not UTF-8", path.display())))?;
    Ok(text.to_owned())
}
