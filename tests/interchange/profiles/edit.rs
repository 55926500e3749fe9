//! Properties set in a config file that is there.

use super::write::{any_value, value_can_be_carried};
use super::*;

fn edited(text: &str, profile: &str, properties: &[(&str, &str)]) -> String {
    set_properties(text, profile, properties).unwrap().expose_secret().to_owned()
}

const PROCESS: (&str, &str) = ("credential_process", "/usr/bin/aumbry credential-process 's3 uploads'");

#[test]
fn a_new_profile_goes_to_the_end_of_the_file() {
    let line = format!("{} = {}", PROCESS.0, PROCESS.1);
    for (before, profile, after) in [
        ("", "a", format!("[profile a]\n{line}\n")),
        ("", "default", format!("[default]\n{line}\n")),
        ("\u{feff}", "a", format!("\u{feff}[profile a]\n{line}\n")),
        ("[default]\nregion = x\n", "a", format!("[default]\nregion = x\n\n[profile a]\n{line}\n")),
        ("[default]\nregion = x\n\n", "a", format!("[default]\nregion = x\n\n[profile a]\n{line}\n")),
        (
            "[default]\r\nregion = x\r\n",
            "a",
            format!("[default]\r\nregion = x\r\n\r\n[profile a]\r\n{line}\r\n"),
        ),
        ("[default]\nregion = x", "a", format!("[default]\nregion = x\n\n[profile a]\n{line}")),
        ("[a]\nregion = x\n", "a", format!("[a]\nregion = x\n\n[profile a]\n{line}\n")),
        ("[profile ab]\n# end", "a", format!("[profile ab]\n# end\n\n[profile a]\n{line}")),
    ] {
        assert_eq!(edited(before, profile, &[PROCESS]), after, "{before:?}");
    }
    assert_eq!(edited("", "a", &[]), "[profile a]\n");
}

#[test]
fn a_property_keeps_its_place_its_spacing_and_its_comment() {
    let text = "# top\n[profile a] # first\nregion=us-east-1\t; far\nREGION   =  us-east-2 # near\n\noutput = json\n\
        # of b\n[profile b]\nregion = x\n";
    let expected = "# top\n[profile a] # first\nregion=us-east-1\t; far\nREGION   =  eu-central-1 # near\n\noutput = json\n\
        # of b\n[profile b]\nregion = x\n";
    assert_eq!(edited(text, "a", &[("region", "eu-central-1")]), expected);
    assert_eq!(
        edited("[default]\nregion = # none\n", "default", &[("region", "x")]),
        "[default]\nregion = x # none\n"
    );
    assert_eq!(edited("[default]\nregion =", "default", &[("region", "x")]), "[default]\nregion = x");
    assert_eq!(
        edited("[default]\nregion = x # y\n", "default", &[("region", "")]),
        "[default]\nregion = # y\n"
    );
    assert_eq!(
        edited("[default]\nkey  =  x # y\n", "default", &[("key", "#1")]),
        "[default]\nkey  =#1 # y\n"
    );
}

#[test]
fn a_new_property_goes_to_the_end_of_its_profile() {
    let text =
        "[profile a]\r\ns3 =\r\n  x = y\r\n  # indented\r\n\r\n# of b\r\n[profile b]\r\nregion = x\r\n";
    let expected = "[profile a]\r\ns3 =\r\n  x = y\r\n  # indented\r\nregion = r\r\n\r\n# of b\r\n[profile b]\r\nregion = x\r\n";
    assert_eq!(edited(text, "a", &[("region", "r")]), expected);
    assert_eq!(edited("[profile a]", "a", &[("region", "r"), ("x", "y")]), "[profile a]\nregion = r\nx = y");
}

#[test]
fn the_lines_that_continue_an_old_value_go_with_it() {
    let text = "[default]\ns3 =\n  x = y\n\n  # kept\n  z = w\nregion = r\n  more\noutput = o\n";
    let expected = "[default]\ns3 = simple\n\n  # kept\nregion = r2\noutput = o\n";
    assert_eq!(edited(text, "default", &[("s3", "simple"), ("region", "r2")]), expected);
    let set = |text: &str| edited(text, "default", &[("s3", "simple")]);
    assert_eq!(set("[default]\ns3 =\n  x = y\n\n  z = w"), "[default]\ns3 = simple\n");
    assert_eq!(set("[default]\r\ns3 =\r\n  x = y\r\n  z = w"), "[default]\r\ns3 = simple");
}

#[test]
fn the_section_that_aws_reads_is_the_one_that_is_edited() {
    let text = "[default]\nregion = a\n[profile default]\nregion = b\n[profile x]\nregion = c\n[profile x]\noutput = d\n";
    let expected = "[default]\nregion = a\n[profile default]\nregion = n\n[profile x]\nregion = c\n[profile x]\noutput = d\n";
    assert_eq!(edited(text, "default", &[("region", "n")]), expected);
    let expected = "[default]\nregion = a\n[profile default]\nregion = b\n[profile x]\nregion = n\n[profile x]\noutput = d\ns3 = z\n";
    assert_eq!(edited(text, "x", &[("region", "n"), ("s3", "z")]), expected);
}

#[test]
fn a_value_a_name_or_a_file_that_cannot_be_is_refused() {
    let flawed = [
        format!("{SECRET}\n"),
        format!("{SECRET}\r"),
        format!("x\n[profile b]\n{SECRET}"),
        format!(" {SECRET}"),
        format!("{SECRET} # x"),
        format!("{SECRET}\0"),
    ];
    for value in &flawed {
        let said = refusal(set_properties("", "a", &[("region", value)]), ErrorKind::InvalidInput);
        assert!(said.contains("\"region\""), "{said}");
    }
    for profile in ["", "two words", "a]", "ä", "a\nb"] {
        let said = refusal(set_properties("", profile, &[]), ErrorKind::InvalidInput);
        assert!(said.contains(&format!("{profile:?}")), "{said}");
    }
    for key in ["", "two words", "a=b", "[x", "#x", " x", "a\nb"] {
        let said = refusal(set_properties("", "a", &[(key, "x")]), ErrorKind::InvalidInput);
        assert!(said.contains(&format!("{key:?}")), "{said}");
    }
    for (line, text) in [(1, SECRET.to_owned()), (3, format!("[a]\nx = y\n{}\n", SECRET.replace('=', "")))] {
        let said = refusal(set_properties(&text, "a", &[]), ErrorKind::InvalidFile);
        assert!(said.starts_with(&format!("could not read line {line} of the config file")), "{said}");
    }
    let broken_behind = format!("[profile a]\n[profile b]\n={SECRET}");
    let said = refusal(set_properties(&broken_behind, "a", &[]), ErrorKind::InvalidFile);
    assert!(said.starts_with("could not read line 3 "), "{said}");
    let edited = set_properties("", "a", &[("aws_secret_access_key", SECRET)]).unwrap();
    assert!(!shows_a_secret(&format!("{edited:?}")) && edited.expose_secret().contains(SECRET));
}

const KEYS: [&str; 4] = ["region", "output", "s3", "credential_process"];

/// Sections with all that may stand in them, each with the profile it is of; the first, without heading, of none.
fn any_config() -> impl Strategy<Value = Vec<(Option<&'static str>, String)>> {
    let headings = prop::sample::select(vec![
        (Some("default"), "[default]\n"),
        (Some("a"), "[profile a]\n"),
        (Some("a"), "[ profile  a\t] # A\n"),
        (Some("b"), "[profile b]; B\n"),
        (None, "[sso-session a]\n"),
        (None, "[a]\n"),
    ]);
    let lines = prop::sample::select(vec![
        "region = eu-central-1\n",
        "Region=us-east-1\t# far\n",
        "output = json ; x\n",
        "output =\n",
        "output = # none\n",
        "s3 =\n  region = nested\n\n  # indented\n  output = nested\n",
        "s3 = simple\n",
        "credential_process = x\n  continued # no comment\n",
        "other = [profile a]\n",
        "other=#1\n",
        "# region = commented\n",
        ";\n",
        "\n",
        " \t\n",
        "  # indented\n",
    ]);
    let nothing = prop::sample::select(vec!["", "# top\n\n", "\n"]);
    let section = (headings, prop::collection::vec(lines, 0..6));
    (nothing, prop::collection::vec(section, 0..5)).prop_map(|(first, sections)| {
        let sections = sections
            .into_iter()
            .map(|((profile, heading), lines)| (profile, heading.to_owned() + &lines.concat()));
        std::iter::once((None, first.to_owned())).chain(sections).collect()
    })
}

/// What AWS would find in each profile of a config file.
fn found_in(config: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let keys: String =
        ["default", "a", "b", "new"].iter().map(|name| format!("[{name}]\n{}", key())).collect();
    let import = both(&keys, config).unwrap();
    all_facts(&import).into_iter().map(|(name, .., attributes)| (name, attributes)).collect()
}

/// A text cut before each section.
fn sections(text: &str) -> Vec<String> {
    text.split_inclusive('\n').fold(vec![String::new()], |mut sections, line| {
        if line.starts_with('[') {
            sections.push(String::new());
        }
        sections.last_mut().unwrap().push_str(line);
        sections
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Everything outside the profile's own sections stays, all in them that is not set stays too, and what is set
    /// is what is read.
    #[test]
    fn an_edit_sets_what_it_should_and_nothing_else(
        file in any_config(),
        profile in prop::sample::select(vec!["default", "a", "b", "new"]),
        properties in prop::collection::btree_map(
            prop::sample::select(KEYS.to_vec()), any_value().prop_filter("refused", |value| value_can_be_carried(value)), 0..3),
        crlf in any::<bool>(),
        mark in any::<bool>(),
        last_line_ends in any::<bool>(),
    ) {
        let shape = |text: &str| if crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
        let mut text = shape(&file.iter().map(|(_, section)| section.as_str()).collect::<String>());
        if !last_line_ends {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        let text = if mark { format!("\u{feff}{text}") } else { text };
        let properties: Vec<(&str, &str)> = properties.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let new = edited(&text, profile, &properties);

        let (old_sections, new_sections) = (sections(text.trim_start_matches('\u{feff}')), sections(new.trim_start_matches('\u{feff}')));
        prop_assert_eq!(text.starts_with('\u{feff}'), new.starts_with('\u{feff}'));
        if file.iter().any(|(owner, _)| *owner == Some(profile)) {
            prop_assert_eq!(old_sections.len(), new_sections.len());
            for ((owner, _), (old, new)) in file.iter().zip(old_sections.iter().zip(&new_sections)) {
                if *owner != Some(profile) {
                    prop_assert_eq!(old, new);
                    continue;
                }
                // Line by line: what belongs to no property that was set is still there, in the same order.
                let mut left = new.split_inclusive('\n').map(|line| line.trim_end_matches(['\r', '\n']));
                let mut is_set = false;
                for line in old.split_inclusive('\n').map(|line| line.trim_end_matches(['\r', '\n'])) {
                    let is_comment = line.trim().is_empty() || line.trim().starts_with(['#', ';']);
                    if !is_comment && !line.starts_with(' ') {
                        let key = line.split('=').next().unwrap().trim().to_lowercase();
                        is_set = properties.iter().any(|(set, _)| *set == key);
                    }
                    if is_comment || !is_set {
                        prop_assert!(left.any(|new| new == line), "{line:?} is gone from {old:?}: {new:?}");
                    }
                }
            }
        } else {
            prop_assert!(new.starts_with(&text), "{new:?} does not begin with {text:?}");
        }
        let bare_line_ends = new.matches('\n').count() - new.matches("\r\n").count();
        prop_assert!(!crlf || !text.contains('\n') || bare_line_ends == 0, "{new:?}");
        let is_empty = text.trim_start_matches('\u{feff}').is_empty();
        prop_assert!(is_empty || new.ends_with('\n') == text.ends_with('\n'), "{new:?}");

        let mut expected = found_in(&text);
        let attributes = expected.get_mut(profile).unwrap();
        attributes.extend(properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        prop_assert_eq!(found_in(&new), expected, "{:?}", new);
        prop_assert_eq!(edited(&new, profile, &properties), new, "once more changes nothing");
    }
}
