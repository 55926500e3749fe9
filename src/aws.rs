//! Clients that sign with a record: the AWS SDK for Rust and the crate `object_store` (features `aws-sdk` and
//! `object-store`), and requests and URLs signed without an SDK (feature `sigv4`).
//!
//! The files of AWS clients are in [`interchange`](crate::interchange).

#[cfg(any(feature = "aws-sdk", feature = "object-store"))]
mod provider;
mod signing;
#[cfg(feature = "sigv4")]
pub mod sigv4;

#[cfg(any(feature = "aws-sdk", feature = "object-store"))]
pub use provider::CredentialsProvider;
#[cfg(feature = "sigv4")]
pub use sigv4::{presign, sign};
