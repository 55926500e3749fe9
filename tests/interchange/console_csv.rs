//! The files of the IAM console, from their bytes into a vault and back.

use std::fs;

use crate::common::*;
use aumbry::interchange::Import;
use aumbry::interchange::console_csv::{parse, read};
use aumbry::{Error, ErrorKind, ExposeSecret, NewRecord, Result};

const OTHER_KEY_ID: &str = "AKIAI44QH8DHBEXAMPLE";

/// Secrets as AWS makes them, and worse.
const SECRETS: [&str; 8] = [
    SECRET,
    "/+=#;/+=#;/+=#;/+=#;/+=#;/+=#;/+=#;/+=#;",
    "#begins-like-a-comment",
    "a\"quote in the midst",
    "\"quotes around it\"",
    "commas, and \"quotes\", both",
    " spaces at both ends ",
    "schlüssel-鍵-🔑",
];

/// Puts the drafts into a vault and gives name, key id and secret of every record in it.
fn through_a_vault(drafts: &[NewRecord]) -> Vec<(String, String, String)> {
    let desk = Desk::new();
    let vault = desk.create();
    vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft))).unwrap();
    drop(vault);
    let vault = desk.open().unwrap();
    let records = vault.records().unwrap().map(|entry| {
        let record = vault.get_credentials(entry.name()).unwrap().unwrap();
        let secret = record.secret_access_key().expose_secret().to_owned();
        (record.name().to_string(), record.access_key_id().to_owned(), secret)
    });
    records.collect()
}

fn one_record(content: impl AsRef<[u8]>, name: Option<&str>) -> (String, String, String) {
    let mut records = through_a_vault(&parse(content.as_ref(), name).unwrap().records);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

fn record(name: &str) -> (String, String, String) {
    (name.into(), KEY_ID.into(), SECRET.into())
}

/// The error that a file is refused with: of the right kind, and without a trace of any secret.
fn refusal(result: Result<Import>) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidFile, "{error}");
    let said = everything_said(&error);
    assert!(!shows_a_secret(&said), "a secret is shown: {said}");
    error
}

fn shows_a_secret(said: &str) -> bool {
    said.contains(&SECRET[..8]) // also one that was cut
}

#[test]
fn a_pair_of_keys_is_named_by_the_caller() {
    let content = format!("Access key ID,Secret access key\n{KEY_ID},{SECRET}\n");
    assert_eq!(one_record(content, Some("s3-uploads")), record("s3-uploads"));
}

#[test]
fn a_user_s_keys_are_named_after_the_user() {
    let files = [
        format!(
            "User name,Password,Access key ID,Secret access key,Console login link\n\
             anna,hunter2,{KEY_ID},{SECRET},https://123456789012.signin.aws.amazon.com/console\n"
        ),
        format!("User name,Access key ID,Secret access key\nanna,{KEY_ID},{SECRET}\n"),
        format!("User name,Password,Access key ID,Secret access key\nanna,,{KEY_ID},{SECRET}\n"),
    ];
    for content in files {
        assert_eq!(one_record(&content, Some("named by the caller")), record("anna"), "{content}");
        assert_eq!(one_record(&content, None), record("anna"));
    }
}

#[test]
fn a_row_without_a_user_is_named_by_the_caller() {
    let content =
        format!("User name,Access key ID,Secret access key\nanna,{OTHER_KEY_ID},other\n,{KEY_ID},{SECRET}\n");
    let records = through_a_vault(&parse(content.as_bytes(), Some("nobody")).unwrap().records);
    assert_eq!(records, [("anna".into(), OTHER_KEY_ID.into(), "other".into()), record("nobody")]);
    refusal(parse(content.as_bytes(), None));
}

#[test]
fn many_rows_become_many_drafts_in_their_order() {
    let rows: String = (0..1000).map(|at| format!("user-{at},{KEY_ID},{SECRET}{at}\n")).collect();
    let drafts =
        parse(format!("User name,Access key ID,Secret access key\n{rows}").as_bytes(), None).unwrap().records;
    let names: Vec<_> = drafts.iter().map(|draft| draft.name().as_str()).collect();
    assert_eq!(names, (0..1000).map(|at| format!("user-{at}")).collect::<Vec<_>>());
    assert!(
        through_a_vault(&drafts)
            .iter()
            .all(|(name, _, secret)| { secret.strip_prefix(SECRET) == name.strip_prefix("user-") })
    );
}

#[test]
fn byte_order_mark_line_ends_order_case_and_quotes_make_no_difference() {
    let plain = [
        format!("Access key ID,Secret access key,User name\n{KEY_ID},{SECRET},anna\n"),
        format!("SECRET ACCESS KEY,user name,access KEY id\n{SECRET},anna,{KEY_ID}\n"),
        format!(
            "\"User name\",\"Access key ID\",\"Secret access key\"\n\"anna\",\"{KEY_ID}\",\"{SECRET}\"\n"
        ),
        format!(" User name , Access key ID , Secret access key \nanna,{KEY_ID},{SECRET}\n"),
        format!("User name,Access key ID,Created,Secret access key\nanna,{KEY_ID},2026,{SECRET},surplus\n"),
        format!("\n\nUser name,Access key ID,Secret access key\n\nanna,{KEY_ID},{SECRET}\n\n\n"),
        format!("User name,Access key ID,Secret access key\nanna,{KEY_ID},{SECRET}"),
    ];
    for content in plain {
        for marked in [content.clone(), format!("\u{feff}{content}")] {
            assert_eq!(one_record(&marked, None), record("anna"), "{marked:?}");
            assert_eq!(one_record(marked.replace('\n', "\r\n"), None), record("anna"), "{marked:?}");
        }
    }
}

#[test]
fn secrets_come_back_byte_for_byte() {
    let quoted = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
    for secret in SECRETS {
        let must_be_quoted = secret.starts_with('"') || secret.contains(',');
        let unquoted = (!must_be_quoted).then(|| secret.to_owned());
        for field in [Some(quoted(secret)), unquoted].into_iter().flatten() {
            let content = format!("Access key ID,Secret access key\r\n{KEY_ID},{field}\r\n");
            let (_, id, found) = one_record(&content, Some("s3-uploads"));
            assert_eq!((id.as_str(), found.as_str()), (KEY_ID, secret), "{content}");
        }
    }
}

#[test]
fn the_old_form_of_two_lines_is_understood() {
    for secret in SECRETS {
        let (id, key) = (format!("AWSAccessKeyId={KEY_ID}"), format!("AWSSecretKey={secret}"));
        for content in [
            format!("{id}\n{key}\n"),
            format!("{key}\n{id}"),
            format!("\u{feff}{id}\r\n{key}\r\n"),
            format!("{id}\n{key}\n").replace("AWS", "aws"),
        ] {
            let expected = ("root".into(), KEY_ID.into(), secret.into());
            assert_eq!(one_record(&content, Some("root")), expected, "{content}");
        }
    }
}

#[test]
fn a_file_names_its_record_if_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anna_accessKeys.csv");
    fs::write(&path, format!("Access key ID,Secret access key\r\n{KEY_ID},{SECRET}\r\n")).unwrap();
    assert_eq!(through_a_vault(&read(&path, None).unwrap().records), [record("anna_accessKeys")]);
    assert_eq!(through_a_vault(&read(&path, Some("s3-uploads")).unwrap().records), [record("s3-uploads")]);
    fs::write(&path, format!("User name,Access key ID,Secret access key\nanna,{KEY_ID},{SECRET}")).unwrap();
    assert_eq!(through_a_vault(&read(&path, Some("s3-uploads")).unwrap().records), [record("anna")]);
    assert!(path.exists(), "the file stays where it is");
}

#[test]
fn what_cannot_be_read_is_no_invalid_import() {
    let folder = tempfile::tempdir().unwrap();
    let kind = |path: &std::path::Path| read(path, None).unwrap_err().kind();
    assert_eq!(kind(&folder.path().join("nothing.csv")), ErrorKind::NotFound);
    assert_eq!(kind(folder.path()), ErrorKind::InvalidFile);
    let large = folder.path().join("large.csv");
    let file = fs::File::create(&large).unwrap();
    file.set_len(16 * 1024 * 1024 + 1).unwrap();
    assert_eq!(kind(&large), ErrorKind::InvalidFile);
    file.set_len(16 * 1024 * 1024).unwrap();
    assert_eq!(kind(&large), ErrorKind::InvalidFile, "control: 16 MiB of zeros are read");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Longer than the first guess at its length, so that the buffer is replaced on the way.
    let users = 500;
    let rows: String = (0..users).map(|n| format!("user-{n},{KEY_ID},{SECRET}\r\n")).collect();
    let writer = {
        let pipe = pipe.clone();
        std::thread::spawn(move || {
            fs::write(pipe, format!("User name,Access key ID,Secret access key\r\n{rows}")).unwrap();
        })
    };
    assert_eq!(read(&pipe, None).unwrap().records.len(), users);
    writer.join().unwrap();
}

#[test]
fn what_is_no_such_file_is_refused() {
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend("Access key ID,Secret access key".encode_utf16().flat_map(u16::to_le_bytes));
    let files: [&[u8]; 11] = [
        b"",
        b"\n\n",
        b"\xef\xbb\xbf",
        b"Access key ID,Secret access key",
        b"Access key ID,Secret access key\r\n",
        b"AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE\n",
        b"AUMBRY\x1a\n\x01\x00\x01\x00\xff\xff\xff",
        b"\0\0\0\0",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
        &utf16,
        &[b','; 1000],
    ];
    for content in files {
        let said = refusal(parse(content, Some("s3-uploads"))).to_string();
        assert!(said.contains("IAM console"), "{content:?}: {said}");
    }
}

#[test]
fn a_missing_column_is_named() {
    let without_secret = format!("User name,Access key ID,Password\nanna,{KEY_ID},{SECRET}\n");
    let without_id = format!("User name,Password,Secret access key\nanna,hunter2,{SECRET}\n");
    let without_header = format!("{KEY_ID},{SECRET}\n");
    for (content, column) in [
        (without_secret, "Secret access key"),
        (without_id, "Access key ID"),
        (without_header, "Access key ID"),
        (format!("AWSSecretKey={SECRET}\n"), "Access key ID"),
    ] {
        let said = refusal(parse(content.as_bytes(), Some("s3-uploads"))).to_string();
        assert!(said.contains("first line") && said.contains(column), "{said}");
    }
}

/// The rows that must be refused, and why.
fn bad_rows() -> Vec<(&'static str, String)> {
    vec![
        ("too few columns", format!("bert,{SECRET}")),
        ("no key id", format!("bert,,{SECRET}")),
        ("white space in the key id", format!("bert,AKIA EXAMPLE,{SECRET}")),
        ("a key id that is too long", format!("bert,{},{SECRET}", "A".repeat(1025))),
        ("no secret", format!("bert,{KEY_ID},")),
        ("a secret that is too long", format!("bert,{KEY_ID},{SECRET}{}", "x".repeat(65_536))),
        ("a name with white space before it", format!(" bert,{KEY_ID},{SECRET}")),
        ("a reserved name", format!("aumbry:bert,{KEY_ID},{SECRET}")),
        ("a name with a control character", format!("be\x07rt,{KEY_ID},{SECRET}")),
        ("a name that is too long", format!("{},{KEY_ID},{SECRET}", "x".repeat(1025))),
        ("the same name again", format!("anna,{OTHER_KEY_ID},{SECRET}")),
    ]
}

fn refused_line(content: &str) -> String {
    refusal(parse(content.as_bytes(), None)).to_string()
}

#[test]
fn a_bad_row_is_refused_by_its_line() {
    for (why, row) in bad_rows() {
        let content =
            format!("User name,Access key ID,Secret access key\nanna,{KEY_ID},{SECRET}\n{row}\nclara,x,y\n");
        let said = refused_line(&content);
        assert!(said.contains("line 3"), "{why}: {said}");
    }
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let header = "User name,Access key ID,Secret access key";
    let good = format!("anna,{KEY_ID},{SECRET}");
    let bad = format!("bert,,{SECRET}");
    let files = [
        (2, format!("{header}\n{bad}\n")),
        (3, format!("{header}\n{good}\n{bad}")),
        (2, format!("{header}\r\n{bad}\r\n")),
        (3, format!("{header}\r\n{good}\r\n{bad}\r\n")),
        (5, format!("{header}\n\n{good}\n\n{bad}\n")),
        (4, format!("\n{header}\n{good}\n{bad}\n")),
        (4, format!("{header}\nanna,{KEY_ID},\"{SECRET}\nwith a second line\"\n{bad}\n")),
        (2, format!("AWSAccessKeyId={KEY_ID}\nAWSSecretKey=\n")),
    ];
    let wrong: Vec<_> = files
        .iter()
        .map(|(line, content)| (line, refusal(parse(content.as_bytes(), Some("root"))).to_string(), content))
        .filter(|(line, said, _)| !said.contains(&format!("line {line} ")))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_row_with_too_many_columns_is_refused_by_its_line() {
    let content =
        format!("User name,Access key ID,Secret access key\nanna,{KEY_ID},{SECRET}{}\n", ",".repeat(299));
    let said = refused_line(&content);
    assert!(said.contains("line 2"), "{said}");
}

/// One stray quote makes a field of everything up to the next one, secrets and all: it must not be quoted in a
/// message as the name that it is not.
#[test]
fn a_secret_that_slipped_into_another_column_is_not_shown() {
    let files = [
        format!("\"anna,{KEY_ID},{SECRET}\n\"bert,{OTHER_KEY_ID},other"),
        format!("anna,\"{KEY_ID},{SECRET}\nbert,{OTHER_KEY_ID},other"),
        format!("{SECRET},{KEY_ID},x\n{SECRET},{OTHER_KEY_ID},y"),
        format!(" {SECRET},{KEY_ID},x"),
        format!("anna,{SECRET} ,{KEY_ID}"),
        format!("{SECRET},,{KEY_ID}"),
        SECRET.into(),
    ];
    let said = files.map(|rows| {
        let content = format!("User name,Access key ID,Secret access key\n{rows}\n");
        everything_said(&parse(content.as_bytes(), None).unwrap_err())
    });
    let shown: Vec<_> = said.iter().filter(|said| shows_a_secret(said)).collect();
    assert!(shown.is_empty(), "{} of {} show it: {shown:#?}", shown.len(), said.len());
}

#[test]
fn one_bad_row_refuses_all() {
    for (why, row) in bad_rows() {
        let content = format!(
            "User name,Access key ID,Secret access key\n{row}\nanna,{KEY_ID},{SECRET}\ndora,{KEY_ID},x\n"
        );
        assert!(parse(content.as_bytes(), None).is_err(), "{why}");
        let without = content.replacen(&format!("{row}\n"), "", 1);
        assert_eq!(parse(without.as_bytes(), None).unwrap().records.len(), 2, "control");
    }
}

#[test]
fn a_name_that_is_taken_leaves_the_vault_as_it_was() {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "bert");
    let content = format!(
        "User name,Access key ID,Secret access key\nanna,{KEY_ID},{SECRET}\nbert,{KEY_ID},{SECRET}\n"
    );
    let drafts = parse(content.as_bytes(), None).unwrap().records;
    let error = vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(desk.open().unwrap().verify().unwrap().records, 1);
}

#[test]
fn drafts_do_not_show_their_secret() {
    let content = format!("Access key ID,Secret access key\n{KEY_ID},{SECRET}\n");
    let shown = format!("{:?}", parse(content.as_bytes(), Some("s3-uploads")).unwrap());
    assert!(shown.contains(KEY_ID) && !shows_a_secret(&shown), "{shown}");
}
