//! A key pair that is valid until it is deleted.

use std::fmt;

use secrecy::SecretString;

/// An access key id with its secret access key, as the IAM console issues them.
#[derive(Clone)]
pub struct StaticCredentials {
    pub(crate) access_key_id: Box<str>,
    pub(crate) secret_access_key: SecretString,
}

impl StaticCredentials {
    /// Returns the access key id, such as `AKIAIOSFODNN7EXAMPLE`.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Returns the secret access key.
    #[must_use]
    pub fn secret_access_key(&self) -> &SecretString {
        &self.secret_access_key
    }
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}
