//! Tests that no key and nonce is used for two messages, even if the random generator always returns the same
//! bytes.

use std::collections::HashMap;
use std::io::Write;

use super::keys::{AdministratorKey, Kek, SealingKey, VaultKey};
use super::record::{self, RecordKeys};
use super::seal::{self, seal_in_place};
use super::{hkdf_sha256, hmac_sha256};
use crate::id::VaultId;

/// Returns messages that are easily confused: one text, split at every position into associated data and
/// plaintext, and consecutive numbers.
fn messages() -> Vec<(Vec<u8>, Vec<u8>)> {
    let text: Vec<u8> = (0..60).map(|n| n % 3).collect();
    let mut messages: Vec<_> = (0..=text.len())
        .flat_map(|end| (0..=end).map(move |cut| (cut, end)))
        .map(|(cut, end)| (text[..cut].to_vec(), text[cut..end].to_vec()))
        .collect();
    messages.extend((0..5_000_u32).map(|n| (b"a".to_vec(), n.to_be_bytes().to_vec())));
    messages.sort();
    messages.dedup();
    messages
}

/// The number of a message, and its ciphertext.
type Sealed = (usize, Vec<u8>);

/// Which message each key and nonce was used for. A message that is sealed twice must give the same bytes.
#[derive(Default)]
struct Uses {
    used: HashMap<(Vec<u8>, Vec<u8>), Sealed>,
    messages: usize,
    repeated: usize,
}

impl Uses {
    fn add(&mut self, key: &[u8], nonce: &[u8], message: usize, sealed: &[u8]) {
        self.messages += 1;
        let entry = (message, sealed.to_vec());
        match self.used.insert((key.to_vec(), nonce.to_vec()), entry.clone()) {
            Some(before) if before.0 != message => self.repeated += 1,
            Some(before) => assert_eq!(before, entry, "the same message twice is the same ciphertext"),
            None => {}
        }
    }

    fn print(&self, what: &str) {
        let Self { used, messages, repeated } = self;
        let used = used.len();
        let line = format!(
            "dead generator, {what}: {messages} seals, {used} distinct (key, nonce), {repeated} used for two messages\n"
        );
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

fn sealed_by<K: SealingKey>(key: &K, aad: &[u8], text: &[u8]) -> Vec<u8> {
    let mut bytes = [&[0; seal::PREFIX], text, &[0; seal::OVERHEAD - seal::PREFIX]].concat();
    seal_in_place(key, &[0; 32], aad, &mut bytes).unwrap();
    bytes
}

#[test]
fn seal_uses_no_key_for_two_messages() {
    fn all<K: SealingKey>(key: &K, messages: &[(Vec<u8>, Vec<u8>)], uses: &mut Uses) {
        for (number, (aad, text)) in messages.iter().chain(messages.iter().take(1_000)).enumerate() {
            let sealed = sealed_by(key, aad, text);
            let okm = hkdf_sha256::<64>(key.ikm(), &sealed[..32], K::LABEL);
            // Each label is a use of its own: the same text under another label counts as another message.
            let message = number % messages.len() + messages.len() * K::LABEL.len();
            uses.add(&okm[..32], &[0; 12], message, &sealed);
        }
    }
    let messages = messages();
    let mut uses = Uses::default();
    // The same key bytes for all three kinds of key.
    all(&Kek([7; 32]), &messages, &mut uses);
    all(&VaultKey([7; 32]), &messages, &mut uses);
    all(&AdministratorKey([7; 32]), &messages, &mut uses);
    uses.print("SEAL");
    assert!(messages.len() > 6_000);
    assert_eq!((uses.used.len(), uses.repeated), (3 * messages.len(), 0));
}

#[test]
fn records_use_no_nonce_for_two_messages() {
    let messages = messages();
    let mut keys = RecordKeys::default();
    keys.derive_from(&VaultKey([9; 32]), &VaultId::from_bytes([4; 16]));
    let mut uses = Uses::default();
    for (number, (aad, text)) in messages.iter().chain(messages.iter().take(1_000)).enumerate() {
        let mut sealed =
            [&[0; record::PREFIX], text.as_slice(), &[0; record::OVERHEAD - record::PREFIX]].concat();
        keys.seal_in_place(&[0; 32], aad, &mut sealed).unwrap();
        uses.add(b"RK", &sealed[..record::PREFIX], number % messages.len(), &sealed);
    }
    uses.print("records");
    assert_eq!((uses.used.len(), uses.repeated), (messages.len(), 0));
}

/// The control: a salt that depends only on the random bytes, and one that omits the length of the associated
/// data.
#[test]
fn weaker_salts_repeat_keys() {
    let messages = messages();
    let (mut random_alone, mut without_length) = (Uses::default(), Uses::default());
    for (number, (aad, text)) in messages.iter().enumerate() {
        let mut salt = [0; 32];
        hmac_sha256(&[7; 32], &[&[0; 32]], &mut salt);
        random_alone.add(&salt, &[0; 12], number, text);
        hmac_sha256(&[7; 32], &[&[0; 32], aad, text], &mut salt);
        without_length.add(&salt, &[0; 12], number, text);
    }
    random_alone.print("control, salt of random bytes alone");
    without_length.print("control, salt without the length of the associated data");
    assert_eq!(random_alone.repeated, messages.len() - 1);
    assert!(without_length.repeated > 1_500, "{}", without_length.repeated);
}
