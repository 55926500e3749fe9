//! Tests of aumbry against what AWS publishes and runs itself. This is what they share.
#![forbid(unsafe_code)]

pub mod keys;
pub mod s3_server;

use std::path::Path;

use aumbry::storage::InMemory;
use aumbry::{
    CreateOptions, Credentials, KdfParameters, Lanes, MemoryKib, NewRecord, OpenOptions, Passes, Result,
    Vault,
};

/// A vault in memory that is quick to make, and never to be trusted with a secret.
///
/// # Errors
/// If the system has no memory for it.
pub fn vault() -> Result<Vault> {
    cheapest()?.create_in(InMemory::new(), "passphrase")
}

/// Such a vault in a file.
///
/// # Errors
/// As [`CreateOptions::create`].
pub fn vault_at(path: &Path) -> Result<Vault> {
    cheapest()?.create(path, "passphrase")
}

fn cheapest() -> Result<CreateOptions> {
    let cheapest = KdfParameters::new(MemoryKib::MIN, Passes::MIN, Lanes::MIN)?;
    let options = CreateOptions::new().kdf(cheapest).allow_kdf_below_floor();
    Ok(options.open_options(OpenOptions::new().without_pin()))
}

/// What becomes of drafts in a vault, in the same order. They do not stay in it.
///
/// # Errors
/// If one of them is refused.
pub fn records(vault: &Vault, drafts: &[NewRecord]) -> Result<Vec<Credentials>> {
    vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft)))?;
    let found = drafts.iter().filter_map(|draft| vault.get_credentials(draft.name().as_str()).transpose());
    let found = found.collect::<Result<Vec<_>>>()?;
    vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.remove(draft.name().as_str())))?;
    Ok(found)
}

/// The examples of the book that need the AWS SDK are compiled with these tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/aws-clients.md")]
struct AwsClients;
