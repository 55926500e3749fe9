//! `/dev/tty`, also where stdin, stdout and stderr are something else.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::{cancelled, lost};
use crate::failure::Outcome;

pub(super) struct Device {
    tty: File,
}

impl Device {
    pub(super) fn open() -> Option<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").ok().map(|tty| Self { tty })
    }

    pub(super) fn say(&mut self, text: &str) -> Outcome {
        self.tty.write_all(text.as_bytes()).map_err(|error| lost(&error))
    }

    /// The first byte of a line that the terminal shows and lets the person edit.
    pub(super) fn first_of_line(&mut self) -> Outcome<Option<u8>> {
        let mut answer = [0; 1];
        let mut first = None;
        loop {
            match self.tty.read(&mut answer) {
                Ok(1) if answer[0] != b'\n' => first = first.or(Some(answer[0])),
                Ok(_) => return Ok(first),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(&error)),
            }
        }
    }

    pub(super) fn keys(&mut self) -> Outcome<Keys> {
        Keys::begin(&self.tty)
    }
}

/// Bytes as they are typed: no echo, no line editing, no signals from keys, until this is dropped. A signal from
/// elsewhere ends the question too, so that the terminal is never left mute.
pub(super) struct Keys {
    tty: File,
    before: Termios,
    ended: Arc<AtomicBool>,
    signals: Vec<signal_hook::SigId>,
}

impl Keys {
    fn begin(tty: &File) -> Outcome<Self> {
        let tty = tty.try_clone().map_err(|error| lost(&error))?;
        let before = tcgetattr(&tty).map_err(|error| lost(&error.into()))?;
        let ended = Arc::new(AtomicBool::new(false));
        let mut signals = Vec::new();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
        {
            signals.extend(signal_hook::flag::register(signal, Arc::clone(&ended)));
        }
        let mut quiet = before.clone();
        quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&tty, OptionalActions::Flush, &quiet).map_err(|error| lost(&error.into()))?;
        Ok(Self { tty, before, ended, signals })
    }

    pub(super) fn next(&mut self) -> Outcome<u8> {
        let mut byte = Zeroizing::new([0]);
        loop {
            self.wait()?;
            match self.tty.read(byte.as_mut_slice()) {
                Ok(0) => return Err(cancelled()),
                Ok(_) => return Ok(byte[0]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(&error)),
            }
        }
    }

    /// Waits for a key, or for the signal that ends the question.
    fn wait(&self) -> Outcome {
        loop {
            if self.ended.load(Ordering::Relaxed) {
                return Err(cancelled());
            }
            let mut polled = [PollFd::new(&self.tty, PollFlags::IN)];
            let patience = rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
            match poll(&mut polled, Some(&patience)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(lost(&error.into())),
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // If that fails the terminal is gone.
        let _ = tcsetattr(&self.tty, OptionalActions::Flush, &self.before);
        for signal in self.signals.drain(..) {
            signal_hook::low_level::unregister(signal);
        }
    }
}
