//! The encoding of bodies: bincode 2 in its standard configuration, and a bounded reader for the same bytes.
//!
//! Only this module uses bincode. Its input has been authenticated, its limit bounds every length, and every
//! byte must be used. The separate reader exists because opening a vault must not allocate memory for each
//! record; property tests compare it with bincode.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::enc::write::SizeWriter;
use serde::{Deserialize, Serialize};

use super::MAX_FILE;

/// [`MAX_FILE`] in the type that bincode needs.
const LIMIT: usize = 1 << 30;
const _: () = assert!(LIMIT as u64 == MAX_FILE);

fn config() -> Configuration<LittleEndian, Varint, Limit<LIMIT>> {
    bincode::config::standard().with_limit::<LIMIT>()
}

/// Returns the encoded length of `value`, so that buffers are allocated once and never grow.
pub(super) fn encoded_len<T: Serialize>(value: &T) -> Option<usize> {
    let mut size = SizeWriter::default();
    bincode::serde::encode_into_writer(value, &mut size, bincode::config::standard()).ok()?;
    Some(size.bytes_written)
}

/// Writes `value` at the start of `bytes` and returns the rest of them.
pub(super) fn encode_into<'a, T: Serialize>(value: &T, bytes: &'a mut [u8]) -> Option<&'a mut [u8]> {
    let used = bincode::serde::encode_into_slice(value, bytes, bincode::config::standard()).ok()?;
    bytes.get_mut(used..)
}

/// Decodes all of `bytes`. `None` also if a number is not encoded in its shortest form.
pub(super) fn decode<'a, T: Serialize + Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (value, used) = bincode::serde::borrow_decode_from_slice::<T, _>(bytes, config()).ok()?;
    // bincode accepts overlong numbers, but encodes them in fewer bytes.
    (used == bytes.len() && encoded_len(&value) == Some(used)).then_some(value)
}

/// Reads one field after another. Each method returns `None` if the bytes are not a valid field.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    /// Reads an unsigned integer in its shortest form. Most integers take one byte.
    #[inline]
    pub(super) fn unsigned(&mut self) -> Option<u64> {
        match self.rest.split_first() {
            Some((first @ 0..=250, rest)) => {
                self.rest = rest;
                Some(u64::from(*first))
            }
            _ => self.unsigned_of_several(),
        }
    }

    fn unsigned_of_several(&mut self) -> Option<u64> {
        let (value, least) = match self.array::<1>()? {
            [251] => (u64::from(u16::from_le_bytes(self.array()?)), 251),
            [252] => (u64::from(u32::from_le_bytes(self.array()?)), 1 << 16),
            [253] => (u64::from_le_bytes(self.array()?), 1 << 32),
            _ => return None,
        };
        (value >= least).then_some(value)
    }

    /// Reads a signed integer in zigzag encoding.
    #[inline]
    pub(super) fn signed(&mut self) -> Option<i64> {
        let zigzag = self.unsigned()?;
        Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    #[inline]
    pub(super) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.unsigned()?).ok()
    }

    /// Reads a length and as many bytes.
    #[inline]
    pub(super) fn blob(&mut self) -> Option<&'a [u8]> {
        let len = self.count()?;
        self.bytes(len)
    }

    #[inline]
    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.blob()?).ok()
    }

    #[inline]
    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.array::<1>()? {
            [0] => Some(None),
            [1] => Some(Some(read(self)?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_bincode_writes_them(value: u64, shift in 0..64_u32, signed: i64) {
            let value = value >> shift;
            let signed = signed >> shift;
            let bytes = bincode::serde::encode_to_vec((value, signed), bincode::config::standard()).unwrap();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.unsigned(), Some(value));
            prop_assert_eq!(reader.signed(), Some(signed));
            prop_assert!(reader.rest().is_empty());
        }
    }

    #[test]
    fn overlong_numbers_are_refused() {
        for overlong in [
            &[251, 250, 0][..],
            &[252, 255, 255, 0, 0],
            &[253, 255, 255, 255, 255, 0, 0, 0, 0],
            &[254],
            &[255],
        ] {
            assert_eq!(Reader::new(overlong).unsigned(), None, "{overlong:?}");
            assert_eq!(decode::<u64>(overlong), None, "{overlong:?}");
        }
        assert_eq!(Reader::new(&[251, 251, 0]).unsigned(), Some(251));
    }

    #[test]
    fn a_length_beyond_the_input_is_refused_without_allocating() {
        let mut huge = vec![253];
        huge.extend_from_slice(&(1_u64 << 62).to_le_bytes());
        assert_eq!(Reader::new(&huge).blob(), None);
        assert_eq!(decode::<Vec<u8>>(&huge), None);
        assert_eq!(decode::<String>(&huge), None);
    }
}
