//! What an unlocked vault leaves in the memory of a process: looked for from outside, byte by byte.
//!
//! The test starts itself again as a child that opens a vault, stops at stages and lets its parent read all
//! its memory through `/proc`. A control shows that what is left behind would be found.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step fails the test"
)]

mod common;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use aumbry::testing::keys_of;
use aumbry::{Draft, ExposeSecret, MemoryProtection, OpenOptions, Passphrase};
use common::*;

const MODE: &str = "AUMBRY_RESIDUE_MODE";
const FOLDER: &str = "AUMBRY_RESIDUE_FOLDER";
const ASKED: &str = "RESIDUE+asked/for+0123456789/abcdefghijk";
const OTHER: &str = "RESIDUE+other/one+9876543210/zyxwvutsrqp";
const WORDS: &str = "Residue of a passphrase, long enough to be told apart";

/// Bytes to look for, and what they are called.
type Needles = Vec<(String, Vec<u8>)>;

fn needles(desk: &Desk) -> Needles {
    let keys = keys_of(&std::fs::read(desk.path()).unwrap(), WORDS).unwrap();
    let mut needles: Needles = vec![
        ("passphrase".into(), WORDS.into()),
        ("secret asked for".into(), ASKED.into()),
        ("secret not asked for".into(), OTHER.into()),
    ];
    // In halves: a key schedule of AES-256 begins with the two halves of its key.
    for (name, key) in
        [("KEK", &keys.kek[..]), ("K", &keys.vault_key), ("seed", &keys.x), ("RK and NK", &keys.record_keys)]
    {
        let halves = key.chunks(16).enumerate().map(|(n, half)| (format!("{name}, part {n}"), half.to_vec()));
        needles.extend(halves);
    }
    needles
}

/// A child that has reached a stage and waits.
struct Stage {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Stage {
    fn start(desk: &Desk, mode: &str) -> Self {
        let test = std::thread::current().name().unwrap().to_owned();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &test, "--nocapture", "--test-threads=1"])
            .env(MODE, mode)
            .env(FOLDER, desk.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{WORDS}").unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Lets the child go on to its next stage, whose name it prints.
    fn wait_for(&mut self, stage: &str) {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if line.trim_end().ends_with(&format!("stage {stage}")) {
                return;
            }
            line.clear();
        }
        panic!("the child ended before stage {stage}");
    }

    fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Which needles stand in the child's memory, and where, the guarded page left out.
    fn found(&self, needles: &Needles) -> Vec<String> {
        let pid = self.child.id();
        let smaps = std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
        let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
        let mut found = Vec::new();
        let mut searched = 0;
        for region in regions(&smaps) {
            let mut bytes = vec![0; region.end - region.start];
            // What the kernel does not show, as secret memory, nobody else is shown either.
            if memory.read_exact_at(&mut bytes, region.start as u64).is_err() {
                continue;
            }
            searched += bytes.len();
            for (name, needle) in needles {
                let first = needle[0];
                let hits = bytes
                    .iter()
                    .enumerate()
                    .filter(|(at, byte)| **byte == first && bytes[*at..].starts_with(needle))
                    .map(|(at, _)| format!("{name} at {:#x} in {}", region.start + at, region.name));
                found.extend(hits);
            }
        }
        assert!(searched > 100_000, "only {searched} bytes of the child's memory could be read");
        found
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Region {
    start: usize,
    end: usize,
    name: String,
}

/// Readable and writable memory, but for pages that are both locked and kept out of core dumps: the guarded one.
fn regions(smaps: &str) -> Vec<Region> {
    let mut regions = Vec::new();
    for line in smaps.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap();
        if let Some((start, end)) = first.split_once('-') {
            let access = words.next().unwrap_or_default();
            if let (true, Ok(start), Ok(end)) =
                (access.starts_with("rw"), usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
            {
                regions.push(Region { start, end, name: words.nth(3).unwrap_or("anonymous memory").into() });
            } else {
                regions.push(Region { start: 0, end: 0, name: String::new() });
            }
        } else if first == "VmFlags:" {
            let flags: Vec<_> = words.collect();
            if flags.contains(&"lo") && flags.contains(&"dd") {
                regions.pop();
            }
        }
    }
    regions.retain(|region| region.end > region.start);
    regions
}

/// In the child: plays its part and never returns. In the parent: does nothing.
fn play_child() {
    let Ok(mode) = std::env::var(MODE) else { return };
    let folder = std::path::PathBuf::from(std::env::var_os(FOLDER).unwrap());
    // Read raw: the standard input of Rust's library keeps what went through it.
    let mut input = File::open("/dev/stdin").unwrap();
    let mut pause = |stage: &str| {
        println!("stage {stage}");
        std::io::stdout().flush().unwrap();
        input.read_exact(&mut [0]).unwrap();
    };
    // On the heap: an array that is moved leaves itself behind.
    let mut line = zeroize::Zeroizing::new(vec![0; 256]);
    let len = {
        let mut stdin = File::open("/dev/stdin").unwrap();
        let mut len = 0;
        while len == 0 || line[len - 1] != b'\n' {
            stdin.read_exact(&mut line[len..=len]).unwrap();
            len += 1;
        }
        len - 1
    };
    if mode == "wrong" {
        line[0] ^= 1;
    }
    let passphrase = Passphrase::from(&line[..len]);
    if mode == "control" {
        std::mem::forget(line.to_vec());
    }
    drop(line);
    let mut options = OpenOptions::new().state_folder(folder.join("state"));
    if mode == "hibernate" {
        options = options.allow_hibernation();
    }
    let opened = options.open(folder.join("vault.aumbry"), passphrase);
    if mode == "wrong" {
        assert!(opened.is_err());
        pause("failed");
        std::process::exit(0);
    }
    let vault = opened.unwrap();
    if mode == "hibernate" {
        assert!(vault.memory_protection().unwrap() < MemoryProtection::Secret);
    }
    pause("unlocked");
    let credentials = vault.get_credentials("asked").unwrap().unwrap();
    assert_eq!(credentials.secret_access_key().expose_secret().len(), ASKED.len());
    pause("looked up");
    drop(credentials);
    pause("dropped");
    vault.edit(|edit| edit.add(&draft("new"))).unwrap();
    pause("edited");
    vault.lock();
    pause("locked");
    std::process::exit(0);
}

fn vault_with_two_secrets() -> Desk {
    let desk = Desk::new();
    let vault = desk.create_options().create(desk.path(), WORDS).unwrap();
    vault
        .edit(|edit| {
            edit.add(&Draft::new_static("asked", KEY_ID, ASKED)?)?;
            edit.add(&Draft::new_static("other", KEY_ID, OTHER)?)
        })
        .unwrap();
    desk
}

fn assert_clean(stage: &str, found: &[String]) {
    assert!(found.is_empty(), "{stage}: {} left behind: {found:#?}", found.len());
}

#[test]
fn nothing_is_left_outside_the_guarded_page() {
    play_child();
    let desk = vault_with_two_secrets();
    let needles = needles(&desk);
    let mut child = Stage::start(&desk, "plain");
    child.wait_for("unlocked");
    assert_clean("unlocked", &child.found(&needles));
    child.go_on();
    child.wait_for("looked up");
    // The caller holds this one now, and it is the only one: a control that secrets in use are seen.
    let found = child.found(&needles);
    assert!(found.len() == 1 && found[0].starts_with("secret asked for"), "{found:#?}");
    for stage in ["dropped", "edited", "locked"] {
        child.go_on();
        child.wait_for(stage);
        assert_clean(stage, &child.found(&needles));
    }
}

#[test]
fn nothing_is_left_where_memory_is_only_locked() {
    play_child();
    let desk = vault_with_two_secrets();
    let needles = needles(&desk);
    let mut child = Stage::start(&desk, "hibernate");
    child.wait_for("unlocked");
    assert_clean("unlocked", &child.found(&needles));
    for stage in ["looked up", "dropped", "edited", "locked"] {
        child.go_on();
        child.wait_for(stage);
    }
    assert_clean("locked", &child.found(&needles));
}

#[test]
fn nothing_is_left_after_a_wrong_passphrase() {
    play_child();
    let desk = vault_with_two_secrets();
    let mut needles = needles(&desk);
    let mut wrong = WORDS.as_bytes().to_vec();
    wrong[0] ^= 1;
    needles.push(("wrong passphrase".into(), wrong));
    let mut child = Stage::start(&desk, "wrong");
    child.wait_for("failed");
    assert_clean("failed", &child.found(&needles));
}

#[test]
fn what_is_left_on_purpose_is_found() {
    play_child();
    let desk = vault_with_two_secrets();
    let needles = needles(&desk);
    let mut child = Stage::start(&desk, "control");
    child.wait_for("unlocked");
    let found = child.found(&needles);
    assert!(found.iter().any(|hit| hit.starts_with("passphrase")), "the control was not found: {found:?}");
}
