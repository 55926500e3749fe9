//! The parser of AWS's SDK for Rust beside ours: on files made at random, on what we write, and on what we edit.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aumbry::interchange::profiles::{FileKind, parse, render, set_properties};
use aumbry::{ExposeSecret, NewRecord};
use aumbry_interop::{records, vault};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::EnvConfigSections;
use aws_runtime::env_config::source;
use aws_types::os_shim_internal::{Env, Fs};
use proptest::prelude::*;

const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// All that the files made at random consist of.
const NAMES: [&str; 3] = ["default", "a", "b/c"];
const KEYS: [&str; 5] = ["region", "output", "s3", "nested", "x"];

/// What the SDK reads, or `None` if it refuses the files.
fn by_sdk(config: &str, credentials: &str) -> Option<EnvConfigSections> {
    let files = EnvConfigFiles::builder()
        .with_contents(EnvConfigFileKind::Config, config)
        .with_contents(EnvConfigFileKind::Credentials, credentials)
        .build();
    let (env, fs) = (Env::from_slice(&[]), Fs::from_slice(&[]));
    let loading = pin!(source::load(&env, &fs, &files));
    let Poll::Ready(source) = loading.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("contents that are at hand need no runtime");
    };
    EnvConfigSections::parse(source.unwrap()).ok()
}

fn key_for(name: &str) -> String {
    format!("[{name}]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = secret\n")
}

/// A value that we say a file can carry, with all the signs that mean something elsewhere in it.
fn value() -> impl Strategy<Value = String> {
    "[!-~]([ -~\té鍵🔑]{0,30}[!-~])?".prop_filter("a comment", |value| {
        ![" #", " ;", "\t#", "\t;"].iter().any(|comment| value.contains(comment))
    })
}

fn lines() -> impl Strategy<Value = String> {
    let fixed = [
        "[default]",
        "[profile default]",
        "[profile a]",
        "[profile b/c] # comment",
        "[a]",
        "[b/c];",
        "[sso-session a]",
        "# comment",
        ";",
        " \t",
        "",
    ];
    let line = prop_oneof![
        6 => prop::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        9 => "(region|REGION|output|s3|x|in valid) ?=( value| #[a-z;]{0,3}|[a-z#;= \t]{0,6})",
        1 => Just("  continued ; not a comment".to_owned()),
        2 => Just("\tnested = 1".to_owned()),
        1 => "[a-z=#;\\[\\] ]{0,6}",
    ];
    // Mostly well begun, for else nearly all of them would be refused.
    let first = prop_oneof![1 => Just(""), 4 => Just("[default]\n"), 4 => Just("[profile a]\n")];
    (first, prop::collection::vec(line, 0..8)).prop_map(|(first, lines)| first.to_owned() + &lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Profiles and properties are those that the SDK finds; what it refuses is refused. Comments that are indented are
    /// left out: the SDK takes them for continuations, the AWS command line and we for comments.
    #[test]
    fn files_are_read_as_the_sdk_reads_them(config in lines(), credentials in lines()) {
        let is_indented_comment = |line: &str| line.starts_with([' ', '\t']) && line.trim().starts_with(['#', ';']);
        prop_assume!(!config.lines().chain(credentials.lines()).any(is_indented_comment));
        // Names with a space, and the nameless, are read differently; see profile_vectors.
        let is_odd = |line: &str| {
            let name = line.strip_prefix('[').map(|name| name.split([']', '#', ';']).next().unwrap_or_default().trim());
            // A second bracket: the SDK ignores the section, botocore and we read it as part of the name.
            line.matches(']').count() > 1 || name.is_some_and(|name| {
                let words = name.split([' ', '\t']).count();
                name.is_empty() || name.contains(['=', '[', '\'']) || (words > 1 && !["profile ", "sso-session "].iter().any(|w| name.starts_with(w)))
            })
        };
        prop_assume!(!config.lines().chain(credentials.lines()).any(is_odd));

        let sdk = by_sdk(&config, &credentials);
        let files = [(FileKind::Config, config.as_bytes()), (FileKind::Credentials, credentials.as_bytes())];
        let ours = parse(&files);
        prop_assert_eq!(sdk.is_none(), ours.is_err(), "{:?}", ours);
        let (Some(sdk), Ok(ours)) = (sdk, ours) else { return Ok(()) };

        let mut names: Vec<&str> = sdk.profiles().collect();
        names.sort_unstable();
        let mut found: Vec<&str> = ours.skipped.iter().map(|skipped| skipped.name.as_deref().unwrap()).collect();
        found.sort_unstable();
        prop_assert_eq!(&names, &found);

        let keys: String = names.iter().map(|name| key_for(name)).collect();
        let ours = parse(&[files[0], files[1], (FileKind::Credentials, keys.as_bytes())]).unwrap();
        let vault = VAULT.with(Clone::clone);
        for record in records(&vault, &ours.records).unwrap() {
            let profile = sdk.get_profile(record.name()).unwrap();
            for key in KEYS {
                let one_line = profile.get(key).filter(|value| !value.contains('\n'));
                prop_assert_eq!(one_line, record.attribute(key), "{} of {}", key, record.name());
            }
        }
    }

    /// What we write, the SDK reads.
    #[test]
    fn the_sdk_reads_what_is_written(
        secret in value(),
        token in prop::option::of(value()),
        attributes in prop::collection::btree_map("[a-z_][a-z0-9_.]{0,8}", prop_oneof![value(), Just(String::new())], 0..4),
        name in "[A-Za-z0-9_./%@:+-]{1,12}",
    ) {
        prop_assume!(name != "DEFAULT");
        let draft = match &token {
            None => NewRecord::new_static(&name, KEY_ID, secret.as_str()),
            Some(token) => NewRecord::new_session(&name, KEY_ID, secret.as_str(), token.as_str()),
        };
        let draft = attributes.iter().fold(draft.unwrap(), |draft, (key, value)| draft.attribute(key, value).unwrap());
        let other = NewRecord::new_static(format!("{name}2"), KEY_ID, "other").unwrap();
        let text = render(&records(&VAULT.with(Clone::clone), &[draft, other]).unwrap()).unwrap();
        let sdk = by_sdk("", text.expose_secret()).unwrap();
        let profile = sdk.get_profile(&name).unwrap();
        prop_assert_eq!(profile.get("aws_access_key_id"), Some(KEY_ID));
        prop_assert_eq!(profile.get("aws_secret_access_key"), Some(secret.as_str()));
        prop_assert_eq!(profile.get("aws_session_token"), token.as_deref());
        for (key, value) in &attributes {
            prop_assert_eq!(profile.get(key), Some(value.as_str()));
        }
        prop_assert_eq!(sdk.get_profile(&format!("{name}2")).unwrap().get("aws_secret_access_key"), Some("other"));
    }

    /// What we set in a file, the SDK finds in it, beside all that it found before.
    #[test]
    fn the_sdk_finds_what_is_set(
        config in lines(),
        name in prop::sample::select(NAMES.to_vec()),
        properties in prop::collection::btree_map(prop::sample::select(KEYS.to_vec()), value(), 0..3),
    ) {
        let is_indented_comment = |line: &str| line.starts_with([' ', '\t']) && line.trim().starts_with(['#', ';']);
        prop_assume!(!config.lines().any(is_indented_comment));
        let before = by_sdk(&config, "");
        let set: Vec<(&str, &str)> = properties.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let Ok(text) = set_properties(&config, name, &set) else { return Ok(()) };
        let before = before.unwrap();
        let after = by_sdk(text.expose_secret(), "").unwrap();
        for profile in NAMES {
            for key in KEYS {
                let mut expected = before.get_profile(profile).and_then(|profile| profile.get(key));
                if profile == name && let Some(value) = properties.get(key) {
                    expected = Some(value);
                }
                let found = after.get_profile(profile).and_then(|profile| profile.get(key));
                prop_assert_eq!(found, expected, "{} of {} in {:?}", key, profile, text.expose_secret());
            }
        }
    }
}

thread_local! {
    static VAULT: aumbry::Vault = vault().unwrap();
}

/// Were nearly all files made at random refused, or empty, the tests above would show little.
#[test]
fn files_made_at_random_are_often_of_use() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counts = BTreeMap::new();
    for _ in 0..500 {
        let config = lines().new_tree(&mut runner).unwrap().current();
        let says = match by_sdk(&config, "") {
            None => "refused",
            Some(sdk)
                if sdk
                    .profiles()
                    .any(|name| KEYS.iter().any(|key| sdk.get_profile(name).unwrap().get(key).is_some())) =>
            {
                "properties"
            }
            Some(_) => "none",
        };
        *counts.entry(says).or_insert(0) += 1;
    }
    assert!(counts["properties"] > 100 && counts["refused"] > 50, "{counts:?}");
}
