//! The console: stdin and stderr have to be it. Its keys are read one by one, which neither echoes them nor keeps
//! them in a line buffer; a library that reads keys into a queue of its own would keep the last ones of a passphrase.

use std::io::IsTerminal;

use console::{Key, Term};
use zeroize::Zeroizing;

use super::keys::{BACKSPACE, CTRL_C, MAX_LINE, cancelled, lost};
use crate::failure::{Failure, Outcome};
use crate::secret::SecretBytes;

pub(super) struct Device {
    term: Term,
}

impl Device {
    pub(super) fn open() -> Option<Self> {
        let term = Term::stderr();
        (term.is_term() && std::io::stdin().is_terminal()).then_some(Self { term })
    }

    pub(super) fn say(&mut self, text: &str) -> Outcome {
        self.term.write_str(text).map_err(|error| lost(&error))
    }

    /// A line that is shown while it is typed.
    pub(super) fn line(&mut self) -> Outcome<SecretBytes> {
        let mut keys = self.keys()?;
        let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
        loop {
            match keys.next()? {
                b'\r' | b'\n' => break,
                CTRL_C => {
                    self.say("\n")?;
                    return Err(cancelled());
                }
                BACKSPACE => {
                    if line.pop().is_some() {
                        self.term.clear_chars(1).map_err(|error| lost(&error))?;
                    }
                }
                typed if typed.is_ascii_graphic() && line.len() < MAX_LINE => {
                    line.push(typed);
                    self.say(&char::from(typed).to_string())?;
                }
                _ => {}
            }
        }
        self.say("\n")?;
        Ok(line)
    }

    pub(super) fn keys(&mut self) -> Outcome<Keys> {
        Ok(Keys { term: self.term.clone(), letter: Zeroizing::new([0; 4]), rest: 0..0 })
    }
}

/// Bytes as they are typed: letters as UTF-8, the other keys as the bytes that terminals elsewhere give for them.
pub(super) struct Keys {
    term: Term,
    letter: Zeroizing<[u8; 4]>,
    /// Which bytes of the letter are still to be given.
    rest: std::ops::Range<usize>,
}

impl Keys {
    pub(super) fn next(&mut self) -> Outcome<u8> {
        loop {
            if let Some(at) = self.rest.next() {
                return Ok(self.letter.get(at).copied().unwrap_or_default());
            }
            // Raw, so that Ctrl-C is a key: the question ends, and the console is as it was before.
            match self.term.read_key_raw() {
                Ok(Key::Enter) => return Ok(b'\r'),
                Ok(Key::Backspace) => return Ok(BACKSPACE),
                Ok(Key::CtrlC) => return Ok(CTRL_C),
                Ok(Key::Tab) => return Ok(b'\t'),
                Ok(Key::Char(letter)) => {
                    self.rest = 0..letter.encode_utf8(self.letter.as_mut_slice()).len();
                }
                Ok(_) => {} // arrows and the like
                Err(error) => {
                    // A terminal of Cygwin or MSYS passes for one, but has no keys to read.
                    return Err(Failure::input_needed(format!("this terminal cannot be asked: {error}"))
                        .advise(
                            "use a console window, or give it by a file or a command: see `aumbry --help`",
                        ));
                }
            }
        }
    }

    /// Nothing stops a program here.
    pub(super) fn stop(&self) -> Outcome {
        Ok(())
    }
}
