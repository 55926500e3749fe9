//! The example `s3_connector`, the program itself, against a server that checks signatures.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aumbry_interop::keys::{SESSION, STATIC, WRONG, assert_no_secret, draft, save};
use aumbry_interop::s3_server::S3Server;
use aumbry_interop::vault_at;

/// `cargo test` builds examples into a folder beside that of the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let program = folder.join("examples").join(format!("s3_connector{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "cargo test --package aumbry-interop builds it; --test alone does not");
    program
}

fn run(folder: &Path, name: &str) -> (Output, String, String) {
    let output = Command::new(program())
        .args([folder.join("vault").as_os_str(), name.as_ref(), "bucket".as_ref()])
        .env("AUMBRY_PASSPHRASE_FILE", folder.join("passphrase"))
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("AWS_ACCESS_KEY_ID", "AKIANOTTHISONE")
        .env("AWS_SECRET_ACCESS_KEY", "nor this")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_no_secret(&stdout);
    assert_no_secret(&stderr);
    (output, stdout, stderr)
}

#[test]
fn the_example_signs_with_the_record_it_is_told() {
    let server = S3Server::start(&[STATIC, SESSION]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("passphrase"), "passphrase\n").unwrap();
    let vault = vault_at(&folder.path().join("vault")).unwrap();
    for (name, key) in [("s3-uploads", STATIC), ("session", SESSION), ("wrong", WRONG)] {
        let draft = draft(name, key).unwrap().attribute("endpoint_url", &server.endpoint_url()).unwrap();
        save(&vault, &draft).unwrap();
    }
    drop(vault);

    for (name, key) in [("s3-uploads", STATIC), ("session", SESSION)] {
        let (output, stdout, stderr) = run(folder.path(), name);
        assert!(output.status.success(), "{stderr}");
        let lines = [
            "put     aumbry-example/hello.txt",
            "listed  aumbry-example/hello.txt (19 bytes)",
            "got     Hello from a vault.",
            "deleted aumbry-example/hello.txt",
        ];
        assert_eq!(stdout.lines().collect::<Vec<_>>(), lines);
        let seen = server.take_seen();
        assert_eq!(
            seen.iter().map(|seen| seen.method.as_str()).collect::<Vec<_>>(),
            ["PUT", "GET", "GET", "DELETE"]
        );
        assert!(seen.iter().all(|seen| seen.id == key.id), "{seen:?}");
    }

    let (output, stdout, _) = run(folder.path(), "s3-downloads");
    assert!(output.status.success());
    assert_eq!(stdout, "s3-downloads: no such record, so nothing to do.\n");
    assert_eq!(server.take_seen(), []);

    let (output, stdout, stderr) = run(folder.path(), "wrong");
    assert!(!output.status.success() && stdout.is_empty());
    assert!(stderr.contains("SignatureDoesNotMatch"), "{stderr}");
}
