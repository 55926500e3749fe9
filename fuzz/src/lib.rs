//! The fuzz targets, and what must hold for any bytes: nothing panics, memory is bounded by the input's
//! length, and accepted input is the same after it is encoded again and read back.
//!
//! Each target in `fuzz_targets/` has one function here. `tests/corpus.rs` of the library runs the same
//! functions over the committed corpus, as a plain test.
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

/// Runs one input through a target.
pub type Target = fn(&[u8]);

/// All targets, with the names of their folders in `corpus/`.
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
