//! The AWS SDK for Rust.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as SdkCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use secrecy::ExposeSecret;

use super::CredentialsProvider;
use crate::error::{Error, ErrorKind};

/// How long the SDK may hold an answer unless it is told otherwise.
pub(super) const HELD_FOR: Duration = Duration::from_secs(5 * 60);

impl CredentialsProvider {
    /// How long the SDK may sign with what it was given before it asks again; five minutes unless this says otherwise. So
    /// long it may take until an edit of the record, or a locked vault, is noticed.
    ///
    /// The SDK keeps credentials until shortly (5 to 10 seconds) before they expire. A static record never expires, so
    /// the answer says that it does, after this time; a session ends at its own time if that comes first. With less than
    /// 5 seconds, zero too, the SDK asks for each request, which costs a look-up.
    ///
    /// A presigned URL is not affected: it is good for the time that it says. Should the SDK warn that the credentials
    /// expire before the URL does, then that is true of sessions alone.
    #[must_use]
    pub fn hold_for(mut self, time: Duration) -> Self {
        self.held_for = time;
        self
    }

    fn sdk_credentials(&self) -> Result<SdkCredentials, Error> {
        let now = SystemTime::now();
        let credentials = self.credentials(now)?;
        let asked_again = now.checked_add(self.held_for);
        let expires = match (credentials.expires(), asked_again) {
            (Some(session_ends), Some(asked_again)) => Some(session_ends.min(asked_again)),
            (session_ends, asked_again) => session_ends.or(asked_again),
        };
        // The copies are of the exact size, and move from here into the SDK's, which wipes them.
        let copy = |secret: &secrecy::SecretString| secret.expose_secret().to_owned();
        let mut answer = SdkCredentials::builder()
            .access_key_id(credentials.access_key_id())
            .secret_access_key(copy(credentials.secret_access_key()))
            .provider_name("aumbry");
        answer.set_session_token(credentials.session_token().map(copy));
        answer.set_expiry(expires);
        answer
            .set_account_id(credentials.attribute("account_id").filter(|id| !id.is_empty()).map(Into::into));
        Ok(answer.build())
    }
}

impl ProvideCredentials for CredentialsProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(self.sdk_credentials().map_err(|error| match error.kind() {
            ErrorKind::NoSuchRecord => CredentialsError::not_loaded(error),
            _ => CredentialsError::provider_error(error),
        }))
    }
}
