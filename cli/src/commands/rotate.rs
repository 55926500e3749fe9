//! New keys for a record, in steps of which each is in the vault before the next begins. Wherever it is cut off, the
//! record has a pair that works, the vault holds every pair that may work, and `--resume` goes on.
//!
//! A save that the disk did not confirm stops the rotation. Whichever of the two versions a power cut leaves, the next
//! run goes on from it: the record's pair in it was not touched, and a key whose secret was only in the newer version
//! is an orphan.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use aumbry::{Credentials, Edit, Error, ErrorKind, ExposeSecret, Rotation, RotationStage, Vault};
use serde_json::json;

use super::records::{credentials, rfc3339};
use crate::arguments::online::Rotate;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::online::{AccessKey, Iam, Refusal};

/// As many keys as AWS lets a user have.
const MOST_KEYS: usize = 2;
/// How long a new key may take until all of AWS knows it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How far from the time when a key was asked for AWS may have made it: a call, and clocks that differ a little.
const AT_THAT_TIME: Duration = Duration::from_secs(60);

pub(super) fn rotate(context: &Context, arguments: &Rotate) -> Outcome {
    let vault = context.open_to_write()?;
    let name = arguments.name.as_str();
    credentials(&vault, name)?; // a record that is not there has no rotation either
    let work = Work { context, vault: &vault, name, arguments };
    match (vault.rotation(name)?, arguments.resume, arguments.abort) {
        (None, false, false) => {
            work.begin()?;
            work.go_on(true)
        }
        (Some(_), true, _) => work.go_on(false),
        (Some(rotation), _, true) => work.abort(&rotation),
        (None, ..) => context.done(
            &format!("No rotation of {name} is under way."),
            &json!({ "name": name, "rotated": false }),
        ),
        (Some(rotation), false, false) => {
            let since = rfc3339(rotation.started);
            Err(Failure::conflict(format!("a rotation of {name} is under way since {since}"))
                .advise("go on with --resume, or give it up with --abort"))
        }
    }
}

struct Work<'a> {
    context: &'a Context,
    vault: &'a Vault,
    name: &'a str,
    arguments: &'a Rotate,
}

impl Work<'_> {
    /// IAM, seen by the record's own pair.
    fn own(&self) -> Outcome<Iam> {
        self.iam(&credentials(self.vault, self.name)?)
    }

    fn iam(&self, credentials: &Credentials) -> Outcome<Iam> {
        Iam::new(credentials, self.arguments.iam_endpoint.as_deref())
    }

    /// What was done so far, for people.
    fn say(&self, text: &str) {
        if !self.context.global.json {
            self.context.note(text);
        }
    }

    fn save(&self, step: impl FnMut(&mut Edit<'_>) -> aumbry::Result<()>) -> Outcome {
        self.vault.edit(step).map_err(|error| {
            let advice = format!("no key is lost: when that is mended, {} goes on", self.resume());
            Failure::from(error).advise(advice)
        })
    }

    fn resume(&self) -> String {
        format!("`aumbry rotate {} --resume`", self.name)
    }

    /// Looks whether there is room for a new key, and writes down that one is to be made.
    fn begin(&self) -> Outcome {
        let own = credentials(self.vault, self.name)?;
        if own.session_token().is_some() {
            return Err(Failure::refused(format!(
                "{:?} is a session: its keys expire and cannot be rotated",
                self.name
            )));
        }
        let keys = self.context.waiting("Asking AWS", || self.iam(&own)?.keys().map_err(Failure::from))?;
        if !keys.iter().any(|key| key.id == own.access_key_id()) {
            let message = format!("AWS does not list {} among the keys of its user", own.access_key_id());
            return Err(Failure::aws_refused(message).advise("only a key of an IAM user can be rotated"));
        }
        if keys.len() >= MOST_KEYS {
            let all: Vec<_> = keys.iter().map(described).collect();
            let message = format!(
                "the user already has {} keys, the most that AWS allows: {}",
                keys.len(),
                all.join(", ")
            );
            return Err(Failure::refused(message)
                .advise("delete the one that is not used, in the IAM console, and try again"));
        }
        self.ask_for_others(own.access_key_id())?;
        let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        Ok(self.vault.edit(|edit| match edit.find(self.name) {
            Some(entry) if entry.access_key_id() != own.access_key_id() => {
                Err(Error::new(ErrorKind::Conflict, "another program has replaced the key of the record"))
            }
            _ => edit.begin_rotation(self.name, &ids),
        })?)
    }

    /// Another record with the same key would be left with a key that is deleted.
    fn ask_for_others(&self, id: &str) -> Outcome {
        let others = self.vault.records()?.filter(|entry| entry.access_key_id() == id);
        let others: Vec<_> =
            others.map(|entry| entry.name().to_owned()).filter(|name| name != self.name).collect();
        if others.is_empty() {
            return Ok(());
        }
        let names = others.join(", ");
        self.context
            .confirm(
                self.arguments.yes,
                &format!(
                    "{id} is the key of these records too, which would not work any more: {names}. Go on?"
                ),
            )
            .map_err(|failure| {
                failure.advise(format!("{id} is the key of {names} too: add --yes if these may stop working"))
            })
    }

    /// Continues from the current stage to the end. `is_new` says that this run began the rotation.
    fn go_on(&self, is_new: bool) -> Outcome {
        loop {
            let rotation = self.vault.rotation(self.name)?;
            let rotation = rotation.ok_or_else(|| Failure::conflict("the rotation was ended elsewhere"))?;
            match rotation.stage {
                RotationStage::Creating => self.create(&rotation, is_new)?,
                RotationStage::Created => self.take_up(&rotation)?,
                RotationStage::Swapped if self.arguments.keep_old_key => return self.pause(&rotation),
                RotationStage::Swapped => {
                    if !is_new {
                        self.ask_for_others(&rotation.other_access_key_id)?; // records that were added since
                    }
                    self.deactivate(&rotation)?;
                }
                RotationStage::Deactivated => return self.finish(&rotation),
                stage => {
                    return Err(Failure::unexpected(format!(
                        "a newer aumbry brought the rotation to {stage:?}"
                    )));
                }
            }
        }
    }

    /// A new key, taken into the vault before anything else.
    fn create(&self, rotation: &Rotation, is_new: bool) -> Outcome {
        let own = self.own()?;
        if !is_new {
            // A key may have been made whose secret went with the answer.
            let keys = own.keys()?;
            self.clear_orphans(&own, &keys, rotation)?;
            // What is made now was made at another time than what an earlier run made.
            self.save(|edit| edit.renew_rotation(rotation))?;
        }
        let (id, secret) = match self.context.waiting("Making a key", || own.create_key()) {
            Ok(key) => key,
            Err(Refusal::Answered { failure, .. }) if is_new => {
                self.save(|edit| edit.end_rotation(rotation))?; // nothing was made: nothing is under way
                return Err(failure);
            }
            Err(Refusal::Answered { failure, .. }) => {
                // AWS may not list yet what an earlier call made: the intent stays, and with it the look for orphans.
                return Err(
                    failure.advise(format!("try {} in a minute, or give it up with --abort", self.resume()))
                );
            }
            Err(Refusal::Lost(failure)) => {
                let advice = format!("the key may have been made anyway: {} finds out", self.resume());
                return Err(failure.advise(advice));
            }
        };
        if rotation.keys_before.contains(&id) {
            let why = "it is a key that was there before";
            return Err(Refusal::not_understood("CreateAccessKey", why).into());
        }
        match self.vault.edit(|edit| edit.keep_new_key(self.name, &id, secret.expose_secret())) {
            Ok(()) => {
                self.say(&format!("Made {id}: it is in the vault, beside the old one."));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::DurabilityUnknown => {
                let advice =
                    format!("the new key {id} is in the vault and not in use yet: {} goes on", self.resume());
                Err(Failure::from(error).advise(advice))
            }
            Err(error) => {
                // Its secret is nowhere but here, so the key goes too.
                let advice = match self.delete(&own, &id) {
                    Ok(()) => format!(
                        "the new key {id} was deleted again, and the old one works: when that is mended, {} goes on",
                        self.resume()
                    ),
                    Err(_) => format!(
                        "the old key works; the new one, {id}, is of no use, and {} deletes it",
                        self.resume()
                    ),
                };
                Err(Failure::from(error).advise(advice))
            }
        }
    }

    /// Deletes keys that this rotation made and whose secret is lost. Asks before it deletes a key of unknown origin.
    fn clear_orphans(&self, own: &Iam, keys: &[AccessKey], rotation: &Rotation) -> Outcome {
        for key in keys.iter().filter(|key| !rotation.keys_before.contains(&key.id)) {
            let is_ours = key.created.is_some_and(|created| is_near(created, rotation.started))
                && own.was_used(&key.id) == Some(false);
            if !is_ours {
                let question = format!(
                    "The key {} was not there when the rotation began. This rotation or another program made it. Delete it?",
                    described(key)
                );
                self.context.confirm(self.arguments.yes, &question).map_err(|failure| {
                    failure.advise(format!(
                        "the key {} was not there when the rotation began: add --yes if no other program uses it",
                        described(key)
                    ))
                })?;
            }
            self.delete(own, &key.id)?;
            self.say(&format!("Deleted {}, whose secret was lost on the way.", key.id));
        }
        Ok(())
    }

    /// The new pair becomes the record's, once AWS accepts it.
    fn take_up(&self, rotation: &Rotation) -> Outcome {
        let new = &rotation.other_access_key_id;
        let other = self.vault.other_credentials(self.name)?;
        let other = other.ok_or_else(|| Failure::conflict("the rotation was ended elsewhere"))?;
        let other = self.iam(&other)?;
        let is_listed = || other.keys().map(|keys| keys.iter().any(|key| key.id == *new));
        let accepted = self.patiently(is_listed).and_then(|is_listed| {
            let missing =
                || Refusal::not_understood("ListAccessKeys", "it lists not even the key that signed");
            is_listed.then_some(()).ok_or_else(missing)
        });
        accepted.map_err(|refusal| {
            Failure::from(refusal).advise(format!(
                "the old key works, the new one {new} is in the vault too: {} goes on, or --abort deletes it",
                self.resume()
            ))
        })?;
        self.save(|edit| edit.swap_keys(self.name))?;
        self.say(&format!("{} has the key {new} now, which AWS accepts.", self.name));
        Ok(())
    }

    fn pause(&self, rotation: &Rotation) -> Outcome {
        let old = &rotation.other_access_key_id;
        self.say(&format!("{old} works until {} deletes it.", self.resume()));
        self.report(true, None)
    }

    fn deactivate(&self, rotation: &Rotation) -> Outcome {
        let (own, old) = (self.own()?, &rotation.other_access_key_id);
        match self.patiently(|| own.deactivate(old).map(|()| true)) {
            Err(refusal) if !refusal.is_gone() => return Err(self.later(refusal, old)),
            _ => {}
        }
        self.save(|edit| edit.note_deactivation(self.name))?;
        self.say(&format!("{old} is inactive."));
        Ok(())
    }

    fn finish(&self, rotation: &Rotation) -> Outcome {
        let old = &rotation.other_access_key_id;
        self.delete(&self.own()?, old).map_err(|refusal| self.later(refusal, old))?;
        self.save(|edit| edit.end_rotation(rotation))?;
        self.say(&format!("{old} is deleted."));
        self.report(true, Some(old))
    }

    /// Deletes a key and checks that AWS no longer lists it, because the answer contains nothing that only AWS could say.
    /// A key that does not exist was deleted by a call whose answer was lost, or by another program: that is fine too.
    fn delete(&self, iam: &Iam, id: &str) -> Result<(), Refusal> {
        let gone = self.patiently(|| match iam.delete(id) {
            Err(refusal) if !refusal.is_gone() => Err(refusal),
            _ => Ok(iam.keys()?.iter().all(|key| key.id != id)),
        })?;
        if gone { Ok(()) } else { Err(Refusal::not_understood("DeleteAccessKey", "the key still exists")) }
    }

    fn later(&self, refusal: Refusal, old: &str) -> Failure {
        let advice = if refusal.is_unknown_key() {
            format!(
                "{}'s new key is gone; `aumbry rotate {0} --abort` goes back to the old one, {old}",
                self.name
            )
        } else {
            format!("{} has its new key; {} does away with the old one, {old}", self.name, self.resume())
        };
        Failure::from(refusal).advise(advice)
    }

    /// Calls again while it is not so yet, or AWS does not know the key that signs.
    fn patiently(&self, call: impl Fn() -> Result<bool, Refusal>) -> Result<bool, Refusal> {
        let start = Instant::now();
        let mut pause = Duration::from_millis(250);
        self.context.waiting("Asking AWS", || {
            loop {
                let result = call();
                let is_settled = result.as_ref().map_or_else(|refusal| !refusal.is_unknown_key(), |so| *so);
                if is_settled || start.elapsed() >= PATIENCE {
                    return result;
                }
                thread::sleep(pause);
                pause = (2 * pause).min(Duration::from_secs(8));
            }
        })
    }

    /// Back to the old pair, as long as it is the record's, or the new one is gone.
    fn abort(&self, rotation: &Rotation) -> Outcome {
        let own = self.own()?;
        match (self.context.waiting("Asking AWS", || own.keys()), rotation.stage) {
            (Err(refusal), _) if refusal.is_unknown_key() => return self.abort_without_own(rotation),
            (Err(refusal), _) => return Err(refusal.into()),
            (Ok(keys), RotationStage::Creating) => {
                self.clear_orphans(&own, &keys, rotation)?;
                self.save(|edit| edit.end_rotation(rotation))?;
            }
            (Ok(_), RotationStage::Created) => {
                // First in the vault, so that no other run starts to use the key that is being deleted.
                self.save(|edit| edit.renew_rotation(rotation))?;
                self.delete(&own, &rotation.other_access_key_id)?;
                let renewed = self.vault.rotation(self.name)?;
                let renewed = renewed.ok_or_else(|| Failure::conflict("the rotation was ended elsewhere"))?;
                self.save(|edit| edit.end_rotation(&renewed))?;
            }
            (Ok(_), _) => {
                return Err(Failure::refused(format!("{} has its new key already", self.name))
                    .advise(format!("{} does away with the old one", self.resume())));
            }
        }
        self.given_up()
    }

    /// The record's own key is gone. The other one may be the last that works.
    fn abort_without_own(&self, rotation: &Rotation) -> Outcome {
        if rotation.stage != RotationStage::Creating {
            let other = self.vault.other_credentials(self.name)?;
            let other = other.ok_or_else(|| Failure::conflict("the rotation was ended elsewhere"))?;
            let other = self.iam(&other)?;
            match (self.context.waiting("Asking AWS", || other.keys()), rotation.stage) {
                (Err(refusal), _) if refusal.is_unknown_key() => {}
                (Err(refusal), _) => return Err(refusal.into()),
                (Ok(_), RotationStage::Created) => {
                    let new = &rotation.other_access_key_id;
                    return Err(Failure::refused(format!(
                        "AWS does not accept the old key of {} any more, but the new one, {new}",
                        self.name
                    ))
                    .advise(format!("{} puts it into use", self.resume())));
                }
                (Ok(_), _) => {
                    self.save(|edit| edit.swap_keys_back(rotation))?;
                    return self.given_up();
                }
            }
        }
        self.ask_to_forget(rotation)?;
        self.save(|edit| edit.end_rotation(rotation))?;
        self.given_up()
    }

    fn given_up(&self) -> Outcome {
        let id = credentials(self.vault, self.name)?.access_key_id().to_owned();
        self.say(&format!("The rotation is given up: {} has the key {id}.", self.name));
        self.report(false, None)
    }

    /// AWS accepts neither key, and the user wants to end the rotation.
    fn ask_to_forget(&self, rotation: &Rotation) -> Outcome {
        let own = credentials(self.vault, self.name)?.access_key_id().to_owned();
        let question = match rotation.stage {
            RotationStage::Creating => {
                format!(
                    "AWS does not accept {own}, so it is unknown whether a new key was made. Give up anyway?"
                )
            }
            _ => format!(
                "AWS does not accept {own}, so {} cannot be checked. Give up, and forget the secret of that key?",
                rotation.other_access_key_id
            ),
        };
        self.context
            .confirm(self.arguments.yes, &question)
            .map_err(|failure| failure.advise(format!("add --yes, which says yes to this: {question}")))
    }

    fn report(&self, rotated: bool, deleted: Option<&str>) -> Outcome {
        if !self.context.global.json {
            return Ok(()); // said already
        }
        let id = credentials(self.vault, self.name)?.access_key_id().to_owned();
        let result =
            json!({ "name": self.name, "rotated": rotated, "access_key_id": id, "deleted": deleted });
        self.context.done("", &result)
    }
}

/// Whether a key that AWS made at one time may be the one that was asked for at the other.
fn is_near(created: SystemTime, asked: SystemTime) -> bool {
    let apart = created.duration_since(asked).or_else(|_| asked.duration_since(created));
    apart.is_ok_and(|apart| apart <= AT_THAT_TIME)
}

/// A key and how old it is.
fn described(key: &AccessKey) -> String {
    let Some(created) = key.created else { return key.id.clone() };
    let age = SystemTime::now().duration_since(created).unwrap_or_default().as_secs();
    let (count, unit) = match age {
        0..60 => (age, "second"),
        60..3600 => (age / 60, "minute"),
        3600..86400 => (age / 3600, "hour"),
        _ => (age / 86400, "day"),
    };
    format!("{} ({count} {unit}{} old)", key.id, if count == 1 { "" } else { "s" })
}
