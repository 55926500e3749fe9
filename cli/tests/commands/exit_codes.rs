//! Every exit code with its messages, from the table in `exit_codes.txt`.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::common::*;

const TABLE: &str = include_str!("exit_codes.txt");

/// What each command of the table can use. `AS=$UNPRIVILEGED aumbry …` is subject to permissions even if root runs
/// these tests; `flip N COPY` copies the vault and alters its byte N.
const PRELUDE: &str = r#"
aumbry() { env $AS aumbry $JSON "$@"; }
[ "$(id -u)" != 0 ] || UNPRIVILEGED='setpriv --bounding-set=-dac_override,-dac_read_search'
flip() {
    cp .local/share/aumbry/default.aumbry "$2"
    printf '\377' | dd of="$2" bs=1 seek="$1" conv=notrunc status=none
}
"#;

#[test]
fn every_exit_code_comes_with_the_message_that_the_table_says() {
    let home = home();
    let mut wrong = String::new();
    let mut exits = BTreeSet::new();
    let manual = home.succeeds(&["man"]);
    for row in rows() {
        let before = vaults(&home.path());
        let mut shell = home.shell(&format!("{PRELUDE}{}", row.command));
        if row.code.is_some() {
            shell.env("JSON", "--json");
        }
        let output = output(shell);
        let exit = output.status.code();
        let (said, error) = split_error(&stderr(&output));
        let code = error.as_ref().map(|error| error["code"].as_str().unwrap().to_owned());
        let said = settled(&home, &said);
        if (exit, code.as_deref(), said.as_str()) != (Some(row.exit), row.code, row.says) {
            wrong += &format!("$ {}\n{said}[{exit:?} {code:?}]\n\n", row.command);
        }
        if let Some(error) = error {
            let word = error["code"].as_str().unwrap();
            assert!(manual.contains(word), "the manual does not list {word}");
            assert_eq!(Some(error["exit"].as_i64().unwrap()), exit.map(i64::from), "{}", row.command);
            let message = settled(&home, error["message"].as_str().unwrap());
            assert!(
                said.starts_with(&format!("aumbry: {message}\n")),
                "{message:?} is not how {said:?} begins"
            );
        }
        assert!(output.stdout.is_empty(), "on stdout: {}\n{}", row.command, stdout(&output));
        if row.exit != 0 {
            let after = vaults(&home.path());
            assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)), "{}", row.command);
            assert!(!home.path().join("new.aumbry").exists(), "{}", row.command);
        }
        exits.insert(row.exit);
    }
    assert!(wrong.is_empty(), "these differ from the table:\n{wrong}");
    assert_eq!(exits, BTreeSet::from_iter((0..=9).chain([126, 127])), "the table lacks an exit code");
}

#[test]
fn without_json_an_error_is_for_people_alone() {
    let home = Home::new();
    let output = home.run(&["get", "nobody"]);
    let says = "aumbry: the vault has no record named \"nobody\"\n  `aumbry list` shows the names\n";
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(5), says));
}

#[test]
fn exec_ends_as_its_program_ends() {
    let home = Home::new();
    assert_eq!(home.run(&["exec", "mine", "--", "true"]).status.code(), Some(0));
    assert_eq!(home.run(&["exec", "mine", "--", "sh", "-c", "exit 99"]).status.code(), Some(99));
    // Who waits for it sees the very signal, of which a shell makes 128 and its number.
    let output = output(home.shell("aumbry exec mine -- sh -c 'kill -TERM $$'; echo $?"));
    assert_eq!(stdout(&output), "143\n");
}

struct Row {
    command: String,
    says: &'static str,
    exit: i32,
    code: Option<&'static str>,
}

/// `$ COMMAND`, where `> ` begins a further line of it; what it says; `[EXIT CODE]`.
fn rows() -> impl Iterator<Item = Row> {
    let mut rest = TABLE;
    std::iter::from_fn(move || {
        let begin = rest.find("\n$ ")? + 3;
        let row = rest.get(begin..).unwrap();
        let mut command = row.lines().next().unwrap().to_owned();
        let mut says = row.split_once('\n').unwrap().1;
        while let Some(more) = says.strip_prefix("> ") {
            let (line, after) = more.split_once('\n').unwrap();
            command += &format!("\n{line}");
            says = after;
        }
        let end = if says.starts_with('[') { 0 } else { says.find("\n[").unwrap() + 1 };
        let (says, after) = says.split_at(end);
        let (verdict, after) = after.strip_prefix('[').unwrap().split_once(']').unwrap();
        rest = after;
        let (exit, code) = match verdict.split_once(' ') {
            Some((exit, code)) => (exit, Some(code)),
            None => (verdict, None),
        };
        Some(Row { command, says, exit: exit.parse().unwrap(), code })
    })
}

/// The files that the table needs.
fn home() -> Home {
    let home = Home::empty();
    let session = serde_json::json!({
        "Version": 1,
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": SECRET,
        "SessionToken": TOKEN,
        "Expiration": "2020-01-02T03:04:05Z",
    });
    home.write("expired.json", &session.to_string());
    let key = format!("aws_access_key_id = A\naws_secret_access_key = {SECRET}\n");
    home.write("profiles", &format!("[mine]\n{key}[other]\n{key}"));
    home.write("twice.csv", "Access key ID,Secret access key\nAKIA1,x\n");
    home
}

/// What stderr says to people, and the error object of its last line.
fn split_error(said: &str) -> (String, Option<serde_json::Value>) {
    let last = said.lines().last().unwrap_or_default();
    match serde_json::from_str::<serde_json::Value>(last) {
        Ok(json) => (said.trim_end().strip_suffix(last).unwrap().to_owned(), Some(json["error"].clone())),
        Err(_) => (said.to_owned(), None),
    }
}

/// Without what differs from run to run: where the home folder is, and how slow the machine.
fn settled(home: &Home, said: &str) -> String {
    let said = said.replace(home.path().to_str().unwrap(), "~");
    let said =
        match said.split_once(" saw ").and_then(|(before, rest)| Some((before, rest.split_once(" ago")?))) {
            Some((before, (_, after))) => format!("{before} saw … ago{after}"),
            None => said,
        };
    let settled = |word: &str| {
        let time = word.trim_matches(|c: char| "():,;\n".contains(c));
        let time = time.split('\n').next().unwrap();
        // Of today; those that the table has set are in it.
        let is_today =
            |time: SystemTime| time.elapsed().is_ok_and(|age| age < Duration::from_secs(24 * 60 * 60));
        let today = aumbry::interchange::time::parse(time).is_some_and(is_today);
        if today { word.replace(time, "TIME") } else { word.to_owned() }
    };
    let said = said.split(' ').map(settled).collect::<Vec<_>>().join(" ");
    match said.split_once("aumbry/").and_then(|(before, rest)| Some((before, rest.split_once(".pin")?))) {
        Some((before, (_, after))) => format!("{before}aumbry/….pin{after}"),
        None => said,
    }
}

/// Every vault below a folder, byte for byte, but for those too large to be one and those that root alone may read.
fn vaults(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(vaults(&path));
        } else if path.extension().is_some_and(|extension| extension == "aumbry")
            && path.metadata().unwrap().len() < 1 << 20
            && let Ok(bytes) = std::fs::read(&path)
        {
            found.insert(path, bytes);
        }
    }
    found
}
