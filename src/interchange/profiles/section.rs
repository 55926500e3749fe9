//! The sections of the shared files: which of them are profiles in which file.

use std::fmt;
use std::path::Path;

use super::grammar::{BLANK, MARK};

/// The first words of sections that only config files have.
const CONFIG_SECTIONS: [&str; 3] = ["profile", "sso-session", "services"];

/// Which of the two shared files a text is. The two name their sections differently.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FileKind {
    /// `~/.aws/credentials`, in which the section of a profile is `[name]`.
    Credentials,
    /// `~/.aws/config`, in which it is `[profile name]`.
    Config,
}

impl FileKind {
    /// Tells the kind of a file by its name, `credentials` or `config`. A file with another name is a config file if it
    /// contains a section that only config files have, such as `[profile name]`.
    #[must_use]
    pub fn of(path: impl AsRef<Path>, content: &[u8]) -> Self {
        match path.as_ref().file_name().and_then(|name| name.to_str()) {
            Some("credentials") => Self::Credentials,
            Some("config") => Self::Config,
            _ => Self::of_content(content),
        }
    }

    pub(in crate::interchange) fn of_content(content: &[u8]) -> Self {
        let text = std::str::from_utf8(content).unwrap_or_default();
        let mut sections = text.trim_start_matches(MARK).lines().filter_map(|line| line.strip_prefix('['));
        let is_config = sections.any(|inside| {
            let first = inside.trim_start_matches(BLANK).split_once(BLANK).map(|(first, _)| first);
            first.is_some_and(|first| CONFIG_SECTIONS.contains(&first))
        });
        if is_config { Self::Config } else { Self::Credentials }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials => "credentials file",
            Self::Config => "config file",
        })
    }
}

/// A section, identified by its name and the kind of its file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Section<'a> {
    Profile(&'a str),
    /// `[default]` in a config file, which `[profile default]` replaces.
    BareDefault,
    /// A section that is not a profile in this kind of file.
    Other(&'a str),
}

impl<'a> Section<'a> {
    pub(super) fn of(kind: FileKind, name: &'a str) -> Self {
        let words = name.split_once(BLANK);
        match (kind, words) {
            (FileKind::Credentials, Some((first, _))) if CONFIG_SECTIONS.contains(&first) => {
                Self::Other(name)
            }
            (FileKind::Credentials, _) => Self::Profile(name),
            (FileKind::Config, None) if name == "default" => Self::BareDefault,
            (FileKind::Config, Some(("profile", profile))) => {
                let profile = profile.trim_matches(BLANK);
                match unquoted(profile) {
                    Some(inside) => Self::Profile(inside),
                    None if profile.contains(BLANK) => Self::Other(name),
                    None => Self::Profile(profile),
                }
            }
            (FileKind::Config, _) => Self::Other(name),
        }
    }
}

fn unquoted(text: &str) -> Option<&str> {
    let inside =
        |quote| text.strip_prefix(quote)?.strip_suffix(quote).filter(|inside: &&str| !inside.is_empty());
    inside('"').or_else(|| inside('\''))
}

/// Returns the rule that a profile of this name would break in a credentials file.
pub(super) fn section_flaw(name: &str) -> Option<&'static str> {
    if name.contains([']', '#', ';']) {
        return Some("it must not contain \"]\", \"#\" or \";\"");
    }
    if name.is_empty() || name.trim() != name || name.contains(char::is_control) {
        return Some("it must not contain control characters, or begin or end with white space");
    }
    if !matches!(Section::of(FileKind::Credentials, name), Section::Profile(_)) {
        return Some("it begins like a section of a config file");
    }
    if name == "DEFAULT" {
        return Some("the AWS command line would apply the section [DEFAULT] to every profile");
    }
    None
}
