//! Completions and the manual page, made from the same description that parses the command line.

use clap::CommandFactory;

use crate::arguments::Arguments;
use crate::failure::{Failure, Outcome};
use crate::output::print;

pub(super) fn completions(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "aumbry", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(super) fn man() -> Outcome {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(Arguments::command());
    man.render(&mut page).map_err(|error| Failure::io("could not write the manual page", &error))?;
    print(&String::from_utf8_lossy(&page))
}
