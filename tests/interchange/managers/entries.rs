//! Which entries become records, and what becomes of their fields. KeePass's XML stands for all formats.

use aumbry::interchange::{LeaveReason, SkipReason, keepass_xml, onepassword_csv};

use super::*;

fn import(fields: &[(&str, &str)]) -> Import {
    keepass_xml::parse(keepass(fields).as_bytes()).unwrap()
}

/// The one record of an entry called `a`, and what was left out of it.
fn record(fields: &[(&str, &str)]) -> (Record, Vec<(String, LeaveReason)>) {
    let titled: Vec<_> = [("Title", "a")].iter().chain(fields).copied().collect();
    let import = import(&titled);
    assert_eq!(import.skipped, [], "{fields:?}");
    let left_out = import.left_out.iter().flat_map(|left| left.fields.clone()).collect();
    (records(&import).remove(0), left_out)
}

fn skipped(fields: &[(&str, &str)]) -> SkipReason {
    let import = import(fields);
    assert!(import.records.is_empty(), "{fields:?}");
    import.skipped[0].reason
}

#[test]
fn a_login_to_a_web_site_is_no_record() {
    let long = "A".repeat(129);
    for user_name in [
        "",
        "anna",
        "anna@example.com",
        "averyordinaryusername",
        "anna_lovelace_1815",
        "AKIA",
        "AKIAIOSFODNN7EXAMPL-",
        &long,
    ] {
        let fields = [("Title", "a"), ("UserName", user_name), ("Password", "hunter2")];
        assert_eq!(skipped(&fields), SkipReason::NoKey, "{user_name}");
    }
    for user_name in [KEY_ID, SESSION_KEY_ID, "AKIAIOSFODNN7EXA", &long[1..]] {
        let fields = [("UserName", user_name), ("Password", SECRET)];
        assert_eq!(record(&fields).0, Record::new("a", user_name, SECRET));
    }
}

#[test]
fn fields_of_well_known_names_win_over_user_name_and_password() {
    let fields = [
        ("UserName", KEY_ID),
        ("!Password", "hunter2"),
        ("AWS Access Key ID", OTHER_KEY_ID),
        ("!secret-access-key", OTHER_SECRET),
    ];
    let (found, left_out) = record(&fields);
    assert_eq!(found, Record::new("a", OTHER_KEY_ID, OTHER_SECRET).with(&[("user_name", KEY_ID)]));
    assert_eq!(left_out, [("password".into(), LeaveReason::Secret)]);
}

#[test]
fn a_key_id_in_a_field_may_be_of_any_form() {
    let fields = [("Access Key", " minioadmin "), ("Secret Key", " with spaces ")];
    assert_eq!(record(&fields).0, Record::new("a", "minioadmin", " with spaces "));
}

#[test]
fn the_password_of_another_user_is_no_secret_access_key() {
    let fields = [("Title", "a"), ("UserName", "anna"), ("Password", "hunter2"), ("Access Key ID", KEY_ID)];
    assert_eq!(skipped(&fields), SkipReason::NoSecret);
    for user_name in ["", KEY_ID] {
        let fields = [("UserName", user_name), ("Password", SECRET), ("Access Key ID", KEY_ID)];
        assert_eq!(record(&fields).0, Record::new("a", KEY_ID, SECRET));
    }
}

#[test]
fn an_entry_with_half_a_key_or_two_of_them_is_skipped() {
    assert_eq!(skipped(&[("Title", "a"), ("UserName", KEY_ID)]), SkipReason::NoSecret);
    assert_eq!(skipped(&[("Title", "a"), ("Secret Access Key", SECRET)]), SkipReason::NoKey);
    let two =
        [("Title", "a"), ("Access Key ID", KEY_ID), ("access_key_id", OTHER_KEY_ID), ("Secret Key", SECRET)];
    assert_eq!(skipped(&two), SkipReason::Ambiguous);
    let twice = [("Access Key ID", KEY_ID), ("access_key_id", KEY_ID), ("Secret Key", SECRET)];
    assert_eq!(record(&twice).0, Record::new("a", KEY_ID, SECRET));
}

#[test]
fn a_key_that_breaks_a_rule_of_records_is_skipped() {
    let secret = "s".repeat(70_000);
    assert_eq!(skipped(&[("Title", "a"), ("UserName", KEY_ID), ("Password", &secret)]), SkipReason::Key);
    let id = [("Title", "a"), ("Access Key ID", "in the safe"), ("Secret Key", SECRET)];
    assert_eq!(skipped(&id), SkipReason::Key);
}

#[test]
fn a_title_that_can_be_no_name_is_skipped_and_not_shown() {
    let long = "x".repeat(1025);
    for title in ["", "  ", "two\nlines", "aumbry:x", &long] {
        let import = import(&[("Title", title), ("UserName", KEY_ID), ("Password", SECRET)]);
        assert_eq!(import.skipped[0].reason, SkipReason::Name, "{title:?}");
        let said = import.skipped[0].to_string();
        assert!(said.starts_with("the entry at line 1 was skipped: its title, "), "{said}");
    }
    let padded = import(&[("Title", " a "), ("UserName", KEY_ID), ("Password", SECRET)]);
    assert_eq!(padded.records[0].name().as_str(), "a");
}

#[test]
fn a_reference_to_another_entry_is_no_value() {
    let reference = "{ref:P@I:46C9B1FFBD4ABC4BBB260C6190BAD20C}";
    for fields in [
        [("Title", "a"), ("UserName", reference), ("Password", SECRET)],
        [("Title", "a"), ("UserName", KEY_ID), ("Password", reference)],
        [("Title", reference), ("UserName", KEY_ID), ("Password", SECRET)],
        [("Title", "a"), ("Access Key ID", reference), ("Secret Key", SECRET)],
    ] {
        assert_eq!(skipped(&fields), SkipReason::Reference, "{fields:?}");
    }
    let token = [("Title", "a"), ("UserName", KEY_ID), ("Password", SECRET), ("Session Token", reference)];
    assert_eq!(skipped(&token), SkipReason::Reference);
    let (found, left_out) = record(&[("UserName", KEY_ID), ("Password", SECRET), ("Notes", reference)]);
    assert_eq!(found, Record::new("a", KEY_ID, SECRET));
    assert_eq!(left_out, [("description".into(), LeaveReason::Reference)]);
}

#[test]
fn what_no_attribute_can_be_is_left_out_and_said() {
    let long = "x".repeat(257);
    let large = "x".repeat(16 * 1024);
    let fields = [
        ("UserName", KEY_ID),
        ("Password", SECRET),
        ("Account", "1"),
        ("!Sealed", "2"),
        ("API token", "3"),
        ("aumbry.x", "4"),
        (&long, "5"),
        ("two\nlines", "6"),
        ("Account ", "7"),
        ("large", &large),
        ("empty", ""),
    ];
    let (found, left_out) = record(&fields);
    assert_eq!(found, Record::new("a", KEY_ID, SECRET).with(&[("Account", "1")]));
    let expected = [
        ("Sealed", LeaveReason::Secret),
        ("API token", LeaveReason::Secret),
        ("aumbry.x", LeaveReason::Name),
        (&long, LeaveReason::Name),
        ("two\nlines", LeaveReason::Name),
        ("Account", LeaveReason::Repeated),
        ("large", LeaveReason::TooLong),
    ];
    assert_eq!(left_out, expected.map(|(name, reason)| (name.to_owned(), reason)));
}

/// As many as a vault takes (`stored` would fail with one byte more), and not one less.
#[test]
fn attributes_are_taken_up_to_what_a_record_holds() {
    let room = 16 * 1024 - 1 - 2; // their number, and the key "k"
    let value = "v".repeat(room - 3);
    let fits = [("UserName", KEY_ID), ("Password", SECRET), ("k", value.as_str())];
    assert_eq!(record(&fits).0.attributes[0].1.len(), value.len());
    let value = format!("{value}v");
    let (found, left_out) = record(&[("UserName", KEY_ID), ("Password", SECRET), ("k", value.as_str())]);
    assert_eq!((found.attributes, left_out), (vec![], vec![("k".into(), LeaveReason::TooLong)]));

    let many: Vec<_> = (0..4000).map(|at| (format!("{at:04}"), "x".to_owned())).collect();
    let many = many.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let (found, left_out) =
        record(&[("UserName", KEY_ID), ("Password", SECRET)].into_iter().chain(many).collect::<Vec<_>>());
    assert_eq!(found.attributes.len(), (16 * 1024 - 3) / 7);
    assert_eq!(found.attributes.len() + left_out.len(), 4000);
}

#[test]
fn a_field_that_expires_but_says_no_time_is_an_attribute() {
    let (found, _) = record(&[("UserName", KEY_ID), ("Password", SECRET), ("Expires", "with the contract")]);
    assert_eq!(found.attributes, [("Expires".to_owned(), "with the contract".to_owned())]);
    let (found, _) =
        record(&[("UserName", KEY_ID), ("Password", SECRET), ("Expires", "2026-11-23T04:05:06Z")]);
    assert_eq!((found.expires, found.attributes), (Some(time()), vec![]));
}

/// Of two columns that are called alike, the second is a field, and a password is never an attribute.
#[test]
fn a_second_column_of_a_name_is_a_field() {
    let content = format!("Title,Username,Password,Password,Url,Url\na,{KEY_ID},{SECRET},hunter2,x,y\n");
    let import = onepassword_csv::parse(content.as_bytes()).unwrap();
    assert_eq!(records(&import), [Record::new("a", KEY_ID, SECRET).with(&[("Url", "y"), ("url", "x")])]);
    assert_eq!(import.left_out[0].fields, [("Password".into(), LeaveReason::Secret)]);
}

#[test]
fn two_entries_of_one_name_are_two_drafts() {
    let content = format!("Title,Username,Password\na,{KEY_ID},x\na,{OTHER_KEY_ID},y\n");
    let import = onepassword_csv::parse(content.as_bytes()).unwrap();
    assert_eq!(import.records.iter().map(|draft| draft.name().as_str()).collect::<Vec<_>>(), ["a", "a"]);
}
