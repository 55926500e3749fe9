//! Targets for the files that records are imported from.

use std::collections::BTreeSet;

use aumbry::interchange::profiles::FileKind;
use aumbry::interchange::{
    self, Import, console_csv as console, env_file, json as our_json, keepass_xml as keepass, profiles,
};
use aumbry::testing::{Forge, fuzzing};
use aumbry::{Credentials, ErrorKind, ExposeSecret, NewRecord, Result};

use super::allocation::within;
use super::planted::{self, Bug};

/// The name for a record whose file does not contain one.
const NAME: &str = "name";

/// CSV files of the IAM console.
pub fn console_csv(input: &[u8]) {
    if let Ok(import) = within(8 * 1024, 96, input.len(), || console::parse(input, Some(NAME))) {
        check(&import.records);
    }
}

/// AWS's shared files: one, or two separated by a line `----`. The first byte says which kinds they are.
pub fn aws_profiles(input: &[u8]) {
    let Some((kinds, content)) = input.split_first() else { return };
    let kind = |bit| if kinds & bit == 0 { FileKind::Credentials } else { FileKind::Config };
    let divider = b"\n----\n";
    let divided = content.windows(divider.len()).position(|window| window == divider);
    let mut files = vec![(kind(1), content)];
    if let Some(at) = divided {
        files = vec![(kind(1), &content[..at]), (kind(2), &content[at + divider.len()..])];
    }
    let _ = profiles::stronger_than_process(&files);
    files.iter().for_each(|(_, content)| _ = FileKind::of("x", content));
    if let Ok(import) = within(8 * 1024, 96, input.len(), || profiles::parse(&files)) {
        check(&import.records);
    }
}

/// Sets one property in a config file. The first three lines of the input are profile, key and value.
pub fn config_edit(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (profile, key, value, config) = (line(), line(), line(), line());
    let set = |config| profiles::set_properties(config, profile, &[(key, value)]);
    let Ok(edited) = within(8 * 1024, 64, input.len(), || set(config)) else { return };
    let edited = edited.expose_secret();
    assert_eq!(set(edited).unwrap().expose_secret(), edited, "what is set already was set again");
    if let Some(found) = property(edited, profile, key) {
        assert_eq!(found, value, "the value is another");
    }
    // Everything else must be read as before.
    let others = |text: &str| {
        let import = profiles::parse(&[(FileKind::Config, text.as_bytes())]).ok()?;
        let drafts =
            import.records.iter().filter(|draft| draft.name().as_str() != profile).map(fuzzing::credentials);
        let skipped =
            import.skipped.iter().filter(|skipped| skipped.name.as_deref() != Some(profile)).cloned();
        Some((drafts.collect::<Vec<_>>(), skipped.collect::<Vec<_>>()))
    };
    if let (Some(before), Some(after)) = (others(config), others(edited)) {
        assert!(
            before.0.iter().zip(&after.0).all(|(one, other)| same(one, other)),
            "another profile changed"
        );
        assert_eq!((before.0.len(), before.1), (after.0.len(), after.1), "another profile came or went");
    }
}

/// Returns the value of this profile's property if a credentials file gives the profile a key. `None` if the
/// profile or property cannot become a record and an attribute.
fn property(config: &str, profile: &str, key: &str) -> Option<String> {
    let key = key.to_ascii_lowercase();
    let credentials = format!("[{profile}]\naws_access_key_id = A\naws_secret_access_key = B\n");
    let files = [(FileKind::Config, config.as_bytes()), (FileKind::Credentials, credentials.as_bytes())];
    let import = profiles::parse(&files).ok()?;
    let draft = import.records.iter().find(|draft| draft.name().as_str() == profile)?;
    let of_the_pair = key.starts_with("aws_");
    let found = fuzzing::credentials(draft).attribute(&key).map(Into::into);
    if of_the_pair { None } else { Some(found.unwrap_or_default()) }
}

/// aumbry's own JSON.
pub fn json(input: &[u8]) {
    if let Ok(import) = within(8 * 1024, 96, input.len(), || our_json::parse(input, Some(NAME))) {
        check(&import.records);
    }
}

/// The output of a credential process, which `add --from-json` reads.
pub fn credential_process(input: &[u8]) {
    use aumbry::interchange::credential_process::{parse, render};
    if let Ok(draft) = within(8 * 1024, 96, input.len(), || parse(input, NAME)) {
        let written = render(&fuzzing::credentials(&draft)).unwrap();
        let again = parse(written.expose_secret().as_bytes(), NAME).unwrap();
        assert!(same(&fuzzing::credentials(&again), &fuzzing::credentials(&draft)));
        check(&[draft]);
    }
}

pub fn keepass_xml(input: &[u8]) {
    manager(input, interchange::keepass_xml::parse);
}

pub fn keepassxc_csv(input: &[u8]) {
    manager(input, interchange::keepassxc_csv::parse);
}

pub fn bitwarden_json(input: &[u8]) {
    manager(input, interchange::bitwarden_json::parse);
}

pub fn onepassword_csv(input: &[u8]) {
    manager(input, interchange::onepassword_csv::parse);
}

/// The file of a password manager.
fn manager(input: &[u8], parse: fn(&[u8]) -> Result<Import>) {
    let Ok(import) = within(16 * 1024, 128, input.len(), || parse(input)) else { return };
    let remarks = import.skipped.iter().map(ToString::to_string);
    let mut remarks = remarks.chain(import.left_out.iter().map(ToString::to_string));
    assert!(remarks.all(|remark| !remark.is_empty()));
    check(&import.records);
}

/// Checks that records stay the same when they are written in any format that can represent them and read
/// again, and that a vault can store them.
fn check(drafts: &[NewRecord]) {
    let records: Vec<_> = drafts.iter().map(fuzzing::credentials).collect();
    for record in &records {
        let written = our_json::render_with_secret(record).unwrap();
        let again = read(written.expose_secret());
        assert!(equal(&again, std::slice::from_ref(record)), "a record is another in our JSON");
        if let Ok(written) = env_file::render(record) {
            let lines = written.expose_secret().lines().count();
            assert!((2..=7).contains(&lines), "{lines} variables");
        }
    }
    let names: BTreeSet<_> = records.iter().map(Credentials::name).collect();
    if names.len() == records.len() {
        let written = our_json::render_all_with_secrets(&records).unwrap();
        let again = read(written.expose_secret());
        assert!(equal(&again, &records), "the records are others in our JSON");
        if let Ok(written) = profiles::render(&records) {
            let import =
                profiles::parse(&[(FileKind::Credentials, written.expose_secret().as_bytes())]).unwrap();
            assert!(import.skipped.is_empty());
            let again: Vec<_> = import.records.iter().map(fuzzing::credentials).collect();
            let equal = again.iter().zip(&records).all(|(again, record)| same_but_for_expiry(again, record));
            assert!(equal && again.len() == records.len(), "the records are others in a credentials file");
        }
        store(drafts);
    }
    if let Ok(written) = keepass::render(&records) {
        let import = keepass::parse(written.expose_secret().as_bytes()).unwrap();
        assert!(import.skipped.is_empty() && import.left_out.is_empty());
        assert!(equal(&import.records, &records), "the records are others in KeePass XML");
    }
}

/// Reads aumbry's JSON. If the bug `Ascii` is planted, loses characters that are not ASCII.
fn read(written: &str) -> Vec<NewRecord> {
    let drafts = our_json::parse(written.as_bytes(), None).unwrap().records;
    if !planted::has(Bug::Ascii) {
        return drafts;
    }
    let altered = drafts.into_iter().map(|draft| {
        let record = fuzzing::credentials(&draft);
        if record.session_token().is_some()
            || record.expires().is_some()
            || record.attributes().next().is_some()
        {
            return draft;
        }
        let secret = record.secret_access_key().expose_secret();
        let secret: String = secret.chars().filter(|c| matches!(c, ' '..='~')).collect();
        NewRecord::new_static(draft.name(), draft.access_key_id(), secret).unwrap_or(draft)
    });
    altered.collect()
}

fn equal(drafts: &[NewRecord], records: &[Credentials]) -> bool {
    drafts.len() == records.len()
        && drafts.iter().map(fuzzing::credentials).zip(records).all(|(again, record)| same(&again, record))
}

/// Returns whether two records are the same, except for the times at which a vault got them.
pub(crate) fn same(one: &Credentials, other: &Credentials) -> bool {
    one.expires() == other.expires() && same_but_for_expiry(one, other)
}

fn same_but_for_expiry(one: &Credentials, other: &Credentials) -> bool {
    let token = |record: &Credentials| record.session_token().map(|token| token.expose_secret().to_owned());
    one.name() == other.name()
        && one.provider() == other.provider()
        && one.access_key_id() == other.access_key_id()
        && one.secret_access_key().expose_secret() == other.secret_access_key().expose_secret()
        && token(one) == token(other)
        && one.attributes().eq(other.attributes())
}

/// Stores the records in a vault, unless one is too long for it, and checks the vault's body.
fn store(drafts: &[NewRecord]) {
    let stored = drafts.iter().try_fold(Forge::new(1), |forge, draft| forge.record(draft, 0, 0));
    match stored.and_then(|forge| forge.body()) {
        Ok(body) => assert_eq!(fuzzing::body(&body).unwrap(), body),
        Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}"),
    }
}
