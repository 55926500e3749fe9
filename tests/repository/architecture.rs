//! The shape of the crate: which module may use which, and what the library pulls in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which modules each module may use; `error` is everybody's. Arrows point one way only.
const ARROWS: &[(&str, &[&str])] = &[
    ("hex", &[]),
    ("id", &["hex"]),
    ("error", &["id"]),
    ("memory", &[]),
    ("credentials", &[]),
    ("storage", &["id", "memory"]),
    ("crypto", &["id", "memory"]),
    ("format", &["id", "crypto", "memory", "credentials"]),
    ("passphrase", &["crypto", "memory"]),
    ("pin", &["id", "hex", "crypto", "format", "storage", "credentials"]),
    ("vault", &["passphrase", "pin", "id", "hex", "format", "crypto", "memory", "storage", "credentials"]),
    ("startup", &["vault", "credentials"]),
    ("aws", &["vault", "credentials", "memory"]),
    ("interchange", &["vault", "credentials", "memory"]),
    ("testing", &["vault", "passphrase", "id", "format", "crypto", "storage", "credentials"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The module path of a file: `src/vault/edit.rs` is `["vault", "edit"]`.
fn module_of(file: &Path) -> Vec<String> {
    let relative = file.strip_prefix(src()).unwrap().with_extension("");
    let parts: Vec<_> = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if parts == ["lib"] { Vec::new() } else { parts }
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The top-level modules that a file names by `crate::…`, or by `super::…` beyond its own top. A name that the crate
/// exports at its root (`crate::Vault`) hides where it comes from, so it counts as a module that nobody may use.
fn used_by(module: &[String], code: &str) -> BTreeSet<String> {
    let code: String =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        used.extend(first_words(code.get(at + "crate::".len()..).unwrap()));
    }
    for (at, _) in code.match_indices("super::") {
        if code.get(..at).unwrap().ends_with("super::") {
            continue; // counted from the first of the chain
        }
        let mut rest = code.get(at..).unwrap();
        let mut depth = module.len();
        while let Some(behind) = rest.strip_prefix("super::") {
            rest = behind;
            depth = depth.saturating_sub(1);
        }
        if depth == 0 && module.len() > 1 {
            used.extend(first_words(rest));
        }
    }
    used
}

/// The first word of a path, or of each path in `{a::b, c}`.
fn first_words(path: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let mut depth = 0;
    let mut words = vec![word(group)];
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => words.push(word(group.get(at + 1..).unwrap())),
            _ => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn forbidden(module: &[String], code: &str) -> Vec<String> {
    let Some(top) = module.first() else { return Vec::new() };
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let allowed = allowed.get(top.as_str()).unwrap_or_else(|| panic!("no arrows are drawn for {top}"));
    used_by(module, code)
        .into_iter()
        .filter(|used| used != top && used != "error" && !allowed.contains(&used.as_str()))
        .map(|used| format!("{} uses {used}", module.join("/")))
        .collect()
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let files = sources(&src());
    assert!(files.len() > 30, "the sources were not found");
    let found: Vec<_> = files
        .iter()
        .flat_map(|file| forbidden(&module_of(file), &std::fs::read_to_string(file).unwrap()))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_forbidden_arrow_would_be_found() {
    let module = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    for (path, code) in [
        ("storage/file", "use crate::format::header::Header;"),
        ("crypto/seal", "    let x = crate::vault::Vault::open();"),
        ("crypto/seal", "use super::super::vault::Vault;"),
        ("format", "use crate::{error::Error, storage::{Storage, Version}};"),
        ("crypto/random", "use crate::{\n    error::Error,\n    vault::Vault as V,\n};"),
        ("crypto/random", "fn f(_: crate::Vault) {}"),
    ] {
        assert!(!forbidden(&module(path), code).is_empty(), "{path}: {code}");
    }
    assert!(forbidden(&module("vault/edit"), "use super::keys::Keys; use crate::crypto::kdf;").is_empty());
}

#[test]
fn format_and_crypto_touch_no_file_and_no_clock() {
    for file in sources(&src()) {
        let module = module_of(&file);
        if !matches!(module.first().map(String::as_str), Some("format" | "crypto")) {
            continue;
        }
        let code = std::fs::read_to_string(&file).unwrap();
        for forbidden in ["std::fs", "std::net", "SystemTime", "Instant", "std::env", "getrandom"] {
            let is_random = module == ["crypto", "random"] && forbidden == "getrandom";
            assert!(is_random || !code.contains(forbidden), "{} uses {forbidden}", file.display());
        }
    }
}

#[test]
fn the_lints_that_forbid_panics_and_unsafe_code_stand() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lib = std::fs::read_to_string(root.join("src/lib.rs")).unwrap();
    for lint in ["unwrap_used", "expect_used", "panic", "indexing_slicing", "cast_possible_truncation"] {
        assert!(lib.lines().any(|line| line.starts_with("#![deny(") && line.contains(lint)), "{lint}");
    }
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"deny\""));
    for file in sources(&src()) {
        let code = std::fs::read_to_string(&file).unwrap();
        let module = module_of(&file);
        assert_eq!(code.contains("allow(unsafe_code"), module == ["memory", "guarded"], "{}", file.display());
        // The exception reaches into the folder of that module, one file for each system, and no further.
        let is_guarded = module.starts_with(&["memory".to_owned(), "guarded".to_owned()]);
        let is_unsafe = ["unsafe {", "unsafe impl", "unsafe fn", "unsafe extern"]
            .iter()
            .any(|start| code.contains(start));
        assert!(is_guarded || !is_unsafe, "{}", file.display());
        // An exception from the others carries its reason.
        let exceptions = code.matches("expect(clippy::").count();
        assert!(exceptions <= code.matches("reason = ").count(), "{}", file.display());
    }
}

#[test]
fn what_differs_between_systems_stands_in_memory_and_in_the_storage_of_files() {
    for file in sources(&src()) {
        let path = file.strip_prefix(src()).unwrap().to_string_lossy().replace('\\', "/");
        let code = std::fs::read_to_string(&file).unwrap();
        let differs = code.lines().any(|line| {
            let names_a_system = ["unix", "windows", "target_"].iter().any(|system| line.contains(system));
            line.contains("cfg") && names_a_system || line.contains("std::os::")
        });
        let may_differ = path.starts_with("memory") || path.starts_with("storage/file");
        assert!(may_differ || !differs, "{path} differs between systems");
    }
}

#[test]
fn bincode_is_touched_by_one_module() {
    for file in sources(&src()) {
        let code = std::fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(src()).unwrap().to_string_lossy().replace('\\', "/");
        // The tests of the body compare with bincode itself.
        if path != "format/codec.rs" && path != "format/body_tests.rs" {
            assert!(!code.contains("bincode::"), "{path} uses bincode");
        }
    }
}

/// The names in the tree.
fn dependencies(feature: &str) -> BTreeSet<String> {
    let tree = tree(feature);
    let crates = tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| *name != "aumbry");
    crates.map(str::to_owned).collect()
}

/// `cargo tree` of the library as an embedder gets it with this feature, or with none.
fn tree(feature: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "aumbry", "--edges", "normal,build", "--prefix", "none", "--locked"])
        .args(["--features", feature])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().map(|line| line.trim_end_matches(" (*)").to_owned() + "\n").collect()
}

/// The features that add crates.
const FEATURES: [&str; 5] = ["password-managers", "aws-sdk", "object-store", "sigv4", "strength"];

#[test]
fn the_default_build_needs_no_runtime_no_c_compiler_and_no_command_line() {
    let dependencies = dependencies("");
    assert!(dependencies.contains("aes-gcm"), "{dependencies:?}");
    for heavy in
        ["tokio", "async-std", "smol", "futures", "cc", "cmake", "bindgen", "openssl-sys", "clap", "ring"]
    {
        assert!(!dependencies.contains(heavy), "the library pulls in {heavy}");
    }
}

#[test]
fn no_feature_needs_a_c_compiler() {
    for feature in FEATURES {
        let dependencies = dependencies(feature);
        for heavy in ["cc", "cmake", "bindgen", "openssl-sys", "ring", "aws-lc-rs", "rustls"] {
            assert!(!dependencies.contains(heavy), "{feature} pulls in {heavy}");
        }
    }
}

/// Crates of the tree with this feature. One in two releases counts twice.
fn count_of_crates(feature: &str) -> usize {
    tree(feature).lines().collect::<BTreeSet<_>>().len() - 1 // the library itself
}

#[test]
fn the_page_on_dependencies_says_how_many_crates_each_feature_adds() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dependencies.md");
    let page = std::fs::read_to_string(page).unwrap();
    let default = count_of_crates("");
    for feature in FEATURES {
        let row = page.lines().find(|line| line.starts_with(&format!("* `{feature}`: "))).unwrap_or_default();
        let expected = format!("`: {} more, ", count_of_crates(feature) - default);
        assert!(row.contains(&expected), "the page should say \"{expected}\" of {feature}: {row}");
    }
}
