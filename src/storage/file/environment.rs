//! Folders that environment variables name.

use std::path::PathBuf;

/// Returns the folder that an environment variable names. A relative path is ignored, as the XDG Base
/// Directory Specification requires.
pub(super) fn absolute_variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}
