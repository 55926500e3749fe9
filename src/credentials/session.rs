//! A key pair with a session token.

use std::fmt;

use secrecy::SecretString;

/// Temporary credentials, as AWS STS issues them: a key pair that is useless without its session token.
#[derive(Clone)]
pub struct SessionCredentials {
    pub(crate) access_key_id: Box<str>,
    pub(crate) secret_access_key: SecretString,
    pub(crate) session_token: SecretString,
}

impl SessionCredentials {
    /// Returns the access key id, such as `ASIAIOSFODNN7EXAMPLE`.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Returns the secret access key.
    #[must_use]
    pub fn secret_access_key(&self) -> &SecretString {
        &self.secret_access_key
    }

    /// Returns the session token, which must accompany every request.
    #[must_use]
    pub fn session_token(&self) -> &SecretString {
        &self.session_token
    }
}

impl fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}
