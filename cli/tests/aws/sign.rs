//! Requests that are signed for programs without an SDK. Whether a server accepts them, `interop/clients/run` sees.
#![cfg(feature = "aws")]

use std::collections::BTreeMap;
use std::fs::File;

use crate::common::*;

const URL: &str = "https://uploads.s3.eu-west-1.amazonaws.com/a%20report.txt";
/// SHA-256 of nothing, and of `42`.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const FORTY_TWO: &str = "73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049";

/// Lines as curl reads them.
fn headers(printed: &str) -> BTreeMap<String, String> {
    assert!(printed.ends_with('\n'), "{printed:?}");
    let pairs = printed.lines().map(|line| line.split_once(": ").unwrap());
    pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect()
}

#[test]
fn headers_are_printed_a_line_each_as_curl_reads_them() {
    let home = Home::new();
    let signed = headers(&home.succeeds(&["sign", "mine", "GET", URL]));
    let names: Vec<_> = signed.keys().map(String::as_str).collect();
    assert_eq!(names, ["authorization", "x-amz-content-sha256", "x-amz-date"], "a static key has no token");
    let scope = format!("{}/eu-west-1/s3/aws4_request", &signed["x-amz-date"][..8]);
    let begin = format!("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/{scope}, SignedHeaders=");
    assert!(signed["authorization"].starts_with(&begin), "{signed:?}");
    assert_eq!(signed["x-amz-content-sha256"], EMPTY);

    // What is given is signed, and printed too.
    let other = headers(&home.succeeds(&[
        "sign",
        "mine",
        "POST",
        "https://sts.us-east-1.amazonaws.com/",
        "--service",
        "sts",
        "--region",
        "us-east-1",
        "--header",
        "Content-Type: application/x-www-form-urlencoded",
        "--header",
        "X-Amz-Meta:a:b ",
    ]));
    assert_eq!(other["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(other["x-amz-meta"], "a:b");
    assert!(other["authorization"].contains("/us-east-1/sts/aws4_request"), "{other:?}");
    assert!(
        other["authorization"].contains("SignedHeaders=content-type;host;x-amz-date;x-amz-meta,"),
        "{other:?}"
    );

    let json = home.json(&["sign", "mine", "GET", URL, "--header", "Range: bytes=0-1"]);
    let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["authorization", "range", "x-amz-content-sha256", "x-amz-date"]);
}

/// curl leaves out a header that ends with its colon, and an object has each key once: what was signed would not be sent.
#[test]
fn headers_that_are_empty_or_given_twice_are_not_lost() {
    let home = Home::new();
    let given = ["--header", "x-amz-meta-a: 1", "--header", "X-Amz-Meta-A: 2", "--header", "x-empty:"];
    let arguments = [&["sign", "mine", "GET", URL], &given[..]].concat();
    let printed = home.succeeds(&arguments);
    let lines: Vec<_> = printed.lines().take(3).collect();
    assert_eq!(lines, ["x-amz-meta-a: 1", "X-Amz-Meta-A: 2", "x-empty;"]);
    let json = home.json(&arguments);
    assert_eq!((&json["x-amz-meta-a"], &json["x-empty"]), (&"1,2".into(), &"".into()));
}

#[test]
fn a_body_is_signed_wherever_it_comes_from_unless_it_is_to_be_left_out() {
    let home = Home::new();
    home.write("body", "42");
    let hash = |arguments: &[&str]| {
        let mut command = home.command(&[&["sign", "mine", "PUT", URL], arguments].concat());
        command.stdin(File::open(home.path().join("body")).unwrap());
        headers(&stdout(&checked(command.output().unwrap())))["x-amz-content-sha256"].clone()
    };
    assert_eq!(hash(&[]), EMPTY);
    assert_eq!(hash(&["--body", "body"]), FORTY_TWO);
    assert_eq!(hash(&["--body", "-"]), FORTY_TWO);
    assert_eq!(hash(&["--unsigned-payload"]), "UNSIGNED-PAYLOAD");
}

#[test]
fn a_presigned_url_is_one_line_and_good_for_the_time_asked_for() {
    let home = Home::new();
    for (time, seconds) in [("90s", "90"), ("1h", "3600"), ("1h 30m", "5400"), ("7d", "604800")] {
        let url = home.succeeds(&["sign", "mine", "GET", URL, "--presign", time]);
        assert!(url.starts_with(&format!("{URL}?X-Amz-Algorithm=AWS4-HMAC-SHA256&")) && url.ends_with('\n'));
        assert!(url.contains(&format!("&X-Amz-Expires={seconds}&")), "{url}");
        assert!(url.contains("&X-Amz-Signature=") && !url.contains("Security-Token"), "{url}");
    }
    let json = home.json(&["sign", "mine", "GET", URL, "--presign", "1h", "--region", "us-east-1"]);
    assert!(json["url"].as_str().unwrap().contains("%2Fus-east-1%2Fs3%2Faws4_request"), "{json}");
}
