//! Files of other programs, read and written.

use aumbry::interchange::profiles::FileKind;
use aumbry::interchange::{self, bitwarden_json, keepass_xml, keepassxc_csv, onepassword_csv};
use aumbry::interchange::{console_csv, credential_process, env_file, json, profiles};
use aumbry::{Credentials, ExposeSecret, NewRecord, Result};

use crate::common::KEY_ID;
use crate::{Drive, FIRST, SECRETS};

/// What a file came to is added to the vault and looked up again.
type Read = fn(&[u8]) -> Result<Vec<NewRecord>>;

pub(crate) fn drive(drive: &mut Drive) {
    read(drive);
    read_from_disk(drive);
    write(drive);
}

fn read(drive: &mut Drive) {
    let [a, b, token] = [SECRETS[0], SECRETS[1], SECRETS[4]];
    let csv = format!("Access key ID,Secret access key\n{KEY_ID},\"{a}\"\n");
    let document = format!(
        r#"{{"Version":1,"AccessKeyId":"{KEY_ID}","SecretAccessKey":"{a}","SessionToken":"{token}","Expiration":"2199-01-02T03:04:05Z"}}"#
    );
    let export = format!(
        r#"[{{"name":"read-1","provider":"session","access_key_id":"{KEY_ID}","secret_access_key":"{a}","session_token":"{token}"}},
            {{"name":"read-2","provider":"static","access_key_id":"{KEY_ID}","secret_access_key":"{b}"}}]"#
    );
    let shared = format!(
        "[read-1]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {a}\n\n\
         [read-2]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {b}\naws_session_token = {token}\n"
    );
    let field = |key: &str, value: &str| format!("<String><Key>{key}</Key><Value>{value}</Value></String>");
    let entry = |title: &str, secret: &str| {
        let fields = [
            field("Title", title),
            field("UserName", KEY_ID),
            field("Password", secret),
            field("Session Token", token),
            field("Notes", "&amp;"),
        ];
        format!("<Entry>{}</Entry>", fields.concat())
    };
    let keepass = format!(
        "<KeePassFile><Root><Group><Name>Root</Name>{}{}</Group></Root></KeePassFile>",
        entry("read-1", a),
        entry("read-2", b)
    );
    let managers = format!(
        "Title,Username,Password,Session token\nread-1,{KEY_ID},\"{a}\",\"{token}\"\nread-2,{KEY_ID},\"{b}\",\"{token}\"\n"
    );
    let item = |name: &str, secret: &str| {
        format!(
            r#"{{"name":"{name}","login":{{"username":"{KEY_ID}","password":"{secret}"}},"fields":[{{"name":"Session Token","value":"{token}"}}]}}"#
        )
    };
    let bitwarden = format!(r#"{{"items":[{},{}]}}"#, item("read-1", a), item("read-2", b));

    let files: [(&str, String, Read); 8] = [
        ("interchange/console_csv::parse", csv, |content| {
            Ok(console_csv::parse(content, Some("read-1"))?.records)
        }),
        ("interchange/credential_process::parse", document, |content| {
            Ok(vec![credential_process::parse(content, "read-1")?])
        }),
        ("interchange/json::parse", export, |content| Ok(json::parse(content, None)?.records)),
        ("interchange/profiles::parse", shared, |content| {
            Ok(profiles::parse(&[(FileKind::of("credentials", content), content)])?.records)
        }),
        ("interchange/keepass_xml::parse", keepass, |content| Ok(keepass_xml::parse(content)?.records)),
        ("interchange/keepassxc_csv::parse", managers.clone(), |content| {
            Ok(keepassxc_csv::parse(content)?.records)
        }),
        ("interchange/onepassword_csv::parse", managers, |content| {
            Ok(onepassword_csv::parse(content)?.records)
        }),
        ("interchange/bitwarden_json::parse", bitwarden, |content| {
            Ok(bitwarden_json::parse(content)?.records)
        }),
    ];
    let vault = drive.options().open(drive.desk.path(), FIRST).unwrap();
    for (method, content, read) in &files {
        drive.drive(
            &[method, "FileKind::of", "Format::detect", "Format::parse", "interchange/format::read"],
            || {
                let drafts = read(content.as_bytes()).unwrap_or_else(|error| panic!("{method}: {error}"));
                vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.put(draft))).unwrap();
                drop(drafts);
                let credentials = vault.get_credentials("read-1").unwrap().unwrap();
                assert_eq!(credentials.secret_access_key().expose_secret(), SECRETS[0], "{method}");
                // And cut off anywhere, which most of them refuse.
                for len in (0..content.len()).step_by(7) {
                    drop(read(&content.as_bytes()[..len]));
                    drop(interchange::read(&content.as_bytes()[..len], Some("read-1")));
                }
            },
        );
    }
}

fn read_from_disk(drive: &mut Drive) {
    let file = |name: &str| drive.desk.folder.path().join(name);
    let [csv, credentials, config] = ["keys.csv", "credentials", "config"].map(file);
    let [a, b] = [SECRETS[0], SECRETS[1]];
    std::fs::write(&csv, format!("Access key ID,Secret access key\n{KEY_ID},{a}\n")).unwrap();
    let pair = |secret: &str| format!("aws_access_key_id={KEY_ID}\naws_secret_access_key={secret}\n");
    std::fs::write(&credentials, format!("[one]\n{}", pair(a))).unwrap();
    let text = format!("[profile two]\ncredential_process = x\n{}", pair(b));
    std::fs::write(&config, &text).unwrap();
    let methods = [
        "interchange/console_csv::read",
        "interchange/profiles::read",
        "interchange/profiles/stronger::stronger_than_process",
        "interchange/profiles/edit::set_properties",
    ];
    drive.drive(&methods, || {
        assert_eq!(console_csv::read(&csv, Some("x")).unwrap().records.len(), 1);
        assert_eq!(profiles::read([&credentials, &config]).unwrap().records.len(), 2);
        let stronger = profiles::stronger_than_process(&[(FileKind::Config, text.as_bytes())]).unwrap();
        assert_eq!(stronger.len(), 1);
        let properties = [("region", "eu-west-1"), ("credential_process", "a longer command line")];
        profiles::set_properties(&text, "two", &properties).unwrap();
        profiles::set_properties(&text, "new", &properties).unwrap();
    });
}

fn write(drive: &mut Drive) {
    let vault = drive.options().open(drive.desk.path(), FIRST).unwrap();
    let methods = [
        "interchange/credential_process::render",
        "interchange/env_file::render",
        "interchange/env_file::variables",
        "interchange/profiles/render::render",
        "interchange/json::render",
        "interchange/json::render_all",
        "interchange/json::render_with_secret",
        "interchange/json::render_all_with_secrets",
        "interchange/keepass_xml/render::render",
    ];
    drive.drive(&methods, || {
        let records: Vec<Credentials> = vault
            .records()
            .unwrap()
            .map(|entry| vault.get_credentials(entry.name()).unwrap().unwrap())
            .collect();
        for record in &records {
            credential_process::render(record).unwrap();
            env_file::render(record).unwrap();
            assert!(env_file::variables(record).count() > 1);
            json::render_with_secret(record).unwrap();
        }
        json::render_all_with_secrets(&records).unwrap();
        profiles::render(&records).unwrap();
        keepass_xml::render(&records).unwrap();
        json::render(&vault.find("first").unwrap().unwrap()).unwrap();
        json::render_all(vault.records().unwrap()).unwrap();
    });
}
