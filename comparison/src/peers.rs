//! aumbry and its peers, one file each.

mod age;
pub mod aumbry;
mod cocoon;
mod json;
mod keepass;
mod secrets_vault;
mod securestore;
mod stronghold_store;
mod stronghold_vault;

use crate::peer::Peer;

/// aumbry is first: the others are compared with it.
pub static ALL: [&dyn Peer; 9] = [
    &aumbry::Aumbry,
    &age::Age,
    &cocoon::Cocoon,
    &json::Json,
    &secrets_vault::SecretsVault,
    &securestore::SecureStore,
    &stronghold_store::StrongholdStore,
    &stronghold_vault::StrongholdVault,
    &keepass::KeePass,
];

pub fn by_id(id: &str) -> Option<&'static dyn Peer> {
    ALL.iter().copied().find(|peer| peer.id() == id)
}
