//! Whole files, as the programs write them.

use aumbry::interchange::{self, Format, bitwarden_json, keepass_xml, keepassxc_csv, onepassword_csv};

use super::*;

const SECRET_FIELD: &str = "it is or may be a secret, but attributes are not secret";

#[test]
fn keepass_xml_with_groups_custom_fields_history_and_a_recycle_bin() {
    let import = keepass_xml::parse(include_bytes!("keepass.xml")).unwrap();
    let backup = Record::new("backup", KEY_ID, SECRET).with(&[
        ("description", "for the nightly job & its restore\nwritten <by hand>"),
        ("tags", "backup;s3"),
        ("url", "https://123456789012.signin.aws.amazon.com/console?a=1&b=2"),
    ]);
    let mut anna = Record::new("AWS/production/anna", SESSION_KEY_ID, SECRET).with(&[
        ("Account ID", "123456789012"),
        ("region", "eu-central-1"),
        ("user_name", "anna@example.com"),
    ]);
    anna.token = Some(TOKEN.into());
    anna.expires = Some(time());
    assert_eq!(records(&import), [backup, anna]);
    assert_eq!(
        reported(&import),
        [
            "the entry \"AWS/production/borrowed\" (line 154) was skipped: it refers to another entry ({REF:…}): replace the reference by the value",
            "the entry \"Internet/Forum\" (line 174) was skipped: it contains no AWS access key",
            "the entry \"Recycle Bin/deeper/thrown away\" (line 196) was skipped: it is in the recycle bin",
            &format!(
                "not imported from the entry \"AWS/production/anna\" (line 95): \"password\" ({SECRET_FIELD}), \"PIN \
                 of the card\" ({SECRET_FIELD}), \"otp\" ({SECRET_FIELD}), \"rootkey.csv\" (it is an attachment)"
            ),
        ]
    );
}

#[test]
fn keepassxc_csv_with_groups_quotes_and_several_lines() {
    let import = keepassxc_csv::parse(include_bytes!("keepassxc.csv")).unwrap();
    let backup = Record::new("backup", KEY_ID, SECRET).with(&[
        ("description", "for the nightly job\n\"by hand\", twice"),
        ("url", "https://123456789012.signin.aws.amazon.com/console?a=1&b=2"),
    ]);
    let quoted = "je7MtGbClwBF/2Zp9Utk/h3yCo8nvb\"EXAMPLE\",KEY";
    let uploads = Record::new("AWS/production/s3, \"uploads\"", OTHER_KEY_ID, quoted);
    assert_eq!(records(&import), [backup, uploads]);
    assert_eq!(
        reported(&import),
        [
            "the entry \"Internet/Forum\" (line 5) was skipped: it contains no AWS access key",
            "the entry \"Internet/borrowed\" (line 6) was skipped: it refers to another entry ({REF:…}): replace the reference by the value",
            &format!(
                "not imported from the entry \"AWS/production/s3, \\\"uploads\\\"\" (line 4): \"TOTP\" ({SECRET_FIELD})"
            ),
        ]
    );
}

#[test]
fn bitwarden_json_with_folders_fields_and_a_bin() {
    let import = bitwarden_json::parse(include_bytes!("bitwarden.json")).unwrap();
    let uploads = Record::new("AWS/production/s3-uploads", KEY_ID, SECRET).with(&[
        ("description", "for the nightly job\nsays \"Anna\""),
        ("production", "true"),
        ("region", "eu-central-1"),
        ("url", "https://123456789012.signin.aws.amazon.com/console"),
        ("url_2", "https://s3.example.com"),
    ]);
    let mut session = Record::new("session", SESSION_KEY_ID, SECRET);
    session.token = Some(TOKEN.into());
    session.expires = Some(time());
    assert_eq!(records(&import), [uploads, session]);
    assert_eq!(
        reported(&import),
        [
            "the entry \"Forum\" (item 3) was skipped: it contains no AWS access key",
            "the entry \"Visa\" (item 4) was skipped: it contains no AWS access key",
            "the entry \"thrown away\" (item 5) was skipped: it is in the recycle bin",
            &format!(
                "not imported from the entry \"AWS/production/s3-uploads\" (item 1): \"PIN\" ({SECRET_FIELD})"
            ),
        ]
    );
}

#[test]
fn the_items_of_an_organisation_are_named_behind_their_first_collection() {
    let export = format!(
        r#"{{"collections":[{{"id":"1","name":"Ops/AWS"}},{{"id":"2","name":"All"}}],
            "items":[{{"type":1,"name":"a","collectionIds":["1","2"],"login":{{"username":"{KEY_ID}","password":"x"}}}}]}}"#
    );
    let import = bitwarden_json::parse(export.as_bytes()).unwrap();
    assert_eq!(records(&import), [Record::new("Ops/AWS/a", KEY_ID, "x")]);
}

#[test]
fn onepassword_csv_with_columns_of_custom_fields() {
    let import = onepassword_csv::parse(include_bytes!("onepassword.csv")).unwrap();
    let uploads = Record::new("s3-uploads", KEY_ID, SECRET).with(&[
        ("description", "for the nightly job\n\"by hand\""),
        ("tags", "aws,backup"),
        ("url", "https://123456789012.signin.aws.amazon.com/console"),
    ]);
    let anna = Record::new("AWS of Anna", OTHER_KEY_ID, OTHER_SECRET).with(&[
        ("Account ID", "123456789012"),
        ("region", "eu-central-1"),
        ("url", "https://console.aws.amazon.com"),
        ("user_name", "anna@example.com"),
    ]);
    assert_eq!(records(&import), [uploads, anna]);
    assert_eq!(
        reported(&import),
        [
            "the entry \"Forum\" (line 5) was skipped: it contains no AWS access key",
            "the entry \"Half\" (line 6) was skipped: it contains an access key id, but no secret access key",
            &format!(
                "not imported from the entry \"AWS of Anna\" (line 4): \"password\" ({SECRET_FIELD}), \"One-time \
                 password\" ({SECRET_FIELD}), \"PIN\" ({SECRET_FIELD})"
            ),
        ]
    );
}

#[test]
fn columns_are_told_by_their_names_in_any_order_and_case() {
    let keepassxc = format!("\u{feff}PASSWORD,title,UserName\r\n{SECRET},a,{KEY_ID}\r\n\r\n");
    let onepassword = [
        format!(
            "Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes\na,,{KEY_ID},{SECRET},,,,,\n"
        ),
        format!("notesPlain,password,title,type,url,username\n,{SECRET},a,Login,,{KEY_ID}"),
    ];
    let expected = [Record::new("a", KEY_ID, SECRET)];
    assert_eq!(records(&keepassxc_csv::parse(keepassxc.as_bytes()).unwrap()), expected);
    for content in onepassword {
        assert_eq!(records(&onepassword_csv::parse(content.as_bytes()).unwrap()), expected, "{content}");
    }
}

/// As XML has it (section 2.11); a `\r` that is meant is written as a reference.
#[test]
fn every_line_end_of_xml_is_read_as_one() {
    let content = keepass(&[
        ("Title", "a"),
        ("UserName", KEY_ID),
        ("Password", "1\r\n2\r3\n4\r\r\n5&#13;\r\n<![CDATA[6\r\n]]>"),
    ]);
    let import = keepass_xml::parse(content.as_bytes()).unwrap();
    assert_eq!(records(&import), [Record::new("a", KEY_ID, "1\n2\n3\n4\n\n5\r\n6\n")]);
    let sample = include_str!("keepass.xml").replace('\n', "\r\n");
    let description = "for the nightly job & its restore\nwritten <by hand>";
    let import = keepass_xml::parse(sample.as_bytes()).unwrap();
    assert_eq!(records(&import)[0].attributes[0].1, description);
    assert!(import.skipped[0].to_string().contains("(line 154)"));
}

#[test]
fn a_disabled_recycle_bin_is_a_group_like_any_other() {
    let sample = include_str!("keepass.xml");
    let enabled = "<RecycleBinEnabled>True</RecycleBinEnabled>";
    assert!(sample.contains(enabled));
    let import =
        keepass_xml::parse(sample.replace(enabled, &enabled.replace("True", "False")).as_bytes()).unwrap();
    assert_eq!(import.records[2].name().as_str(), "Recycle Bin/deeper/thrown away");
}

/// A file of every format in the table. A new format needs a sample here.
#[test]
fn every_format_is_detected() {
    let pair = format!("aws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n");
    let document = format!(r#"{{"Version":1,"AccessKeyId":"{KEY_ID}","SecretAccessKey":"{SECRET}"}}"#);
    let record = format!(
        r#"{{"name":"a","provider":"static","access_key_id":"{KEY_ID}","secret_access_key":"{SECRET}"}}"#
    );
    let samples: &[(Format, &str, usize)] = &[
        (Format::KeepassXml, include_str!("keepass.xml"), 2),
        (Format::BitwardenJson, include_str!("bitwarden.json"), 2),
        (Format::KeepassxcCsv, include_str!("keepassxc.csv"), 2),
        (Format::OnepasswordCsv, include_str!("onepassword.csv"), 2),
        (
            Format::OnepasswordCsv,
            &format!("Title,Username,Password,Access key ID\na,b,{SECRET},{KEY_ID}\n"),
            0,
        ),
        (Format::Json, &document, 1),
        (Format::Json, &format!(" [ {record} ]"), 1),
        (Format::Json, "[]", 0),
        (Format::AwsCsv, &format!("Access key ID,Secret access key\n{KEY_ID},{SECRET}\n"), 1),
        (Format::AwsCsv, &format!("AWSAccessKeyId={KEY_ID}\r\nAWSSecretKey={SECRET}\r\n"), 1),
        (Format::AwsProfiles, &format!("[default]\n{pair}"), 1),
        (Format::AwsProfiles, &format!("# title, username, password\n[profile a]\n{pair}"), 1),
        (Format::AwsProfiles, "", 0),
    ];
    for (format, content, records) in samples {
        for mark in ["", "\u{feff}"] {
            let content = format!("{mark}{content}");
            assert_eq!(Format::detect(content.as_bytes()), *format, "{content}");
            let import = interchange::read(content.as_bytes(), Some("named")).unwrap();
            assert_eq!(import.records.len(), *records, "{content}");
        }
    }
    for format in Format::ALL {
        assert!(samples.iter().any(|(sampled, ..)| sampled == format), "{format} has no sample");
    }
    let encrypted = include_bytes!("bitwarden-encrypted.json");
    assert_eq!(Format::detect(encrypted), Format::BitwardenJson);
}
