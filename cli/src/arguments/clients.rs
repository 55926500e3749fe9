//! Options of `serve` and `sign`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Span, SpanRelativeTo};

pub(crate) const SERVE_HELP: &str = "\
Example:
  (umask 077; aumbry serve s3-uploads --passphrase-command 'pass aumbry' > endpoint) &
  (set -a; . ./endpoint; aws s3 ls)

It prints AWS_CONTAINER_CREDENTIALS_FULL_URI, a line for each record, and AWS_CONTAINER_AUTHORIZATION_TOKEN. AWS \
clients with both in their environment get their credentials there. The token gives access to the records: keep the \
output secret. Clients may use a session until it ends, and any other record for half an hour, so that they notice an \
edit.

It ends with exit code 0 on Ctrl-C, SIGTERM or SIGHUP, or when no client has asked for the time of --idle-timeout. A \
client asks at least every half hour, or, if it got a session, when the session ends.";

pub(crate) const SIGN_HELP: &str = "\
Examples:
  URL=https://uploads.s3.eu-central-1.amazonaws.com/report.txt
  aumbry sign s3-uploads GET $URL | curl -H @- $URL
  aumbry sign s3-uploads PUT $URL --body report.txt | curl -H @- -T report.txt $URL
  aumbry sign s3-uploads GET $URL --presign 1h

The headers, with those of --header, are printed one per line, as `curl -H @-` reads them, so that a session token is \
never on a command line. AWS accepts them for 15 minutes. A presigned URL allows this one request to anybody who has \
it, for the given time; if the record is a session, at most until the session ends.";

#[derive(Args)]
pub(crate) struct Serve {
    /// The records
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// The loopback address and the port to listen on; port 0 means any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
    /// End when no client has asked for this long
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time)]
    pub(crate) idle_timeout: Duration,
}

#[derive(Args)]
pub(crate) struct Sign {
    /// The record
    pub(crate) name: String,
    /// GET, PUT, or another method
    pub(crate) method: String,
    /// The whole URL, percent-encoded, as it will be requested
    pub(crate) url: String,
    /// The service, as signatures name it
    #[arg(long, default_value = "s3")]
    pub(crate) service: String,
    /// The region [default: that of the record]
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// A header of the request, which is signed too; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// The body of the request; - is stdin [default: none]
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
    /// Leave the body out of the signature, for a body that is long or not known yet
    #[arg(long, conflicts_with = "body")]
    pub(crate) unsigned_payload: bool,
    /// Print a URL that is valid for this long, up to 7d, instead of headers
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) presign: Option<Duration>,
}

/// Parses `90s`, `15m`, `1h 30m` or `7d`: more than zero, at most a year.
fn time(text: &str) -> Result<Duration, String> {
    const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);
    let span = text.parse::<Span>().ok();
    span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .filter(|time| (SignedDuration::from_nanos(1)..=YEAR).contains(time))
        .and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "invalid duration; examples: 90s, 15m, 1h, 7d".to_owned())
}
