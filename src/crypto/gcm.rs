//! AES-256-GCM (NIST SP 800-38D), in place. Which nonces are safe is for those to say who call it.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};

use super::KEY_LEN;

pub(super) const NONCE: usize = 12;
pub(super) const TAG: usize = 16;

/// A key, scheduled and ready. It wipes itself.
pub(super) struct Gcm(Aes256Gcm);

impl Gcm {
    /// The caller scrubs the stack: the cipher is built there.
    pub(super) fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// `None` if there is more than AES-GCM allows (64 GiB).
    pub(super) fn seal(&self, nonce: &[u8; NONCE], aad: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
        self.0.encrypt_inout_detached(&Nonce::from(*nonce), aad, text.into()).ok().map(Into::into)
    }

    /// `None` if it does not authenticate; the bytes are as they were then.
    pub(super) fn open(
        &self,
        nonce: &[u8; NONCE],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG],
    ) -> Option<()> {
        self.0.decrypt_inout_detached(&Nonce::from(*nonce), aad, text.into(), &Tag::from(*tag)).ok()
    }
}
