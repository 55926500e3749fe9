//! The profile by which AWS clients find a record.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use aumbry::aws::profiles::set_properties;
use aumbry::{ExposeSecret, Name};
use serde_json::json;

use crate::arguments::AwsConfig;
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json};
use crate::passphrase::Sources;
use crate::session::{Session, make_folder};

pub(super) fn aws_config(session: &Session, arguments: &AwsConfig) -> Outcome {
    Name::new(&arguments.name)?;
    let profile = arguments.profile.as_deref().unwrap_or(&arguments.name);
    let command = credential_process(session, &arguments.name)?;
    let mut properties = vec![("credential_process", command.as_str())];
    if let Some(region) = &arguments.region {
        properties.push(("region", region));
    }
    let mut result =
        json!({ "profile": profile, "properties": properties.iter().copied().collect::<BTreeMap<_, _>>() });
    if !arguments.write {
        let text = set_properties("", profile, &properties)?;
        return if session.global.json { print_json(&result) } else { print(text.expose_secret()) };
    }
    let path = config_path()?;
    let failed = |error: std::io::Error| Failure::io(format!("could not change {}", path.display()), &error);
    // A link is followed: its target is what is replaced.
    let path = &path.canonicalize().unwrap_or_else(|_| path.clone());
    let old = match fs::read_to_string(path) {
        Ok(old) => old,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let new = set_properties(&old, profile, &properties)?;
    make_folder(path)?;
    replace(path, new.expose_secret()).map_err(failed)?;
    let note = format!(
        "The profile {profile:?} stands in {} now. Try: aws --profile {profile} sts get-caller-identity",
        path.display()
    );
    result["path"] = json!(path);
    session.done(&note, &result)
}

/// What AWS clients are to run: absolute paths, and the vault and passphrase source of this very call.
fn credential_process(session: &Session, name: &str) -> Outcome<String> {
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|error| Failure::io(format!("could not find {}", path.display()), &error))
    };
    let program =
        std::env::current_exe().map_err(|error| Failure::io("could not find this program", &error))?;
    let mut words = vec![text(&program)?, "credential-process".into(), name.into()];
    words.extend(["--vault".into(), text(&absolute(&session.path()?)?)?]);
    match session.global.passphrase() {
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
    Ok(words.iter().map(|word| quoted(word)).collect::<Outcome<Vec<_>>>()?.join(" "))
}

fn text(path: &Path) -> Outcome<String> {
    let text = path.to_str().ok_or_else(|| Failure::usage(format!("{} is no text", path.display())))?;
    Ok(text.to_owned())
}

/// Bare where possible, else in single quotes: one SDK for Go drops whatever follows a word in double quotes.
pub(super) fn quoted(word: &str) -> Outcome<String> {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    match word {
        word if !word.is_empty() && word.chars().all(is_bare) => Ok(word.to_owned()),
        word if word.contains(['\'', '\n', '\r']) => Err(Failure::usage(format!(
            "{word:?} cannot stand in a config file: choose a name or path without quotes"
        ))),
        word => Ok(format!("'{word}'")),
    }
}

fn config_path() -> Outcome<PathBuf> {
    if let Some(path) = std::env::var_os("AWS_CONFIG_FILE").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let home =
        std::env::home_dir().ok_or_else(|| Failure::usage("there is no home folder: set AWS_CONFIG_FILE"))?;
    Ok(home.join(".aws/config"))
}

/// The old file stays until the new one is whole; it keeps its permissions.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".aumbry-new");
    let temporary = path.with_file_name(name);
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|error| {
        if error.kind() != ErrorKind::AlreadyExists {
            let _ = fs::remove_file(&temporary);
        }
    })
}
