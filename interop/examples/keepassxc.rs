//! What `interop/clients/keepassxc` asks of aumbry. The same records each time, with made-up keys:
//!
//! * `write` prints them as KeePass XML,
//! * `fields` prints what KeePassXC must show: title, field and value of each, every one with a NUL behind it,
//! * `compare xml|csv FILE` imports what KeePassXC exported, and prints a line for each record that came back.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, UNIX_EPOCH};

use aumbry::interchange::{keepass_xml, keepassxc_csv};
use aumbry::{Credentials, ExposeSecret, NewRecord};

const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SESSION_KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
/// As other stores that speak S3 have them.
const OTHER_ID: &str = "minioadmin";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=EXAMPLE#KEY;";
const NASTY: &str =
    "/ + = # ; < > & \" ' \\ % $HOME `x` ]]> &amp; &#65; <!-- --> schlüssel 鍵 🔑 \u{200d}\u{e9}e\u{301}";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let records = aumbry_interop::records(&aumbry_interop::vault()?, &drafts()?)?;
    match arguments.as_slice() {
        ["write"] => print!("{}", keepass_xml::render(&records)?.expose_secret()),
        ["fields"] => {
            for (title, field, value) in records.iter().flat_map(fields) {
                print!("{title}\0{field}\0{value}\0");
            }
        }
        ["compare", "xml", file] => {
            compare(&records, &keepass_xml::parse(&std::fs::read(file)?)?.records, everything)?
        }
        ["compare", "csv", file] => {
            // There are no custom fields in it, so it does not tell that other ids are access key ids.
            let records: Vec<_> =
                records.into_iter().filter(|record| record.access_key_id() != OTHER_ID).collect();
            compare(&records, &keepassxc_csv::parse(&std::fs::read(file)?)?.records, columns)?;
        }
        _ => return Err("write, fields, compare xml FILE, or compare csv FILE".into()),
    }
    Ok(())
}

fn drafts() -> aumbry::Result<Vec<NewRecord>> {
    let long = "0123456789abcdef/+=".repeat(200);
    Ok(vec![
        NewRecord::new_static("plain", KEY_ID, SECRET)?,
        NewRecord::new_static("AWS/production/s3-uploads", KEY_ID, SECRET)?
            .attribute("region", "eu-central-1")?
            .attribute("url", "https://123456789012.signin.aws.amazon.com/console?a=1&b=2")?
            .attribute("description", "for the nightly job\n\twritten <by hand>\n\n")?,
        NewRecord::new_session("a session", SESSION_KEY_ID, SECRET, long.as_str())?
            .expires(UNIX_EPOCH + Duration::from_secs(1_795_406_706))
            .attribute("region", "us-gov-west-1")?,
        // Not at the beginning of a title: there `show` takes a slash for the root group.
        NewRecord::new_static(format!("a {NASTY}"), KEY_ID, NASTY)?
            .attribute("Account \"ID\" & <co>", NASTY)?
            .attribute("description", NASTY)?,
        NewRecord::new_static("white space", KEY_ID, " at both ends ")?
            .attribute("inside", "tab\tand  two blanks")?
            .attribute("only", " ")?,
        NewRecord::new_static("line ends", KEY_ID, "one\ntwo\n")?.attribute("three", "\n\n\n")?,
        NewRecord::new_static("other names", OTHER_ID, "minioadmin")?
            .attribute("Region", "no region")?
            .attribute("otp", "no seed")?
            .attribute("Password", "no password")?
            .attribute("nothing", "")?,
        NewRecord::new_static("long", KEY_ID, long.repeat(10))?,
    ])
}

/// What KeePassXC shows of a record, under the names that stand in the XML.
fn fields(record: &Credentials) -> Vec<(String, String, String)> {
    let title = record.name().to_string();
    let mut fields = vec![
        ("Title".to_owned(), title.clone()),
        ("UserName".into(), record.access_key_id().into()),
        ("Password".into(), record.secret_access_key().expose_secret().into()),
    ];
    fields.extend(record.session_token().map(|token| ("Session Token".into(), token.expose_secret().into())));
    fields.extend(record.expires().map(|_| ("Expires".into(), "2026-11-23T04:05:06Z".into())));
    fields.extend(record.attributes().map(|(key, value)| {
        let name = match key {
            "url" => "URL".into(),
            "description" => "Notes".into(),
            "Region" | "otp" | "Password" | "nothing" => format!("attribute:{key}"),
            _ => key.to_owned(),
        };
        (name, value.to_owned())
    }));
    fields.into_iter().map(|(field, value)| (title.clone(), field, value)).collect()
}

/// All that a record holds, but for when the vault got it.
fn everything(record: &Credentials) -> Vec<String> {
    let mut all = columns(record);
    all.extend(record.session_token().map(|token| token.expose_secret().to_owned()));
    all.push(format!("{:?} {:?}", record.expires(), record.attributes().collect::<Vec<_>>()));
    all
}

/// What KeePassXC writes of a record to CSV.
fn columns(record: &Credentials) -> Vec<String> {
    let attribute = |key| record.attribute(key).unwrap_or_default().to_owned();
    let secret = record.secret_access_key().expose_secret().to_owned();
    vec![record.access_key_id().to_owned(), secret, attribute("url"), attribute("description")]
}

fn compare(
    records: &[Credentials],
    drafts: &[NewRecord],
    content: fn(&Credentials) -> Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let found = aumbry_interop::records(&aumbry_interop::vault()?, drafts)?;
    let found: BTreeMap<_, _> = found.iter().map(|record| (record.name(), content(record))).collect();
    for record in records {
        let same = found.get(record.name()) == Some(&content(record));
        println!("{} {:?}", if same { "ok" } else { "FAILED" }, record.name());
    }
    let same = found.len() == records.len();
    println!("{} {} of {} records", if same { "ok" } else { "FAILED" }, found.len(), records.len());
    Ok(())
}
