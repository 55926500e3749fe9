//! The address of a record: its name is one segment of the path, percent-encoded.

use std::net::SocketAddr;

use crate::failure::{Failure, Outcome};

/// Clients take these two segments out of a path before they ask (RFC 3986, section 5.2.4), encoded or not.
pub(super) fn check(name: &str) -> Outcome {
    if matches!(name, "." | "..") {
        return Err(Failure::usage(format!("no URI can have the record {name:?} at its end"))
            .advise("give it another name with `aumbry rename`"));
    }
    Ok(())
}

/// All but RFC 3986's unreserved characters are encoded, slashes too.
pub(super) fn of(address: SocketAddr, name: &str) -> String {
    let mut uri = format!("http://{address}/");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri += &format!("%{byte:02X}");
        }
    }
    uri
}

/// The name that a path leads to. A slash counts as a part of it, however it is written: some clients decode it.
pub(super) fn name(path: &str) -> Option<String> {
    let mut bytes = path.strip_prefix('/')?.bytes();
    let mut name = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(name).ok()
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}
