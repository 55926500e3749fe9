//! A session's token, and when it ends, through every door; and sessions that have ended through none.
#![cfg(all(target_os = "linux", feature = "aws"))]

use std::process::Command;

use crate::common::server::Server;
use crate::common::*;

const ENDS: &str = "2199-01-02T03:04:05Z";
const ENDED: &str = "2020-01-02T03:04:05Z";
const URL: &str = "https://uploads.s3.eu-west-1.amazonaws.com/report.txt";

fn home() -> Home {
    let home = Home::empty();
    home.succeeds(&[&["init"], CHEAP.as_slice()].concat());
    home.add_session("session", ENDS);
    home.add_session("expired", ENDED);
    for name in ["session", "expired"] {
        home.succeeds(&["edit", name, "region=eu-west-1"]);
    }
    home
}

/// What a client runs for the profile that `aws-config` makes, from anywhere.
fn profile(home: &Home, name: &str) -> Command {
    let profile = home.succeeds(&["aws-config", name, "--passphrase-file", "passphrase"]);
    let line = profile.lines().find_map(|line| line.strip_prefix("credential_process = ")).unwrap();
    let mut command = home.shell(line);
    command.current_dir("/").env_remove("AUMBRY_PASSPHRASE_FILE");
    command
}

#[test]
fn a_session_goes_through_every_door_with_its_token() {
    let home = home();
    let document = |text: &str| {
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!((&json["SessionToken"], &json["Expiration"]), (&TOKEN.into(), &ENDS.into()), "{json}");
    };
    document(&home.succeeds(&["credential-process", "session"]));
    document(&succeeds(profile(&home, "session")));

    let read = "printf %s \"$AWS_ACCESS_KEY_ID $AWS_SESSION_TOKEN\"";
    let expected = format!("ASIAEXAMPLE {TOKEN}");
    assert_eq!(home.succeeds(&["exec", "session", "--", "sh", "-c", read]), expected);
    assert_eq!(succeeds(home.shell(&format!("eval \"$(aumbry env session)\"; {read}"))), expected);
    assert_eq!(home.json(&["env", "session"])["AWS_SESSION_TOKEN"], TOKEN);

    let server = Server::start(&home, &["session"]);
    let given = server.gives("/session").json();
    assert_eq!((&given["Token"], &given["Expiration"]), (&TOKEN.into(), &ENDS.into()), "{given}");
    server.ends_by(rustix::process::Signal::TERM);

    let headers = home.succeeds(&["sign", "session", "GET", URL]);
    assert!(headers.lines().any(|line| line == format!("x-amz-security-token: {TOKEN}")), "{headers}");
    assert!(headers.contains(";x-amz-security-token, Signature="), "it is signed: {headers}");
    let url = home.succeeds(&["sign", "session", "GET", URL, "--presign", "1h"]);
    let token = TOKEN.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
    assert!(url.contains(&format!("&X-Amz-Security-Token={token}")), "{url}");
}

#[test]
fn a_session_that_has_ended_goes_through_no_door_unless_it_is_asked_for() {
    let home = home();
    let says = format!("the session \"expired\" expired at {ENDED}");
    for door in [
        ["credential-process", "expired"].as_slice(),
        &["env", "expired"],
        &["exec", "expired", "--", "true"],
        &["serve", "expired"],
        &["sign", "expired", "GET", URL],
        &["sign", "expired", "GET", URL, "--presign", "1h"],
    ] {
        home.fails(door, 5, &says);
    }
    fails(profile(&home, "expired"), 5, &says);

    let printed = home.succeeds(&["credential-process", "expired", "--allow-expired"]);
    assert!(printed.contains(TOKEN) && printed.contains(ENDED), "{printed}");
    assert!(home.succeeds(&["env", "expired", "--allow-expired"]).contains(TOKEN));
    let exec = ["exec", "expired", "--allow-expired", "--", "printenv", "AWS_SESSION_TOKEN"];
    assert_eq!(home.succeeds(&exec), format!("{TOKEN}\n"));
    // No client takes one that has ended from an endpoint, and no server accepts its signature.
    home.fails(&["serve", "expired", "--allow-expired"], 2, "--allow-expired");
    home.fails(&["sign", "expired", "GET", URL, "--allow-expired"], 2, "--allow-expired");
}
