//! Copies of the vault.

use std::path::Path;

use serde_json::json;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::{records, write_new};

/// Writes the vault's sealed bytes to a new file, once all of them are known to be sound.
pub(super) fn backup(context: &Context, target: &Path) -> Outcome {
    const ATTEMPTS: u32 = 5;
    let path = context.path()?;
    let vault = context.open()?;
    let read = || {
        std::fs::read(&path)
            .map_err(|error| Failure::io(format!("could not read {}", path.display()), &error))
    };
    for _ in 0..ATTEMPTS {
        let bytes = read()?;
        let verified = context.waiting("Verifying", || vault.verify())?;
        // Another program may have saved between reading and verifying: what is copied is what was verified.
        if read()? != bytes {
            continue;
        }
        write_new(target, &bytes)?;
        let note = format!(
            "Wrote {}, generation {}, to {}. It opens with the current passphrases.",
            records(verified.records),
            verified.generation,
            target.display()
        );
        let result =
            json!({ "path": target, "records": verified.records, "generation": verified.generation });
        return context.done(&note, &result);
    }
    Err(Failure::conflict("the vault is changed faster than it can be copied: try again"))
}
