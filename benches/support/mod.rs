//! Shared by the benches: vaults with many records, and measurements that can be compared within one run.
#![allow(dead_code, reason = "each bench uses a part")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use aumbry::storage::InMemory;
use aumbry::{CreateOptions, KdfParameters, Lanes, MemoryKib, NewRecord, Passes, Vault};
use criterion::Criterion;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// Returns the sealed bytes of a vault with this many records.
pub(crate) fn sealed(records: usize, kdf: KdfParameters) -> Vec<u8> {
    /// More new records at a time would need more memory than the vault itself.
    const AT_ONCE: usize = 250_000;
    let storage = InMemory::new();
    let options = CreateOptions::new().kdf(kdf).allow_kdf_below_floor();
    let vault = options.create_in(storage.clone(), PASSPHRASE).expect("a new vault");
    for start in (0..records).step_by(AT_ONCE) {
        let drafts = drafts(start..records.min(start + AT_ONCE));
        import(&vault, &drafts);
    }
    storage.to_bytes().expect("the vault just made")
}

pub(crate) fn import(vault: &Vault, drafts: &[NewRecord]) {
    vault.edit(|edit| drafts.iter().try_for_each(|draft| edit.add(draft))).expect("new names");
}

/// Returns the cheapest parameters that the format allows, for benches that do not measure the key
/// derivation.
pub(crate) fn cheap_kdf() -> KdfParameters {
    KdfParameters::new(MemoryKib::MIN, Passes::MIN, Lanes::MIN).expect("the least of each")
}

/// Returns the name of record `i`; unique below a million.
pub(crate) fn name(i: usize) -> String {
    format!("team-{:02}/service-{:04}/uploads", i % 100, i / 100)
}

/// Returns the records `range`, similar to real ones: a key id, 40 characters that do not compress, a region.
pub(crate) fn drafts(range: std::ops::Range<usize>) -> Vec<NewRecord> {
    const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const REGIONS: [&str; 4] = ["eu-central-1", "us-east-1", "ap-southeast-2", "sa-east-1"];
    let mut dice = Dice::new(range.start as u64);
    range
        .map(|i| {
            let id = format!("AKIA{}", dice.text(BASE32, 16));
            let region = REGIONS[i % REGIONS.len()];
            let draft = NewRecord::new_static(name(i), &id, dice.text(BASE64, 40));
            draft.and_then(|draft| draft.attribute("region", region)).expect("a valid record")
        })
        .collect()
}

/// SplitMix64: the same numbers in each run, and random enough for a bench.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn text(&mut self, alphabet: &[u8], len: usize) -> String {
        (0..len).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Runs benches and keeps their medians, so that ratios can be printed at the end of the same run.
pub(crate) struct Bench {
    criterion: Criterion,
    /// In seconds.
    medians: BTreeMap<String, f64>,
}

/// Few and short samples: only ratios matter, and a run should not take minutes.
const SAMPLES: usize = 10;

impl Bench {
    pub(crate) fn new() -> Self {
        let criterion = Criterion::default()
            .sample_size(SAMPLES)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1200))
            .configure_from_args();
        Self { criterion, medians: BTreeMap::new() }
    }

    /// Returns all sizes under `cargo bench`. Under `cargo test --benches`, returns the first, to check that
    /// the bench works.
    pub(crate) fn sizes<'a>(&self, sizes: &'a [usize]) -> &'a [usize] {
        let measuring = std::env::args().any(|argument| argument == "--bench");
        if measuring { sizes } else { &sizes[..1] }
    }

    /// Measures `run`, without the drop of its result.
    pub(crate) fn slow<R>(&mut self, id: &str, mut run: impl FnMut() -> R) {
        self.prepared(id, || (), |()| run());
    }

    /// Takes the duration that `run` returns as the measurement.
    pub(crate) fn reported(&mut self, id: &str, mut run: impl FnMut() -> Duration) {
        self.sampled(id, |iterations| (0..iterations).map(|_| run()).sum());
    }

    /// Measures `run`, without `prepare` and without the drop of its result.
    pub(crate) fn prepared<T, R>(
        &mut self,
        id: &str,
        mut prepare: impl FnMut() -> T,
        mut run: impl FnMut(T) -> R,
    ) {
        let mut once = || {
            let prepared = prepare();
            let start = Instant::now();
            let result = run(prepared);
            let elapsed = start.elapsed();
            drop(result);
            elapsed
        };
        self.sampled(id, |iterations| (0..iterations).map(|_| once()).sum());
    }

    /// Measures a loop over `run`, which is so fast that reading the clock each time would distort the
    /// result.
    pub(crate) fn quick<R>(&mut self, id: &str, mut run: impl FnMut() -> R) {
        self.sampled(id, |iterations| {
            let start = Instant::now();
            for _ in 0..iterations {
                black_box(run());
            }
            start.elapsed()
        });
    }

    fn sampled(&mut self, id: &str, mut sample: impl FnMut(u64) -> Duration) {
        let mut samples = Vec::new();
        self.criterion.bench_function(id, |bencher| {
            bencher.iter_custom(|iterations| {
                let elapsed = sample(iterations);
                samples.push(elapsed.as_secs_f64() / iterations as f64);
                elapsed
            });
        });
        // The samples before these are the warm-up. `cargo test --benches` takes fewer samples and measures
        // nothing.
        if let Some(measured) = samples.last_chunk_mut::<SAMPLES>() {
            measured.sort_by(f64::total_cmp);
            self.medians.insert(id.to_owned(), measured[SAMPLES / 2]);
        }
    }

    /// Prints the ratio of two medians, unless one of them was filtered out.
    pub(crate) fn ratio(&self, id: &str, to: &str) {
        if let (Some(one), Some(other)) = (self.medians.get(id), self.medians.get(to)) {
            println!("{id:<30} {} = {:>8.4} x {to} ({})", shown(*one), one / other, shown(*other).trim());
        }
    }
}

fn shown(seconds: f64) -> String {
    let (number, unit) = match seconds {
        0.0..1e-6 => (seconds * 1e9, "ns"),
        1e-6..1e-3 => (seconds * 1e6, "us"),
        _ => (seconds * 1e3, "ms"),
    };
    format!("{number:>7.2} {unit}")
}
