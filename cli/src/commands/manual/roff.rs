//! A manual page in the language of man(7): plain text in, with what it means to roff escaped.

use std::fmt::Write as _;

pub(super) struct Page {
    text: String,
}

impl Page {
    pub(super) fn new(title: &str, date: &str, source: &str) -> Self {
        Self { text: format!("'\\\" t\n.TH {title} 1 {date} \"{source}\"\n") }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn section(&mut self, title: &str) {
        let _ = writeln!(self.text, ".SH {title}");
    }

    pub(super) fn subsection(&mut self, title: &str) {
        let _ = writeln!(self.text, ".SS {}", escaped(title));
    }

    /// What is in this language already.
    pub(super) fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A paragraph. Text in backticks is printed bold.
    pub(super) fn text(&mut self, text: &str) {
        if self.text.lines().last().is_some_and(|line| !line.starts_with(".S")) {
            self.text.push_str(".PP\n");
        }
        self.lines(text);
    }

    /// An entry of a list. A value of an option, its last word in capitals, is printed in italics.
    pub(super) fn item(&mut self, head: &str, says: &str) {
        let head = match head.rsplit_once(' ') {
            Some((flags, value)) if flags.starts_with('-') && !value.starts_with('-') => {
                format!("\\fB{}\\fR \\fI{}\\fR", escaped(flags), escaped(value))
            }
            _ => format!("\\fB{}\\fR", escaped(head)),
        };
        let _ = writeln!(self.text, ".TP\n{head}");
        self.lines(says);
    }

    /// The values that an option takes, under its entry.
    pub(super) fn values<'a>(&mut self, values: impl Iterator<Item = (&'a str, String)>) {
        self.text.push_str(".RS\n");
        for (name, says) in values {
            self.item(name, &says);
        }
        self.text.push_str(".RE\n");
    }

    /// Lines that are printed as they are, indented.
    pub(super) fn code(&mut self, code: &str) {
        self.text.push_str(".RS 4\n.EX\n");
        for line in code.lines() {
            self.text.push_str(&start(&escaped(line)));
            self.text.push('\n');
        }
        self.text.push_str(".EE\n.RE\n");
    }

    /// Help as `--help` prints it: paragraphs, and code where lines are indented.
    pub(super) fn help(&mut self, help: &str) {
        let mut lines = help.lines().peekable();
        while let Some(first) = lines.next() {
            if first.is_empty() {
                continue;
            }
            let is_code = first.starts_with("  ");
            let mut part = first.trim_start().to_owned();
            while let Some(line) = lines.next_if(|line| line.starts_with("  ") == is_code && !line.is_empty())
            {
                part.push(if is_code { '\n' } else { ' ' });
                part.push_str(if is_code { line.strip_prefix("  ").unwrap_or(line) } else { line });
            }
            if is_code { self.code(&part) } else { self.text(&part) }
        }
    }

    /// A table of three columns with a head.
    pub(super) fn table(&mut self, head: &[&str; 3], rows: impl Iterator<Item = [String; 3]>) {
        self.text.push_str(".PP\n.TS\nlb lb lb\nl l lx.\n");
        let _ = writeln!(self.text, "{}", head.join("\t"));
        for [first, second, last] in rows {
            let _ = writeln!(
                self.text,
                "{}\t{}\tT{{\n{}\nT}}",
                escaped(&first),
                escaped(&second),
                start(&bold(&last))
            );
        }
        self.text.push_str(".TE\n");
    }

    /// Text a sentence to the line, as roff wants it.
    fn lines(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (sentence, behind) = match rest.find(". ") {
                Some(at) => rest.split_at(at + 1),
                None => (rest, ""),
            };
            self.text.push_str(&start(&bold(sentence)));
            self.text.push('\n');
            rest = behind.trim_start();
        }
    }
}

/// Text in backticks, printed bold.
fn bold(text: &str) -> String {
    text.split('`')
        .enumerate()
        .map(|(at, part)| if at % 2 == 0 { escaped(part) } else { format!("\\fB{}\\fR", escaped(part)) })
        .collect()
}

/// A line that begins with a dot or a quote would be a request.
fn start(line: &str) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
}

/// Letters as they are: roff turns bare quotes, dashes, carets and tildes into typographic ones.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '`' => escaped.push_str("\\(ga"),
            '^' => escaped.push_str("\\(ha"),
            '~' => escaped.push_str("\\(ti"),
            '"' => escaped.push_str("\\(dq"),
            '…' => escaped.push_str("..."),
            plain => escaped.push(plain),
        }
    }
    escaped
}
