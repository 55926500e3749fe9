//! C libargon2 compiled for this processor, to be loaded by `peers`.
#![allow(unsafe_code, reason = "a C library")]

use std::ffi::{c_int, c_void};

/// `argon2id_hash_raw` of argon2.h.
///
/// # Safety
/// As there: each pointer must come with the length of what it points to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn built_argon2id_hash_raw(
    passes: u32,
    kib: u32,
    lanes: u32,
    password: *const c_void,
    password_len: usize,
    salt: *const c_void,
    salt_len: usize,
    out: *mut c_void,
    out_len: usize,
) -> c_int {
    // SAFETY: the caller promises what argon2.h asks for.
    unsafe {
        argon2_sys::argon2id_hash_raw(
            passes,
            kib,
            lanes,
            password,
            password_len,
            salt,
            salt_len,
            out,
            out_len,
        )
    }
}
