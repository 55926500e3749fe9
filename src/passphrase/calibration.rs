//! Choosing the cost of a guess by the time that it takes on this machine.

use std::time::{Duration, Instant};

use crate::crypto::kdf::{KdfParameters, Passes, derive_kek};
use crate::crypto::keys::Kek;
use crate::error::Result;

impl KdfParameters {
    /// Returns parameters with which unlocking takes about `target` on this machine. They are never below the default:
    /// 64 MiB, 4 lanes, and 3 to 32 passes, which is the maximum of the format.
    ///
    /// A vault calibrated on a fast machine is slow to open on a slow one, so this is not the default. Runs
    /// Argon2id once.
    ///
    /// # Errors
    /// [`OutOfResources`](crate::ErrorKind::OutOfResources).
    pub fn calibrated_to(target: Duration) -> Result<Self> {
        let default = Self::default();
        let start = Instant::now();
        derive_kek(b"calibration", &[0; 16], &default, &mut Kek::default())?;
        let per_pass = start.elapsed() / default.passes().get();
        let wanted = target.as_nanos() / per_pass.as_nanos().max(1);
        let memory = u64::from(default.memory().get());
        let most = Self::MAX_COST / memory;
        let passes = u64::try_from(wanted).unwrap_or(most).clamp(u64::from(default.passes().get()), most);
        let passes = Passes::new(u32::try_from(passes).unwrap_or(default.passes().get()))?;
        Self::new(default.memory(), passes, default.lanes())
    }
}
