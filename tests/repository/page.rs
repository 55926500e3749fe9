//! `docs/architecture.md` says where to find what. It must name each file of the vault, and no file that is gone.

use std::collections::BTreeSet;
use std::path::Path;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    std::fs::read_to_string(repository().join("docs/architecture.md")).unwrap()
}

/// The files of `src/vault`, such as `open/load.rs`.
fn files() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(repository().join("src/vault").join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = folder.clone() + &entry.file_name().into_string().unwrap();
            if entry.path().is_dir() {
                folders.push(name + "/");
            } else {
                found.insert(name);
            }
        }
    }
    found
}

/// The files that the section on `src/vault` names. A file without a folder is in the folder of the one before it.
fn named(page: &str) -> BTreeSet<String> {
    let (_, section) = page.split_once("### The files of `src/vault`").unwrap();
    let lines = section.split("```").nth(1).unwrap().lines().filter(|line| !line.starts_with("vault.rs"));
    let mut named = BTreeSet::new();
    for line in lines {
        let mut folder = "";
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.');
        for word in line.split(|c| !is_part(c)).filter(|word| word.ends_with(".rs")) {
            let own = word.rfind('/').map(|end| &word[..=end]);
            folder = own.unwrap_or(folder);
            named.insert(if own.is_some() { word.to_owned() } else { format!("{folder}{word}") });
        }
    }
    named
}

#[test]
fn the_page_on_the_architecture_names_each_file_of_the_vault() {
    let (files, named) = (files(), named(&page()));
    assert!(files.len() > 20, "the files were not found: {files:?}");
    let missing: Vec<_> = files.difference(&named).collect();
    assert!(missing.is_empty(), "the page does not name {missing:?}");
    let gone: Vec<_> = named.difference(&files).collect();
    assert!(gone.is_empty(), "the page names what does not exist: {gone:?}");
}

#[test]
fn the_page_on_the_architecture_names_only_files_that_exist() {
    let page = page();
    let paths: BTreeSet<_> = page.split(['`', ' ', '\n', '(', ')']).filter(|word| is_path(word)).collect();
    assert!(paths.len() > 10, "the paths were not found: {paths:?}");
    let gone: Vec<_> = paths.iter().filter(|path| !repository().join(path).exists()).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

fn is_path(word: &str) -> bool {
    let starts = ["src/", "tests/", "cli/", "faults/", "comparison/", "fuzz/", "interop/", "examples/"];
    starts.iter().any(|start| word.starts_with(start))
        && !word.contains("NAME")
        && !word.ends_with([':', ',', '.', ';'])
}

#[test]
fn a_file_that_the_page_does_not_name_would_be_found() {
    let page = "### The files of `src/vault`\n\n```\nvault.rs text\nopen.rs opens: open/load.rs, slot_search.rs (a note)\nhandle.rs\n```\n";
    let expected = ["handle.rs", "open.rs", "open/load.rs", "open/slot_search.rs"].map(str::to_owned);
    assert_eq!(named(page), BTreeSet::from(expected));
}
