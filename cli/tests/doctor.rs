//! What the doctor finds.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use common::*;

#[test]
fn the_doctor_finds_plaintext_and_open_permissions() {
    let home = Home::new();
    assert!(home.succeeds(&["doctor"]).contains("no keys were found in ~/.aws"));
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    home.write(".aws/credentials", "[a]\naws_access_key_id=A\naws_secret_access_key=b\n");
    std::fs::set_permissions(home.vault(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let findings: serde_json::Value = serde_json::from_str(&home.succeeds(&["doctor", "--json"])).unwrap();
    let ill = |about: &str| {
        findings.as_array().unwrap().iter().any(|finding| finding["about"] == about && finding["ok"] == false)
    };
    assert!(ill("plaintext") && ill("permissions") && ill("vault"), "{findings}");
}
