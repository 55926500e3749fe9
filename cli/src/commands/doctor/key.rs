//! Whether AWS accepts the key of a record, and whose it is.

use std::time::SystemTime;

use aumbry::Vault;

use super::super::records::{credentials, rfc3339};
use super::finding::{Finding, under_way};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::online;

const ABOUT: &str = "key";

pub(super) fn findings(
    context: &Context,
    vault: &Vault,
    name: &str,
    endpoint: Option<&str>,
) -> Outcome<Vec<Finding>> {
    let credentials = credentials(vault, name)?;
    let key = match credentials.expires() {
        Some(expires) if expires <= SystemTime::now() => {
            Finding::ill(ABOUT, format!("the session expired at {}", rfc3339(expires)))
        }
        _ => match context.waiting("Asking AWS", || online::identity(&credentials, endpoint))? {
            Ok(identity) => {
                let says = format!(
                    "{} is {} of account {}",
                    credentials.access_key_id(),
                    identity.arn,
                    identity.account
                );
                Finding::well(ABOUT, says)
            }
            Err(refusal) => Finding::ill(ABOUT, Failure::from(refusal).message()),
        },
    };
    let rotation = match vault.rotation(name)? {
        Some(rotation) => under_way(&rotation),
        None => Finding::well("rotation", "none is under way"),
    };
    Ok(vec![key, rotation])
}
