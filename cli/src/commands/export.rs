//! Exports records in plaintext for other programs.

use std::collections::BTreeSet;

use aumbry::interchange::{env_file, json, keepass_xml, profiles};
use aumbry::{Credentials, ExposeSecret, Vault};
use serde_json::json;

use super::records::credentials;
use crate::arguments::transfer::{Export, ExportFormat};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::{self, print, stdout_is_terminal, write_new};

pub(super) fn export(session: &Context, export: &Export) -> Outcome {
    if matches!(export.format, ExportFormat::Env) && export.names.len() != 1 {
        return Err(Failure::usage("an env file holds one record: name it, and no other")
            .advise("for instance: aumbry export s3-uploads --format env --plaintext -o s3-uploads.env"));
    }
    if !export.plaintext {
        return Err(Failure::refused("an export holds secrets in plaintext")
            .advise("add --plaintext if that is what you want"));
    }
    if export.output.is_none() && stdout_is_terminal() {
        return Err(Failure::refused("an export is never written to a terminal")
            .advise("name a file with -o, or pipe it"));
    }
    let vault = session.open()?;
    let records = chosen(&vault, &export.names)?;
    let text = match (export.format, records.as_slice()) {
        (ExportFormat::Json, records) => json::render_all_with_secrets(records)?,
        (ExportFormat::AwsProfiles, records) => profiles::render(records)?,
        (ExportFormat::KeepassXml, records) => keepass_xml::render(records)?,
        (ExportFormat::Env, [record, ..]) => env_file::render(record)?,
        (ExportFormat::Env, []) => return Err(Failure::unexpected("there is no record to write")),
    };
    match &export.output {
        None => {
            print(text.expose_secret())?;
            print(if text.expose_secret().ends_with('\n') { "" } else { "\n" })
        }
        Some(path) => {
            write_new(path, text.expose_secret().as_bytes())?;
            let note =
                format!("Wrote {} to {}, in plaintext.", output::records(records.len()), path.display());
            session.done(&note, &json!({ "path": path, "records": records.len() }))
        }
    }
}

/// Returns the records of these names, or all records, in the order of their names.
fn chosen(vault: &Vault, names: &[String]) -> Outcome<Vec<Credentials>> {
    if !names.is_empty() {
        let names: BTreeSet<_> = names.iter().collect();
        return names.into_iter().map(|name| credentials(vault, name)).collect();
    }
    vault.records()?.map(|entry| credentials(vault, entry.name())).collect()
}
