//! What holds for every record and every text.

use super::refused::good_record;
use super::*;

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

/// Where the clock begins: the year 1601 on Windows, else our own year 1.
const FIRST_TIME: i64 = if cfg!(windows) { -11_644_473_600 } else { -62_135_596_800 };

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_come_back_from_an_export(
        records in proptest::collection::btree_map(
            "[a-z]{1,8}",
            (".{1,40}", proptest::option::of(".{1,40}"), proptest::collection::btree_map("[a-z.]{1,8}", ".{0,20}", 0..4),
             proptest::option::of(FIRST_TIME..=253_402_300_799)),
            0..6,
        )
    ) {
        let drafts: Vec<_> = records.iter().map(|(name, (secret, token, attributes, expires))| {
            let mut draft = match token {
                None => NewRecord::new_static(name, KEY_ID, secret.as_str()).unwrap(),
                Some(token) => NewRecord::new_session(name, KEY_ID, secret.as_str(), token.as_str()).unwrap(),
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
            let again = stored_alone(vault, &json::parse(export.expose_secret().as_bytes(), None).unwrap().records);
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
            Err(_) => assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidFile),
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
            assert_eq!(error.kind(), ErrorKind::InvalidFile);
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
