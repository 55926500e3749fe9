//! Options of the commands that call AWS.

use clap::Args;

#[cfg(feature = "aws")]
pub(super) const ROTATE_HELP: &str = "Examples:\n  aumbry rotate s3-uploads\n  aumbry rotate s3-uploads --keep-old-key     (running programs go on with the old one)\n  aumbry rotate s3-uploads --resume\n\nThe new key is first saved in the vault. The record gets it only after AWS has accepted it; then the old key is deactivated and deleted. If a rotation is interrupted at any point, one key works, the vault contains it, and --resume continues. An IAM user can have two keys: if there are two already, delete one first. The user needs the permissions iam:ListAccessKeys, iam:CreateAccessKey, iam:UpdateAccessKey and iam:DeleteAccessKey for itself; with iam:GetAccessKeyLastUsed, --resume asks fewer questions about keys that it did not make.";

#[cfg(feature = "aws")]
pub(super) const DOCTOR_HELP: &str = "Examples:\n  aumbry doctor\n  aumbry doctor s3-uploads --online\n\nIt changes nothing, and its exit code is 0 whatever it finds. A vault that cannot be opened is an error, as for every command, but only after everything else is reported. It looks for keys in ~/.aws and the folders below, in the files that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name, and in the environment. With --online it asks AWS whose key the record has (GetCallerIdentity), and says why if AWS refuses it.";

#[cfg(not(feature = "aws"))]
pub(super) const DOCTOR_HELP: &str = "Example:\n  aumbry doctor\n\nIt changes nothing, and its exit code is 0 whatever it finds. A vault that cannot be opened is an error, as for every command, but only after everything else is reported. It looks for keys in ~/.aws and the folders below, in the files that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name, and in the environment.";

#[cfg(feature = "aws")]
#[derive(Args)]
pub(crate) struct Rotate {
    /// The record
    pub(crate) name: String,
    /// Continue an interrupted rotation
    #[arg(long, conflicts_with = "abort")]
    pub(crate) resume: bool,
    /// Give up a rotation that was interrupted before the record got its new key, and delete the new key; or go back to the
    /// old key if the new one was deleted elsewhere
    #[arg(long)]
    pub(crate) abort: bool,
    /// Stop as soon as the record has its new key; run --resume to delete the old one when no program uses it any more
    #[arg(long, conflicts_with = "abort")]
    pub(crate) keep_old_key: bool,
    /// The IAM endpoint to call instead of AWS's own
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_IAM")]
    pub(crate) iam_endpoint: Option<String>,
    /// Do not ask before deleting a key that another program may use
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct Doctor {
    /// Check only this record
    #[cfg(feature = "aws")]
    #[arg(requires = "online")]
    pub(crate) name: Option<String>,
    /// Ask AWS whose key it is; no permission is needed
    #[cfg(feature = "aws")]
    #[arg(long, requires = "name")]
    pub(crate) online: bool,
    /// The STS endpoint to call instead of AWS's own
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_STS")]
    pub(crate) sts_endpoint: Option<String>,
}
