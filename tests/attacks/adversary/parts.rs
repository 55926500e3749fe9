//! A vault taken apart by a person who has the vault key, altered, and put together again: everything but the signature.

use bincode::config;
use serde::{Deserialize, Serialize};

use crate::adversary::tools::{self, Key, PAYLOAD, Slot};

/// The body as `docs/format.md`, section 4, writes it down.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Body {
    pub(crate) schema: u16,
    pub(crate) records: Vec<Record>,
    pub(crate) people: Vec<Meta>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Record {
    pub(crate) name: String,
    /// The number of an enum is encoded like any other.
    pub(crate) provider: u32,
    pub(crate) access_key_id: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) expires: Option<i64>,
    pub(crate) secret: Vec<u8>,
}

/// What the body says of a slot.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Meta {
    pub(crate) id: [u8; 16],
    pub(crate) label: String,
    pub(crate) created: i64,
    pub(crate) escrow: Vec<u8>,
}

impl Record {
    fn aad(&self, vault_id: &[u8; 16]) -> Vec<u8> {
        let lp = |text: &str| [&u32::try_from(text.len()).unwrap().to_le_bytes(), text.as_bytes()].concat();
        let provider = self.provider.to_le_bytes();
        [vault_id, lp(&self.name).as_slice(), &provider, &lp(&self.access_key_id)].concat()
    }

    /// The secret access key and, for a session, its token. Nothing for another K.
    pub(crate) fn open(&self, key: &Key, vault_id: &[u8; 16]) -> Option<(String, Option<String>)> {
        let plain = tools::open_secret(key, vault_id, &self.aad(vault_id), &self.secret)?;
        let (variant, secret, token) = match plain.first()? {
            0 => {
                let ((variant, secret), _): ((u32, String), _) = decode(&plain);
                (variant, secret, None)
            }
            _ => {
                let ((variant, secret, token), _): ((u32, String, String), _) = decode(&plain);
                (variant, secret, Some(token))
            }
        };
        assert_eq!(variant, self.provider);
        Some((secret, token))
    }

    pub(crate) fn seal(&mut self, key: &Key, vault_id: &[u8; 16], secret: &str, token: Option<&str>) {
        let plain = match token {
            None => encode(&(0_u32, secret)),
            Some(token) => encode(&(1_u32, secret, token)),
        };
        self.secret = tools::seal_secret(key, vault_id, &self.aad(vault_id), &plain);
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, config::standard()).unwrap()
}

fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> (T, usize) {
    bincode::serde::decode_from_slice(bytes, config::standard()).unwrap()
}

type Patch = Box<dyn Fn(&mut Vec<u8>)>;

/// All that a file is made of, to be altered at will.
pub(crate) struct Parts {
    pub(crate) vault_id: [u8; 16],
    pub(crate) generation: u64,
    pub(crate) slots: Vec<Slot>,
    pub(crate) body: Body,
    /// K: seals the payload.
    pub(crate) key: Key,
    /// What is done to length, body and padding before they are sealed.
    pub(crate) plaintext: Option<Patch>,
    /// What is done to the header before its checksum is made and the payload sealed to it.
    pub(crate) header: Option<Patch>,
    /// What is done to the file before it is signed.
    pub(crate) file: Option<Patch>,
}

impl Parts {
    pub(crate) fn take_apart(file: &[u8], key: &Key) -> Self {
        Self::open(file, key).expect("K opens the payload")
    }

    /// Nothing for another K.
    pub(crate) fn open(file: &[u8], key: &Key) -> Option<Self> {
        let n = usize::from(u16::from_le_bytes(file[48..50].try_into().unwrap()));
        let (header, rest) = file.split_at(88 + 176 * n);
        let plain = tools::open(key, PAYLOAD, header, &rest[..rest.len() - 64])?;
        let (body, used) = decode(&plain[8..]);
        assert_eq!(used as u64, u64::from_le_bytes(plain[..8].try_into().unwrap()));
        Some(Self {
            vault_id: file[24..40].try_into().unwrap(),
            generation: u64::from_le_bytes(file[40..48].try_into().unwrap()),
            slots: header[56..56 + 176 * n].chunks(176).map(|slot| slot.try_into().unwrap()).collect(),
            body,
            key: *key,
            plaintext: None,
            header: None,
            file: None,
        })
    }

    /// The file, sealed under K, its header's checksum right, 64 zero bytes where the signature belongs.
    pub(crate) fn put_together(&self) -> Vec<u8> {
        let body = encode(&self.body);
        let mut plain = [&(body.len() as u64).to_le_bytes(), body.as_slice()].concat();
        plain.resize(plain.len().next_multiple_of(1024), 0);
        patch(&self.plaintext, &mut plain);

        let slots = self.slots.concat();
        let len = 88 + slots.len() + 80 + plain.len() + 64;
        let mut header = b"AUMBRY\x1a\n\x01\0\x01\0\0\0\0\0".to_vec();
        header.extend_from_slice(&(len as u64).to_le_bytes());
        header.extend_from_slice(&self.vault_id);
        header.extend_from_slice(&self.generation.to_le_bytes());
        header.extend_from_slice(&u16::try_from(self.slots.len()).unwrap().to_le_bytes());
        header.extend_from_slice(&[0; 6]);
        header.extend_from_slice(&slots);
        patch(&self.header, &mut header);
        header.extend_from_slice(&tools::sha256(&header));

        let payload = tools::seal(&self.key, PAYLOAD, &header, &plain);
        let mut file = [header.as_slice(), &payload, &[0; 64]].concat();
        patch(&self.file, &mut file);
        file
    }

    /// The record of this name.
    pub(crate) fn record(&mut self, name: &str) -> &mut Record {
        self.body.records.iter_mut().find(|record| record.name == name).unwrap()
    }

    /// The secret of a record, sealed again after its record was altered.
    pub(crate) fn reseal(&mut self, name: &str, alter: impl FnOnce(&mut Record)) {
        let (key, vault_id) = (self.key, self.vault_id);
        let record = self.record(name);
        let (secret, token) = record.open(&key, &vault_id).unwrap();
        alter(record);
        record.seal(&key, &vault_id, &secret, token.as_deref());
    }

    /// Every secret sealed again under another K and for another vault.
    pub(crate) fn move_to(&mut self, key: Key, vault_id: [u8; 16]) {
        for record in &mut self.body.records {
            let (secret, token) = record.open(&self.key, &self.vault_id).unwrap();
            record.seal(&key, &vault_id, &secret, token.as_deref());
        }
        (self.key, self.vault_id) = (key, vault_id);
    }

    /// Offset of the slot with this id.
    pub(crate) fn position(&self, id: &[u8; 16]) -> Option<usize> {
        self.slots.iter().position(|slot| slot[16..32] == *id)
    }

    /// Another slot in the place of one, in the header and in the body.
    pub(crate) fn replace_slot(&mut self, position: usize, slot: Slot) {
        self.body.people[position].id = id_of(&slot);
        self.slots[position] = slot;
    }

    pub(crate) fn remove_slot(&mut self, position: usize) {
        self.slots.remove(position);
        self.body.people.remove(position);
    }

    pub(crate) fn add_slot(&mut self, slot: Slot, label: &str) {
        self.slots.push(slot);
        // Only administrators can make an escrow that opens, and only administrators would miss it.
        let meta =
            Meta { id: id_of(&slot), label: label.into(), created: 1_700_000_000, escrow: vec![7; 112] };
        self.body.people.push(meta);
    }
}

fn patch(patch: &Option<Patch>, bytes: &mut Vec<u8>) {
    if let Some(patch) = patch {
        patch(bytes);
    }
}

pub(crate) fn id_of(slot: &Slot) -> [u8; 16] {
    slot[16..32].try_into().unwrap()
}
