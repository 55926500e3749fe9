//! What must hold for any bytes: nothing panics, nothing takes more memory than the bytes warrant, and what is accepted is
//! the same when it is written anew and read again.
//!
//! One function for each target in `fuzz_targets/`. `tests/corpus.rs` of the library runs the same functions over the
//! committed corpus, as a plain test.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "that is how a finding is reported"
)]

mod allocation;
mod importers;
mod planted;
mod vault;

pub use importers::{
    aws_profiles, bitwarden_json, config_edit, console_csv, credential_process, json, keepass_xml,
    keepassxc_csv, onepassword_csv,
};
pub use vault::{body, file, header};

/// What a target does with one input.
pub type Target = fn(&[u8]);

/// All targets, by the names of their folders in `corpus/`.
pub const TARGETS: [(&str, Target); 12] = [
    ("aws_profiles", aws_profiles),
    ("bitwarden_json", bitwarden_json),
    ("body", body),
    ("config_edit", config_edit),
    ("console_csv", console_csv),
    ("credential_process", credential_process),
    ("file", file),
    ("header", header),
    ("json", json),
    ("keepass_xml", keepass_xml),
    ("keepassxc_csv", keepassxc_csv),
    ("onepassword_csv", onepassword_csv),
];
