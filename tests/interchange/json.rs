//! JSON in and out: what a `credential_process` prints, and our own records.

mod properties;
mod refused;

use std::error::Error as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::common::*;
use aumbry::interchange::{credential_process, json};
use aumbry::storage::InMemory;
use aumbry::testing::Forge;
use aumbry::{
    CreateOptions, Credentials, ErrorKind, ExposeSecret, NewRecord, OpenOptions, Provider, Result, Role,
    Vault,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ==";

/// Secrets as AWS makes them, and worse.
const SECRETS: [&str; 9] = [
    SECRET,
    "/+=#;/+=#;/+=#;/+=#;/+=#;/+=#;/+=#;/+=#;",
    "\"",
    "\\",
    "a \"quote\" and a \\backslash\\ in the midst",
    "\u{0}\u{1}\u{8}\t\n\u{c}\r\u{1b}\u{1f}\u{7f}\u{80}\u{2028}",
    " spaces at both ends ",
    "schlüssel-鍵-🔑",
    "\\u0041 is no escape, and neither is \\n",
];

/// 2026-11-23T04:05:06Z
fn time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_406_706)
}

/// A vault that costs little and stands nowhere.
fn vault() -> Vault {
    let options = OpenOptions::new().without_pin();
    let options = CreateOptions::new().kdf(cheap()).allow_kdf_below_floor().open_options(options);
    options.create_in(InMemory::new(), PASSPHRASE).unwrap()
}

fn stored(vault: &Vault, draft: &NewRecord) -> Credentials {
    vault
        .edit(|edit| {
            edit.put(draft)?;
            Ok(())
        })
        .unwrap();
    vault.get_credentials(draft.name().as_str()).unwrap().unwrap()
}

/// What comes out of a vault that holds these and no others.
fn stored_alone(vault: &Vault, drafts: &[NewRecord]) -> Vec<Credentials> {
    let old: Vec<_> = vault.records().unwrap().map(|entry| entry.name().to_owned()).collect();
    let change = |edit: &mut aumbry::Edit<'_>| {
        old.iter().try_for_each(|name| edit.remove(name))?;
        drafts.iter().try_for_each(|draft| edit.add(draft))
    };
    vault.edit(change).unwrap();
    all(vault)
}

fn all(vault: &Vault) -> Vec<Credentials> {
    let entries = vault.records().unwrap();
    entries.map(|entry| vault.get_credentials(entry.name()).unwrap().unwrap()).collect()
}

fn secret(credentials: &Credentials) -> &str {
    credentials.secret_access_key().expose_secret()
}

fn token(credentials: &Credentials) -> Option<&str> {
    credentials.session_token().map(ExposeSecret::expose_secret)
}

/// Everything in a record but the times that the vault notes.
fn content(record: &Credentials) -> impl PartialEq + std::fmt::Debug + use<> {
    let attributes: Vec<_> = record.attributes().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    (
        (record.name().to_owned(), record.provider(), record.access_key_id().to_owned()),
        (secret(record).to_owned(), token(record).map(str::to_owned)),
        (attributes, record.expires()),
    )
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn session(name: &str) -> NewRecord {
    NewRecord::new_session(name, "ASIAIOSFODNN7EXAMPLE", SECRET, TOKEN).unwrap().expires(time())
}

/// Five records that differ in everything they can differ in.
fn varied() -> Vec<NewRecord> {
    vec![
        draft("plain"),
        draft("with attributes")
            .attribute("region", "eu-central-1")
            .unwrap()
            .attribute("tag.Ünï\"code\\", "line\nbreak\u{0} and 🔑")
            .unwrap()
            .attribute("empty", "")
            .unwrap(),
        session("sessions/one"),
        NewRecord::new_session("a \"quoted\" \\ name", KEY_ID, "s", "t").unwrap(),
        draft("static, but expires").expires(time()),
    ]
}

#[test]
fn a_credential_process_prints_what_aws_expects() {
    let vault = vault();
    let printed = |draft: &NewRecord| {
        credential_process::render(&stored(&vault, draft)).unwrap().expose_secret().to_owned()
    };
    let plain = NewRecord::new_static("a", KEY_ID, "wJalr/+=").unwrap().attribute("region", "x").unwrap();
    assert_eq!(
        printed(&plain),
        r#"{"Version":1,"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"wJalr/+="}"#
    );
    let session = NewRecord::new_session("a", "ASIAEXAMPLE", "wJalr\"\\", "IQoJ").unwrap();
    assert_eq!(
        printed(&session),
        r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"wJalr\"\\","SessionToken":"IQoJ"}"#
    );
    assert_eq!(
        printed(&session.expires(time() + Duration::from_millis(999))),
        r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"wJalr\"\\","SessionToken":"IQoJ","Expiration":"2026-11-23T04:05:06Z"}"#
    );
}

#[test]
fn expired_credentials_are_written_and_say_so() {
    let vault = vault();
    let credentials = stored(&vault, &session("a").expires(UNIX_EPOCH));
    assert!(credentials.is_expired(SystemTime::now()));
    let printed = credential_process::render(&credentials).unwrap();
    assert_eq!(parsed(printed.expose_secret())["Expiration"], "1970-01-01T00:00:00Z");
    let read = credential_process::parse(printed.expose_secret().as_bytes(), "b").unwrap();
    assert_eq!(stored(&vault, &read).expires(), Some(UNIX_EPOCH));
}

#[test]
fn what_was_printed_for_aws_comes_back() {
    let vault = vault();
    for secret in SECRETS {
        for draft in [
            NewRecord::new_static("a", KEY_ID, secret).unwrap(),
            NewRecord::new_static("a", KEY_ID, secret).unwrap().expires(time()),
            NewRecord::new_session("a", KEY_ID, secret, secret).unwrap(),
            NewRecord::new_session("a", KEY_ID, secret, TOKEN).unwrap().expires(time()),
        ] {
            let credentials = stored(&vault, &draft);
            let printed = credential_process::render(&credentials).unwrap();
            let value = parsed(printed.expose_secret());
            assert_eq!(value["SecretAccessKey"], secret, "another reader reads the same");
            assert_eq!(value["Version"], json!(1));
            assert_eq!(value.get("SessionToken").is_some(), draft.provider() == Provider::Session);
            assert_eq!(value.get("Expiration").is_some(), credentials.expires().is_some());
            let again = credential_process::parse(printed.expose_secret().as_bytes(), "a").unwrap();
            assert_eq!(content(&stored(&vault, &again)), content(&credentials));
        }
    }
}

/// As aws-vault 7 prints it: `json.MarshalIndent` with two spaces, which escapes `<`, `>` and `&`.
#[test]
fn an_export_of_aws_vault_is_understood() {
    let vault = vault();
    let document = format!(
        "{{\n  \"Version\": 1,\n  \"AccessKeyId\": \"ASIAIOSFODNN7EXAMPLE\",\n  \"SecretAccessKey\": \"{SECRET}\",\n  \
         \"SessionToken\": \"IQoJ\\u003c\\u0026\\u003e\",\n  \"Expiration\": \"2026-11-23T04:05:06Z\"\n}}\n"
    );
    let drafts = json::parse(document.as_bytes(), Some("work")).unwrap().records;
    assert_eq!(drafts.len(), 1);
    let credentials = stored(&vault, &drafts[0]);
    assert_eq!(credentials.name(), "work");
    assert_eq!((secret(&credentials), token(&credentials)), (SECRET, Some("IQoJ<&>")));
    assert_eq!(credentials.expires(), Some(time()));

    let without_session = format!(
        "{{\n  \"Version\": 1,\n  \"AccessKeyId\": \"{KEY_ID}\",\n  \"SecretAccessKey\": \"{SECRET}\"\n}}\n"
    );
    let drafts = json::parse(without_session.as_bytes(), Some("work")).unwrap().records;
    assert_eq!(content(&stored(&vault, &drafts[0])), content(&stored(&vault, &draft("work"))));
}

#[test]
fn keys_that_aws_does_not_name_are_passed_over_and_empty_ones_are_absent() {
    let vault = vault();
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let plain = content(&stored(&vault, &draft("a")));
    for surplus in [
        String::new(),
        r#","SessionToken":null,"Expiration":null"#.into(),
        r#","SessionToken":"","Expiration":"""#.into(),
        r#","AccountId":"123456789012","secretaccesskey":"x""#.into(),
        r#","Else":{"Version":2,"AccessKeyId":[1,-2.5e+9,true,false,null,{}]},"Else":"\ud800""#.into(),
        format!(r#","Deep":{deep}"#),
    ] {
        let pair = format!(r#""AccessKeyId":"{KEY_ID}","SecretAccessKey":"{SECRET}""#);
        for document in [
            format!(r#"{{"Version":1,{pair}{surplus}}}"#),
            format!("\u{feff}\r\n\t {{ \"Version\" :\t1 , {pair}{surplus} \r\n}}\r\n"),
            format!(r#"{{"V\u0065rsion":1,{pair}{surplus}}}"#),
        ] {
            let read = credential_process::parse(document.as_bytes(), "a").unwrap();
            assert!(content(&stored(&vault, &read)) == plain, "{}", &document[..document.len().min(300)]);
        }
    }
}

#[test]
fn every_offset_of_an_expiration_is_understood() {
    let vault = vault();
    for text in ["2026-11-23T04:05:06Z", "2026-11-23T05:05:06.999+01:00", "2026-11-22T18:20:06-09:45"] {
        let document = format!(
            r#"{{"Version":1,"AccessKeyId":"{KEY_ID}","SecretAccessKey":"x","SessionToken":"t","Expiration":"{text}"}}"#
        );
        let read = credential_process::parse(document.as_bytes(), "a").unwrap();
        assert_eq!(stored(&vault, &read).expires(), Some(time()), "{text}");
    }
}

#[test]
fn a_record_without_its_secret_shows_everything_else() {
    let vault = vault();
    vault.edit(|edit| varied().iter().try_for_each(|draft| edit.add(draft))).unwrap();
    for entry in vault.records().unwrap() {
        let text = json::render(&entry).unwrap();
        let value = parsed(&text);
        assert!(!text.contains(&SECRET[..8]) && !text.contains(&TOKEN[..8]), "{text}");
        assert_eq!(value["name"], entry.name());
        assert_eq!(value["access_key_id"], entry.access_key_id());
        let attributes = value["attributes"].as_object().unwrap();
        assert_eq!(attributes.len(), entry.attributes().count());
        for (key, value) in entry.attributes() {
            assert_eq!(attributes[key], value);
        }
        let mut expected = vec!["access_key_id", "attributes", "created", "name", "provider", "updated"];
        if entry.expires().is_some() {
            expected.push("expires");
            assert_eq!(value["expires"], "2026-11-23T04:05:06Z");
        }
        expected.sort_unstable();
        assert_eq!(keys(&value), expected);
    }
    let list = json::render_all(vault.records().unwrap()).unwrap();
    let each: Vec<_> = vault.records().unwrap().map(|entry| parsed(&json::render(&entry).unwrap())).collect();
    assert_eq!(parsed(&list), Value::Array(each));
    assert_eq!(list.lines().count(), varied().len() + 2, "one line for each record");
    assert_eq!(json::render_all([]).unwrap(), "[]");
}

#[test]
fn a_record_is_written_word_for_word_as_the_documentation_says() {
    let attributed = draft("s3").attribute("b", "2").unwrap().attribute("a", "1").unwrap();
    let expiring = NewRecord::new_session("sts", "ASIA", "s", "t").unwrap().expires(time());
    let forge = Forge::new(1).person("Anna", Role::Administrator, PASSPHRASE, cheap()).unwrap();
    let forge = forge.record(&attributed, 0, 1_795_406_706).unwrap().record(&expiring, 0, 1).unwrap();
    let storage = InMemory::from_bytes(forge.build().unwrap());
    let vault = OpenOptions::new().without_pin().open_in(storage, PASSPHRASE).unwrap();

    let s3 = concat!(
        r#"{"name":"s3","provider":"static","access_key_id":"AKIAIOSFODNN7EXAMPLE","attributes":{"a":"1","b":"2"},"#,
        r#""created":"1970-01-01T00:00:00Z","updated":"2026-11-23T04:05:06Z""#
    );
    let sts = concat!(
        r#"{"name":"sts","provider":"session","access_key_id":"ASIA","attributes":{},"created":"1970-01-01T00:00:00Z","#,
        r#""updated":"1970-01-01T00:00:01Z","expires":"2026-11-23T04:05:06Z""#
    );
    assert_eq!(json::render_all(vault.records().unwrap()).unwrap(), format!("[\n{s3}}},\n{sts}}}\n]"));
    let s3 = format!(r#"{s3},"secret_access_key":"{SECRET}"}}"#);
    let sts = format!(r#"{sts},"secret_access_key":"s","session_token":"t"}}"#);
    let records = all(&vault);
    assert_eq!(json::render_with_secret(&records[0]).unwrap().expose_secret(), s3);
    assert_eq!(json::render_with_secret(&records[1]).unwrap().expose_secret(), sts);
    let export = json::render_all_with_secrets(&records).unwrap();
    assert_eq!(export.expose_secret(), format!("[\n{s3},\n{sts}\n]"));
}

#[test]
fn an_export_imported_into_another_vault_is_the_same_record_by_record() {
    let one = vault();
    one.edit(|edit| {
        for (at, secret) in SECRETS.into_iter().enumerate() {
            edit.add(&NewRecord::new_static(format!("secret {at}"), KEY_ID, secret)?)?;
            edit.add(&NewRecord::new_session(format!("session {at}"), KEY_ID, SECRET, secret)?)?;
        }
        varied().iter().try_for_each(|draft| edit.add(draft))
    })
    .unwrap();
    let records = all(&one);
    let export = json::render_all_with_secrets(&records).unwrap();
    assert_eq!(format!("{export:?}"), "SecretBox<str>([REDACTED])");

    let other = vault();
    let drafts = json::parse(export.expose_secret().as_bytes(), None).unwrap().records;
    other.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft))).unwrap();
    let imported = all(&other);
    assert_eq!(imported.len(), SECRETS.len() * 2 + varied().len());
    assert_eq!(
        imported.iter().map(content).collect::<Vec<_>>(),
        records.iter().map(content).collect::<Vec<_>>()
    );
    // And one at a time, whatever the caller would call a record without a name.
    for record in &records {
        let text = json::render_with_secret(record).unwrap();
        for name in [None, Some("nameless")] {
            let drafts = json::parse(text.expose_secret().as_bytes(), name).unwrap().records;
            assert_eq!(drafts.len(), 1);
            assert_eq!(content(&stored(&other, &drafts[0])), content(record));
        }
    }
    assert_eq!(json::render_all_with_secrets(&[]).unwrap().expose_secret(), "[]");
    assert!(json::parse(b"[]", None).unwrap().records.is_empty());
}

#[test]
fn records_written_by_hand_may_leave_out_what_the_vault_knows() {
    let vault = vault();
    let minimal =
        format!(r#"{{"provider":"_STATIC","access_key_id":"{KEY_ID}","secret_access_key":"{SECRET}"}}"#);
    let drafts = json::parse(format!("[{minimal}]").as_bytes(), Some("plain")).unwrap().records;
    assert_eq!(content(&stored(&vault, &drafts[0])), content(&stored(&vault, &draft("plain"))));
    let nulls = minimal.replace(
        "{",
        r#"{"name":null,"attributes":null,"expires":null,"session_token":null,"created":"whenever","updated":7,"#,
    );
    let drafts = json::parse(nulls.as_bytes(), Some("plain")).unwrap().records;
    assert_eq!(content(&stored(&vault, &drafts[0])), content(&stored(&vault, &draft("plain"))));
}

fn shows_a_secret(said: &str) -> bool {
    said.contains(&SECRET[..8]) || said.contains(&TOKEN[..8]) // also one that was cut
}

/// What a document is refused with: of the right kind, and without a trace of any secret.
#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidFile, "{error}");
    let said = everything_said(&error);
    assert!(!shows_a_secret(&said), "a secret is shown: {said}");
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
