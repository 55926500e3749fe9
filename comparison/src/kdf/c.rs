//! Argon2id by C libraries: libargon2 built here and Debian's, libsodium built here.
#![allow(unsafe_code, reason = "C libraries")]

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::sync::OnceLock;

use libloading::Library;

use super::cost::Cost;
use crate::peer::PASSPHRASE;
use crate::result::Result;

type Argon2idHashRaw = unsafe extern "C" fn(
    u32,
    u32,
    u32,
    *const c_void,
    usize,
    *const c_void,
    usize,
    *mut c_void,
    usize,
) -> c_int;

/// The package libargon2 of this folder: the sources in the crate argon2-sys, compiled with -march=native.
pub fn built(cost: &Cost, salt: &[u8; 16]) -> Result<Option<[u8; 32]>> {
    static LIBRARY: OnceLock<Loaded> = OnceLock::new();
    let path = std::env::current_exe()?.with_file_name("libbuilt_libargon2.so");
    call(&LIBRARY, path.as_os_str(), b"built_argon2id_hash_raw\0", cost, salt)
}

/// Debian's package libargon2-1, compiled for any processor of this architecture.
pub fn debian(cost: &Cost, salt: &[u8; 16]) -> Result<Option<[u8; 32]>> {
    static LIBRARY: OnceLock<Loaded> = OnceLock::new();
    call(&LIBRARY, OsStr::new("libargon2.so.1"), b"argon2id_hash_raw\0", cost, salt)
}

type Loaded = std::result::Result<Library, String>;

fn call(
    library: &'static OnceLock<Loaded>,
    name: &OsStr,
    symbol: &[u8],
    cost: &Cost,
    salt: &[u8; 16],
) -> Result<Option<[u8; 32]>> {
    // SAFETY: loading runs the library's initialisers; these have none.
    let load = || unsafe { Library::new(name) }.map_err(|error| error.to_string());
    let library = library.get_or_init(load).as_ref().map_err(Clone::clone)?;
    // SAFETY: argon2.h declares the function with these types, and the library is never unloaded.
    let function = unsafe { library.get::<Argon2idHashRaw>(symbol)? };
    let mut key = [0_u8; 32];
    let (password, out) = (PASSPHRASE.as_bytes(), key.as_mut_ptr().cast());
    // SAFETY: each pointer comes with the length of what it points to, and all live until the call returns.
    let error = unsafe {
        function(
            cost.passes,
            cost.kib,
            cost.lanes,
            password.as_ptr().cast(),
            password.len(),
            salt.as_ptr().cast(),
            salt.len(),
            out,
            32,
        )
    };
    if error == 0 { Ok(Some(key)) } else { Err(format!("libargon2: error {error}").into()) }
}

/// libsodium has no parameter for lanes: it always computes one.
pub fn libsodium(cost: &Cost, salt: &[u8; 16]) -> Result<Option<[u8; 32]>> {
    if cost.lanes != 1 {
        return Ok(None);
    }
    let mut key = [0_u8; 32];
    // SAFETY: may be called any number of times.
    if unsafe { libsodium_sys::sodium_init() } < 0 {
        return Err("libsodium does not start".into());
    }
    // SAFETY: as above; the salt has crypto_pwhash_SALTBYTES, which are 16.
    let error = unsafe {
        libsodium_sys::crypto_pwhash(
            key.as_mut_ptr(),
            32,
            PASSPHRASE.as_ptr().cast(),
            PASSPHRASE.len() as u64,
            salt.as_ptr(),
            cost.passes.into(),
            cost.kib as usize * 1024,
            libsodium_sys::crypto_pwhash_ALG_ARGON2ID13 as c_int,
        )
    };
    if error == 0 { Ok(Some(key)) } else { Err("libsodium: crypto_pwhash failed".into()) }
}

pub fn libsodium_version() -> String {
    // SAFETY: it returns a constant string that ends with a zero.
    unsafe { CStr::from_ptr(libsodium_sys::sodium_version_string()) }.to_string_lossy().into_owned()
}
