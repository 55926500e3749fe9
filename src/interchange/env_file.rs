//! A record as environment variables, and as a file of `NAME=VALUE` lines.
//!
//! ```text
//! AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE
//! AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
//! AWS_REGION=eu-central-1
//! AWS_DEFAULT_REGION=eu-central-1
//! ```
//!
//! The names are those of AWS's [settings reference][settings]. `AWS_DEFAULT_REGION` is for programs that do not read
//! `AWS_REGION`, such as boto3.
//!
//! # The grammar
//! Programs do not share one grammar. [`docker run --env-file`][docker] and Podman take everything after `=` unchanged,
//! including quotes. [systemd][systemd] removes quotes and backslashes. [Docker Compose][compose] also replaces `$NAME`,
//! and a comment can begin inside a line; in Node.js's dotenv it can begin inside a word. In a POSIX shell
//! (`set -a; . ./file`) most punctuation has a meaning.
//!
//! A file that means the same to all of these programs contains neither quotes nor escapes. [`render`] refuses values
//! that need them. AWS's keys and tokens never do: they consist of letters, digits and `+/=`.
//!
//! [settings]: https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
//! [docker]: https://docs.docker.com/reference/cli/docker/container/run/#env
//! [compose]: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
//! [systemd]: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=

use secrecy::{ExposeSecret, SecretString};

use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::memory::out_of_memory;

/// Returns the environment variables for a program that signs with the record: the key pair, the session token, the
/// `region` under both names, and the `endpoint_url`. Empty values are left out.
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

/// Returns the text of a file that sets the [`variables`] of a record, one on each line.
///
/// The expiry of a session is not written, because no program would read it.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput): a value contains a character other than ASCII letters, digits and
/// `!%*+,-./:=?@[]^_{}`, which programs would read differently ([the grammar](self#the-grammar)). The message names the
/// record, the variable and the rule, never the value.
///
/// # Security
/// The text contains the secret in plaintext. It is built in one buffer of its exact size, which is wiped when dropped.
pub fn render(credentials: &Credentials) -> Result<SecretString> {
    let mut len = 0;
    for (name, value) in variables(credentials) {
        if let Some(flaw) = flaw(value) {
            let record = quoted(credentials.name());
            let message = format!("could not write the record {record} to an env file: its {name}: {flaw}");
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

/// Returns the reason why programs would read a value differently.
fn flaw(value: &str) -> Option<&'static str> {
    value.chars().find_map(|c| match c {
        c if c.is_control() => Some("it must not contain a line break or another control character"),
        c if c.is_whitespace() => Some("it must not contain white space"),
        c if !c.is_ascii() => Some("it must contain only ASCII characters"),
        '"' | '\'' => Some("it must not contain a quote, because some programs remove it and others do not"),
        '\\' => Some("it must not contain a backslash, because some programs remove it and others do not"),
        '$' | '`' => {
            Some("it must not contain \"$\" or \"`\", because some programs replace the text after it")
        }
        '#' => Some("it must not contain \"#\", because in some programs it begins a comment"),
        '~' | '&' | '|' | ';' | '<' | '>' | '(' | ')' => {
            Some("it must not contain any of \"~&|;<>()\", because they have a special meaning in a shell")
        }
        _ => None,
    })
}
