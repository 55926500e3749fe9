//! One revision of the vault in memory, and the keys that open its records.

pub(super) mod index;
pub(super) mod keys;
pub(super) mod snapshot;

use std::sync::Arc;

use crate::credentials::Credentials;
use crate::error::Result;
use crate::memory::{Guarded, with_scrubbed_stack};
use crate::vault::unlocked::keys::Keys;
use crate::vault::unlocked::snapshot::{Counted, Snapshot};

/// A revision and its keys.
///
/// Look-ups clone `counted`, whose count is separate in each shard. `snapshot` and `keys` are the same in all shards.
pub(super) struct Unlocked {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) counted: Arc<Counted>,
    pub(super) keys: Arc<Guarded<Keys>>,
}

impl Unlocked {
    pub(super) fn new(snapshot: Arc<Snapshot>, keys: Guarded<Keys>) -> Self {
        Self::with_shared_keys(snapshot, Arc::new(keys))
    }

    /// Returns another revision under the same keys, in the same guarded page.
    pub(super) fn with_shared_keys(snapshot: Arc<Snapshot>, keys: Arc<Guarded<Keys>>) -> Self {
        Self { counted: Counted::new(&snapshot), snapshot, keys }
    }

    /// Returns the same revision and keys with a reference count of its own.
    pub(super) fn for_shard(&self) -> Self {
        Self::with_shared_keys(Arc::clone(&self.snapshot), Arc::clone(&self.keys))
    }

    /// Opens the secret of the record at `offset`.
    pub(super) fn open_record(&self, offset: u32) -> Result<Credentials> {
        with_scrubbed_stack(|| {
            self.snapshot.open_record(&self.snapshot.record(offset), self.keys.record_keys())
        })
    }

    /// Opens the secret of every record, and calls `may_continue` before each.
    ///
    /// # Errors
    /// Names the first record that does not open, or returns what `may_continue` returns.
    pub(super) fn check_secrets(&self, may_continue: impl Fn() -> Result<()>) -> Result<()> {
        let snapshot = &self.snapshot;
        snapshot.offsets().iter().try_for_each(|offset| {
            may_continue()?;
            with_scrubbed_stack(|| {
                let record = snapshot.record(*offset);
                record.open_secret(&snapshot.header.vault_id, self.keys.record_keys()).map(drop)
            })
        })
    }
}
