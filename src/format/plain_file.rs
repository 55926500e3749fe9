//! A vault's bytes with a decrypted payload: made for a new body, or from a file.

use std::ops::Range;

use super::header::{self, Header};
use super::{BLOCK, MAX_FILE, damaged};
use crate::crypto::keys::{Seed, VaultKey};
use crate::crypto::seal::{self, Unopened};
use crate::crypto::signature;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{WipedBytes, zeroed};

/// Length of the field before the body that contains the body's length.
const BODY_LEN: usize = 8;

/// A vault's bytes with a decrypted payload: header, gap, body, padding, gap. The gaps have the sizes of the
/// salt, commitment, tag and signature of the file, so that sealing and opening happen in target.
pub(crate) struct PlainFile {
    bytes: WipedBytes,
    body: Range<usize>,
}

impl PlainFile {
    /// Makes room for a body of `body_len` bytes after `header`, and sets the header's file length to match.
    pub(crate) fn for_body(header: &mut Header, body_len: usize) -> Result<Self> {
        let header_len = header::len(header.slots.len());
        let plaintext = (BODY_LEN + body_len).next_multiple_of(BLOCK);
        let total = header_len + plaintext + seal::OVERHEAD + signature::LEN;
        header.file_len = total as u64;
        if header.file_len > MAX_FILE {
            let message = format!("the vault would be {total} bytes long, but the maximum is {MAX_FILE}");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let mut bytes = zeroed(total)?;
        let (head, rest) = bytes.split_at_mut(header_len);
        header.encode_into(head);
        let start = header_len + seal::PREFIX + BODY_LEN;
        if let Some(len) = rest.get_mut(seal::PREFIX..seal::PREFIX + BODY_LEN) {
            len.copy_from_slice(&(body_len as u64).to_le_bytes());
        }
        Ok(Self { bytes, body: start..start + body_len })
    }

    /// Makes a file from any plaintext, including plaintext that no writer produces.
    #[cfg(feature = "testing")]
    pub(crate) fn for_plaintext(header: &mut Header, plaintext: &[u8]) -> Result<Self> {
        let header_len = header::len(header.slots.len());
        let start = header_len + seal::PREFIX;
        let total = start + plaintext.len() + (seal::OVERHEAD - seal::PREFIX) + signature::LEN;
        header.file_len = total as u64;
        let mut bytes = zeroed(total)?;
        let (head, rest) = bytes.split_at_mut(header_len);
        header.encode_into(head);
        for (target, byte) in rest.iter_mut().skip(seal::PREFIX).zip(plaintext) {
            *target = *byte;
        }
        Ok(Self { bytes, body: start + BODY_LEN..start + plaintext.len() })
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(self.body.clone()).unwrap_or_default()
    }

    pub(crate) fn body_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.body.clone()).unwrap_or_default()
    }

    /// Returns the file to save, sealed under `key` and signed with `seed`. The caller scrubs the stack.
    pub(crate) fn seal(&self, key: &VaultKey, seed: &Seed, random: &[u8; 32]) -> Result<Vec<u8>> {
        let mut file = zeroed(self.bytes.len())?;
        file.copy_from_slice(&self.bytes);
        let header_len = self.body.start - seal::PREFIX - BODY_LEN;
        let sealed = (|| {
            let (signed, last) = file.split_last_chunk_mut::<{ signature::LEN }>()?;
            let (head, payload) = signed.split_at_mut(header_len);
            seal::seal_in_place(key, random, head, payload)?;
            *last = signature::sign(seed, signed);
            Some(())
        })();
        match sealed {
            Some(()) => Ok(std::mem::take(&mut *file)),
            None => Err(damaged("could not encrypt the vault")),
        }
    }
}

/// Opens the payload of a file. Its signature has been verified: otherwise there would be no [`Header`].
pub(crate) fn open_payload(mut file: WipedBytes, header: &Header, key: &VaultKey) -> Result<PlainFile> {
    let header_len = header::len(header.slots.len());
    let body_len = {
        let end = file.len().saturating_sub(signature::LEN);
        let (head, payload) = file
            .get_mut(..end)
            .and_then(|signed| signed.split_at_mut_checked(header_len))
            .ok_or_else(|| damaged("the vault is damaged: it is incomplete"))?;
        let plaintext = seal::open_in_place(key, head, payload).map_err(|unopened| {
            damaged(match unopened {
                Unopened::WrongKey => "the vault is damaged: its payload is encrypted with another key",
                Unopened::Forged | Unopened::Length => {
                    "the vault is damaged: the authentication of its payload failed"
                }
            })
        })?;
        checked_body_len(plaintext)?
    };
    let start = header_len + seal::PREFIX + BODY_LEN;
    Ok(PlainFile { bytes: file, body: start..start + body_len })
}

/// Returns the body's length if the length field and the padding are as the format requires.
fn checked_body_len(plaintext: &[u8]) -> Result<usize> {
    let wrong = || damaged("the vault is damaged: the padding of its payload is not valid");
    let (len, rest) = plaintext.split_first_chunk::<BODY_LEN>().ok_or_else(wrong)?;
    let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| wrong())?;
    let padding = rest.get(len..).ok_or_else(wrong)?;
    // The plaintext is a whole number of blocks: the header was checked against the file's length.
    if padding.len() >= BLOCK || padding.iter().any(|byte| *byte != 0) {
        return Err(wrong());
    }
    Ok(len)
}
