//! What holds for every record and every text.

use std::collections::BTreeMap;

use aumbry::interchange::{bitwarden_json, keepass_xml, keepassxc_csv, onepassword_csv};
use proptest::prelude::*;

use super::*;

/// Any text that XML can carry; rather often one that it must escape, or that has line ends and white space at its ends.
fn text() -> impl Strategy<Value = String> {
    let carried = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    let special = proptest::sample::select(vec![
        "&",
        "<",
        ">",
        "\"",
        "'",
        "]]>",
        "&amp;",
        "&#13;",
        "<!--",
        "<![CDATA[",
        "\r\n",
        "\r",
        "\n",
        "\t",
        " ",
        "/+=#;",
        "{",
        "\u{feff}",
    ]);
    let piece = prop_oneof![
        3 => "[ -~]{1,8}",
        2 => special.prop_map(String::from),
        2 => any::<char>().prop_filter("XML has it", carried).prop_map(String::from),
    ];
    proptest::collection::vec(piece, 1..8)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("no reference", |text| !text.to_ascii_uppercase().contains("{REF:"))
}

/// A name or a key: any, or one that stands for something in some password manager.
fn name() -> impl Strategy<Value = String> {
    let known = [
        "Title",
        "UserName",
        "Password",
        "URL",
        "Notes",
        "url",
        "description",
        "region",
        "Region",
        "tags",
        "user_name",
        "Expires",
        "Access Key ID",
        "secret_access_key",
        "aws_session_token",
        "otp",
        "attribute:x",
        "attribute:attribute:x",
        "KPEX_PASSKEY",
    ];
    let other = "[^\\pC\\s]([^\\pC]{0,20}[^\\pC\\s])?".prop_filter("may be a name", |name| {
        !name.starts_with("aumbry") && !name.to_ascii_uppercase().contains("{REF:")
    });
    prop_oneof![1 => proptest::sample::select(known.to_vec()).prop_map(String::from), 2 => other]
}

fn attributes() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map(name(), prop_oneof![1 => Just(String::new()), 5 => text()], 0..5)
}

fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

/// A text as some writer of XML may write it.
fn written(text: &str, style: u8) -> String {
    let escaped = |c: char| match style % 4 {
        0 => format!("&#{};", u32::from(c)),
        1 => format!("&#x{:x};", u32::from(c)),
        2 if matches!(c, '&' | '<' | '>' | '"' | '\'' | '\r') => match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '\'' => "&apos;".into(),
            _ => "&#xD;".into(),
        },
        3 if c == '\r' => "&#13;".into(),
        3 => format!("<![CDATA[{c}]]><!-- & -->"),
        _ => c.into(),
    };
    text.chars().map(escaped).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_come_back_from_keepass_xml(
        records in proptest::collection::btree_map(
            name(),
            (prop_oneof![Just(KEY_ID.to_owned()), "[!-~é🔑]{1,40}"], text(), proptest::option::of(text()), attributes(),
             proptest::option::of(-62_135_596_800i64..=253_402_300_799)),
            0..5,
        )
    ) {
        let drafts: Vec<_> = records.iter().map(|(name, (id, secret, token, attributes, expires))| {
            let mut draft = match token {
                None => NewRecord::new_static(name, id, secret.as_str()).unwrap(),
                Some(token) => NewRecord::new_session(name, id, secret.as_str(), token.as_str()).unwrap(),
            };
            for (key, value) in attributes {
                draft = draft.attribute(key, value).unwrap();
            }
            match expires {
                None => draft,
                Some(at @ 0..) => draft.expires(UNIX_EPOCH + Duration::from_secs(at.unsigned_abs())),
                Some(at) => draft.expires(UNIX_EPOCH - Duration::from_secs(at.unsigned_abs())),
            }
        }).filter(|draft| !draft.access_key_id().to_ascii_uppercase().contains("{REF:")).collect();
        let before = stored(&drafts);
        let text = keepass_xml::render(&before).unwrap();
        let import = keepass_xml::parse(text.expose_secret().as_bytes()).unwrap();
        prop_assert_eq!(reported(&import), Vec::<String>::new(), "{}", text.expose_secret());
        let after = stored(&import.records);
        let same = before.iter().map(Record::of).eq(after.iter().map(Record::of));
        prop_assert!(same, "{}", text.expose_secret());
    }

    #[test]
    fn a_secret_comes_out_of_xml_however_it_is_escaped(secret in text(), style in 0u8..4) {
        let content = keepass(&[("Title", "a"), ("UserName", KEY_ID), ("!Password", &written(&secret, style))]);
        let import = keepass_xml::parse(content.as_bytes()).unwrap();
        // Style 2 leaves no `\r` as it is, nor do the others.
        prop_assert_eq!(records(&import), [Record::new("a", KEY_ID, &secret)]);
    }

    #[test]
    fn a_secret_comes_out_of_csv_byte_for_byte(secret in text()) {
        let content = format!("Group,Title,Username,Password\r\nRoot,a,{KEY_ID},{}\r\n", quoted(&secret));
        for import in [keepassxc_csv::parse(content.as_bytes()), onepassword_csv::parse(content.as_bytes())] {
            prop_assert_eq!(&records(&import.unwrap())[0].secret, &secret);
        }
    }

    #[test]
    fn a_secret_comes_out_of_bitwarden_byte_for_byte(secret in text()) {
        let secret_json = serde_json::to_string(&secret).unwrap();
        let content = format!(r#"{{"items":[{{"name":"a","login":{{"username":"{KEY_ID}","password":{secret_json}}}}}]}}"#);
        prop_assert_eq!(&records(&bitwarden_json::parse(content.as_bytes()).unwrap())[0].secret, &secret);
    }

    /// Whatever is done to a file, it is read or refused, and what is refused is not shown.
    #[test]
    fn no_bytes_bring_it_down(
        sample in 0usize..4, cut in any::<proptest::sample::Index>(),
        altered in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        inserted in proptest::option::of((any::<proptest::sample::Index>(), proptest::sample::select(vec![
            "<", ">", "&", "\"", "</Value>", "<Group>", "<!DOCTYPE x [<!ENTITY a \"b\">]>", "&a;", "]]>", "<![CDATA[", "\u{0}", "{", "[", ",", "\n",
        ]))),
        whole in any::<bool>(),
    ) {
        let samples: [&[u8]; 4] = [
            include_bytes!("keepass.xml"), include_bytes!("keepassxc.csv"), include_bytes!("bitwarden.json"), include_bytes!("onepassword.csv"),
        ];
        let mut content = samples[sample].to_vec();
        for (at, byte) in altered {
            *at.get_mut(&mut content) = byte;
        }
        if let Some((at, text)) = inserted {
            let at = at.index(content.len());
            content.splice(at..at, text.bytes());
        }
        if !whole {
            content.truncate(cut.index(content.len()));
        }
        for parse in [keepass_xml::parse, keepassxc_csv::parse, bitwarden_json::parse, onepassword_csv::parse] {
            match parse(&content) {
                Ok(import) => prop_assert!(import.records.len() <= 4),
                Err(error) => {
                    let said = everything_said(&error);
                    prop_assert_eq!(error.kind(), aumbry::ErrorKind::InvalidFile);
                    prop_assert!(!said.contains("wJalrX") && !said.contains("je7MtG") && !said.contains("hunter2"), "{}", said);
                }
            }
        }
    }

    #[test]
    fn no_noise_brings_it_down(content in proptest::collection::vec(any::<u8>(), 0..200), text in "[<>&;/a-c\"'!\\[\\]{}:,\n ?-]{0,60}") {
        for parse in [keepass_xml::parse, keepassxc_csv::parse, bitwarden_json::parse, onepassword_csv::parse] {
            let _ = parse(&content);
            let _ = parse(text.as_bytes());
            let _ = parse(format!("<KeePassFile><Root><Group>{text}").as_bytes());
            let _ = parse(format!("Title,Username,Password\n{text}").as_bytes());
            let _ = parse(format!("{{\"items\":[{text}").as_bytes());
        }
    }
}
