//! Calls of AWS's Query APIs: a signed form is posted, and XML comes back.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use aumbry::aws::{self, sigv4::Request};
use aumbry::{Credentials, ExposeSecret};
use ureq::Agent;
use zeroize::Zeroizing;

use super::answer::Element;
use super::refusal::Refusal;
use super::service::Service;
use super::{client, clock};
use crate::failure::{Failure, Outcome};

/// For one attempt, and for a call with all its attempts.
const ATTEMPT: Duration = Duration::from_secs(15);
const CALL: Duration = Duration::from_secs(45);

const MOST_ATTEMPTS: u32 = 3;
/// The pause before the second attempt; the next one is four times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// An answer of IAM or STS has some kilobytes.
const MOST_BYTES: u64 = 1024 * 1024;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// A service, called with the keys of a record.
pub(super) struct Client {
    service: Service,
    credentials: Credentials,
    agent: Agent,
}

/// Whether AWS may receive a call twice. This is the only rule for repeating.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Idempotency {
    /// Twice has the effect of once.
    Repeatable,
    /// Each time can have an effect: the call is never repeated after AWS may have received it.
    Once,
}

/// A failed attempt.
struct Failed {
    refusal: Refusal,
    hope: Hope,
}

/// What another attempt can achieve.
#[derive(Clone, Copy, PartialEq)]
enum Hope {
    /// Nothing: the answer would be the same.
    None,
    /// The server may have recovered.
    Later,
    /// As `Later`, and AWS has certainly not received the call.
    NotSent,
    /// The time of the signature was wrong, and AWS's time is known now.
    Clock,
}

impl Client {
    pub(super) fn new(service: Service, credentials: &Credentials) -> Outcome<Self> {
        let agent = client::agent(&service.url, ATTEMPT)?;
        Ok(Self { service, credentials: credentials.clone(), agent })
    }

    /// Calls an action and returns its answer's `ACTIONResult`.
    pub(super) fn ask(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
        idempotency: Idempotency,
    ) -> Result<Element, Refusal> {
        let answer = self.send(action, parameters, idempotency)?;
        let root = Element::parse(&answer);
        let result = root.and_then(|root| root.into_child(&format!("{action}Result")));
        result.ok_or_else(|| Refusal::not_understood(action, "HTTP 200 without a result"))
    }

    /// Calls an action, several times if necessary, and returns the body of its answer.
    pub(super) fn send(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
        idempotency: Idempotency,
    ) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let form = form(&[("Action", action), ("Version", self.service.version)], parameters);
        let deadline = Instant::now() + CALL;
        let mut pause = FIRST_PAUSE;
        let mut knew_clock = false;
        for attempt in 1.. {
            let left = deadline.saturating_duration_since(Instant::now());
            let Failed { refusal, hope } = match self.attempt(action, &form, left.min(ATTEMPT)) {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let may_repeat = idempotency == Idempotency::Repeatable || hope == Hope::NotSent;
            let is_late = Instant::now() + pause >= deadline;
            match hope {
                _ if !may_repeat || attempt >= MOST_ATTEMPTS || is_late => return Err(refusal),
                Hope::None => return Err(refusal),
                Hope::Clock if knew_clock => return Err(refusal),
                Hope::Clock => knew_clock = true,
                Hope::Later | Hope::NotSent => {
                    thread::sleep(with_jitter(pause));
                    pause *= 4;
                }
            }
        }
        Err(Refusal::late(action))
    }

    fn attempt(&self, action: &str, form: &str, timeout: Duration) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let signed_at = clock::now();
        let Service { name, region, url, .. } = &self.service;
        let request = Request::new("POST", url, name).region(region).header("content-type", FORM);
        let request = request.body(form.as_bytes()).time(signed_at);
        let signed = aws::sign(&self.credentials, &request)
            .map_err(|error| Failed { refusal: Refusal::Lost(Failure::from(error)), hope: Hope::None })?;
        let mut request = self.agent.post(url).header("content-type", FORM);
        for (header, value) in &signed {
            request = request.header(*header, value.expose_secret());
        }
        let request = request.config().timeout_global(Some(timeout)).build();
        let mut answer = request.send(form.as_bytes()).map_err(|error| no_answer(action, error))?;

        let status = answer.status().as_u16();
        let date = answer.headers().get("date").and_then(|date| date.to_str().ok()).map(str::to_owned);
        let body = answer.body_mut().with_config().limit(MOST_BYTES).read_to_vec();
        let body = body.map(Zeroizing::new).map_err(|error| unreadable(action, status, &error))?;
        match status {
            200..=299 => Ok(body),
            _ => {
                let (refusal, code) = refused(action, status, &body);
                Err(Failed {
                    refusal,
                    hope: hope(status, &code, || clock::learn(date.as_deref(), signed_at)),
                })
            }
        }
    }
}

/// What an error answer says, and its code.
fn refused(action: &str, status: u16, body: &[u8]) -> (Refusal, String) {
    let root = Element::parse(body);
    let error = root.as_ref().and_then(|root| root.child("Errors").unwrap_or(root).child("Error"));
    let code = error.and_then(|error| error.text("Code"));
    let refusal = match (code, status) {
        (Some(code), 400..=499) => {
            Refusal::answered(action, code, error.and_then(|error| error.text("Message")))
        }
        (Some(code), 500..) => Refusal::failed(action, code, status),
        _ => Refusal::not_understood(action, &format!("HTTP {status} without an error code of AWS")),
    };
    (refusal, code.unwrap_or_default().to_owned())
}

fn hope(status: u16, code: &str, clock_differs: impl FnOnce() -> bool) -> Hope {
    // https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    const THROTTLED: [&str; 9] = [
        "BandwidthLimitExceeded",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
    ];
    const SLOW: [&str; 2] = ["RequestTimeout", "RequestTimeoutException"];
    // Some servers say only that the signature does not match.
    const CLOCK: [&str; 6] = [
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    ];
    match (status, code) {
        (429 | 500 | 502 | 503 | 504, _) => Hope::Later,
        (_, code) if THROTTLED.contains(&code) || SLOW.contains(&code) => Hope::Later,
        (_, code) if CLOCK.contains(&code) && clock_differs() => Hope::Clock,
        _ => Hope::None,
    }
}

/// Why there is no answer, and whether AWS may have received the call.
fn no_answer(action: &str, error: ureq::Error) -> Failed {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, InvalidData, NetworkUnreachable};
    use ureq::{Error, Timeout};
    let hope = match &error {
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => Hope::NotSent,
        Error::Io(error) => match error.kind() {
            ConnectionRefused | HostUnreachable | NetworkUnreachable => Hope::NotSent,
            InvalidData => Hope::None, // a certificate that is not trusted, for instance
            _ => Hope::Later,
        },
        Error::Timeout(_) => Hope::Later,
        _ => Hope::None,
    };
    let refusal = match error {
        Error::Timeout(_) => Refusal::late(action),
        Error::Io(error) => Refusal::not_reached(action, &error.to_string()),
        error => Refusal::not_reached(action, &error.to_string()),
    };
    Failed { refusal, hope }
}

/// The answer began, and its body could not be read.
fn unreadable(action: &str, status: u16, error: &ureq::Error) -> Failed {
    match error {
        ureq::Error::Timeout(_) => Failed { refusal: Refusal::late(action), hope: Hope::Later },
        ureq::Error::BodyExceedsLimit(_) => {
            let why = format!("HTTP {status} with a body larger than {MOST_BYTES} bytes");
            Failed { refusal: Refusal::not_understood(action, &why), hope: Hope::None }
        }
        error => {
            let why = format!("HTTP {status} with a body that could not be read: {error}");
            Failed { refusal: Refusal::not_understood(action, &why), hope: Hope::Later }
        }
    }
}

/// Half of the pause to all of it, so that clients that were throttled together do not come back together.
fn with_jitter(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    pause.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

fn form(fixed: &[(&str, &str)], parameters: &[(&str, &str)]) -> String {
    let pairs = fixed.iter().chain(parameters).map(|(name, value)| format!("{name}={}", encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Percent-encoded, except the unreserved characters of RFC 3986, section 2.3.
fn encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
