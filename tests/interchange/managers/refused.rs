//! Files that are refused as a whole: by the line or the number of the entry, and without showing what stands there.

use aumbry::interchange::{bitwarden_json, keepass_xml, keepassxc_csv, onepassword_csv};
use aumbry::{ErrorKind, Result};

use super::*;

/// Each content is refused for this reason, by an error of the right kind that shows no secret.
#[track_caller]
fn refuses(parse: fn(&[u8]) -> Result<Import>, content: impl AsRef<[u8]>, why: &str) {
    let content = content.as_ref();
    let error = parse(content).unwrap_err();
    let said = everything_said(&error);
    assert_eq!(error.kind(), ErrorKind::InvalidFile, "{error}");
    assert!(error.to_string().ends_with(why), "{error}: {}", String::from_utf8_lossy(content));
    assert!(!said.contains(&SECRET[..8]) && !said.contains("hunter2"), "a secret is shown: {said}");
}

/// The sample with a change, which applies.
#[track_caller]
fn altered(sample: &str, from: &str, to: &str) -> String {
    assert!(sample.contains(from), "{from}");
    sample.replacen(from, to, 1)
}

#[test]
fn xml_that_is_not_well_formed() {
    let sample = include_str!("keepass.xml");
    for (from, to, line) in [
        ("</Root>", "</Wurzel>", 220),
        ("&amp; its", "& its", 48),
        ("&lt;by hand", "&entity;by hand", 49),
        ("wJalrXUtnFEMI", "&#0;wJalrXUtnFEMI", 53),
        ("wJalrXUtnFEMI", "&#1;wJalrXUtnFEMI", 53),
        ("wJalrXUtnFEMI", "&#xFFFE;wJalrXUtnFEMI", 53),
        ("wJalrXUtnFEMI", "&#xD800;wJalrXUtnFEMI", 53),
        ("wJalrXUtnFEMI", "&#x;wJalrXUtnFEMI", 53),
        ("wJalrXUtnFEMI", "wJalrXUtnFEMI<b/>", 53),
        ("wJalrXUtnFEMI", "wJalrXUtnFEMI\u{1}", 53),
        ("wJalrXUtnFEMI", "wJalrXUtnFEMI\u{ffff}", 53),
        ("<Key>Notes</Key>", "hunter2<Key>Notes</Key>", 47),
    ] {
        let content = altered(sample, from, to);
        let error = keepass_xml::parse(content.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFile);
        let said = everything_said(&error);
        assert!(!said.contains(&SECRET[..8]) && !said.contains("hunter2"), "{said}");
        assert!(said.contains(&format!("line {line}: ")), "{line}: {said}");
    }
    let doctype = altered(sample, "<KeePassFile>", "<!DOCTYPE x [<!ENTITY a \"b\">]>\n<KeePassFile>");
    refuses(keepass_xml::parse, doctype, "line 2: it is not an XML document, or has a DOCTYPE");
    let end = sample.find("</Root>").unwrap();
    refuses(keepass_xml::parse, &sample[..end], "it ends before its elements are closed");
    refuses(
        keepass_xml::parse,
        format!("{sample}<KeePassFile/>"),
        "it continues after the end of its root element",
    );
    refuses(keepass_xml::parse, b"\xff\xfe<\0", "it is not UTF-8 text");
}

#[test]
fn xml_that_is_not_keepass_s() {
    let begin = "it does not begin with <KeePassFile>";
    for content in ["", "<html/>", "<?xml version=\"1.0\"?>\n<pwlist></pwlist>"] {
        refuses(keepass_xml::parse, content, begin);
    }
    refuses(keepass_xml::parse, "Title,Username,Password\n", "it is not an XML document, or has a DOCTYPE");
    refuses(keepass_xml::parse, "<KeePassFile><Meta/></KeePassFile>", "it has no Root");
    let sample = include_str!("keepass.xml");
    let behind = "<KeePassFile><Root/><Meta/></KeePassFile>";
    refuses(keepass_xml::parse, behind, "line 1: its Meta comes after its Root");
    let group = "<KeePassFile><Root><Group><Entry/><Name>x</Name></Group></Root></KeePassFile>";
    refuses(keepass_xml::parse, group, "the UUID or Name of a group comes after its content");
    let value = altered(sample, "<Value>backup</Value>", "");
    refuses(keepass_xml::parse, value, "line 58: a field of an entry has no Key or no Value");
    let twice = altered(sample, "<Key>URL</Key>", "<Key>Title</Key>");
    refuses(keepass_xml::parse, twice, "line 62: an entry has two titles, user names or passwords");
}

#[test]
fn xml_whose_values_are_still_encrypted() {
    let sample = include_str!("keepass.xml");
    let content = altered(sample, "ProtectInMemory=\"True\">wJal", "Protected=\"True\">wJal");
    let why = "line 53: its protected values are still encrypted: export it as \"KeePass XML (2.x)\"";
    refuses(keepass_xml::parse, content, why);
    let content = altered(sample, "ProtectInMemory=\"True\">wJal", "Protected=True>wJal");
    refuses(keepass_xml::parse, content, "line 53: an attribute is not well-formed XML");
}

#[test]
fn groups_that_lie_too_deep_in_one_another() {
    let nested = |depth: usize| {
        let (begin, end) = ("<Group><Name>g</Name>".repeat(depth), "</Group>".repeat(depth));
        format!("<KeePassFile><Root>{begin}{end}</Root></KeePassFile>")
    };
    assert!(keepass_xml::parse(nested(64).as_bytes()).is_ok());
    refuses(keepass_xml::parse, nested(65), "its groups are nested too deeply");
    refuses(keepass_xml::parse, nested(100_000), "its groups are nested too deeply");
    let elements = format!("<KeePassFile>{}", "<a>".repeat(1_000_000));
    refuses(keepass_xml::parse, elements, "it is not well-formed XML");
}

#[test]
fn csv_without_its_columns() {
    for content in ["", "\n\n", "Username,Password\n", &format!("a,{KEY_ID},{SECRET}\n")] {
        for parse in [keepassxc_csv::parse, onepassword_csv::parse] {
            refuses(parse, content, "its first line has no column \"Title\"");
        }
    }
    refuses(keepassxc_csv::parse, "Title,Password\n", "its first line has no column \"Username\"");
    refuses(onepassword_csv::parse, "Title,Username\n", "its first line has no column \"Password\"");
    let lastpass = format!("url,username,password,totp,extra,name,grouping,fav\n,{KEY_ID},{SECRET},,,a,,0\n");
    refuses(keepassxc_csv::parse, lastpass, "its first line has no column \"Title\"");
}

#[test]
fn csv_with_a_row_that_does_not_fit() {
    let header = "Title,Username,Password";
    for (row, columns) in [(format!("a,{SECRET}"), 2), (format!("a,{KEY_ID},{SECRET},x"), 4)] {
        let content = format!("{header}\n\"two\nlines\",x,y\n{row}\n");
        refuses(keepassxc_csv::parse, content, &format!("line 4 has {columns} columns, not 3"));
    }
    let open = format!("{header}\na,{KEY_ID},\"{SECRET}\n");
    refuses(onepassword_csv::parse, open, "it has a quotation mark without a closing one");
    let many = format!("{header}{}\n", ",x".repeat(300));
    refuses(onepassword_csv::parse, many, "line 1 has too many columns");
    refuses(onepassword_csv::parse, b"Title,Username,Password\n\xff,x,y\n", "it is not UTF-8 text");
}

/// A stray quote can make a title of other fields, of secrets too. Such a title has line ends, or the row too few columns.
#[test]
fn a_secret_that_slipped_into_a_title_is_not_shown() {
    let header = "Title,Username,Password";
    let content = format!("{header}\n\"a,{KEY_ID},{SECRET}\nb\",{OTHER_KEY_ID},x\n");
    let import = keepassxc_csv::parse(content.as_bytes()).unwrap();
    assert_eq!((import.records.len(), import.skipped[0].name.as_ref()), (0, None));
    assert!(!format!("{import:?}{}", import.skipped[0]).contains(&SECRET[..8]));
}

#[test]
fn bitwarden_s_encrypted_export() {
    let why = "it is encrypted; export it as \".json\", not as \".json (Encrypted)\"";
    refuses(bitwarden_json::parse, include_bytes!("bitwarden-encrypted.json"), why);
    refuses(bitwarden_json::parse, r#"{"encrypted":"yes","items":[]}"#, why);
}

#[test]
fn json_that_is_not_bitwarden_s() {
    let sample = include_str!("bitwarden.json");
    refuses(bitwarden_json::parse, "{}", "the Bitwarden export is not valid: \"items\" is missing");
    refuses(bitwarden_json::parse, "[]", "the Bitwarden export is not valid: it is not a JSON object");
    refuses(bitwarden_json::parse, r#"{"items":{}}"#, "\"items\" is not an array");
    refuses(
        bitwarden_json::parse,
        r#"{"items":[1]}"#,
        "item 1 of the Bitwarden export is not valid: it is not a JSON object",
    );
    refuses(bitwarden_json::parse, r#"{"items":[],"folders":[1]}"#, "it is not a JSON object");
    let login = altered(sample, r#""username": "anna""#, r#""username": ["hunter2"]"#);
    refuses(
        bitwarden_json::parse,
        login,
        "\"login\" of item 3 of the Bitwarden export is not valid: \"username\" is not a string",
    );
    let field = altered(sample, r#""value": "true""#, r#""value": true"#);
    refuses(
        bitwarden_json::parse,
        field,
        "element 2 of \"fields\" of item 1 of the Bitwarden export is not valid: \"value\" is not a string",
    );
}

#[test]
fn files_that_are_far_too_large() {
    let content = vec![b' '; 16 * 1024 * 1024 + 1];
    for parse in [keepass_xml::parse, keepassxc_csv::parse, bitwarden_json::parse, onepassword_csv::parse] {
        assert_eq!(parse(&content).unwrap_err().kind(), ErrorKind::InvalidFile);
    }
}
