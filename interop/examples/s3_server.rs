//! The S3 server of the tests, for programs to meet: it prints its URL and the keys that it knows, and ends with its
//! stdin.
#![forbid(unsafe_code)]

use std::io::{Read as _, Write as _};

use aumbry_interop::keys::{SESSION, STATIC};
use aumbry_interop::s3_server::S3Server;

fn main() -> std::io::Result<()> {
    let server = S3Server::start(&[STATIC, SESSION])?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", server.endpoint_url())?;
    for (name, key) in [("static", STATIC), ("session", SESSION)] {
        let token = key.token.map(|token| format!(" {token}")).unwrap_or_default();
        writeln!(stdout, "{name} {} {}{token}", key.id, key.secret)?;
    }
    stdout.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
