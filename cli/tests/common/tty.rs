//! A terminal of a program's own, and somebody who looks at it and types.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use pty_process::blocking::{Pts, Pty};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, Termios, tcgetattr};

use super::{PATIENCE, checked};

pub(crate) struct Tty {
    keyboard_and_screen: Pty,
    /// Kept open, so that the terminal stays what a program made of it.
    device: Pts,
    seen: Vec<u8>,
}

impl Tty {
    pub(crate) fn new() -> Self {
        let (keyboard_and_screen, device) = pty_process::blocking::open().unwrap();
        Self { keyboard_and_screen, device, seen: Vec::new() }
    }

    /// The program gets this terminal as its own, though stdin, stdout and stderr are something else.
    pub(crate) fn spawn_captured(&self, command: Command) -> Child {
        let command = pty_process::blocking::Command::from(command);
        let mut command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn_borrowed(&self.device).unwrap()
    }

    /// The program has this terminal for everything.
    pub(crate) fn spawn(&self, command: Command) -> Child {
        pty_process::blocking::Command::from(command).spawn_borrowed(&self.device).unwrap()
    }

    /// Waits until this is on the screen, behind what was waited for before.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str, from: usize) -> usize {
        let begin = Instant::now();
        loop {
            let seen = self.seen.get(from..).unwrap();
            if let Some(at) = seen.windows(text.len()).position(|window| window == text.as_bytes()) {
                return from + at + text.len();
            }
            assert!(begin.elapsed() < PATIENCE, "no {text:?} on the screen: {:?}", self.screen());
            self.look(1);
        }
    }

    pub(crate) fn type_(&self, keys: impl AsRef<[u8]>) {
        (&self.keyboard_and_screen).write_all(keys.as_ref()).unwrap();
    }

    /// All that was ever on the screen.
    pub(crate) fn screen(&mut self) -> String {
        // What was written reaches the screen in order, but not at once: behind this mark nothing is missing.
        const MARK: &[u8] = b"<screen>";
        rustix::io::write(&self.device, MARK).unwrap();
        while !self.seen.ends_with(MARK) {
            self.look(1);
        }
        self.seen.truncate(self.seen.len() - MARK.len());
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads what comes within so many seconds.
    fn look(&mut self, seconds: i64) {
        let patience = Timespec { tv_sec: seconds, tv_nsec: 0 };
        let mut polled = [PollFd::new(&self.keyboard_and_screen, PollFlags::IN)];
        match poll(&mut polled, Some(&patience)) {
            Ok(0) | Err(Errno::INTR) => {} // whoever waits looks again
            polled => {
                polled.unwrap();
                let mut some = [0; 4096];
                let len = self.keyboard_and_screen.read(&mut some).unwrap();
                self.seen.extend_from_slice(some.get(..len).unwrap());
            }
        }
    }

    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(&self.device).unwrap()
    }

    pub(crate) fn echoes(&self) -> bool {
        self.modes().local_modes.contains(LocalModes::ECHO)
    }

    /// What the program printed, and how it ended.
    #[track_caller]
    pub(crate) fn wait(&mut self, mut child: Child) -> Output {
        let begin = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if begin.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("it does not end: {:?}", self.screen());
            }
            self.look(0);
            std::thread::sleep(Duration::from_millis(2));
        }
        checked(child.wait_with_output().unwrap())
    }
}
