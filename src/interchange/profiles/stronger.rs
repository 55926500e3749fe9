//! Settings that keep AWS clients from asking a profile's `credential_process`.

use std::collections::HashSet;

use super::FileKind;
use super::import::{Profile, Source, profiles_of};
use crate::error::Result;

/// What AWS clients look at before a `credential_process`: all of them a role, a sign-in and a key in the credentials
/// file; those that merge the two files, as the SDK for Go does, a key in the config file, too.
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

/// Settings of one profile in one file that AWS clients obey before its `credential_process`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stronger {
    /// The profile's name.
    pub profile: String,
    /// Which of the files it is, counted from zero.
    pub file: usize,
    /// The keys of the settings, never their values.
    pub keys: Vec<&'static str>,
}

/// What keeps AWS clients from asking the `credential_process` of profiles, as all these files together say it: a role,
/// a sign-in or a key of the profile's own; in a credentials file also another `credential_process` than that of the
/// config file. Profiles without a `credential_process` are passed over.
///
/// # Errors
/// As [`parse`](super::parse).
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
