//! The body: records ascending by name, each with its secret still sealed, and what is known of people.

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
use crate::memory::{WipedBytes, zeroed};

const SCHEMA: u16 = 1;
pub(crate) const MAX_RECORDS: usize = 4_000_000;
/// No record is shorter: an empty one has seven fields of a byte, a name of one and a seal.
const MIN_RECORD: usize = 8 + record::OVERHEAD;

/// A record as it is encoded. The secret is sealed.
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

/// The secret of one record, before it is sealed and after it was opened.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[cfg_attr(test, derive(Deserialize))]
enum SecretPart<'a> {
    Static { secret_access_key: &'a str },
    Session { secret_access_key: &'a str, session_token: &'a str },
}

impl<'a> SecretPart<'a> {
    /// As bincode would read all of `bytes`, in a fraction of its time: every look-up does it.
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

/// One record as it stands in a decrypted body. Its name and key id are valid UTF-8; its attributes too, once
/// [`scan`] has seen it.
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
    /// The record at the start of `bytes`, and how many bytes it takes.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut reader = Reader::new(bytes);
        let record = Self::read_from(&mut reader)?;
        Some((record, bytes.len() - reader.rest().len()))
    }

    /// The name of the record at the start of `bytes`: all that a look-up compares.
    #[inline]
    pub(crate) fn read_name(bytes: &'a [u8]) -> Option<&'a [u8]> {
        Reader::new(bytes).blob()
    }

    /// Whether the record at the start of `bytes` has this name.
    #[inline]
    pub(crate) fn is_named(bytes: &[u8], name: &[u8]) -> bool {
        match u8::try_from(name.len()) {
            // As nearly all are: the length is one byte, and comparing need not wait until it was read.
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

    /// Keys and values, ascending by key.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut reader = Reader::new(self.attributes);
        let count = reader.count().unwrap_or_default();
        (0..count).map_while(move |_| Some((reader.text()?, reader.text()?)))
    }

    /// Opens this record's secret into types that wipe themselves. The caller scrubs the stack.
    pub(crate) fn open_secret(&self, vault_id: &[u8; 16], keys: &RecordKeys) -> Result<Secrets> {
        let refused = |why: &str| damaged(format!("the secret of {} is damaged: {why}", quoted(self.name)));
        // In one piece, for this is what every look-up does.
        let aad_len = associated_data_len(self.name, self.access_key_id);
        let mut bytes = zeroed(aad_len + self.secret.len())?;
        let (aad, sealed) = bytes.split_at_mut(aad_len);
        write_associated_data(aad, vault_id, self.name, self.provider, self.access_key_id);
        sealed.copy_from_slice(self.secret);
        let plain = keys.open_in_place(aad, sealed).ok_or_else(|| refused("it does not authenticate"))?;
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
            _ => Err(refused("it is another provider's")),
        }
    }
}

/// The fields of a record before they are known to be text: a vault of a hundred thousand is checked when it is opened, and
/// nearly all of its texts are plain ASCII, which is quicker to see than that they are UTF-8.
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

    /// The rules of one record; the order among records is not one of them.
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

    /// Whether the attributes are short enough, all text, and ascend strictly.
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

/// Seals the secret of a record to its name, provider and access key id. The caller scrubs the stack.
pub(crate) fn seal_secret(
    vault_id: &[u8; 16],
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
        // The size first: a buffer that grows leaves its smaller self behind, secret and all.
        let mut sealed = zeroed(encoded_len(&part)? + record::OVERHEAD).ok()?;
        encode_into(&part, sealed.get_mut(record::PREFIX..)?)?;
        keys.seal_in_place(random, &aad, &mut sealed)?;
        Some(sealed)
    };
    match sealed() {
        Some(mut sealed) => Ok(std::mem::take(&mut *sealed)),
        None => Err(damaged(format!("the secret of {} could not be sealed", quoted(name)))),
    }
}

/// `vault id ‖ lp(name) ‖ u32 provider ‖ lp(access key id)`
pub(crate) fn associated_data(
    vault_id: &[u8; 16],
    name: &str,
    provider: Provider,
    access_key_id: &str,
) -> Result<WipedBytes> {
    let mut aad = zeroed(associated_data_len(name, access_key_id))?; // it holds a name, so it is sized once, too
    write_associated_data(&mut aad, vault_id, name, provider, access_key_id);
    Ok(aad)
}

fn associated_data_len(name: &str, access_key_id: &str) -> usize {
    16 + 4 + name.len() + 4 + 4 + access_key_id.len()
}

/// Fills exactly [`associated_data_len`] bytes.
fn write_associated_data(
    mut aad: &mut [u8],
    vault_id: &[u8; 16],
    name: &str,
    provider: Provider,
    access_key_id: &str,
) {
    let (provider, name_len, id_len) = (provider.number().to_le_bytes(), lp_len(name), lp_len(access_key_id));
    let parts: [&[u8]; 6] =
        [vault_id, &name_len, name.as_bytes(), &provider, &id_len, access_key_id.as_bytes()];
    for part in parts {
        let Some((place, rest)) = aad.split_at_mut_checked(part.len()) else { return };
        place.copy_from_slice(part);
        aad = rest;
    }
}

/// The length that stands before a text in `lp(text)`. Both texts are at most 1024 bytes long.
fn lp_len(text: &str) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes()
}

impl WireRecord<'_> {
    /// The encoded record, which is metadata and a sealed secret.
    pub(crate) fn encode(&self) -> Result<WipedBytes> {
        let attributes = encoded_len(&self.attributes).unwrap_or(usize::MAX);
        if attributes > MAX_ATTRIBUTES {
            let message = format!(
                "the attributes of {} take {attributes} bytes, at most {MAX_ATTRIBUTES} are allowed",
                quoted(self.name)
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let mut bytes = zeroed(encoded_len(self).unwrap_or_default())?;
        match encode_into(self, &mut bytes) {
            Some([]) => Ok(bytes),
            _ => Err(damaged(format!("the record {} could not be encoded", quoted(self.name)))),
        }
    }
}

/// A body that keeps every rule of `docs/format.md`, section 4.
pub(crate) struct Scanned {
    /// Where each record starts in the body, ascending by name.
    pub(crate) records: Vec<u32>,
    /// Where the records end.
    pub(crate) records_end: u32,
    pub(crate) people: Vec<SlotMeta>,
    /// When somebody last changed a record or added a person, in Unix seconds. `None` in a vault without either.
    pub(crate) changed: Option<i64>,
}

/// Finds the records of a body without decoding them one by one, and checks every rule on the way.
pub(crate) fn scan(body: &[u8]) -> Result<Scanned> {
    let malformed = || damaged("the vault is damaged: its body is malformed");
    let mut reader = Reader::new(body);
    let schema = reader.unsigned().ok_or_else(malformed)?;
    if schema != u64::from(SCHEMA) {
        // It is signed, so it is no damage: somebody's program is newer.
        let message = format!(
            "the vault's body has schema {schema}; this program knows schema {SCHEMA}: use a newer one"
        );
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let count = reader.count().ok_or_else(malformed)?;
    if count > MAX_RECORDS || count > body.len() / MIN_RECORD {
        return Err(malformed());
    }
    let mut records = Vec::new();
    crate::memory::reserve_exact(&mut records, count)?;
    let position =
        |reader: &Reader<'_>| u32::try_from(body.len() - reader.rest().len()).map_err(|_| malformed());
    let mut previous = &[][..];
    let mut changed = None;
    for _ in 0..count {
        records.push(position(&reader)?);
        let record = Fields::read_from(&mut reader).ok_or_else(malformed)?;
        record.check().ok_or_else(malformed)?;
        // Names are not empty, so the first one is greater than this.
        if record.name <= previous {
            return Err(damaged("the vault is damaged: its records are not in order"));
        }
        previous = record.name;
        changed = changed.max(Some(record.updated));
    }
    let records_end = position(&reader)?;
    let people = decode_people(reader.rest()).ok_or_else(malformed)?;
    let changed = people.iter().map(|person| Some(person.created)).fold(changed, Option::max);
    Ok(Scanned { records, records_end, people, changed })
}

/// Encoded records one behind the other.
pub(crate) enum Run<'a> {
    /// As they stand in another body.
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

/// A body put together from encoded records, so that the ones that did not change need not be decoded.
pub(crate) struct BodyPlan<'a> {
    /// Ascending by name.
    pub(crate) runs: Vec<Run<'a>>,
    /// How many records the runs hold.
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
                let (place, behind) = rest.split_at_mut_checked(run.len())?;
                place.copy_from_slice(run);
                rest = behind;
            }
            Some(encode_into(&self.wire_people(), rest)?.is_empty())
        };
        match write() {
            Some(true) => Ok(()),
            _ => Err(damaged("the new body could not be encoded")),
        }
    }
}

const _: () = assert!(MAX_FILE <= u32::MAX as u64, "an offset in a body fits in 32 bits");

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
