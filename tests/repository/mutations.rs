//! `faults/mutations/removed.py` quotes code and names tests. Both must exist, or the mutations test nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_default()
}

/// One row of the table, as far as it is needed here.
struct Mutation {
    what: String,
    file: String,
    code: String,
    test: String,
}

/// The rows of `CHECKS`: tuples of strings, of adjacent strings, and of names of strings.
fn mutations(python: &str) -> Vec<Mutation> {
    let (constants, table) = python.split_once("\nCHECKS = [").unwrap();
    let constants: BTreeMap<_, _> = constants
        .lines()
        .filter_map(|line| line.split_once(" = \""))
        .map(|(name, text)| (name, text.trim_end_matches('"')))
        .collect();
    let mut rows = Vec::new();
    let mut row = vec![String::new()];
    let mut depth = 0;
    let mut rest = table;
    while let Some(letter) = rest.chars().next() {
        let mut len = letter.len_utf8();
        match letter {
            '#' => len = rest.find('\n').unwrap(),
            '"' => {
                let (text, end) = literal(rest);
                row.last_mut().unwrap().push_str(&text);
                len = end;
            }
            '(' => depth += 1,
            ')' if depth == 1 => {
                let [what, file, code, _, test] = std::mem::take(&mut row).try_into().unwrap();
                rows.push(Mutation { what, file, code, test });
                row.push(String::new());
                depth = 0;
            }
            ')' => depth -= 1,
            ',' if depth == 1 => row.push(String::new()),
            'A'..='Z' => {
                len = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap();
                row.last_mut().unwrap().push_str(constants.get(&rest[..len]).unwrap());
            }
            _ => {}
        }
        rest = &rest[len..];
    }
    rows
}

/// The text of the string literal at the beginning, and how long it is in the source.
fn literal(source: &str) -> (String, usize) {
    let mut text = String::new();
    let mut letters = source.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (text, at + 1),
            '\\' => text.push(match letters.next().unwrap().1 {
                'n' => '\n',
                other => other,
            }),
            other => text.push(other),
        }
    }
    panic!("a string does not end");
}

/// The files that can contain a test of this name, and the name of its function.
fn places(test: &str) -> (Vec<PathBuf>, &str) {
    let (path, function) = test.rsplit_once("::").unwrap();
    let (target, modules) = path.split_once("::").unwrap_or((path, ""));
    let modules = modules.replace("::", "/");
    let files = match target {
        "lib" => {
            let module = modules.strip_suffix("/tests").unwrap();
            vec![format!("src/{module}.rs"), format!("src/{module}_tests.rs")]
        }
        _ if modules.is_empty() => vec![format!("tests/{target}.rs"), format!("tests/{target}/main.rs")],
        _ => vec![format!("tests/{target}/{modules}.rs")],
    };
    (files.into_iter().map(PathBuf::from).collect(), function)
}

fn flaw(mutation: &Mutation) -> Option<&'static str> {
    if read(&mutation.file).matches(&mutation.code).count() != 1 {
        return Some("its code does not occur exactly once");
    }
    if mutation.test.starts_with("faults/") {
        return (!repository().join(&mutation.test).is_file()).then_some("its script does not exist");
    }
    let (files, function) = places(&mutation.test);
    let function = format!("#[test]\nfn {function}()");
    let is_there = |file: &PathBuf| {
        let lines: Vec<_> = read(file).lines().map(|line| line.trim().to_owned()).collect();
        lines.join("\n").contains(&function)
    };
    (!files.iter().any(is_there)).then_some("its test does not exist")
}

#[test]
fn every_mutation_names_code_and_a_test_that_exist() {
    let mutations = mutations(&read("faults/mutations/removed.py"));
    assert!(mutations.len() > 70, "the table was not understood: {}", mutations.len());
    let found: Vec<_> = mutations
        .iter()
        .filter_map(|mutation| Some(format!("{}: {}", mutation.what, flaw(mutation)?)))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_mutation_of_missing_code_or_without_a_test_would_be_found() {
    let row = |file: &str, code: &str, test: &str| {
        let python = format!(
            "\nX = \"src/lib.rs\"\nCHECKS = [\n    # A comment.\n    (\"w\", {file}, {code}, f\"{{n('(a, b')}}\", {test}),\n]\n"
        );
        let rows = mutations(&python);
        assert_eq!(rows.len(), 1);
        flaw(&rows[0])
    };
    let (vault, sound) = (
        "\"mod vault\"\n     \";\"",
        "\"file_format::vectors::every_vector_opens_or_is_refused_as_the_index_says\"",
    );
    assert_eq!(row("X", vault, sound), None);
    assert!(row("\"src/no_such_file.rs\"", vault, sound).is_some());
    assert!(row("X", "\"mod no_such_module;\"", sound).is_some());
    assert!(row("X", vault, "\"file_format::vectors::no_such_test\"").is_some());
    assert!(row("X", vault, "\"lib::format::body::tests::no_such_test\"").is_some());
    assert!(row("X", vault, "\"faults/no_such_script.py\"").is_some());
}
