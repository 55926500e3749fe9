//! The body: records in ascending order of their names, each with a sealed secret, and the list of people.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::codec::{Reader, encode_into, encoded_len};
use super::people::{SlotMeta, WireSlotMeta, decode_people};
use super::{MAX_FILE, damaged};
use crate::credentials::{
    FIRST_TIME, LAST_TIME, MAX_ACCESS_KEY_ID, MAX_ATTRIBUTES, MAX_NAME, MAX_SECRET_PART, Provider, Secrets,
    SessionCredentials, StaticCredentials, check_name, is_graphic_ascii,
};
use crate::crypto::record::{self, RecordKeys};
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::id::VaultId;
use crate::memory::{WipedBytes, zeroed};

const SCHEMA: u16 = 1;
pub(crate) const MAX_RECORDS: usize = 4_000_000;
/// The minimum length of a record: seven fields of one byte, a name of one byte, and a seal.
const MIN_RECORD: usize = 8 + record::OVERHEAD;

/// A record in its encoded form, with a sealed secret.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct WireRecord<'a> {
    pub(crate) name: &'a str,
    pub(crate) provider: WireProvider,
    pub(crate) access_key_id: &'a str,
    #[serde(borrow)]
    pub(crate) attributes: Vec<(&'a str, &'a str)>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) expires: Option<i64>,
    pub(crate) secret: &'a [u8],
}

/// [`Provider`] with the numbers of the format, which never change.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
pub(crate) enum WireProvider {
    Static,
    Session,
}

impl From<Provider> for WireProvider {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Static => Self::Static,
            Provider::Session => Self::Session,
        }
    }
}

/// The secret of one record, before it is sealed or after it was opened.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[cfg_attr(test, derive(Deserialize))]
enum SecretPart<'a> {
    Static { secret_access_key: &'a str },
    Session { secret_access_key: &'a str, session_token: &'a str },
}

impl<'a> SecretPart<'a> {
    /// Reads exactly what bincode would decode from all of `bytes`, but much faster, because every look-up
    /// does it.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let part = match reader.unsigned()? {
            0 => Self::Static { secret_access_key: reader.text()? },
            1 => Self::Session { secret_access_key: reader.text()?, session_token: reader.text()? },
            _ => return None,
        };
        reader.rest().is_empty().then_some(part)
    }
}

/// One record as it is encoded in a decrypted body. Its name and key id are valid UTF-8, and so are its
/// attributes once [`scan`] has checked them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct RecordView<'a> {
    pub(crate) name: &'a str,
    pub(crate) provider: Provider,
    pub(crate) access_key_id: &'a str,
    attributes: &'a [u8],
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) expires: Option<i64>,
    pub(crate) secret: &'a [u8],
}

impl<'a> RecordView<'a> {
    /// Reads the record at the start of `bytes`. Also returns the length of the record.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut reader = Reader::new(bytes);
        let record = Self::read_from(&mut reader)?;
        Some((record, bytes.len() - reader.rest().len()))
    }

    /// Reads only the name of the record at the start of `bytes`, which is what a look-up compares.
    #[inline]
    pub(crate) fn read_name(bytes: &'a [u8]) -> Option<&'a [u8]> {
        Reader::new(bytes).blob()
    }

    /// Returns whether the record at the start of `bytes` has this name.
    #[inline]
    pub(crate) fn is_named(bytes: &[u8], name: &[u8]) -> bool {
        match u8::try_from(name.len()) {
            // Nearly all names have a length of one byte. Comparing both at once avoids waiting for the
            // decoded length.
            Ok(len @ 0..=250) => {
                bytes.split_first().is_some_and(|(first, rest)| *first == len && rest.starts_with(name))
            }
            _ => RecordView::read_name(bytes) == Some(name),
        }
    }

    fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        let fields = Fields::read_from(reader)?;
        Some(Self {
            name: std::str::from_utf8(fields.name).ok()?,
            provider: fields.provider,
            access_key_id: std::str::from_utf8(fields.access_key_id).ok()?,
            attributes: fields.attributes,
            created: fields.created,
            updated: fields.updated,
            expires: fields.expires,
            secret: fields.secret,
        })
    }

    /// Returns keys and values, ascending by key.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut reader = Reader::new(self.attributes);
        let count = reader.count().unwrap_or_default();
        (0..count).map_while(move |_| Some((reader.text()?, reader.text()?)))
    }

    /// Opens this record's secret into types that are wiped when dropped. The caller scrubs the stack.
    pub(crate) fn open_secret(&self, vault_id: &VaultId, keys: &RecordKeys) -> Result<Secrets> {
        let refused = |why: &str| damaged(format!("the secret of {} is damaged: {why}", quoted(self.name)));
        // One allocation for both: every look-up comes through here.
        let aad_len = associated_data_len(self.name, self.access_key_id);
        let mut bytes = zeroed(aad_len + self.secret.len())?;
        let (aad, sealed) = bytes.split_at_mut(aad_len);
        write_associated_data(aad, vault_id, self.name, self.provider, self.access_key_id);
        sealed.copy_from_slice(self.secret);
        let plain = keys.open_in_place(aad, sealed).ok_or_else(|| refused("its authentication failed"))?;
        let part = SecretPart::read(plain).ok_or_else(|| refused("its encoding is not valid"))?;
        let access_key_id = self.access_key_id.into();
        match (self.provider, part) {
            (Provider::Static, SecretPart::Static { secret_access_key }) => {
                let secret_access_key = SecretString::from(secret_access_key);
                Ok(Secrets::Static(StaticCredentials { access_key_id, secret_access_key }))
            }
            (Provider::Session, SecretPart::Session { secret_access_key, session_token }) => {
                Ok(Secrets::Session(SessionCredentials {
                    access_key_id,
                    secret_access_key: secret_access_key.into(),
                    session_token: session_token.into(),
                }))
            }
            _ => Err(refused("it belongs to another provider")),
        }
    }
}

/// The fields of a record before they are known to be text. Opening a vault checks all its records, and
/// nearly all text is ASCII, which is faster to recognise than UTF-8 in general.
struct Fields<'a> {
    name: &'a [u8],
    provider: Provider,
    access_key_id: &'a [u8],
    attributes: &'a [u8],
    created: i64,
    updated: i64,
    expires: Option<i64>,
    secret: &'a [u8],
}

impl<'a> Fields<'a> {
    #[inline]
    fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            name: reader.blob()?,
            provider: Provider::from_number(reader.unsigned()?)?,
            access_key_id: reader.blob()?,
            attributes: {
                let start = reader.rest();
                for _ in 0..reader.count()? {
                    reader.blob()?;
                    reader.blob()?;
                }
                start.get(..start.len() - reader.rest().len())?
            },
            created: reader.signed()?,
            updated: reader.signed()?,
            expires: reader.option(Reader::signed)?,
            secret: reader.blob()?,
        })
    }

    /// Checks the rules of one record. The caller checks the order of the records.
    #[inline]
    fn check(&self) -> Option<()> {
        let times = [self.created, self.updated, self.expires.unwrap_or_default()];
        let holds = is_name(self.name)
            && is_text(self.access_key_id)
            && self.access_key_id.len() <= MAX_ACCESS_KEY_ID
            && self.check_attributes().is_some()
            && times.iter().all(|time| (FIRST_TIME..=LAST_TIME).contains(time))
            && (record::OVERHEAD..=MAX_SECRET_PART + record::OVERHEAD).contains(&self.secret.len());
        holds.then_some(())
    }

    /// Checks that the attributes are short enough, are valid text, and are in strictly ascending order.
    #[inline]
    fn check_attributes(&self) -> Option<()> {
        let mut reader = Reader::new(self.attributes);
        let mut previous = None;
        for _ in 0..reader.count()? {
            let key = reader.blob()?;
            if !is_text(key) || !is_text(reader.blob()?) || previous.is_some_and(|previous| key <= previous) {
                return None;
            }
            previous = Some(key);
        }
        (self.attributes.len() <= MAX_ATTRIBUTES).then_some(())
    }
}

#[inline]
fn is_text(bytes: &[u8]) -> bool {
    is_graphic_ascii(bytes) || std::str::from_utf8(bytes).is_ok()
}

#[inline]
fn is_name(bytes: &[u8]) -> bool {
    let is_plain = (1..=MAX_NAME).contains(&bytes.len()) && is_graphic_ascii(bytes);
    is_plain || std::str::from_utf8(bytes).is_ok_and(|name| check_name(name).is_ok())
}

/// Seals the secret of a record, bound to its name, provider and access key id. The caller scrubs the stack.
pub(crate) fn seal_secret(
    vault_id: &VaultId,
    name: &str,
    secrets: &Secrets,
    keys: &RecordKeys,
    random: &[u8; 32],
) -> Result<Vec<u8>> {
    let secret_access_key = secrets.secret_access_key().expose_secret();
    let part = match secrets {
        Secrets::Static(_) => SecretPart::Static { secret_access_key },
        Secrets::Session(session) => {
            SecretPart::Session { secret_access_key, session_token: session.session_token().expose_secret() }
        }
    };
    let aad = associated_data(vault_id, name, secrets.provider(), secrets.access_key_id())?;
    let sealed = || -> Option<WipedBytes> {
        // Computes the size first: a growing buffer would leave copies of the secret behind.
        let mut sealed = zeroed(encoded_len(&part)? + record::OVERHEAD).ok()?;
        encode_into(&part, sealed.get_mut(record::PREFIX..)?)?;
        keys.seal_in_place(random, &aad, &mut sealed)?;
        Some(sealed)
    };
    match sealed() {
        Some(mut sealed) => Ok(std::mem::take(&mut *sealed)),
        None => Err(damaged(format!("could not encrypt the secret of {}", quoted(name)))),
    }
}

/// Returns `vault id ‖ lp(name) ‖ u32 provider ‖ lp(access key id)`.
pub(crate) fn associated_data(
    vault_id: &VaultId,
    name: &str,
    provider: Provider,
    access_key_id: &str,
) -> Result<WipedBytes> {
    // Allocated once: it contains a name, and a growing buffer would leave copies of it behind.
    let mut aad = zeroed(associated_data_len(name, access_key_id))?;
    write_associated_data(&mut aad, vault_id, name, provider, access_key_id);
    Ok(aad)
}

fn associated_data_len(name: &str, access_key_id: &str) -> usize {
    16 + 4 + name.len() + 4 + 4 + access_key_id.len()
}

/// Fills exactly [`associated_data_len`] bytes.
fn write_associated_data(
    mut aad: &mut [u8],
    vault_id: &VaultId,
    name: &str,
    provider: Provider,
    access_key_id: &str,
) {
    let (provider, name_len, id_len) = (provider.number().to_le_bytes(), lp_len(name), lp_len(access_key_id));
    let parts: [&[u8]; 6] =
        [vault_id.as_bytes(), &name_len, name.as_bytes(), &provider, &id_len, access_key_id.as_bytes()];
    for part in parts {
        let Some((target, rest)) = aad.split_at_mut_checked(part.len()) else { return };
        target.copy_from_slice(part);
        aad = rest;
    }
}

/// Returns the length that precedes a text in `lp(text)`. Names and key ids are at most 1024 bytes long.
fn lp_len(text: &str) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes()
}

impl WireRecord<'_> {
    /// Returns the encoded record: metadata and the sealed secret.
    pub(crate) fn encode(&self) -> Result<WipedBytes> {
        let attributes = encoded_len(&self.attributes).unwrap_or(usize::MAX);
        if attributes > MAX_ATTRIBUTES {
            let message = format!(
                "invalid attributes of {}: they take {attributes} bytes, but the maximum is {MAX_ATTRIBUTES}",
                quoted(self.name)
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let mut bytes = zeroed(encoded_len(self).unwrap_or_default())?;
        match encode_into(self, &mut bytes) {
            Some([]) => Ok(bytes),
            _ => Err(damaged(format!("could not encode the record {}", quoted(self.name)))),
        }
    }
}

/// The layout of a body that follows every rule of `docs/format.md`, section 4.
pub(crate) struct Scanned {
    /// The offset of each record in the body, ascending by name.
    pub(crate) records: Vec<u32>,
    /// The offset of the end of the last record.
    pub(crate) records_end: u32,
    pub(crate) people: Vec<SlotMeta>,
    /// When a record was last changed or a person last added, in Unix seconds. `None` if there are neither.
    pub(crate) changed: Option<i64>,
}

/// Finds the records of a body without allocating for each of them, and checks every rule on the way.
pub(crate) fn scan(body: &[u8]) -> Result<Scanned> {
    let malformed = || damaged("the vault is damaged: the structure of its body is not valid");
    let mut reader = Reader::new(body);
    // The schema.
    let schema = reader.unsigned().ok_or_else(malformed)?;
    if schema != u64::from(SCHEMA) {
        // The body is signed, so this is not damage: a newer program wrote it.
        let message = format!(
            "the vault's body has schema {schema}, but this program supports only schema {SCHEMA}: use a newer \
             version of the program"
        );
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    // The number of records, checked against the available bytes before memory is reserved for it.
    let count = reader.count().ok_or_else(malformed)?;
    if count > MAX_RECORDS || count > body.len() / MIN_RECORD {
        return Err(malformed());
    }
    let mut records = Vec::new();
    crate::memory::reserve_exact(&mut records, count)?;
    let position =
        |reader: &Reader<'_>| u32::try_from(body.len() - reader.rest().len()).map_err(|_| malformed());
    // The records, in strictly ascending order of their names.
    let mut previous = &[][..];
    let mut changed = None;
    for _ in 0..count {
        records.push(position(&reader)?);
        let record = Fields::read_from(&mut reader).ok_or_else(malformed)?;
        record.check().ok_or_else(malformed)?;
        // Names are not empty, so the first name is greater than the initial value.
        if record.name <= previous {
            return Err(damaged("the vault is damaged: its records are not in order"));
        }
        previous = record.name;
        changed = changed.max(Some(record.updated));
    }
    // The people, who must end exactly where the body ends.
    let records_end = position(&reader)?;
    let people = decode_people(reader.rest()).ok_or_else(malformed)?;
    let changed = people.iter().map(|person| Some(person.created)).fold(changed, Option::max);
    Ok(Scanned { records, records_end, people, changed })
}

/// Consecutive encoded records.
pub(crate) enum Run<'a> {
    /// Unchanged: copied from another body.
    Kept(&'a [u8]),
    New(WipedBytes),
}

impl std::ops::Deref for Run<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Kept(bytes) => bytes,
            Self::New(bytes) => bytes,
        }
    }
}

/// A new body made of encoded records, so that unchanged records need not be decoded.
pub(crate) struct BodyPlan<'a> {
    /// Ascending by name.
    pub(crate) runs: Vec<Run<'a>>,
    /// The number of records in all runs.
    pub(crate) count: usize,
    pub(crate) people: &'a [SlotMeta],
}

impl BodyPlan<'_> {
    fn wire_people(&self) -> Vec<WireSlotMeta<'_>> {
        self.people.iter().map(SlotMeta::wire).collect()
    }

    pub(crate) fn len(&self) -> usize {
        let fixed = encoded_len(&(SCHEMA, self.count as u64, self.wire_people())).unwrap_or_default();
        fixed + self.runs.iter().map(|run| run.len()).sum::<usize>()
    }

    /// Fills exactly [`len`](Self::len) bytes.
    pub(crate) fn write_into(&self, body: &mut [u8]) -> Result<()> {
        let mut write = || -> Option<bool> {
            let mut rest = encode_into(&(SCHEMA, self.count as u64), body)?;
            for run in &self.runs {
                let (target, remaining) = rest.split_at_mut_checked(run.len())?;
                target.copy_from_slice(run);
                rest = remaining;
            }
            Some(encode_into(&self.wire_people(), rest)?.is_empty())
        };
        match write() {
            Some(true) => Ok(()),
            _ => Err(damaged("could not encode the new body")),
        }
    }
}

const _: () = assert!(MAX_FILE <= u32::MAX as u64, "an offset in a body fits in 32 bits");

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
