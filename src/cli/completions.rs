//! `bridge completions SHELL`: what a shell needs to complete the words of a command line. Names of servers are not in the
//! script: it asks `bridge complete` for them, which knows them as they are configured then.

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

/// Where bash and zsh begin: the function that completes gets another name, and is what the one in its place falls back on.
const FUNCTION: [&str; 2] = ["\n_bridge() {\n", "\n_bridge_words() {\n"];

const BASH: &str = r#"
_bridge() {
    local names=""
    if [[ "${COMP_WORDS[COMP_CWORD]}" != -* ]]; then
        names="$("$1" complete "${COMP_WORDS[@]:0:COMP_CWORD}" 2>/dev/null)"
    fi
    if [[ -n "${names}" ]]; then
        COMPREPLY=( $(compgen -W "${names}" -- "${COMP_WORDS[COMP_CWORD]}") )
    else
        _bridge_words "$@"
    fi
}
"#;

/// Before what calls the function where the file is loaded as one.
const ZSH: [&str; 2] = [
    "\nif [ \"$funcstack[1]\" = \"_bridge\" ]; then\n",
    r#"
_bridge() {
    local -a names
    if [[ "${words[CURRENT]}" != -* ]]; then
        names=(${(f)"$("${words[1]}" complete "${(@)words[1,CURRENT-1]}" 2>/dev/null)"})
    fi
    if (( ${#names} )); then
        compadd -a names
    else
        _bridge_words "$@"
    fi
}
"#,
];

const FISH: &str = r#"
function __bridge_servers
    set -l words (commandline -opc)
    $words[1] complete $words 2>/dev/null
end
function __bridge_has_servers
    not string match -q -- "-*" (commandline -ct); and count (__bridge_servers) >/dev/null
end
complete -c bridge -n __bridge_has_servers -f -a '(__bridge_servers)'
"#;

/// Before what chooses among all that was found.
const POWERSHELL: [&str; 2] = [
    "\n    $completions.Where{",
    r"
    $words = @($commandElements | ForEach-Object { $_.Extent.Text })
    if ($wordToComplete) { $words = @($words | Select-Object -SkipLast 1) }
    if ($wordToComplete -notlike '-*') {
        $completions += @(& $words[0] complete @words 2>$null | ForEach-Object {
            [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_)
        })
    }
",
];

impl Name {
    /// The script with what asks for the names of servers.
    fn with_servers(self, script: &str) -> String {
        let [old, new] = FUNCTION;
        let before = |[mark, more]: [&str; 2], script: &str| {
            script.replacen(mark, &format!("{more}{mark}"), 1)
        };
        match self {
            Self::Bash => {
                format!("\n{script}").replacen(old, new, 1).trim_start().to_owned() + BASH
            }
            Self::Zsh => before(ZSH, &script.replacen(old, new, 1)),
            Self::Fish => format!("{script}{FISH}"),
            Self::PowerShell => before(POWERSHELL, script),
        }
    }
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
    let script = arguments.shell.with_servers(&String::from_utf8_lossy(&script));
    if printer.json {
        printer.json(&json!({ "shell": shell.to_string(), "script": script }));
    } else {
        printer.data(&script);
    }
    Exit::Done
}
