//! Another program, which is this one started again, commits until it is killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use aumbry::OpenOptions;

use super::walk::commit;

const FOLDER: &str = "AUMBRY_TEST_FOLDER";
const STATE: &str = "AUMBRY_TEST_STATE";
const PASSPHRASE: &str = "AUMBRY_TEST_PASSPHRASE";

/// In a program that is to be killed, its whole work. Elsewhere, the proof that one which cannot work is noticed.
#[test]
fn a_writer_that_finds_no_vault_is_noticed() {
    match std::env::var(FOLDER) {
        Ok(folder) => write(Path::new(&folder)),
        Err(_) => {
            let folder = tempfile::tempdir().unwrap();
            let said = start_and_kill(folder.path(), folder.path(), "anna's", Duration::ZERO);
            assert_eq!(said, ["refused NotFound"]);
        }
    }
}

fn write(folder: &Path) {
    println!(); // ends the line that the test harness has begun
    let options = OpenOptions::new().state_folder(std::env::var(STATE).unwrap());
    let vault = match options.open(folder.join("vault.aumbry"), std::env::var(PASSPHRASE).unwrap()) {
        Ok(vault) => vault,
        Err(error) => return println!("> refused {:?}", error.kind()),
    };
    loop {
        commit(&vault).unwrap();
        println!("> {}", vault.generation().unwrap());
    }
}

/// What it said before it was killed, that long after its first word.
pub(crate) fn start_and_kill(folder: &Path, state: &Path, passphrase: &str, after: Duration) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "random_walk::killed::a_writer_that_finds_no_vault_is_noticed",
        "--exact",
        "--nocapture",
        "--test-threads=1",
    ]);
    command.env(FOLDER, folder).env(STATE, state).env(PASSPHRASE, passphrase).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("> ").map(str::to_owned));
    let mut all: Vec<_> = said.by_ref().take(1).collect();
    thread::sleep(after);
    child.kill().unwrap();
    all.extend(said);
    child.wait().unwrap();
    all
}
