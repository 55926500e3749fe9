//! What AWS clients are given over HTTP, and what is signed for programs that are none.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Span, SpanRelativeTo};

pub(crate) const SERVE_HELP: &str = "\
Example:
  (umask 077; aumbry serve s3-uploads --passphrase-command 'pass aumbry' > endpoint) &
  (set -a; . ./endpoint; aws s3 ls)

It prints AWS_CONTAINER_CREDENTIALS_FULL_URI, a line for each record, and AWS_CONTAINER_AUTHORIZATION_TOKEN. AWS \
clients that find both in their environment ask there. Whoever has the token gets the records: keep to yourself what is \
printed. A session is given until it ends, any other record for half an hour at a time, so that an edit is picked up.

It ends, with 0, on Ctrl-C, SIGTERM or SIGHUP, or when nobody has asked for the time of --idle-timeout; a client at \
work asks at least every half hour, but one that was given a session not before the session ends.";

pub(crate) const SIGN_HELP: &str = "\
Examples:
  URL=https://uploads.s3.eu-central-1.amazonaws.com/report.txt
  aumbry sign s3-uploads GET $URL | curl -H @- $URL
  aumbry sign s3-uploads PUT $URL --body report.txt | curl -H @- -T report.txt $URL
  aumbry sign s3-uploads GET $URL --presign 1h

The headers are printed a line each, those of --header too, as `curl -H @-` reads them: so a session token stands on no \
command line. AWS accepts them for 15 minutes. Whoever has a presigned URL can make this one request, for the time \
that was asked for; a session's URL ends with the session.";

#[derive(Args)]
pub(crate) struct Serve {
    /// The records
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Where to listen: an address of the loopback, and a port, of which 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
    /// End when nobody has asked for so long
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time)]
    pub(crate) idle_timeout: Duration,
}

#[derive(Args)]
pub(crate) struct Sign {
    /// The record
    pub(crate) name: String,
    /// GET, PUT, or another method
    pub(crate) method: String,
    /// The whole URL, percent-encoded, as it will be asked for
    pub(crate) url: String,
    /// The service, as AWS calls it in signatures
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
    /// Leave the body out of the signature, where it is long or not known yet
    #[arg(long, conflicts_with = "body")]
    pub(crate) unsigned_payload: bool,
    /// Print a URL that is good for so long, up to 7d, instead of headers
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) presign: Option<Duration>,
}

/// `90s`, `15m`, `1h 30m`, `7d`: more than nothing, at most a year.
fn time(text: &str) -> Result<Duration, String> {
    const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);
    let span = text.parse::<Span>().ok();
    span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .filter(|time| (SignedDuration::from_nanos(1)..=YEAR).contains(time))
        .and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "it is no time such as 90s, 15m, 1h or 7d".to_owned())
}
