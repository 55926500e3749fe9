//! The figures as tables in Markdown, ratios first.

use std::fmt::Write;

use crate::kdf::{Compared, Cost, OTHERS, Times};
use crate::machine;
use crate::rounds::{Figure, Measured};

pub fn stores(all: &[Measured]) -> String {
    let mut text = String::new();
    for same_size in all.chunk_by(|one, next| one.size == next.size) {
        if let [aumbry, ..] = same_size {
            let size = number(aumbry.size);
            let _ = writeln!(text, "\n## {size} records: x aumbry\n");
            text += &ratios(same_size, aumbry);
            let _ = writeln!(text, "\n## {size} records: as measured\n");
            text += &figures(same_size);
        }
    }
    text
}

/// The steps that are compared, by name.
const COMPARED: [(&str, &str); 6] = [
    ("beyond", "unlock beyond the KDF"),
    ("first", "first look-up"),
    ("steady", "look-up"),
    ("save", "save of one change"),
    ("peak", "peak memory"),
    ("bytes", "file"),
];

fn ratios(all: &[Measured], aumbry: &Measured) -> String {
    let titles = COMPARED.iter().map(|(_, title)| (*title).to_owned());
    let first = ["peer", "secrets in memory", "signed"].map(str::to_owned);
    let mut rows = vec![first.into_iter().chain(titles).collect::<Vec<_>>()];
    for one in all {
        let ratio = |step| match (one.figure(step), aumbry.median(step)) {
            (Figure::Median(value), Some(of)) if of > 0.0 => times(value / of),
            (Figure::MoreThan(value), Some(of)) if of > 0.0 => format!("> {}", times(value / of)),
            _ => String::from("–"),
        };
        let cells = COMPARED.iter().map(|(step, _)| ratio(step));
        let about = one.peer.about();
        let sealed = if about.sealed_in_memory { "sealed" } else { "in the clear" };
        let signed = about.signs.split(',').next().unwrap_or_default();
        let first = [one.peer.id(), sealed, signed].map(str::to_owned);
        rows.push(first.into_iter().chain(cells).collect());
    }
    table(&rows)
}

fn figures(all: &[Measured]) -> String {
    let titles = [
        "peer",
        "KDF",
        "beyond the KDF",
        "quickest to slowest",
        "first look-up",
        "look-up",
        "save of one change",
        "create",
        "peak memory",
        "file, bytes a record",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for one in all {
        let time = |step| match one.figure(step) {
            Figure::Median(value) => seconds(value),
            Figure::MoreThan(value) => format!("more than {value} s"),
            Figure::Unknown => String::from("–"),
        };
        rows.push(vec![
            one.peer.id().to_owned(),
            one.kdf().map_or_else(|| String::from("–"), seconds),
            time("beyond"),
            seconds_range(one.outcome.range("beyond")),
            time("first"),
            time("steady"),
            time("save"),
            time("create"),
            one.median("peak").map_or_else(|| time("peak"), amount),
            one.median("bytes")
                .map_or_else(|| time("bytes"), |bytes| format!("{:.0}", bytes / one.size as f64)),
        ]);
    }
    table(&rows)
}

/// Describes what each peer can and cannot do.
pub fn notes(all: &[Measured]) -> String {
    let mut text = String::from(
        "\n## What the figures measure\n\nFiles are in memory (/dev/shm), so that no disk is measured. Each figure is \
         the median of rounds, each in a process of its own that has opened a small file before. An Argon2id run comes \
         before each opening without a KDF, so that all find the caches as a KDF leaves them. A look-up compares the \
         secret; `keepass` looks up by its own `entry_by_name`, which goes through all entries.\n",
    );
    let Some(same_size) = all.chunk_by(|one, next| one.size == next.size).next() else { return text };
    for one in same_size {
        let about = one.peer.about();
        let _ = writeln!(
            text,
            "\n**{}** ({} {})\n",
            one.peer.id(),
            one.peer.package(),
            machine::versions(one.peer.package())
        );
        for (what, value) in [
            ("KDF", about.kdf),
            ("beyond the KDF", about.least),
            ("plaintext after opening", about.plaintext),
            ("seals each record", about.seals),
            ("signs", about.signs),
            ("saving", about.saves),
        ] {
            let _ = writeln!(text, "* {what}: {value}.");
        }
    }
    text
}

pub fn kdf(compared: &Compared) -> String {
    let mut titles = vec![String::from("Argon2id by"), String::from("wipes its memory")];
    titles.extend(compared.rows.iter().map(|row| cost(row.cost)));
    let (mut ratios, mut times_taken) = (vec![titles.clone()], vec![titles]);
    let row = |name: &str, wipes: &str, cells: Vec<String>| {
        [vec![name.to_owned(), wipes.to_owned()], cells].concat()
    };
    ratios.push(row("aumbry", "yes", compared.rows.iter().map(|_| times(1.0)).collect()));
    times_taken.push(row("aumbry", "yes", compared.rows.iter().map(|row| taken(row.aumbry)).collect()));
    for (index, contender) in OTHERS.iter().enumerate() {
        let cell = |shown: &dyn Fn(Times, Times) -> String| {
            let cells = compared.rows.iter().map(|row| {
                let time = row.others.get(index).copied().flatten();
                time.map_or_else(|| String::from("cannot do it"), |time| shown(time, row.aumbry))
            });
            cells.collect()
        };
        ratios.push(row(
            contender.name,
            contender.wipes,
            cell(&|time, aumbry| times(time.median / aumbry.median)),
        ));
        times_taken.push(row(contender.name, contender.wipes, cell(&|time, _| taken(time))));
    }
    format!(
        "\n## Argon2id: x aumbry\n\n{}\n## Argon2id: as measured, and the quickest round\n\n{}",
        table(&ratios),
        table(&times_taken)
    )
}

fn taken(times: Times) -> String {
    format!("{} ({})", seconds(times.median), seconds(times.quickest))
}

fn cost(cost: &Cost) -> String {
    format!("{} MiB, t {}, p {}", cost.kib / 1024, cost.passes, cost.lanes)
}

pub fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if index == 0 {
            let _ = writeln!(text, "|{}", "---|".repeat(row.len()));
        }
    }
    text
}

pub fn times(ratio: f64) -> String {
    match ratio {
        0.0..10.0 => format!("{ratio:.2} x"),
        10.0..100.0 => format!("{ratio:.1} x"),
        _ => format!("{ratio:.0} x"),
    }
}

pub fn seconds(seconds: f64) -> String {
    let (number, unit) = match seconds {
        0.0..1e-6 => (seconds * 1e9, "ns"),
        1e-6..1e-3 => (seconds * 1e6, "us"),
        1e-3..1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    if number < 10.0 { format!("{number:.2} {unit}") } else { format!("{number:.0} {unit}") }
}

pub fn seconds_range(range: Option<(f64, f64)>) -> String {
    let shown = range.map(|(least, most)| format!("{} to {}", seconds(least), seconds(most)));
    shown.unwrap_or_else(|| String::from("–"))
}

pub fn amount(bytes: f64) -> String {
    if bytes < 1_048_576.0 {
        format!("{:.0} KiB", bytes / 1024.0)
    } else {
        format!("{:.1} MiB", bytes / 1_048_576.0)
    }
}

/// Formats 1,000,000.
pub fn number(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}
