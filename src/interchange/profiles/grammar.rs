//! The grammar of the shared files, line by line.

use std::ops::Range;

use super::FileKind;

/// White space as AWS means it.
pub(super) const BLANK: [char; 2] = [' ', '\t'];
const COMMENT: [char; 2] = ['#', ';'];
const MARK: char = '\u{feff}';
/// First words of sections that stand in config files only.
const CONFIG_SECTIONS: [&str; 3] = ["profile", "sso-session", "services"];

/// A line of a text that follows the grammar so far.
pub(super) struct Line<'a> {
    /// As an editor counts, from one.
    pub(super) number: usize,
    /// Where in the text it stands, its line end included.
    pub(super) span: Range<usize>,
    pub(super) content: Content<'a>,
}

pub(super) enum Content<'a> {
    /// White space, or a comment that begins the line.
    Nothing,
    /// A comment behind white space. (Some SDKs take it for a continuation.)
    IndentedComment,
    /// What stands between the brackets.
    Section(&'a str),
    /// `assigned` is where in the text everything between the `=` and the trailing comment stands.
    Property { key: &'a str, value: &'a str, assigned: Range<usize> },
    /// More of the property before it.
    Continuation,
}

/// A line that does not follow the grammar.
pub(super) struct Broken {
    pub(super) line: usize,
    pub(super) rule: &'static str,
}

/// The lines of a text, up to one that is broken.
pub(super) fn lines(text: &str) -> Lines<'_> {
    let at = if text.starts_with(MARK) { MARK.len_utf8() } else { 0 };
    Lines { text, at, number: 0, before: Before::Nothing }
}

pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: usize,
    before: Before,
}

/// What an indented line would continue.
enum Before {
    Nothing,
    Section,
    Property { nests: bool },
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let len = rest.find('\n').map_or(rest.len(), |end| end + 1);
        let start = self.at;
        self.at += len;
        self.number += 1;
        let line = rest.get(..len).unwrap_or_default();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let item = match self.content(line, start) {
            Ok(content) => Ok(Line { number: self.number, span: start..self.at, content }),
            Err(rule) => Err(Broken { line: self.number, rule }),
        };
        Some(item)
    }
}

impl<'a> Lines<'a> {
    fn content(&mut self, line: &'a str, start: usize) -> Result<Content<'a>, &'static str> {
        let trimmed = line.trim_matches(BLANK);
        if trimmed.is_empty() || line.starts_with(COMMENT) {
            return Ok(Content::Nothing);
        }
        if trimmed.starts_with(COMMENT) {
            return Ok(Content::IndentedComment);
        }
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err("it holds a control character");
        }
        if line.starts_with(BLANK) {
            match self.before {
                Before::Nothing => return Err("a profile, such as [default], must come first"),
                Before::Section => {
                    return Err("an indented line continues a property, but none comes before it");
                }
                Before::Property { nests: false } => {}
                Before::Property { nests: true } => _ = property(trimmed, start)?,
            }
            return Ok(Content::Continuation);
        }
        if let Some(inside) = line.strip_prefix('[') {
            let name = inside.split(COMMENT).next().unwrap_or_default();
            let name =
                name.trim_end_matches(BLANK).strip_suffix(']').ok_or("a section must end with \"]\"")?;
            let name = name.trim_matches(BLANK);
            if name.is_empty() {
                return Err("a section must have a name");
            }
            self.before = Before::Section;
            return Ok(Content::Section(name));
        }
        if matches!(self.before, Before::Nothing) {
            return Err("a profile, such as [default], must come first");
        }
        let (key, value, assigned) = property(line, start)?;
        self.before = Before::Property { nests: value.is_empty() };
        Ok(Content::Property { key, value, assigned })
    }
}

fn property(line: &str, start: usize) -> Result<(&str, &str, Range<usize>), &'static str> {
    let stated = line.get(..comment_in(line).unwrap_or(line.len())).unwrap_or_default();
    let stated = stated.trim_end_matches(BLANK);
    let (key, value) = stated.split_once('=').ok_or("a property must have an \"=\" sign")?;
    let assigned = start + key.len() + 1..start + stated.len();
    let key = key.trim_matches(BLANK);
    if key.is_empty() {
        return Err("a property must have a name");
    }
    Ok((key, value.trim_matches(BLANK), assigned))
}

/// Where in a property a comment begins: only white space makes it one.
fn comment_in(line: &str) -> Option<usize> {
    let mut marks = line.match_indices(COMMENT).map(|(at, _)| at);
    marks.find(|at| line.get(..*at).is_some_and(|before| before.ends_with(char::is_whitespace)))
}

/// What a section is, by its name and the file it stands in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Section<'a> {
    Profile(&'a str),
    /// `[default]` in a config file, where `[profile default]` displaces it.
    BareDefault,
    /// One that holds no profile in such a file.
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

/// Whether a section stands in it that only config files have.
pub(super) fn has_config_sections(content: &[u8]) -> bool {
    let text = std::str::from_utf8(content).unwrap_or_default();
    text.trim_start_matches(MARK).lines().filter_map(|line| line.strip_prefix('[')).any(|inside| {
        let first = inside.trim_start_matches(BLANK).split_once(BLANK).map(|(first, _)| first);
        first.is_some_and(|first| CONFIG_SECTIONS.contains(&first))
    })
}

/// Whether AWS takes this for a key, or for a profile's name.
pub(super) fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/.%@:+".contains(&byte))
}

/// The rule that keeps this name from being a section of a credentials file, if there is one.
pub(super) fn section_flaw(name: &str) -> Option<&'static str> {
    if name.contains([']', '#', ';']) {
        return Some("no \"]\", \"#\" or \";\" may stand in it");
    }
    if name.is_empty() || name.trim() != name || name.contains(char::is_control) {
        return Some("it must have neither white space at its ends nor control characters");
    }
    if !matches!(Section::of(FileKind::Credentials, name), Section::Profile(_)) {
        return Some("it begins like a section of a config file");
    }
    if name == "DEFAULT" {
        return Some("the AWS command line would give what is in [DEFAULT] to every profile");
    }
    None
}

/// The rule that keeps this from being a value, if there is one.
pub(super) fn value_flaw(value: &str) -> Option<&'static str> {
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Some("no line break or other control character may stand in it");
    }
    if value.trim() != value {
        return Some("it must not begin or end with white space");
    }
    if comment_in(value).is_some() {
        return Some("\"#\" or \";\" behind white space would begin a comment");
    }
    None
}

/// What stands between a key and this value. A space before `#` would make it a comment.
pub(super) fn equals(value: &str) -> &'static str {
    if value.is_empty() {
        " ="
    } else if value.starts_with(COMMENT) {
        "="
    } else {
        " = "
    }
}
