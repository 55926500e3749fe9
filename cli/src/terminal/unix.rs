//! `/dev/tty`, also where stdin, stdout and stderr are something else.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use signal_hook::{consts, flag};
use zeroize::Zeroizing;

use super::keys::{MAX_LINE, cancelled, lost};
use crate::failure::Outcome;
use crate::secret::SecretBytes;

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

    /// A line that the terminal shows and lets the person edit.
    pub(super) fn line(&mut self) -> Outcome<SecretBytes> {
        let mut byte = Zeroizing::new(0);
        let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
        loop {
            match self.tty.read(std::slice::from_mut(&mut *byte)) {
                Ok(1) if *byte != b'\n' && line.len() < MAX_LINE => line.push(*byte),
                Ok(1) if *byte != b'\n' => {}
                Ok(_) => return Ok(line),
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
/// elsewhere ends or stops the question too, so that the terminal is never left mute.
pub(super) struct Keys {
    tty: File,
    before: Termios,
    quiet: Termios,
    signals: &'static Signals,
}

impl Keys {
    fn begin(tty: &File) -> Outcome<Self> {
        let tty = tty.try_clone().map_err(|error| lost(&error))?;
        let before = tcgetattr(&tty).map_err(|error| lost(&error.into()))?;
        let mut quiet = before.clone();
        quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        let signals = Signals::of_process();
        signals.ended.store(false, Ordering::SeqCst);
        signals.usual.store(false, Ordering::SeqCst);
        let keys = Self { tty, before, quiet, signals };
        keys.set(&keys.quiet)?;
        Ok(keys)
    }

    fn set(&self, modes: &Termios) -> Outcome {
        tcsetattr(&self.tty, OptionalActions::Flush, modes).map_err(|error| lost(&error.into()))
    }

    pub(super) fn next(&mut self) -> Outcome<u8> {
        let mut byte = Zeroizing::new(0);
        loop {
            self.wait()?;
            match self.tty.read(std::slice::from_mut(&mut *byte)) {
                Ok(0) => return Err(cancelled()),
                Ok(_) => return Ok(*byte),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(&error)),
            }
        }
    }

    /// Waits for a key, or for the signal that ends the question.
    fn wait(&self) -> Outcome {
        loop {
            if self.signals.ended.load(Ordering::SeqCst) {
                return Err(cancelled());
            }
            if self.signals.stopped.swap(false, Ordering::SeqCst) {
                self.stop()?;
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

    /// Gives the terminal back for as long as the program is stopped.
    pub(super) fn stop(&self) -> Outcome {
        self.set(&self.before)?;
        // If it cannot be stopped the question just goes on.
        let _ = signal_hook::low_level::emulate_default_handler(consts::SIGTSTP);
        self.set(&self.quiet)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // If that fails the terminal is gone.
        let _ = self.set(&self.before);
        self.signals.usual.store(true, Ordering::SeqCst);
    }
}

/// What signals do: during a question they end or stop that, otherwise what they always do.
struct Signals {
    usual: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
}

impl Signals {
    /// Installs the handlers once, because removing one would leave its signal without any effect.
    fn of_process() -> &'static Self {
        static SIGNALS: OnceLock<Signals> = OnceLock::new();
        SIGNALS.get_or_init(|| {
            let signals = Self {
                usual: Arc::new(AtomicBool::new(true)),
                ended: Arc::default(),
                stopped: Arc::default(),
            };
            let ends = [consts::SIGINT, consts::SIGTERM, consts::SIGHUP, consts::SIGQUIT];
            for (signal, flag) in ends
                .map(|signal| (signal, &signals.ended))
                .into_iter()
                .chain([(consts::SIGTSTP, &signals.stopped)])
            {
                // One that the system does not let us take does what it always does.
                let _ = flag::register_conditional_default(signal, Arc::clone(&signals.usual));
                let _ = flag::register(signal, Arc::clone(flag));
            }
            signals
        })
    }
}
