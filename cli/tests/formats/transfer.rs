//! Imports, exports and backups.

use crate::common::*;

#[test]
fn fifty_profiles_go_in_and_come_out_unchanged() {
    let home = Home::new();
    home.succeeds(&["remove", "mine", "--yes"]);
    let profiles: String = (10..60)
        .map(|n| {
            format!("[profile-{n}]\naws_access_key_id = AKIA{n}\naws_secret_access_key = {n}/+=#;abc#d;e\nregion = eu-west-{n}\n")
        })
        .collect::<Vec<_>>()
        .join("\n");
    home.write("credentials", &profiles);
    assert!(home.succeeds(&["import", "credentials", "--dry-run"]).lines().count() == 51);
    assert_eq!(home.succeeds(&["list"]).lines().count(), 1, "a dry run changes nothing");
    home.succeeds(&["import", "credentials"]);
    let exported = home.succeeds(&["export", "--format", "aws-profiles", "--plaintext"]);
    assert_eq!(exported.trim_end(), profiles.trim_end());
    let vault = std::fs::read(home.vault()).unwrap();
    home.fails(&["import", "credentials"], 7, "nothing was imported");
    home.succeeds(&["import", "credentials", "--on-conflict", "skip"]);
    assert!(std::fs::read(home.vault()).unwrap() == vault, "what is there already changes no byte");
    home.succeeds(&["import", "credentials", "--on-conflict", "rename"]);
    assert_eq!(home.succeeds(&["list"]).lines().count(), 101);
}

#[test]
fn an_export_is_its_owner_s_alone_and_can_be_imported_again() {
    let home = Home::new();
    home.succeeds(&["export", "--format", "json", "--plaintext", "-o", "export.json"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(home.path().join("export.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    home.fails(&["export", "--format", "json", "--plaintext", "-o", "export.json"], 7, "already");
    home.succeeds(&["remove", "mine", "--yes"]);
    home.succeeds(&["import", "export.json"]);
    assert_eq!(home.succeeds(&["get", "mine", "-n"]), SECRET);
}

#[test]
fn a_backup_opens_like_the_vault_and_replaces_no_file() {
    let home = Home::new();
    home.succeeds(&["backup", "copy.aumbry"]);
    assert_eq!(home.succeeds(&["--vault", "copy.aumbry", "get", "mine", "-n"]), SECRET);
    home.fails(&["backup", "copy.aumbry"], 7, "it is not replaced");
}
