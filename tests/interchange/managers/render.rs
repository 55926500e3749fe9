//! Records on their way into KeePass.

use aumbry::interchange::keepass_xml::{parse, render};
use aumbry::{ErrorKind, Result, SecretString};

use super::*;

fn rendered(draft: &NewRecord) -> Result<SecretString> {
    render(&stored(std::slice::from_ref(draft)))
}

#[test]
fn a_record_is_an_entry_with_custom_fields() {
    let draft =
        NewRecord::new_session("AWS/anna & <co>", SESSION_KEY_ID, SECRET, TOKEN).unwrap().expires(time());
    let attributes = [
        ("region", "eu-central-1"),
        ("url", "https://x/?a=1&b=2"),
        ("description", "two\r\nlines"),
        ("Region", "not read as one"),
        ("otp", "not secret"),
        ("empty", ""),
    ];
    let draft = attributes.iter().try_fold(draft, |draft, (key, value)| draft.attribute(key, value)).unwrap();
    let expected = r#"			<Entry>
				<String><Key>Title</Key><Value>AWS/anna &amp; &lt;co&gt;</Value></String>
				<String><Key>UserName</Key><Value>ASIAIOSFODNN7EXAMPLE</Value></String>
				<String><Key>Password</Key><Value ProtectInMemory="True">wJalrXUtnFEMI/K7MDENG+bPxRfiCY=EXAMPLE#KEY;</Value></String>
				<String><Key>Session Token</Key><Value ProtectInMemory="True">IQoJb3JpZ2luX2VjE&lt;EXAMPLE&gt;&amp;TOKEN==</Value></String>
				<String><Key>Expires</Key><Value>2026-11-23T04:05:06Z</Value></String>
				<String><Key>attribute:Region</Key><Value>not read as one</Value></String>
				<String><Key>Notes</Key><Value>two&#13;
lines</Value></String>
				<String><Key>attribute:empty</Key><Value></Value></String>
				<String><Key>attribute:otp</Key><Value>not secret</Value></String>
				<String><Key>region</Key><Value>eu-central-1</Value></String>
				<String><Key>URL</Key><Value>https://x/?a=1&amp;b=2</Value></String>
			</Entry>
"#;
    let text = rendered(&draft).unwrap();
    let text = text.expose_secret();
    assert!(text.contains(expected), "{text}");
    assert_eq!(text.matches("<Entry>").count(), 1);
}

#[test]
fn an_id_that_does_not_look_like_one_of_aws_stands_in_a_field_besides() {
    let text = rendered(&NewRecord::new_static("a", "minioadmin", "x").unwrap()).unwrap();
    assert!(text.expose_secret().contains("<Key>Access Key ID</Key><Value>minioadmin</Value>"));
    let text = rendered(&draft("a")).unwrap();
    assert!(!text.expose_secret().contains("Access Key ID"));
}

#[test]
fn no_records_are_a_document_too() {
    let text = render(&[]).unwrap();
    let import = parse(text.expose_secret().as_bytes()).unwrap();
    assert_eq!((import.records.len(), reported(&import)), (0, vec![]));
}

#[test]
fn what_xml_cannot_carry_is_refused_by_the_name_of_the_field() {
    let secret = |secret: &str| NewRecord::new_static("a", KEY_ID, secret);
    let token = |token: &str| NewRecord::new_session("a", KEY_ID, "x", token);
    let attribute = |key: &str, value: &str| draft("a").attribute(key, value);
    for c in ["\u{0}", "\u{1}", "\u{8}", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
        let value = format!("hidden{c}value");
        for (draft, field) in [
            (secret(&value), "Password"),
            (token(&value), "Session Token"),
            (attribute("region", &value), "region"),
            (attribute("description", &value), "Notes"),
            (attribute("otp", &value), "attribute:otp"),
        ] {
            let error = rendered(&draft.unwrap()).unwrap_err();
            let said = everything_said(&error);
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(said.contains(&format!("its field \"{field}\": it contains a character")), "{said}");
            assert!(!said.contains("hidden"), "{said}");
        }
    }
    for c in ["\t", "\n", "\r", "\u{7f}", "\u{85}", "\u{2028}", "\u{1fffe}", "\u{10ffff}"] {
        assert!(rendered(&secret(c).unwrap()).is_ok(), "{c:?}");
    }
}

#[test]
fn what_keepass_would_take_for_a_reference_is_refused() {
    for draft in [
        NewRecord::new_static("{REF:T@I:0}", KEY_ID, "x"),
        NewRecord::new_static("a", KEY_ID, "x{ref:P@I:0}"),
        draft("a").attribute("description", "{Ref:N@I:0}"),
    ] {
        assert_eq!(rendered(&draft.unwrap()).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert!(rendered(&NewRecord::new_static("a", KEY_ID, "{REF").unwrap()).is_ok());
}
