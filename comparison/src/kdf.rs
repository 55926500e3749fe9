//! Compares implementations of Argon2id: the same passphrase, salt and parameters, in one run, one after
//! another within each round. The keys must be equal.

mod c;
mod cost;

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use aumbry::storage::InMemory;
use aumbry::{CreateOptions, KdfParameters, Lanes, MemoryKib, OpenOptions, Passes, inspect_in, testing};
use rayon::{ThreadPool, ThreadPoolBuilder};
use rust_argon2 as other;

pub use self::c::libsodium_version;
pub use self::cost::Cost;
use crate::outcome::median;
use crate::peer::PASSPHRASE;
use crate::result::Result;

pub const COSTS: [Cost; 4] = [
    Cost { kib: 64 * 1024, passes: 3, lanes: 4 },
    Cost { kib: 64 * 1024, passes: 3, lanes: 1 },
    Cost { kib: 19 * 1024, passes: 2, lanes: 1 },
    Cost { kib: 256 * 1024, passes: 1, lanes: 4 },
];

/// Derives a key. `None` if the implementation does not support these parameters.
type Derive = fn(&Cost, salt: &[u8; 16]) -> Result<Option<[u8; 32]>>;

pub struct Contender {
    pub name: &'static str,
    /// Whether it wipes the memory that it used.
    pub wipes: &'static str,
    derive: Derive,
}

/// The implementations other than aumbry's.
pub const OTHERS: [Contender; 6] = [
    Contender { name: "argon2, `parallel`", wipes: "no", derive: in_parallel },
    Contender { name: "argon2, as it comes", wipes: "no", derive: one_after_the_other },
    Contender { name: "rust-argon2", wipes: "no", derive: rust_argon2 },
    Contender { name: "C libargon2, built here", wipes: "yes", derive: c::built },
    Contender { name: "C libargon2, Debian's", wipes: "yes", derive: c::debian },
    Contender { name: "C libsodium, built here", wipes: "no", derive: c::libsodium },
];

/// In seconds.
#[derive(Clone, Copy)]
pub struct Times {
    pub median: f64,
    pub quickest: f64,
}

impl Times {
    fn of(rounds: &[f64]) -> Option<Self> {
        Some(Self { quickest: rounds.iter().copied().reduce(f64::min)?, median: median(rounds) })
    }
}

/// `None` if it does not support the parameters.
pub struct Row {
    pub cost: &'static Cost,
    pub aumbry: Times,
    pub others: Vec<Option<Times>>,
}

pub struct Compared {
    pub rows: Vec<Row>,
    pub passed: usize,
    pub failed: Vec<String>,
}

pub fn compare(rounds: usize) -> Result<Compared> {
    let mut compared = Compared { rows: Vec::new(), passed: 0, failed: Vec::new() };
    for cost in &COSTS {
        eprintln!("Argon2id, {} KiB, t {}, p {}", cost.kib, cost.passes, cost.lanes);
        let row = compare_one(cost, rounds, &mut compared)?;
        compared.rows.push(row);
    }
    Ok(compared)
}

fn compare_one(cost: &'static Cost, rounds: usize, compared: &mut Compared) -> Result<Row> {
    let vault = TinyVault::new(cost)?;
    let mut ours = Vec::new();
    let mut theirs = vec![Vec::new(); OTHERS.len()];
    for round in 0..=rounds {
        let time = vault.unlock()?;
        let warm = round > 0; // the first round touches code and libraries
        if warm {
            ours.push(time.as_secs_f64());
        }
        for (contender, times) in OTHERS.iter().zip(&mut theirs) {
            let start = Instant::now();
            let key = (contender.derive)(cost, &vault.salt)?;
            let time = start.elapsed();
            match key {
                Some(_) if warm => times.push(time.as_secs_f64()),
                Some(key) if key == vault.key => compared.passed += 1,
                Some(_) => compared.failed.push(format!("{} derives another key", contender.name)),
                None => {}
            }
        }
    }
    let others = theirs.iter().map(|times| Times::of(times)).collect();
    Ok(Row { cost, aumbry: Times::of(&ours).ok_or("no round")?, others })
}

/// An empty vault. Opening it reports how long the KDF took: allocating, deriving, wiping, and opening one
/// slot.
struct TinyVault {
    storage: InMemory,
    salt: [u8; 16],
    key: [u8; 32],
}

impl TinyVault {
    fn new(cost: &Cost) -> Result<Self> {
        let (memory, passes) = (MemoryKib::new(cost.kib)?, Passes::new(cost.passes)?);
        let kdf = KdfParameters::new(memory, passes, Lanes::new(cost.lanes)?)?;
        let storage = InMemory::new();
        let options = CreateOptions::new().kdf(kdf).allow_kdf_below_floor();
        options.open_options(OpenOptions::new().without_pin()).create_in(storage.clone(), PASSPHRASE)?;
        let salt = *inspect_in(&storage)?.slots.first().ok_or("no slot")?.id.as_bytes();
        let bytes = storage.to_bytes().ok_or("nothing was stored")?;
        let key = testing::keys_of(&bytes, PASSPHRASE)?.kek;
        Ok(Self { storage, salt, key })
    }

    fn unlock(&self) -> Result<Duration> {
        let vault = OpenOptions::new().without_pin().open_in(self.storage.clone(), PASSPHRASE)?;
        Ok(vault.unlock_time().ok_or("it does not say how long it took")?.kdf)
    }
}

/// Computes the lanes in parallel, in a pool that ends with the call, as aumbry does.
fn in_parallel(cost: &Cost, salt: &[u8; 16]) -> Result<Option<[u8; 32]>> {
    let cores = std::thread::available_parallelism()?.get();
    in_pool(cores.min(cost.lanes as usize), cost, salt)
}

/// Computes the lanes in turn, as argon2 does without the feature `parallel`. Cargo builds one argon2 per
/// program, and aumbry enables the feature, so a pool of one thread is used instead.
fn one_after_the_other(cost: &Cost, salt: &[u8; 16]) -> Result<Option<[u8; 32]>> {
    in_pool(1, cost, salt)
}

fn in_pool(threads: usize, cost: &Cost, salt: &[u8; 16]) -> Result<Option<[u8; 32]>> {
    let pool: ThreadPool = ThreadPoolBuilder::new().num_threads(threads).build()?;
    let argon2 = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(cost.kib, cost.passes, cost.lanes, Some(32))?,
    );
    let mut key = [0; 32];
    pool.install(|| argon2.hash_password_into(PASSPHRASE.as_bytes(), salt, &mut key))?;
    Ok(Some(key))
}

fn rust_argon2(cost: &Cost, salt: &[u8; 16]) -> Result<Option<[u8; 32]>> {
    let config = other::Config {
        ad: &[],
        hash_length: 32,
        lanes: cost.lanes,
        mem_cost: cost.kib,
        secret: &[],
        thread_mode: other::ThreadMode::Parallel,
        time_cost: cost.passes,
        variant: other::Variant::Argon2id,
        version: other::Version::Version13,
    };
    let key = other::hash_raw(PASSPHRASE.as_bytes(), salt, &config)?;
    Ok(Some(key.try_into().map_err(|_| "a key of another length")?))
}
