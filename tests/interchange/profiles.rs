//! The shared files of AWS, from their bytes into a vault and back, and edited in place.

mod edit;
mod stronger;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use crate::common::*;
use aumbry::interchange::profiles::{FileKind, parse, read, render, set_properties};
use aumbry::interchange::{Import, SkipReason};
use aumbry::storage::InMemory;
use aumbry::{CreateOptions, Credentials, ErrorKind, ExposeSecret, NewRecord, OpenOptions, Result, Vault};
use proptest::prelude::*;

const OTHER_KEY_ID: &str = "AKIAI44QH8DHBEXAMPLE";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE//token+=";

/// Everything a record holds but its times: name, key id, secret, token, attributes.
type Facts = (String, String, String, Option<String>, BTreeMap<String, String>);

fn facts(record: &Credentials) -> Facts {
    (
        record.name().to_string(),
        record.access_key_id().into(),
        record.secret_access_key().expose_secret().into(),
        record.session_token().map(|token| token.expose_secret().into()),
        record.attributes().map(|(key, value)| (key.into(), value.into())).collect(),
    )
}

/// Puts drafts into a vault and takes the records out of it again, in the same order.
fn through_a_vault(drafts: &[NewRecord]) -> Vec<Credentials> {
    static VAULT: OnceLock<Mutex<Vault>> = OnceLock::new();
    let vault = VAULT.get_or_init(|| {
        let options = CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
        let options = options.open_options(OpenOptions::new().without_pin());
        Mutex::new(options.create_in(InMemory::new(), PASSPHRASE).unwrap())
    });
    let vault = vault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    vault
        .edit(|edit| {
            drafts.iter().try_for_each(|draft| edit.put(draft))?;
            Ok(())
        })
        .unwrap();
    let get = |draft: &NewRecord| vault.get_credentials(draft.name().as_str()).unwrap().unwrap();
    let records = drafts.iter().map(get).collect();
    let names: BTreeSet<_> = drafts.iter().map(|draft| draft.name().as_str()).collect();
    vault.edit(|edit| names.iter().try_for_each(|name| edit.remove(name))).unwrap();
    records
}

fn all_facts(import: &Import) -> Vec<Facts> {
    through_a_vault(&import.records).iter().map(facts).collect()
}

fn credentials(text: impl AsRef<[u8]>) -> Result<Import> {
    parse(&[(FileKind::Credentials, text.as_ref())])
}

fn config(text: impl AsRef<[u8]>) -> Result<Import> {
    parse(&[(FileKind::Config, text.as_ref())])
}

fn both(credentials: &str, config: &str) -> Result<Import> {
    parse(&[(FileKind::Credentials, credentials.as_bytes()), (FileKind::Config, config.as_bytes())])
}

/// The lines of a key, as they stand in a file.
fn key() -> String {
    format!("aws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n")
}

fn with_attributes(name: &str, attributes: &[(&str, &str)]) -> Facts {
    let attributes = attributes.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    (name.into(), KEY_ID.into(), SECRET.into(), None, attributes)
}

fn plain(name: &str) -> Facts {
    with_attributes(name, &[])
}

fn skipped(import: &Import) -> Vec<(&str, SkipReason)> {
    import.skipped.iter().map(|skipped| (skipped.name.as_deref().unwrap(), skipped.reason)).collect()
}

fn shows_a_secret(said: &str) -> bool {
    said.contains(&SECRET[..8]) || said.contains(&TOKEN[..8]) // also one that was cut
}

/// What a refusal says: of the right kind, and without a trace of any secret.
fn refusal<T>(result: Result<T>, kind: ErrorKind) -> String {
    let error = result.err().unwrap();
    assert_eq!(error.kind(), kind, "{error}");
    let said = everything_said(&error);
    assert!(!shows_a_secret(&said), "a secret is shown: {said}");
    error.to_string()
}

#[test]
fn a_profile_of_the_credentials_file_becomes_a_record() {
    let import = credentials(format!("[s3-uploads]\n{}", key())).unwrap();
    assert_eq!(all_facts(&import), [plain("s3-uploads")]);
    assert!(import.skipped.is_empty());
}

#[test]
fn a_profile_of_the_config_file_has_the_word_before_its_name_and_default_need_not() {
    let text = format!(
        "[default]\n{key}[profile a]\n{key}[ profile\tb ]\n{key}[profile \"in quotes\"]\n{key}[profile 'c']\n{key}",
        key = key()
    );
    let names = ["default", "a", "b", "in quotes", "c"].map(plain);
    assert_eq!(all_facts(&config(text).unwrap()), names);
    assert_eq!(all_facts(&config(format!("[profile default]\n{}", key())).unwrap()), [plain("default")]);
}

#[test]
fn other_sections_of_the_config_file_are_passed_over() {
    let text = format!(
        "[sso-session corporate]\nsso_region = us-east-1\n\n[services local]\ns3 =\n  endpoint_url = http://[::1]:9000\n\
         [plugins]\ncli_legacy_plugin_path = /opt\n[profile a]\n{}services = local\n",
        key()
    );
    let import = config(text).unwrap();
    assert_eq!(all_facts(&import), [with_attributes("a", &[("services", "local")])]);
    assert_eq!(skipped(&import), []);
}

#[test]
fn a_key_under_a_section_that_aws_does_not_read_is_reported() {
    let import = config(format!("[a]\n{}", key())).unwrap();
    assert_eq!((import.records.len(), skipped(&import)), (0, vec![("a", SkipReason::NotRead)]));
    let import = config(format!("[profile two words]\n{}", key())).unwrap();
    assert_eq!(skipped(&import), [("profile two words", SkipReason::NotRead)]);
    let import = credentials(format!("[profile a]\n{}[b]\n{}", key(), key())).unwrap();
    assert_eq!(skipped(&import), [("profile a", SkipReason::NotRead)]);
    assert_eq!(all_facts(&import), [plain("b")]);
    let import = config(format!("[default]\n{}[profile default]\nregion = eu-central-1\n", key())).unwrap();
    assert_eq!(skipped(&import), [("default", SkipReason::NotRead), ("default", SkipReason::NoKeySource)]);
}

#[test]
fn secrets_come_back_byte_for_byte() {
    for secret in [
        SECRET,
        "/+=#;/+=#;/+=#;/+=#;/+=#;/+=#;/+=#;/+=#;",
        "====",
        "a#b;c",
        "\"quoted\"",
        "'quoted'",
        "back\\slash\\n%41${HOME}",
        "spaces  and\ttabs inside",
        "[bracketed]",
        "schlüssel-鍵-🔑",
    ] {
        for line in [
            format!("={secret}"),
            format!("= {secret}"),
            format!(" \t= \t{secret} \t"),
            format!("={secret} # x"),
        ] {
            let text = format!("[a]\naws_access_key_id={KEY_ID}\naws_secret_access_key{line}\n");
            for text in [text.clone(), text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
                let found = all_facts(&credentials(&text).unwrap());
                assert_eq!(found.first().map(|facts| facts.2.as_str()), Some(secret), "{text:?}");
            }
        }
    }
    let text = format!("[a]\naws_access_key_id={KEY_ID}\naws_secret_access_key=#begins-like-a-comment\n");
    assert_eq!(all_facts(&credentials(text).unwrap())[0].2, "#begins-like-a-comment");
}

#[test]
fn comments_begin_a_line_or_follow_white_space() {
    let text = format!(
        "# [commented]\n; aws_access_key_id = x\n[a] # named\n  # indented\n{}region = eu-central-1 ; Frankfurt # and more\n\
         output = json#text;yaml\nnote =\t# nothing\n\t; indented\n[b];\n{}",
        key(),
        key()
    );
    let attributes = [("region", "eu-central-1"), ("output", "json#text;yaml"), ("note", "")];
    assert_eq!(all_facts(&credentials(text).unwrap()), [with_attributes("a", &attributes), plain("b")]);
}

#[test]
fn simple_properties_become_attributes_with_their_key_in_lower_case() {
    let text = format!(
        "[a]\n{}Region = eu-central-1\nendpoint_url = https://s3.example.com:9000/a=b\nrole_arn=\nin valid = x\nschlüssel = x\n",
        key().replace("aws_access", "AWS_Access")
    );
    let attributes =
        [("region", "eu-central-1"), ("endpoint_url", "https://s3.example.com:9000/a=b"), ("role_arn", "")];
    assert_eq!(all_facts(&credentials(text).unwrap()), [with_attributes("a", &attributes)]);
}

#[test]
fn nested_and_continued_properties_do_not_spill_into_their_profile() {
    let text = format!(
        "[profile a]\ns3 =\n  region = nested\n  # indented comment\n\n  aws_access_key_id = nested\nregion = eu-central-1\n\
         output = json\n  continued = yes\n{}  \n\t; indented comment\n",
        key()
    );
    let import = config(text).unwrap();
    assert_eq!(all_facts(&import), [with_attributes("a", &[("region", "eu-central-1")])]);
    // The last one of a key counts, of whatever form it is.
    let text = format!(
        "[profile a]\n{}region = us-east-1\nregion =\n  x = y\noutput =\n  x = y\noutput = text\n",
        key()
    );
    assert_eq!(all_facts(&config(text).unwrap()), [with_attributes("a", &[("output", "text")])]);
}

#[test]
fn sections_of_one_name_merge_and_the_last_value_counts() {
    let text = format!(
        "[a]\naws_access_key_id = {OTHER_KEY_ID}\nregion = us-east-1\nregion = us-east-2\n[b]\n{key}[a]\n{key}region = eu-central-1\n",
        key = key()
    );
    let expected = [with_attributes("a", &[("region", "eu-central-1")]), plain("b")];
    assert_eq!(all_facts(&credentials(text).unwrap()), expected);
}

#[test]
fn several_files_merge_and_the_credentials_file_counts_more() {
    let from_credentials = format!("[b]\n{}\nregion = eu-central-1\n", key());
    let from_config = format!(
        "[profile a]\n{}[profile b]\naws_access_key_id = {OTHER_KEY_ID}\naws_secret_access_key = other\n\
         aws_session_token = {TOKEN}\nregion = us-east-1\noutput = json\n",
        key()
    );
    let b = with_attributes("b", &[("region", "eu-central-1"), ("output", "json")]);
    let import = both(&from_credentials, &from_config).unwrap();
    assert_eq!(all_facts(&import), [b.clone(), plain("a")], "and no token of another key's");
    let other_way = parse(&[
        (FileKind::Config, from_config.as_bytes()),
        (FileKind::Credentials, from_credentials.as_bytes()),
    ]);
    assert_eq!(all_facts(&other_way.unwrap()), [plain("a"), b], "in the order of the files");
}

#[test]
fn of_two_files_of_a_kind_the_later_counts() {
    let first = format!(
        "[a]\naws_access_key_id = {OTHER_KEY_ID}\naws_secret_access_key = other\nregion = us-east-1\n"
    );
    let second = format!("[a]\n{}", key());
    let files = [(FileKind::Credentials, first.as_bytes()), (FileKind::Credentials, second.as_bytes())];
    assert_eq!(all_facts(&parse(&files).unwrap()), [with_attributes("a", &[("region", "us-east-1")])]);
}

#[test]
fn a_token_makes_a_session_and_an_empty_one_does_not() {
    let session =
        |name: &str| (name.into(), KEY_ID.into(), SECRET.into(), Some(TOKEN.into()), BTreeMap::new());
    let text = format!(
        "[a]\n{key}aws_session_token = {TOKEN}\n[b]\n{key}aws_security_token = {TOKEN}\n[c]\n{key}aws_session_token =\n\
         [d]\n{key}aws_session_token = \naws_security_token = {TOKEN}\n\
         [e]\n{key}aws_security_token = old\naws_session_token = {TOKEN}\n[f]\n{key}aws_session_token = # none\n",
        key = key()
    );
    let expected = [session("a"), session("b"), plain("c"), session("d"), session("e"), plain("f")];
    assert_eq!(all_facts(&credentials(text).unwrap()), expected);
}

#[test]
fn profiles_without_a_key_are_reported_with_the_reason() {
    let text = "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\n\
        [profile web]\nrole_arn = arn\nweb_identity_token_file = /token\n\
        [profile source]\nsource_profile = default\n\
        [profile sso]\nsso_session = corporate\n[profile old-sso]\nsso_start_url = https://example.com\n\
        [profile process]\ncredential_process = aumbry credential-process x\n\
        [profile login]\nlogin_session = arn\n\
        [profile region]\nregion = eu-central-1\n[profile empty]\n\
        [profile empty-key]\naws_access_key_id =\naws_secret_access_key =\n";
    let import = config(text).unwrap();
    assert!(import.records.is_empty());
    let expected = [
        ("role", SkipReason::Role),
        ("web", SkipReason::WebIdentity),
        ("source", SkipReason::SourceProfile),
        ("sso", SkipReason::SingleSignOn),
        ("old-sso", SkipReason::SingleSignOn),
        ("process", SkipReason::CredentialProcess),
        ("login", SkipReason::Login),
        ("region", SkipReason::NoKeySource),
        ("empty", SkipReason::NoKeySource),
        ("empty-key", SkipReason::NoKeySource),
    ];
    assert_eq!(skipped(&import), expected);
    let said: Vec<_> = import.skipped.iter().map(ToString::to_string).collect();
    assert_eq!(said[0], "the profile \"role\" was skipped: it assumes a role (role_arn)");
    assert_eq!(said[7], "the profile \"region\" was skipped: it contains no key");
}

#[test]
fn a_profile_with_a_key_of_its_own_is_taken_whatever_else_it_has() {
    let import =
        both(&format!("[a]\n{}", key()), "[profile a]\nrole_arn = arn\nsource_profile = a\n").unwrap();
    let attributes = [("role_arn", "arn"), ("source_profile", "a")];
    assert_eq!(all_facts(&import), [with_attributes("a", &attributes)]);
}

/// What stands from line 4 on in a credentials file, the line that is refused for it, and a word of the reason.
fn bad_blocks() -> Vec<(usize, &'static str, String)> {
    let id = format!("aws_access_key_id = {KEY_ID}");
    let secret = format!("aws_secret_access_key = {SECRET}");
    vec![
        (5, "no secret access key", format!("[b]\n{id}")),
        (5, "no access key id", format!("[b]\n{secret}")),
        (6, "no access key id", format!("[b]\naws_access_key_id =\n{secret}")),
        (5, "no secret access key", format!("[b]\n{id}\naws_secret_access_key = # {SECRET}")),
        (7, "one line", format!("[b]\n{id}\n\n{secret}\n  {SECRET}")),
        (6, "one line", format!("[b]\n{id}\naws_secret_access_key =\n  x = {SECRET}")),
        (7, "one line", format!("[b]\n{id}\n{secret}\naws_session_token = {TOKEN}\n {TOKEN}")),
        (4, "\"]\"", format!("[{SECRET}")),
        (4, "\"]\"", format!("[b#{SECRET}]")),
        (4, "\"]\"", format!("[b] {SECRET}")),
        (4, "name", "[ ]".into()),
        (5, "\"=\"", format!("[b]\n{}", SECRET.replace('=', ""))),
        (5, "\"=\"", format!("[b]\naws_secret_access_key : {}", SECRET.replace('=', ""))),
        (5, "\"=\"", format!("[b]\nkey # = {SECRET}")),
        (5, "name", format!("[b]\n = {SECRET}").replace(" =", "=")),
        (5, "indented", format!("[b]\n  {id}\n  {secret}")),
        (6, "\"=\"", format!("[b]\ns3 =\n  {}", SECRET.replace('=', ""))),
        (6, "name", format!("[b]\ns3 =\n  = {SECRET}")),
        (6, "control", format!("[b]\n{id}\n{secret}\x07")),
        (6, "control", format!("[b]\n{id}\n{secret}\r{secret}")),
        (5, "valid record", format!("[b]\naws_access_key_id = AKIA {SECRET}\n{secret}")),
        (5, "valid record", format!("[b]\n{id}\n{secret}{}", "x".repeat(65_536))),
        (5, "name", format!("[aumbry:b]\n{id}\n{secret}")),
        (5, "name", format!("[{}]\n{id}\n{secret}", "x".repeat(1025))),
        (7, "attribute", format!("[b]\n{id}\n{secret}\naumbry.of = {SECRET}")),
        (7, "attribute", format!("[b]\n{id}\n{secret}\n{} = x", "x".repeat(257))),
    ]
}

#[test]
fn a_bad_line_is_refused_by_its_number_and_rule() {
    for (line, why, block) in bad_blocks() {
        let text = format!("[a]\n{}{block}\n[c]\nregion = x\n", key());
        for text in [text.clone(), text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
            let said = refusal(credentials(&text), ErrorKind::InvalidFile);
            let begin = format!("could not read line {line} of the credentials file: ");
            assert!(said.starts_with(&begin) && said.contains(why), "{why}: {said}\n{text}");
        }
    }
}

#[test]
fn one_bad_line_refuses_all_files() {
    let good = format!("[a]\n{}", key());
    for (_, why, block) in bad_blocks() {
        let bad = format!("[x]\n{}{block}\n", key());
        let files = [(FileKind::Config, good.as_bytes()), (FileKind::Credentials, bad.as_bytes())];
        let said = refusal(parse(&files), ErrorKind::InvalidFile);
        assert!(said.contains("of file 2 (credentials file)"), "{why}: {said}");
    }
    assert_eq!(both(&good, &good).unwrap().records.len(), 1, "control");
}

#[test]
fn what_is_no_such_file_is_refused() {
    for text in ["region = x\n", "  x\n", "Access key ID,Secret access key\n", "{\"Version\": 1}", "\0\0"] {
        let said = refusal(credentials(text), ErrorKind::InvalidFile);
        assert!(said.starts_with("could not read line 1 of the credentials file"), "{said}");
    }
    let said = refusal(credentials(b"[a]\nregion = \xff\xfe\n"), ErrorKind::InvalidFile);
    assert_eq!(said, "could not read line 2 of the credentials file: it is not UTF-8 text");
}

#[test]
fn a_file_without_profiles_gives_nothing() {
    for text in ["", "\u{feff}", "\n\r\n \t\n", "# nothing\n; here"] {
        let import = credentials(text).unwrap();
        assert!(import.records.is_empty() && import.skipped.is_empty());
    }
    assert!(parse(&[]).unwrap().records.is_empty());
}

#[test]
fn neither_drafts_nor_skipped_profiles_show_a_secret() {
    let text = format!("[a]\n{}aws_session_token = {TOKEN}\n[b]\naws_session_token = {TOKEN}\n", key());
    let shown = format!("{:#?}", credentials(text).unwrap());
    assert!(shown.contains(KEY_ID) && shown.contains("NoKey") && !shows_a_secret(&shown), "{shown}");
}

#[test]
fn files_are_told_by_their_name_and_else_by_their_content() {
    let of = |path: &str, text: &str| FileKind::of(Path::new(path), text.as_bytes());
    assert_eq!(of("/home/a/.aws/credentials", "[profile a]"), FileKind::Credentials);
    assert_eq!(of("/home/a/.aws/config", "[a]"), FileKind::Config);
    for text in ["[profile a]", "\u{feff}[x]\r\n[ profile\ta]", "# x\n[sso-session a]", "[services a]"] {
        assert_eq!(of("backup.ini", text), FileKind::Config, "{text}");
    }
    for text in ["", "[default]", "[profile]", "[profiles a]", "x = [profile a]", "# [profile a]"] {
        assert_eq!(of("backup.ini", text), FileKind::Credentials, "{text}");
    }
}

#[test]
fn files_are_read_from_disk_and_stay_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("credentials"), folder.path().join("config"));
    fs::write(&one, format!("[a]\n{}", key())).unwrap();
    fs::write(&two, "[profile a]\nregion = eu-central-1\n").unwrap();
    let import = read([&two, &one]).unwrap();
    assert_eq!(all_facts(&import), [with_attributes("a", &[("region", "eu-central-1")])]);
    assert!(one.exists() && two.exists());
    fs::write(&two, "[profile a]\nregion\n").unwrap();
    let said = refusal(read([&one, &two]), ErrorKind::InvalidFile);
    assert_eq!(said, format!("could not read line 2 of {two:?}: a property must have an \"=\" sign"));
    assert_eq!(read([folder.path().join("nothing")]).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(read([folder.path()]).unwrap_err().kind(), ErrorKind::InvalidFile);
}
