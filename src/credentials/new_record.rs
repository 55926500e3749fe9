//! Records to add to a vault, and changes to records.

use std::fmt;
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};

use super::{Attributes, Name, Provider, SessionCredentials, StaticCredentials, unix_seconds};
use crate::error::{Error, ErrorKind, Result};

/// The maximum length of an access key id in bytes.
pub(crate) const MAX_ACCESS_KEY_ID: usize = 1024;
/// The maximum encoded length of the secret part of a record in bytes.
pub(crate) const MAX_SECRET_PART: usize = 64 * 1024;
/// The maximum number of bytes that encoding adds to the texts of a secret part: a variant and two lengths.
const SECRET_PART_OVERHEAD: usize = 1 + 2 * 5;

/// A record to [add](crate::Edit::add) to a vault, or to [replace](crate::Edit::put) one with.
///
/// ```
/// use aumbry::NewRecord;
/// let record = NewRecord::new_static("s3-uploads", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")?
///     .attribute("region", "eu-central-1")?;
/// # Ok::<(), aumbry::Error>(())
/// ```
#[derive(Clone)]
pub struct NewRecord {
    pub(crate) name: Name,
    pub(crate) secrets: Secrets,
    pub(crate) attributes: Attributes,
    pub(crate) expires: Option<i64>,
    /// The times of the record that this one is a copy of.
    pub(crate) created: Option<i64>,
    pub(crate) updated: Option<i64>,
}

impl NewRecord {
    /// Makes a record with a key pair that is valid until it is deleted.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], with a message that says which field breaks which rule.
    pub fn new_static(
        name: impl AsRef<str>,
        access_key_id: &str,
        secret_access_key: impl Into<SecretString>,
    ) -> Result<Self> {
        let credentials = StaticCredentials {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
        };
        Self::new(name.as_ref(), Secrets::Static(credentials))
    }

    /// Makes a record with temporary credentials.
    ///
    /// # Errors
    /// As for [`new_static`](Self::new_static).
    pub fn new_session(
        name: impl AsRef<str>,
        access_key_id: &str,
        secret_access_key: impl Into<SecretString>,
        session_token: impl Into<SecretString>,
    ) -> Result<Self> {
        let credentials = SessionCredentials {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: session_token.into(),
        };
        Self::new(name.as_ref(), Secrets::Session(credentials))
    }

    fn new(name: &str, secrets: Secrets) -> Result<Self> {
        secrets.check()?;
        Ok(Self {
            name: Name::new(name)?,
            secrets,
            attributes: Attributes::default(),
            expires: None,
            created: None,
            updated: None,
        })
    }

    /// Adds an attribute.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the key is invalid, or the record has too many attributes.
    pub fn attribute(mut self, key: &str, value: &str) -> Result<Self> {
        self.attributes.set(key, value)?;
        self.updated = None;
        Ok(self)
    }

    /// Sets the time at which AWS stops accepting these credentials, in whole seconds, rounded down.
    #[must_use]
    pub fn expires(mut self, time: SystemTime) -> Self {
        self.expires = Some(unix_seconds(time));
        self.updated = None;
        self
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Returns the same record with another name.
    #[must_use]
    pub fn renamed(mut self, name: Name) -> Self {
        self.name = name;
        self.updated = None;
        self
    }

    /// Returns the access key id.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.secrets.access_key_id()
    }

    /// Returns the kind of credentials.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.secrets.provider()
    }
}

impl fmt::Debug for NewRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRecord")
            .field("name", &self.name)
            .field("provider", &self.provider())
            .field("access_key_id", &self.access_key_id())
            .finish_non_exhaustive()
    }
}

/// A change to a record. Fields that are not set stay unchanged. All changes happen in one commit.
///
/// ```
/// # fn example(vault: &aumbry::Vault) -> aumbry::Result<()> {
/// use aumbry::RecordChange;
/// let change = RecordChange::new().access_key_id("AKIAI44QH8DHBEXAMPLE").secret_access_key("je7MtGbClwBF/2Zp9Utk");
/// vault.edit(|edit| edit.change("s3-uploads", &change))?;
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct RecordChange {
    pub(crate) access_key_id: Option<Box<str>>,
    pub(crate) secret_access_key: Option<SecretString>,
    pub(crate) session_token: Option<Option<SecretString>>,
    pub(crate) attributes: Vec<(Box<str>, Option<Box<str>>)>,
    pub(crate) expires: Option<Option<i64>>,
}

impl RecordChange {
    /// Makes a change without any effect yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the access key id.
    #[must_use]
    pub fn access_key_id(mut self, access_key_id: &str) -> Self {
        self.access_key_id = Some(access_key_id.into());
        self
    }

    /// Replaces the secret access key.
    #[must_use]
    pub fn secret_access_key(mut self, secret: impl Into<SecretString>) -> Self {
        self.secret_access_key = Some(secret.into());
        self
    }

    /// Replaces the session token, which makes the record a session; `None` makes it static.
    #[must_use]
    pub fn session_token(mut self, token: Option<SecretString>) -> Self {
        self.session_token = Some(token);
        self
    }

    /// Replaces key id, secret access key, session token and expiry with those of `record`, for example after
    /// a rotation.
    #[must_use]
    pub fn secrets_of(mut self, record: &NewRecord) -> Self {
        self.access_key_id = Some(record.access_key_id().into());
        self.secret_access_key = Some(record.secrets.secret_access_key().clone());
        self.session_token = Some(record.secrets.session_token().cloned());
        self.expires = Some(record.expires);
        self
    }

    /// Sets an attribute, or removes it with `None`.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: Option<&str>) -> Self {
        self.attributes.push((key.into(), value.map(Into::into)));
        self
    }

    /// Sets the time at which AWS stops accepting these credentials; `None` removes it.
    #[must_use]
    pub fn expires(mut self, time: Option<SystemTime>) -> Self {
        self.expires = Some(time.map(unix_seconds));
        self
    }

    /// Returns whether the secret part changes, or the key id that it is bound to.
    pub(crate) fn touches_secret(&self) -> bool {
        self.access_key_id.is_some() || self.secret_access_key.is_some() || self.session_token.is_some()
    }

    /// Returns the secrets after this change.
    pub(crate) fn applied_to(&self, old: &Secrets) -> Result<Secrets> {
        let access_key_id = self.access_key_id.clone().unwrap_or_else(|| old.access_key_id().into());
        let secret_access_key =
            self.secret_access_key.clone().unwrap_or_else(|| old.secret_access_key().clone());
        let session_token = match &self.session_token {
            Some(token) => token.clone(),
            None => old.session_token().cloned(),
        };
        let secrets = match session_token {
            None => Secrets::Static(StaticCredentials { access_key_id, secret_access_key }),
            Some(session_token) => {
                Secrets::Session(SessionCredentials { access_key_id, secret_access_key, session_token })
            }
        };
        secrets.check()?;
        Ok(secrets)
    }
}

impl fmt::Debug for RecordChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordChange").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// The secret part of a record: the key pair, and a session token if the provider needs one.
#[derive(Clone)]
pub(crate) enum Secrets {
    Static(StaticCredentials),
    Session(SessionCredentials),
}

impl Secrets {
    pub(crate) fn provider(&self) -> Provider {
        match self {
            Self::Static(_) => Provider::Static,
            Self::Session(_) => Provider::Session,
        }
    }

    pub(crate) fn access_key_id(&self) -> &str {
        match self {
            Self::Static(credentials) => &credentials.access_key_id,
            Self::Session(credentials) => &credentials.access_key_id,
        }
    }

    pub(crate) fn secret_access_key(&self) -> &SecretString {
        match self {
            Self::Static(credentials) => &credentials.secret_access_key,
            Self::Session(credentials) => &credentials.secret_access_key,
        }
    }

    pub(crate) fn session_token(&self) -> Option<&SecretString> {
        match self {
            Self::Static(_) => None,
            Self::Session(credentials) => Some(&credentials.session_token),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let id = self.access_key_id();
        if id.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "invalid access key id: it must not be empty"));
        }
        if id.len() > MAX_ACCESS_KEY_ID {
            let message = format!(
                "invalid access key id: it must be at most {MAX_ACCESS_KEY_ID} bytes long, not {}",
                id.len()
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        if id.chars().any(|c| c.is_control() || c.is_whitespace()) {
            let message = "invalid access key id: it must not contain white space or control characters";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let secret = self.secret_access_key().expose_secret();
        if secret.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "invalid secret access key: it must not be empty",
            ));
        }
        let token = self.session_token().map(ExposeSecret::expose_secret);
        if token.is_some_and(str::is_empty) {
            return Err(Error::new(ErrorKind::InvalidInput, "invalid session token: it must not be empty"));
        }
        let len = SECRET_PART_OVERHEAD + secret.len() + token.map_or(0, str::len);
        if len > MAX_SECRET_PART {
            let limit = MAX_SECRET_PART - SECRET_PART_OVERHEAD;
            let message = format!(
                "invalid secret access key or session token: together they must be at most {limit} bytes long"
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(())
    }
}
