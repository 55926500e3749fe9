//! Signs for a program that compares: a request as JSON in each line of stdin, what was made of it as JSON in each line of
//! stdout.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::error::Error;
use std::io::BufRead as _;
use std::time::{Duration, UNIX_EPOCH};

use aumbry::aws::{presign, sigv4::Request};
use aumbry::{Credentials, ExposeSecret, aws};
use aumbry_interop::keys::{SESSION, STATIC, draft};
use aumbry_interop::{records, vault};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let drafts = [draft("static", STATIC)?, draft("session", SESSION)?];
    let records = records(&vault()?, &drafts)?;
    let records: HashMap<_, _> = records.iter().map(|record| (record.name(), record)).collect();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let record = records.get(text(&asked, "record")).ok_or("no such record")?;
        println!("{}", signed(record, &asked));
    }
    Ok(())
}

fn signed(record: &Credentials, asked: &Value) -> Value {
    let mut request = Request::new(text(asked, "method"), text(asked, "url"), text(asked, "service"))
        .region(text(asked, "region"))
        .time(UNIX_EPOCH + Duration::from_secs(asked["time"].as_u64().unwrap_or_default()));
    for header in asked["headers"].as_array().into_iter().flatten() {
        request = request.header(text(header, "name"), text(header, "value"));
    }
    request = match asked["body"].as_str() {
        Some(body) => request.body(body.as_bytes()),
        None => request.unsigned_body(),
    };
    match asked["seconds"].as_u64() {
        Some(seconds) => match presign(record, &request, Duration::from_secs(seconds)) {
            Ok(url) => json!({ "url": url.expose_secret() }),
            Err(error) => json!({ "error": error.to_string() }),
        },
        None => match aws::sign(record, &request) {
            Ok(headers) => headers.iter().map(|(name, value)| (*name, value.expose_secret())).collect(),
            Err(error) => json!({ "error": error.to_string() }),
        },
    }
}

fn text<'a>(asked: &'a Value, key: &str) -> &'a str {
    asked[key].as_str().unwrap_or_default()
}
