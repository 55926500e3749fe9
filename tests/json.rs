//! JSON in and out: what a `credential_process` prints, and our own records.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed step fails the test")]

mod common;

use std::error::Error as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aumbry::aws::{credential_process, json};
use aumbry::storage::InMemory;
use aumbry::testing::Forge;
use aumbry::{
    CreateOptions, Credentials, Draft, Error, ErrorKind, ExposeSecret, OpenOptions, Provider, Result, Role,
    Vault,
};
use common::*;
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
    options.create_in_storage(InMemory::new(), PASSPHRASE).unwrap()
}

fn stored(vault: &Vault, draft: &Draft) -> Credentials {
    vault
        .edit(|edit| {
            edit.put(draft);
            Ok(())
        })
        .unwrap();
    vault.get_credentials(draft.name().as_str()).unwrap().unwrap()
}

/// What comes out of a vault that holds these and no others.
fn stored_alone(vault: &Vault, drafts: &[Draft]) -> Vec<Credentials> {
    let old: Vec<_> = vault.entries().unwrap().map(|entry| entry.name().to_owned()).collect();
    let change = |edit: &mut aumbry::Edit<'_>| {
        old.iter().try_for_each(|name| edit.remove(name))?;
        drafts.iter().try_for_each(|draft| edit.add(draft))
    };
    vault.edit(change).unwrap();
    all(vault)
}

fn all(vault: &Vault) -> Vec<Credentials> {
    let entries = vault.entries().unwrap();
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
    let attributes: Vec<_> = record.attributes().iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    (
        (record.name().clone(), record.provider(), record.access_key_id().to_owned()),
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

fn session(name: &str) -> Draft {
    Draft::new_session(name, "ASIAIOSFODNN7EXAMPLE", SECRET, TOKEN).unwrap().expires(time())
}

/// Five records that differ in everything they can differ in.
fn varied() -> Vec<Draft> {
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
        Draft::new_session("a \"quoted\" \\ name", KEY_ID, "s", "t").unwrap(),
        draft("static, but expires").expires(time()),
    ]
}

#[test]
fn a_credential_process_prints_what_aws_expects() {
    let vault = vault();
    let printed = |draft: &Draft| {
        credential_process::render(&stored(&vault, draft)).unwrap().expose_secret().to_owned()
    };
    let plain = Draft::new_static("a", KEY_ID, "wJalr/+=").unwrap().attribute("region", "x").unwrap();
    assert_eq!(
        printed(&plain),
        r#"{"Version":1,"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"wJalr/+="}"#
    );
    let session = Draft::new_session("a", "ASIAEXAMPLE", "wJalr\"\\", "IQoJ").unwrap();
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
            Draft::new_static("a", KEY_ID, secret).unwrap(),
            Draft::new_static("a", KEY_ID, secret).unwrap().expires(time()),
            Draft::new_session("a", KEY_ID, secret, secret).unwrap(),
            Draft::new_session("a", KEY_ID, secret, TOKEN).unwrap().expires(time()),
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
    let drafts = json::parse(document.as_bytes(), Some("work")).unwrap();
    assert_eq!(drafts.len(), 1);
    let credentials = stored(&vault, &drafts[0]);
    assert_eq!(credentials.name().as_str(), "work");
    assert_eq!((secret(&credentials), token(&credentials)), (SECRET, Some("IQoJ<&>")));
    assert_eq!(credentials.expires(), Some(time()));

    let without_session = format!(
        "{{\n  \"Version\": 1,\n  \"AccessKeyId\": \"{KEY_ID}\",\n  \"SecretAccessKey\": \"{SECRET}\"\n}}\n"
    );
    let drafts = json::parse(without_session.as_bytes(), Some("work")).unwrap();
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
    for entry in vault.entries().unwrap() {
        let text = json::render(&entry).unwrap();
        let value = parsed(&text);
        assert!(!text.contains(&SECRET[..8]) && !text.contains(&TOKEN[..8]), "{text}");
        assert_eq!(value["name"], entry.name());
        assert_eq!(value["access_key_id"], entry.access_key_id());
        let attributes = value["attributes"].as_object().unwrap();
        assert_eq!(attributes.len(), entry.attributes().len());
        for (key, value) in entry.attributes().iter() {
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
    let list = json::render_all(vault.entries().unwrap()).unwrap();
    let each: Vec<_> = vault.entries().unwrap().map(|entry| parsed(&json::render(&entry).unwrap())).collect();
    assert_eq!(parsed(&list), Value::Array(each));
    assert_eq!(list.lines().count(), varied().len() + 2, "one line for each record");
    assert_eq!(json::render_all([]).unwrap(), "[]");
}

#[test]
fn a_record_is_written_word_for_word_as_the_documentation_says() {
    let attributed = draft("s3").attribute("b", "2").unwrap().attribute("a", "1").unwrap();
    let expiring = Draft::new_session("sts", "ASIA", "s", "t").unwrap().expires(time());
    let forge = Forge::new(1).person("Anna", Role::Administrator, PASSPHRASE, cheap()).unwrap();
    let forge = forge.record(&attributed, 0, 1_795_406_706).unwrap().record(&expiring, 0, 1).unwrap();
    let storage = InMemory::from_bytes(forge.build().unwrap());
    let vault = OpenOptions::new().without_pin().open_storage(storage, PASSPHRASE).unwrap();

    let s3 = concat!(
        r#"{"name":"s3","provider":"static","access_key_id":"AKIAIOSFODNN7EXAMPLE","attributes":{"a":"1","b":"2"},"#,
        r#""created":"1970-01-01T00:00:00Z","updated":"2026-11-23T04:05:06Z""#
    );
    let sts = concat!(
        r#"{"name":"sts","provider":"session","access_key_id":"ASIA","attributes":{},"created":"1970-01-01T00:00:00Z","#,
        r#""updated":"1970-01-01T00:00:01Z","expires":"2026-11-23T04:05:06Z""#
    );
    assert_eq!(json::render_all(vault.entries().unwrap()).unwrap(), format!("[\n{s3}}},\n{sts}}}\n]"));
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
            edit.add(&Draft::new_static(format!("secret {at}"), KEY_ID, secret)?)?;
            edit.add(&Draft::new_session(format!("session {at}"), KEY_ID, SECRET, secret)?)?;
        }
        varied().iter().try_for_each(|draft| edit.add(draft))
    })
    .unwrap();
    let records = all(&one);
    let export = json::render_all_with_secrets(&records).unwrap();
    assert_eq!(format!("{export:?}"), "SecretBox<str>([REDACTED])");

    let other = vault();
    let drafts = json::parse(export.expose_secret().as_bytes(), None).unwrap();
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
            let drafts = json::parse(text.expose_secret().as_bytes(), name).unwrap();
            assert_eq!(drafts.len(), 1);
            assert_eq!(content(&stored(&other, &drafts[0])), content(record));
        }
    }
    assert_eq!(json::render_all_with_secrets(&[]).unwrap().expose_secret(), "[]");
    assert!(json::parse(b"[]", None).unwrap().is_empty());
}

#[test]
fn records_written_by_hand_may_leave_out_what_the_vault_knows() {
    let vault = vault();
    let minimal =
        format!(r#"{{"provider":"_STATIC","access_key_id":"{KEY_ID}","secret_access_key":"{SECRET}"}}"#);
    let drafts = json::parse(format!("[{minimal}]").as_bytes(), Some("plain")).unwrap();
    assert_eq!(content(&stored(&vault, &drafts[0])), content(&stored(&vault, &draft("plain"))));
    let nulls = minimal.replace(
        "{",
        r#"{"name":null,"attributes":null,"expires":null,"session_token":null,"created":"whenever","updated":7,"#,
    );
    let drafts = json::parse(nulls.as_bytes(), Some("plain")).unwrap();
    assert_eq!(content(&stored(&vault, &drafts[0])), content(&stored(&vault, &draft("plain"))));
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

/// What a document is refused with: of the right kind, and without a trace of any secret.
#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidImport, "{error}");
    let said = everything_said(&error);
    assert!(!shows_a_secret(&said), "a secret is shown: {said}");
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[test]
fn what_is_no_json_is_refused_by_its_position() {
    let cut = format!(r#"{{"Version":1,"AccessKeyId":"{KEY_ID}","SecretAccessKey":"{SECRET}"#);
    for (document, why) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("\u{feff}", "EOF while parsing a value at line 1 column 0"),
        (SECRET, "expected value at line 1 column 1"),
        ("[default]\naws_access_key_id=x", "expected value at line 1 column 2"),
        ("{\n\"Version\": 1,\n}", "key must be a string at line 3 column 1"),
        ("{'Version':1}", "key must be a string at line 1 column 2"),
        ("[]\n{}", "trailing characters at line 2 column 1"),
        ("[\"\\x\"]", "invalid escape at line 1 column 4"),
        ("[\"\\u12g4\"]", "invalid escape at line 1 column 8"),
        ("[\"a\nb\"]", "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 3"),
        (&cut, "EOF while parsing a string at line 1 column 112"),
        (&"[".repeat(1_000_000), "EOF while parsing a list at line 1 column 1000000"),
    ] {
        let expected = format!("this is no JSON document: {why}");
        assert_eq!(refusal(json::parse(document.as_bytes(), Some("a"))), expected);
        assert_eq!(refusal(credential_process::parse(document.as_bytes(), "a")), expected);
    }
    assert_eq!(
        refusal(json::parse(b"\xff\xfe{\0}\0", None)),
        "this is no JSON document: it is not UTF-8 text"
    );
    assert_eq!(refusal(json::parse(b"\"\xc3\"", None)), "this is no JSON document: it is not UTF-8 text");
}

#[test]
fn a_document_beyond_16_mib_is_too_large() {
    let mut spaces = vec![b' '; 16 * 1024 * 1024 + 1];
    assert_eq!(json::parse(&spaces, None).unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(credential_process::parse(&spaces, "a").unwrap_err().kind(), ErrorKind::TooLarge);
    spaces.truncate(16 * 1024 * 1024);
    *spaces.last_mut().unwrap() = b']';
    spaces[0] = b'[';
    assert!(json::parse(&spaces, None).unwrap().is_empty(), "control: 16 MiB are read");
}

#[test]
fn a_bad_document_for_aws_is_refused_by_the_rule_it_breaks() {
    let good = json!({"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": SECRET, "SessionToken": TOKEN});
    let with = |key: &str, value: Value| {
        let mut document = good.clone();
        document[key] = value;
        document.to_string()
    };
    let without = |key: &str| {
        let mut document = good.clone();
        document.as_object_mut().unwrap().remove(key);
        document.to_string()
    };
    let text = good.to_string();
    let long = SECRET.repeat(2000);
    for (document, why) in [
        (without("Version"), "\"Version\" is missing"),
        (with("Version", Value::Null), "\"Version\" is missing"),
        (with("Version", json!("1")), "its \"Version\" is not the number 1"),
        (with("Version", json!(2)), "its \"Version\" is not the number 1"),
        (with("Version", json!(1.0)), "its \"Version\" is not the number 1"),
        (with("Version", json!(SECRET)), "its \"Version\" is not the number 1"),
        (without("AccessKeyId"), "\"AccessKeyId\" is missing"),
        (without("SecretAccessKey"), "\"SecretAccessKey\" is missing"),
        (with("SecretAccessKey", Value::Null), "\"SecretAccessKey\" is missing"),
        (with("SecretAccessKey", json!([SECRET])), "\"SecretAccessKey\" is no string"),
        (with("SecretAccessKey", json!({ SECRET: SECRET })), "\"SecretAccessKey\" is no string"),
        (with("AccessKeyId", json!(17)), "\"AccessKeyId\" is no string"),
        (with("SessionToken", json!(true)), "\"SessionToken\" is no string"),
        (with("Expiration", json!(1_795_406_706)), "\"Expiration\" is no string"),
        (with("Expiration", json!(SECRET)), "its \"Expiration\" is no RFC 3339 time"),
        (with("Expiration", json!("2026-11-23T04:05:06")), "its \"Expiration\" is no RFC 3339 time"),
        (text.replace('{', r#"{"Version":1,"#), "it has \"Version\" twice"),
        (text.replace('{', r#"{"SecretAccess\u004bey":"x","#), "it has \"SecretAccessKey\" twice"),
        (text.replace('{', r#"{"SessionToken":null,"#), "it has \"SessionToken\" twice"),
        (
            text.replace(SECRET, &format!(r"{SECRET}\ud83d")),
            "\"SecretAccessKey\" holds half of a surrogate pair",
        ),
        (
            text.replace(SECRET, &format!(r"{SECRET}\udd11\ud83d")),
            "\"SecretAccessKey\" holds half of a surrogate pair",
        ),
        (
            text.replace(SECRET, &format!(r"{SECRET}\ud83d\u0041")),
            "\"SecretAccessKey\" holds half of a surrogate pair",
        ),
        (text.replace('{', &format!(r#"{{"{SECRET}\ud800":1,"#)), "key 1 holds half of a surrogate pair"),
    ] {
        let expected = format!("the JSON document is refused: {why}");
        assert_eq!(refusal(credential_process::parse(document.as_bytes(), "a")), expected, "{document}");
        assert_eq!(refusal(json::parse(document.as_bytes(), Some("a"))), expected, "{document}");
    }
    for (document, why) in [
        (with("AccessKeyId", json!("")), "the access key id must not be empty"),
        (
            with("AccessKeyId", json!(format!("{SECRET} "))),
            "the access key id must hold neither white space nor control characters",
        ),
        (
            with("AccessKeyId", json!("A".repeat(1025))),
            "the access key id must be at most 1024 bytes long, not 1025",
        ),
        (with("SecretAccessKey", json!("")), "the secret access key must not be empty"),
        (
            with("SecretAccessKey", json!(long)),
            "the secret access key and session token must be at most 65525 bytes long",
        ),
    ] {
        let expected = format!("the JSON document is refused: {why}");
        assert_eq!(refusal(credential_process::parse(document.as_bytes(), "a")), expected);
    }
    for document in [format!("[{good}]"), format!("\"{SECRET}\""), "null".into(), "1".into()] {
        let said = refusal(credential_process::parse(document.as_bytes(), "a"));
        assert_eq!(said, "the JSON document is refused: it is no JSON object");
    }
    assert_eq!(
        refusal(json::parse(text.as_bytes(), None)),
        "the JSON document is refused: it says no name, so say what the record is to be called"
    );
    assert!(credential_process::parse(text.as_bytes(), "a").is_ok(), "control");
}

#[test]
fn a_name_of_the_caller_that_breaks_a_rule_is_the_callers_mistake() {
    let text = json!({"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": SECRET}).to_string();
    let kind = |name: &str| json::parse(text.as_bytes(), Some(name)).unwrap_err().kind();
    assert_eq!(kind(" a"), ErrorKind::InvalidName);
    assert_eq!(kind("aumbry:a"), ErrorKind::ReservedName);
    assert_eq!(kind(&"a".repeat(1025)), ErrorKind::TooLong);
}

/// Changes of the second of three good records, and the rule that each breaks.
fn bad_records() -> Vec<(Value, &'static str)> {
    let name = "its \"name\" breaks a rule: 1 to 1024 bytes, no control characters, no white space at either end, not \
                beginning with \"aumbry:\"";
    let key = "it has a key that is none of name, provider, access_key_id, attributes, created, updated, expires, \
               secret_access_key, session_token";
    vec![
        (json!({"name": null}), "it says no name, so say what the record is to be called"),
        (json!({"name": 1}), "\"name\" is no string"),
        (json!({"name": ""}), name),
        (json!({"name": format!(" {SECRET}")}), name),
        (json!({"name": format!("{SECRET}\u{7}")}), name),
        (json!({"name": format!("aumbry:{SECRET}")}), name),
        (json!({"name": SECRET.repeat(100)}), name),
        (json!({"name": "first"}), "it has the same name as record 1"),
        (json!({"provider": null}), "\"provider\" is missing"),
        (json!({"provider": SECRET}), "its \"provider\" is neither static nor session"),
        (json!({"provider": "Static"}), "its \"provider\" is neither static nor session"),
        (json!({"provider": {"static": {}}}), "\"provider\" is no string"),
        (json!({"access_key_id": null}), "\"access_key_id\" is missing"),
        (json!({"access_key_id": "a b"}), ""),
        (json!({"secret_access_key": null}), "\"secret_access_key\" is missing"),
        (json!({"secret_access_key": ""}), ""),
        (json!({"secret_access_key": [SECRET]}), "\"secret_access_key\" is no string"),
        (json!({"session_token": null}), "\"session_token\" is missing"),
        (json!({"session_token": ""}), ""),
        (json!({"session_token": {}}), "\"session_token\" is no string"),
        (json!({"provider": "static"}), "it is static, but has a \"session_token\""),
        (json!({"expires": "tomorrow"}), "its \"expires\" is no RFC 3339 time"),
        (json!({"expires": ""}), "its \"expires\" is no RFC 3339 time"),
        (json!({"expires": 1_795_406_706}), "\"expires\" is no string"),
        (json!({"Version": 1}), key),
        (json!({ SECRET: 1 }), key),
    ]
}

fn good_record(name: &str) -> Value {
    json!({"name": name, "provider": "session", "access_key_id": KEY_ID, "attributes": {}, "created": "x", "updated": "y",
           "secret_access_key": SECRET, "session_token": TOKEN})
}

fn changed(change: &Value) -> Value {
    let mut record = good_record("second");
    for (key, value) in change.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

#[test]
fn a_bad_record_is_refused_by_its_number_and_the_rule_it_breaks_and_all_others_with_it() {
    for (change, why) in bad_records() {
        let bad = changed(&change);
        let export = json!([good_record("first"), bad, good_record("third")]).to_string();
        let said = refusal(json::parse(export.as_bytes(), None));
        assert!(
            said.starts_with(&format!("record 2 of the JSON document is refused: {why}")),
            "{change}: {said}"
        );
        assert!(!why.is_empty() || said.contains("must"), "{said}");
        let without = json!([good_record("first"), good_record("third")]).to_string();
        assert_eq!(json::parse(without.as_bytes(), None).unwrap().len(), 2, "control");
    }
    for other in [json!(null), json!(SECRET), json!(1), json!([good_record("a")])] {
        let export = json!([good_record("first"), other]).to_string();
        let said = refusal(json::parse(export.as_bytes(), None));
        assert_eq!(said, "record 2 of the JSON document is refused: it is no JSON object");
    }
}

#[test]
fn a_bad_attribute_is_refused_by_its_number() {
    let key = "the key of attribute 2 breaks a rule: 1 to 256 bytes, no control characters, no white space at either end, \
               not beginning with \"aumbry.\"";
    let long = SECRET.repeat(10);
    for (attributes, why) in [
        ("[]".to_owned(), "it is no JSON object"),
        (format!("\"{SECRET}\""), "it is no JSON object"),
        (r#"{"a":"1","b":2}"#.into(), "attribute 2 is no string"),
        (r#"{"a":"1","b":null}"#.into(), "attribute 2 is no string"),
        (r#"{"a":"1","b":"\udc00"}"#.into(), "attribute 2 holds half of a surrogate pair"),
        (r#"{"a":"1","\ud800":"2"}"#.into(), "key 2 holds half of a surrogate pair"),
        (r#"{"a":"1","\u0061":"2"}"#.into(), "attribute 2 has the key of one before it"),
        (r#"{"a":"1","":"2"}"#.into(), key),
        (format!(r#"{{"a":"1","{SECRET} ":"2"}}"#), key),
        (format!(r#"{{"a":"1","{SECRET}\u0007":"2"}}"#), key),
        (format!(r#"{{"a":"1","{long}":"2"}}"#), key),
        (format!(r#"{{"a":"1","aumbry.{SECRET}":"2"}}"#), key),
    ] {
        let record = good_record("a").to_string().replace("{}", &attributes);
        assert_eq!(
            refusal(json::parse(format!("[{record}]").as_bytes(), None)),
            format!("\"attributes\" of record 1 of the JSON document is refused: {why}")
        );
    }
}

#[test]
fn a_listing_without_secrets_is_no_export() {
    let vault = vault();
    add(&vault, "a");
    let list = json::render_all(vault.entries().unwrap()).unwrap();
    assert_eq!(
        refusal(json::parse(list.as_bytes(), None)),
        "record 1 of the JSON document is refused: \"secret_access_key\" is missing"
    );
}

#[test]
fn a_name_that_is_taken_leaves_the_vault_as_it_was() {
    let vault = vault();
    add(&vault, "second");
    let export = json!([good_record("first"), good_record("second")]).to_string();
    let drafts = json::parse(export.as_bytes(), None).unwrap();
    let error = vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NameTaken);
    assert_eq!(all(&vault).len(), 1);
    assert!(!shows_a_secret(&format!("{drafts:?}")));
}

/// A string as some writer of JSON may write it: any character plain or escaped, surrogates in and out of pairs.
fn literal() -> impl Strategy<Value = String> {
    let unit = |units: std::ops::RangeInclusive<u16>| {
        (units, any::<bool>())
            .prop_map(|(unit, upper)| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") })
    };
    let pair = any::<char>().prop_map(|c| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    });
    let plain = any::<char>().prop_filter("must be escaped", |c| *c >= ' ' && *c != '"' && *c != '\\');
    let piece = prop_oneof![
        6 => "[ -!#-\\[\\]-~]{1,12}",
        3 => plain.prop_map(String::from),
        3 => proptest::sample::select(vec!["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"]).prop_map(String::from),
        3 => pair,
        2 => unit(0..=0xd7ff),
        1 => unit(0xd800..=0xdbff),
        1 => unit(0xdc00..=0xdfff),
    ];
    proptest::collection::vec(piece, 1..12).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_come_back_from_an_export(
        records in proptest::collection::btree_map(
            "[a-z]{1,8}",
            (".{1,40}", proptest::option::of(".{1,40}"), proptest::collection::btree_map("[a-z.]{1,8}", ".{0,20}", 0..4),
             proptest::option::of(-62_135_596_800i64..=253_402_300_799)),
            0..6,
        )
    ) {
        let drafts: Vec<_> = records.iter().map(|(name, (secret, token, attributes, expires))| {
            let mut draft = match token {
                None => Draft::new_static(name, KEY_ID, secret.as_str()).unwrap(),
                Some(token) => Draft::new_session(name, KEY_ID, secret.as_str(), token.as_str()).unwrap(),
            };
            for (key, value) in attributes {
                draft = draft.attribute(key, value).unwrap();
            }
            match expires {
                None => draft,
                Some(at @ 0..) => draft.expires(UNIX_EPOCH + Duration::from_secs(at.unsigned_abs())),
                Some(at) => draft.expires(UNIX_EPOCH - Duration::from_secs(at.unsigned_abs())),
            }
        }).collect();
        VAULT.with(|vault| {
            let records = stored_alone(vault, &drafts);
            let export = json::render_all_with_secrets(&records).unwrap();
            let value: Value = serde_json::from_str(export.expose_secret()).unwrap();
            for (record, value) in records.iter().zip(value.as_array().unwrap()) {
                assert_eq!(value["secret_access_key"], secret(record));
                assert_eq!(value.get("session_token").and_then(Value::as_str), token(record));
            }
            let again = stored_alone(vault, &json::parse(export.expose_secret().as_bytes(), None).unwrap());
            assert!(again.iter().map(content).eq(records.iter().map(content)));
        });
    }

    #[test]
    fn a_secret_is_read_as_serde_json_reads_it_however_it_is_escaped(literal in literal()) {
        let document = format!(r#"{{"Version":1,"AccessKeyId":"{KEY_ID}","SecretAccessKey":{literal}}}"#);
        let read = credential_process::parse(document.as_bytes(), "a");
        match serde_json::from_str::<String>(&literal) {
            Ok(expected) => {
                let found = VAULT.with(|vault| secret(&stored(vault, &read.unwrap())).to_owned());
                assert_eq!(found, expected);
            }
            Err(_) => assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidImport),
        }
    }

    #[test]
    fn a_broken_document_is_read_or_refused_and_never_shown(
        at in any::<proptest::sample::Index>(), cut in 0usize..60, put in "[\\[\\]{}\",:\\\\u0-9a-z \\n]{0,6}"
    ) {
        let mut text = json!([good_record("first"), good_record("second")]).to_string();
        let start = at.index(text.len());
        text.replace_range(start..(start + cut).min(text.len()), &put);
        if let Err(error) = json::parse(text.as_bytes(), Some("a")) {
            assert_eq!(error.kind(), ErrorKind::InvalidImport);
            assert!(!shows_a_secret(&everything_said(&error)), "{error:?}");
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:\\\\u0-9a-z ]{0,60}") {
        for content in [bytes.as_slice(), text.as_bytes()] {
            let _ = json::parse(content, Some("a"));
            let _ = credential_process::parse(content, "a");
        }
    }
}

thread_local! {
    static VAULT: Vault = vault();
}
