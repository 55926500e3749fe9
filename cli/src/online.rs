//! Calls to AWS: who a key is, and the keys that its user has.

mod client;
mod refusal;

use std::time::{Duration, SystemTime};

use aumbry::{Credentials, SecretString};
use aws_sdk_iam::config::BehaviorVersion;
use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::config::timeout::TimeoutConfig;
use aws_sdk_iam::types::StatusType;

use self::client::{Service, http_client, keys};
pub(crate) use self::refusal::Refusal;
use self::refusal::plain;
use crate::failure::{Failure, Outcome};

/// For one attempt, and for a call with all its attempts.
const ATTEMPT: Duration = Duration::from_secs(15);
const CALL: Duration = Duration::from_secs(45);

/// A user has two keys at most; AWS may tell of them in parts.
const MOST_PARTS: usize = 10;

/// IAM, as one pair of keys sees it.
pub(crate) struct Iam {
    runtime: tokio::runtime::Runtime,
    client: aws_sdk_iam::Client,
}

/// One access key of a user.
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) created: Option<SystemTime>,
}

impl Iam {
    /// `endpoint` stands for AWS's own.
    pub(crate) fn new(credentials: &Credentials, endpoint: Option<&str>) -> Outcome<Self> {
        let service = Service::iam(credentials, endpoint)?;
        let mut config = aws_sdk_iam::config::Builder::new()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(service.region)
            .credentials_provider(keys(credentials))
            .http_client(http_client(service.endpoint.as_deref()))
            .timeout_config(timeouts());
        config.set_endpoint_url(service.endpoint);
        Ok(Self { runtime: runtime()?, client: aws_sdk_iam::Client::from_conf(config.build()) })
    }

    /// The access keys of the user whose keys sign: all of them, in however many parts AWS says it.
    pub(crate) fn keys(&self) -> Result<Vec<AccessKey>, Refusal> {
        const CALL: &str = "ListAccessKeys";
        let (mut all, mut marker) = (Vec::new(), None);
        for _ in 0..MOST_PARTS {
            let call = self.client.list_access_keys().set_marker(marker.take());
            let answer = self.runtime.block_on(call.send()).map_err(|error| Refusal::of(CALL, &error))?;
            let keys = answer.access_key_metadata().iter().map(|key| {
                let created = key.create_date().and_then(|time| SystemTime::try_from(*time).ok());
                let id = key.access_key_id().filter(|id| is_id(id))?.to_owned();
                Some(AccessKey { id, created })
            });
            let keys: Option<Vec<_>> = keys.collect();
            let keys =
                keys.ok_or_else(|| Refusal::not_understood(CALL, "it lists something that is no key"))?;
            all.extend(keys);
            match (answer.is_truncated(), answer.marker()) {
                (false, _) => return Ok(all),
                (true, Some(next)) => marker = Some(next.to_owned()),
                (true, None) => break,
            }
        }
        Err(Refusal::not_understood(CALL, "the list has no end"))
    }

    /// A new key, whose secret is shown this once. Asked for once: each further attempt could make another key.
    pub(crate) fn create_key(&self) -> Result<(String, SecretString), Refusal> {
        const CALL: &str = "CreateAccessKey";
        let once = aws_sdk_iam::config::Builder::new().retry_config(RetryConfig::disabled());
        let answer =
            self.runtime.block_on(self.client.create_access_key().customize().config_override(once).send());
        let answer = answer.map_err(|error| Refusal::of(CALL, &error))?;
        match answer.access_key() {
            Some(key) if is_id(key.access_key_id()) && !key.secret_access_key().is_empty() => {
                Ok((key.access_key_id().to_owned(), key.secret_access_key().into()))
            }
            _ => Err(Refusal::not_understood(CALL, "it holds no key")),
        }
    }

    /// Whether the key was ever used; `None` if AWS does not say.
    pub(crate) fn was_used(&self, id: &str) -> Option<bool> {
        let answer = self.runtime.block_on(self.client.get_access_key_last_used().access_key_id(id).send());
        answer.ok()?.access_key_last_used().map(|used| used.last_used_date().is_some())
    }

    pub(crate) fn deactivate(&self, id: &str) -> Result<(), Refusal> {
        let call = self.client.update_access_key().access_key_id(id).status(StatusType::Inactive);
        let answer = self.runtime.block_on(call.send());
        answer.map(drop).map_err(|error| Refusal::of("UpdateAccessKey", &error))
    }

    pub(crate) fn delete(&self, id: &str) -> Result<(), Refusal> {
        let answer = self.runtime.block_on(self.client.delete_access_key().access_key_id(id).send());
        answer.map(drop).map_err(|error| Refusal::of("DeleteAccessKey", &error))
    }
}

/// Who a key is.
pub(crate) struct Identity {
    pub(crate) arn: String,
    pub(crate) account: String,
}

/// Asks STS who signs with these credentials. Nobody needs a permission for that.
pub(crate) fn identity(
    credentials: &Credentials,
    endpoint: Option<&str>,
) -> Outcome<Result<Identity, Refusal>> {
    const CALL: &str = "GetCallerIdentity";
    let service = Service::sts(credentials, endpoint)?;
    let mut config = aws_sdk_sts::config::Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(service.region)
        .credentials_provider(keys(credentials))
        .http_client(http_client(service.endpoint.as_deref()))
        .timeout_config(timeouts());
    config.set_endpoint_url(service.endpoint);
    let client = aws_sdk_sts::Client::from_conf(config.build());
    let answer = runtime()?.block_on(client.get_caller_identity().send());
    Ok(answer.map_err(|error| Refusal::of(CALL, &error)).and_then(|answer| {
        match (answer.arn(), answer.account()) {
            (Some(arn), Some(account)) => Ok(Identity { arn: plain(arn), account: plain(account) }),
            _ => Err(Refusal::not_understood(CALL, "it names nobody")),
        }
    }))
}

/// What a key id can be, and a terminal shows as it is.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(CALL).build()
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("could not get ready to call AWS", &error))
}
