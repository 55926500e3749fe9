//! What the files of password managers leave in memory that was freed: nothing of a secret, be they read, refused or
//! written.
//!
//! [`searching`] looks through every block that is freed. A control shows that it would find what `quick-xml` and a buffer
//! that grows leave behind where they are let to unescape.

use crate::common::*;
use crate::searching::{SECRET_KEY, TOKEN, left_behind};
use aumbry::interchange::{Import, bitwarden_json, keepass_xml, keepassxc_csv, onepassword_csv};
use aumbry::storage::InMemory;
use aumbry::{CreateOptions, Credentials, ErrorKind, ExposeSecret, NewRecord, OpenOptions, Result};

type Parse = fn(&[u8]) -> Result<Import>;

/// The secrets as some writer of XML may write them.
const XML_KEY: &str = "RESIDUE+part+one/&quot;RESIDUE+part+two";
const XML_TOKEN: &str = "RESIDUE=token=one/&#233;<!-- -->&#x1F511;<![CDATA[RESIDUE=token=two]]>";
/// As CSV and as JSON.
const CSV_KEY: &str = "RESIDUE+part+one/\"\"RESIDUE+part+two";
const JSON_KEY: &str = r#"RESIDUE+part+one\/\"RESIDUE+part+two"#;
const JSON_TOKEN: &str = r"RESIDUE=token=one\u002f\u00e9\ud83d\uDD11RESIDUE=token=two";

fn keepass() -> String {
    let field = |key: &str, value: &str| format!("<String><Key>{key}</Key><Value>{value}</Value></String>");
    let entry = |title: &str| {
        let fields = [
            field("Title", title),
            field("UserName", KEY_ID),
            field("Password", XML_KEY),
            field("Session Token", XML_TOKEN),
            field("PIN", XML_KEY),
            field("Notes", "&amp;"),
        ];
        format!(
            "<Entry>{}<History><Entry>{}</Entry></History></Entry>",
            fields.concat(),
            field("Password", XML_KEY)
        )
    };
    let entries = entry("a") + &entry("b") + &entry("");
    format!("<KeePassFile><Root><Group><Name>Root</Name>{entries}</Group></Root></KeePassFile>")
}

fn csv() -> String {
    let row = |title: &str| format!("{title},{KEY_ID},\"{CSV_KEY}\",\"{TOKEN}\",\"{CSV_KEY}\"\n");
    format!("Title,Username,Password,Session token,PIN\n{}{}{}", row("a"), row("b"), row(""))
}

fn bitwarden() -> String {
    let item = |name: &str| {
        format!(
            r#"{{"name":"{name}","login":{{"username":"{KEY_ID}","password":"{JSON_KEY}","totp":"{JSON_KEY}"}},
               "fields":[{{"name":"Session Token","value":"{JSON_TOKEN}"}},{{"name":"x","value":"{JSON_KEY}","type":1}}],
               "passwordHistory":[{{"password":"{JSON_KEY}"}}]}}"#
        )
    };
    format!(r#"{{"items":[{},{},{}]}}"#, item("a"), item("b"), item(""))
}

fn stored(draft: &NewRecord) -> Credentials {
    let options = OpenOptions::new().without_pin();
    let options = CreateOptions::new().kdf(cheap()).allow_kdf_below_floor().open_options(options);
    let vault = options.create_in(InMemory::new(), PASSPHRASE).unwrap();
    vault.edit(|edit| edit.add(draft)).unwrap();
    vault.get_credentials(draft.name().as_str()).unwrap().unwrap()
}

#[test]
fn reading_leaves_no_secret_in_freed_memory() {
    let files: [(&str, Parse, String); 4] = [
        ("KeePass", keepass_xml::parse, keepass()),
        ("KeePassXC", keepassxc_csv::parse, csv()),
        ("Bitwarden", bitwarden_json::parse, bitwarden()),
        ("1Password", onepassword_csv::parse, csv()),
    ];
    for (program, parse, content) in files {
        let (read, left) = left_behind(|| parse(content.as_bytes()).map(drop));
        assert_eq!((read.is_ok(), left), (true, 0), "{program}");

        // And it was these secrets that were read, or left out.
        let import = parse(content.as_bytes()).unwrap();
        assert_eq!(
            (import.records.len(), import.skipped.len(), import.left_out.len()),
            (2, 1, 2),
            "{program}"
        );
        let credentials = stored(&import.records[1]);
        assert_eq!(credentials.secret_access_key().expose_secret(), SECRET_KEY, "{program}");
        assert_eq!(credentials.session_token().unwrap().expose_secret(), TOKEN, "{program}");
    }
}

#[test]
fn refusing_leaves_no_secret_in_freed_memory() {
    let (keepass, csv, bitwarden) = (keepass(), csv(), bitwarden());
    let files: [(Parse, String); 9] = [
        (keepass_xml::parse, keepass.replace("</Root>", "")),
        (keepass_xml::parse, keepass.replace("<![CDATA[", "<b>")),
        (keepass_xml::parse, keepass.replace("&#233;", "&e;")),
        (keepass_xml::parse, keepass.replace("<Key>Title</Key>", "<Key>Password</Key>")),
        (keepassxc_csv::parse, csv.replace("b,", "")),
        (onepassword_csv::parse, csv.replace("b,", "\"b,")),
        (bitwarden_json::parse, bitwarden.replace("]}]", "]")),
        (bitwarden_json::parse, bitwarden.replace("RESIDUE=token=two", r"\ud800")),
        (bitwarden_json::parse, bitwarden.replace(r#""name":"b""#, r#""name":["b"]"#)),
    ];
    for (parse, content) in files {
        let (error, left) = left_behind(|| parse(content.as_bytes()).unwrap_err());
        assert_eq!((error.kind(), left), (ErrorKind::InvalidFile, 0), "{error}: {content}");
    }
}

#[test]
fn writing_leaves_no_secret_in_freed_memory() {
    let session = stored(&NewRecord::new_session("a", KEY_ID, SECRET_KEY, TOKEN).unwrap());
    let unwritable =
        stored(&NewRecord::new_session("b", KEY_ID, format!("{SECRET_KEY}\u{1}"), TOKEN).unwrap());
    let (written, left) = left_behind(|| keepass_xml::render(&[session.clone(), session.clone()]).map(drop));
    assert_eq!((written.is_ok(), left), (true, 0));
    let records = [session, unwritable];
    let (refused, left) = left_behind(|| keepass_xml::render(&records).map(drop));
    assert_eq!((refused.is_err(), left), (true, 0));
}

/// The reason for reading as we do: what `quick-xml` leaves behind where it unescapes, found by the same search.
#[test]
fn what_is_left_by_quick_xml_itself_is_found() {
    let (_, left) = left_behind(|| drop(quick_xml::escape::unescape(XML_KEY).unwrap()));
    assert!(left > 0);
}
