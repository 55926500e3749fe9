//! The percent-encoding of Signature Version 4: every character except the unreserved ones of RFC 3986, with upper-case
//! digits.

use super::refusal::refused;
use crate::error::Result;

pub(super) fn encode(byte: u8, out: &mut dyn FnMut(char)) {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        out(char::from(byte));
    } else {
        out('%');
        [byte >> 4, byte & 15].into_iter().filter_map(hex_digit).for_each(out);
    }
}

fn hex_digit(value: u8) -> Option<char> {
    char::from_digit(value.into(), 16).map(|digit| digit.to_ascii_uppercase())
}

/// Returns the bytes that a part of a URL encodes.
pub(super) fn decoded(part: &str) -> Result<Vec<u8>> {
    let mut bytes = part.bytes();
    let mut decoded = Vec::with_capacity(part.len());
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' { escaped(&mut bytes) } else { Some(byte) };
        let in_url = || refused("a % in the URL must be followed by two hexadecimal digits".to_owned());
        decoded.push(byte.ok_or_else(in_url)?);
    }
    Ok(decoded)
}

fn escaped(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let mut digit = || char::from(bytes.next()?).to_digit(16);
    let (high, low) = (digit()?, digit()?);
    u8::try_from(high << 4 | low).ok()
}

/// Returns the URL with its path decoded and encoded again. S3 does the same before it compares signatures, so `a(1)` and
/// `a%281%29` are the same path and have the same signature.
pub(super) fn with_path_reencoded(url: &str) -> Result<String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let mut reencoded = format!("{scheme}://{authority}");
    for byte in decoded(path)? {
        if byte == b'/' {
            reencoded.push('/');
        } else {
            encode(byte, &mut |letter| reencoded.push(letter));
        }
    }
    reencoded.push_str(query);
    Ok(reencoded)
}
