//! The vault: open it, look records up, change them, lock it.
//!
//! A [`Vault`] is a cheap handle to shared state: an immutable snapshot of one revision and, while it is unlocked, the keys
//! in a guarded page. Look-ups read the snapshot. An edit makes the next revision, saves it and installs it.
//!
//! The files are layers; each uses only those before it (`tests/repository` holds this):
//!
//! | layer | files |
//! |---|---|
//! | one revision and its keys | `unlocked`: `snapshot`, `index`, `keys` |
//! | the storage and the pin | `pinned_storage` |
//! | the handle | `handle`, with `sharded` (a lock for parallel look-ups), `auto_lock` and `turns` (the order of edits) |
//! | questions | `lookup`, `info`, `advice` |
//! | opening | `open`: `load`, `slot_search` |
//! | staying up to date | `refresh`: unlock, refresh, verify |
//! | changing | `commit`: `edit`, `next_revision`, `new_slot`, `rekey` |
//! | what is changed | `people` and `people/passphrases`, `rotation`, `create`, `restore` |

mod advice;
mod auto_lock;
mod commit;
mod create;
mod handle;
mod info;
mod lookup;
mod open;
mod people;
mod pinned_storage;
mod refresh;
mod restore;
mod rotation;
mod sharded;
#[cfg(feature = "testing")]
mod testing;
mod turns;
mod unlocked;

pub use advice::Advice;
pub use commit::edit::Edit;
pub use create::CreateOptions;
pub use handle::{UnlockTime, Vault};
pub use info::{Remembered, SlotInfo, VaultInfo, inspect, inspect_in};
pub use lookup::{Record, Records};
pub use open::OpenOptions;
pub use people::Person;
pub use refresh::Verified;
pub use rotation::{Rotation, RotationStage};
#[cfg(feature = "testing")]
pub(crate) use testing::open_below_kdf;
