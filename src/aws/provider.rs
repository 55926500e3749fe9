//! A record for clients that run in the program and ask for credentials by themselves.

#[cfg(feature = "object-store")]
mod object_store;
#[cfg(feature = "aws-sdk")]
mod sdk;

use std::time::SystemTime;

use super::signing::{check_can_sign, check_word};
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::vault::Vault;

/// One record of a vault, as the AWS SDK for Rust (feature `aws-sdk`) and the crate `object_store` (feature
/// `object-store`) want it: both ask again and again, and sign with what the vault holds by then.
///
/// It holds a handle to the vault and a name, never a secret.
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
/// # What it answers
/// * The record as the handle holds it. Edits through any clone of the handle are seen; what another program saved is
///   seen after [`Vault::refresh`], or with [`refreshing`](Self::refreshing).
/// * A session token if the record is a session, and none at all (not an empty one) if it is static.
///
/// # Errors
/// Their cause is an [`Error`](crate::Error), of kind
/// * [`Locked`](crate::ErrorKind::Locked): once a vault is locked, nobody gets a secret out of it. A client that keeps
///   what it got can go on with that; the SDK does, for as long as `hold_for` says.
/// * [`NoSuchRecord`](crate::ErrorKind::NoSuchRecord), which the SDK gets as `CredentialsNotLoaded`: in a chain of
///   providers the next one is asked. All others end a chain.
/// * [`Expired`](crate::ErrorKind::Expired): the session has ended.
/// * [`InvalidInput`](crate::ErrorKind::InvalidInput): the key id or the token is nothing that a header can hold.
///
/// # Security
/// What a client was given is the client's. The SDK wipes its copies of key and token when it drops them, but not what it
/// computes from them; `object_store` wipes nothing.
#[derive(Clone, Debug)]
pub struct CredentialsProvider {
    vault: Vault,
    name: Box<str>,
    is_refreshing: bool,
    #[cfg(feature = "aws-sdk")]
    held_for: std::time::Duration,
}

impl Vault {
    /// The record of this name, for clients that ask for credentials by themselves. It need not exist yet.
    #[must_use]
    pub fn aws_provider(&self, name: impl Into<Box<str>>) -> CredentialsProvider {
        CredentialsProvider {
            vault: self.clone(),
            name: name.into(),
            is_refreshing: false,
            #[cfg(feature = "aws-sdk")]
            held_for: sdk::HELD_FOR,
        }
    }
}

impl CredentialsProvider {
    /// Before each answer, reads what another program may have saved, as [`Vault::refresh`]. What that fails with is the
    /// answer then.
    ///
    /// # Performance
    /// Blocks for a few small reads of this machine's files, and for as long as it takes to verify the vault if it
    /// changed: no key derivation. The SDK asks once in some minutes, `object_store` with every request.
    #[must_use]
    pub fn refreshing(mut self) -> Self {
        self.is_refreshing = true;
        self
    }

    /// The record's attribute `region`, if there is a record that has one.
    ///
    /// # Errors
    /// * [`Locked`](crate::ErrorKind::Locked).
    /// * [`InvalidInput`](crate::ErrorKind::InvalidInput): it is no region. With some of those the SDK would panic.
    pub fn region(&self) -> Result<Option<String>> {
        let region = self.attribute("region")?;
        if let Some(region) = &region {
            check_word(&format!("region of the record {}", quoted(&self.name)), region)?;
        }
        Ok(region)
    }

    /// The record's attribute `endpoint_url`, if there is a record that has one.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn endpoint_url(&self) -> Result<Option<String>> {
        self.attribute("endpoint_url")
    }

    fn attribute(&self, key: &str) -> Result<Option<String>> {
        let attributes = self.vault.find(&self.name)?.map(|entry| entry.attributes());
        Ok(attributes.and_then(|all| all.get(key).filter(|value| !value.is_empty()).map(str::to_owned)))
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
