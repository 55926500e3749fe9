//! Records written as a credentials file.

use super::*;

fn rendered(drafts: &[NewRecord]) -> String {
    render(&through_a_vault(drafts)).unwrap().expose_secret().to_owned()
}

#[test]
fn records_are_written_as_aws_writes_them() {
    let a = draft("s3-uploads").attribute("region", "eu-central-1").unwrap().attribute("note", "").unwrap();
    let b = NewRecord::new_session("b", OTHER_KEY_ID, "#secret", TOKEN).unwrap();
    let expected = format!(
        "[s3-uploads]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\nnote =\nregion = eu-central-1\n\n\
         [b]\naws_access_key_id = {OTHER_KEY_ID}\naws_secret_access_key=#secret\naws_session_token = {TOKEN}\n"
    );
    assert_eq!(rendered(&[a, b]), expected);
    assert_eq!(rendered(&[]), "");
}

#[test]
fn fifty_profiles_come_in_and_go_out_unchanged() {
    let blocks = (0..50).map(|n| {
        let token = if n % 3 == 0 { format!("aws_session_token = {TOKEN}{n}\n") } else { String::new() };
        let id = if n % 2 == 0 { KEY_ID } else { OTHER_KEY_ID };
        format!("[profile-{n}]\naws_access_key_id = {id}\naws_secret_access_key = {SECRET}{n}/+=#;\n{token}region = r-{n}\n")
    });
    let text = blocks.collect::<Vec<_>>().join("\n");
    let import = credentials(&text).unwrap();
    assert_eq!(import.records.len(), 50);
    assert!(rendered(&import.records) == text);
}

#[test]
fn what_the_format_cannot_carry_is_refused_by_record_and_field() {
    let with = |key: &str, value: &str| draft("a").attribute(key, value).unwrap();
    let secret = |secret: String| NewRecord::new_static("a", KEY_ID, secret).unwrap();
    let token = |token: String| NewRecord::new_session("a", KEY_ID, SECRET, token).unwrap();
    for (record, field, flaw) in [
        (draft("a]"), "\"a]\"", "its name"),
        (draft("a#b"), "\"a#b\"", "its name"),
        (draft("; a"), "\"; a\"", "its name"),
        (draft("profile a"), "\"profile a\"", "config file"),
        (draft("sso-session a"), "\"sso-session a\"", "config file"),
        (draft("DEFAULT"), "\"DEFAULT\"", "every profile"),
        (secret(format!("{SECRET}\n")), "aws_secret_access_key", "line break"),
        (secret(format!("{SECRET}\r")), "aws_secret_access_key", "line break"),
        (secret(format!("{SECRET}\nrole_arn = x")), "aws_secret_access_key", "line break"),
        (secret(format!("{SECRET}\0")), "aws_secret_access_key", "control"),
        (secret(format!(" {SECRET}")), "aws_secret_access_key", "white space"),
        (secret(format!("{SECRET}\u{a0}")), "aws_secret_access_key", "white space"),
        (secret(format!("{SECRET} #")), "aws_secret_access_key", "comment"),
        (secret(format!("{SECRET}\t;x")), "aws_secret_access_key", "comment"),
        (secret(format!("#\u{3000}#{SECRET}")), "aws_secret_access_key", "comment"),
        (NewRecord::new_static("a", KEY_ID, "\t").unwrap(), "aws_secret_access_key", "white space"),
        (token(format!("{TOKEN} ;")), "aws_session_token", "comment"),
        (with("description", "first\nsecond"), "\"description\"", "line break"),
        (with("description", "tab\tand bell\u{7}"), "\"description\"", "control"),
        (with("description", "ends "), "\"description\"", "white space"),
        (with("description", "one ; two"), "\"description\"", "comment"),
        (with("tag.Owner", "x"), "\"tag.Owner\"", "lower-case"),
        (with("two words", "x"), "\"two words\"", "lower-case"),
        (with("schlüssel", "x"), "\"schlüssel\"", "lower-case"),
        (with("[x]", "x"), "\"[x]\"", "lower-case"),
        (with("aws_access_key_id", "x"), "\"aws_access_key_id\"", "key pair"),
        (with("aws_security_token", "x"), "\"aws_security_token\"", "key pair"),
    ] {
        let name = record.name().to_string();
        let records = through_a_vault(&[draft("good"), record]);
        let said = refusal(render(&records), ErrorKind::InvalidInput);
        let begin = format!("could not write the record {name:?} to a credentials file: ");
        assert!(
            said.starts_with(&begin) && said.contains(field) && said.contains(flaw),
            "{field}, {flaw}: {said}"
        );
        assert!(render(&records[..1]).is_ok(), "control");
    }
}

#[test]
fn two_records_of_one_name_are_refused() {
    let records = through_a_vault(&[draft("a"), draft("b"), draft("a")]);
    let said = refusal(render(&records), ErrorKind::InvalidInput);
    assert!(said.contains("\"a\"") && said.contains("same name"), "{said}");
}

#[test]
fn the_written_text_does_not_show_itself() {
    let shown = format!("{:?}", render(&through_a_vault(&[draft("a")])).unwrap());
    assert!(!shows_a_secret(&shown), "{shown}");
}

/// Texts of all that a value may hold and much that it may not.
pub(super) fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[A-Za-z0-9/+=#;]{1,40}",
        4 => "[#;=\\[\\]'\"\\\\%$éß鍵🔑a \t]{0,12}",
        1 => "[ -~\u{80}-\u{a1}\u{2000}-\u{2030}\n\r\t]{0,8}",
    ]
}

/// The rule as the documentation has it, in other words than the code.
pub(super) fn value_can_be_carried(value: &str) -> bool {
    let characters: Vec<char> = value.chars().collect();
    let comment = characters.windows(2).any(|pair| pair[0].is_whitespace() && matches!(pair[1], '#' | ';'));
    let ends = [characters.first(), characters.last()];
    let blank_end = ends.into_iter().flatten().any(|c| c.is_whitespace());
    !comment && !blank_end && characters.iter().all(|c| *c == '\t' || !c.is_control())
}

fn any_record() -> impl Strategy<Value = (NewRecord, bool)> {
    let name = prop_oneof![6 => "[A-Za-z0-9_./@:+-]{1,12}", 2 => "[!-~]([ -~éß鍵]{0,8}[!-~])?"];
    let key = prop_oneof![6 => "[a-z_][a-z0-9_./%@:+-]{0,12}", 1 => "[!-~é]{1,5}"];
    let attributes = prop::collection::btree_map(key, any_value(), 0..4);
    (name, any_value(), prop::option::of(any_value()), attributes).prop_filter_map(
        "no record",
        |(name, secret, token, attributes)| {
            let name_fits = !name.contains([']', '#', ';'])
                && !["profile ", "sso-session ", "services "].iter().any(|word| name.starts_with(word))
                && name != "DEFAULT";
            let mut fits = name_fits && value_can_be_carried(&secret);
            let mut draft = match token {
                None => NewRecord::new_static(name, KEY_ID, secret).ok()?,
                Some(token) => {
                    fits &= value_can_be_carried(&token);
                    NewRecord::new_session(name, KEY_ID, secret, token).ok()?
                }
            };
            for (key, value) in attributes {
                let identifier =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-/.%@:+".contains(c);
                fits &= key.chars().all(identifier) && value_can_be_carried(&value);
                draft = draft.attribute(&key, &value).ok()?;
            }
            Some((draft, fits))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is written is read as the same, and what cannot be carried, and only that, is refused.
    #[test]
    fn what_is_written_is_read_as_the_same(
        records in prop::collection::vec(any_record(), 0..5),
        crlf in any::<bool>(),
        mark in any::<bool>(),
    ) {
        let names: BTreeSet<_> = records.iter().map(|(draft, _)| draft.name().clone()).collect();
        prop_assume!(names.len() == records.len());
        let fit = records.iter().all(|(_, fits)| *fits);
        let drafts: Vec<_> = records.into_iter().map(|(draft, _)| draft).collect();
        let records = through_a_vault(&drafts);
        match render(&records) {
            Err(error) => {
                prop_assert!(!fit, "{error}");
                prop_assert_eq!(error.kind(), ErrorKind::InvalidInput);
            }
            Ok(text) => {
                prop_assert!(fit, "{}", text.expose_secret());
                let mut text = text.expose_secret().to_owned();
                if crlf {
                    text = text.replace('\n', "\r\n");
                }
                if mark {
                    text.insert(0, '\u{feff}');
                }
                let import = credentials(&text).unwrap();
                prop_assert!(import.skipped.is_empty());
                prop_assert_eq!(all_facts(&import), records.iter().map(facts).collect::<Vec<_>>());
            }
        }
    }

    /// Neither a panic nor a secret, whatever the bytes are.
    #[test]
    fn any_text_is_read_or_refused(
        parts in prop::collection::vec(prop_oneof![
            Just("[a]".to_owned()), Just("[profile a]".to_owned()), Just("\n".to_owned()), Just("\r\n".to_owned()),
            Just("  ".to_owned()), Just("=".to_owned()), Just(SECRET.to_owned()), Just(TOKEN.to_owned()),
            Just("aws_access_key_id".to_owned()), Just("aws_secret_access_key".to_owned()), Just("#".to_owned()),
            Just("[default]\nx=".to_owned()), Just("\u{feff}".to_owned()), any_value(),
        ], 0..16),
        config_file in any::<bool>(),
    ) {
        let text = parts.concat();
        let kind = if config_file { FileKind::Config } else { FileKind::Credentials };
        if let Err(error) = parse(&[(kind, text.as_bytes())]) {
            prop_assert_eq!(error.kind(), ErrorKind::InvalidFile);
            prop_assert!(!shows_a_secret(&everything_said(&error)), "{}", everything_said(&error));
        }
    }
}
