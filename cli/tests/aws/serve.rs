//! The endpoint that containers' AWS clients ask, as whoever can reach its port sees it.
#![cfg(all(target_os = "linux", feature = "aws"))]

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::common::server::{Answer, Server};
use crate::common::*;
use jiff::Timestamp;
use rustix::process::Signal;

#[test]
fn a_client_with_the_token_gets_a_record_as_the_sdks_read_it() {
    let home = Home::new();
    let server = Server::start(&home, &["mine"]);
    assert_eq!(server.uris, [format!("http://{}/mine", server.address)]);
    let is_token = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_token(&server.token), "256 bits");

    let before = Timestamp::now();
    let answer = server.gives("/mine");
    let after = Timestamp::now();
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("\r\ncache-control: no-store"), "{}", answer.head);
    assert!(answer.head.contains("\r\ncontent-type: application/json"), "{}", answer.head);
    let mut document = answer.json();
    let expiration = document.as_object_mut().unwrap().remove("Expiration").unwrap();
    let expiration: Timestamp = expiration.as_str().unwrap().parse().unwrap();
    let half_an_hour = jiff::SignedDuration::from_mins(30);
    let earliest = before.as_second() + half_an_hour.as_secs();
    assert!((earliest..=after.as_second() + half_an_hour.as_secs() + 1).contains(&expiration.as_second()));
    let expected =
        serde_json::json!({ "AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": SECRET, "Token": "" });
    assert_eq!(document, expected);

    let another = Server::start(&home, &["mine"]);
    assert_ne!(another.token, server.token, "each has its own");
    assert_eq!(another.ends_by(Signal::TERM).status.code(), Some(0));
    assert_eq!(server.ends_by(Signal::TERM).status.code(), Some(0));
}

#[test]
fn without_the_token_nobody_learns_anything() {
    let home = Home::new();
    let server = Server::start(&home, &["mine"]);
    let Server { token, address, .. } = &server;
    let almost = format!("{}{}", &token[..63], if token.ends_with('0') { '1' } else { '0' });
    let mut answers = Vec::new();
    for authorization in [
        String::new(),
        "Authorization: \r\n".into(),
        format!("Authorization: {almost}\r\n"),
        format!("Authorization: {}\r\n", &token[..63]),
        format!("Authorization: {token}0\r\n"),
        format!("Authorization: Bearer {token}\r\n"),
        format!("Authorization: {token}\r\nAuthorization: {token}\r\n"),
        format!("Authorization: {almost}\r\nAuthorization: {token}\r\n"),
        format!("X-Authorization: {token}\r\n"),
    ] {
        for path in ["/mine", "/other", "/"] {
            for method in ["GET", "POST", "OPTIONS"] {
                let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}\r\n");
                let Answer { status, head: _, body } = server.answers(&head);
                assert_eq!(status, 401, "{head}");
                answers.push(body);
            }
        }
    }
    answers.dedup();
    assert_eq!(answers, ["{\"code\":\"unauthorized\",\"message\":\"the token is missing or wrong\"}\n"]);
    assert_eq!(server.gives("/mine").status, 200, "the control");
    server.ends_by(Signal::TERM);
}

#[test]
fn a_host_of_another_name_is_refused_though_it_has_the_token() {
    let home = Home::new();
    let server = Server::start(&home, &["mine"]);
    let Server { token, address, .. } = &server;
    let port = address.port();
    let get = |target: &str, version: &str, hosts: &str| {
        server.answers(&format!("GET {target} HTTP/{version}\r\n{hosts}Authorization: {token}\r\n\r\n"))
    };
    let ours = format!("Host: {address}\r\n");
    for hosts in [
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: localhost:{port}\r\n"),
        format!("Host: 127.0.0.1.evil.example:{port}\r\n"),
        format!("Host: 127.0.0.1:1{port}\r\n"),
        format!("Host: [::1]:{port}\r\n"),
        "Host: 127.0.0.1\r\n".into(),
        "Host: \r\n".into(),
        format!("{ours}Host: evil.example\r\n"),
        format!("{ours}{ours}"),
        String::new(),
    ] {
        let answer = get("/mine", "1.1", &hosts);
        assert_eq!(answer.status, 403, "{hosts}");
        assert!(!answer.body.contains("AKIA"), "{answer:?}");
    }
    assert_eq!(get("http://evil.example/mine", "1.1", &ours).status, 403);
    assert_eq!(get(&format!("http://{address}/mine"), "1.1", &ours).status, 200);
    assert_eq!(get("/mine", "1.0", "").status, 403);
    assert_eq!(get("/mine", "1.0", &ours).status, 200, "the control");
    server.ends_by(Signal::TERM);
}

#[test]
fn nothing_but_get_is_answered() {
    let home = Home::new();
    let server = Server::start(&home, &["mine"]);
    let Server { token, address, .. } = &server;
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "BREW"] {
        let answer = server.answers(&format!(
            "{method} /mine HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.head.contains("\r\nallow: get"), "{}", answer.head);
        assert!(!answer.body.contains(SECRET));
    }
    server.ends_by(Signal::TERM);
}

#[test]
fn each_record_has_one_path_whatever_it_is_called() {
    let home = Home::new();
    let names =
        ["team-a/s3 uploads", "a/../mine", "...", "schlüssel%2e", "?x=#y&z", "\"'\\<>`{}|^", "%", "mine/"];
    for name in names {
        home.succeeds(&["add", "--access-key-id", "AKIAODD", "--secret-file", "secret", "--", name]);
    }
    home.succeeds(&["add", "hidden", "--access-key-id", "AKIAHIDDEN", "--secret-file", "secret"]);
    let server = Server::start(&home, &[&["mine"], names.as_slice()].concat());
    assert_eq!(server.uris.len(), names.len() + 1);
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    for uri in &server.uris {
        let path = uri.strip_prefix(&format!("http://{}/", server.address)).unwrap();
        assert!(path.bytes().all(is_unreserved), "{uri}");
        let expected = if path == "mine" { "AKIAEXAMPLE" } else { "AKIAODD" };
        let answer = server.gives(&format!("/{path}"));
        assert_eq!((answer.status, answer.json()["AccessKeyId"].as_str()), (200, Some(expected)), "{uri}");
    }
    // Some clients write less of it encoded, and some more.
    for path in ["/team-a/s3%20uploads", "/%74eam-a%2fs3%20uploads", "/a/../mine"] {
        assert_eq!(server.gives(path).json()["AccessKeyId"], "AKIAODD", "{path}");
    }
    for path in [
        "/",
        "//mine",
        "/mine%00",
        "/mine%",
        "/mine%2",
        "/mine%zz",
        "/%ff",
        "/MINE",
        "/hidden",
        "/./mine",
        "/mine/..",
        "/../../etc/passwd",
        "/%2e%2e/mine",
        "*",
    ] {
        let answer = server.gives(path);
        assert!(matches!(answer.status, 404 | 400), "{path}: {answer:?}");
        assert!(!answer.body.contains("AKIA"), "{path}: {answer:?}");
    }
    server.ends_by(Signal::TERM);
}

#[test]
fn sessions_are_given_with_their_token_until_they_end() {
    let home = Home::new();
    home.add_session("session", "2199-01-02T03:04:05Z");
    home.add_session("endless", "2199-01-02T03:04:05Z");
    home.succeeds(&["edit", "endless", "expires="]);
    let server = Server::start(&home, &["session", "endless"]);
    let document = server.gives("/session").json();
    assert_eq!(
        (&document["Token"], &document["Expiration"]),
        (&TOKEN.into(), &"2199-01-02T03:04:05Z".into())
    );
    let document = server.gives("/endless").json();
    assert_eq!(document["Token"], TOKEN);
    assert!(document["Expiration"].as_str().unwrap().parse::<Timestamp>().unwrap() > Timestamp::now());

    home.succeeds(&["edit", "session", "expires=2020-01-02T03:04:05Z"]);
    let answer = server.gives("/session");
    assert_eq!(answer.status, 410);
    let error = serde_json::json!({ "code": "expired", "message": "the session \"session\" expired at 2020-01-02T03:04:05Z" });
    assert_eq!(answer.json(), error);
    let output = server.ends_by(Signal::TERM);
    let said = "aumbry: \"session\" was not given: the session \"session\" expired at 2020-01-02T03:04:05Z\n";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
}

#[test]
fn what_becomes_of_the_vault_meanwhile_is_noticed() {
    let home = Home::new();
    let server = Server::start(&home, &["mine"]);
    home.succeeds(&["edit", "mine", "access-key-id=AKIANEW", "--secret-file", "secret"]);
    assert_eq!(server.gives("/mine").json()["AccessKeyId"], "AKIANEW");
    home.succeeds(&["rename", "mine", "yours"]);
    assert_eq!(server.gives("/mine").status, 404);
    assert_eq!(server.gives("/yours").status, 404, "only what was named is served");
    home.succeeds(&["rename", "yours", "mine"]);
    assert_eq!(server.gives("/mine").status, 200);

    let refused = |code: &str| {
        let answer = server.gives("/mine");
        assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some(code)), "{answer:?}");
        for secret in [SECRET, PASSPHRASE, "AKIA"] {
            assert!(!answer.body.contains(secret), "{answer:?}");
        }
    };
    let vault = std::fs::read(home.vault()).unwrap();
    std::fs::write(home.vault(), "something else").unwrap();
    refused("invalid_file");
    std::fs::remove_file(home.vault()).unwrap();
    refused("not_found");
    std::fs::write(home.vault(), vault).unwrap();
    assert_eq!(server.gives("/mine").status, 200);
    home.write("new", "another of five unusual words");
    home.succeeds(&["passwd", "--new-passphrase-file", "new"]);
    refused("reopen");
    assert_eq!(server.ends_by(Signal::TERM).status.code(), Some(0));
}

#[test]
fn who_sends_too_much_or_too_slowly_keeps_nobody_else_waiting() {
    let home = Home::new();
    let server = Server::start(&home, &["mine"]);
    let Server { token, address, .. } = &server;
    let head = format!("GET /mine HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\n");
    let huge = server.answers(&format!("{head}X-Huge: {}\r\n\r\n", "x".repeat(20_000)));
    assert_eq!(huge.status, 431);
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    assert_eq!(server.answers(&format!("{head}{many}\r\n")).status, 431);
    assert_eq!(server.answers("\u{0}\r\n\r\n").status, 400);
    // A body is not waited for.
    assert_eq!(server.answers(&format!("{head}Content-Length: 1000000\r\n\r\n")).status, 200);

    // More than are answered at a time, and none of them comes to an end.
    let slow: Vec<_> = (0..200).map(|_| server.says(&head)).collect();
    let begin = Instant::now();
    assert_eq!(server.gives("/mine").status, 200);
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(1), "clients of AWS wait no longer, and it took {took:?}");
    for client in slow {
        let answer = Answer::to(client);
        assert_eq!(answer.status, 0, "{answer:?}");
    }
    assert_eq!(server.ends_by(Signal::TERM).status.code(), Some(0));
}

#[test]
fn it_ends_in_order_by_each_signal() {
    let home = Home::new();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let server = Server::start(&home, &["mine"]);
        let waiting = server.says("GET /mine HTTP/1.1\r\n");
        let output = server.ends_by(signal);
        assert_eq!(output.status.code(), Some(0), "{signal:?}: {output:?}");
        assert!(stderr(&output).ends_with("Stopped.\n"), "{}", stderr(&output));
        assert_eq!(Answer::to(waiting).status, 0);
    }
}

#[test]
fn it_ends_when_nobody_who_may_ask_asks() {
    let home = Home::new();
    let mut server = Server::start(&home, &["mine", "--idle-timeout", "1s"]);
    // Strangers do not keep it alive.
    let begin = Instant::now();
    while !server.is_over() {
        assert!(begin.elapsed() < PATIENCE, "it goes on");
        drop(TcpStream::connect(server.address));
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = server.ends();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stderr(&output).contains("no client has asked for the time of --idle-timeout"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn it_listens_where_it_is_told_to() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    home.fails(&["serve", "mine", "--listen", &address], 3, &format!("could not listen on {address}"));
    drop(taken);
    if TcpListener::bind("[::1]:0").is_ok() {
        let server = Server::start(&home, &["mine", "--listen", "[::1]:0"]);
        assert!(server.uris[0].starts_with("http://[::1]:"), "{:?}", server.uris);
        assert_eq!(server.gives("/mine").status, 200);
        server.ends_by(Signal::TERM);
    }
    for elsewhere in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:127.0.0.1]:0"] {
        home.fails(&["serve", "mine", "--listen", elsewhere], 9, "on the loopback alone");
    }
}

#[test]
fn a_program_gets_one_object() {
    let home = Home::new();
    home.succeeds(&["add", "a/b", "--access-key-id", "AKIAOTHER", "--secret-file", "secret"]);
    let printed = home.json(&["serve", "mine", "a/b", "mine", "--idle-timeout", "10ms"]);
    let uris = printed["AWS_CONTAINER_CREDENTIALS_FULL_URI"].as_object().unwrap();
    assert_eq!(uris.len(), 2);
    assert!(uris["a/b"].as_str().unwrap().ends_with("/a%2Fb"));
    assert_eq!(printed["AWS_CONTAINER_AUTHORIZATION_TOKEN"].as_str().unwrap().len(), 64);
}
