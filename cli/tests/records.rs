//! A record from the day it goes in to the day it comes out.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use common::*;

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
