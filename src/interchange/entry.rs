//! An entry of a password manager, and the record that it becomes. The text of the parent module has the rules.

pub(super) mod field;
pub(super) mod table;

use secrecy::SecretString;

use self::field::{Kind, LITERAL};
use super::import::{Import, LeaveReason, LeftOut, SkipReason, Skipped};
use super::text::value::Text;
use crate::credentials::{MAX_ATTRIBUTES, Name, NewRecord, rfc3339, unix_seconds};

/// The limit for the names of folders together, in characters: more than the name of a record can have bytes.
pub(super) const MAX_FOLDER: usize = 1025;

/// An entry of a file. A missing value is empty, because no format distinguishes the two.
pub(super) struct Entry<'a> {
    /// The position of the entry in the file.
    position: String,
    folder: String,
    pub(super) deleted: bool,
    pub(super) title: Text<'a>,
    pub(super) user_name: Text<'a>,
    pub(super) password: Text<'a>,
    /// Notes, addresses and tags, under the keys of their attributes, and the user's own fields.
    fields: Vec<Field<'a>>,
}

/// A named value of an entry.
struct Field<'a> {
    name: Text<'a>,
    value: Text<'a>,
    /// Why the field cannot be an attribute, if the file says so.
    unfit: Option<LeaveReason>,
}

impl Field<'_> {
    fn kind(&self) -> Kind<'_> {
        Kind::of(&self.name)
    }
}

impl<'a> Entry<'a> {
    /// Returns an empty entry.
    pub(super) fn new(position: String) -> Self {
        const EMPTY: Text<'_> = Text::Borrowed("");
        Self {
            position,
            folder: String::new(),
            deleted: false,
            title: EMPTY,
            user_name: EMPTY,
            password: EMPTY,
            fields: Vec::new(),
        }
    }

    /// Sets the names of the folders that contain the entry, joined by `/`.
    pub(super) fn set_folder(&mut self, folder: &str) {
        // A longer text cannot be a part of a name, and would be copied for each entry in the folder.
        self.folder = folder.chars().take(MAX_FOLDER).collect();
    }

    /// Adds a field. An empty one is ignored, because a table has empty columns for the fields of other entries. A field
    /// `attribute:KEY` is kept, because there an empty value is intended.
    pub(super) fn add(&mut self, name: Text<'a>, value: Text<'a>, unfit: Option<LeaveReason>) {
        if !value.is_empty() || name.starts_with(LITERAL) || unfit == Some(LeaveReason::Attachment) {
            self.fields.push(Field { name, value, unfit });
        }
    }
}

/// The key pair, and the session token.
struct Key<'a> {
    id: &'a str,
    secret: &'a str,
    token: Option<&'a str>,
}

impl Entry<'_> {
    /// Adds the record of the entry to an import, or reports why it does not become one.
    pub(super) fn add_to(&self, import: &mut Import) {
        let (position, name) = (self.position.clone(), self.name());
        match self.record(name.as_ref()) {
            Ok((record, fields)) => {
                if !fields.is_empty() {
                    import.left_out.push(LeftOut { position, name: record.name().clone(), fields });
                }
                import.records.push(record);
            }
            Err(reason) => {
                let name = name.map(|name| name.to_string());
                import.skipped.push(Skipped { name, position: Some(position), reason });
            }
        }
    }

    fn record(&self, name: Option<&Name>) -> Result<(NewRecord, Vec<(String, LeaveReason)>), SkipReason> {
        let key = self.key()?;
        let name = name.ok_or(SkipReason::Name)?;
        let secret = SecretString::from(key.secret);
        let record = match key.token {
            Some(token) => NewRecord::new_session(name, key.id, secret, SecretString::from(token)),
            None => NewRecord::new_static(name, key.id, secret),
        };
        let record = record.map_err(|_| SkipReason::Key)?;
        let mut filling = Filling { record, len: 0, left_out: Vec::new() };
        self.fill(&mut filling, &key);
        Ok((filling.record, filling.left_out))
    }

    /// Returns the name of the record, unless it would break a rule for names.
    fn name(&self) -> Option<Name> {
        let title = self.title.trim();
        let name = if self.folder.is_empty() {
            Name::new(title)
        } else {
            Name::new(format!("{}/{title}", self.folder.trim_start()))
        };
        name.ok().filter(|_| !title.is_empty())
    }

    fn key(&self) -> Result<Key<'_>, SkipReason> {
        if self.deleted {
            return Err(SkipReason::Deleted);
        }
        let own_id = self.only(Kind::AccessKeyId)?.map(str::trim);
        let own_secret = self.only(Kind::SecretAccessKey)?;
        let token = self.only(Kind::SessionToken)?;
        let user_name = self.user_name.trim();
        let id = match own_id {
            Some(id) => id,
            None if is_reference(user_name) => return Err(SkipReason::Reference),
            None if looks_like_a_key_id(user_name) => user_name,
            None => return Err(SkipReason::NoKey),
        };
        // The password belongs to the user name, which can be another one than the id.
        let password = Some(&*self.password).filter(|_| user_name.is_empty() || user_name == id);
        let secret = own_secret.or(password).filter(|secret| !secret.is_empty());
        let secret = secret.ok_or(SkipReason::NoSecret)?;
        let parts = [id, secret, token.unwrap_or_default(), &*self.title];
        if parts.into_iter().any(is_reference) {
            return Err(SkipReason::Reference);
        }
        Ok(Key { id, secret, token })
    }

    /// Returns the value of the fields of this kind, which must all have the same.
    fn only(&self, kind: Kind<'_>) -> Result<Option<&str>, SkipReason> {
        let mut values = self.fields.iter().filter(|field| field.kind() == kind && !field.value.is_empty());
        let first = values.next().map(|field| &*field.value);
        match values.all(|other| Some(&*other.value) == first) {
            true => Ok(first),
            false => Err(SkipReason::Ambiguous),
        }
    }

    /// Sets the expiry and the attributes from everything that is not a part of the key.
    fn fill(&self, filling: &mut Filling, key: &Key<'_>) {
        let user_name = self.user_name.trim();
        if !user_name.is_empty() && user_name != key.id {
            filling.set("user_name", user_name);
        }
        if !self.password.is_empty() && *self.password != *key.secret {
            filling.leave("password", LeaveReason::Secret);
        }
        for field in &self.fields {
            if let Some(reason @ LeaveReason::Attachment) = field.unfit {
                filling.leave(&field.name, reason);
                continue;
            }
            let attribute = match field.kind() {
                Kind::AccessKeyId | Kind::SecretAccessKey | Kind::SessionToken => continue,
                Kind::Expires if filling.expire(&field.value) => continue,
                Kind::Expires => field.name.trim(), // not the expiry of a session
                Kind::Attribute(key) => key,
                Kind::Secret => {
                    filling.leave(&field.name, LeaveReason::Secret);
                    continue;
                }
            };
            match field.unfit {
                Some(reason) => filling.leave(attribute, reason),
                None => filling.set(attribute, &field.value),
            }
        }
    }
}

/// A record whose attributes are being set.
struct Filling {
    record: NewRecord,
    /// The number of bytes that the attributes take in a vault, without their count (`docs/format.md`, section 4).
    len: usize,
    left_out: Vec<(String, LeaveReason)>,
}

impl Filling {
    fn leave(&mut self, field: &str, reason: LeaveReason) {
        self.left_out.push((field.into(), reason));
    }

    /// Sets the expiry and returns true, unless the text is not a time or the record has another expiry already.
    fn expire(&mut self, text: &str) -> bool {
        let Some(seconds) = rfc3339::parse(text.trim()).map(unix_seconds) else { return false };
        *self.record.expires.get_or_insert(seconds) == seconds
    }

    fn set(&mut self, key: &str, value: &str) {
        let len = self.len + encoded_len(key) + encoded_len(value);
        let attributes = &mut self.record.attributes;
        let flaw = if is_reference(value) {
            LeaveReason::Reference
        } else if attributes.get(key).is_some() {
            LeaveReason::Repeated
        } else if len_of_number(attributes.iter().len() + 1) + len > MAX_ATTRIBUTES {
            LeaveReason::TooLong
        } else if attributes.set(key, value).is_err() {
            LeaveReason::Name
        } else {
            self.len = len;
            return;
        };
        self.leave(key, flaw);
    }
}

fn encoded_len(text: &str) -> usize {
    len_of_number(text.len()) + text.len()
}

/// Returns the number of bytes that a number takes in a vault (`docs/format.md`, section 4). The number is not greater
/// than the length of a file.
fn len_of_number(number: usize) -> usize {
    match number {
        0..=250 => 1,
        251..=0xffff => 3,
        _ => 5,
    }
}

/// Tells whether a user name looks like an access key id. AWS's pattern is `[\w]+`, 16 to 128 characters ([IAM,
/// AccessKey]). Every id that AWS issues consists of capital letters and digits, and few logins to web sites do.
///
/// [IAM, AccessKey]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html
pub(super) fn looks_like_a_key_id(user_name: &str) -> bool {
    (16..=128).contains(&user_name.len())
        && user_name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Tells whether KeePass would read a part of the text as a reference to another entry ([field references]).
///
/// [field references]: https://keepass.info/help/base/fieldrefs.html
pub(super) fn is_reference(text: &str) -> bool {
    const BEGIN: &[u8] = b"{REF:";
    text.as_bytes().windows(BEGIN.len()).any(|window| window.eq_ignore_ascii_case(BEGIN))
}
