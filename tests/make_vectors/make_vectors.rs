//! Makes the known-answer vaults in `tests/vectors/`, each named by what is special or wrong about it, and
//! their index. The same program gives the same bytes: `--check` compares instead of writing.
//!
//! `cargo run --example make_vectors --features testing [-- --check]`

mod accepted;
mod edges;
mod encodings;
mod headers;
mod parts;
mod plan;
mod refused;
mod secrets;
mod signatures;

use std::error::Error;
use std::fs;
use std::path::Path;

use plan::Vectors;

fn main() -> Result<(), Box<dyn Error>> {
    let check = std::env::args().any(|argument| argument == "--check");
    let mut vectors = Vectors::default();
    accepted::add(&mut vectors)?;
    refused::header(&mut vectors)?;
    refused::slots(&mut vectors)?;
    refused::signed_parts(&mut vectors)?;
    refused::bodies(&mut vectors)?;
    headers::add(&mut vectors)?;
    signatures::add(&mut vectors)?;
    encodings::add(&mut vectors)?;
    secrets::add(&mut vectors)?;
    edges::add(&mut vectors)?;

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files = vectors.files;
    let index = serde_json::to_string_pretty(&vectors.index)? + "\n";
    files.push(("index.json".into(), index.into_bytes()));
    let mut changed = 0;
    for (name, bytes) in &files {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|found| found == *bytes) {
            continue;
        }
        changed += 1;
        println!("{} {name}", if check { "differs:" } else { "wrote" });
        if !check {
            fs::write(path, bytes)?;
        }
    }
    println!("{} files, {changed} changed", files.len());
    if check && changed > 0 { Err("the vectors are not what this program makes".into()) } else { Ok(()) }
}
