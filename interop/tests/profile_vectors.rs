//! AWS's own vectors for parsers of the shared files, which its SDKs in all languages are tested with.
//!
//! They stand in the test data of the crate `aws-runtime`, and are read from there: a new version brings its own. An
//! expected answer is a map of profiles to properties; an import has only records to show, so each vector is asked twice:
//!
//! * As it is. No vector holds a key, so all of its profiles must be reported as skipped, and no other.
//! * With one more credentials file that gives each of its profiles a key. Then each becomes a record, and the properties
//!   must be its attributes.
//!
//! Three classes of vectors have another answer here, on purpose:
//!
//! * **Refused** ones are refused for the same reason in other words, which name the line.
//! * **Longer than a line**: values that are nested or continued are no attributes, because no credentials file could
//!   carry them on. What must hold is that they spill into nothing else.
//! * **Other names**: the SDKs pass over profiles whose names have white space or `!`. The AWS command line uses them, so
//!   their keys are worth importing.
//!
//! `[sso-session …]` holds no key, so those sections have only to stay out of the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use aumbry::interchange::profiles::{FileKind, parse};
use aumbry::interchange::{Import, SkipReason};
use aumbry::{ErrorKind, Vault};
use aumbry_interop::{records, vault};
use serde_json::Value;

/// What AWS says of a refused text, and what we say.
const REASONS: [(&str, &str); 7] = [
    ("Profile definition must end with ']'", "a section must end with \"]\""),
    ("Expected a profile definition", "a profile, such as [default], must come first"),
    ("Expected a property definition", "an indented line continues a property, but none comes before it"),
    ("Property did not have a name", "a property must have a name"),
    ("Sub-property did not have a name", "a property must have a name"),
    ("Expected an '=' sign defining a property", "a property must have an \"=\" sign"),
    ("Expected an '=' sign defining a sub-property", "a property must have an \"=\" sign"),
];

/// The names that SDKs pass over and the command line does not.
const OTHER_NAMES: [(&str, &str); 2] = [
    ("Profile names support alphanumeric characters and - / . % @ _ : +", "foo!bar"),
    ("Invalid profile names are ignored.", "in valid 2"),
];

fn cargo(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The folder of the very `aws-runtime` that this test is built with. What only other platforms need may never have
/// been downloaded, hence the filter.
fn aws_runtime() -> PathBuf {
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let options = ["metadata", "--format-version", "1", "--locked", "--filter-platform", host];
    let metadata: Value = serde_json::from_str(&cargo(&options)).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let mut found = packages.iter().filter(|package| package["name"] == "aws-runtime");
    let manifest = PathBuf::from(found.next().unwrap()["manifest_path"].as_str().unwrap());
    assert!(found.next().is_none(), "there are two aws-runtimes");
    manifest.parent().unwrap().to_path_buf()
}

fn vectors() -> Vec<Value> {
    let path = aws_runtime().join("test-data/profile-parser-tests.json");
    let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    file["tests"].as_array().unwrap().clone()
}

type Profiles = BTreeMap<String, BTreeMap<String, String>>;

/// One vector's files, and a further one with a key for each of these profiles.
fn import(vector: &Value, with_key: &BTreeSet<String>) -> aumbry::Result<Import> {
    let keys: String = with_key
        .iter()
        .map(|name| {
            format!("[{name}]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n")
        })
        .collect();
    let text = |name: &str| vector["input"][name].as_str().unwrap_or_default().to_owned();
    let (config, credentials) = (text("configFile"), text("credentialsFile"));
    parse(&[
        (FileKind::Config, config.as_bytes()),
        (FileKind::Credentials, credentials.as_bytes()),
        (FileKind::Credentials, keys.as_bytes()),
    ])
}

fn attributes(vault: &Vault, import: &Import) -> Profiles {
    let records = records(vault, &import.records).unwrap();
    let profiles = records.iter().map(|record| {
        let attributes = record.attributes().map(|(key, value)| (key.to_owned(), value.to_owned()));
        (record.name().to_string(), attributes.collect())
    });
    profiles.collect()
}

#[derive(Default, PartialEq, Debug)]
struct Counts {
    /// Answered as AWS does.
    same: usize,
    refused: usize,
    longer_than_a_line: usize,
    other_names: usize,
}

#[test]
fn every_vector_of_aws_is_answered_as_aws_does_or_otherwise_for_a_stated_reason() {
    let vault = vault().unwrap();
    let vectors = vectors();
    let mut counts = Counts::default();
    for vector in &vectors {
        let name = vector["name"].as_str().unwrap();
        if let Some(reason) = vector["output"]["errorContaining"].as_str() {
            let error =
                import(vector, &BTreeSet::new()).err().unwrap_or_else(|| panic!("{name}: not refused"));
            let (_, ours) = REASONS
                .iter()
                .rev() // the longer of two that begin alike
                .find(|(aws, _)| reason.starts_with(aws))
                .unwrap_or_else(|| panic!("{name}: {reason}"));
            let said = error.to_string();
            assert_eq!(error.kind(), ErrorKind::InvalidFile, "{name}");
            assert!(
                said.starts_with("could not read line ") && said.ends_with(ours),
                "{name}: {reason}: {said}"
            );
            counts.refused += 1;
            continue;
        }
        let expected: Profiles =
            serde_json::from_value(vector["output"]["config"]["profiles"].clone()).unwrap();
        let names: BTreeSet<String> = expected.keys().cloned().collect();

        let found = import(vector, &BTreeSet::new()).unwrap();
        assert!(found.records.is_empty(), "{name}");
        assert!(found.skipped.iter().all(|skipped| skipped.reason == SkipReason::NoKeySource), "{name}");
        let found: BTreeSet<String> =
            found.skipped.into_iter().map(|skipped| skipped.name.unwrap()).collect();
        let others: Vec<&str> = found.difference(&names).map(String::as_str).collect();
        let stated = OTHER_NAMES.iter().filter(|(vector, _)| *vector == name).map(|(_, other)| *other);
        assert_eq!(others, stated.collect::<Vec<_>>(), "{name}");
        assert!(found.is_superset(&names), "{name}: {found:?}");

        let one_line = |values: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            let kept = values.iter().filter(|(_, value)| !value.contains('\n'));
            kept.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        let attributes = attributes(&vault, &import(vector, &names).unwrap());
        let kept: Profiles = expected.iter().map(|(name, values)| (name.clone(), one_line(values))).collect();
        assert_eq!(attributes, kept, "{name}");

        if !others.is_empty() {
            counts.other_names += 1;
        } else if kept != expected {
            counts.longer_than_a_line += 1;
        } else {
            counts.same += 1;
        }
    }
    let all = counts.same + counts.refused + counts.longer_than_a_line + counts.other_names;
    assert_eq!(all, vectors.len());
    // Of version 1.6.0. Where a newer one has more, see which class they are of.
    assert_eq!(counts, Counts { same: 44, refused: 10, longer_than_a_line: 9, other_names: 2 });
}
