//! The provider for the AWS SDK for Rust.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as SdkCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use secrecy::ExposeSecret;

use super::CredentialsProvider;
use crate::error::{Error, ErrorKind};

impl CredentialsProvider {
    /// Sets how long the SDK signs with an answer before it asks again. The default is five minutes. An edit of the record,
    /// or a locked vault, takes effect after this time at the latest.
    ///
    /// The SDK keeps credentials until 5 to 10 seconds before they expire. A static record never expires, so the answer
    /// claims that it expires after this time. A session keeps its own expiry if that is earlier. With less than 5 seconds,
    /// including zero, the SDK asks for each request, which takes one look-up.
    ///
    /// A presigned URL is not affected: it is valid for its own time. The SDK can warn that the credentials expire before
    /// the URL does; the warning is true only for sessions.
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
        // The copies have the exact size. They move into the credentials of the SDK, which wipes them.
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
