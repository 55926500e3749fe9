//! Documents that are refused, and what is said of them.

use super::*;

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
        let expected = format!("invalid JSON document: {why}");
        assert_eq!(refusal(json::parse(document.as_bytes(), Some("a"))), expected);
        assert_eq!(refusal(credential_process::parse(document.as_bytes(), "a")), expected);
    }
    assert_eq!(refusal(json::parse(b"\xff\xfe{\0}\0", None)), "invalid JSON document: it is not UTF-8 text");
    assert_eq!(refusal(json::parse(b"\"\xc3\"", None)), "invalid JSON document: it is not UTF-8 text");
}

#[test]
fn a_document_beyond_16_mib_is_too_large() {
    let mut spaces = vec![b' '; 16 * 1024 * 1024 + 1];
    assert_eq!(credential_process::parse(&spaces, "a").unwrap_err().kind(), ErrorKind::InvalidFile);
    spaces.truncate(16 * 1024 * 1024);
    *spaces.last_mut().unwrap() = b']';
    spaces[0] = b'[';
    assert!(json::parse(&spaces, None).unwrap().records.is_empty(), "control: 16 MiB are read");
}

#[test]
fn an_export_may_be_as_large_as_a_vault_and_each_record_of_it_16_mib() {
    assert_eq!(json::parse(&vec![0; (1 << 30) + 1], None).unwrap_err().kind(), ErrorKind::InvalidFile);
    let record = r#"{"name":"a","provider":"static","access_key_id":"A","secret_access_key":"b"}"#;
    let export = format!("[{}{record}]", " ".repeat(16 * 1024 * 1024));
    assert_eq!(
        json::parse(export.as_bytes(), None).unwrap().records.len(),
        1,
        "longer than a single document may be"
    );

    let long = format!("[{}, {{\"name\":\"{}\"}}]", record, "n".repeat(16 * 1024 * 1024));
    let says = "record 2 of the JSON document is longer than 16777216 bytes";
    assert_eq!(refusal_of(ErrorKind::InvalidFile, json::parse(long.as_bytes(), None)), says);
    let many = format!("[{}1]", "1,".repeat(4_000_000));
    let says = "an array of the JSON document has more than 4000000 elements";
    assert_eq!(refusal_of(ErrorKind::InvalidFile, json::parse(many.as_bytes(), None)), says);
}

fn refusal_of<T>(kind: ErrorKind, parsed: aumbry::Result<T>) -> String {
    let error = parsed.err().unwrap();
    assert_eq!(error.kind(), kind);
    error.to_string()
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
        (with("SecretAccessKey", json!([SECRET])), "\"SecretAccessKey\" is not a string"),
        (with("SecretAccessKey", json!({ SECRET: SECRET })), "\"SecretAccessKey\" is not a string"),
        (with("AccessKeyId", json!(17)), "\"AccessKeyId\" is not a string"),
        (with("SessionToken", json!(true)), "\"SessionToken\" is not a string"),
        (with("Expiration", json!(1_795_406_706)), "\"Expiration\" is not a string"),
        (with("Expiration", json!(SECRET)), "its \"Expiration\" is not an RFC 3339 time"),
        (with("Expiration", json!("2026-11-23T04:05:06")), "its \"Expiration\" is not an RFC 3339 time"),
        (text.replace('{', r#"{"Version":1,"#), "it has \"Version\" twice"),
        (text.replace('{', r#"{"SecretAccess\u004bey":"x","#), "it has \"SecretAccessKey\" twice"),
        (text.replace('{', r#"{"SessionToken":null,"#), "it has \"SessionToken\" twice"),
        (
            text.replace(SECRET, &format!(r"{SECRET}\ud83d")),
            "\"SecretAccessKey\" contains half of a surrogate pair",
        ),
        (
            text.replace(SECRET, &format!(r"{SECRET}\udd11\ud83d")),
            "\"SecretAccessKey\" contains half of a surrogate pair",
        ),
        (
            text.replace(SECRET, &format!(r"{SECRET}\ud83d\u0041")),
            "\"SecretAccessKey\" contains half of a surrogate pair",
        ),
        (text.replace('{', &format!(r#"{{"{SECRET}\ud800":1,"#)), "key 1 contains half of a surrogate pair"),
    ] {
        let expected = format!("the JSON document is not valid: {why}");
        assert_eq!(refusal(credential_process::parse(document.as_bytes(), "a")), expected, "{document}");
        assert_eq!(refusal(json::parse(document.as_bytes(), Some("a"))), expected, "{document}");
    }
    for (document, why) in [
        (with("AccessKeyId", json!("")), "invalid access key id: it must not be empty"),
        (
            with("AccessKeyId", json!(format!("{SECRET} "))),
            "invalid access key id: it must not contain white space or control characters",
        ),
        (
            with("AccessKeyId", json!("A".repeat(1025))),
            "invalid access key id: it must be at most 1024 bytes long, not 1025",
        ),
        (with("SecretAccessKey", json!("")), "invalid secret access key: it must not be empty"),
        (
            with("SecretAccessKey", json!(long)),
            "invalid secret access key or session token: together they must be at most 65525 bytes long",
        ),
    ] {
        let expected = format!("the JSON document is not valid: {why}");
        assert_eq!(refusal(credential_process::parse(document.as_bytes(), "a")), expected);
    }
    for document in [format!("[{good}]"), format!("\"{SECRET}\""), "null".into(), "1".into()] {
        let said = refusal(credential_process::parse(document.as_bytes(), "a"));
        assert_eq!(said, "the JSON document is not valid: it is not a JSON object");
    }
    assert_eq!(
        refusal(json::parse(text.as_bytes(), None)),
        "the JSON document is not valid: it has no name: choose a name for the record"
    );
    assert!(credential_process::parse(text.as_bytes(), "a").is_ok(), "control");
}

#[test]
fn a_name_of_the_caller_that_breaks_a_rule_is_the_callers_mistake() {
    let text = json!({"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": SECRET}).to_string();
    let kind = |name: &str| json::parse(text.as_bytes(), Some(name)).unwrap_err().kind();
    assert_eq!(kind(" a"), ErrorKind::InvalidInput);
    assert_eq!(kind("aumbry:a"), ErrorKind::InvalidInput);
    assert_eq!(kind(&"a".repeat(1025)), ErrorKind::InvalidInput);
}

/// Changes of the second of three good records, and the rule that each breaks.
fn bad_records() -> Vec<(Value, &'static str)> {
    let name = "its \"name\" breaks a rule: 1 to 1024 bytes, no control characters, no white space at either end, not \
                beginning with \"aumbry:\"";
    let key = "it has an unknown key; the known keys are name, provider, access_key_id, attributes, created, \
               updated, expires, secret_access_key, session_token";
    vec![
        (json!({"name": null}), "it has no name: choose a name for the record"),
        (json!({"name": 1}), "\"name\" is not a string"),
        (json!({"name": ""}), name),
        (json!({"name": format!(" {SECRET}")}), name),
        (json!({"name": format!("{SECRET}\u{7}")}), name),
        (json!({"name": format!("aumbry:{SECRET}")}), name),
        (json!({"name": SECRET.repeat(100)}), name),
        (json!({"name": "first"}), "it has the same name as record 1"),
        (json!({"provider": null}), "\"provider\" is missing"),
        (json!({"provider": SECRET}), "its \"provider\" must be static or session"),
        (json!({"provider": "Static"}), "its \"provider\" must be static or session"),
        (json!({"provider": {"static": {}}}), "\"provider\" is not a string"),
        (json!({"access_key_id": null}), "\"access_key_id\" is missing"),
        (json!({"access_key_id": "a b"}), ""),
        (json!({"secret_access_key": null}), "\"secret_access_key\" is missing"),
        (json!({"secret_access_key": ""}), ""),
        (json!({"secret_access_key": [SECRET]}), "\"secret_access_key\" is not a string"),
        (json!({"session_token": null}), "\"session_token\" is missing"),
        (json!({"session_token": ""}), ""),
        (json!({"session_token": {}}), "\"session_token\" is not a string"),
        (json!({"provider": "static"}), "it has a \"session_token\", but its \"provider\" is static"),
        (json!({"expires": "tomorrow"}), "its \"expires\" is not an RFC 3339 time"),
        (json!({"expires": ""}), "its \"expires\" is not an RFC 3339 time"),
        (json!({"expires": 1_795_406_706}), "\"expires\" is not a string"),
        (json!({"Version": 1}), key),
        (json!({ SECRET: 1 }), key),
    ]
}

pub(super) fn good_record(name: &str) -> Value {
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
            said.starts_with(&format!("record 2 of the JSON document is not valid: {why}")),
            "{change}: {said}"
        );
        assert!(!why.is_empty() || said.contains("must"), "{said}");
        let without = json!([good_record("first"), good_record("third")]).to_string();
        assert_eq!(json::parse(without.as_bytes(), None).unwrap().records.len(), 2, "control");
    }
    for other in [json!(null), json!(SECRET), json!(1), json!([good_record("a")])] {
        let export = json!([good_record("first"), other]).to_string();
        let said = refusal(json::parse(export.as_bytes(), None));
        assert_eq!(said, "record 2 of the JSON document is not valid: it is not a JSON object");
    }
}

#[test]
fn a_bad_attribute_is_refused_by_its_number() {
    let key = "the key of attribute 2 breaks a rule: 1 to 256 bytes, no control characters, no white space at either end, \
               not beginning with \"aumbry.\"";
    let long = SECRET.repeat(10);
    for (attributes, why) in [
        ("[]".to_owned(), "it is not a JSON object"),
        (format!("\"{SECRET}\""), "it is not a JSON object"),
        (r#"{"a":"1","b":2}"#.into(), "attribute 2 is not a string"),
        (r#"{"a":"1","b":null}"#.into(), "attribute 2 is not a string"),
        (r#"{"a":"1","b":"\udc00"}"#.into(), "attribute 2 contains half of a surrogate pair"),
        (r#"{"a":"1","\ud800":"2"}"#.into(), "key 2 contains half of a surrogate pair"),
        (r#"{"a":"1","\u0061":"2"}"#.into(), "attribute 2 has the same key as an earlier attribute"),
        (r#"{"a":"1","":"2"}"#.into(), key),
        (format!(r#"{{"a":"1","{SECRET} ":"2"}}"#), key),
        (format!(r#"{{"a":"1","{SECRET}\u0007":"2"}}"#), key),
        (format!(r#"{{"a":"1","{long}":"2"}}"#), key),
        (format!(r#"{{"a":"1","aumbry.{SECRET}":"2"}}"#), key),
    ] {
        let record = good_record("a").to_string().replace("{}", &attributes);
        assert_eq!(
            refusal(json::parse(format!("[{record}]").as_bytes(), None)),
            format!("\"attributes\" of record 1 of the JSON document is not valid: {why}")
        );
    }
}

/// As many as can be saved at all: each takes three bytes at least, all of them 16 KiB at most.
#[test]
fn more_attributes_than_a_record_can_have_are_refused_before_they_are_sorted() {
    let parse = |count: u32| {
        // The last one first, which is the most work for whoever keeps them in order.
        let attributes: Vec<_> = (0..count).rev().map(|n| format!(r#""{n:x}":"""#)).collect();
        let record = good_record("a").to_string().replace("{}", &format!("{{{}}}", attributes.join(",")));
        json::parse(format!("[{record}]").as_bytes(), None)
    };
    let drafts = parse(5_461).unwrap().records;
    let error = vault().edit(|edit| edit.add(&drafts[0])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "these take more than three bytes each");
    for count in [5_462, 100_000] {
        assert_eq!(
            refusal(parse(count)),
            "\"attributes\" of record 1 of the JSON document is not valid: a record can have at most 5461 attributes"
        );
    }
    // A program's own, one by one.
    let full = drafts.into_iter().next().unwrap().attribute("0", "another value").unwrap();
    assert_eq!(full.attribute("new", "").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_listing_without_secrets_is_no_export() {
    let vault = vault();
    add(&vault, "a");
    let list = json::render_all(vault.records().unwrap()).unwrap();
    assert_eq!(
        refusal(json::parse(list.as_bytes(), None)),
        "record 1 of the JSON document is not valid: \"secret_access_key\" is missing"
    );
}

#[test]
fn a_name_that_is_taken_leaves_the_vault_as_it_was() {
    let vault = vault();
    add(&vault, "second");
    let export = json!([good_record("first"), good_record("second")]).to_string();
    let drafts = json::parse(export.as_bytes(), None).unwrap().records;
    let error = vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(all(&vault).len(), 1);
    assert!(!shows_a_secret(&format!("{drafts:?}")));
}
