//! Where a passphrase must not be: in a command line, in what children inherit, in what a crash leaves behind; nor a secret
//! that was served in what the memory holds afterwards.
#![cfg(target_os = "linux")]

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::tty::Tty;
use common::*;
use rustix::process::{Pid, Signal, kill_process};

const AUMBRY: &str = env!("CARGO_BIN_EXE_aumbry");

/// Says who it is and waits, without an end.
const WAITS: [&str; 4] = ["--", "sh", "-c", "echo $$; mkfifo never; read line < never"];

#[test]
fn exec_leaves_no_parent_and_its_program_has_the_secret_but_no_passphrase() {
    let home = Home::new();
    for source in ["terminal", "descriptor", "file", "command", "variable"] {
        let _ = fs::remove_file(home.path().join("never"));
        let exec = |options: &[&str]| {
            let mut command = home.program(AUMBRY, &[&["exec", "mine"], options, WAITS.as_slice()].concat());
            command.env_remove("AUMBRY_PASSPHRASE_FILE").stdin(Stdio::null()).stdout(Stdio::piped());
            command
        };
        let mut tty = Tty::new();
        let mut child = Killed(match source {
            "terminal" => {
                let child = tty.spawn_captured(exec(&[]));
                tty.wait_for("Passphrase of ", 0);
                tty.type_(format!("{PASSPHRASE}\r"));
                child
            }
            "descriptor" => {
                let mut child = exec(&["--passphrase-fd", "0"]).stdin(Stdio::piped()).spawn().unwrap();
                child.stdin.take().unwrap().write_all(PASSPHRASE.as_bytes()).unwrap();
                child
            }
            "file" => exec(&["--passphrase-file", "passphrase"]).spawn().unwrap(),
            "command" => exec(&["--passphrase-command", "cat passphrase"]).spawn().unwrap(),
            _ => exec(&[]).env("AUMBRY_PASSPHRASE", PASSPHRASE).spawn().unwrap(),
        });
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), child.0.id().to_string(), "{source}: the program is what was started");

        let program = Process(child.0.id());
        assert!(!program.contains("cmdline", PASSPHRASE) && !program.contains("cmdline", SECRET), "{source}");
        assert!(program.contains("environ", SECRET), "{source}: the control");
        assert!(!program.contains("environ", PASSPHRASE), "{source}");
        // Nothing of aumbry is mapped, the page with its keys least of all; and what is mapped was looked through.
        assert_ne!(fs::read_link(program.file("exe")).unwrap(), std::path::Path::new(AUMBRY), "{source}");
        assert!(!program.contains("maps", "aumbry") && !program.contains("maps", "secretmem"), "{source}");
        let memory = program.memory();
        assert!(holds(&memory, SECRET), "{source}: the control: a secret is found where there is one");
        assert!(!holds(&memory, PASSPHRASE), "{source}");
    }
}

#[test]
fn a_passphrase_command_inherits_no_other_passphrase() {
    let home = Home::new();
    let mut command = home.command(&["list", "--passphrase-command", "env > seen; cat passphrase"]);
    command.env("AUMBRY_PASSPHRASE", PASSPHRASE).env("AUMBRY_NEW_PASSPHRASE", PASSPHRASE);
    succeeds(command);
    let seen = fs::read_to_string(home.path().join("seen")).unwrap();
    assert!(seen.contains("HOME=") && !seen.contains(PASSPHRASE), "{seen}");
}

#[test]
fn a_descriptor_that_gave_the_passphrase_gives_it_to_nobody_else() {
    let home = Home::new();
    // A descriptor of a file, unlike one of a pipe, could be read from its beginning again.
    let exec = "aumbry exec mine --passphrase-fd";
    assert_eq!(succeeds(home.shell(&format!("{exec} 0 -- cat < passphrase"))), "");
    let read = "sh -c 'cat /dev/fd/7 || true' 7< passphrase 2> /dev/null";
    assert_eq!(succeeds(home.shell(&format!("{exec} 7 -- {read}"))), "");
    assert_eq!(
        succeeds(home.shell(&format!("{exec} 8 -- {read} 8< passphrase"))).trim_end(),
        PASSPHRASE,
        "the control"
    );
}

#[test]
fn a_crash_while_the_passphrase_comes_in_leaves_no_core_dump() {
    let home = Home::new();
    let half = PASSPHRASE.get(..14).unwrap();
    // As many core dumps as the machine allows.
    let begin = |arguments: &str| {
        let script = format!("ulimit -c $(ulimit -H -c); exec {arguments}");
        // Whoever runs these tests in the background may have SIGQUIT ignored, which is inherited.
        let mut command = home.program("env", &["--default-signal", "sh", "-c", &script]);
        command
            .env_remove("AUMBRY_PASSPHRASE_FILE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    // The control: here an ordinary program leaves one.
    let mut cat = begin("cat").spawn().unwrap();
    cat.stdin.as_mut().unwrap().write_all(half.as_bytes()).unwrap();
    drained(&cat);
    let leaves_dumps = crash(cat, Signal::ABORT);
    let dumps = dumps(&home);

    // SIGQUIT ends a question as Ctrl-C does, and is no crash.
    for signal in [Signal::ABORT, Signal::SEGV] {
        let mut tty = Tty::new();
        let at_terminal = tty.spawn_captured(begin("aumbry credential-process mine"));
        tty.wait_for("Passphrase of ", 0);
        tty.type_(half);

        let mut at_descriptor = begin("aumbry credential-process mine --passphrase-fd 0").spawn().unwrap();
        at_descriptor.stdin.as_mut().unwrap().write_all(half.as_bytes()).unwrap();
        drained(&at_descriptor);

        let pipe = home.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let at_file = begin("aumbry credential-process mine --passphrase-file pipe").spawn().unwrap();
        let mut file = OpenOptions::new().write(true).open(&pipe).unwrap();
        file.write_all(half.as_bytes()).unwrap();
        fs::remove_file(&pipe).unwrap();

        for child in [at_terminal, at_descriptor, at_file] {
            let process = Process(child.id());
            assert!(!process.contains("cmdline", half), "a command line is for every user to read");
            let limits = fs::read_to_string(process.file("limits")).unwrap();
            let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
            assert_eq!(cores.split_whitespace().nth(4), Some("0"), "{cores}");
            assert!(!crash(child, signal), "a core dump was left ({leaves_dumps}: by others too)");
        }
    }
    assert_eq!(self::dumps(&home), dumps, "no file appeared");
}

#[cfg(feature = "aws")]
#[test]
fn an_endpoint_keeps_no_secret_that_it_gave() {
    let home = Home::new();
    home.add_session("session", "2199-01-02T03:04:05Z");
    let server = common::server::Server::start(&home, &["mine", "session"]);
    for _ in 0..20 {
        assert!(server.gives("/mine").body.contains("AKIAEXAMPLE"));
        assert!(server.gives("/session").body.contains(TOKEN));
    }
    // One thread answers everybody: when this is answered, it is through with the others.
    assert_eq!(server.gives("/nobody").status, 404);
    let process = Process(server.id());
    assert!(!process.contains("cmdline", &server.token));
    match File::open(process.file("mem")) {
        // As it should be for everybody but root.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{error}"),
        Ok(_) => {
            let memory = process.memory();
            assert!(holds(&memory, &server.token), "the control: what it needs is found");
            for secret in [SECRET, TOKEN, PASSPHRASE] {
                assert!(!holds(&memory, secret), "a secret stays in memory");
            }
        }
    }
    server.ends_by(Signal::TERM);
}

/// Ends with the test, however that ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Process(u32);

impl Process {
    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0)
    }

    fn contains(&self, name: &str, text: &str) -> bool {
        holds(&fs::read(self.file(name)).unwrap(), text)
    }

    /// All that it can read itself.
    fn memory(&self) -> Vec<u8> {
        let memory = File::open(self.file("mem")).unwrap();
        let mut all = Vec::new();
        for line in fs::read_to_string(self.file("maps")).unwrap().lines() {
            // The kernel's own pages are not to be had, nor those that hide from it.
            let is_hidden = line.contains("[v") || line.contains("/secretmem");
            if line.split_whitespace().nth(1).unwrap().starts_with('r') && !is_hidden {
                let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
                let [from, to] = [from, to].map(|hex| u64::from_str_radix(hex, 16).unwrap());
                let mut part = vec![0; usize::try_from(to - from).unwrap()];
                memory.read_exact_at(&mut part, from).unwrap();
                all.extend(part);
            }
        }
        all
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Waits until it has read what was written to its stdin.
fn drained(child: &Child) {
    let begin = Instant::now();
    while rustix::io::ioctl_fionread(child.stdin.as_ref().unwrap()).unwrap() > 0 {
        assert!(begin.elapsed() < PATIENCE, "nobody reads");
        std::thread::yield_now();
    }
}

/// Ends it by a signal that makes core dumps; whether it made one.
#[track_caller]
fn crash(mut child: Child, signal: Signal) -> bool {
    let begin = Instant::now();
    let status = loop {
        assert!(begin.elapsed() < PATIENCE, "{signal:?} does not end it");
        // Again, for Rust's own handler of SIGSEGV survives the first one that no bad address came with.
        kill_process(Pid::from_child(&child), signal).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it survives {signal:?}");
        }
    };
    assert_eq!(status.signal(), Some(signal.as_raw()));
    status.core_dumped()
}

/// Files that a dump may be, where the machine writes such files into the folder of the program.
fn dumps(home: &Home) -> usize {
    let names = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().contains("core")).count()
}
