//! A program that embeds aumbry: makes a vault with the default parameters, or unlocks vaults and reports how
//! long it took.

use aumbry::{NewRecord, Vault};

const PASSPHRASE: &str = "correct horse battery staple";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", path, records] => make(path, records.parse()?),
        ["unlock", ref paths @ ..] => paths.iter().try_for_each(|path| unlock(path)),
        _ => Err("make FILE RECORDS, or unlock FILE...".into()),
    }
}

fn make(path: &str, records: usize) -> Result<(), Box<dyn std::error::Error>> {
    let vault = Vault::create(path, PASSPHRASE)?;
    vault.edit(|edit| {
        (0..records).try_for_each(|n| {
            let secret = format!("{:0>40}", n * 7919); // the content does not matter
            edit.add(&NewRecord::new_static(format!("record-{n}"), &format!("AKIA{n:0>16}"), secret)?)
        })
    })?;
    Ok(())
}

/// Prints the microseconds of the key derivation and of everything else.
fn unlock(path: &str) -> Result<(), Box<dyn std::error::Error>> {
    let vault = Vault::open(path, PASSPHRASE)?;
    let time = vault.unlock_time().ok_or("this vault was not unlocked")?;
    println!("{} {}", time.kdf.as_micros(), (time.whole - time.kdf).as_micros());
    Ok(())
}
