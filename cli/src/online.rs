//! Calls to AWS: whose a key is, and the keys of its user.
//!
//! `service` chooses the endpoint, `client` makes connections, `query` signs, sends and repeats a call, `clock` corrects
//! the time of signatures, `answer` parses what AWS returns, `refusal` says why a call failed.

mod answer;
mod client;
mod clock;
mod query;
mod refusal;
mod service;

use std::time::SystemTime;

use aumbry::{Credentials, SecretString};

use self::query::{Client, Idempotency};
pub(crate) use self::refusal::Refusal;
use self::refusal::plain;
use self::service::Service;
use crate::failure::Outcome;

/// A user has two keys at most, but AWS may list them in several parts.
const MOST_PARTS: usize = 10;

/// IAM, called with one pair of keys.
pub(crate) struct Iam(Client);

/// One access key of a user.
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) created: Option<SystemTime>,
}

impl Iam {
    /// `endpoint` replaces AWS's own.
    pub(crate) fn new(credentials: &Credentials, endpoint: Option<&str>) -> Outcome<Self> {
        Ok(Self(Client::new(Service::iam(credentials, endpoint)?, credentials)?))
    }

    /// All access keys of the user whose keys sign.
    pub(crate) fn keys(&self) -> Result<Vec<AccessKey>, Refusal> {
        const CALL: &str = "ListAccessKeys";
        let mut all = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..MOST_PARTS {
            let parameters: Vec<_> = marker.as_deref().map(|marker| ("Marker", marker)).into_iter().collect();
            let answer = self.0.ask(CALL, &parameters, Idempotency::Repeatable)?;
            let listed = answer.child("AccessKeyMetadata").map(|list| list.children("member"));
            for key in listed.into_iter().flatten() {
                let id = key.text("AccessKeyId").filter(|id| is_id(id));
                let id = id.ok_or_else(|| Refusal::not_understood(CALL, "an entry has no access key id"))?;
                let created = key.text("CreateDate").and_then(aumbry::interchange::time::parse);
                all.push(AccessKey { id: id.to_owned(), created });
            }
            match (answer.text("IsTruncated"), answer.text("Marker")) {
                (Some("true"), Some(next)) => marker = Some(next.to_owned()),
                (Some("true"), None) => break,
                _ => return Ok(all),
            }
        }
        Err(Refusal::not_understood(CALL, "the list has no end"))
    }

    /// Makes a key and returns its id and its secret, which AWS shows only once.
    pub(crate) fn create_key(&self) -> Result<(String, SecretString), Refusal> {
        const CALL: &str = "CreateAccessKey";
        // Each repetition could make another key, and a user may have only two.
        let answer = self.0.ask(CALL, &[], Idempotency::Once)?;
        let key = answer.child("AccessKey");
        let pair = key.and_then(|key| {
            let id = key.text("AccessKeyId").filter(|id| is_id(id))?;
            Some((id.to_owned(), key.text("SecretAccessKey")?.into()))
        });
        pair.ok_or_else(|| Refusal::not_understood(CALL, "it contains no key"))
    }

    /// Whether the key was ever used; `None` if AWS does not say.
    pub(crate) fn was_used(&self, id: &str) -> Option<bool> {
        let answer = self.0.ask("GetAccessKeyLastUsed", &[("AccessKeyId", id)], Idempotency::Repeatable);
        answer.ok()?.child("AccessKeyLastUsed").map(|used| used.text("LastUsedDate").is_some())
    }

    pub(crate) fn deactivate(&self, id: &str) -> Result<(), Refusal> {
        let parameters = [("AccessKeyId", id), ("Status", "Inactive")];
        self.0.send("UpdateAccessKey", &parameters, Idempotency::Repeatable).map(drop)
    }

    pub(crate) fn delete(&self, id: &str) -> Result<(), Refusal> {
        self.0.send("DeleteAccessKey", &[("AccessKeyId", id)], Idempotency::Repeatable).map(drop)
    }
}

/// Whose a key is.
pub(crate) struct Identity {
    pub(crate) arn: String,
    pub(crate) account: String,
}

/// Asks STS whose these credentials are. No permission is needed for that.
pub(crate) fn identity(
    credentials: &Credentials,
    endpoint: Option<&str>,
) -> Outcome<Result<Identity, Refusal>> {
    const CALL: &str = "GetCallerIdentity";
    let sts = Client::new(Service::sts(credentials, endpoint)?, credentials)?;
    Ok(sts.ask(CALL, &[], Idempotency::Repeatable).and_then(|answer| {
        match (answer.text("Arn"), answer.text("Account")) {
            (Some(arn), Some(account)) => Ok(Identity { arn: plain(arn), account: plain(account) }),
            _ => Err(Refusal::not_understood(CALL, "it contains no ARN or no account")),
        }
    }))
}

/// Whether the text can be a key id, and a terminal shows it unchanged.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
