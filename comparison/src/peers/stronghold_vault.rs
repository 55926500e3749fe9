//! The crate `iota_stronghold`, its vault: secrets that can be used by its procedures, and never read back.

use std::path::Path;

use iota_stronghold::Location;
use iota_stronghold::procedures::CompareSecret;
use zeroize::Zeroizing;

use super::stronghold_store::{Hold, KDF, LEAST, SAVES};
use crate::peer::{About, Kdf, Opened, Peer};
use crate::records::{Record, pack};
use crate::result::Result;

pub struct StrongholdVault;

const VAULT: &str = "secrets";

impl Peer for StrongholdVault {
    fn id(&self) -> &'static str {
        "stronghold-vault"
    }

    fn package(&self) -> &'static str {
        "iota_stronghold"
    }

    fn about(&self) -> About {
        About {
            kdf: KDF,
            least: LEAST,
            sealed_in_memory: true,
            plaintext: "names, key ids, regions, which have to be in its store; no secret. Keys are in guarded memory",
            seals: "yes, XChaCha20-Poly1305, and the whole file. No secret can be read back, so none can be given to an \
                    AWS client; a look-up here opens the secret and compares it in there (procedure CompareSecret)",
            signs: "no",
            saves: SAVES,
        }
    }

    fn create(&self, path: &Path, records: &[Record], kdf: Kdf) -> Result<()> {
        let hold = Hold::create(path, kdf)?;
        let vault = hold.client.vault(VAULT);
        for Record { name, entry } in records {
            vault.write_secret(location(name), Zeroizing::new(entry.secret.as_bytes().to_vec()))?;
            let rest = pack(&(&entry.access_key_id, &entry.region))?;
            hold.client.store().insert(name.clone().into_bytes(), rest.to_vec(), None)?;
        }
        hold.save()
    }

    fn open(&self, path: &Path, passphrase: &str, kdf: Kdf) -> Result<Box<dyn Opened>> {
        Ok(Box::new(Open(Hold::open(path, passphrase, kdf)?)))
    }
}

fn location(name: &str) -> Location {
    Location::generic(VAULT, name)
}

struct Open(Hold);

impl Opened for Open {
    fn holds(&self, name: &str, secret: &str) -> Result<bool> {
        if !self.0.client.record_exists(&location(name))? {
            return Ok(false);
        }
        let compare = CompareSecret { location: location(name), expected: secret.as_bytes().to_vec() };
        Ok(self.0.client.execute_procedure(compare)? == [1])
    }

    fn change(&mut self, name: &str, secret: &str) -> Result<()> {
        let secret = Zeroizing::new(secret.as_bytes().to_vec());
        self.0.client.vault(VAULT).write_secret(location(name), secret)?;
        self.0.save()
    }
}
