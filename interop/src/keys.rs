//! The keys that the tests of clients sign with: those of AWS's examples.

use aumbry::{NewRecord, Result, Vault};

use crate::s3_server::Key;

/// A long-lived key pair.
pub const STATIC: Key =
    Key { id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token: None };
/// The same with one other character.
pub const WRONG: Key = Key { secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEz", ..STATIC };
/// A session, with all signs in its token that URLs and headers treat as something else.
pub const SESSION: Key = Key {
    id: "ASIAIOSFODNN7EXAMPLE",
    secret: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
    token: Some("IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVz+LWVhc3QtMSJHMEUCIQ=="),
};

/// A record with this key.
///
/// # Errors
/// If the name breaks a rule.
pub fn draft(name: &str, key: Key) -> Result<NewRecord> {
    match key.token {
        None => NewRecord::new_static(name, key.id, key.secret),
        Some(token) => NewRecord::new_session(name, key.id, key.secret, token),
    }
}

/// Adds a record, or replaces it.
///
/// # Errors
/// As [`Vault::edit`].
pub fn save(vault: &Vault, draft: &NewRecord) -> Result<()> {
    vault.edit(|edit| edit.put(draft))
}

/// Fails the test if a text that people see holds one of the secrets.
///
/// # Panics
/// If it does.
pub fn assert_no_secret(text: &str) {
    for secret in [STATIC.secret, WRONG.secret, SESSION.secret, SESSION.token.unwrap_or_default()] {
        assert!(!text.contains(secret), "{text}");
    }
}
