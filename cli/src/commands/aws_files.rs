//! The shared files of AWS clients, and the settings in them that keep a client from running a profile's program.

use std::path::{Path, PathBuf};

use aumbry::interchange::profiles::{FileKind, stronger_than_process};

use crate::failure::{Failure, Outcome};
use crate::secret;

// The environment variables with their paths.
const CREDENTIALS: &str = "AWS_SHARED_CREDENTIALS_FILE";
const CONFIG: &str = "AWS_CONFIG_FILE";

/// Returns the path of the config file.
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

/// The settings of a profile that AWS clients use instead of running its program.
pub(super) struct Stronger {
    pub(super) profile: String,
    pub(super) path: PathBuf,
    pub(super) keys: Vec<&'static str>,
}

impl Stronger {
    /// Returns a message with the effect of the settings and the remedy.
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

/// Finds the settings that keep AWS clients from running the programs of profiles.
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
    let stronger = stronger_than_process(&files)?.into_iter().filter_map(|settings| {
        let (_, path, _) = contents.get(settings.file)?;
        Some(Stronger { profile: settings.profile, path: path.clone(), keys: settings.keys })
    });
    Ok(stronger.collect())
}

/// Tells whether the path leads to a regular file. Reading a pipe could wait forever.
fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}
