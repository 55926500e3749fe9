//! Plots of the figures in SVG: by size, with both axes logarithmic.

use std::path::Path;

use plotters::prelude::*;

use crate::child::WARM_UP;
use crate::peers::ALL;
use crate::result::Result;
use crate::rounds::Measured;
use crate::tables::number;

/// Paul Tol's muted colours, which colour-blind readers can distinguish; aumbry's is black.
pub const COLOURS: [RGBColor; 9] = [
    RGBColor(0, 0, 0),
    RGBColor(51, 34, 136),
    RGBColor(136, 204, 238),
    RGBColor(68, 170, 153),
    RGBColor(17, 119, 51),
    RGBColor(153, 153, 51),
    RGBColor(221, 160, 60),
    RGBColor(204, 102, 119),
    RGBColor(136, 34, 85),
];

pub fn draw(all: &[Measured], folder: &Path) -> Result<()> {
    plot(all, "beyond", 1e3, "Unlock beyond the KDF, in ms", &folder.join("unlock.svg"))?;
    plot(all, "steady", 1e6, "Look-up of one secret, in µs", &folder.join("lookup.svg"))?;
    plot(all, "peak", 1.0 / 1_048_576.0, "Peak memory of unlocking, in MiB", &folder.join("memory.svg"))
}

/// Plots all peers. `scale` converts the measurement to the unit of the title.
fn plot(all: &[Measured], step: &str, scale: f64, title: &str, path: &Path) -> Result<()> {
    let points = |id: &str| -> Vec<(f64, f64)> {
        let of_peer = all.iter().filter(|one| one.peer.id() == id && one.size > WARM_UP);
        // A logarithmic axis has no zero, so a peer that takes no page is drawn at a very small value.
        of_peer.filter_map(|one| Some((one.size as f64, (one.median(step)? * scale).max(1e-3)))).collect()
    };
    let lines: Vec<Line> = ALL
        .iter()
        .zip(COLOURS)
        .map(|(peer, colour)| {
            let star = if peer.about().sealed_in_memory { "" } else { "*" };
            let (name, points) = (format!("{}{star}", peer.id()), points(peer.id()));
            Line { name, points, colour, is_floor: false }
        })
        .collect();
    picture(&lines, &format!("{title} (* keeps secrets in the clear)"), path)
}

/// The cost of one thing, by number of records.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub colour: RGBColor,
    /// Drawn dashed: a floor, which no program can beat.
    pub is_floor: bool,
}

pub fn picture(lines: &[Line], title: &str, path: &Path) -> Result<()> {
    let every = || lines.iter().flat_map(|line| line.points.iter().copied());
    let (Some(x), Some(y)) = (range(every().map(|point| point.0)), range(every().map(|point| point.1)))
    else {
        return Ok(()); // nothing was measured
    };

    let area = SVGBackend::new(path, (900, 520)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .margin_right(160) // for the names
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((x.0 / 1.3..x.1 * 1.3).log_scale(), (y.0 / 1.5..y.1 * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("records")
        .x_label_formatter(&|value| plain(*value))
        .y_label_formatter(&|value| plain(*value))
        .label_style(("sans-serif", 13))
        .light_line_style(RGBColor(240, 240, 240))
        .draw()?;
    for Line { points, colour, is_floor, .. } in lines {
        let style = colour.stroke_width(if *colour == COLOURS[0] { 3 } else { 2 });
        let points = || points.iter().copied();
        if *is_floor {
            chart.draw_series(DashedLineSeries::new(points(), 6, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points(), style))?;
        }
        chart.draw_series(points().map(|point| Circle::new(point, 4, colour.filled())))?;
    }
    let ends = lines.iter().filter_map(|line| {
        let (x, y) = chart.backend_coord(line.points.last()?);
        Some(Name { name: line.name.as_str(), colour: line.colour, x: x + 12, y: f64::from(y) - 7.0 })
    });
    for Name { name, colour, x, y } in spread(ends.collect()) {
        area.draw(&Text::new(name, (x, y as i32), ("sans-serif", 14).into_font().color(&colour)))?;
    }
    area.present()?;
    Ok(())
}

/// A peer's name next to the last point of its line.
struct Name<'a> {
    name: &'a str,
    colour: RGBColor,
    x: i32,
    y: f64,
}

/// Separates names that would overlap.
fn spread(mut names: Vec<Name<'_>>) -> Vec<Name<'_>> {
    const LINE: f64 = 16.0;
    names.sort_by(|one, next| one.x.cmp(&next.x).then(one.y.total_cmp(&next.y)));
    for _ in 0..200 {
        for at in 1..names.len() {
            if let [one, next] = &mut names[at - 1..=at]
                && one.x == next.x
                && next.y - one.y < LINE
            {
                let missing = (LINE - (next.y - one.y)) / 2.0;
                one.y -= missing;
                next.y += missing;
            }
        }
    }
    names
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// Formats 0.01, 0.1, 1, 10, 1,000: no exponents, no unnecessary zeros.
fn plain(value: f64) -> String {
    if value >= 1e3 {
        return number(value.round() as usize);
    }
    format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
}
