//! No two files import each other, directly or through others, and the files of the vault are layers.

use std::path::Path;

use crate::imports::{Imports, Sources, loops, of_crate};

/// The first file of each crate in the repository, beside `faults/src/bin`.
const CRATES: [&str; 7] = [
    "src/lib.rs",
    "cli/src/main.rs",
    "faults/src/lib.rs",
    "comparison/src/main.rs",
    "comparison/libargon2/src/lib.rs",
    "fuzz/src/lib.rs",
    "interop/src/lib.rs",
];

/// The layers of the vault, lowest first. A file uses only files of lower layers, and no other file of its own layer.
const LAYERS: &[&[&str]] = &[
    &["unlocked/index", "unlocked/keys"],
    &["unlocked/snapshot"],
    &["unlocked"],
    &["pinned_storage"],
    &["auto_lock", "sharded", "turns"],
    &["handle"],
    &["lookup", "info", "advice"],
    &["open/slot_search"],
    &["open/load"],
    &["open"],
    &["refresh"],
    &["commit/next_revision"],
    &["commit/new_slot"],
    &["commit/rekey", "commit/edit"],
    &["commit"],
    &["people", "create", "rotation", "testing"],
    &["people/passphrases", "restore"],
];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(folder: &str, sources: &mut Sources) {
    for entry in std::fs::read_dir(repository().join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{folder}/{name}");
        if repository().join(&path).is_dir() {
            read(&path, sources);
        } else if name.ends_with(".rs") {
            let code = std::fs::read_to_string(repository().join(&path)).unwrap();
            sources.insert(path, code);
        }
    }
}

/// The imports of the crate with this first file.
fn imports_of(root: &str) -> Imports {
    let (folder, _) = root.rsplit_once('/').unwrap();
    let mut sources = Sources::new();
    read(folder, &mut sources);
    of_crate(&sources, root)
}

fn imports_in(files: &[(&str, &str)]) -> Imports {
    let sources: Sources =
        files.iter().map(|(path, code)| ((*path).to_owned(), (*code).to_owned())).collect();
    of_crate(&sources, "src/lib.rs")
}

#[test]
fn no_two_files_import_each_other_in_a_loop() {
    let mut roots: Vec<_> = CRATES.map(str::to_owned).to_vec();
    let mut programs = Sources::new();
    read("faults/src/bin", &mut programs);
    roots.extend(programs.into_keys());
    let mut found = Vec::new();
    let mut arrows = 0;
    for root in roots {
        let imports = imports_of(&root);
        arrows += imports.values().map(std::collections::BTreeMap::len).sum::<usize>();
        found.extend(loops(&imports));
    }
    assert!(arrows > 400, "the imports were not found: {arrows}");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn an_import_loop_would_be_found() {
    let root = ("src/lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;");
    let (a, c) = (("src/a.rs", "use crate::b::B;\npub struct A(B);"), ("src/c.rs", "pub struct C;"));
    for b in [
        "use super::a::A;\npub struct B;",
        "use crate::{\n    c::C,\n    a::{self},\n};\npub struct B;\nfn f(_: a::A) {}",
        "pub struct B;\nfn f(_: crate::A) {}", // through the export
        "use super::*;\npub struct B;\nfn f(_: A) {}",
        "pub struct B;\nmod tests {\n    use super::super::a::A;\n}",
    ] {
        let found = loops(&imports_in(&[root, a, ("src/b.rs", b), c]));
        assert_eq!(found.len(), 1, "{b}: {found:?}");
        assert!(found.iter().flatten().any(|arrow| arrow.starts_with("src/b.rs uses src/a.rs")), "{found:?}");
    }
    for b in [
        "pub struct B;",
        "use super::c::C;\npub struct B(C); // not a::A",
        "pub struct B;\nconst A: &str = \"a::A\";",
    ] {
        assert!(loops(&imports_in(&[root, a, ("src/b.rs", b), c])).is_empty(), "{b}");
    }
    // A parent that a child uses, and that uses the child's item.
    let parent = ("src/a.rs", "mod child;\npub const A: u8 = child::ONE;\npub const TWO: u8 = 2;");
    let child = ("src/a/child.rs", "pub const ONE: u8 = super::TWO - 1;");
    assert_eq!(loops(&imports_in(&[("src/lib.rs", "mod a;"), parent, child])).len(), 1);
}

/// The layer of a file of the vault. `None` for the module's own file, which has no code.
fn layer(file: &str) -> Option<usize> {
    let name = file.strip_prefix("src/vault/")?.strip_suffix(".rs")?;
    let layer = LAYERS.iter().position(|names| names.contains(&name));
    Some(layer.unwrap_or_else(|| panic!("{file} is in no layer")))
}

fn upward(imports: &Imports) -> Vec<String> {
    let mut found = Vec::new();
    for (file, used) in imports {
        for (other, path) in used {
            if let (Some(above), Some(below)) = (layer(file), layer(other))
                && below >= above
            {
                found.push(format!("{file} uses {other} ({path})"));
            }
        }
    }
    found
}

#[test]
fn the_files_of_the_vault_use_only_lower_layers() {
    let imports = imports_of("src/lib.rs");
    let files: Vec<_> = imports.keys().filter_map(|file| layer(file)).collect();
    assert_eq!(
        files.len(),
        LAYERS.iter().copied().flatten().count(),
        "a layer names a file that does not exist"
    );
    let found = upward(&imports);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn an_upward_import_in_the_vault_would_be_found() {
    let root = ("src/lib.rs", "mod vault;");
    let vault = ("src/vault.rs", "mod handle;\nmod open;\nmod lookup;\npub use open::Options;");
    let open = ("src/vault/open.rs", "use super::handle::Handle;\npub struct Options(Handle);");
    for (handle, count) in [
        ("pub struct Handle;", 0),
        ("pub struct Handle;\nuse super::open::Options;", 1),
        ("pub struct Handle;\nfn f(_: crate::vault::Options) {}", 1), // through the export
        ("pub struct Handle;\nfn f(_: super::lookup::Record) {}", 1),
    ] {
        let lookup = ("src/vault/lookup.rs", "pub struct Record;");
        let found = upward(&imports_in(&[root, vault, open, ("src/vault/handle.rs", handle), lookup]));
        assert_eq!(found.len(), count, "{handle}: {found:?}");
    }
}
