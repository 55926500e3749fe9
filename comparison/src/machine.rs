//! The machine, the versions and the date of a run.

use std::fs;
use std::process::Command;

use crate::kdf::libsodium_version;

const LOCK: &str = include_str!("../Cargo.lock");

/// The packages whose versions are listed in the report.
const PACKAGES: [&str; 20] = [
    "age",
    "aes-gcm",
    "argon2",
    "argon2-sys",
    "aumbry",
    "bincode",
    "cocoon",
    "hashbrown",
    "iota_stronghold",
    "iota-crypto",
    "keepass",
    "libsodium-sys-stable",
    "rust-argon2",
    "secrets-vault",
    "securestore",
    "serde_json",
    "sha2",
    "stronghold-runtime",
    "stronghold_engine",
    "zeroize",
];

/// Returns the versions of a package in the lock file.
pub fn versions(package: &str) -> String {
    let name = format!("name = \"{package}\"\nversion = \"");
    let found =
        LOCK.match_indices(&name).filter_map(|(at, _)| LOCK.get(at + name.len()..)?.split('"').next());
    found.collect::<Vec<_>>().join(" and ")
}

/// Returns the description of the run as a list in Markdown.
pub fn described(command: &str) -> String {
    let packages: Vec<String> = PACKAGES.iter().map(|name| format!("{name} {}", versions(name))).collect();
    let load = read("/proc/loadavg");
    [
        ("command", command.to_owned()),
        ("date", first_line("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        ("processor", processor()),
        ("cores", std::thread::available_parallelism().map_or_else(|_| unknown(), |cores| cores.to_string())),
        ("memory", line_of("/proc/meminfo", "MemTotal")),
        ("huge pages", read("/sys/kernel/mm/transparent_hugepage/enabled")),
        ("disk", disk()),
        ("kernel", read("/proc/sys/kernel/osrelease")),
        ("load before", load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
        ("aumbry's commit", first_line("git", &["describe", "--always", "--dirty", "--abbrev=10"])),
        ("Rust", first_line("rustc", &["--version"])),
        ("C compiler", first_line("cc", &["--version"])),
        ("crates", packages.join(", ")),
        (
            "C libraries",
            format!("libsodium {}, libargon2 20190702 built here, {}", libsodium_version(), debian()),
        ),
    ]
    .map(|(what, value)| format!("* {what}: {value}\n"))
    .concat()
}

fn processor() -> String {
    line_of("/proc/cpuinfo", "model name")
}

/// Returns the type of the file system that contains this program; files that go to a disk are saved there.
fn disk() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    first_line("stat", &["--file-system", "--format=%T", &program.to_string_lossy()])
}

fn debian() -> String {
    format!(
        "Debian's {}",
        first_line("dpkg-query", &["--show", "--showformat", "${Package} ${Version}", "libargon2-1"])
    )
}

fn line_of(path: &str, key: &str) -> String {
    let text = read(path);
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.split_once(':'));
    value.map_or_else(unknown, |(_, value)| value.trim().to_owned())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| unknown(), |text| text.trim().to_owned())
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let line = output
        .ok()
        .and_then(|output| String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned));
    line.unwrap_or_else(unknown)
}

fn unknown() -> String {
    "unknown".to_owned()
}
