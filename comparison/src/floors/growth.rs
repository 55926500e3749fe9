//! How cost grows with the number of records: exponents, fitted by least squares over the logarithms.

use super::at_size::AtSize;
use super::power_law::exponent;
use super::save;
use crate::outcome::Outcome;
use crate::tables::{number, table, times};

/// Below this size, costs that do not depend on the size dominate.
const FROM: usize = 10_000;
const ABOUT: f64 = 0.1;
const LOOK_UP: f64 = 0.05;

/// The steps that are fitted, with their names in the report.
pub const FITTED: [(&str, &str); 10] = [
    ("unlock", "unlock beyond the KDF"),
    ("floor", "its floor"),
    ("save", "save in memory"),
    ("floor-save", "its floor"),
    ("peak", "peak memory"),
    ("bare", "bare table"),
    ("floor-find", "bare table and snapshot"),
    ("find", "`find`"),
    ("get", "`get_credentials`"),
    ("floor-get", "its floor"),
];

/// Returns the sizes that are fitted: those from [`FROM`] on, or the last two of a quick run.
fn fitted(all: &[AtSize]) -> &[AtSize] {
    let large = all.partition_point(|one| one.size < FROM);
    all.get(large.min(all.len().saturating_sub(2))..).unwrap_or_default()
}

fn exponent_of(all: &[AtSize], step: &str) -> Option<f64> {
    let points: Vec<(f64, f64)> =
        fitted(all).iter().filter_map(|one| Some((one.size as f64, one.median(step)?))).collect();
    exponent(&points)
}

pub fn goals(all: &[AtSize], counts: &[usize], imports: &Outcome) -> String {
    let said = |what: &str, goal: &str, seen: f64, is_met: bool| {
        let met = if is_met { "met" } else { "MISSED" };
        format!("* {what}: {goal}; seen {seen:.2}: {met}.\n")
    };
    let (_, import) = save::imported(counts, imports);
    let linear = [("unlock", "floor"), ("save", "floor-save"), ("peak", "bytes")];
    let mut text = String::new();
    let mut line = |what: &str, floor: Option<f64>, seen: f64| {
        let floor = floor.map(|floor| format!(" (its floor: {floor:.2})")).unwrap_or_default();
        let goal = format!("to the power of 1, within {ABOUT}{floor}");
        text += &said(&format!("growth of {what}"), &goal, seen, (seen - 1.0).abs() <= ABOUT);
    };
    for (step, floor) in linear {
        let what = FITTED.iter().find(|fitted| fitted.0 == step).map_or(step, |fitted| fitted.1);
        let floor = exponent_of(all, floor).filter(|_| floor != "bytes");
        if let Some(seen) = exponent_of(all, step) {
            line(what, floor, seen);
        }
    }
    if let Some(seen) = import {
        line("import in one edit", None, seen);
    }
    for (step, floor, what, of) in [
        ("find", "bare", "`find`", "the bare table's"),
        ("find", "floor-find", "`find`", "the bare table's and snapshot's"),
        ("get", "floor-get", "`get_credentials`", "its floor's"),
    ] {
        let (Some(seen), Some(floor)) = (exponent_of(all, step), exponent_of(all, floor)) else { continue };
        let goal = format!("at most {LOOK_UP} above {of}, {floor:.2}");
        text += &said(&format!("growth of {what}, as a power"), &goal, seen, seen - floor <= LOOK_UP);
    }
    text
}

pub fn tables(all: &[AtSize]) -> String {
    let sizes: Vec<String> = fitted(all).iter().map(|one| number(one.size)).collect();
    let mut powers =
        vec![vec![String::from("cost"), format!("grows with the power, over {}", sizes.join(", "))]];
    for (step, what) in FITTED {
        let shown = exponent_of(all, step).map_or_else(|| String::from("–"), |power| format!("{power:.2}"));
        powers.push(vec![what.to_owned(), shown]);
    }
    let titles = FITTED.iter().map(|(_, what)| (*what).to_owned());
    let mut rows = vec![[String::from("records")].into_iter().chain(titles).collect::<Vec<_>>()];
    for one in all {
        let cells =
            FITTED.iter().map(|(step, _)| relative(all, one, step).map_or_else(|| String::from("–"), times));
        rows.push([number(one.size)].into_iter().chain(cells).collect());
    }
    format!(
        "\n## Growth\n\nFitted by least squares over the logarithms of size and cost. Smaller vaults are left out: there, costs \
         that do not depend on the size rule.\n\n{}\n### Growth: x the cost at {} records\n\n{}",
        table(&powers),
        number(BASE),
        table(&rows)
    )
}

/// The size whose cost is the unit of the others.
pub const BASE: usize = 1_000;

/// Returns the cost of a step relative to that of [`BASE`] records.
pub fn relative(all: &[AtSize], one: &AtSize, step: &str) -> Option<f64> {
    let base = all.iter().find(|one| one.size == BASE)?.median(step)?;
    Some(one.median(step)? / base)
}
