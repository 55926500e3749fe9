//! The terminal itself, also where stdin, stdout and stderr are something else: `/dev/tty`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::{Failure, Outcome};
use crate::secret::SecretBytes;

/// As much as one line may hold; sized once, so that no grown copy stays behind.
const MAX_LINE: usize = 4096;

pub(crate) struct Terminal {
    device: File,
}

impl Terminal {
    /// The controlling terminal, or `None` where there is none.
    pub(crate) fn open() -> Option<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").ok().map(|device| Self { device })
    }

    /// Asks for a secret; what is typed is not shown.
    pub(crate) fn ask_secret(&mut self, prompt: &str) -> Outcome<SecretBytes> {
        // First of all: what is typed as soon as the question stands there would be shown, and then thrown away.
        let quiet = Quiet::begin(&self.device)?;
        self.say(prompt)?;
        let line = self.read_line(&quiet);
        drop(quiet);
        self.say("\n")?;
        line
    }

    /// Asks a question whose answer is yes only if it begins with y.
    pub(crate) fn confirm(&mut self, question: &str) -> Outcome<bool> {
        self.say(&format!("{question} [y/N] "))?;
        let mut answer = [0; 1];
        let mut first = None;
        loop {
            match self.device.read(&mut answer) {
                Ok(1) if answer[0] != b'\n' => first = first.or(Some(answer[0])),
                Ok(_) => return Ok(matches!(first, Some(b'y' | b'Y'))),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(&error)),
            }
        }
    }

    fn say(&mut self, text: &str) -> Outcome {
        self.device.write_all(text.as_bytes()).map_err(|error| lost(&error))
    }

    /// One line, byte by byte: the terminal edits nothing for us, so that its own buffer keeps nothing.
    fn read_line(&mut self, quiet: &Quiet) -> Outcome<SecretBytes> {
        let mut line = Zeroizing::new(vec![0; MAX_LINE]);
        let mut len = 0;
        loop {
            let mut byte = Zeroizing::new([0]);
            quiet.wait(&self.device)?;
            match self.device.read(byte.as_mut_slice()) {
                Ok(0) => return Err(cancelled()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(lost(&error)),
            }
            match byte[0] {
                b'\r' | b'\n' => break,
                CTRL_C | CTRL_D => return Err(cancelled()),
                BACKSPACE | DELETE => {
                    // A whole UTF-8 character.
                    while len > 0 {
                        len -= 1;
                        let removed = line.get(len).copied().unwrap_or_default();
                        if removed & 0xc0 != 0x80 {
                            break;
                        }
                    }
                }
                CTRL_U => len = 0,
                typed => match line.get_mut(len) {
                    Some(place) => {
                        *place = typed;
                        len += 1;
                    }
                    None => {
                        return Err(Failure::usage(format!(
                            "a line must not be longer than {MAX_LINE} bytes"
                        )));
                    }
                },
            }
        }
        line.truncate(len);
        Ok(line)
    }
}

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const CTRL_U: u8 = 21;
const DELETE: u8 = 127;

/// No echo, no line editing, no signals from keys, until this is dropped. A signal from elsewhere ends the
/// question too, so that the terminal is never left mute.
struct Quiet {
    device: File,
    before: Termios,
    ended: Arc<AtomicBool>,
    signals: Vec<signal_hook::SigId>,
}

impl Quiet {
    fn begin(device: &File) -> Outcome<Self> {
        let device = device.try_clone().map_err(|error| lost(&error))?;
        let before = tcgetattr(&device).map_err(|error| lost(&error.into()))?;
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
        tcsetattr(&device, OptionalActions::Flush, &quiet).map_err(|error| lost(&error.into()))?;
        Ok(Self { device, before, ended, signals })
    }

    /// Waits for a key, or for the signal that ends the question.
    fn wait(&self, device: &File) -> Outcome {
        loop {
            if self.ended.load(Ordering::Relaxed) {
                return Err(cancelled());
            }
            let mut polled = [PollFd::new(device, PollFlags::IN)];
            let patience = rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
            match poll(&mut polled, Some(&patience)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(lost(&error.into())),
            }
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // If that fails the terminal is gone.
        let _ = tcsetattr(&self.device, OptionalActions::Flush, &self.before);
        for signal in self.signals.drain(..) {
            signal_hook::low_level::unregister(signal);
        }
    }
}

fn cancelled() -> Failure {
    Failure::input_needed("cancelled")
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::io("could not use the terminal", error)
}
