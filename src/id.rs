//! Hexadecimal digits, for what people may look at.

pub(crate) mod hex;
