//! An edit: the changes to records that one commit saves together.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::credentials::{
    Attributes, Name, NewRecord, Provider, RecordChange, Secrets, is_reserved_name, now,
};
use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::format::body::{MAX_RECORDS, RecordView, Run, WireRecord, seal_secret};
use crate::memory::{WipedBytes, with_scrubbed_stack};
use crate::vault::handle::Vault;
use crate::vault::lookup::{PlannedFields, Record};
use crate::vault::unlocked::keys::Keys;
use crate::vault::unlocked::snapshot::{Counted, Snapshot, attributes};

/// The changes of one commit. [`Vault::edit`] passes it to its closure.
///
/// The vault changes only after the closure has returned `Ok` and the new revision is saved.
pub struct Edit<'a> {
    vault: &'a Vault,
    base: Arc<Snapshot>,
    pub(in crate::vault) now: i64,
    planned: BTreeMap<Box<str>, Planned>,
    /// Whether the vault may have rotations in progress. Most vaults have none, so that changes need not search for them.
    pub(in crate::vault) may_rotate: bool,
}

/// The planned state of one name.
enum Planned {
    Removed,
    Record(PlannedRecord),
}

pub(in crate::vault) struct PlannedRecord {
    pub(in crate::vault) secret: PlannedSecret,
    pub(in crate::vault) attributes: Attributes,
    pub(in crate::vault) created: i64,
    pub(in crate::vault) updated: i64,
    pub(in crate::vault) expires: Option<i64>,
}

/// Where the sealed secret comes from.
pub(in crate::vault) enum PlannedSecret {
    /// It is sealed again.
    New(Secrets),
    /// Provider, access key id and sealed secret stay those of the saved record of the same name.
    Kept,
}

impl<'a> Edit<'a> {
    pub(in crate::vault) fn new(vault: &'a Vault, base: Arc<Snapshot>) -> Self {
        let may_rotate = !base.reserved_positions().is_empty();
        Self { vault, base, now: now(), planned: BTreeMap::new(), may_rotate }
    }

    pub(in crate::vault) fn is_empty(&self) -> bool {
        self.planned.is_empty()
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) if a record of this name exists.
    pub fn add(&mut self, draft: &NewRecord) -> Result<()> {
        if self.contains(draft.name().as_str()) {
            return Err(name_taken(draft.name()));
        }
        self.put(draft)
    }

    /// Adds a record, or replaces the record of this name.
    ///
    /// The replaced record's creation time stays, except when the new one is a copy (`NewRecord::from(&credentials)`): a
    /// copy brings its own times.
    ///
    /// # Errors
    /// [`Refused`](ErrorKind::Refused) while its keys are being rotated.
    pub fn put(&mut self, draft: &NewRecord) -> Result<()> {
        let name = draft.name().as_str();
        self.check_not_rotating(name)?;
        let created = draft.created.or_else(|| self.state_of(name).map(|record| record.created));
        let record = PlannedRecord {
            secret: PlannedSecret::New(draft.secrets.clone()),
            attributes: draft.attributes.clone(),
            created: created.unwrap_or(self.now),
            updated: draft.updated.unwrap_or(self.now),
            expires: draft.expires,
        };
        self.plan(name, record);
        Ok(())
    }

    /// Copies a record of another vault, with its kind, secret, attributes, expiry and times.
    ///
    /// To replace a record of that name, or to copy it under another name, [`put`](Self::put) a
    /// `NewRecord::from(&credentials)`.
    ///
    /// # Errors
    /// * [`NoSuchRecord`](ErrorKind::NoSuchRecord) if `other` has no record of this name.
    /// * [`AlreadyExists`](ErrorKind::AlreadyExists) if this vault has one.
    /// * [`Locked`](ErrorKind::Locked), [`Damaged`](ErrorKind::Damaged) if the secret cannot be opened.
    pub fn copy_from(&mut self, other: &Vault, name: &str) -> Result<()> {
        match other.get_credentials(name)? {
            Some(credentials) => self.add(&NewRecord::from(&credentials)),
            None => {
                let message = format!("the other vault has no record named {}", quoted(name));
                Err(Error::new(ErrorKind::NoSuchRecord, message))
            }
        }
    }

    /// Changes some fields of a record.
    ///
    /// # Errors
    /// [`NoSuchRecord`](ErrorKind::NoSuchRecord); what makes a field invalid; [`Refused`](ErrorKind::Refused) for a change
    /// of keys while they are being rotated.
    pub fn change(&mut self, name: &str, change: &RecordChange) -> Result<()> {
        let state = self.visible(name)?;
        let mut attributes = state.attributes;
        for (key, value) in &change.attributes {
            match value {
                Some(value) => attributes.set(key, value)?,
                None => attributes.remove(key)?,
            }
        }
        let secret = if change.touches_secret() {
            self.check_not_rotating(name)?;
            PlannedSecret::New(change.applied_to(&self.secrets_of(name)?)?)
        } else {
            match self.planned.remove(name) {
                Some(Planned::Record(record)) => record.secret,
                _ => PlannedSecret::Kept,
            }
        };
        let expires = change.expires.unwrap_or(state.expires);
        let record = PlannedRecord { secret, attributes, created: state.created, updated: self.now, expires };
        self.plan(name, record);
        Ok(())
    }

    /// Gives a record another name.
    ///
    /// # Errors
    /// [`NoSuchRecord`](ErrorKind::NoSuchRecord); [`AlreadyExists`](ErrorKind::AlreadyExists); [`Refused`](ErrorKind::Refused)
    /// while its keys are being rotated.
    pub fn rename(&mut self, old: &str, new: &Name) -> Result<()> {
        let state = self.visible(old)?;
        if old == new.as_str() {
            return Ok(());
        }
        if self.contains(new.as_str()) {
            return Err(name_taken(new));
        }
        self.check_not_rotating(old)?;
        let record = PlannedRecord {
            secret: PlannedSecret::New(self.secrets_of(old)?), // sealed again, because the seal binds it to its name
            attributes: state.attributes,
            created: state.created,
            updated: self.now,
            expires: state.expires,
        };
        self.plan_removal(old);
        self.plan(new.as_str(), record);
        Ok(())
    }

    /// Removes a record.
    ///
    /// # Errors
    /// [`NoSuchRecord`](ErrorKind::NoSuchRecord); [`Refused`](ErrorKind::Refused) while its keys are being rotated.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        if !self.contains(name) {
            return Err(no_such_record(name));
        }
        self.check_not_rotating(name)?;
        self.plan_removal(name);
        Ok(())
    }

    pub(in crate::vault) fn plan(&mut self, name: &str, record: PlannedRecord) {
        self.planned.insert(name.into(), Planned::Record(record));
    }

    pub(in crate::vault) fn plan_removal(&mut self, name: &str) {
        if self.base.find(name).is_some() {
            self.planned.insert(name.into(), Planned::Removed);
        } else {
            self.planned.remove(name); // this edit added it
        }
    }

    /// Returns whether a record of this name exists. Includes the changes made so far by this edit.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        !is_reserved_name(name) && self.holds(name)
    }

    /// As [`contains`](Self::contains), including reserved names.
    fn holds(&self, name: &str) -> bool {
        match self.planned.get(name) {
            Some(planned) => matches!(planned, Planned::Record(_)),
            None => self.base.find(name).is_some(),
        }
    }

    /// Returns what is known of the record of this name, without its secret. Includes the changes made so far by this edit.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Record> {
        if is_reserved_name(name) {
            return None;
        }
        let saved = self.base.find(name);
        match self.planned.get(name) {
            None => saved.map(|offset| Record::new(Counted::new(&self.base), offset)),
            Some(Planned::Removed) => None,
            Some(Planned::Record(record)) => {
                let (provider, access_key_id) = match &record.secret {
                    PlannedSecret::New(secrets) => (secrets.provider(), secrets.access_key_id()),
                    PlannedSecret::Kept => {
                        let old = self.base.record(saved?);
                        (old.provider, old.access_key_id)
                    }
                };
                Some(Record::planned(PlannedFields {
                    name: name.into(),
                    provider,
                    access_key_id: access_key_id.into(),
                    attributes: record.attributes.clone(),
                    created: record.created,
                    updated: record.updated,
                    expires: record.expires,
                }))
            }
        }
    }

    /// Returns what is known of a record, including the changes so far. The name must not be reserved.
    pub(in crate::vault) fn visible(&self, name: &str) -> Result<State> {
        let state = if is_reserved_name(name) { None } else { self.state_of(name) };
        state.ok_or_else(|| no_such_record(name))
    }

    /// Returns what is known of a record, including the changes so far.
    pub(in crate::vault) fn state_of(&self, name: &str) -> Option<State> {
        if !self.holds(name) {
            return None;
        }
        if let Some(Planned::Record(record)) = self.planned.get(name) {
            let attributes = record.attributes.clone();
            return Some(State { attributes, created: record.created, expires: record.expires });
        }
        let record = self.base.record(self.base.find(name)?);
        Some(State { attributes: attributes(&record), created: record.created, expires: record.expires })
    }

    /// Returns the secret of a record, including the changes so far.
    pub(in crate::vault) fn secrets_of(&self, name: &str) -> Result<Secrets> {
        if let Some(Planned::Record(PlannedRecord { secret: PlannedSecret::New(secrets), .. })) =
            self.planned.get(name)
        {
            return Ok(secrets.clone());
        }
        let offset = self.base.find(name).ok_or_else(|| no_such_record(name))?;
        let opened = self.vault.held().unlocked_as(&self.base)?.open_record(offset)?;
        Ok(opened.secrets)
    }

    /// Encodes the records of the next revision. Unchanged records are copied in runs as long as possible.
    pub(in crate::vault) fn encode(&self, keys: &Keys) -> Result<(Vec<Run<'_>>, usize)> {
        let base = &*self.base;
        let mut runs = Vec::new();
        let mut count = base.offsets().len();
        let mut copied = 0; // the position of the first base record that is not in `runs` yet
        for (name, planned) in &self.planned {
            let position = base.position(name);
            runs.push(Run::Kept(base.encoded(copied..position)));
            copied = position;
            let old = base.offsets().get(position).map(|offset| base.record(*offset));
            let old = old.filter(|record| record.name == &**name);
            if old.is_some() {
                copied += 1;
                count -= 1;
            }
            if let Planned::Record(record) = planned {
                runs.push(Run::New(record.encode(base, name, old.as_ref(), keys)?));
                count += 1;
            }
        }
        runs.push(Run::Kept(base.encoded(copied..base.offsets().len())));
        if count > MAX_RECORDS {
            let message =
                format!("the vault would contain {count} records, but the maximum is {MAX_RECORDS}");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok((runs, count))
    }
}

pub(in crate::vault) struct State {
    pub(in crate::vault) attributes: Attributes,
    pub(in crate::vault) created: i64,
    pub(in crate::vault) expires: Option<i64>,
}

impl PlannedRecord {
    fn encode(
        &self,
        base: &Snapshot,
        name: &str,
        old: Option<&RecordView<'_>>,
        keys: &Keys,
    ) -> Result<WipedBytes> {
        let sealed;
        let (provider, access_key_id, secret): (Provider, &str, &[u8]) = match (&self.secret, old) {
            (PlannedSecret::New(secrets), _) => {
                let random = random::make()?;
                sealed = with_scrubbed_stack(|| {
                    seal_secret(&base.header.vault_id, name, secrets, keys.record_keys(), &random)
                })?;
                (secrets.provider(), secrets.access_key_id(), &sealed)
            }
            (PlannedSecret::Kept, Some(old)) => (old.provider, old.access_key_id, old.secret),
            (PlannedSecret::Kept, None) => return Err(no_such_record(name)),
        };
        let record = WireRecord {
            name,
            provider: provider.into(),
            access_key_id,
            attributes: self.attributes.iter().collect(),
            created: self.created,
            updated: self.updated,
            expires: self.expires,
            secret,
        };
        record.encode()
    }
}

impl std::fmt::Debug for Edit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edit").field("changes", &self.planned.len()).finish_non_exhaustive()
    }
}

pub(in crate::vault) fn no_such_record(name: &str) -> Error {
    Error::new(ErrorKind::NoSuchRecord, format!("the vault has no record named {}", quoted(name)))
}

fn name_taken(name: &Name) -> Error {
    let message = format!("the vault already has a record named {}", quoted(name.as_str()));
    Error::new(ErrorKind::AlreadyExists, message)
}
