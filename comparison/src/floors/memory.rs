//! The peak memory of an unlock after the KDF, and the size of the file.

use std::fs;
use std::path::Path;

use super::at_size::AtSize;
use crate::child::{self, begin, note};
use crate::goals::Limit;
use crate::peer::{Kdf, Peer};
use crate::peers::aumbry::Aumbry;
use crate::result::Result;
use crate::tables::{amount, number, table, times};

const MIB: f64 = 1_048_576.0;

pub fn child(size: usize, folder: &Path) -> Result<()> {
    child::warm_up(&Aumbry, folder)?;
    let file = child::path(folder, &Aumbry, size, Kdf::Full);
    begin("peak");
    let peak = Aumbry.peak_of_open(&file)?;
    note("peak", peak as f64);
    note("bytes", fs::metadata(&file)?.len() as f64);
    Ok(())
}

/// Returns 1.3 times the payload plus 4 MiB.
fn allowed(one: &AtSize) -> Option<f64> {
    Some(one.median("bytes")? * 1.3 + 4.0 * MIB)
}

fn of_allowed(one: &AtSize) -> Option<f64> {
    Some(one.median("peak")? / allowed(one)?)
}

pub fn goals(all: &[AtSize]) -> String {
    let line = |one: &AtSize| {
        let what = format!("peak memory of unlocking {} records beyond the KDF", number(one.size));
        let allowed = amount(allowed(one)?);
        let of = format!("(1.3 x the payload + 4 MiB), here {allowed}");
        Some(Limit::AtMost(1.0).line(&what, &of, of_allowed(one)?))
    };
    all.iter().filter(|one| one.size >= 1_000).filter_map(line).collect()
}

pub fn tables(all: &[AtSize]) -> String {
    let titles =
        ["records", "x what is allowed", "x the file", "peak", "allowed", "file", "file, bytes a record"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for one in all {
        let or_dash = |shown: Option<String>| shown.unwrap_or_else(|| String::from("–"));
        rows.push(vec![
            number(one.size),
            or_dash(of_allowed(one).map(times)),
            one.shown_ratio("peak", "bytes"),
            one.shown("peak", amount),
            or_dash(allowed(one).map(amount)),
            one.shown("bytes", amount),
            one.shown("bytes", |bytes| format!("{:.0}", bytes / one.size as f64)),
        ]);
    }
    format!(
        "\n## Memory of an unlock beyond the KDF\n\n\
         How far resident memory rises above its start (VmHWM, reset through `clear_refs`) while the whole file is \
         read, verified, decrypted and indexed with the key-encryption key in memory. Allowed are 1.3 x the payload, \
         which is all of the file but some hundred bytes, and 4 MiB.\n\n{}",
        table(&rows)
    )
}
