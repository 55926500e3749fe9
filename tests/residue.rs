//! What an unlocked vault leaves in the memory of a process: looked for from outside, byte by byte.
//!
//! The test starts itself again as a child that opens a vault, stops at stages and lets its parent read all
//! its memory through `/proc`. A control shows that what is left behind would be found.
#![cfg(target_os = "linux")]

mod common;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use aumbry::testing::{Traces as Needles, forms_of, traces_of};
use aumbry::{ExposeSecret, MemoryProtection, NewRecord, OpenOptions, Passphrase, Role, Vault};
use common::*;

const MODE: &str = "AUMBRY_RESIDUE_MODE";
const FOLDER: &str = "AUMBRY_RESIDUE_FOLDER";
const ASKED: &str = "RESIDUE+asked/for+0123456789/abcdefghijk";
const OTHER: &str = "RESIDUE+other/one+9876543210/zyxwvutsrqp";
const OTHER_NAME: &str = "residue/name/of/the/record/that/nobody/asks/for";
const IMPORTED: &str = "RESIDUE+from/a/console+file+5566778899aabbc";
const NEW_WORDS: &str = "Residue of the next passphrase, in a String of its own";
const WORDS: &str = "Residue of a passphrase, long enough to be told apart";
const KEEPS_WHAT_WAS_FREED: [(&str, &str); 4] = [
    ("MALLOC_MMAP_THRESHOLD_", "1000000000"),
    ("MALLOC_TRIM_THRESHOLD_", "1000000000"),
    ("MALLOC_TOP_PAD_", "0"),
    ("MALLOC_ARENA_MAX", "1"),
];

fn needles(desk: &Desk) -> Needles {
    let mut needles: Needles = [
        ("passphrase", WORDS),
        ("next passphrase", NEW_WORDS),
        ("secret asked for", ASKED),
        ("secret not asked for", OTHER),
        ("secret of an edit", SECRET),
        ("imported secret", IMPORTED),
    ]
    .map(|(name, needle)| (name.to_owned(), needle.into()))
    .into();
    for (name, needle) in [("passphrase", WORDS), ("next passphrase", NEW_WORDS), ("secret", OTHER)] {
        needles.extend(forms_of(name, needle).into_iter().filter(|(name, _)| name.contains(" in ")));
    }
    needles.extend(keys(desk, WORDS));
    needles
}

/// The keys that this passphrase opens the vault with now, and all that is made of them.
fn keys(desk: &Desk, passphrase: &str) -> Needles {
    traces_of(&std::fs::read(desk.path()).unwrap(), passphrase).unwrap()
}

/// A child that has reached a stage and waits.
struct Stage {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Stage {
    fn start(desk: &Desk, mode: &str) -> Self {
        Self::start_with(desk, mode, WORDS)
    }

    fn start_with(desk: &Desk, mode: &str, words: &str) -> Self {
        let test = std::thread::current().name().unwrap().to_owned();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &test, "--nocapture", "--test-threads=1"])
            .env(MODE, mode)
            .env(FOLDER, desk.folder.path())
            .envs(if mode == "heap" { &KEEPS_WHAT_WAS_FREED[..] } else { &[] }.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{words}").unwrap();
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

    fn smaps(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/smaps", self.child.id())).unwrap()
    }

    /// All that it has mapped to write to. Threads of a key derivation may still be ending, and a mapping may be gone
    /// when it is read: then all are read again
    /// . What the kernel never shows is secret memory, and nothing else of ours.
    fn memory(&self) -> Vec<(Region, Vec<u8>)> {
        let memory = File::open(format!("/proc/{}/mem", self.child.id())).unwrap();
        let read = |region: Region| {
            let mut bytes = vec![0; region.end - region.start];
            memory.read_exact_at(&mut bytes, region.start as u64).ok().map(|()| (region, bytes))
        };
        let all = (0..500).find_map(|turn: u64| {
            std::thread::sleep(std::time::Duration::from_millis(turn.min(10)));
            let shown =
                regions(&self.smaps()).into_iter().filter(|region| !region.name.contains("secretmem"));
            shown.map(read).collect::<Option<Vec<_>>>()
        });
        all.unwrap()
    }

    /// Which needles are in the child's memory outside the guarded page, and where.
    fn found(&self, needles: &Needles) -> Vec<String> {
        let mut begins = vec![Vec::new(); 1 << 16];
        for needle in needles {
            begins[usize::from(u16::from_ne_bytes([needle.1[0], needle.1[1]]))].push(needle);
        }
        let (mut found, mut searched) = (Vec::new(), 0);
        for (region, bytes) in self.memory() {
            searched += bytes.len();
            let mut at = 0;
            // Not a `for`: this is not optimised. Most pages are empty, and what begins in one goes on behind it.
            while at + 1 < bytes.len() {
                if at % 4096 == 0 && bytes.get(at..at + 4096) == Some(&[0; 4096]) {
                    at += 4096 - 16;
                }
                let here = &begins[usize::from(u16::from_ne_bytes([bytes[at], bytes[at + 1]]))];
                let here = here.iter().filter(|(_, needle)| bytes[at..].starts_with(needle));
                found.extend(
                    here.map(|(name, _)| format!("{name} at {:#x} in {}", region.start + at, region.name)),
                );
                at += 1;
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

/// Readable and writable memory, except pages that are both locked and kept out of core dumps: the guarded one.
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
    if mode == "code" {
        drop(passphrase);
        pause("typed");
        std::process::exit(0);
    }
    let mut options = OpenOptions::new().state_folder(folder.join("state"));
    if mode == "hibernate" {
        options = options.allow_hibernation();
    }
    options = options.kdf(cheap()).allow_kdf_below_floor();
    let opened = options.clone().open(folder.join("vault.aumbry"), passphrase);
    if mode == "wrong" {
        assert!(opened.is_err());
        pause("failed");
        std::process::exit(0);
    }
    let vault = opened.unwrap();
    if mode == "reader" {
        pause("unlocked");
        assert_eq!(vault.verify().unwrap().records, 2);
        pause("verified");
        assert!(vault.edit(|edit| edit.add(&draft("new"))).is_err());
        vault.lock();
        assert!(vault.unlock("Residue of a passphrase that is not the right one").is_err());
        pause("failed");
        std::process::exit(0);
    }
    if mode == "people" {
        let paused = |what: Result<(), aumbry::Error>| what.map(|()| pause("changed")).unwrap();
        change_people(&vault, &options, &folder, paused);
        std::process::exit(0);
    }
    if mode == "heap" {
        pause("unlocked");
        std::process::exit(0);
    }
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
    let csv = format!("Access key ID,Secret access key\n{KEY_ID},{IMPORTED}\n");
    let csv = zeroize::Zeroizing::new(csv.into_bytes());
    let drafts = aumbry::interchange::console_csv::parse(&csv, Some("imported")).unwrap().records;
    drop(csv);
    vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft))).unwrap();
    drop(drafts);
    vault.edit(|edit| edit.rename("imported", &aumbry::Name::new("renamed")?)).unwrap();
    pause("imported");
    vault.change_passphrase(NEW_WORDS).unwrap();
    assert_eq!(vault.verify().unwrap().records, 4);
    pause("changed");
    vault.lock();
    pause("locked");
    vault.unlock(String::from(NEW_WORDS)).unwrap();
    pause("unlocked again");
    std::process::exit(0);
}

/// Each step makes a version of its own.
fn change_people(
    vault: &Vault,
    options: &OpenOptions,
    folder: &Path,
    mut paused: impl FnMut(Result<(), aumbry::Error>),
) {
    let [path, backup] = ["vault.aumbry", "backup.aumbry"].map(|name| folder.join(name));
    std::fs::copy(path, &backup).unwrap();
    paused(vault.add_person("other", Role::Reader, NEW_WORDS));
    paused(vault.set_passphrase("other", IMPORTED));
    paused(vault.remove_person("other"));
    paused(vault.issue_recovery_code().map(drop));
    paused(vault.edit(|edit| edit.begin_rotation("asked", &[])));
    paused(vault.edit(|edit| edit.keep_new_key("asked", KEY_ID, SECRET)));
    paused(vault.edit(|edit| edit.swap_keys("asked")));
    let rotation = vault.rotation("asked").unwrap().unwrap();
    paused(vault.edit(|edit| edit.end_rotation(&rotation)));
    let of_then = options.clone().without_pin().open(backup, vault_words(folder)).unwrap();
    paused(vault.restore(&of_then));
    drop(of_then);
    paused(vault.rekey(NEW_WORDS).map(drop));
}

/// From a file, because this process must not contain a copy.
fn vault_words(folder: &Path) -> Passphrase {
    let words = zeroize::Zeroizing::new(std::fs::read(folder.join("words")).unwrap());
    Passphrase::from(words.as_slice())
}

fn vault_with_two_secrets() -> Desk {
    let desk = Desk::new();
    let vault = desk.create_options().create(desk.path(), WORDS).unwrap();
    vault
        .edit(|edit| {
            edit.add(&NewRecord::new_static("asked", KEY_ID, ASKED)?)?;
            edit.add(&NewRecord::new_static(OTHER_NAME, KEY_ID, OTHER)?)
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
    let mut reach = |stage, needles: &Needles| {
        child.go_on();
        child.wait_for(stage);
        assert_clean(stage, &child.found(needles));
    };
    for stage in ["dropped", "edited", "imported"] {
        reach(stage, &needles);
    }
    // The next stage makes new keys; the old ones must be gone too. Only it can tell the new ones.
    reach("changed", &needles);
    let mut needles = needles;
    needles.extend(keys(&desk, NEW_WORDS));
    assert_clean("changed", &child.found(&needles));
    let name = vec![("name of a record".to_owned(), OTHER_NAME.into())];
    assert!(!child.found(&name).is_empty(), "the control: an unlocked vault knows its names");
    assert!(has_guarded_page(&child.smaps()), "the control: an unlocked vault has a guarded page");

    child.go_on();
    child.wait_for("locked");
    assert_clean("locked", &child.found(&needles));
    assert_clean("locked", &child.found(&name));
    assert!(!has_guarded_page(&child.smaps()), "a locked vault holds on to a page with keys");
    child.go_on();
    child.wait_for("unlocked again");
    assert_clean("unlocked again", &child.found(&needles));
}

/// Whether there is a page as only keys have one: of secret memory, or locked and kept out of dumps.
fn has_guarded_page(smaps: &str) -> bool {
    smaps.lines().any(|line| {
        let flags: Vec<_> = line.strip_prefix("VmFlags:").unwrap_or_default().split_whitespace().collect();
        line.contains("secretmem") || (flags.contains(&"lo") && flags.contains(&"dd"))
    })
}

#[test]
fn a_guarded_page_is_locked_kept_out_of_dumps_and_not_inherited() {
    play_child();
    let desk = vault_with_two_secrets();
    let mut child = Stage::start(&desk, "hibernate");
    child.wait_for("unlocked");
    let smaps = child.smaps();
    let guarded = smaps.lines().filter(|line| {
        let flags: Vec<_> = line.strip_prefix("VmFlags:").unwrap_or_default().split_whitespace().collect();
        ["lo", "dd", "dc"].iter().all(|flag| flags.contains(flag))
    });
    assert_eq!(guarded.count(), 1, "locked, DONTDUMP and DONTFORK");
}

#[test]
fn the_memory_of_the_key_derivation_is_wiped_before_it_is_freed() {
    play_child();
    let desk = vault_with_two_secrets();
    // With these settings the allocator keeps what was freed, instead of giving it back to the system.
    let mut child = Stage::start(&desk, "heap");
    child.wait_for("unlocked");
    let memory = File::open(format!("/proc/{}/mem", child.child.id())).unwrap();
    let heap = regions(&child.smaps()).into_iter().find(|region| region.name == "[heap]").unwrap();
    let mut bytes = vec![0; heap.end - heap.start];
    memory.read_exact_at(&mut bytes, heap.start as u64).unwrap();
    let matrix = 8 << 20;
    assert!(bytes.len() > matrix, "the control: Argon2's memory was taken from the heap");
    let used = bytes.iter().filter(|byte| **byte != 0).count();
    assert!(used < matrix / 4, "{used} bytes of the heap are not zero");
}

#[test]
fn nothing_is_left_where_memory_is_only_locked() {
    play_child();
    let desk = vault_with_two_secrets();
    let needles = needles(&desk);
    let mut child = Stage::start(&desk, "hibernate");
    child.wait_for("unlocked");
    assert_clean("unlocked", &child.found(&needles));
    for stage in ["looked up", "dropped", "edited", "imported", "changed", "locked"] {
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
fn nothing_is_left_by_a_reader() {
    play_child();
    let desk = vault_with_two_secrets();
    let vault = desk.open_options().kdf(cheap()).allow_kdf_below_floor().open(desk.path(), WORDS).unwrap();
    vault.add_person("other", Role::Administrator, NEW_WORDS).unwrap();
    vault.add_person("reader", Role::Reader, IMPORTED).unwrap();
    vault.remove_person_keeping_seed("other").unwrap();
    let mut needles = needles(&desk);
    needles.extend(keys(&desk, IMPORTED));
    let mut child = Stage::start_with(&desk, "reader", IMPORTED);
    for stage in ["unlocked", "verified", "failed"] {
        child.wait_for(stage);
        assert_clean(stage, &child.found(&needles));
        child.go_on();
    }
}

#[test]
fn nothing_is_left_by_people_who_come_and_go_rotations_and_new_keys() {
    play_child();
    let desk = vault_with_two_secrets();
    std::fs::write(desk.folder.path().join("words"), WORDS).unwrap();
    let mut needles = needles(&desk);
    let mut child = Stage::start(&desk, "people");
    for step in 0..10 {
        child.wait_for("changed");
        let now = if step == 9 { NEW_WORDS } else { WORDS };
        needles.extend(keys(&desk, now));
        assert_clean(&format!("step {step}"), &child.found(&needles));
        child.go_on();
    }
    tell(&format!("residues: {} traces looked for after the last of 10 steps", needles.len()));
}

#[test]
fn nothing_is_left_of_a_recovery_code_that_was_typed() {
    play_child();
    let desk = vault_with_two_secrets();
    let vault = desk.open_options().kdf(cheap()).allow_kdf_below_floor().open(desk.path(), WORDS).unwrap();
    let code = vault.issue_recovery_code().unwrap().to_grouped();
    let code = code.expose_secret();
    let forms = [code.to_owned(), code.replace('-', "").to_lowercase()];
    let needles: Needles = forms.iter().flat_map(|text| forms_of("recovery code", text)).collect();
    let mut child = Stage::start_with(&desk, "code", code);
    child.wait_for("typed");
    assert_clean("typed", &child.found(&needles));
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
