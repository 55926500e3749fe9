//! The provider for the crate `object_store`.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use secrecy::ExposeSecret;

use super::CredentialsProvider;

/// `object_store` asks with each request, which takes one look-up. So an edit or a locked vault takes effect at once.
#[async_trait]
impl CredentialProvider for CredentialsProvider {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let credentials = self
            .credentials(SystemTime::now())
            .map_err(|error| object_store::Error::Generic { store: "aumbry", source: error.into() })?;
        Ok(Arc::new(AwsCredential {
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().expose_secret().to_owned(),
            token: credentials.session_token().map(|token| token.expose_secret().to_owned()),
        }))
    }
}
