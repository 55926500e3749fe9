//! Credential records: their names, the account or service they are for, and the secret that signs requests.
//!
//! A look-up returns [`Credentials`]. [`NewRecord`] is a record to add, [`RecordChange`] a change to an
//! existing one.

mod attributes;
mod name;
mod new_record;
mod provider;
pub mod rfc3339;
mod session;
mod static_credentials;
mod time;

use std::fmt;
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};

pub use name::Name;
pub use new_record::{NewRecord, RecordChange};
pub use provider::Provider;
pub use session::SessionCredentials;
pub use static_credentials::StaticCredentials;

pub(crate) use attributes::{Attributes, visible as visible_attributes};
pub(crate) use attributes::{MAX_COUNT as MAX_ATTRIBUTE_COUNT, MAX_ENCODED as MAX_ATTRIBUTES};
pub(crate) use name::{
    MAX_LEN as MAX_NAME, RESERVED as RESERVED_PREFIX, check as check_name, check_text, is_graphic_ascii,
    is_reserved as is_reserved_name,
};
pub(crate) use new_record::{MAX_ACCESS_KEY_ID, MAX_SECRET_PART, Secrets};
pub(crate) use time::{FIRST as FIRST_TIME, LAST as LAST_TIME, now, system_time, unix_seconds};

/// A record with its secret, returned by [`Vault::get_credentials`](crate::Vault::get_credentials).
///
/// The secret is wiped when this value is dropped, and never appears in its `Debug` output.
///
/// ```
/// # fn sign(_: &str, _: &str) {}
/// # fn example(vault: &aumbry::Vault) -> aumbry::Result<()> {
/// use aumbry::ExposeSecret;
///
/// if let Some(credentials) = vault.get_credentials("s3-uploads")? {
///     sign(credentials.access_key_id(), credentials.secret_access_key().expose_secret());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Credentials {
    pub(crate) name: Name,
    pub(crate) secrets: Secrets,
    pub(crate) attributes: Attributes,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) expires: Option<i64>,
}

impl Credentials {
    /// Returns the unique name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Returns the kind of credentials.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.secrets.provider()
    }

    /// Returns the access key id, such as `AKIAIOSFODNN7EXAMPLE`.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.secrets.access_key_id()
    }

    /// Returns the secret access key.
    #[must_use]
    pub fn secret_access_key(&self) -> &SecretString {
        self.secrets.secret_access_key()
    }

    /// Returns the session token, which only session credentials have. It is never empty: AWS refuses a
    /// request with an empty token, and accepts one without a token.
    #[must_use]
    pub fn session_token(&self) -> Option<&SecretString> {
        let token = self.session_credentials().map(SessionCredentials::session_token);
        token.filter(|token| !token.expose_secret().is_empty()) // other writers may store an empty one
    }

    /// Returns the key pair, if the provider is [`Provider::Static`].
    #[must_use]
    pub fn static_credentials(&self) -> Option<&StaticCredentials> {
        match &self.secrets {
            Secrets::Static(credentials) => Some(credentials),
            Secrets::Session(_) => None,
        }
    }

    /// Returns the key pair and token, if the provider is [`Provider::Session`].
    #[must_use]
    pub fn session_credentials(&self) -> Option<&SessionCredentials> {
        match &self.secrets {
            Secrets::Static(_) => None,
            Secrets::Session(credentials) => Some(credentials),
        }
    }

    /// Returns further fields, such as `region` and `endpoint_url`, ascending by key.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter()
    }

    /// Returns the value of one attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.get(key)
    }

    /// Returns when the record was added to the vault, in whole seconds.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        system_time(self.created)
    }

    /// Returns when the record was last changed, in whole seconds.
    #[must_use]
    pub fn updated(&self) -> SystemTime {
        system_time(self.updated)
    }

    /// Returns when AWS stops accepting these credentials, in whole seconds, if that is known.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires.map(system_time)
    }

    /// Returns whether [`expires`](Self::expires) is known and not after `now`.
    #[must_use]
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires().is_some_and(|expires| expires <= now)
    }
}

/// Copies a record with everything in it: name, kind, secret, attributes, expiry, and when it was created and updated.
///
/// A copy that is changed, for example by [`NewRecord::attribute`], keeps the time at which it was created; the time of its
/// update is that of the edit that saves it.
impl From<&Credentials> for NewRecord {
    fn from(credentials: &Credentials) -> Self {
        Self {
            name: credentials.name.clone(),
            secrets: credentials.secrets.clone(),
            attributes: credentials.attributes.clone(),
            expires: credentials.expires,
            created: Some(credentials.created),
            updated: Some(credentials.updated),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("name", &self.name)
            .field("provider", &self.provider())
            .field("access_key_id", &self.access_key_id())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A [`NewRecord`] cannot have an empty token, so this tests a look-up of a record that another program
    /// wrote.
    #[test]
    fn an_empty_session_token_is_none() {
        let mut draft = NewRecord::new_session("name", "AKIAIOSFODNN7EXAMPLE", "secret", "token").unwrap();
        for (token, expected) in [("token", Some("token")), ("", None)] {
            if let Secrets::Session(session) = &mut draft.secrets {
                session.session_token = token.into();
            }
            let NewRecord { name, secrets, attributes, expires, .. } = draft.clone();
            let credentials = Credentials { name, secrets, attributes, created: 0, updated: 0, expires };
            assert_eq!(credentials.session_token().map(ExposeSecret::expose_secret), expected);
        }
    }
}
