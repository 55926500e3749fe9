//! Which endpoint a call goes to, and which region its signature names.

use aumbry::Credentials;

use crate::failure::{Failure, Outcome};

/// A partition of AWS: a group of regions with its own domain and one IAM of its own.
struct Partition {
    /// The beginning of the names of its regions.
    prefix: &'static str,
    domain: &'static str,
    iam_host: &'static str,
    iam_region: &'static str,
}

#[rustfmt::skip] // one line for each partition
const PARTITIONS: [Partition; 7] = [
    Partition { prefix: "cn-", domain: "amazonaws.com.cn", iam_host: "iam.cn-north-1.amazonaws.com.cn", iam_region: "cn-north-1" },
    Partition { prefix: "us-gov-", domain: "amazonaws.com", iam_host: "iam.us-gov.amazonaws.com", iam_region: "us-gov-west-1" },
    Partition { prefix: "us-iso-", domain: "c2s.ic.gov", iam_host: "iam.us-iso-east-1.c2s.ic.gov", iam_region: "us-iso-east-1" },
    Partition { prefix: "us-isob-", domain: "sc2s.sgov.gov", iam_host: "iam.us-isob-east-1.sc2s.sgov.gov", iam_region: "us-isob-east-1" },
    Partition { prefix: "us-isof-", domain: "csp.hci.ic.gov", iam_host: "iam.us-isof-south-1.csp.hci.ic.gov", iam_region: "us-isof-south-1" },
    Partition { prefix: "eu-isoe-", domain: "cloud.adc-e.uk", iam_host: "iam.eu-isoe-west-1.cloud.adc-e.uk", iam_region: "eu-isoe-west-1" },
    Partition { prefix: "eusc-", domain: "amazonaws.eu", iam_host: "iam.eusc-de-east-1.amazonaws.eu", iam_region: "eusc-de-east-1" },
];

/// Every other region.
const COMMERCIAL: Partition =
    Partition { prefix: "", domain: "amazonaws.com", iam_host: "iam.amazonaws.com", iam_region: "us-east-1" };

/// A service of AWS with a Query API.
pub(super) struct Service {
    /// As signatures name it.
    pub(super) name: &'static str,
    /// The version of its API.
    pub(super) version: &'static str,
    pub(super) region: String,
    /// Where it is called; ends with a slash.
    pub(super) url: String,
}

impl Service {
    /// The IAM of the record's partition, or the one at `endpoint`.
    pub(super) fn iam(credentials: &Credentials, endpoint: Option<&str>) -> Outcome<Self> {
        let (_, partition) = region(credentials)?;
        let endpoint = chosen(credentials, endpoint, "iam")?;
        let url = endpoint.unwrap_or_else(|| format!("https://{}/", partition.iam_host));
        Ok(Self { name: "iam", version: "2010-05-08", region: partition.iam_region.to_owned(), url })
    }

    /// The STS of the record's region, or the one at `endpoint`.
    pub(super) fn sts(credentials: &Credentials, endpoint: Option<&str>) -> Outcome<Self> {
        let (region, partition) = region(credentials)?;
        let endpoint = chosen(credentials, endpoint, "sts")?;
        let url = endpoint.unwrap_or_else(|| format!("https://sts.{region}.{}/", partition.domain));
        Ok(Self { name: "sts", version: "2011-06-15", region: region.to_owned(), url })
    }
}

/// The region of the record, which becomes part of a host name, and its partition.
fn region(credentials: &Credentials) -> Outcome<(&str, &'static Partition)> {
    let region = credentials.attribute("region").filter(|region| !region.is_empty());
    let region = region.unwrap_or(COMMERCIAL.iam_region);
    if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        let message = format!("invalid region {region:?}: a region consists of letters, digits and hyphens");
        return Err(Failure::usage(message));
    }
    let partition = PARTITIONS.iter().find(|partition| region.starts_with(partition.prefix));
    Ok((region, partition.unwrap_or(&COMMERCIAL)))
}

/// The endpoint that the user named, if any.
fn chosen(credentials: &Credentials, endpoint: Option<&str>, service: &str) -> Outcome<Option<String>> {
    match endpoint.filter(|endpoint| !endpoint.is_empty()) {
        Some(endpoint) => {
            check(endpoint)?;
            Ok(Some(format!("{}/", endpoint.trim_end_matches('/'))))
        }
        // The key may belong to another server or to AWS, and sending it to the wrong one would be a leak.
        None if credentials.attribute("endpoint_url").is_some() => {
            let message = format!(
                "the record {:?} has an endpoint of its own: --{service}-endpoint is needed",
                credentials.name()
            );
            Err(Failure::usage(message)
                .advise(format!("for AWS itself, add --{service}-endpoint https://{service}.amazonaws.com")))
        }
        None => Ok(None),
    }
}

/// The answer contains a new secret in the clear, therefore the connection uses TLS or stays on this machine.
fn check(endpoint: &str) -> Outcome {
    let invalid =
        || Failure::usage(format!("invalid endpoint {endpoint:?}; example: https://iam.amazonaws.com"));
    let uri: http::Uri = endpoint.parse().map_err(|_| invalid())?;
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if uri.host().is_some_and(is_loopback) => Ok(()),
        Some("http") => Err(Failure::usage(format!(
            "invalid endpoint {endpoint:?}: without TLS, secrets would cross the network in the clear"
        ))
        .advise("use an endpoint that begins with https://")),
        _ => Err(invalid()),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
