//! The reviewed list of what the library is built of, `docs/dependencies.md`, beside what it is built of.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use common::tell;
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
