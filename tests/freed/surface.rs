//! What there is to be driven: every public function of the library, read from its sources.

use std::collections::BTreeSet;
use std::path::Path;

/// What sees no secret, and what leaves more than we promise.
const NOT_DRIVEN: [(&str, &str); 31] = [
    ("Vault::open", "OpenOptions::open with the defaults, which are this machine's own state folder"),
    ("Vault::create", "CreateOptions::create with the defaults"),
    ("OpenOptions::allow_kdf_below_floor", "for tests"),
    ("CreateOptions::allow_kdf_below_floor", "for tests"),
    ("Passphrase::weakness", "leaves copies of the passphrase, as its documentation says"),
    ("KdfParameters::calibrated_to", "derives keys from a passphrase of its own"),
    ("$name::new", "a number"),
    ("$name::get", "a number"),
    ("KdfParameters::new", "numbers"),
    ("KdfParameters::memory", "numbers"),
    ("KdfParameters::passes", "numbers"),
    ("KdfParameters::lanes", "numbers"),
    ("KdfParameters::cost", "numbers"),
    ("KdfParameters::is_above_floor", "numbers"),
    ("Format::name", "a constant"),
    ("Format::description", "a constant"),
    ("credentials/rfc3339::format", "a time"),
    ("credentials/rfc3339::parse", "a time"),
    ("Revision::of", "a signature"),
    ("Exclusive::holding", "a lock"),
    ("Exclusive::nothing", "a lock"),
    ("Error::new", "messages hold no secret, which tests/errors.rs shows"),
    ("Error::with_source", "as above"),
    ("Error::kind", "as above"),
    ("ErrorKind::code", "a constant"),
    ("Error::refused_revision", "a signature"),
    ("memory/guarded::harden_process", "the process"),
    ("aws/sigv4", "hands a secret to a signer: the threat model says what that leaves"),
    ("Request::", "as above"),
    ("CredentialsProvider::", "hands a secret to a client: as above"),
    ("Vault::aws_provider", "as above"),
];

/// Each public function must be called by this test or be listed above with a reason, and each listed function must exist.
pub(crate) fn assert_complete(driven: &BTreeSet<&str>) {
    let mut surface = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut surface);
    assert!(surface.len() > 140, "the sources were not understood: {surface:?}");
    let is_excused = |function: &str| NOT_DRIVEN.iter().any(|(name, _)| function.starts_with(name));
    let missing: Vec<_> = surface
        .iter()
        .filter(|function| !driven.contains(function.as_str()) && !is_excused(function))
        .collect();
    assert!(missing.is_empty(), "no test checks what these leave behind: {missing:#?}");
    let unknown: Vec<_> = driven.iter().filter(|function| !surface.contains(**function)).collect();
    assert!(unknown.is_empty(), "there are no such functions: {unknown:?}");
    let (excused, driven): (Vec<_>, Vec<_>) = surface.iter().partition(|function| is_excused(function));
    crate::tell(&format!(
        "freed memory: {} public functions, {} of them driven, {} excused by name",
        surface.len(),
        driven.len(),
        excused.len()
    ));
    for (name, _) in NOT_DRIVEN {
        assert!(surface.iter().any(|function| function.starts_with(name)), "{name} no longer exists");
    }
}

fn collect(folder: &Path, module: &str, surface: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let name = if module.is_empty() { stem.to_owned() } else { format!("{module}/{stem}") };
        if name == "testing" {
            continue;
        }
        if path.is_dir() {
            collect(&path, &name, surface);
        } else {
            functions(&std::fs::read_to_string(&path).unwrap(), &name, surface);
        }
    }
}

/// `rustfmt` sees to it that a function begins at the beginning of its line, and one of a type four blanks behind it.
fn functions(source: &str, module: &str, surface: &mut BTreeSet<String>) {
    let mut of_type = "";
    for line in source.lines() {
        let code = line.trim_start();
        if let Some(rest) = code.strip_prefix("impl") {
            let rest = rest.rsplit(" for ").next().unwrap_or(rest);
            let rest = if rest.starts_with('<') {
                rest.split_once("> ").map_or(rest, |(_, rest)| rest)
            } else {
                rest
            };
            of_type = rest.trim().split(['<', ' ']).next().unwrap_or_default();
        } else if let Some(rest) = code.strip_prefix("pub fn ") {
            let name = rest.split(['(', '<']).next().unwrap();
            let of = if code.len() == line.len() { module } else { of_type };
            surface.insert(format!("{of}::{name}"));
        }
    }
}
