//! The files of password managers: what becomes records, what is reported, what is refused, and what KeePass gets.

mod entries;
mod properties;
mod refused;
mod render;
mod samples;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::common::*;
use aumbry::interchange::Import;
use aumbry::storage::InMemory;
use aumbry::{CreateOptions, Credentials, ExposeSecret, NewRecord, OpenOptions, Vault};

const OTHER_KEY_ID: &str = "AKIAI44QH8DHBEXAMPLE";
const OTHER_SECRET: &str = "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY";
const SESSION_KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
const TOKEN: &str = "IQoJb3JpZ2luX2VjE<EXAMPLE>&TOKEN==";

/// 2026-11-23T04:05:06Z
fn time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_406_706)
}

/// All that a record holds, but for when the vault got it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Record {
    name: String,
    id: String,
    secret: String,
    token: Option<String>,
    expires: Option<SystemTime>,
    attributes: Vec<(String, String)>,
}

impl Record {
    fn of(credentials: &Credentials) -> Self {
        let attributes = credentials.attributes().map(|(key, value)| (key.into(), value.into()));
        Self {
            name: credentials.name().to_string(),
            id: credentials.access_key_id().into(),
            secret: credentials.secret_access_key().expose_secret().into(),
            token: credentials.session_token().map(|token| token.expose_secret().into()),
            expires: credentials.expires(),
            attributes: attributes.collect(),
        }
    }

    fn new(name: &str, id: &str, secret: &str) -> Self {
        let (name, id, secret) = (name.into(), id.into(), secret.into());
        Self { name, id, secret, token: None, expires: None, attributes: Vec::new() }
    }

    fn with(mut self, attributes: &[(&str, &str)]) -> Self {
        self.attributes = attributes.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        self
    }
}

/// A vault that costs little and stands nowhere.
fn vault() -> Vault {
    let options = OpenOptions::new().without_pin();
    let options = CreateOptions::new().kdf(cheap()).allow_kdf_below_floor().open_options(options);
    options.create_in(InMemory::new(), PASSPHRASE).unwrap()
}

thread_local! {
    static VAULT: Vault = vault();
}

/// What comes out of a vault that holds these drafts, in their order. They do not stay in it.
fn stored(drafts: &[NewRecord]) -> Vec<Credentials> {
    VAULT.with(|vault| {
        vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft))).unwrap();
        let found = drafts.iter().map(|draft| vault.get_credentials(draft.name().as_str()).unwrap().unwrap());
        let found = found.collect();
        vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.remove(draft.name().as_str()))).unwrap();
        found
    })
}

fn records(import: &Import) -> Vec<Record> {
    stored(&import.records).iter().map(Record::of).collect()
}

/// What an import says that it did not take.
fn reported(import: &Import) -> Vec<String> {
    let skipped = import.skipped.iter().map(ToString::to_string);
    skipped.chain(import.left_out.iter().map(ToString::to_string)).collect()
}

/// One entry of KeePass's XML, out of its fields; those whose name begins with `!` are protected.
fn keepass(fields: &[(&str, &str)]) -> String {
    let fields: String = fields
        .iter()
        .map(|(key, value)| match key.strip_prefix('!') {
            Some(key) => {
                format!("<String><Key>{key}</Key><Value ProtectInMemory=\"True\">{value}</Value></String>")
            }
            None => format!("<String><Key>{key}</Key><Value>{value}</Value></String>"),
        })
        .collect();
    format!("<KeePassFile><Root><Group><Name>Root</Name><Entry>{fields}</Entry></Group></Root></KeePassFile>")
}
