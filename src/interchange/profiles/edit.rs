//! Edits one profile of a config file in place.

use std::collections::HashSet;
use std::mem;
use std::ops::Range;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::grammar::{BLANK, Broken, Content, equals, is_identifier, lines, value_flaw};
use super::section::{FileKind, Section};
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::memory::out_of_memory;

/// Returns the text of a config file with these properties, each a `(key, value)`, set in a profile.
///
/// Everything else stays the same, byte for byte: other profiles, other properties, comments, the order, line ends, a byte
/// order mark, and whether the last line has a line end. An existing property keeps its position and its comment, and
/// loses the indented lines that continued its old value. If it occurs twice, the last one, which counts, is changed. A
/// new property is added at the end of the profile, and a new profile, `[profile name]` or `[default]`, at the end of the
/// file. Setting the same properties again changes nothing.
///
/// # Errors
/// * [`InvalidFile`](ErrorKind::InvalidFile): the text is not a config file ([the grammar](super#the-grammar)). The
///   message names the line and the rule.
/// * [`InvalidInput`](ErrorKind::InvalidInput): the name of the profile or a key contains characters other than ASCII
///   letters, digits and `_-/.%@:+`, which not all SDKs accept; or a value contains control characters other than tabs,
///   white space at an end, or `#` or `;` after white space. The message never shows a value.
pub fn set_properties(config: &str, profile: &str, properties: &[(&str, &str)]) -> Result<SecretString> {
    check(profile, properties)?;
    let (mut text, section) = with_section(config, profile)?;
    for (key, value) in properties {
        text = with_property(&text, section, key, value)?;
    }
    Ok(SecretString::from(mem::take(&mut *text)))
}

fn check(profile: &str, properties: &[(&str, &str)]) -> Result<()> {
    let refused = |message| Err(Error::new(ErrorKind::InvalidInput, message));
    if !is_identifier(profile) {
        let shown = quoted(profile);
        return refused(format!(
            "invalid profile name {shown}: only letters, digits and _-/.%@:+ are allowed"
        ));
    }
    for (key, value) in properties {
        if !is_identifier(key) {
            let shown = quoted(key);
            return refused(format!(
                "invalid property name {shown}: only letters, digits and _-/.%@:+ are allowed"
            ));
        }
        if let Some(flaw) = value_flaw(value) {
            return refused(format!("could not write the value of {}: {flaw}", quoted(key)));
        }
    }
    Ok(())
}

/// Returns the text with a section for this profile, and the section that AWS reads.
fn with_section<'a>(text: &str, profile: &'a str) -> Result<(Zeroizing<String>, Section<'a>)> {
    let named = Section::Profile(profile);
    let mut sections = HashSet::new();
    let is_empty = text.trim_start_matches('\u{feff}').is_empty();
    for line in lines(text) {
        if let Content::Section(name) = line.map_err(refused)?.content {
            sections.insert(Section::of(FileKind::Config, name));
        }
    }
    let (section, heading) = match profile {
        _ if sections.contains(&named) => return Ok((spliced(text, &[])?, named)),
        "default" if sections.contains(&Section::BareDefault) => {
            return Ok((spliced(text, &[])?, Section::BareDefault));
        }
        "default" => (Section::BareDefault, "[default"),
        _ => (named, "[profile "),
    };
    let end = line_end(text);
    let last_line_ends = text.ends_with('\n');
    let name = if section == named { profile } else { "" };
    let parts = [
        if is_empty || last_line_ends { "" } else { end },
        if is_empty || text.ends_with("\n\n") || text.ends_with("\n\r\n") { "" } else { end },
        heading,
        name,
        "]",
        if is_empty || last_line_ends { end } else { "" },
    ];
    Ok((spliced(text, &[(text.len()..text.len(), &parts)])?, section))
}

fn with_property(text: &str, section: Section<'_>, key: &str, value: &str) -> Result<Zeroizing<String>> {
    // Find the last property of this key, the lines that continue it, and the end of the profile.
    let mut old = None;
    let mut continuations: Vec<Range<usize>> = Vec::new();
    let mut end = text.len();
    let (mut is_section, mut is_old) = (false, false);
    for line in lines(text) {
        let line = line.map_err(refused)?;
        match line.content {
            Content::Nothing => continue,
            Content::IndentedComment => {}
            Content::Section(name) => {
                is_section = Section::of(FileKind::Config, name) == section;
                is_old = false;
            }
            Content::Property { key: found, assigned, .. } => {
                is_old = is_section && found.eq_ignore_ascii_case(key);
                if is_old {
                    old = Some(assigned);
                    continuations.clear();
                }
            }
            Content::Continuation if is_old => match continuations.last_mut() {
                Some(Range { end, .. }) if *end == line.span.start => *end = line.span.end,
                _ => continuations.push(line.span.clone()),
            },
            Content::Continuation => {}
        }
        if is_section {
            end = line.span.end; // after indented comments, because some SDKs read them as continuations
        }
    }
    // Without such a property, add it at the end of the profile.
    let Some(old) = old else {
        let before = text.get(..end).unwrap_or_default();
        let line_end = line_end(before);
        let ends = if before.ends_with('\n') { ["", line_end] } else { [line_end, ""] };
        let [first, last] = ends;
        return spliced(text, &[(end..end, &[first, key, equals(value), value, last])]);
    };
    if let Some(last) =
        continuations.last_mut().filter(|last| last.end == text.len() && !text.ends_with('\n'))
    {
        // The line before becomes the last one, and the last line had no line end.
        let before = text.get(..last.start).unwrap_or_default();
        let before = before.strip_suffix('\n').unwrap_or(before);
        last.start = before.strip_suffix('\r').unwrap_or(before).len();
    }
    // Replace the value, keep the white space before it, and remove the lines that continued it.
    let assigned = text.get(old.clone()).unwrap_or_default();
    let blank = assigned.len() - assigned.trim_start_matches(BLANK).len();
    let gap = match equals(value) {
        " = " if assigned.is_empty() => " ",
        " = " => assigned.get(..blank).unwrap_or_default(),
        _ => "",
    };
    let new = [gap, value];
    let mut changes: Vec<(Range<usize>, &[&str])> = vec![(old, &new)];
    changes.extend(continuations.into_iter().map(|line| (line, [].as_slice())));
    spliced(text, &changes)
}

/// Returns the line end of the text before, for the next line.
fn line_end(before: &str) -> &'static str {
    match before.rfind('\n').and_then(|end| before.get(..end)) {
        Some(line) if line.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Replaces ranges of the text, which are in ascending order. The buffer has its final size from the beginning and is
/// wiped, because a config file can contain keys.
fn spliced(text: &str, changes: &[(Range<usize>, &[&str])]) -> Result<Zeroizing<String>> {
    let mut parts = Vec::new();
    let mut at = 0;
    for (range, new) in changes {
        parts.push(text.get(at..range.start).unwrap_or_default());
        parts.extend_from_slice(new);
        at = range.end;
    }
    parts.push(text.get(at..).unwrap_or_default());
    let len = parts.iter().map(|part| part.len()).sum();
    let mut spliced = Zeroizing::new(String::new());
    spliced.try_reserve_exact(len).map_err(|_| out_of_memory(len))?;
    parts.iter().for_each(|part| spliced.push_str(part));
    Ok(spliced)
}

fn refused(Broken { line, rule }: Broken) -> Error {
    let message = format!("could not read line {line} of the config file: {rule}");
    Error::new(ErrorKind::InvalidFile, message)
}
