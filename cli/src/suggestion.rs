//! "Did you mean …?" for a name that does not exist.

/// How similar a name must be, between 0 (nothing in common) and 1 (equal except for case).
const THRESHOLD: f64 = 0.6;

/// Returns advice that names the most similar of the existing names, if one is similar enough.
pub(crate) fn did_you_mean(name: &str, existing: impl Iterator<Item = String>) -> Option<String> {
    let lower = name.to_lowercase();
    let similarity = |other: &str| strsim::normalized_damerau_levenshtein(&lower, &other.to_lowercase());
    let similar =
        existing.map(|other| (similarity(&other), other)).filter(|(similarity, _)| *similarity >= THRESHOLD);
    let best = similar.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, name)| format!("did you mean {name:?}?"))
}
