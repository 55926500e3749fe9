//! The reviewed list of what the library is built of, `docs/dependencies.md`, beside what it is built of; and what
//! `deny.toml` lets in, beside all that the lock file names.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::common::{full, tell};
use serde_json::Value;

const TARGET: &str = "x86_64-unknown-linux-gnu";

fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).arg("--locked").current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Name and version of each crate of the default build.
fn crates() -> BTreeSet<(String, String)> {
    let tree =
        ["tree", "--package", "aumbry", "--edges", "normal,build", "--prefix", "none", "--target", TARGET];
    let tree = cargo(&tree);
    let crates = tree.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    });
    crates.filter(|(name, _)| name != "aumbry").collect()
}

/// What Cargo takes for compatible: `1` of 1.2.3, `0.11` of 0.11.4.
fn series(version: &str) -> String {
    let mut parts = version.split('.');
    match (parts.next().unwrap(), parts.next().unwrap()) {
        ("0", minor) => format!("0.{minor}"),
        (major, _) => major.to_owned(),
    }
}

/// The first four columns of a row, as the crate itself has them.
fn row(package: &Value) -> [String; 4] {
    let text = |field: &str| package[field].as_str().unwrap();
    let kinds: BTreeSet<_> = package["targets"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|target| target["kind"].as_array().unwrap())
        .map(|kind| kind.as_str().unwrap())
        .collect();
    let runs = [("custom-build", "build script"), ("proc-macro", "macro")];
    let runs: Vec<_> = runs.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, word)| *word).collect();
    let sources = Path::new(text("manifest_path")).with_file_name("src");
    [
        format!("{} {}", text("name"), series(text("version"))),
        text("license").replace('/', " OR "),
        if has_unsafe(&sources) { "yes".to_owned() } else { String::new() },
        runs.join(", "),
    ]
}

fn has_unsafe(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return has_unsafe(&path);
        }
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        is_source && String::from_utf8_lossy(&std::fs::read(path).unwrap()).lines().any(is_unsafe)
    })
}

fn is_unsafe(line: &str) -> bool {
    let starts = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe trait"];
    !line.trim_start().starts_with("//") && starts.iter().any(|start| line.contains(start))
}

/// The rows of the list by their first column.
fn listed(list: &str) -> BTreeMap<String, Vec<String>> {
    let rows = list.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    rows.skip(1).map(|row| (row.first().unwrap().clone(), row)).collect()
}

/// What the list says otherwise than it is.
fn differences(list: &BTreeMap<String, Vec<String>>, found: &[[String; 4]]) -> Vec<String> {
    let mut differences = Vec::new();
    for row in found {
        match list.get(&row[0]) {
            None => differences.push(format!("the list lacks {}", row[0])),
            Some(listed) if !listed.starts_with(row) => differences.push(format!("{listed:?} is {row:?}")),
            Some(listed) if listed.len() != 6 || listed.iter().skip(4).any(String::is_empty) => {
                differences.push(format!("{} has no reason", row[0]));
            }
            Some(_) => {}
        }
    }
    let names: BTreeSet<_> = found.iter().map(|row| &row[0]).collect();
    differences
        .extend(list.keys().filter(|name| !names.contains(name)).map(|name| format!("{name} is gone")));
    differences
}

#[test]
fn the_list_of_dependencies_says_what_the_library_is_built_of() {
    let metadata = cargo(&["metadata", "--format-version", "1", "--filter-platform", TARGET]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let crates = crates();
    let is_in_tree = |package: &&Value| {
        let text = |field: &str| package[field].as_str().unwrap().to_owned();
        crates.contains(&(text("name"), text("version")))
    };
    let found: Vec<_> = metadata["packages"].as_array().unwrap().iter().filter(is_in_tree).map(row).collect();
    assert_eq!(found.len(), crates.len());
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dependencies.md");
    let document = std::fs::read_to_string(document).unwrap();
    let list = listed(&document);
    let wrong = differences(&list, &found);
    assert!(wrong.is_empty(), "docs/dependencies.md: {wrong:#?}");
    assert!(
        document.contains(&format!(": {} of them", found.len())),
        "it should say \": {} of them\"",
        found.len()
    );

    // Each kind of difference would be noticed.
    let (mut lacks, mut alters, mut adds, mut empties) =
        (list.clone(), list.clone(), list.clone(), list.clone());
    let name = &found.first().unwrap()[0];
    lacks.remove(name);
    for (at, list) in [(2, &mut alters), (5, &mut empties)] {
        let cell = list.get_mut(name).unwrap().get_mut(at).unwrap();
        *cell = if cell.is_empty() { "yes".to_owned() } else { String::new() };
    }
    adds.insert("gone 1".to_owned(), Vec::new());
    for altered in [lacks, alters, adds, empties] {
        assert_eq!(differences(&altered, &found).len(), 1);
    }
    let count = |column: usize| found.iter().filter(|row| !row[column].is_empty()).count();
    tell(&format!("{} crates: {} hold unsafe code, {} run while compiling", found.len(), count(2), count(3)));
}

/// The quoted words of `name = [...]` in deny.toml.
fn words<'a>(deny: &'a str, name: &str) -> Vec<&'a str> {
    let (_, list) = deny.split_once(&format!("\n{name} = [")).unwrap();
    let (list, _) = list.split_once("]\n").unwrap();
    list.split('"').skip(1).step_by(2).collect()
}

/// Whether a licence expression (SPDX) can be met with these licences.
fn is_met(licence: &str, allowed: &[&str]) -> bool {
    let licence = licence.replace('/', " OR ");
    licence
        .split(" AND ")
        .all(|part| part.trim_matches(['(', ')', ' ']).split(" OR ").any(|one| allowed.contains(&one.trim())))
}

/// What breaks a rule among these packages, of which each knows those that it really depends on.
fn refused(
    packages: &BTreeMap<String, (Value, Vec<String>)>,
    allowed: &[&str],
    wrappers: &[&str],
) -> Vec<String> {
    let name = |id: &str| packages[id].0["name"].as_str().unwrap();
    let mut refused = Vec::new();
    for (id, (package, needs)) in packages {
        let licence = package["license"].as_str().unwrap_or("none");
        if !is_met(licence, allowed) {
            refused.push(format!("{} has the licence {licence}", name(id)));
        }
        let source = package["source"].as_str();
        if source.is_some_and(|source| source != "registry+https://github.com/rust-lang/crates.io-index") {
            refused.push(format!("{} comes from {source:?}", name(id)));
        }
        for needed in needs {
            let is_ring = name(needed) == "ring" && !wrappers.contains(&name(id));
            if is_ring || name(needed) == "openssl-sys" {
                refused.push(format!("{} needs {}", name(id), name(needed)));
            }
        }
    }
    refused
}

/// All packages that a lock file names, and which of them each one really depends on.
fn locked(manifest: &str) -> BTreeMap<String, (Value, Vec<String>)> {
    let metadata =
        cargo(&["metadata", "--format-version", "1", "--all-features", "--manifest-path", manifest]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let needs: BTreeMap<_, Vec<_>> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (id(&node["id"]), node["dependencies"].as_array().unwrap().iter().map(id).collect()))
        .collect();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| (id(&package["id"]), (package.clone(), needs[&id(&package["id"])].clone())))
        .collect()
}

#[test]
fn all_that_is_locked_keeps_the_rules_of_deny_toml() {
    let deny = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml")).unwrap();
    let allowed = words(&deny, "allow");
    let (_, wrappers) = deny.split_once("crate = \"ring\", wrappers = [").unwrap();
    let wrappers: Vec<_> = wrappers.split(']').next().unwrap().split('"').skip(1).step_by(2).collect();
    assert!(deny.contains("{ crate = \"openssl-sys\" }") && deny.contains("unknown-git = \"deny\""));

    let packages = locked("Cargo.toml");
    let wrong = refused(&packages, &allowed, &wrappers);
    assert!(wrong.is_empty(), "deny.toml: {wrong:#?}");
    if full() {
        // A workspace of its own: a newcomer has not downloaded its crates.
        let wrong = refused(&locked("interop/Cargo.toml"), &allowed, &wrappers);
        assert!(wrong.is_empty(), "deny.toml, interop: {wrong:#?}");
    }
    // The one notice that is accepted is for this release, and goes with it.
    let has_bincode =
        packages.values().any(|(package, _)| package["name"] == "bincode" && package["version"] == "2.0.1");
    assert_eq!((deny.matches("RUSTSEC-").count(), has_bincode), (1, true), "the exception for bincode");

    // Each rule would be noticed.
    assert!(
        !refused(&packages, &["MIT"], &wrappers).is_empty() && !is_met("(MIT OR Zlib) AND GPL-3.0", &allowed)
    );
    assert!(!refused(&packages, &allowed, &[]).is_empty(), "ring has nobody who may need it");
    let mut foreign = packages.clone();
    foreign.values_mut().next().unwrap().0["source"] = "git+https://example.org".into();
    assert_eq!(refused(&foreign, &allowed, &wrappers).len(), 1);
    tell(&format!("{} locked packages keep the rules of deny.toml", packages.len()));
}
