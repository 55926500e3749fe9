//! Pictures of the floors.

use std::path::Path;

use plotters::style::RGBColor;

use super::at_size::AtSize;
use super::growth::{FITTED, relative};
use crate::plots::{COLOURS, Line, picture};
use crate::result::Result;

pub fn draw(all: &[AtSize], folder: &Path) -> Result<()> {
    unlock(all, &folder.join("floors-unlock.svg"))?;
    lookup(all, &folder.join("floors-lookup.svg"))?;
    growth(all, &folder.join("growth.svg"))
}

fn unlock(all: &[AtSize], path: &Path) -> Result<()> {
    let lines = [
        line(all, "unlock", "aumbry", COLOURS[0], 1e3, false),
        line(all, "floor", "floor", COLOURS[7], 1e3, true),
        line(all, "kdf", "the KDF itself", COLOURS[1], 1e3, false),
    ];
    picture(&lines, "Unlock beyond the KDF and its floor, in ms", path)
}

fn lookup(all: &[AtSize], path: &Path) -> Result<()> {
    let lines = [
        line(all, "get", "get_credentials", COLOURS[0], 1e9, false),
        line(all, "floor-get", "its floor", COLOURS[7], 1e9, true),
        line(all, "find", "find", COLOURS[1], 1e9, false),
        line(all, "floor-find", "its floor", COLOURS[3], 1e9, true),
        line(all, "bare", "bare table", COLOURS[5], 1e9, true),
    ];
    picture(&lines, "Look-up of one name and its floors, in ns", path)
}

fn growth(all: &[AtSize], path: &Path) -> Result<()> {
    let drawn = [
        ("unlock", COLOURS[0], false),
        ("save", COLOURS[1], false),
        ("peak", COLOURS[3], false),
        ("find", COLOURS[4], false),
        ("get", COLOURS[7], false),
        ("bare", COLOURS[5], true),
    ];
    let lines = drawn.map(|(step, colour, is_floor)| {
        let name = FITTED.iter().find(|fitted| fitted.0 == step).map_or(step, |fitted| fitted.1);
        let points =
            all.iter().filter_map(|one| Some((one.size as f64, relative(all, one, step)?.max(1e-3))));
        Line { name: name.replace('`', ""), points: points.collect(), colour, is_floor }
    });
    picture(&lines, "Cost by records, x that of 1,000 records", path)
}

/// Makes a line. `scale` converts seconds to the unit of the title.
fn line(all: &[AtSize], step: &str, name: &str, colour: RGBColor, scale: f64, is_floor: bool) -> Line {
    let points = all.iter().filter_map(|one| Some((one.size as f64, one.median(step)? * scale)));
    Line { name: name.to_owned(), points: points.collect(), colour, is_floor }
}
