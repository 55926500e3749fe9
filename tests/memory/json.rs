//! What reading and writing JSON leaves in memory that was freed: nothing of a secret.
//!
//! [`searching`] looks through every block that is freed. A control shows that it would find what `serde_json` leaves
//! behind where it is let to unescape a string.

use crate::common::*;
use crate::searching::{SECRET_KEY, TOKEN, left_behind};
use aumbry::interchange::{credential_process, json};
use aumbry::storage::InMemory;
use aumbry::{CreateOptions, Credentials, ErrorKind, ExposeSecret, NewRecord, OpenOptions};

/// The secrets as some writer of JSON may write them.
const ESCAPED_KEY: &str = r#"RESIDUE+part+one\/\"RESIDUE+part+two"#;
const ESCAPED_TOKEN: &str = r"RESIDUE=token=one\u002f\u00e9\ud83d\uDD11RESIDUE=token=two";

fn for_aws() -> String {
    format!(
        r#"{{"Version":1,"AccessKeyId":"{KEY_ID}","SecretAccessKey":"{ESCAPED_KEY}","SessionToken":"{ESCAPED_TOKEN}","Else":["{ESCAPED_KEY}"]}}"#
    )
}

fn record(name: &str) -> String {
    format!(
        r#"{{"name":"{name}","provider":"session","access_key_id":"{KEY_ID}","secret_access_key":"{ESCAPED_KEY}","session_token":"{ESCAPED_TOKEN}"}}"#
    )
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
    let document = for_aws();
    let (read, left) = left_behind(|| credential_process::parse(document.as_bytes(), "a").map(drop));
    assert_eq!((read.is_ok(), left), (true, 0), "one document");
    let export = format!("[{},{}]", record("a"), record("b"));
    let (read, left) = left_behind(|| json::parse(export.as_bytes(), None).map(drop));
    assert_eq!((read.is_ok(), left), (true, 0), "an export");

    // And it was these secrets that were read.
    let credentials = stored(&credential_process::parse(document.as_bytes(), "a").unwrap());
    assert_eq!(credentials.secret_access_key().expose_secret(), SECRET_KEY);
    assert_eq!(credentials.session_token().unwrap().expose_secret(), TOKEN);
}

#[test]
fn refusing_leaves_no_secret_in_freed_memory() {
    let good = for_aws();
    let records = format!("[{},{}]", record("a"), record("b"));
    let bad = [
        good.replace(r#""Version":1"#, r#""Version":2"#),
        good.replace("RESIDUE=token=two", r"\ud800"),
        good.replace(r#","Else""#, r#","Expiration":"tomorrow","Else""#),
        good.replace(KEY_ID, "not an id"),
        good.replace("]}", "]"),
        good.replace(r#"["#, r#"[\"#),
        good.replace("SessionToken", ESCAPED_KEY).replace(r#""Version":1"#, ""),
        records.replace(r#""b""#, r#""a""#),
        records.replace(r#""b""#, &format!(r#""b","{ESCAPED_TOKEN}":1"#)),
        records.replace(r#""b""#, r#""b","expires":"tomorrow""#),
        records.replace(r#""name":"b","provider":"session""#, r#""name":"b","provider":"static""#),
    ];
    for document in bad {
        let (error, left) = left_behind(|| json::parse(document.as_bytes(), Some("a")).unwrap_err());
        assert_eq!((error.kind(), left), (ErrorKind::InvalidFile, 0), "{error}: {document}");
    }
}

#[test]
fn writing_leaves_no_secret_in_freed_memory() {
    let records =
        [stored(&NewRecord::new_session("a", KEY_ID, SECRET_KEY, TOKEN).unwrap()), stored(&draft("plain"))];
    let (written, left) = left_behind(|| {
        drop(credential_process::render(&records[0]).unwrap());
        drop(json::render_with_secret(&records[0]).unwrap());
        json::render_all_with_secrets(&records).map(drop)
    });
    assert_eq!((written.is_ok(), left), (true, 0));
}

/// The reason for reading as we do: what other ways leave behind, found by the same search.
#[test]
fn what_is_left_by_serde_json_itself_is_found() {
    let document = for_aws();
    let (_, left) = left_behind(|| drop(serde_json::from_str::<serde_json::Value>(&document).unwrap()));
    assert!(left > 0);
    // Even if the string that comes out is wiped, or never made: the scratch buffer is not.
    let literal = format!("\"{ESCAPED_KEY}\"");
    let (_, left) = left_behind(|| {
        drop(zeroize::Zeroizing::new(serde_json::from_str::<String>(&literal).unwrap()));
    });
    assert!(left > 0);
    // And so does a buffer that grows as it is filled.
    let (_, left) = left_behind(|| {
        let mut text = zeroize::Zeroizing::new(String::new());
        text.push_str(SECRET_KEY);
        text.push_str(&" ".repeat(1000));
    });
    assert!(left > 0);
}
