//! The shared files of AWS, from their bytes into a vault and back, and edited in place.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed step fails the test")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use aumbry::aws::profiles::{FileKind, Import, SkipReason, parse, read, render, set_properties};
use aumbry::storage::InMemory;
use aumbry::{CreateOptions, Credentials, Draft, Error, ErrorKind, ExposeSecret, OpenOptions, Result, Vault};
use common::*;
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
        record.attributes().iter().map(|(key, value)| (key.into(), value.into())).collect(),
    )
}

/// Puts drafts into a vault and takes the records out of it again, in the same order.
fn through_a_vault(drafts: &[Draft]) -> Vec<Credentials> {
    static VAULT: OnceLock<Mutex<Vault>> = OnceLock::new();
    let vault = VAULT.get_or_init(|| {
        let options = CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
        let options = options.open_options(OpenOptions::new().without_pin());
        Mutex::new(options.create_in_storage(InMemory::new(), PASSPHRASE).unwrap())
    });
    let vault = vault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    vault
        .edit(|edit| {
            drafts.iter().for_each(|draft| edit.put(draft));
            Ok(())
        })
        .unwrap();
    let get = |draft: &Draft| vault.get_credentials(draft.name().as_str()).unwrap().unwrap();
    let records = drafts.iter().map(get).collect();
    let names: BTreeSet<_> = drafts.iter().map(|draft| draft.name().as_str()).collect();
    vault.edit(|edit| names.iter().try_for_each(|name| edit.remove(name))).unwrap();
    records
}

fn all_facts(import: &Import) -> Vec<Facts> {
    through_a_vault(&import.drafts).iter().map(facts).collect()
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
    import.skipped.iter().map(|skipped| (skipped.profile.as_str(), skipped.reason)).collect()
}

fn everything_said(error: &Error) -> String {
    let mut said = format!("{error}\n{error:?}\n{error:#?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push_str(&format!("\n{error}\n{error:?}"));
        cause = error.source();
    }
    said
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
    assert_eq!((import.drafts.len(), skipped(&import)), (0, vec![("a", SkipReason::NotRead)]));
    let import = config(format!("[profile two words]\n{}", key())).unwrap();
    assert_eq!(skipped(&import), [("profile two words", SkipReason::NotRead)]);
    let import = credentials(format!("[profile a]\n{}[b]\n{}", key(), key())).unwrap();
    assert_eq!(skipped(&import), [("profile a", SkipReason::NotRead)]);
    assert_eq!(all_facts(&import), [plain("b")]);
    let import = config(format!("[default]\n{}[profile default]\nregion = eu-central-1\n", key())).unwrap();
    assert_eq!(skipped(&import), [("default", SkipReason::NotRead), ("default", SkipReason::NoKey)]);
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
    assert!(import.drafts.is_empty());
    let expected = [
        ("role", SkipReason::Role),
        ("web", SkipReason::WebIdentity),
        ("source", SkipReason::SourceProfile),
        ("sso", SkipReason::SingleSignOn),
        ("old-sso", SkipReason::SingleSignOn),
        ("process", SkipReason::CredentialProcess),
        ("login", SkipReason::Login),
        ("region", SkipReason::NoKey),
        ("empty", SkipReason::NoKey),
        ("empty-key", SkipReason::NoKey),
    ];
    assert_eq!(skipped(&import), expected);
    let said: Vec<_> = import.skipped.iter().map(ToString::to_string).collect();
    assert_eq!(said[0], "the profile \"role\" was skipped: it assumes a role (role_arn)");
    assert_eq!(said[7], "the profile \"region\" was skipped: it holds no key");
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
        (5, "no record", format!("[b]\naws_access_key_id = AKIA {SECRET}\n{secret}")),
        (5, "no record", format!("[b]\n{id}\n{secret}{}", "x".repeat(65_536))),
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
            let said = refusal(credentials(&text), ErrorKind::InvalidImport);
            let begin = format!("line {line} of the credentials file cannot be used: ");
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
        let said = refusal(parse(&files), ErrorKind::InvalidImport);
        assert!(said.contains("of file 2 (credentials file)"), "{why}: {said}");
    }
    assert_eq!(both(&good, &good).unwrap().drafts.len(), 1, "control");
}

#[test]
fn what_is_no_such_file_is_refused() {
    for text in ["region = x\n", "  x\n", "Access key ID,Secret access key\n", "{\"Version\": 1}", "\0\0"] {
        let said = refusal(credentials(text), ErrorKind::InvalidImport);
        assert!(said.starts_with("line 1 of the credentials file"), "{said}");
    }
    let said = refusal(credentials(b"[a]\nregion = \xff\xfe\n"), ErrorKind::InvalidImport);
    assert_eq!(said, "line 2 of the credentials file cannot be used: it is not UTF-8 text");
}

#[test]
fn a_file_without_profiles_gives_nothing() {
    for text in ["", "\u{feff}", "\n\r\n \t\n", "# nothing\n; here"] {
        let import = credentials(text).unwrap();
        assert!(import.drafts.is_empty() && import.skipped.is_empty());
    }
    assert!(parse(&[]).unwrap().drafts.is_empty());
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
    let said = refusal(read([&one, &two]), ErrorKind::InvalidImport);
    assert_eq!(said, format!("line 2 of {two:?} cannot be used: a property must have an \"=\" sign"));
    assert_eq!(read([folder.path().join("nothing")]).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(read([folder.path()]).unwrap_err().kind(), ErrorKind::NotAFile);
}

fn rendered(drafts: &[Draft]) -> String {
    render(&through_a_vault(drafts)).unwrap().expose_secret().to_owned()
}

#[test]
fn records_are_written_as_aws_writes_them() {
    let a = draft("s3-uploads").attribute("region", "eu-central-1").unwrap().attribute("note", "").unwrap();
    let b = Draft::new_session("b", OTHER_KEY_ID, "#secret", TOKEN).unwrap();
    let expected = format!(
        "[s3-uploads]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\nnote =\nregion = eu-central-1\n\n\
         [b]\naws_access_key_id = {OTHER_KEY_ID}\naws_secret_access_key=#secret\naws_session_token = {TOKEN}\n"
    );
    assert_eq!(rendered(&[a, b]), expected);
    assert_eq!(rendered(&[]), "");
}

#[test]
fn fifty_profiles_come_in_and_go_out_unchanged() {
    let blocks = (0..50).map(|n| {
        let token = if n % 3 == 0 { format!("aws_session_token = {TOKEN}{n}\n") } else { String::new() };
        let id = if n % 2 == 0 { KEY_ID } else { OTHER_KEY_ID };
        format!("[profile-{n}]\naws_access_key_id = {id}\naws_secret_access_key = {SECRET}{n}/+=#;\n{token}region = r-{n}\n")
    });
    let text = blocks.collect::<Vec<_>>().join("\n");
    let import = credentials(&text).unwrap();
    assert_eq!(import.drafts.len(), 50);
    assert!(rendered(&import.drafts) == text);
}

#[test]
fn what_the_format_cannot_carry_is_refused_by_record_and_field() {
    let with = |key: &str, value: &str| draft("a").attribute(key, value).unwrap();
    let secret = |secret: String| Draft::new_static("a", KEY_ID, secret).unwrap();
    let token = |token: String| Draft::new_session("a", KEY_ID, SECRET, token).unwrap();
    for (record, field, flaw) in [
        (draft("a]"), "\"a]\"", "its name"),
        (draft("a#b"), "\"a#b\"", "its name"),
        (draft("; a"), "\"; a\"", "its name"),
        (draft("profile a"), "\"profile a\"", "config file"),
        (draft("sso-session a"), "\"sso-session a\"", "config file"),
        (draft("DEFAULT"), "\"DEFAULT\"", "every profile"),
        (secret(format!("{SECRET}\n")), "aws_secret_access_key", "line break"),
        (secret(format!("{SECRET}\r")), "aws_secret_access_key", "line break"),
        (secret(format!("{SECRET}\nrole_arn = x")), "aws_secret_access_key", "line break"),
        (secret(format!("{SECRET}\0")), "aws_secret_access_key", "control"),
        (secret(format!(" {SECRET}")), "aws_secret_access_key", "white space"),
        (secret(format!("{SECRET}\u{a0}")), "aws_secret_access_key", "white space"),
        (secret(format!("{SECRET} #")), "aws_secret_access_key", "comment"),
        (secret(format!("{SECRET}\t;x")), "aws_secret_access_key", "comment"),
        (secret(format!("#\u{3000}#{SECRET}")), "aws_secret_access_key", "comment"),
        (Draft::new_static("a", KEY_ID, "\t").unwrap(), "aws_secret_access_key", "white space"),
        (token(format!("{TOKEN} ;")), "aws_session_token", "comment"),
        (with("description", "first\nsecond"), "\"description\"", "line break"),
        (with("description", "tab\tand bell\u{7}"), "\"description\"", "control"),
        (with("description", "ends "), "\"description\"", "white space"),
        (with("description", "one ; two"), "\"description\"", "comment"),
        (with("tag.Owner", "x"), "\"tag.Owner\"", "lower-case"),
        (with("two words", "x"), "\"two words\"", "lower-case"),
        (with("schlüssel", "x"), "\"schlüssel\"", "lower-case"),
        (with("[x]", "x"), "\"[x]\"", "lower-case"),
        (with("aws_access_key_id", "x"), "\"aws_access_key_id\"", "key pair"),
        (with("aws_security_token", "x"), "\"aws_security_token\"", "key pair"),
    ] {
        let name = record.name().to_string();
        let records = through_a_vault(&[draft("good"), record]);
        let said = refusal(render(&records), ErrorKind::InvalidInput);
        let begin = format!("the record {name:?} cannot be written to a credentials file: ");
        assert!(
            said.starts_with(&begin) && said.contains(field) && said.contains(flaw),
            "{field}, {flaw}: {said}"
        );
        assert!(render(&records[..1]).is_ok(), "control");
    }
}

#[test]
fn two_records_of_one_name_are_refused() {
    let records = through_a_vault(&[draft("a"), draft("b"), draft("a")]);
    let said = refusal(render(&records), ErrorKind::InvalidInput);
    assert!(said.contains("\"a\"") && said.contains("same name"), "{said}");
}

#[test]
fn the_written_text_does_not_show_itself() {
    let shown = format!("{:?}", render(&through_a_vault(&[draft("a")])).unwrap());
    assert!(!shows_a_secret(&shown), "{shown}");
}

/// Texts of all that a value may hold and much that it may not.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[A-Za-z0-9/+=#;]{1,40}",
        4 => "[#;=\\[\\]'\"\\\\%$éß鍵🔑a \t]{0,12}",
        1 => "[ -~\u{80}-\u{a1}\u{2000}-\u{2030}\n\r\t]{0,8}",
    ]
}

/// The rule as the documentation has it, in other words than the code.
fn value_can_be_carried(value: &str) -> bool {
    let characters: Vec<char> = value.chars().collect();
    let comment = characters.windows(2).any(|pair| pair[0].is_whitespace() && matches!(pair[1], '#' | ';'));
    let ends = [characters.first(), characters.last()];
    let blank_end = ends.into_iter().flatten().any(|c| c.is_whitespace());
    !comment && !blank_end && characters.iter().all(|c| *c == '\t' || !c.is_control())
}

fn any_record() -> impl Strategy<Value = (Draft, bool)> {
    let name = prop_oneof![6 => "[A-Za-z0-9_./@:+-]{1,12}", 2 => "[!-~]([ -~éß鍵]{0,8}[!-~])?"];
    let key = prop_oneof![6 => "[a-z_][a-z0-9_./%@:+-]{0,12}", 1 => "[!-~é]{1,5}"];
    let attributes = prop::collection::btree_map(key, any_value(), 0..4);
    (name, any_value(), prop::option::of(any_value()), attributes).prop_filter_map(
        "no record",
        |(name, secret, token, attributes)| {
            let name_fits = !name.contains([']', '#', ';'])
                && !["profile ", "sso-session ", "services "].iter().any(|word| name.starts_with(word))
                && name != "DEFAULT";
            let mut fits = name_fits && value_can_be_carried(&secret);
            let mut draft = match token {
                None => Draft::new_static(name, KEY_ID, secret).ok()?,
                Some(token) => {
                    fits &= value_can_be_carried(&token);
                    Draft::new_session(name, KEY_ID, secret, token).ok()?
                }
            };
            for (key, value) in attributes {
                let identifier =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-/.%@:+".contains(c);
                fits &= key.chars().all(identifier) && value_can_be_carried(&value);
                draft = draft.attribute(&key, &value).ok()?;
            }
            Some((draft, fits))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is written is read as the same, and what cannot be carried, and only that, is refused.
    #[test]
    fn what_is_written_is_read_as_the_same(
        records in prop::collection::vec(any_record(), 0..5),
        crlf in any::<bool>(),
        mark in any::<bool>(),
    ) {
        let names: BTreeSet<_> = records.iter().map(|(draft, _)| draft.name().clone()).collect();
        prop_assume!(names.len() == records.len());
        let fit = records.iter().all(|(_, fits)| *fits);
        let drafts: Vec<_> = records.into_iter().map(|(draft, _)| draft).collect();
        let records = through_a_vault(&drafts);
        match render(&records) {
            Err(error) => {
                prop_assert!(!fit, "{error}");
                prop_assert_eq!(error.kind(), ErrorKind::InvalidInput);
            }
            Ok(text) => {
                prop_assert!(fit, "{}", text.expose_secret());
                let mut text = text.expose_secret().to_owned();
                if crlf {
                    text = text.replace('\n', "\r\n");
                }
                if mark {
                    text.insert(0, '\u{feff}');
                }
                let import = credentials(&text).unwrap();
                prop_assert!(import.skipped.is_empty());
                prop_assert_eq!(all_facts(&import), records.iter().map(facts).collect::<Vec<_>>());
            }
        }
    }

    /// Neither a panic nor a secret, whatever the bytes are.
    #[test]
    fn any_text_is_read_or_refused(
        parts in prop::collection::vec(prop_oneof![
            Just("[a]".to_owned()), Just("[profile a]".to_owned()), Just("\n".to_owned()), Just("\r\n".to_owned()),
            Just("  ".to_owned()), Just("=".to_owned()), Just(SECRET.to_owned()), Just(TOKEN.to_owned()),
            Just("aws_access_key_id".to_owned()), Just("aws_secret_access_key".to_owned()), Just("#".to_owned()),
            Just("[default]\nx=".to_owned()), Just("\u{feff}".to_owned()), any_value(),
        ], 0..16),
        config_file in any::<bool>(),
    ) {
        let text = parts.concat();
        let kind = if config_file { FileKind::Config } else { FileKind::Credentials };
        if let Err(error) = parse(&[(kind, text.as_bytes())]) {
            prop_assert_eq!(error.kind(), ErrorKind::InvalidImport);
            prop_assert!(!shows_a_secret(&everything_said(&error)), "{}", everything_said(&error));
        }
    }
}

fn edited(text: &str, profile: &str, properties: &[(&str, &str)]) -> String {
    set_properties(text, profile, properties).unwrap().expose_secret().to_owned()
}

const PROCESS: (&str, &str) = ("credential_process", "/usr/bin/aumbry credential-process 's3 uploads'");

#[test]
fn a_new_profile_goes_to_the_end_of_the_file() {
    let line = format!("{} = {}", PROCESS.0, PROCESS.1);
    for (before, profile, after) in [
        ("", "a", format!("[profile a]\n{line}\n")),
        ("", "default", format!("[default]\n{line}\n")),
        ("\u{feff}", "a", format!("\u{feff}[profile a]\n{line}\n")),
        ("[default]\nregion = x\n", "a", format!("[default]\nregion = x\n\n[profile a]\n{line}\n")),
        ("[default]\nregion = x\n\n", "a", format!("[default]\nregion = x\n\n[profile a]\n{line}\n")),
        (
            "[default]\r\nregion = x\r\n",
            "a",
            format!("[default]\r\nregion = x\r\n\r\n[profile a]\r\n{line}\r\n"),
        ),
        ("[default]\nregion = x", "a", format!("[default]\nregion = x\n\n[profile a]\n{line}")),
        ("[a]\nregion = x\n", "a", format!("[a]\nregion = x\n\n[profile a]\n{line}\n")),
        ("[profile ab]\n# end", "a", format!("[profile ab]\n# end\n\n[profile a]\n{line}")),
    ] {
        assert_eq!(edited(before, profile, &[PROCESS]), after, "{before:?}");
    }
    assert_eq!(edited("", "a", &[]), "[profile a]\n");
}

#[test]
fn a_property_keeps_its_place_its_spacing_and_its_comment() {
    let text = "# top\n[profile a] # first\nregion=us-east-1\t; far\nREGION   =  us-east-2 # near\n\noutput = json\n\
        # of b\n[profile b]\nregion = x\n";
    let expected = "# top\n[profile a] # first\nregion=us-east-1\t; far\nREGION   =  eu-central-1 # near\n\noutput = json\n\
        # of b\n[profile b]\nregion = x\n";
    assert_eq!(edited(text, "a", &[("region", "eu-central-1")]), expected);
    assert_eq!(
        edited("[default]\nregion = # none\n", "default", &[("region", "x")]),
        "[default]\nregion = x # none\n"
    );
    assert_eq!(edited("[default]\nregion =", "default", &[("region", "x")]), "[default]\nregion = x");
    assert_eq!(
        edited("[default]\nregion = x # y\n", "default", &[("region", "")]),
        "[default]\nregion = # y\n"
    );
    assert_eq!(
        edited("[default]\nkey  =  x # y\n", "default", &[("key", "#1")]),
        "[default]\nkey  =#1 # y\n"
    );
}

#[test]
fn a_new_property_goes_to_the_end_of_its_profile() {
    let text =
        "[profile a]\r\ns3 =\r\n  x = y\r\n  # indented\r\n\r\n# of b\r\n[profile b]\r\nregion = x\r\n";
    let expected = "[profile a]\r\ns3 =\r\n  x = y\r\n  # indented\r\nregion = r\r\n\r\n# of b\r\n[profile b]\r\nregion = x\r\n";
    assert_eq!(edited(text, "a", &[("region", "r")]), expected);
    assert_eq!(edited("[profile a]", "a", &[("region", "r"), ("x", "y")]), "[profile a]\nregion = r\nx = y");
}

#[test]
fn the_lines_that_continue_an_old_value_go_with_it() {
    let text = "[default]\ns3 =\n  x = y\n\n  # kept\n  z = w\nregion = r\n  more\noutput = o\n";
    let expected = "[default]\ns3 = simple\n\n  # kept\nregion = r2\noutput = o\n";
    assert_eq!(edited(text, "default", &[("s3", "simple"), ("region", "r2")]), expected);
    let set = |text: &str| edited(text, "default", &[("s3", "simple")]);
    assert_eq!(set("[default]\ns3 =\n  x = y\n\n  z = w"), "[default]\ns3 = simple\n");
    assert_eq!(set("[default]\r\ns3 =\r\n  x = y\r\n  z = w"), "[default]\r\ns3 = simple");
}

#[test]
fn the_section_that_aws_reads_is_the_one_that_is_edited() {
    let text = "[default]\nregion = a\n[profile default]\nregion = b\n[profile x]\nregion = c\n[profile x]\noutput = d\n";
    let expected = "[default]\nregion = a\n[profile default]\nregion = n\n[profile x]\nregion = c\n[profile x]\noutput = d\n";
    assert_eq!(edited(text, "default", &[("region", "n")]), expected);
    let expected = "[default]\nregion = a\n[profile default]\nregion = b\n[profile x]\nregion = n\n[profile x]\noutput = d\ns3 = z\n";
    assert_eq!(edited(text, "x", &[("region", "n"), ("s3", "z")]), expected);
}

#[test]
fn a_value_a_name_or_a_file_that_cannot_be_is_refused() {
    let flawed = [
        format!("{SECRET}\n"),
        format!("{SECRET}\r"),
        format!("x\n[profile b]\n{SECRET}"),
        format!(" {SECRET}"),
        format!("{SECRET} # x"),
        format!("{SECRET}\0"),
    ];
    for value in &flawed {
        let said = refusal(set_properties("", "a", &[("region", value)]), ErrorKind::InvalidInput);
        assert!(said.contains("\"region\""), "{said}");
    }
    for profile in ["", "two words", "a]", "ä", "a\nb"] {
        let said = refusal(set_properties("", profile, &[]), ErrorKind::InvalidInput);
        assert!(said.contains(&format!("{profile:?}")), "{said}");
    }
    for key in ["", "two words", "a=b", "[x", "#x", " x", "a\nb"] {
        let said = refusal(set_properties("", "a", &[(key, "x")]), ErrorKind::InvalidInput);
        assert!(said.contains(&format!("{key:?}")), "{said}");
    }
    for (line, text) in [(1, SECRET.to_owned()), (3, format!("[a]\nx = y\n{}\n", SECRET.replace('=', "")))] {
        let said = refusal(set_properties(&text, "a", &[]), ErrorKind::InvalidImport);
        assert!(said.starts_with(&format!("line {line} of the config file cannot be used")), "{said}");
    }
    let broken_behind = format!("[profile a]\n[profile b]\n={SECRET}");
    let said = refusal(set_properties(&broken_behind, "a", &[]), ErrorKind::InvalidImport);
    assert!(said.starts_with("line 3 "), "{said}");
    let edited = set_properties("", "a", &[("aws_secret_access_key", SECRET)]).unwrap();
    assert!(!shows_a_secret(&format!("{edited:?}")) && edited.expose_secret().contains(SECRET));
}

const KEYS: [&str; 4] = ["region", "output", "s3", "credential_process"];

/// Sections with all that may stand in them, each with the profile it is of; the first, without heading, of none.
fn any_config() -> impl Strategy<Value = Vec<(Option<&'static str>, String)>> {
    let headings = prop::sample::select(vec![
        (Some("default"), "[default]\n"),
        (Some("a"), "[profile a]\n"),
        (Some("a"), "[ profile  a\t] # A\n"),
        (Some("b"), "[profile b]; B\n"),
        (None, "[sso-session a]\n"),
        (None, "[a]\n"),
    ]);
    let lines = prop::sample::select(vec![
        "region = eu-central-1\n",
        "Region=us-east-1\t# far\n",
        "output = json ; x\n",
        "output =\n",
        "output = # none\n",
        "s3 =\n  region = nested\n\n  # indented\n  output = nested\n",
        "s3 = simple\n",
        "credential_process = x\n  continued # no comment\n",
        "other = [profile a]\n",
        "other=#1\n",
        "# region = commented\n",
        ";\n",
        "\n",
        " \t\n",
        "  # indented\n",
    ]);
    let nothing = prop::sample::select(vec!["", "# top\n\n", "\n"]);
    let section = (headings, prop::collection::vec(lines, 0..6));
    (nothing, prop::collection::vec(section, 0..5)).prop_map(|(first, sections)| {
        let sections = sections
            .into_iter()
            .map(|((profile, heading), lines)| (profile, heading.to_owned() + &lines.concat()));
        std::iter::once((None, first.to_owned())).chain(sections).collect()
    })
}

/// What AWS would find in each profile of a config file.
fn found_in(config: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let keys: String =
        ["default", "a", "b", "new"].iter().map(|name| format!("[{name}]\n{}", key())).collect();
    let import = both(&keys, config).unwrap();
    all_facts(&import).into_iter().map(|(name, .., attributes)| (name, attributes)).collect()
}

/// A text cut before each section.
fn sections(text: &str) -> Vec<String> {
    text.split_inclusive('\n').fold(vec![String::new()], |mut sections, line| {
        if line.starts_with('[') {
            sections.push(String::new());
        }
        sections.last_mut().unwrap().push_str(line);
        sections
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Everything outside the profile's own sections stays, all in them that is not set stays too, and what is set
    /// is what is read.
    #[test]
    fn an_edit_sets_what_it_should_and_nothing_else(
        file in any_config(),
        profile in prop::sample::select(vec!["default", "a", "b", "new"]),
        properties in prop::collection::btree_map(
            prop::sample::select(KEYS.to_vec()), any_value().prop_filter("refused", |value| value_can_be_carried(value)), 0..3),
        crlf in any::<bool>(),
        mark in any::<bool>(),
        last_line_ends in any::<bool>(),
    ) {
        let shape = |text: &str| if crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
        let mut text = shape(&file.iter().map(|(_, section)| section.as_str()).collect::<String>());
        if !last_line_ends {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        let text = if mark { format!("\u{feff}{text}") } else { text };
        let properties: Vec<(&str, &str)> = properties.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let new = edited(&text, profile, &properties);

        let (old_sections, new_sections) = (sections(text.trim_start_matches('\u{feff}')), sections(new.trim_start_matches('\u{feff}')));
        prop_assert_eq!(text.starts_with('\u{feff}'), new.starts_with('\u{feff}'));
        if file.iter().any(|(owner, _)| *owner == Some(profile)) {
            prop_assert_eq!(old_sections.len(), new_sections.len());
            for ((owner, _), (old, new)) in file.iter().zip(old_sections.iter().zip(&new_sections)) {
                if *owner != Some(profile) {
                    prop_assert_eq!(old, new);
                    continue;
                }
                // Line by line: what belongs to no property that was set is still there, in the same order.
                let mut left = new.split_inclusive('\n').map(|line| line.trim_end_matches(['\r', '\n']));
                let mut is_set = false;
                for line in old.split_inclusive('\n').map(|line| line.trim_end_matches(['\r', '\n'])) {
                    let is_comment = line.trim().is_empty() || line.trim().starts_with(['#', ';']);
                    if !is_comment && !line.starts_with(' ') {
                        let key = line.split('=').next().unwrap().trim().to_lowercase();
                        is_set = properties.iter().any(|(set, _)| *set == key);
                    }
                    if is_comment || !is_set {
                        prop_assert!(left.any(|new| new == line), "{line:?} is gone from {old:?}: {new:?}");
                    }
                }
            }
        } else {
            prop_assert!(new.starts_with(&text), "{new:?} does not begin with {text:?}");
        }
        let bare_line_ends = new.matches('\n').count() - new.matches("\r\n").count();
        prop_assert!(!crlf || !text.contains('\n') || bare_line_ends == 0, "{new:?}");
        let is_empty = text.trim_start_matches('\u{feff}').is_empty();
        prop_assert!(is_empty || new.ends_with('\n') == text.ends_with('\n'), "{new:?}");

        let mut expected = found_in(&text);
        let attributes = expected.get_mut(profile).unwrap();
        attributes.extend(properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        prop_assert_eq!(found_in(&new), expected, "{:?}", new);
        prop_assert_eq!(edited(&new, profile, &properties), new, "once more changes nothing");
    }
}
