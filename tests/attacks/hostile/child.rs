//! This very program, started again to do one thing on its own: its memory can be measured or limited then.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::hostile::{little_memory, unread};

/// KiB of address space, for processes with little.
pub(crate) const LITTLE: u64 = 256 << 10;

const TASK: &str = "AUMBRY_TEST_TASK";
const FOLDER: &str = "AUMBRY_TEST_FOLDER";

/// What a child said, line by line, and whether it came to its end.
pub(crate) struct Ended {
    pub(crate) said: Vec<String>,
    pub(crate) well: bool,
    pub(crate) how: String,
}

/// Runs a task, with so many KiB of address space at most. The C library's allocator takes 64 MiB of it for each thread,
/// used or not, unless it is told to share.
pub(crate) fn run(task: &str, folder: &Path, limit: Option<u64>, shared: bool) -> Ended {
    let limit = limit.map_or("unlimited".to_owned(), |kib| kib.to_string());
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -v {limit}; exec \"$0\" \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args([
            "hostile::child::a_child_that_aborts_is_noticed",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(TASK, task)
        .env(FOLDER, folder)
        .env("MALLOC_ARENA_MAX", if shared { "1" } else { "0" })
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let said = said.lines().filter_map(|line| line.strip_prefix("> ")).map(str::to_owned).collect();
    Ended { said, well: output.status.success(), how: output.status.to_string() }
}

/// In a child, its whole work. Elsewhere, the proof that one which is out of memory is noticed.
#[test]
fn a_child_that_aborts_is_noticed() {
    let Ok(task) = std::env::var(TASK) else {
        let folder = tempfile::tempdir().unwrap();
        let ended = run("abort", folder.path(), Some(LITTLE), false);
        assert!(!ended.well && ended.said == ["before"], "{}: {:?}", ended.how, ended.said);
        let ended = run("abort", folder.path(), None, false);
        assert!(ended.well && ended.said == ["before", "after"], "with memory it ends well: {}", ended.how);
        return;
    };
    println!(); // ends the line that the test harness has begun
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    match task.as_str() {
        "abort" => {
            println!("> before");
            let lot = std::hint::black_box(vec![0_u8; 1 << 30]);
            println!("> after{}", if lot.is_empty() { "?" } else { "" });
        }
        "measure" => unread::measured(&folder),
        "little memory" => little_memory::child(&folder, false),
        "little memory, all headers" => little_memory::child(&folder, true),
        _ => unreachable!("no task is called {task}"),
    }
}
