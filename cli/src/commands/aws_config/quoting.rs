//! Words of a command line in a config file of AWS.

use crate::failure::{Failure, Outcome};

/// Whose rules take the line apart again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::commands) enum Platform {
    Unix,
    Windows,
}

impl Platform {
    /// The one that this program runs on.
    pub(in crate::commands) const HERE: Self = if cfg!(windows) { Self::Windows } else { Self::Unix };
}

/// Bare where possible. Otherwise on Unix in single quotes, because one SDK for Go drops everything after a word in double
/// quotes, and on Windows in double quotes, because single quotes have no meaning there.
pub(in crate::commands) fn quoted(word: &str, platform: Platform) -> Outcome<String> {
    let is_bare = |c: char| {
        c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c) || (platform == Platform::Windows && c == '\\')
    };
    let forbidden: &[char] = if platform == Platform::Windows { &['\n', '\r'] } else { &['\'', '\n', '\r'] };
    match word {
        word if !word.is_empty() && word.chars().all(is_bare) => Ok(word.to_owned()),
        word if word.contains(forbidden) => Err(Failure::usage(format!(
            "{word:?} cannot be in a config file: choose a name or path without quotes"
        ))),
        word if platform == Platform::Windows => Ok(in_double_quotes(word)),
        word => Ok(format!("'{word}'")),
    }
}

/// As programs on Windows take their command line apart: a backslash is one, save before a double quote, where two of
/// them mean one, and an odd one makes the quote a letter.
fn in_double_quotes(word: &str) -> String {
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for letter in word.chars() {
        if letter == '"' {
            quoted.push_str(&"\\".repeat(backslashes + 1)); // once more than they are, and one for the quote
        }
        backslashes = if letter == '\\' { backslashes + 1 } else { 0 };
        quoted.push(letter);
    }
    quoted.push_str(&"\\".repeat(backslashes));
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(word: &str) -> String {
        quoted(word, Platform::Windows).unwrap_or_else(|failure| failure.message().to_owned())
    }

    fn unix(word: &str) -> String {
        quoted(word, Platform::Unix).unwrap_or_else(|failure| failure.message().to_owned())
    }

    // The right-hand sides were split by botocore's own `compat_shell_split`.
    #[test]
    fn on_windows_a_path_is_bare_and_blanks_or_quotes_need_double_quotes() {
        assert_eq!(windows(r"C:\Users\anna\aumbry.exe"), r"C:\Users\anna\aumbry.exe");
        assert_eq!(windows(r"C:\Program Files\aumbry.exe"), r#""C:\Program Files\aumbry.exe""#);
        assert_eq!(windows(r"\\server\share x\"), r#""\\server\share x\\""#);
        assert_eq!(windows(r#"type "C:\a b\p""#), r#""type \"C:\a b\p\"""#);
        assert_eq!(windows(r#"a\"b c\\"#), r#""a\\\"b c\\\\""#);
        assert_eq!(windows("anna's"), "\"anna's\"");
        assert_eq!(windows(""), "\"\"");
        assert!(windows("a\nb").contains("cannot be in a config file"));
    }

    #[test]
    fn on_unix_everything_else_is_in_single_quotes() {
        assert_eq!(unix("/usr/bin/aumbry"), "/usr/bin/aumbry");
        assert_eq!(unix("/home/anna b/vault"), "'/home/anna b/vault'");
        assert_eq!(unix(r"a\b"), r"'a\b'");
        assert_eq!(unix(r#"pass "x""#), r#"'pass "x"'"#);
        assert_eq!(unix(""), "''");
        assert!(unix("anna's").contains("cannot be in a config file"));
    }
}
