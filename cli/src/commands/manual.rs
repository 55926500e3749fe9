//! Completions and the manual page, made from the same description that parses the command line.

mod roff;

use clap::{Arg, Command, CommandFactory};

use self::roff::Page;
use crate::arguments::Arguments;
use crate::failure::{CODES, EXITS, Outcome};
use crate::output::print;

/// When the text was last changed: a page is the same whenever it is built.
const DATE: &str = "2026-11-23";

/// The sections that are written by hand, in the language of the page.
const DESCRIPTION: &str = include_str!("manual/description.man");
const CLOSING: &str = include_str!("manual/closing.man");

pub(super) fn completions(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "aumbry", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// One page about everything, so that it can be piped, searched and installed as one file.
pub(super) fn man() -> Outcome {
    let mut program = Arguments::command();
    program.build();
    let mut page = Page::new("AUMBRY", DATE, concat!("aumbry ", env!("CARGO_PKG_VERSION")));
    page.section("NAME");
    page.text("aumbry - AWS credentials in one sealed file");
    page.section("SYNOPSIS");
    page.code("aumbry [OPTIONS] COMMAND [ARGUMENTS]");
    page.raw(DESCRIPTION);
    page.section("COMMANDS");
    describe_all(&mut page, &mut program);
    page.section("OPTIONS");
    page.text("These options can be given to every command.");
    options(&mut page, program.get_arguments().filter(|option| option.is_global_set()));
    page.section("EXIT STATUS");
    for (exit, meaning) in EXITS {
        page.item(&exit.to_string(), meaning);
    }
    page.text("`exec` ends as its program ends, with 126 or 127 if that could not be run.");
    page.section("ERRORS");
    page.text("With `--json` the last line of stderr is an object with one of these codes:");
    page.code(r#"{"error":{"code":"wrong_passphrase","exit":4,"message":"..."}}"#);
    page.table(
        &["code", "exit", "meaning"],
        CODES.iter().map(|code| [code.word.to_owned(), code.exit.to_string(), code.meaning.to_owned()]),
    );
    page.raw(CLOSING);
    print(&page.into_text())
}

/// The commands of a command, each with its own.
fn describe_all(page: &mut Page, program: &mut Command) {
    for command in program.get_subcommands_mut().filter(|command| command.get_name() != "help") {
        describe(page, command);
        describe_all(page, command);
    }
}

/// What one command does: its usage, its own options, and what its help says in the end.
fn describe(page: &mut Page, command: &mut Command) {
    page.subsection(command.get_bin_name().unwrap_or_default());
    page.code(command.render_usage().to_string().trim_start_matches("Usage: "));
    page.text(&sentence(command.get_long_about().or_else(|| command.get_about())));
    options(page, command.get_arguments().filter(|argument| !argument.is_global_set()));
    if let Some(end) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        page.help(&end.to_string());
    }
}

fn options<'a>(page: &mut Page, arguments: impl Iterator<Item = &'a Arg>) {
    for argument in arguments.filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version")) {
        let mut says = sentence(argument.get_long_help().or_else(|| argument.get_help()));
        if let Some(variable) = argument.get_env() {
            says += &format!(" The environment variable `{}` says it too.", variable.to_string_lossy());
        }
        if !argument.get_action().takes_values() {
            page.item(&head(argument), &says);
            continue;
        }
        if let [value] = argument.get_default_values()
            && !argument.is_hide_default_value_set()
        {
            says += &format!(" Without it, `{}`.", value.to_string_lossy());
        }
        let values = argument.get_possible_values();
        let explained = values.iter().any(|value| value.get_help().is_some());
        if !values.is_empty() && !explained {
            let names: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
            says += &format!(" One of {}.", names.join(", "));
        }
        page.item(&head(argument), &says);
        if explained {
            page.values(values.iter().map(|value| (value.get_name(), sentence(value.get_help()))));
        }
    }
}

/// How an argument is written: `-o, --output FILE`.
fn head(argument: &Arg) -> String {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let flags = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    if !argument.get_action().takes_values() {
        return flags;
    }
    let id = || argument.get_id().as_str().to_uppercase();
    let value = argument.get_value_names().and_then(<[_]>::first).map_or_else(id, ToString::to_string);
    if flags.is_empty() { value } else { format!("{flags} {value}") }
}

/// A line of help as a sentence: help ends without a full stop, a page has them.
fn sentence(help: Option<&clap::builder::StyledStr>) -> String {
    let text = help.map(ToString::to_string).unwrap_or_default();
    if text.is_empty() || text.ends_with(['.', ':', '!', '?']) { text } else { text + "." }
}
