//! A record from the day it goes in to the day it comes out.

use crate::common::*;

#[test]
fn a_record_goes_in_and_comes_out_byte_for_byte() {
    let home = Home::new();
    assert_eq!(home.succeeds(&["get", "mine"]), format!("{SECRET}\n"));
    assert_eq!(home.succeeds(&["get", "mine", "-n"]), SECRET);
    assert_eq!(home.succeeds(&["get", "mine", "--field", "region", "-n"]), "eu-west-1");
    let json: serde_json::Value =
        serde_json::from_str(&home.succeeds(&["show", "mine", "--reveal", "--json"])).unwrap();
    assert_eq!(json["secret_access_key"], SECRET);
    let json: serde_json::Value =
        serde_json::from_str(&home.succeeds(&["credential-process", "mine"])).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "Version": 1, "AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": SECRET })
    );
    assert!(!home.succeeds(&["show", "mine"]).contains(SECRET));
    assert!(!home.succeeds(&["list", "--json"]).contains(SECRET));
    assert_eq!(home.succeeds(&["list", "m"]).lines().count(), 2);
}

#[test]
fn a_secret_is_refused_on_the_command_line_however_it_is_spelled() {
    let home = Home::new();
    for field in [
        "secret-access-key",
        "SecretAccessKey",
        "AWSSecretKey",
        "aws_secret_access_key",
        "secret",
        "SessionToken",
    ] {
        home.fails(&["edit", "mine", &format!("{field}={SECRET}")], 2, "must not be on the command line");
        let attribute = format!("{field}={SECRET}");
        let add = [
            "add",
            "new",
            "--access-key-id",
            "AKIANEW",
            "--secret-file",
            "secret",
            "--attribute",
            &attribute,
        ];
        home.fails(&add, 2, "must not be on the command line");
    }
}

#[test]
fn a_field_that_every_record_has_is_no_attribute() {
    let home = Home::new();
    home.fails(&["edit", "mine", "name=yours"], 2, "aumbry rename");
    home.fails(&["edit", "mine", "provider=session"], 2, "follows from the rest");
    let add = |attribute| {
        let add =
            ["add", "new", "--access-key-id", "AKIANEW", "--secret-file", "secret", "--attribute", attribute];
        home.succeeds(&add);
        let record = home.json(&["show", "new"]);
        home.succeeds(&["remove", "new", "--yes"]);
        record
    };
    assert_eq!(
        add("endpoint-url=http://localhost:9000")["attributes"]["endpoint_url"],
        "http://localhost:9000"
    );
    assert_eq!(add("expires=9999-12-31T23:59:59Z")["expires"], "9999-12-31T23:59:59Z");
    home.succeeds(&["edit", "mine", "expires=9999-12-31T23:59:59Z"]);
    assert_eq!(home.succeeds(&["get", "mine", "--field", "expires"]), "9999-12-31T23:59:59Z\n");
}

#[test]
fn get_accepts_each_spelling_of_a_field_that_edit_accepts() {
    let home = Home::new();
    home.add_session("session", "2099-01-01T00:00:00Z");
    home.succeeds(&["edit", "mine", "Endpoint-URL=https://example.com", "ExPires=2099-01-01T00:00:00Z"]);
    for (record, spellings, value) in [
        ("mine", ["access-key-id", "access_key_id", "AccessKeyId", "AWS_ACCESS_KEY_ID"], "AKIAEXAMPLE"),
        ("mine", ["endpoint-url", "endpoint_url", "EndpointUrl", "AWS_ENDPOINT_URL"], "https://example.com"),
        ("mine", ["expires", "Expires", "EXPIRES", "aws_expires"], "2099-01-01T00:00:00Z"),
        ("mine", ["secret-access-key", "secret", "SecretAccessKey", "AWS_SECRET_ACCESS_KEY"], SECRET),
        ("session", ["session-token", "token", "SessionToken", "AWS_SESSION_TOKEN"], TOKEN),
    ] {
        for spelling in spellings {
            assert_eq!(
                home.succeeds(&["get", record, "--field", spelling]),
                format!("{value}\n"),
                "{spelling}"
            );
        }
    }
    home.fails(&["get", "mine", "--field", "token"], 5, "mine has no token");
}

#[test]
fn a_mistyped_command_gets_a_suggestion() {
    Home::empty().fails(&["lisst"], 2, "a similar subcommand exists: 'list'");
}
