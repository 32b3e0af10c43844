//! `bridge completions SHELL`: what a shell needs to complete the words of a command line.

use clap::{Args, ValueEnum};
use clap_complete::Shell;
use serde_json::json;

use super::exit::Exit;
use super::printer::Printer;
use super::tree;

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge completions bash > ~/.local/share/bash-completion/completions/bridge
  bridge completions zsh > ~/.zfunc/_bridge      with ~/.zfunc in $fpath, before compinit
  bridge completions fish > ~/.config/fish/completions/bridge.fish
  bridge completions powershell >> $PROFILE

A shell takes them in when it starts. After an update of the bridge, run it again.";

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell that is to complete
    #[arg(value_enum, value_name = "SHELL")]
    shell: Name,
}

/// The shells that there are completions for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
}

/// Prints the script.
pub(super) fn run(arguments: &Completions, printer: Printer) -> Exit {
    let shell = match arguments.shell {
        Name::Bash => Shell::Bash,
        Name::Zsh => Shell::Zsh,
        Name::Fish => Shell::Fish,
        Name::PowerShell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut tree::visible(), tree::NAME, &mut script);
    let script = String::from_utf8_lossy(&script);
    if printer.json {
        printer.json(&json!({ "shell": shell.to_string(), "script": script }));
    } else {
        printer.data(&script);
    }
    Exit::Done
}
