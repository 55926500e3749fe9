//! Files that come in: what is said of them, and which combinations make no sense.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use crate::common::{Home, PASSPHRASE, PLAIN_SECRET, checked, stderr, stdout};
use serde_json::json;

const DOCUMENT: &str = r#"{"Version":1,"AccessKeyId":"AKIAJSON","SecretAccessKey":"abc"}"#;

fn home() -> Home {
    let home = Home::plain();
    home.write("one", "[one]\naws_access_key_id=AKIAONE\naws_secret_access_key=abc\n");
    home.write(
        "several",
        "[two]\naws_access_key_id=AKIATWO\naws_secret_access_key=abc\n[mine]\naws_access_key_id=AKIANEW\n\
         aws_secret_access_key=abc\n[role]\nrole_arn=arn\n",
    );
    home.write("document", DOCUMENT);
    home
}

#[test]
fn afterwards_it_says_where_plaintext_is_left_and_what_to_do_next() {
    let home = home();
    let said = stderr(&home.run(&["import", "one"]));
    assert!(said.contains("one still holds its keys in plaintext"), "{said}");
    let command = said.lines().find_map(|line| line.split_once(": aumbry ")).unwrap().1;
    assert_eq!(command, "aws-config one --write");
    // It can be pasted.
    home.succeeds(&command.split(' ').collect::<Vec<_>>());
    let config = std::fs::read_to_string(home.path().join(".aws/config")).unwrap();
    assert!(config.contains("[profile one]\ncredential_process = "), "{config}");

    let vault = home.vault();
    let said = stderr(&home.run(&["import", "one", "--name", "again", "--vault", vault.to_str().unwrap()]));
    assert!(said.contains(&format!("aumbry aws-config again --write --vault {}", vault.display())), "{said}");
    let said = stderr(&home.run(&["import", "one", "--name", "no profile's name"]));
    assert!(said.contains("Imported 1 of 1") && !said.contains("aws-config"), "{said}");
    assert!(stderr(&home.run(&["import", "one", "--on-conflict", "skip", "-q"])).is_empty());
}

#[test]
fn a_program_learns_what_became_of_each_record() {
    let home = home();
    let skipped = |name: &str, reason: &str| json!({ "name": name, "reason": reason });
    let role = skipped("role", "it assumes a role (role_arn)");
    let taken = skipped("mine", "the vault has a record of this name");
    let result = |dry_run: bool, added: &[&str], replaced: &[&str], skipped: &[&serde_json::Value]| json!({ "dry_run": dry_run, "added": added, "replaced": replaced, "skipped": skipped, "left_out": [], "conflicts": [] });
    let import = |arguments: &[&str]| home.json(&[&["import", "several"], arguments].concat());
    home.fails(&["import", "several", "--json"], 7, "mine");
    assert_eq!(
        import(&["--on-conflict", "skip", "--dry-run"]),
        result(true, &["two"], &[], &[&taken, &role])
    );
    assert_eq!(import(&["--on-conflict", "replace"]), result(false, &["two"], &["mine"], &[&role]));
    assert_eq!(import(&["--on-conflict", "rename"]), result(false, &["two-2", "mine-2"], &[], &[&role]));
}

#[test]
fn a_name_is_for_one_record() {
    let home = home();
    home.fails(&["import", "several", "--name", "x"], 2, "--name is for one record, and there are 2");
    home.fails(&["import", "one", "document", "--name", "x"], 2, "--name is for one record, and there are 2");
    home.fails(&["import", "one", "--name", " x"], 2, "white space");
    home.fails(&["import", "document"], 2, "document does not say what its record is called");
    home.fails(&["import", "one", "one.csv"], 3, "could not read one.csv");
    home.succeeds(&["import", "one", "--name", "x"]);
    home.succeeds(&["import", "document", "--name", "y"]);
    assert_eq!(home.succeeds(&["get", "x", "--field", "access-key-id", "-n"]), "AKIAONE");
    assert_eq!(home.succeeds(&["get", "y", "--field", "access-key-id", "-n"]), "AKIAJSON");
}

#[test]
fn a_bad_file_is_named_and_nothing_is_imported() {
    let home = home();
    home.write("bad.json", &format!("{{\"Version\":1,\"SecretAccessKey\":\"{PLAIN_SECRET}\"}}"));
    home.fails(&["import", "one", "bad.json", "--name", "x"], 8, "bad.json: ");
    home.write("config", "[profile x]\nno property\n");
    home.fails(&["import", "one", "config"], 8, "one, config: could not read line 2 of file 2 (config file)");
    home.fails(&["get", "one"], 5, "one");
}

#[test]
fn stdin_gives_one_thing() {
    let home = home();
    let with_stdin = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.stdin(File::open(home.path().join("document")).unwrap());
        checked(command.output().unwrap())
    };
    home.fails(&["import", "-", "-"], 2, "name - once only");
    home.fails(&["import", "-", "--passphrase-fd", "0"], 2, "stdin cannot give both");
    let output = with_stdin(&["import", "-"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("stdin does not say what its record is called"), "{}", stderr(&output));
    let output = with_stdin(&["import", "-", "--name", "from-stdin"]);
    assert!(output.status.success() && !stderr(&output).contains("plaintext"), "{}", stderr(&output));
    assert!(
        with_stdin(&["import", "one", "-", "--format", "json"]).status.code() == Some(8),
        "one is no JSON"
    );
}

/// Runs it with a terminal as its stderr, and gives what that showed.
#[cfg(unix)]
fn shown(home: &Home, arguments: &[&str]) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut command = home.command(arguments);
    let mut child = command.env("TERM", "xterm").stdout(Stdio::null()).stderr(end).spawn().unwrap();
    drop(command); // our copy of the terminal's other end
    let mut shown = Vec::new();
    // Where nobody holds the other end any more, Linux says so by an error.
    let _ = File::from(terminal).read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    String::from_utf8_lossy(&shown).into_owned()
}

#[cfg(unix)]
#[test]
fn a_bar_counts_the_records_on_a_terminal_and_nowhere_else() {
    const LEN: usize = 2000;
    let home = home();
    let profiles = |prefix: &str| -> String {
        (0..LEN)
            .map(|n| format!("[{prefix}-{n}]\naws_access_key_id=AKIA{n}\naws_secret_access_key=s3cr3t\n"))
            .collect()
    };
    for (prefix, silent) in
        [("shown", None), ("quiet", Some("--quiet")), ("json", Some("--json")), ("piped", None)]
    {
        home.write(prefix, &profiles(prefix));
        let arguments: Vec<_> = ["import", prefix].into_iter().chain(silent).collect();
        let seen = if prefix == "piped" { stderr(&home.run(&arguments)) } else { shown(&home, &arguments) };
        // What is said at the end stands behind what moves.
        let (moving, said) = seen.split_at(seen.find("Imported").unwrap_or(seen.len()));
        assert_eq!(said.is_empty(), silent.is_some(), "{seen:?}");
        for hidden in [prefix, "AKIA", "s3cr3t", PASSPHRASE] {
            assert!(!moving.contains(hidden), "{hidden:?} moves along: {moving:?}");
        }
        let steps =
            ["Unlocking", "Importing", "2000 of 2000", "Sealing and saving"].map(|step| moving.find(step));
        if prefix == "shown" {
            assert!(steps.iter().all(Option::is_some) && steps.is_sorted(), "{steps:?} of {moving:?}");
            assert!(moving.ends_with("\r\u{1b}[2K"), "nothing of it is left: {moving:?}");
        } else {
            assert!(!seen.replace("\r\n", "\n").contains('\r'), "nothing moves: {seen:?}");
            assert_eq!(steps, [None; 4], "{seen:?}");
        }
    }
}

#[test]
fn who_imports_at_once_is_told_of_no_conflict_that_was_to_be_settled() {
    let home = home();
    for (how, records) in [("skip", 50), ("replace", 50), ("rename", 200)] {
        let profiles: String = (0..50)
            .map(|n| format!("[{how}-{n}]\naws_access_key_id = A\naws_secret_access_key = b\n"))
            .collect();
        home.write("profiles", &profiles);
        let children: Vec<_> = (0..4)
            .map(|_| {
                let mut command = home.command(&["import", "profiles", "--on-conflict", how]);
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for child in children {
            let output = checked(child.wait_with_output().unwrap());
            assert!(output.status.success(), "{how}: {}", stderr(&output));
        }
        assert_eq!(home.json(&["list", how]).as_array().unwrap().len(), records, "{how}");
    }
}

#[test]
fn a_dry_run_shows_the_conflicts_before_it_fails() {
    let home = home();
    let output = home.run(&["import", "several", "--dry-run"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("nothing was imported: mine\n  choose with --on-conflict"), "{said}");
    let table = stdout(&output);
    let ends: Vec<_> = table.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(ends, ["WHAT WOULD HAPPEN", "add", "conflict: the vault has this name"], "{table}");

    let output = home.run(&["import", "several", "--dry-run", "--json"]);
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &result["conflicts"]), (Some(7), &json!(["mine"])), "{result}");
    assert_eq!(result["added"], json!(["two"]));
}

#[test]
fn where_there_is_no_key_nothing_is_imported_or_left_behind() {
    let home = home();
    home.write("config", "[profile role]\nrole_arn = arn\n");
    let mut command = home.command(&["import", "config"]);
    command.env_remove("AUMBRY_PASSPHRASE_FILE"); // nobody needs to open the vault
    let said = stderr(&crate::common::output(command));
    let skipped = "the profile \"role\" was skipped: it assumes a role (role_arn)";
    assert_eq!(said, format!("{skipped}\nThere was nothing to import.\n"));
    let said = stderr(&home.run(&["import", "config", "one"]));
    assert!(said.contains("one still holds its keys in plaintext"), "{said}");
    assert!(!said.contains("config still holds"), "{said}");
}

#[test]
fn a_comment_is_no_header_of_the_console_s_file() {
    let home = home();
    let profile = |name: &str| format!("[{name}]\naws_access_key_id = A\naws_secret_access_key = b\n");
    home.write("hash", &format!("# access key id for work\n{}", profile("hash")));
    home.write("semicolon", &format!("; Access key ID, secret access key\n{}", profile("semicolon")));
    home.write("console", "\u{feff}Access key ID,Secret access key\nA,b\n");
    home.write("root", "AWSAccessKeyId=A\nAWSSecretKey=b\n");
    home.succeeds(&["import", "hash", "semicolon", "console", "root"]);
    for name in ["hash", "semicolon", "console", "root"] {
        assert_eq!(home.succeeds(&["get", name, "-n"]), "b");
    }
}

#[test]
fn an_export_may_be_larger_than_other_files() {
    let home = home();
    let export = home.succeeds(&["export", "--format", "json", "--plaintext"]);
    let wide = export.replacen('[', &format!("[{}", " ".repeat(17 << 20)), 1);
    home.write("export.json", &wide);
    home.succeeds(&["import", "export.json", "--on-conflict", "rename"]);
    assert_eq!(home.succeeds(&["get", "mine-2", "-n"]), PLAIN_SECRET);
    home.fails(&["import", "export.json", "--format", "aws-csv"], 8, "is longer than 16777216 bytes");
}
