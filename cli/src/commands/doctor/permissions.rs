//! Which other users can read the file of the vault or of the passphrase, or replace it.

use std::path::Path;

use super::finding::Finding;

const ABOUT: &str = "permissions";

/// What is to be said of the vault's file, if there is one, and of its folder.
#[cfg(unix)]
pub(super) fn findings(vault: &Path) -> Vec<Finding> {
    use std::fs::Metadata;
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    // A link leads to the file that is meant.
    let Ok(vault) = vault.canonicalize() else { return Vec::new() };
    let mut found = Vec::new();
    let mut look = |path: &Path, says: &dyn Fn(&Metadata) -> Vec<String>| match path.metadata() {
        Ok(metadata) => found.extend(says(&metadata)),
        Err(error) => found.push(format!("could not look at {}: {error}", path.display())),
    };
    look(&vault, &|file| {
        let others = (file.mode() & 0o077 != 0).then(|| {
            format!(
                "others may read or write the vault ({:o}), though not open it: `chmod 600 {}`, unless it is shared on purpose",
                file.mode() & 0o777,
                vault.display()
            )
        });
        let owner = (!is_mine(file)).then(|| {
            format!(
                "the vault belongs to another user (number {}), who may replace it: `chown` gives {} to you, unless it is shared on purpose",
                file.uid(),
                vault.display()
            )
        });
        let names = (file.nlink() > 1).then(|| {
            format!(
                "the file has {} names (hard links): saving changes only this one, and the others \
                 keep the older revision, as separate vaults",
                file.nlink()
            )
        });
        others.into_iter().chain(owner).chain(names).collect()
    });
    let folder = vault.parent().unwrap_or(&vault);
    look(folder, &|metadata| {
        // With the sticky bit, as in /tmp, users cannot replace files of other users.
        let others = (metadata.mode() & 0o022 != 0 && metadata.mode() & STICKY == 0).then(|| {
            format!(
                "others may replace or remove what is in the vault's folder ({:o}): `chmod go-w {}`, unless it is shared on purpose",
                metadata.mode() & 0o777,
                folder.display()
            )
        });
        // Root may do so everywhere.
        let owner = (!is_mine(metadata) && metadata.uid() != 0).then(|| {
            format!(
                "the vault's folder {} belongs to another user (number {}), who may replace or remove what is in it",
                folder.display(),
                metadata.uid()
            )
        });
        others.into_iter().chain(owner).collect()
    });
    if found.is_empty() {
        let says = "the vault is its owner's alone, and so is the right to replace it";
        return vec![Finding::well(ABOUT, says)];
    }
    found.into_iter().map(|says| Finding::ill(ABOUT, says)).collect()
}

#[cfg(unix)]
fn is_mine(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(metadata) == rustix::process::geteuid().as_raw()
}

/// What is to be said of the file that holds the passphrase.
#[cfg(unix)]
pub(super) fn of_passphrase(file: &Path) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt;
    // A missing file is reported by the code that needs it; a pipe has nothing to protect.
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let shown = file.display();
    let says = if metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o777;
        format!("others may read or write the passphrase's file ({mode:o}): `chmod 600 {shown}`")
    } else if !is_mine(&metadata) && metadata.uid() != 0 {
        format!("the passphrase's file {shown} belongs to another user (number {})", metadata.uid())
    } else {
        return None;
    };
    Some(Finding::ill("passphrase", says))
}

#[cfg(not(unix))]
pub(super) fn findings(_vault: &Path) -> Vec<Finding> {
    vec![Finding::well(ABOUT, "not looked at on this system")]
}

#[cfg(not(unix))]
pub(super) fn of_passphrase(_file: &Path) -> Option<Finding> {
    None
}
