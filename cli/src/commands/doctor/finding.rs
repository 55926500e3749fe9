//! What the doctor finds, whatever it looks at.

use aumbry::Rotation;

use crate::commands::records::{escaped, rfc3339};

/// One finding: what it is about, whether all is well, and what to do if not.
pub(super) struct Finding {
    pub(super) about: &'static str,
    pub(super) is_well: bool,
    pub(super) says: String,
}

impl Finding {
    /// All is well.
    pub(super) fn well(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, is_well: true, says: says.into() }
    }

    /// Something could be better.
    pub(super) fn ill(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, is_well: false, says: says.into() }
    }
}

/// A rotation that has not ended.
pub(super) fn under_way(rotation: &Rotation) -> Finding {
    let Rotation { name, started, .. } = rotation;
    let (name, since) = (escaped(name), rfc3339(*started));
    let says = format!(
        "the keys of {name} are being rotated since {since}: `aumbry rotate {name} --resume` goes on"
    );
    Finding::ill("rotation", says)
}
