//! A record as a file of environment variables.

use crate::common::*;
use aumbry::interchange::env_file::{render, variables};
use aumbry::{Credentials, ErrorKind, ExposeSecret, NewRecord};
use proptest::prelude::*;

const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJ==";

/// The record as a vault gives it.
fn stored(draft: &NewRecord) -> Credentials {
    let desk = Desk::new();
    let vault = desk.create();
    vault.edit(|edit| edit.add(draft)).unwrap();
    vault.get_credentials(draft.name().as_str()).unwrap().unwrap()
}

fn with_secret(secret: &str) -> NewRecord {
    NewRecord::new_static("a", KEY_ID, secret).unwrap()
}

#[test]
fn a_record_is_written_a_line_for_each_variable() {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLE=";
    let draft = NewRecord::new_session("a", KEY_ID, secret, TOKEN).unwrap();
    let draft =
        draft.attribute("region", "eu-central-1").unwrap().attribute("description", "not set").unwrap();
    let record = stored(&draft.attribute("endpoint_url", "http://localhost:9000").unwrap());
    let expected = format!(
        "AWS_ACCESS_KEY_ID={KEY_ID}\nAWS_SECRET_ACCESS_KEY={secret}\nAWS_SESSION_TOKEN={TOKEN}\nAWS_REGION=eu-central-1\n\
         AWS_DEFAULT_REGION=eu-central-1\nAWS_ENDPOINT_URL=http://localhost:9000\n"
    );
    assert_eq!(render(&record).unwrap().expose_secret(), expected);
}

#[test]
fn what_is_empty_or_absent_sets_nothing() {
    let record = stored(&with_secret("x").attribute("region", "").unwrap());
    let names: Vec<_> = variables(&record).map(|(name, _)| name).collect();
    assert_eq!(names, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
}

#[test]
fn what_programs_would_read_differently_is_refused_by_record_and_variable() {
    for (secret, flaw) in [
        ("zq\nzq", "line break"),
        ("zq\r", "line break"),
        ("zq\0", "control"),
        ("zq\u{85}zq", "control"),
        (" zq", "white space"),
        ("zq zq", "white space"),
        ("zq\t", "control"),
        ("zq\u{a0}", "white space"),
        ("zqé", "ASCII"),
        ("'zq", "quote"),
        ("zq\"zq", "quote"),
        ("zq\\n", "backslash"),
        ("$zq", "\"$\""),
        ("zq`zq`", "\"`\""),
        ("#zq", "comment"),
        ("zq#zq", "comment"),
        ("~zq", "shell"),
        ("zq;zq", "shell"),
        ("zq&zq|zq", "shell"),
        ("zq(zq)<zq>", "shell"),
    ] {
        let error = render(&stored(&with_secret(secret))).unwrap_err();
        let said = error.to_string();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(said.contains("the record \"a\"") && said.contains("its AWS_SECRET_ACCESS_KEY: "), "{said}");
        assert!(said.contains(flaw) && !said.contains("zq"), "{secret:?}: {said}");
    }
    for (key, variable) in [("region", "AWS_REGION"), ("endpoint_url", "AWS_ENDPOINT_URL")] {
        let record = stored(&with_secret("x").attribute(key, "two words").unwrap());
        assert!(render(&record).unwrap_err().to_string().contains(variable));
    }
}

#[test]
fn the_written_text_does_not_show_itself() {
    assert!(!format!("{:?}", render(&stored(&with_secret("zq"))).unwrap()).contains("zq"));
}

/// The rule as the documentation has it, in other words than the code.
fn is_carried(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_alphanumeric() || "!%*+,-./:=?@[]^_{}".contains(c))
}

/// What a POSIX shell makes of the file.
#[cfg(unix)]
fn read_by_shell(file: &str) -> String {
    use std::io::Write;
    let mut text = tempfile::NamedTempFile::new().unwrap();
    text.write_all(file.as_bytes()).unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", ". \"$0\"; printf %s \"$AWS_SECRET_ACCESS_KEY\""]).arg(text.path());
    String::from_utf8(shell.env_clear().output().unwrap().stdout).unwrap()
}

#[cfg(unix)]
proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_a_shell_reads_back(value in prop_oneof![4 => "[A-Za-z0-9!%*+,./:=?@\\[\\]^_{}-]{1,40}", 1 => "[ -~é\n\t]{1,12}"]) {
        match render(&stored(&with_secret(&value))) {
            Ok(file) => {
                prop_assert!(is_carried(&value));
                prop_assert_eq!(read_by_shell(file.expose_secret()), value);
            }
            Err(_) => prop_assert!(!is_carried(&value)),
        }
    }
}
