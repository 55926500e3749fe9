//! What a command prints: straight to the descriptor, for the library's own buffer would keep a secret.

use std::io::IsTerminal;

use rustix::io::Errno;

use crate::failure::{Failure, Outcome};

/// Writes all of `text` to stdout. A reader that went away is no error: the command ends quietly.
pub(crate) fn print(text: &str) -> Outcome {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::PIPE) => return Err(Failure::silent()),
            Err(error) => return Err(Failure::io("could not write to stdout", &error.into())),
        }
    }
    Ok(())
}

/// A line to stderr for the person at the terminal, unless they asked for quiet.
pub(crate) fn note(quiet: bool, text: &str) {
    if !quiet {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes());
    }
}

pub(crate) fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}
