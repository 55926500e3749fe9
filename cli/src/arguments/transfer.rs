//! What comes in from other programs' files, and what goes out to them.

use std::path::PathBuf;

use aumbry::interchange::Format;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

#[derive(Args)]
pub(crate) struct Import {
    /// Files to import; - is stdin
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What the record is called, if there is only one
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What the files are [default: told by their content]
    #[arg(long, value_parser = format_parser())]
    pub(crate) format: Option<Format>,
    /// What to do where the vault has a record of the name
    #[arg(long, value_enum, default_value_t)]
    pub(crate) on_conflict: OnConflict,
    /// Show what would happen, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Parses the name of an import format. The table in the library has the names and their descriptions.
fn format_parser() -> impl TypedValueParser<Value = Format> {
    // In the table, the formats that most files have come last.
    let formats = || Format::ALL.iter().rev().copied();
    let names = formats().map(|format| PossibleValue::new(format.name()).help(format.description()));
    PossibleValuesParser::new(names)
        .try_map(move |name| formats().find(|format| format.name() == name).ok_or("unknown format"))
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum OnConflict {
    /// Import nothing at all
    #[default]
    Fail,
    /// Leave the vault's record
    Skip,
    /// Take the new one
    Replace,
    /// Keep both, the new one as NAME-2
    Rename,
}

#[derive(Args)]
pub(crate) struct Export {
    /// Which records [default: all]; for env exactly one
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// How they are written
    #[arg(long, value_enum)]
    pub(crate) format: ExportFormat,
    /// Yes, in plaintext
    #[arg(long)]
    pub(crate) plaintext: bool,
    /// The new file to write, for its owner alone
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Everything, as `aumbry import` reads it again
    Json,
    /// As ~/.aws/credentials
    AwsProfiles,
    /// NAME=VALUE lines that set one record in the environment of a program
    Env,
    /// For KeePass and KeePassXC, with every field
    KeepassXml,
}
