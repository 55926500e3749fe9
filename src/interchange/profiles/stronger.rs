//! Finds the settings that keep AWS clients from using the `credential_process` of a profile.

use std::collections::HashSet;

use super::import::{Profile, Source, profiles_of};
use super::section::FileKind;
use crate::error::Result;

/// The settings that AWS clients use before a `credential_process`. All clients do so with a role, a sign-in and a key in
/// the credentials file. Clients that merge the two files, such as the SDK for Go, also do so with a key in the config
/// file.
const BEFORE_PROCESS: [&str; 11] = [
    "role_arn",
    "source_profile",
    "credential_source",
    "web_identity_token_file",
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
    "login_session",
    "aws_access_key_id",
    "aws_secret_access_key",
];
const PROCESS: &str = "credential_process";

/// The settings of one profile in one file that AWS clients use before its `credential_process`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stronger {
    /// The name of the profile.
    pub profile: String,
    /// The position of the file among those given, counted from zero.
    pub file: usize,
    /// The keys of the settings, never their values.
    pub keys: Vec<&'static str>,
}

/// Returns the settings that keep AWS clients from using the `credential_process` of a profile, taking all files together:
/// a role, a sign-in, or a key in the profile itself; in a credentials file also a `credential_process` that replaces the
/// one in the config file. Profiles without a `credential_process` are ignored.
///
/// # Errors
/// Those of [`parse`](super::parse).
pub fn stronger_than_process(files: &[(FileKind, &[u8])]) -> Result<Vec<Stronger>> {
    let sources = Source::all(files)?;
    let mut profiles = Vec::new();
    for (file, source) in sources.iter().enumerate() {
        let read = profiles_of(source)?.into_iter().filter(|profile| profile.is_read);
        profiles.extend(read.map(|profile| (file, source.kind, profile)));
    }
    let with_process = |in_config: bool| -> HashSet<&str> {
        let has = profiles.iter().filter(|(_, kind, profile)| {
            is_set(profile, PROCESS) && (!in_config || *kind == FileKind::Config)
        });
        has.map(|(.., profile)| profile.name).collect()
    };
    let (anywhere, in_config) = (with_process(false), with_process(true));
    let stronger = profiles.iter().filter(|(.., profile)| anywhere.contains(profile.name)).filter_map(
        |(file, kind, profile)| {
            let displaces = *kind == FileKind::Credentials && in_config.contains(profile.name);
            let keys = BEFORE_PROCESS.into_iter().chain(displaces.then_some(PROCESS));
            let keys: Vec<_> = keys.filter(|key| is_set(profile, key)).collect();
            (!keys.is_empty()).then(|| Stronger { profile: profile.name.into(), file: *file, keys })
        },
    );
    Ok(stronger.collect())
}

fn is_set(profile: &Profile<'_>, key: &str) -> bool {
    profile.properties.get(key).is_some_and(|property| !property.is_empty())
}
