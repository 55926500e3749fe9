//! The files of AWS clients, and what they say of profiles that run a program for their key.

use std::path::{Path, PathBuf};

use aumbry::aws::profiles::{FileKind, stronger_than_process};

use crate::failure::{Failure, Outcome};
use crate::secret;

/// The variables that name them.
const CREDENTIALS: &str = "AWS_SHARED_CREDENTIALS_FILE";
const CONFIG: &str = "AWS_CONFIG_FILE";

/// The config file.
pub(super) fn config() -> Outcome<PathBuf> {
    file(CONFIG, "config")
}

fn file(variable: &str, name: &str) -> Outcome<PathBuf> {
    if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let home = std::env::home_dir()
        .ok_or_else(|| Failure::usage(format!("there is no home folder: set {variable}")))?;
    Ok(home.join(".aws").join(name))
}

/// Settings of a profile that AWS clients obey before they run its program.
pub(super) struct Stronger {
    pub(super) profile: String,
    pub(super) path: PathBuf,
    pub(super) keys: Vec<&'static str>,
}

impl Stronger {
    /// What it means, and what to do about it.
    pub(super) fn says(&self) -> String {
        let Self { profile, path, keys } = self;
        format!(
            "AWS clients will not run the program of the profile {profile:?}, for {} gives it {}: remove that there, or \
             choose another profile",
            path.display(),
            keys.join(", ")
        )
    }
}

/// What keeps AWS clients from running the programs of profiles.
pub(super) fn stronger() -> Outcome<Vec<Stronger>> {
    let mut contents = Vec::new();
    for (kind, path) in
        [(FileKind::Credentials, file(CREDENTIALS, "credentials")?), (FileKind::Config, config()?)]
    {
        if is_file(&path) {
            let content = secret::import_file(&path)?;
            contents.push((kind, path, content));
        }
    }
    let files: Vec<_> = contents.iter().map(|(kind, _, content)| (*kind, content.as_slice())).collect();
    let found = stronger_than_process(&files)?.into_iter().filter_map(|found| {
        let (_, path, _) = contents.get(found.file)?;
        Some(Stronger { profile: found.profile, path: path.clone(), keys: found.keys })
    });
    Ok(found.collect())
}

/// A pipe would be waited for.
fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}
