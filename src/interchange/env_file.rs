//! A record as environment variables, and as a file of them: `NAME=VALUE` lines.
//!
//! ```text
//! AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE
//! AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
//! AWS_REGION=eu-central-1
//! AWS_DEFAULT_REGION=eu-central-1
//! ```
//!
//! The names are those of AWS's [settings reference][settings]; `AWS_DEFAULT_REGION` is there for programs that do not
//! read `AWS_REGION`, as boto3.
//!
//! # The grammar
//! There is none that all programs share. [`docker run --env-file`][docker] and Podman take what stands behind `=` as it
//! is, quotes and all. [systemd][systemd] takes quotes and backslashes away. [Docker Compose][compose] also replaces
//! `$NAME`, and a comment may begin inside a line; in Node.js's dotenv it may even begin inside a word. A POSIX shell
//! (`set -a; . ./file`) gives a meaning to most punctuation.
//!
//! So a file that is to be the same to all of them has neither quotes nor escapes, and [`render`] refuses what only
//! they could carry. Keys and tokens of AWS never need them: they are letters, digits and `+/=`.
//!
//! [settings]: https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
//! [docker]: https://docs.docker.com/reference/cli/docker/container/run/#env
//! [compose]: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
//! [systemd]: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=

use secrecy::{ExposeSecret, SecretString};

use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::memory::out_of_memory;

/// What a record sets in the environment of a program that signs with it: the key pair, the session token, its `region`
/// under both of its names, and its `endpoint_url`. What is empty is left out.
pub fn variables(credentials: &Credentials) -> impl Iterator<Item = (&'static str, &str)> + Clone {
    let region = credentials.attribute("region");
    let token = credentials.session_token().map(ExposeSecret::expose_secret);
    [
        ("AWS_ACCESS_KEY_ID", Some(credentials.access_key_id())),
        ("AWS_SECRET_ACCESS_KEY", Some(credentials.secret_access_key().expose_secret())),
        ("AWS_SESSION_TOKEN", token),
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_ENDPOINT_URL", credentials.attribute("endpoint_url")),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
}

/// The text of a file that sets the [`variables`] of a record, a line each.
///
/// The time at which a session expires is not written: no program would read it.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput), naming record, variable and rule, never the value, if a value has
/// anything but ASCII letters, digits and `!%*+,-./:=?@[]^_{}`: programs would read it differently
/// ([the grammar](self#the-grammar)).
///
/// # Security
/// The text holds the secret in clear. It is built in one buffer of its exact size, which is wiped when dropped.
pub fn render(credentials: &Credentials) -> Result<SecretString> {
    let mut len = 0;
    for (name, value) in variables(credentials) {
        if let Some(flaw) = flaw(value) {
            let record = quoted(credentials.name().as_str());
            let message = format!("the record {record} cannot be written to an env file: its {name}: {flaw}");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        len += name.len() + value.len() + "=\n".len();
    }
    let mut text = String::new();
    text.try_reserve_exact(len).map_err(|_| out_of_memory(len))?;
    for (name, value) in variables(credentials) {
        [name, "=", value, "\n"].into_iter().for_each(|part| text.push_str(part));
    }
    Ok(SecretString::from(text))
}

/// What keeps a value from being the same to every program.
fn flaw(value: &str) -> Option<&'static str> {
    value.chars().find_map(|c| match c {
        c if c.is_control() => Some("no line break or other control character may stand in it"),
        c if c.is_whitespace() => Some("no white space may stand in it"),
        c if !c.is_ascii() => Some("no character other than ASCII may stand in it"),
        '"' | '\'' => Some("no quote may stand in it: some programs take it away, others do not"),
        '\\' => Some("no backslash may stand in it: some programs take it away, others do not"),
        '$' | '`' => Some("neither \"$\" nor \"`\" may stand in it: some programs replace what follows"),
        '#' => Some("no \"#\" may stand in it: to some programs it begins a comment"),
        '~' | '&' | '|' | ';' | '<' | '>' | '(' | ')' => {
            Some("none of \"~&|;<>()\" may stand in it: to a shell they mean something else")
        }
        _ => None,
    })
}
