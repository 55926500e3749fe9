//! Who else may read the vault's file, or put another in its place.

use std::path::Path;

use super::Finding;

const ABOUT: &str = "permissions";

#[cfg(unix)]
pub(super) fn findings(vault: &Path) -> Vec<Finding> {
    use std::os::unix::fs::PermissionsExt;
    const STICKY: u32 = 0o1000;
    // A link leads to the file that is meant; if it leads nowhere, looking at it says so.
    let vault = &vault.canonicalize().unwrap_or_else(|_| vault.to_owned());
    let mode = |path: &Path| match path.metadata() {
        Ok(metadata) => Ok(metadata.permissions().mode() & 0o7777),
        Err(error) => Err(Finding::ill(ABOUT, format!("could not look at {}: {error}", path.display()))),
    };
    let file = mode(vault).map(|mode| {
        (mode & 0o077 != 0).then(|| {
            let says = format!(
                "others may read or write the vault ({:o}), though not open it: `chmod 600 {}`, unless it is shared on purpose",
                mode & 0o777,
                vault.display()
            );
            Finding::ill(ABOUT, says)
        })
    });
    let folder = vault.parent().map(|folder| {
        mode(folder).map(|mode| {
            // Where the sticky bit is set, as in /tmp, nobody replaces what is another's.
            (mode & 0o022 != 0 && mode & STICKY == 0).then(|| {
                let says = format!(
                    "others may replace or remove what is in the vault's folder ({:o}): `chmod go-w {}`, unless it is shared on purpose",
                    mode & 0o777,
                    folder.display()
                );
                Finding::ill(ABOUT, says)
            })
        })
    });
    let found: Vec<_> =
        std::iter::once(file).chain(folder).filter_map(|found| found.unwrap_or_else(Some)).collect();
    if found.is_empty() {
        return vec![Finding::well(
            ABOUT,
            "the vault is its owner's alone, and so is the right to replace it",
        )];
    }
    found
}

#[cfg(not(unix))]
pub(super) fn findings(_vault: &Path) -> Vec<Finding> {
    vec![Finding::well(ABOUT, "not looked at on this system")]
}
