//! Rotation of a record's keys at AWS, in steps that survive the loss of any answer.
//!
//! During a rotation the vault contains two key pairs: the record's own pair, and the other pair in a record with a
//! reserved name, whose attributes contain the stage of the rotation. So the vault always contains every working key,
//! and after a crash any administrator can continue from that stage. The caller makes the calls to AWS.

use std::time::SystemTime;

use secrecy::SecretString;

use crate::credentials::{Attributes, Credentials, Provider, Secrets, StaticCredentials, system_time};
use crate::crypto::sha256;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::hex::hex;
use crate::vault::commit::edit::{Edit, PlannedRecord, PlannedSecret};
use crate::vault::handle::Vault;
use crate::vault::unlocked::snapshot::{Snapshot, attributes};

const PENDING: &str = "aumbry:pending:";
const OF: &str = "aumbry.of";
const STAGE: &str = "aumbry.stage";
const KEYS_BEFORE: &str = "aumbry.keys-before";
const STARTED: &str = "aumbry.started";

/// How far a rotation has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum RotationStage {
    /// A new key will be made, or was made but the answer was lost. The other pair is a copy of the record's own pair.
    Creating,
    /// The other pair is the new one. It is in the vault but not in use yet.
    Created,
    /// The record contains the new pair, and the other pair is the old one. The next steps deactivate and delete the
    /// old key.
    Swapped,
    /// The old key is inactive at AWS. The next step deletes it.
    Deactivated,
}

impl RotationStage {
    fn as_text(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Created => "created",
            Self::Swapped => "swapped",
            Self::Deactivated => "deactivated",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Creating, Self::Created, Self::Swapped, Self::Deactivated]
            .into_iter()
            .find(|stage| stage.as_text() == text)
    }
}

/// A rotation in progress.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Rotation {
    /// The record whose keys are rotated.
    pub name: String,
    /// How far it has come.
    pub stage: RotationStage,
    /// The access key ids that the IAM user had before the new key was requested.
    pub keys_before: Vec<String>,
    /// When the new key was requested. Whole seconds.
    pub started: SystemTime,
    /// The access key id of the other pair.
    pub other_access_key_id: String,
}

impl Vault {
    /// Returns the rotation of this record, if one is in progress.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn rotation(&self, name: &str) -> Result<Option<Rotation>> {
        let snapshot = self.snapshot()?;
        Ok(snapshot.find(&pending(name)).and_then(|offset| read(&snapshot, offset)))
    }

    /// Returns all rotations in progress, by the names of their records.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn rotations(&self) -> Result<Vec<Rotation>> {
        let snapshot = self.snapshot()?;
        let first = snapshot.position(PENDING);
        let offsets = snapshot.offsets().get(first..).unwrap_or_default().iter();
        let pending = offsets.take_while(|offset| snapshot.record(**offset).name.starts_with(PENDING));
        let mut rotations: Vec<_> = pending.filter_map(|offset| read(&snapshot, *offset)).collect();
        rotations.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rotations)
    }

    /// Returns the other pair of a rotation in progress.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked); [`Damaged`](ErrorKind::Damaged) if its secret was altered.
    pub fn other_credentials(&self, name: &str) -> Result<Option<Credentials>> {
        let held = self.held();
        let unlocked = self.used(&held)?;
        unlocked.snapshot.find(&pending(name)).map(|offset| unlocked.open_record(offset)).transpose()
    }
}

impl Edit<'_> {
    /// Saves the intention to make a new key. Call it before asking AWS for the key.
    ///
    /// # Errors
    /// [`NoSuchRecord`](ErrorKind::NoSuchRecord); [`Refused`](ErrorKind::Refused) if a rotation is in progress, or if the
    /// record is a session, because a session has no key of its own.
    pub fn begin_rotation(&mut self, name: &str, keys_before: &[&str]) -> Result<()> {
        self.visible(name)?;
        self.check_not_rotating(name)?;
        let secrets = self.secrets_of(name)?;
        if secrets.provider() != Provider::Static {
            let message = format!("{} is a session: its keys expire and cannot be rotated", quoted(name));
            return Err(Error::new(ErrorKind::Refused, message));
        }
        let mut attributes = Attributes::default();
        attributes.set_checked(OF, name);
        attributes.set_checked(STAGE, RotationStage::Creating.as_text());
        attributes.set_checked(KEYS_BEFORE, &keys_before.join(","));
        attributes.set_checked(STARTED, &self.now.to_string());
        self.may_rotate = true;
        self.plan_pending(name, secrets, attributes, self.now);
        Ok(())
    }

    /// Stores the new pair in the vault as the other pair.
    ///
    /// # Errors
    /// [`Refused`](ErrorKind::Refused) if the stage is not [`Creating`](RotationStage::Creating);
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the pair breaks a rule.
    pub fn keep_new_key(
        &mut self,
        name: &str,
        access_key_id: &str,
        secret_access_key: impl Into<SecretString>,
    ) -> Result<()> {
        let (attributes, created) = self.pending_at(name, RotationStage::Creating)?;
        let secrets = Secrets::Static(StaticCredentials {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
        });
        secrets.check()?;
        self.plan_pending(name, secrets, at_stage(attributes, RotationStage::Created), created);
        Ok(())
    }

    /// Puts the new pair into the record. The old pair stays in the vault as the other pair until its deletion is known.
    ///
    /// # Errors
    /// [`Refused`](ErrorKind::Refused) if the stage is not [`Created`](RotationStage::Created).
    pub fn swap_keys(&mut self, name: &str) -> Result<()> {
        let (attributes, created) = self.pending_at(name, RotationStage::Created)?;
        let (old, new) = (self.secrets_of(name)?, self.secrets_of(&pending(name))?);
        self.plan_keys(name, new)?;
        self.plan_pending(name, old, at_stage(attributes, RotationStage::Swapped), created);
        Ok(())
    }

    /// Notes that the old key is inactive.
    ///
    /// # Errors
    /// [`Refused`](ErrorKind::Refused) if the stage is not [`Swapped`](RotationStage::Swapped).
    pub fn note_deactivation(&mut self, name: &str) -> Result<()> {
        let (attributes, created) = self.pending_at(name, RotationStage::Swapped)?;
        let old = self.secrets_of(&pending(name))?;
        self.plan_pending(name, old, at_stage(attributes, RotationStage::Deactivated), created);
        Ok(())
    }

    /// Removes the other pair. Call it when its key is known to be deleted or was never made.
    ///
    /// # Errors
    /// [`Refused`](ErrorKind::Refused) if this rotation is no longer in progress or has changed since the caller read it,
    /// because the caller does not know what the other pair is now.
    pub fn end_rotation(&mut self, rotation: &Rotation) -> Result<()> {
        let name = rotation.name.as_str();
        self.check_is(rotation)?;
        self.plan_removal(&pending(name));
        Ok(())
    }

    /// Returns the rotation to the stage [`Creating`](RotationStage::Creating), with the current time. Call it before
    /// asking AWS for another new key, or before deleting the new one. The other pair becomes a copy of the record's
    /// own pair again.
    ///
    /// # Errors
    /// [`Refused`](ErrorKind::Refused) as for [`end_rotation`](Self::end_rotation), or if the record already contains the
    /// new pair.
    pub fn renew_rotation(&mut self, rotation: &Rotation) -> Result<()> {
        let name = rotation.name.as_str();
        self.check_is(rotation)?;
        if rotation.stage > RotationStage::Created {
            return Err(Error::new(ErrorKind::Refused, format!("{} has its new keys already", quoted(name))));
        }
        let (mut attributes, created) = self.pending_at(name, rotation.stage)?;
        attributes.set_checked(STARTED, &self.now.to_string());
        let own = self.secrets_of(name)?;
        self.plan_pending(name, own, at_stage(attributes, RotationStage::Creating), created);
        Ok(())
    }

    /// Puts the old pair back into the record and ends the rotation. Call it when AWS no longer accepts the new pair.
    ///
    /// # Errors
    /// [`Refused`](ErrorKind::Refused) as for [`end_rotation`](Self::end_rotation), or if the record still contains the
    /// old pair.
    pub fn swap_keys_back(&mut self, rotation: &Rotation) -> Result<()> {
        let name = rotation.name.as_str();
        self.check_is(rotation)?;
        if rotation.stage < RotationStage::Swapped {
            return Err(Error::new(ErrorKind::Refused, format!("{} has its old keys", quoted(name))));
        }
        let old = self.secrets_of(&pending(name))?;
        self.plan_keys(name, old)?;
        self.plan_removal(&pending(name));
        Ok(())
    }

    /// Plans the same record with these keys.
    fn plan_keys(&mut self, name: &str, keys: Secrets) -> Result<()> {
        let state = self.visible(name)?;
        let record = PlannedRecord {
            secret: PlannedSecret::New(keys),
            attributes: state.attributes,
            created: state.created,
            updated: self.now,
            expires: state.expires,
        };
        self.plan(name, record);
        Ok(())
    }

    /// Checks that the rotation is still as the caller read it: no other program has continued it or begun another one.
    fn check_is(&self, rotation: &Rotation) -> Result<()> {
        let name = rotation.name.as_str();
        let (attributes, _) = self.pending_at(name, rotation.stage)?;
        let started = attributes.get(STARTED).and_then(|text| text.parse().ok()).map(system_time);
        let other = self.secrets_of(&pending(name))?;
        if started == Some(rotation.started) && other.access_key_id() == rotation.other_access_key_id {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Refused, format!("another rotation of {} is under way", quoted(name))))
    }

    /// # Errors
    /// [`ErrorKind::Refused`] during a rotation, because the rotation depends on the name and the keys of the record.
    pub(super) fn check_not_rotating(&self, name: &str) -> Result<()> {
        if !self.may_rotate || self.state_of(&pending(name)).is_none() {
            return Ok(());
        }
        let message = format!("the keys of {} are being rotated: finish the rotation first", quoted(name));
        Err(Error::new(ErrorKind::Refused, message))
    }

    /// Returns the attributes and the creation time of the pending record if the rotation is at this stage.
    fn pending_at(&self, name: &str, at: RotationStage) -> Result<(Attributes, i64)> {
        let state = self.state_of(&pending(name)).ok_or_else(|| no_such_rotation(name))?;
        let stage = state.attributes.get(STAGE).and_then(RotationStage::parse);
        if stage == Some(at) {
            return Ok((state.attributes, state.created));
        }
        let stage = stage.map_or("unknown", RotationStage::as_text);
        let message = format!("the rotation of {} is at another stage: {stage}", quoted(name));
        Err(Error::new(ErrorKind::Refused, message))
    }

    fn plan_pending(&mut self, name: &str, secrets: Secrets, attributes: Attributes, created: i64) {
        let secret = PlannedSecret::New(secrets);
        let record = PlannedRecord { secret, attributes, created, updated: self.now, expires: None };
        self.plan(&pending(name), record);
    }
}

fn at_stage(mut attributes: Attributes, stage: RotationStage) -> Attributes {
    attributes.set_checked(STAGE, stage.as_text());
    attributes
}

/// Returns the name of the record that contains the other pair. It contains a hash, because the record's own name may
/// be too long to fit.
fn pending(name: &str) -> String {
    format!("{PENDING}{}", hex(&sha256(name.as_bytes())))
}

/// Reads a rotation. `None` if a newer program wrote it in a way that this program does not know.
fn read(snapshot: &Snapshot, offset: u32) -> Option<Rotation> {
    let record = snapshot.record(offset);
    let attributes = attributes(&record);
    let keys = attributes.get(KEYS_BEFORE)?;
    Some(Rotation {
        name: attributes.get(OF)?.to_owned(),
        stage: RotationStage::parse(attributes.get(STAGE)?)?,
        keys_before: keys.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
        started: system_time(attributes.get(STARTED)?.parse().ok()?),
        other_access_key_id: record.access_key_id.to_owned(),
    })
}

fn no_such_rotation(name: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("no rotation of {} is under way", quoted(name)))
}
