//! The terminal itself, not what stdin and stdout happen to be: questions, and secrets that are not shown.

mod keys;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use zeroize::Zeroizing;

use self::keys::{BACKSPACE, CTRL_BACKSLASH, CTRL_C, CTRL_D, CTRL_U, CTRL_Z, DELETE, MAX_LINE, cancelled};
use crate::failure::{Failure, Outcome};
use crate::secret::SecretBytes;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(crate) struct Terminal {
    device: system::Device,
}

impl Terminal {
    /// The controlling terminal, or `None` where there is none.
    pub(crate) fn open() -> Option<Self> {
        system::Device::open().map(|device| Self { device })
    }

    /// Asks for a secret; what is typed is not shown.
    pub(crate) fn ask_secret(&mut self, prompt: &str) -> Outcome<SecretBytes> {
        // First, because the terminal would show and then discard what is typed as soon as the question appears.
        let mut keys = self.device.keys()?;
        self.device.say(prompt)?;
        let line = read_line(&mut keys);
        drop(keys);
        self.device.say("\n")?;
        line
    }

    /// Asks for a line of text, which is shown while it is typed.
    pub(crate) fn ask(&mut self, prompt: &str) -> Outcome<String> {
        self.device.say(prompt)?;
        let line = self.device.line()?;
        let text = std::str::from_utf8(&line).map_err(|_| Failure::usage("what was typed is not UTF-8"))?;
        match text.trim() {
            "" => Err(cancelled()),
            text => Ok(text.to_owned()),
        }
    }

    /// Asks a question whose answer is yes only if it begins with y.
    pub(crate) fn confirm(&mut self, question: &str) -> Outcome<bool> {
        self.device.say(&format!("{question} [y/N] "))?;
        Ok(matches!(self.device.line()?.first(), Some(b'y' | b'Y')))
    }
}

/// One line, byte by byte: the terminal edits nothing for us, so that its own buffer keeps nothing.
fn read_line(keys: &mut system::Keys) -> Outcome<SecretBytes> {
    let mut line = Zeroizing::new(vec![0; MAX_LINE]);
    let mut len = 0;
    loop {
        match keys.next()? {
            b'\r' | b'\n' => break,
            CTRL_C | CTRL_D | CTRL_BACKSLASH => return Err(cancelled()),
            CTRL_Z => keys.stop()?,
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
            control if control < b' ' && control != b'\t' => {
                return Err(Failure::usage("a key was typed that writes no letter, such as an arrow").advise(
                    "type again; what holds control characters is given by a file, a descriptor or a command",
                ));
            }
            typed => match line.get_mut(len) {
                Some(place) => {
                    *place = typed;
                    len += 1;
                }
                None => {
                    return Err(Failure::usage(format!("a line must not be longer than {MAX_LINE} bytes")));
                }
            },
        }
    }
    line.truncate(len);
    Ok(line)
}
