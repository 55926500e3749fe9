//! What keeps AWS clients from running the program of a profile.

use aumbry::interchange::profiles::{FileKind, stronger_than_process};

/// Profile, number of the file, keys.
fn stronger(credentials: &str, config: &str) -> Vec<(String, usize, Vec<&'static str>)> {
    let files = [(FileKind::Credentials, credentials.as_bytes()), (FileKind::Config, config.as_bytes())];
    let found = stronger_than_process(&files).unwrap();
    found.into_iter().map(|found| (found.profile, found.file, found.keys)).collect()
}

#[test]
fn what_clients_obey_before_a_program_is_found_in_both_files() {
    let config =
        "[profile a]\ncredential_process = x\nSSO_Session = s\nregion = r\n[profile b]\nrole_arn = r\n";
    assert_eq!(stronger("", config), [("a".into(), 1, vec!["sso_session"])]);
    let keys = "aws_access_key_id = A\naws_secret_access_key = B\n";
    let expected = [
        ("a".into(), 0, vec!["aws_access_key_id", "aws_secret_access_key"]),
        ("a".into(), 1, vec!["sso_session"]),
    ];
    assert_eq!(stronger(&format!("[b]\n{keys}[a]\n{keys}"), config), expected);
    // A second program in the credentials file wins; one that is there alone is the one that is asked.
    let process = "[a]\ncredential_process = y\n";
    assert_eq!(stronger(process, "[profile a]\nregion = r\n"), []);
    let expected = ("a".into(), 0, vec!["credential_process"]);
    assert_eq!(stronger(process, "[profile a]\ncredential_process = x\n"), [expected]);
}

#[test]
fn what_is_empty_or_in_a_section_that_is_not_read_is_not_stronger() {
    let config =
        "[default]\ncredential_process = x\naws_access_key_id =\n[profile default]\ncredential_process = y\n";
    assert_eq!(stronger("[profile default]\naws_access_key_id = A\n", config), []);
    assert_eq!(
        stronger("[default]\naws_access_key_id = A\n", config),
        [("default".into(), 0, vec!["aws_access_key_id"])]
    );
    let files: [(FileKind, &[u8]); 1] = [(FileKind::Config, b"[profile")];
    assert!(stronger_than_process(&files).unwrap_err().to_string().contains("line 1"));
}
