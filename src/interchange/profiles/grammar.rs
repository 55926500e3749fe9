//! The grammar of the shared files, line by line. The text of the parent module explains it and names its sources.

use std::ops::Range;

/// The white space of AWS's grammar.
pub(super) const BLANK: [char; 2] = [' ', '\t'];
const COMMENT: [char; 2] = ['#', ';'];
/// The byte order mark.
pub(super) const MARK: char = '\u{feff}';

/// A line of a text whose lines so far are valid.
pub(super) struct Line<'a> {
    /// The number of the line, counted from one.
    pub(super) number: usize,
    /// The position of the line in the text, including its line end.
    pub(super) span: Range<usize>,
    pub(super) content: Content<'a>,
}

pub(super) enum Content<'a> {
    /// White space, or a comment from the beginning of the line.
    Nothing,
    /// A comment after white space. Some SDKs read it as a continuation.
    IndentedComment,
    /// The text between the brackets.
    Section(&'a str),
    /// `assigned` is the position, in the text, of everything between the `=` and a comment at the end of the line.
    Property { key: &'a str, value: &'a str, assigned: Range<usize> },
    /// A line that continues the property before it.
    Continuation,
}

/// A line that breaks the grammar.
pub(super) struct Broken {
    pub(super) line: usize,
    pub(super) rule: &'static str,
}

/// Returns the lines of a text. Nothing that follows a broken line is reliable.
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

/// What an indented line continues.
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
            return Err("it contains a control character");
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

/// Returns the position of the comment in a property. A comment begins only after white space.
fn comment_in(line: &str) -> Option<usize> {
    let mut marks = line.match_indices(COMMENT).map(|(at, _)| at);
    marks.find(|at| line.get(..*at).is_some_and(|before| before.ends_with(char::is_whitespace)))
}

/// Tells whether all AWS SDKs accept the text as a key or as the name of a profile.
pub(super) fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/.%@:+".contains(&byte))
}

/// Returns the rule that the value would break in a shared file.
pub(super) fn value_flaw(value: &str) -> Option<&'static str> {
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Some("it must not contain a line break or another control character");
    }
    if value.trim() != value {
        return Some("it must not begin or end with white space");
    }
    if comment_in(value).is_some() {
        return Some("\"#\" or \";\" after white space would begin a comment");
    }
    None
}

/// Returns the text between a key and this value. A space before `#` or `;` would begin a comment.
pub(super) fn equals(value: &str) -> &'static str {
    if value.is_empty() {
        " ="
    } else if value.starts_with(COMMENT) {
        "="
    } else {
        " = "
    }
}
