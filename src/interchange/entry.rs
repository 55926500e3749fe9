//! An entry of a password manager, and the record that it becomes.

use secrecy::SecretString;

use super::field::{Kind, LITERAL};
use super::{Import, LeaveReason, LeftOut, SkipReason, Skipped};
use crate::aws::raw_json::Text;
use crate::aws::time;
use crate::credentials::{MAX_ATTRIBUTES, Name, NewRecord, unix_seconds};

/// More characters than a name may have bytes.
pub(super) const MAX_FOLDER: usize = 1025;

/// An entry as a file has it. A value that is not there is empty: no format tells the two apart.
pub(super) struct Entry<'a> {
    /// Where the file has it.
    pub(super) place: String,
    folder: String,
    pub(super) deleted: bool,
    pub(super) title: Text<'a>,
    pub(super) user_name: Text<'a>,
    pub(super) password: Text<'a>,
    /// Notes, addresses and tags, under the keys of their attributes; and what else the user put there.
    fields: Vec<Field<'a>>,
}

/// A named value of an entry.
struct Field<'a> {
    name: Text<'a>,
    value: Text<'a>,
    /// Why it can be no attribute, if the file says so.
    unfit: Option<LeaveReason>,
}

impl Field<'_> {
    fn kind(&self) -> Kind<'_> {
        Kind::of(&self.name)
    }
}

impl<'a> Entry<'a> {
    pub(super) fn new(place: String) -> Self {
        const EMPTY: Text<'_> = Text::AsItStands("");
        Self {
            place,
            folder: String::new(),
            deleted: false,
            title: EMPTY,
            user_name: EMPTY,
            password: EMPTY,
            fields: Vec::new(),
        }
    }

    /// Says which folder it lies in, and that in which, joined by `/`.
    pub(super) fn lies_in(&mut self, folder: &str) {
        // What is longer than a name makes none, and many entries may lie in one folder.
        self.folder = folder.chars().take(MAX_FOLDER).collect();
    }

    /// Adds a field, if it says anything: columns that only other entries use are empty. Who writes the key of an
    /// attribute out means an empty value.
    pub(super) fn add(&mut self, name: Text<'a>, value: Text<'a>, unfit: Option<LeaveReason>) {
        if !value.is_empty() || name.starts_with(LITERAL) || unfit == Some(LeaveReason::Attachment) {
            self.fields.push(Field { name, value, unfit });
        }
    }
}

/// The key pair, and what else signs with it.
struct Key<'a> {
    id: &'a str,
    secret: &'a str,
    token: Option<&'a str>,
}

impl Entry<'_> {
    /// Adds to an import what this entry comes to.
    pub(super) fn add_to(&self, import: &mut Import) {
        let (place, name) = (self.place.clone(), self.name());
        match self.draft(name.as_ref()) {
            Ok((draft, fields)) => {
                if !fields.is_empty() {
                    import.left_out.push(LeftOut { place, name: draft.name().clone(), fields });
                }
                import.drafts.push(draft);
            }
            Err(reason) => import.skipped.push(Skipped { place, name, reason }),
        }
    }

    fn draft(&self, name: Option<&Name>) -> Result<(NewRecord, Vec<(String, LeaveReason)>), SkipReason> {
        let key = self.key()?;
        let name = name.ok_or(SkipReason::Name)?;
        let secret = SecretString::from(key.secret);
        let draft = match key.token {
            Some(token) => NewRecord::new_session(name, key.id, secret, SecretString::from(token)),
            None => NewRecord::new_static(name, key.id, secret),
        };
        let mut record = Record { draft: draft.map_err(|_| SkipReason::Key)?, len: 0, left_out: Vec::new() };
        self.fill(&mut record, &key);
        Ok((record.draft, record.left_out))
    }

    /// What its record is called. A reference to another entry is no name.
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
        // Beside another user name, the password is that one's.
        let password = Some(&*self.password).filter(|_| user_name.is_empty() || user_name == id);
        let secret = own_secret.or(password).filter(|secret| !secret.is_empty());
        let secret = secret.ok_or(SkipReason::NoSecret)?;
        let parts = [id, secret, token.unwrap_or_default(), &*self.title];
        if parts.into_iter().any(is_reference) {
            return Err(SkipReason::Reference);
        }
        Ok(Key { id, secret, token })
    }

    /// The one value that is of this kind, if there is any.
    fn only(&self, kind: Kind<'_>) -> Result<Option<&str>, SkipReason> {
        let mut values = self.fields.iter().filter(|field| field.kind() == kind && !field.value.is_empty());
        let first = values.next().map(|field| &*field.value);
        match values.all(|other| Some(&*other.value) == first) {
            true => Ok(first),
            false => Err(SkipReason::Ambiguous),
        }
    }

    /// Expiry and attributes, out of whatever of the entry is not its key.
    fn fill(&self, record: &mut Record, key: &Key<'_>) {
        let user_name = self.user_name.trim();
        if !user_name.is_empty() && user_name != key.id {
            record.set("user_name", user_name);
        }
        if !self.password.is_empty() && *self.password != *key.secret {
            record.leave("password", LeaveReason::Secret);
        }
        for field in &self.fields {
            if let Some(reason @ LeaveReason::Attachment) = field.unfit {
                record.leave(&field.name, reason);
                continue;
            }
            let attribute = match field.kind() {
                Kind::AccessKeyId | Kind::SecretAccessKey | Kind::SessionToken => continue,
                Kind::Expires if record.expire(&field.value) => continue,
                Kind::Expires => field.name.trim(), // something else that ends
                Kind::Attribute(key) => key,
                Kind::Secret => {
                    record.leave(&field.name, LeaveReason::Secret);
                    continue;
                }
            };
            match field.unfit {
                Some(reason) => record.leave(attribute, reason),
                None => record.set(attribute, &field.value),
            }
        }
    }
}

/// A draft that is being filled.
struct Record {
    draft: NewRecord,
    /// How many bytes its attributes take in a vault, but for their number (`docs/format.md`, section 4).
    len: usize,
    left_out: Vec<(String, LeaveReason)>,
}

impl Record {
    fn leave(&mut self, field: &str, reason: LeaveReason) {
        self.left_out.push((field.into(), reason));
    }

    /// Sets the expiry, unless it is no time, or there is another already.
    fn expire(&mut self, text: &str) -> bool {
        let Some(seconds) = time::parse(text.trim()).map(unix_seconds) else { return false };
        *self.draft.expires.get_or_insert(seconds) == seconds
    }

    fn set(&mut self, key: &str, value: &str) {
        let len = self.len + encoded_len(key) + encoded_len(value);
        let attributes = &mut self.draft.attributes;
        let flaw = if is_reference(value) {
            LeaveReason::Reference
        } else if attributes.get(key).is_some() {
            LeaveReason::Repeated
        } else if len_of_number(attributes.len() + 1) + len > MAX_ATTRIBUTES {
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

/// How many bytes a number takes that is no greater than a file is long (`docs/format.md`, section 4).
fn len_of_number(number: usize) -> usize {
    match number {
        0..=250 => 1,
        251..=0xffff => 3,
        _ => 5,
    }
}

/// Whether a user name is an access key id. AWS's form of these is `[\w]+`, 16 to 128 characters long ([IAM, AccessKey]);
/// what it gives out are capitals and digits, and only few logins to web sites are.
///
/// [IAM, AccessKey]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html
pub(super) fn looks_like_a_key_id(user_name: &str) -> bool {
    (16..=128).contains(&user_name.len())
        && user_name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Whether KeePass takes a text, or a part of it, for the field of another entry ([field references]).
///
/// [field references]: https://keepass.info/help/base/fieldrefs.html
pub(super) fn is_reference(text: &str) -> bool {
    const BEGIN: &[u8] = b"{REF:";
    text.as_bytes().windows(BEGIN.len()).any(|window| window.eq_ignore_ascii_case(BEGIN))
}
