//! Several processes and one vault: killed at any moment, out of room, writing at the same time.
//!
//! The other processes are this very program, started again with [`TASK`] set.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::*;
use aumbry::storage::{FileStorage, Storage};
use aumbry::{CreateOptions, ErrorKind, NewRecord, OpenOptions, Vault};

/// What a child is to do; where; and how the names of its records begin.
const TASK: &str = "AUMBRY_TEST_TASK";
const FOLDER: &str = "AUMBRY_TEST_FOLDER";
const PREFIX: &str = "AUMBRY_TEST_PREFIX";

/// A child that says what it has done, line by line.
struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    fn start(task: &str, desk: &Desk, prefix: &str) -> Self {
        Self::start_by(Command::new(std::env::current_exe().unwrap()), task, desk, prefix)
    }

    fn start_by(mut command: Command, task: &str, desk: &Desk, prefix: &str) -> Self {
        command.args([
            "processes::a_child_that_fails_is_noticed",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ]);
        command.env(TASK, task).env(FOLDER, desk.folder.path()).env(PREFIX, prefix);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(desk.folder.path());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next thing it says, or `None` if it has ended.
    fn says(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if let Some(said) = line.strip_prefix("> ") {
                return Some(said.trim_end().to_owned());
            }
            line.clear();
        }
        None
    }

    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.end().0
    }

    /// What else it says, and how it ends. Its standard input is closed.
    fn end(mut self) -> (Vec<String>, ExitStatus) {
        drop(self.child.stdin.take());
        let said = std::iter::from_fn(|| self.says()).collect();
        (said, self.child.wait().unwrap())
    }
}

/// In a child, its whole work. Elsewhere, the proof that a child which cannot do its work is noticed.
#[test]
fn a_child_that_fails_is_noticed() {
    match std::env::var(TASK) {
        Ok(task) => child(&task, Path::new(&std::env::var(FOLDER).unwrap()), &std::env::var(PREFIX).unwrap()),
        Err(_) => {
            let desk = Desk::new();
            let mut silent = Command::new(std::env::current_exe().unwrap());
            silent.stderr(Stdio::null());
            let (said, status) = Process::start_by(silent, "open", &desk, "").end();
            assert!(!status.success() && said.is_empty(), "there is no vault to open: {said:?}");
            drop(desk.create());
            let (said, status) = Process::start("open", &desk, "").end();
            assert!(status.success() && said == ["0"], "now there is one: {said:?}");
        }
    }
}

fn child(task: &str, folder: &Path, prefix: &str) {
    println!(); // ends the line that the test harness has begun
    let path = folder.join("vault.aumbry");
    let open =
        |path: &Path| OpenOptions::new().state_folder(folder.join("state")).open(path, PASSPHRASE).unwrap();
    let add = |vault: &Vault, name: &str, padding: usize| {
        let draft =
            NewRecord::new_static(name, KEY_ID, SECRET).unwrap().attribute("padding", &"x".repeat(padding));
        vault.edit(|edit| edit.add(draft.as_ref().unwrap())).map(|()| println!("> {name}"))
    };
    match task {
        "open" => println!("> {}", open(&path).records().unwrap().count()),
        "make one in a new folder" => {
            let state = folder.join("new/state");
            let options = CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
            let options = options.open_options(OpenOptions::new().state_folder(state));
            add(&options.create(path, PASSPHRASE).unwrap(), "s3-uploads", 0).unwrap();
        }
        "open with little memory" => {
            let opened = OpenOptions::new().without_pin().open(&path, PASSPHRASE);
            println!("> {:?}", opened.map(|_| ()).map_err(|error| error.kind()));
        }
        "open a bare name" => add(&open(Path::new("vault.aumbry")), "by its bare name", 0).unwrap(),
        "hold the lock" => {
            let _alone = FileStorage::new(path).exclusive().unwrap();
            println!("> held");
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        }
        "add 50" => {
            let vault = open(&path);
            (0..50).for_each(|at| add(&vault, &format!("{prefix}-{at}"), 0).unwrap());
        }
        "add until killed" => {
            let vault = open(&path);
            for at in 0.. {
                add(&vault, &format!("{prefix}-{at}"), 10_000).unwrap();
            }
        }
        "add until the disk is full" => {
            let vault = open(&path);
            let (last, error) =
                (0..).find_map(|at| add(&vault, &at.to_string(), 0).err().map(|error| (at, error))).unwrap();
            assert_eq!(error.kind(), ErrorKind::StorageFull, "{error:?}");
            assert_eq!(vault.records().unwrap().count(), last, "what failed is not in memory either");
            assert_eq!(vault.verify().unwrap().records, last);
        }
        _ => unreachable!("no task is called {task}"),
    }
}

fn names(vault: &Vault) -> BTreeSet<String> {
    vault.records().unwrap().map(|entry| entry.name().to_owned()).collect()
}

fn files(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

fn leftovers(folder: impl AsRef<Path>) -> usize {
    files(folder).iter().filter(|path| path.extension().is_some_and(|ending| ending == "new")).count()
}

fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

#[test]
fn a_bare_name_is_a_vault_in_the_folder_one_is_in() {
    let desk = Desk::new();
    let vault = desk.create();
    let (said, status) = Process::start("open a bare name", &desk, "").end();
    assert!(status.success());
    assert!(vault.refresh().unwrap());
    assert_eq!(names(&vault), said.into_iter().collect());
}

/// A umask takes rights from the owner too, who could then not open what was just made.
#[test]
fn a_new_vault_is_its_owners_alone_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    for umask in ["000", "022", "077", "0277", "0777"] {
        let desk = Desk::new();
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("umask {umask}; exec \"$0\" \"$@\""))
            .arg(std::env::current_exe().unwrap());
        let (said, status) = Process::start_by(shell, "make one in a new folder", &desk, "").end();
        assert!(status.success() && said == ["s3-uploads"], "{status}: {said:?}");
        let folder = desk.folder.path();
        let state = folder.join("new/state");
        let made = [files(folder), files(&state)].concat();
        assert_eq!(made.len(), 4, "vault, pin and their locks: {made:?}");
        let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        made.iter().for_each(|path| assert_eq!(mode(path), 0o600, "{} under {umask}", path.display()));
        [folder.join("new"), state].iter().for_each(|path| assert_eq!(mode(path), 0o700, "{umask}"));
    }
}

#[test]
fn a_full_disk_leaves_the_vault_with_all_that_was_acknowledged() {
    let desk = Desk::new();
    drop(desk.create());
    // No file may grow beyond eight blocks, and trying is an error instead of a deadly signal.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", r#"trap "" XFSZ; ulimit -f 8; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap());
    let (acknowledged, status) = Process::start_by(limited, "add until the disk is full", &desk, "").end();
    assert!(status.success(), "the child got another error, or none at all");
    assert!(acknowledged.len() > 1, "there was room at first: {acknowledged:?}");

    assert_eq!(leftovers(desk.folder.path()), 0);
    let vault = desk.open().unwrap();
    assert_eq!(names(&vault), acknowledged.iter().cloned().collect());
    assert_eq!(vault.verify().unwrap().records, acknowledged.len());
    assert_eq!(vault.generation().unwrap(), 1 + acknowledged.len() as u64);
    add(&vault, "once there is room again");
}

#[test]
fn a_killed_writer_leaves_every_acknowledged_record() {
    const ROUNDS: usize = 25;
    let desk = Desk::new();
    drop(desk.create());
    let mut acknowledged = BTreeSet::new();
    let mut unfinished = 0;
    for round in 0..ROUNDS {
        let mut process = Process::start("add until killed", &desk, &round.to_string());
        acknowledged.insert(process.says().unwrap());
        thread::sleep(Duration::from_micros(random(25_000)));
        acknowledged.extend(process.kill());

        assert!(leftovers(desk.folder.path()) <= 1 && leftovers(desk.state_folder()) <= 1);
        unfinished += leftovers(desk.folder.path()) + leftovers(desk.state_folder());
        let vault = desk.open().unwrap();
        assert_eq!(vault.verify().unwrap().records, vault.records().unwrap().count());
        let found = names(&vault);
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "lost after round {round}: {lost:?}");
        // The last record of a round may be there although its acknowledgement was not printed.
        assert!(found.len() <= acknowledged.len() + 1, "one unacknowledged record in a round at most");
        acknowledged = found;
    }
    println!("{} records; {unfinished} of {ROUNDS} rounds left a temporary file", acknowledged.len());
    add(&desk.open().unwrap(), "after all");
    assert_eq!(
        leftovers(desk.folder.path()) + leftovers(desk.state_folder()),
        0,
        "the next commit cleans up"
    );
    let known = [".vault.aumbry.lock", "vault.aumbry"].map(|name| desk.folder.path().join(name));
    assert_eq!(files(desk.folder.path()).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(known));
}

#[test]
fn no_commit_of_two_processes_is_lost() {
    let desk = Desk::new();
    let vault = desk.create();
    let processes = ["a", "b"].map(|prefix| Process::start("add 50", &desk, prefix));
    let mut acknowledged = BTreeSet::new();
    for process in processes {
        let (said, status) = process.end();
        assert!(status.success());
        acknowledged.extend(said);
    }
    assert_eq!(acknowledged.len(), 100);
    assert!(vault.refresh().unwrap());
    assert_eq!(names(&vault), acknowledged);
    assert_eq!(vault.generation().unwrap(), 101, "each commit is a version of its own");
}

#[test]
fn a_writer_waits_while_another_process_holds_the_lock() {
    let desk = Desk::new();
    let vault = desk.create();
    let mut holder = Process::start("hold the lock", &desk, "");
    assert_eq!(holder.says().as_deref(), Some("held"));
    let writer = thread::spawn({
        let vault = vault.clone();
        move || vault.edit(|edit| edit.add(&draft("s3-uploads")))
    });
    thread::sleep(Duration::from_millis(150));
    assert!(!writer.is_finished(), "the writer waits");
    assert!(vault.find("s3-uploads").unwrap().is_none(), "look-ups do not wait");
    assert!(desk.open().unwrap().find("s3-uploads").unwrap().is_none(), "nor does opening");
    assert!(holder.end().1.success());
    writer.join().unwrap().unwrap();
    assert!(vault.find("s3-uploads").unwrap().is_some());
}

/// A program that committed without a break had the lock again before another process could try: where the disk is slow,
/// others were told after ten seconds that the vault is busy.
#[test]
fn a_writer_that_never_pauses_lets_waiting_writers_in() {
    const ROUNDS: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let storage = FileStorage::new(folder.path().join("vault.aumbry"));
    let (turns, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let busy = thread::spawn({
        let (storage, turns, is_over) = (storage.clone(), Arc::clone(&turns), Arc::clone(&is_over));
        move || {
            while !is_over.load(Ordering::Relaxed) {
                let _alone = storage.exclusive().unwrap();
                turns.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(30)); // what a commit takes
            }
        }
    });
    let mut passed = Vec::new();
    for _ in 0..ROUNDS {
        thread::sleep(Duration::from_millis(40));
        let before = turns.load(Ordering::Relaxed);
        let entered = storage.exclusive().map(|_alone| turns.load(Ordering::Relaxed) - before);
        passed.push(entered);
    }
    is_over.store(true, Ordering::Relaxed);
    busy.join().unwrap();
    let passed: usize = passed.into_iter().map(Result::unwrap).sum();
    tell(&format!("{ROUNDS} times one who waited for the lock: {passed} turns of the other passed first"));
    assert!(passed <= 4 * ROUNDS, "{passed} turns in {ROUNDS} rounds");
}

#[test]
fn a_killed_holder_of_the_lock_keeps_no_process_out() {
    let desk = Desk::new();
    let vault = desk.create();
    let mut holder = Process::start("hold the lock", &desk, "");
    assert_eq!(holder.says().as_deref(), Some("held"));
    holder.kill();
    add(&vault, "s3-uploads"); // else it ends as `Busy`, after ten seconds
}

#[test]
fn a_key_derivation_that_gets_no_memory_is_an_error_and_no_abort() {
    let desk = Desk::new();
    drop(desk.create());
    // The vault's only slot now asks for 1 GiB; any process that can write the file can set this.
    let mut file = fs::read(desk.path()).unwrap();
    file.splice(60..64, (1_u32 << 20).to_le_bytes());
    aumbry::testing::repair_checksum(&mut file);
    fs::write(desk.path(), file).unwrap();
    let limited = |limit: &str| {
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("ulimit -v {limit}; exec \"$0\" \"$@\""))
            .arg(std::env::current_exe().unwrap());
        Process::start_by(shell, "open with little memory", &desk, "").end()
    };
    let (said, status) = limited("600000"); // KiB: enough for the program, not for Argon2
    assert!(status.success(), "{status}");
    assert_eq!(said, ["Err(OutOfResources)"]);
    let (said, _) = limited("unlimited");
    assert_eq!(said, ["Err(WrongPassphrase)"], "the control: with memory it is another key");
}

#[test]
fn a_writer_that_waits_too_long_is_told_so_and_nothing_is_lost() {
    let desk = Desk::new();
    let vault = desk.create();
    let held = FileStorage::new(desk.path()).exclusive().unwrap();
    let start = Instant::now();
    let error = vault.edit(|edit| edit.add(&draft("late"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert_eq!(
        error.to_string(),
        "another program has been writing to the vault for 10 seconds: try again later"
    );
    assert!(start.elapsed() >= Duration::from_secs(10), "only {:?}", start.elapsed());
    drop(held);
    add(&vault, "late");
}
