//! AES-256-GCM (NIST SP 800-38D, section 7), in place. The caller chooses a nonce that is safe for its key.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};

use super::KEY_LEN;

pub(super) const NONCE: usize = 12;
pub(super) const TAG: usize = 16;

/// An expanded key. The cipher wipes it when it is dropped.
pub(super) struct Gcm(Aes256Gcm);

impl Gcm {
    /// Expands `key`. The caller scrubs the stack, where the cipher is built.
    pub(super) fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Encrypts `text` in place and returns the tag. `None` if `text` is longer than AES-GCM allows (64 GiB).
    pub(super) fn seal(&self, nonce: &[u8; NONCE], aad: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
        self.0.encrypt_inout_detached(&Nonce::from(*nonce), aad, text.into()).ok().map(Into::into)
    }

    /// Decrypts `text` in place. `None` if it does not authenticate; `text` is unchanged then.
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
