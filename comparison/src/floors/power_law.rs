//! The exponent of a power law, fitted by least squares over the logarithms.

/// Returns the power of x by which y grows. `None` for fewer than two points.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 2 {
        return None;
    }
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (x, y) = logs.iter().fold((0.0, 0.0), |sum, log| (sum.0 + log.0 / count, sum.1 + log.1 / count));
    let (over, under) = logs.iter().fold((0.0, 0.0), |(over, under), log| {
        (over + (log.0 - x) * (log.1 - y), under + (log.0 - x) * (log.0 - x))
    });
    Some(over / under)
}

#[cfg(test)]
mod tests {
    use super::exponent;

    #[test]
    fn the_exponent_of_a_power_law_is_found() {
        let points = |power: f64| [10.0_f64, 100.0, 1_000.0].map(|x| (x, 3.0 * x.powf(power)));
        for power in [0.0, 0.5, 1.0, 2.0] {
            let found = exponent(&points(power)).expect("three points");
            assert!((found - power).abs() < 1e-9, "{found} is not {power}");
        }
        assert!(exponent(&[(1.0, 1.0)]).is_none());
    }
}
