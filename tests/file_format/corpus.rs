//! The committed corpus of the fuzzers, through the same functions that the fuzzers run: `fuzz/run` finds new inputs, this
//! keeps what they found out.

// What is public in a crate of its own is not in a module.
#[allow(unreachable_pub)]
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

#[test]
fn what_the_fuzzers_have_found_keeps_every_rule() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let (mut inputs, mut findings) = (0, Vec::new());
    for (name, target) in fuzz::TARGETS {
        let files: Vec<_> =
            fs::read_dir(corpus.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{name} has no corpus");
        inputs += files.len();
        for file in files {
            let input = fs::read(&file).unwrap();
            if std::panic::catch_unwind(|| target(&input)).is_err() {
                findings.push(file);
            }
        }
    }
    crate::common::tell(&format!(
        "{inputs} inputs of {} targets, {} findings",
        fuzz::TARGETS.len(),
        findings.len()
    ));
    assert!(findings.is_empty(), "{findings:#?}");
}
