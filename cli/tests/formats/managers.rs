//! Keys out of password managers, told by the content of their files, and into KeePass.

use crate::common::*;
use serde_json::json;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";

/// Each file holds the key, a login that is none, and an entry with an id alone.
fn files() -> [(&'static str, &'static str, String); 4] {
    let keepass_entry = |title: &str, user: &str, password: &str, more: &str| {
        let field =
            |key: &str, value: &str| format!("<String><Key>{key}</Key><Value>{value}</Value></String>");
        let fields = field("Title", title) + &field("UserName", user) + &field("Password", password) + more;
        format!("<Entry>{fields}</Entry>")
    };
    let region = "<String><Key>Region</Key><Value>eu-west-1</Value></String>\
                  <String><Key>Pin</Key><Value ProtectInMemory=\"True\">1234</Value></String>";
    let keepass = format!(
        "\u{feff}<?xml version=\"1.0\"?>\n<KeePassFile><Root><Group><Name>Root</Name>{}{}{}</Group></Root></KeePassFile>",
        keepass_entry("uploads", ID, PLAIN_SECRET, region),
        keepass_entry("Forum", "anna", "hunter2", ""),
        keepass_entry("half", ID, "", ""),
    );
    let login = |name: &str, user: &str, password: &str| json!({ "type": 1, "name": name, "login": { "username": user, "password": password } });
    let mut uploads = login("uploads", ID, PLAIN_SECRET);
    uploads["fields"] = json!([
        { "name": "Region", "value": "eu-west-1", "type": 0 },
        { "name": "Pin", "value": "1234", "type": 1 },
    ]);
    let items = [uploads, login("Forum", "anna", "hunter2"), login("half", ID, "")];
    let bitwarden = json!({ "items": items, "folders": [], "encrypted": false });
    [
        ("keepass-xml", "export.xml", keepass),
        (
            "keepassxc-csv",
            "export.csv",
            format!(
                "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\",\"Region\",\"Pin\"\n\
                 \"Root\",\"uploads\",\"{ID}\",\"{PLAIN_SECRET}\",\"\",\"\",\"eu-west-1\",\"1234\"\n\
                 \"Root\",\"Forum\",\"anna\",\"hunter2\",\"\",\"\",\"\",\"\"\n\
                 \"Root\",\"half\",\"{ID}\",\"\",\"\",\"\",\"\",\"\"\n"
            ),
        ),
        ("bitwarden-json", "export.json", bitwarden.to_string()),
        (
            "1password-csv",
            "export.csv",
            format!(
                "Title,Url,Username,Password,OTPAuth,Notes,Region,Pin\nuploads,,{ID},{PLAIN_SECRET},,,eu-west-1,1234\n\
                 Forum,,anna,hunter2,,,,\nhalf,,{ID},,,,,\n"
            ),
        ),
    ]
}

#[test]
fn each_file_is_told_by_its_content_and_what_is_no_key_is_reported() {
    for (format, file, content) in files() {
        for option in [[].as_slice(), &["--format", format]] {
            let home = Home::empty();
            home.succeeds(&[&["init"], CHEAP.as_slice()].concat());
            home.write(file, &content);
            let output = home.run(&[&["import", file], option].concat());
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(0), "{format}: {said}");
            assert_eq!(home.succeeds(&["get", "uploads"]).trim_end(), PLAIN_SECRET, "{format}");
            assert_eq!(home.succeeds(&["get", "uploads", "--field", "region"]), "eu-west-1\n", "{format}");
            for line in [
                "1 entry holds no AWS access key, and was skipped.",
                "was skipped: it contains an access key id, but no secret access key",
                "\"Pin\" (it is or may be a secret, but attributes are not secret)",
                "Imported 1 of 1 record.",
                &format!("{file} still holds its keys in plaintext"),
            ] {
                assert!(said.contains(line), "{format}: {line} is not in {said}");
            }
            assert!(!said.contains("Forum") && !said.contains("hunter2") && !said.contains("1234"), "{said}");
        }
    }
}

#[test]
fn a_program_learns_of_every_entry_that_was_skipped_and_of_every_field_that_was_left_out() {
    let home = Home::plain();
    let [(_, file, content), ..] = files();
    home.write(file, &content);
    home.write("profiles", "[role]\nrole_arn=arn\n");
    let result = home.json(&["import", file, "profiles", "--name", "mine", "--on-conflict", "replace"]);
    assert_eq!(result["replaced"], json!(["mine"]));
    let skipped = result["skipped"].as_array().unwrap();
    let names: Vec<_> = skipped.iter().map(|skipped| skipped["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Forum", "half", "role"]);
    assert_eq!(skipped[0]["reason"], "it contains no AWS access key");
    assert!(skipped[0]["place"].as_str().unwrap().starts_with("line "), "{result}");
    let reason = "it is or may be a secret, but attributes are not secret";
    assert_eq!(result["left_out"][0]["fields"], json!([{ "field": "Pin", "reason": reason }]));
    assert_eq!(result["left_out"][0]["name"], "uploads");
}

#[test]
fn what_goes_out_as_keepass_xml_comes_back_the_same() {
    let home = Home::new();
    home.succeeds(&["edit", "mine", "description=one\ntwo", "Colour=<red> & \"blue\""]);
    let document = json!({ "Version": 1, "AccessKeyId": "ASIA1", "SecretAccessKey": SECRET, "SessionToken": TOKEN, "Expiration": "2199-01-02T03:04:05Z" });
    home.write("session", &document.to_string());
    home.succeeds(&["add", "team/session", "--from-json", "session"]);
    home.fails(&["export", "--format", "keepass-xml"], 9, "--plaintext");
    home.succeeds(&["export", "--format", "keepass-xml", "--plaintext", "-o", "vault.xml"]);

    let records = |vault: &str| {
        let exported = home.succeeds(&["--vault", vault, "export", "--format", "json", "--plaintext"]);
        let mut records: serde_json::Value = serde_json::from_str(&exported).unwrap();
        for record in records.as_array_mut().unwrap() {
            for time in ["created", "updated"] {
                record.as_object_mut().unwrap().remove(time);
            }
        }
        records
    };
    home.succeeds(&[["--vault", "again.aumbry", "init"].as_slice(), &CHEAP].concat());
    home.succeeds(&["--vault", "again.aumbry", "import", "vault.xml"]);
    let before = records(home.vault().to_str().unwrap());
    assert_eq!(before.as_array().unwrap().len(), 2);
    assert_eq!(records("again.aumbry"), before);
}
