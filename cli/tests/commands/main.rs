//! The commands, from the terminal and from scripts.

#[path = "../common/mod.rs"]
mod common;
mod completions;
mod conflicts;
mod doctor;
mod exit_codes;
mod manual;
mod output;
mod passphrase;
mod people;
mod prompts;
mod readme;
mod records;
mod restore;
mod results;
