//! A record for clients that run in the program and ask for credentials themselves.

#[cfg(feature = "object-store")]
mod object_store;
#[cfg(feature = "aws-sdk")]
mod sdk;

use std::time::SystemTime;

use super::signing::{check_can_sign, check_word};
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::vault::Vault;

/// How long the SDK keeps an answer by default.
#[cfg(feature = "aws-sdk")]
const HELD_FOR: std::time::Duration = std::time::Duration::from_secs(5 * 60);

/// A provider of one record for the AWS SDK for Rust (feature `aws-sdk`) and the crate `object_store` (feature
/// `object-store`). Both ask repeatedly, and sign with what the vault contains at that time.
///
/// The provider contains a handle to the vault and a name, never a secret.
///
/// ```
/// # fn example(vault: &aumbry::Vault) -> aumbry::Result<()> {
/// let provider = vault.aws_provider("s3-uploads");
/// let (region, endpoint_url) = (provider.region()?, provider.endpoint_url()?);
/// // With the SDK: Config::builder().region(region.map(Region::new)).credentials_provider(provider)
/// // With object_store: AmazonS3Builder::new().with_credentials(Arc::new(provider))
/// # Ok(()) }
/// ```
///
/// # Answers
/// * The record as the handle has it. Edits through any clone of the handle are visible at once. Changes by another program
///   are visible after [`Vault::refresh`], or with [`refreshing`](Self::refreshing).
/// * A session token if the record is a session. A static record has none, not an empty one.
///
/// # Errors
/// Their cause is an [`Error`](crate::Error), of kind
/// * [`Locked`](crate::ErrorKind::Locked): the vault is locked. A client can continue with credentials that it has kept;
///   the SDK does so for the time of `hold_for`.
/// * [`NoSuchRecord`](crate::ErrorKind::NoSuchRecord): the SDK gets `CredentialsNotLoaded`, so a chain of providers asks
///   the next one. All other errors end a chain.
/// * [`Expired`](crate::ErrorKind::Expired): the session has expired.
/// * [`InvalidInput`](crate::ErrorKind::InvalidInput): an HTTP header cannot contain the key id or the token.
///
/// # Security
/// The vault cannot wipe what a client keeps. The SDK wipes its copies of key and token when it drops them, but not the
/// values that it computes from them. `object_store` wipes nothing.
#[derive(Clone, Debug)]
pub struct CredentialsProvider {
    vault: Vault,
    name: Box<str>,
    is_refreshing: bool,
    #[cfg(feature = "aws-sdk")]
    held_for: std::time::Duration,
}

impl Vault {
    /// Returns a provider of the record of this name, for clients that ask for credentials themselves. The record does not
    /// have to exist yet.
    #[must_use]
    pub fn aws_provider(&self, name: impl Into<Box<str>>) -> CredentialsProvider {
        CredentialsProvider {
            vault: self.clone(),
            name: name.into(),
            is_refreshing: false,
            #[cfg(feature = "aws-sdk")]
            held_for: HELD_FOR,
        }
    }
}

impl CredentialsProvider {
    /// Calls [`Vault::refresh`] before each answer, to see the changes of another program. Its error becomes the answer.
    ///
    /// # Performance
    /// Blocks for a few small reads of local files and, if the vault changed, for its verification. It derives no key. The
    /// SDK asks once in some minutes, `object_store` with every request.
    #[must_use]
    pub fn refreshing(mut self) -> Self {
        self.is_refreshing = true;
        self
    }

    /// Returns the attribute `region` of the record. `None` if there is no record or no attribute.
    ///
    /// # Errors
    /// * [`Locked`](crate::ErrorKind::Locked).
    /// * [`InvalidInput`](crate::ErrorKind::InvalidInput): the attribute is not a region. With some texts the SDK would
    ///   panic.
    pub fn region(&self) -> Result<Option<String>> {
        let region = self.attribute("region")?;
        if let Some(region) = &region {
            check_word(&format!("region of the record {}", quoted(&self.name)), region)?;
        }
        Ok(region)
    }

    /// Returns the attribute `endpoint_url` of the record. `None` if there is no record or no attribute.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn endpoint_url(&self) -> Result<Option<String>> {
        self.attribute("endpoint_url")
    }

    fn attribute(&self, key: &str) -> Result<Option<String>> {
        let record = self.vault.find(&self.name)?;
        let value = record.as_ref().and_then(|record| record.attribute(key));
        Ok(value.filter(|value| !value.is_empty()).map(str::to_owned))
    }

    fn credentials(&self, now: SystemTime) -> Result<Credentials> {
        if self.is_refreshing {
            self.vault.refresh()?;
        }
        let found = self.vault.get_credentials(&self.name)?;
        let credentials = found.ok_or_else(|| {
            let message = format!("the vault has no record named {}", quoted(&self.name));
            Error::new(ErrorKind::NoSuchRecord, message)
        })?;
        check_can_sign(&credentials, now)?;
        Ok(credentials)
    }
}
