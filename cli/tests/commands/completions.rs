//! Completion scripts, for every shell that there are some for.

use std::process::{Command, Stdio};

use crate::common::{Home, output};

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];

#[test]
fn completions_name_every_command_in_every_shell() {
    let home = Home::empty();
    let help = home.succeeds(&["--help"]);
    let commands: Vec<_> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert!(commands.len() > 20 && commands.contains(&"credential-process"), "{commands:?}");
    for shell in SHELLS {
        let script = home.succeeds(&["completions", shell]);
        let words: Vec<_> = script.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').collect();
        for command in &commands {
            assert!(words.contains(command), "{shell} does not know {command}");
        }
        assert!(script.contains("vault") && script.contains("passphrase-command"), "{shell} knows no option");
    }
    home.fails(&["completions", "nushell"], 2, "nushell");
}

#[cfg(unix)]
#[test]
fn bash_understands_its_completions_and_uses_them() {
    let home = Home::empty();
    home.write("script", &home.succeeds(&["completions", "bash"]));
    let checked = home.program("bash", &["-n", "script"]).stdin(Stdio::null()).output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
    let complete = ". ./script; COMP_WORDS=(aumbry aws-); COMP_CWORD=1; _aumbry aumbry aws- aumbry; echo \"${COMPREPLY[@]}\"";
    let mut bash: Command = home.program("bash", &["-c", complete]);
    bash.stdin(Stdio::null());
    assert_eq!(String::from_utf8(output(bash).stdout).unwrap(), "aws-config\n");
}
