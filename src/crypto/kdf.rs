//! Argon2id v1.3 (RFC 9106): derives the key-encryption key of one slot from a passphrase.

use argon2::{Algorithm, Argon2, Params, Version};

use super::KEY_LEN;
use super::keys::Kek;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{Blocks, with_scrubbed_stack};

/// Argon2id memory in KiB: 8 MiB to 1 GiB.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MemoryKib(u32);

/// Argon2id passes: 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Passes(u32);

/// Argon2id lanes: 1 to 8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lanes(u32);

macro_rules! bounded {
    ($name:ident, $min:expr, $max:expr, $what:literal) => {
        impl $name {
            /// The smallest value that the format allows.
            pub const MIN: Self = Self($min);
            /// The largest value that the format allows.
            pub const MAX: Self = Self($max);

            /// Checks `value` against the format's bounds.
            ///
            /// # Errors
            /// [`ErrorKind::InvalidInput`] outside `MIN..=MAX`.
            pub fn new(value: u32) -> Result<Self> {
                if ($min..=$max).contains(&value) {
                    return Ok(Self(value));
                }
                let message = format!(
                    concat!("invalid ", $what, ": it must be between {} and {}, not {}"),
                    $min, $max, value
                );
                Err(Error::new(ErrorKind::InvalidInput, message))
            }

            /// Returns the number.
            #[must_use]
            pub fn get(self) -> u32 {
                self.0
            }
        }
    };
}

bounded!(MemoryKib, 8 * 1024, 1024 * 1024, "Argon2id memory in KiB");
bounded!(Passes, 1, 64, "Argon2id passes");
bounded!(Lanes, 1, 8, "Argon2id lanes");

/// The Argon2id parameters of one slot: they decide what one guess at its passphrase costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KdfParameters {
    memory: MemoryKib,
    passes: Passes,
    lanes: Lanes,
}

/// RFC 9106, section 4, second recommended option: 64 MiB, 3 passes, 4 lanes.
impl Default for KdfParameters {
    fn default() -> Self {
        Self { memory: MemoryKib(64 * 1024), passes: Passes(3), lanes: Lanes(4) }
    }
}

impl KdfParameters {
    /// The highest cost of one slot, in KiB times passes.
    pub(crate) const MAX_COST: u64 = 1 << 21;
    /// The highest total cost of all slots of a vault. A wrong passphrase is tried against each of them.
    pub(crate) const MAX_TOTAL_COST: u64 = 1 << 23;

    /// Combines the three parameters.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if memory times passes exceeds 2^21 KiB (2 GiB). This is the format's
    /// bound on the work that one slot of a file can demand from its reader.
    pub fn new(memory: MemoryKib, passes: Passes, lanes: Lanes) -> Result<Self> {
        let parameters = Self { memory, passes, lanes };
        if parameters.cost() > Self::MAX_COST {
            let message = format!(
                "invalid Argon2id parameters: memory times passes must be at most {} KiB, not {}",
                Self::MAX_COST,
                parameters.cost()
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(parameters)
    }

    /// Returns the memory in KiB.
    #[must_use]
    pub fn memory(&self) -> MemoryKib {
        self.memory
    }

    /// Returns the number of passes over that memory.
    #[must_use]
    pub fn passes(&self) -> Passes {
        self.passes
    }

    /// Returns the number of lanes, which can be computed in parallel.
    #[must_use]
    pub fn lanes(&self) -> Lanes {
        self.lanes
    }

    /// Returns memory times passes, in KiB.
    #[must_use]
    pub fn cost(&self) -> u64 {
        u64::from(self.memory.0) * u64::from(self.passes.0)
    }

    /// Returns whether a new slot may use these parameters: at least OWASP's minimum, 19 MiB and 2 passes, or
    /// as much work (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>).
    #[must_use]
    pub fn is_above_floor(&self) -> bool {
        self.memory.0 >= 19 * 1024 && self.cost() >= 38 * 1024
    }
}

/// Derives the key-encryption key of a slot directly into `kek`.
///
/// This crate allocates the memory for Argon2id itself, because argon2's `zeroize` feature would not wipe it.
/// The lanes run in a thread pool that ends with this call, never in the host program's global pool.
pub(crate) fn derive_kek(
    passphrase: &[u8],
    salt: &[u8; 16],
    parameters: &KdfParameters,
    kek: &mut Kek,
) -> Result<()> {
    #[cfg(feature = "testing")]
    runs::count();
    let KdfParameters { memory, passes, lanes } = parameters;
    let params = Params::new(memory.0, passes.0, lanes.0, Some(KEY_LEN)).map_err(refused)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    derive_with(&argon2, passphrase, salt, kek.bytes_mut())
}

fn derive_with(
    argon2: &Argon2<'_>,
    passphrase: &[u8],
    salt: &[u8],
    derived: &mut [u8; KEY_LEN],
) -> Result<()> {
    let mut memory = Blocks::new(argon2.params().block_count())?;
    let lanes = argon2.params().p_cost() as usize;
    // A second thread even for a single lane: it helps to wipe the memory.
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(lanes.max(2)));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|_| "aumbry-kdf".into())
        .build()
        .map_err(|error| {
            Error::new(ErrorKind::OutOfResources, "could not start a thread for the key derivation")
                .with_source(error)
        })?;
    // Enter the pool from a separate thread: a thread of the host's pool would run the host's jobs while it
    // waits for the result.
    let result = std::thread::scope(|scope| {
        let derive = || {
            pool.install(|| {
                let result = with_scrubbed_stack(|| {
                    argon2.hash_password_into_with_memory(passphrase, salt, derived, memory.as_mut_slice())
                });
                memory.wipe_in_pool();
                result
            })
        };
        std::thread::Builder::new().spawn_scoped(scope, derive).map(std::thread::ScopedJoinHandle::join)
    });
    match result {
        Ok(Ok(result)) => result.map_err(refused),
        Ok(Err(_)) => {
            Err(Error::new(ErrorKind::OutOfResources, "the thread of the key derivation ended unexpectedly"))
        }
        Err(error) => {
            Err(Error::new(ErrorKind::OutOfResources, "could not start a thread for the key derivation")
                .with_source(error))
        }
    }
}

fn refused(error: argon2::Error) -> Error {
    Error::new(ErrorKind::InvalidInput, "could not derive the key: Argon2id rejected its parameters")
        .with_source(error)
}

/// Counts the derivations that each thread has started, for tests that expect none.
#[cfg(feature = "testing")]
pub(crate) mod runs {
    use std::cell::Cell;

    thread_local! {
        static RUNS: Cell<u64> = const { Cell::new(0) };
    }

    pub(super) fn count() {
        RUNS.set(RUNS.get() + 1);
    }

    /// Returns the count of the calling thread. This thread also tries the first slot of a vault that it
    /// opens.
    pub(crate) fn of_this_thread() -> u64 {
        RUNS.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_equals_that_of_the_reference_implementation() {
        // Computed with the C reference implementation: 8192 KiB, 2 passes, 4 lanes, version 0x13.
        let parameters = KdfParameters::new(
            MemoryKib::new(8192).unwrap(),
            Passes::new(2).unwrap(),
            Lanes::new(4).unwrap(),
        );
        let mut kek = Kek::default();
        derive_kek(b"correct horse", b"0123456789abcdef", &parameters.unwrap(), &mut kek).unwrap();
        let hex: String = kek.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "8962af270f4a84793bf021aa33a45a7cca774dbd4bc4e522785a439e0a0110c0");
    }

    #[test]
    fn the_tag_equals_the_test_vector_of_rfc_9106() {
        // RFC 9106, section 5.3, uses a secret value and associated data, which vaults never have, and less
        // memory than the format allows.
        let mut params = argon2::ParamsBuilder::new();
        params.m_cost(32).t_cost(3).p_cost(4).output_len(KEY_LEN);
        let params = params.data(argon2::AssociatedData::new(&[4; 12]).unwrap()).build().unwrap();
        let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut tag = [0; KEY_LEN];
        derive_with(&argon2, &[1; 32], &[2; 16], &mut tag).unwrap();
        let expected = [
            0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9,
            0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
        ];
        assert_eq!(tag, expected);
    }

    #[test]
    fn parameters_outside_the_format_are_refused() {
        assert!(MemoryKib::new(8 * 1024 - 1).is_err() && MemoryKib::new(1024 * 1024 + 1).is_err());
        assert!(Passes::new(0).is_err() && Passes::new(65).is_err());
        assert!(Lanes::new(0).is_err() && Lanes::new(9).is_err());
        assert!(KdfParameters::new(MemoryKib::MAX, Passes::new(3).unwrap(), Lanes::MIN).is_err());
        let floor = |kib, passes| {
            let memory = MemoryKib::new(kib).unwrap();
            KdfParameters::new(memory, Passes::new(passes).unwrap(), Lanes::MIN).unwrap().is_above_floor()
        };
        assert!(KdfParameters::default().is_above_floor() && floor(19 * 1024, 2));
        assert!(!floor(19 * 1024, 1), "too little work");
        assert!(!floor(18 * 1024, 64), "too little memory");
    }
}
