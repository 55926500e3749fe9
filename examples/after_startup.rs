//! A program that signs with credentials from a vault: an administrator fills the vault once, the program opens
//! it after start-up and then asks for credentials by name, anywhere.
//!
//! `cargo run --release -p aumbry-examples`

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use aumbry::interchange::console_csv;
use aumbry::{CreateOptions, OpenOptions, UnlockTime, startup};

/// Only for show. A real program asks its user, or reads a file that only it may read.
const PASSPHRASE: &str = "correct horse battery staple";
/// What the IAM console lets you download when it makes access keys.
const CONSOLE_CSV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/console.csv");

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("credentials.aumbry");
    // What this machine remembers of the vault usually goes to ~/.local/state/aumbry. An example leaves no trace.
    let options = OpenOptions::new().state_folder(folder.path().join("state"));

    fill_vault(&path, &options)?;
    run_program(&path, &options)?;
    Ok(())
}

/// What an administrator does once.
fn fill_vault(path: &Path, options: &OpenOptions) -> aumbry::Result<()> {
    let vault = CreateOptions::new().open_options(options.clone()).create(path, PASSPHRASE)?;
    let import = console_csv::read(CONSOLE_CSV, None)?;
    vault.edit(|edit| import.records.iter().try_for_each(|record| edit.add(record)))?; // all of them or none
    println!("Made a vault and imported {} users from the IAM console's CSV file.", import.records.len());
    Ok(())
} // the keys are wiped here

/// What the program does each time it runs.
fn run_program(path: &Path, options: &OpenOptions) -> aumbry::Result<()> {
    // First of all: no core dumps, no debugger.
    aumbry::harden_process()?;

    // `ErrorKind::WrongPassphrase` means: ask again.
    startup::after_startup(|| options.clone().open(path, PASSPHRASE))?;

    // From here on, anywhere in the program:
    let (found, first_lookup) = timed(|| startup::get_credentials("s3-uploads"));
    match found? {
        // `secret_access_key().expose_secret()` is what a signer takes, and what no program prints.
        Some(credentials) => println!("s3-uploads: would sign as {}.", credentials.access_key_id()),
        None => println!("s3-uploads: no such record."),
    }
    if startup::get_credentials("s3-downloads")?.is_none() {
        println!("s3-downloads: no such record, so nothing to do. That is not an error.");
    }

    let vault = startup::vault()?;
    let names: Vec<_> = vault.records()?.map(|entry| entry.name().to_owned()).collect();
    println!("The vault holds: {}.", names.join(", "));
    println!("How the keys are guarded: {}.", vault.memory_protection()?);
    for advice in vault.advice()? {
        println!("Advice: {advice}.");
    }

    const LOOKUPS: u32 = 100_000;
    let (looked_up, lookups) =
        timed(|| (0..LOOKUPS).try_for_each(|_| startup::get_credentials("s3-uploads").map(drop)));
    looked_up?;
    println!();
    if let Some(UnlockTime { kdf, whole, .. }) = vault.unlock_time() {
        println!("Unlocking took        {whole:>9.1?}");
        println!("  deriving the key    {kdf:>9.1?}  with Argon2id: what each guess at the passphrase costs");
        println!("  all the rest        {:>9.1?}  reading, verifying, decrypting, indexing", whole - kdf);
    }
    println!("The first look-up     {first_lookup:>9.1?}");
    println!("Each of {LOOKUPS} more   {:>9.1?}  decrypting that one secret each time", lookups / LOOKUPS);

    // A vault in a static is never dropped: lock it to wipe the keys before the program ends.
    vault.lock();
    Ok(())
}

fn timed<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
