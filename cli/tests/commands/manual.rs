//! The manual page, and what else explains the command. `.ci/run` has mandoc look at the page too.

use std::path::Path;

use crate::common::Home;

fn page() -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_aumbry")).arg("man").output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn beside_the_package(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

#[test]
fn the_manual_has_every_section_in_the_order_of_man_7() {
    let page = page();
    let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
    let expected = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "COMMANDS",
        "OPTIONS",
        "EXIT STATUS",
        "ERRORS",
        "JSON",
        "ENVIRONMENT",
        "FILES",
        "EXAMPLES",
        "SECURITY",
        "SEE ALSO",
    ];
    assert_eq!(sections, expected);
    assert!(page.is_ascii(), "every reader of man pages shows ASCII");
}

#[test]
fn the_manual_describes_every_command_and_every_option_of_it() {
    let home = Home::plain();
    let page = page().replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "");
    let mut commands = commands_of(&home, &[]);
    let nested: Vec<_> = commands.iter().flat_map(|command| commands_of(&home, command)).collect();
    assert!(nested.len() >= 6, "{nested:?}");
    commands.extend(nested);
    assert!(commands.len() > 15, "{commands:?}");
    let mut options_seen = 0;
    for command in commands {
        let name = command.join(" ");
        let head = format!(".SS aumbry {name}\n");
        let section = page.split(&head).nth(1).unwrap_or_else(|| panic!("{name} is not in the page"));
        let section = section.split("\n.S").next().unwrap();
        for line in help_of(&home, &command).lines().filter(|line| line.trim_start().starts_with('-')) {
            let Some(option) = line.split([' ', ',']).find(|word| word.starts_with("--")) else { continue };
            options_seen += 1;
            let is_described =
                |text: &str| text.lines().any(|line| line.split([' ', ',']).any(|word| word == option));
            let options = page.split(".SH OPTIONS\n").nth(1).unwrap();
            assert!(option == "--help" || is_described(section) || is_described(options), "{name} {option}");
        }
        assert!(section.contains(".EX\n"), "{name} has no example");
    }
    assert!(options_seen > 100, "the options were not found: {options_seen}");
}

fn help_of(home: &Home, command: &[String]) -> String {
    let words: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
    home.succeeds(&words)
}

/// The commands that this one has, as its help lists them.
fn commands_of(home: &Home, command: &[String]) -> Vec<Vec<String>> {
    help_of(home, command)
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap())
        .filter(|name| *name != "help")
        .map(|name| [command, &[name.to_owned()]].concat())
        .collect()
}

#[test]
fn the_manual_lists_every_error_code_that_a_command_gives() {
    let home = Home::plain();
    home.write("broken", "not a vault");
    let page = page();
    let errors = page.split(".SH ERRORS\n").nth(1).unwrap().split(".SH").next().unwrap();
    for (arguments, code, exit) in [
        (&["lst"] as &[&str], "usage", 2),
        (&["show"], "usage", 2),
        (&["add", "a\nb", "--access-key-id", "A"], "invalid_input", 2),
        (&["--vault", "nowhere", "list"], "not_found", 3),
        (&["--vault", "broken", "list"], "invalid_file", 8),
        (&["--passphrase-command", "echo x", "list"], "wrong_passphrase", 4),
        (&["get", "nobody"], "no_such_record", 5),
        (&["remove", "mine"], "input_needed", 6),
        (&["init"], "already_exists", 7),
        (&["import", "broken"], "invalid_file", 8),
        (&["export", "--format", "json"], "refused", 9),
        (&["exec", "mine", "--json", "--", "./passphrase"], "not_runnable", 126),
        (&["exec", "mine", "--json", "--", "no-such-program"], "no_program", 127),
    ] {
        let arguments =
            if arguments.contains(&"--") { arguments.to_vec() } else { [arguments, &["--json"]].concat() };
        let output = home.run(&arguments);
        let said = crate::common::stderr(&output);
        let error: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert_eq!(error["error"]["code"], code, "{arguments:?}: {said}");
        assert_eq!(
            (output.status.code(), &error["error"]["exit"]),
            (Some(exit), &exit.into()),
            "{arguments:?}"
        );
        assert!(errors.contains(&format!("\n{code}\t{exit}\tT{{\n")), "{code} {exit} is not in the page");
    }
}

#[test]
fn exit_codes_mean_the_same_in_the_manual_the_help_and_the_book() {
    let page_of_the_book = beside_the_package("docs/command-line.md");
    let table = page_of_the_book.split("| exit code |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let help = Home::plain().succeeds(&["--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
    let page = page().replace("\\-", "-").replace("\\fB", "`").replace("\\fR", "`");
    let status = page.split(".SH EXIT STATUS\n").nth(1).unwrap();
    let mut count = 0;
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let (exit, meaning) = (cells[1], cells[2]);
        assert!(help.contains(&format!("{exit} {meaning}")), "the help lacks {exit} {meaning}");
        assert!(status.contains(&format!("`{exit}`\n{meaning}\n")), "the page lacks {exit} {meaning}");
        count += 1;
    }
    assert_eq!(count, 10);
}

#[test]
fn the_manual_is_the_same_today_and_tomorrow_and_dated_as_its_release() {
    let page = page();
    let title = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let date = title.split(' ').nth(3).unwrap();
    assert!(
        title.starts_with(".TH AUMBRY 1 ") && title.ends_with(&format!("\"aumbry {version}\"")),
        "{title}"
    );
    let changelog = beside_the_package("CHANGELOG.md");
    let heading = changelog.lines().find(|line| line.starts_with(&format!("## {version} "))).unwrap();
    let said = heading.split(['(', ')']).nth(1).unwrap();
    assert!(said == "unreleased" || said == date, "the page says {date}, the changelog {said}");
}

#[test]
fn the_help_of_import_says_what_it_reads_and_what_it_skips() {
    let home = Home::plain();
    let help = home.succeeds(&["help", "import"]);
    for said in ["aws-profiles", "aws-csv", "json", "credential_process", "IAM console", "skipped", "rename:"]
    {
        assert!(help.contains(said), "{said} is not in {help}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn help_is_wrapped_by_the_width_of_the_terminal_alone() {
    // The width of what is not a terminal is 100 columns.
    let help = Home::empty().succeeds(&["--help"]);
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    for section in ["The command line is never", "  9  refused"] {
        let lines = help.lines().skip_while(|line| !line.starts_with(section));
        let paragraph: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        // Each line is as full as the next word allows.
        for pair in paragraph.windows(2) {
            let next = pair[1].split_whitespace().next().unwrap();
            let is_item = pair[1].starts_with(['`', ' ']);
            assert!(is_item || pair[0].chars().count() + 1 + next.len() > 100, "{pair:?}");
        }
    }
}
