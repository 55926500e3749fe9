//! What can be said about calls to AWS.

use clap::Args;

#[cfg(feature = "aws")]
pub(super) const ROTATE_HELP: &str = "Examples:\n  aumbry rotate s3-uploads\n  aumbry rotate s3-uploads --keep-old-key     (programs that run go on with the old one)\n  aumbry rotate s3-uploads --resume\n\nThe new key is in the vault before anything else happens, and AWS has accepted it before the record gets it; then the old one is deactivated and deleted. Wherever this is cut off, one key works, the vault holds it, and --resume goes on. A user of IAM may have two keys: with two already, one must be deleted first. The user needs to be allowed, for itself, iam:ListAccessKeys, iam:CreateAccessKey, iam:UpdateAccessKey and iam:DeleteAccessKey; with iam:GetAccessKeyLastUsed --resume need not ask whether a key is somebody else's.";

#[cfg(feature = "aws")]
pub(super) const DOCTOR_HELP: &str = "Examples:\n  aumbry doctor\n  aumbry doctor s3-uploads --online\n\nIt changes nothing, and ends with 0 whatever it finds; a vault that cannot be opened at all is the error that it is for every command, once everything else is said. It looks for keys in ~/.aws and all that is below, in the files that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name, and in the environment. With --online it asks AWS whose key the record has (GetCallerIdentity), or says why AWS refuses it.";

#[cfg(not(feature = "aws"))]
pub(super) const DOCTOR_HELP: &str = "Example:\n  aumbry doctor\n\nIt changes nothing, and ends with 0 whatever it finds; a vault that cannot be opened at all is the error that it is for every command, once everything else is said. It looks for keys in ~/.aws and all that is below, in the files that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name, and in the environment.";

#[cfg(feature = "aws")]
#[derive(Args)]
pub(crate) struct Rotate {
    /// The record
    pub(crate) name: String,
    /// Go on with a rotation that was cut off
    #[arg(long, conflicts_with = "abort")]
    pub(crate) resume: bool,
    /// Give up a rotation that was cut off before the record got its new key, and delete that; or go back to the old key,
    /// if the new one was deleted elsewhere
    #[arg(long)]
    pub(crate) abort: bool,
    /// Stop as soon as the record has its new key; --resume deletes the old one, when no program uses it any more
    #[arg(long, conflicts_with = "abort")]
    pub(crate) keep_old_key: bool,
    /// Another IAM than AWS's own
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_IAM")]
    pub(crate) iam_endpoint: Option<String>,
    /// Do not ask before a key is deleted that somebody else may use
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct Doctor {
    /// Look at this record alone
    #[cfg(feature = "aws")]
    #[arg(requires = "online")]
    pub(crate) name: Option<String>,
    /// Ask AWS whose key that is; needs no permission there
    #[cfg(feature = "aws")]
    #[arg(long, requires = "name")]
    pub(crate) online: bool,
    /// Another STS than AWS's own
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_STS")]
    pub(crate) sts_endpoint: Option<String>,
}
