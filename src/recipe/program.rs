//! Programs that recipes start, by their names.

use super::fetched::fetching;
use super::options::{Choice, Syntax, scan};

/// What a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// Fetches npm packages and runs them.
    Npx,
    /// Fetches Python packages and runs them.
    Uvx,
    /// Fetches images and runs them.
    Docker,
    /// Runs what the line says.
    Shell,
    /// The shell of Windows, through which scripts such as `npx` are started there.
    Cmd,
    /// Runs a file or, if it is told so, a line.
    Interpreter(&'static Interpreter),
    /// Gives others the rights of an administrator.
    Elevator,
    /// Is there on many machines and no MCP server; many of them run what stands behind them.
    System,
    /// May be a server.
    Other,
}

/// How code is handed to an interpreter without a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    name: &'static str,
    /// Options whose value is run.
    pub(super) code: &'static [&'static str],
    /// Options whose value is loaded first.
    pub(super) load: &'static [&'static str],
    /// Long options with a value.
    valued: &'static [&'static str],
    short: &'static str,
}

const INTERPRETERS: [Interpreter; 11] = [
    Interpreter {
        name: "node",
        code: &["-e", "--eval", "-p", "--print"],
        load: &["-r", "--require", "--import", "--loader", "--experimental-loader"],
        valued: &["eval", "print", "require", "import", "loader", "experimental-loader"],
        short: "erC",
    },
    Interpreter {
        name: "nodejs",
        code: &["-e", "--eval", "-p", "--print"],
        load: &["-r", "--require", "--import", "--loader", "--experimental-loader"],
        valued: &["eval", "print", "require", "import", "loader", "experimental-loader"],
        short: "erC",
    },
    Interpreter { name: "pypy", code: &["-c"], load: &[], valued: &[], short: "cmWXQ" },
    Interpreter { name: "pythonw", code: &["-c"], load: &[], valued: &[], short: "cmWXQ" },
    Interpreter { name: "python", code: &["-c"], load: &[], valued: &[], short: "cmWXQ" },
    Interpreter { name: "py", code: &["-c"], load: &[], valued: &[], short: "cmWXQ" },
    Interpreter {
        name: "bun",
        code: &["-e", "--eval", "-p", "--print"],
        load: &["-r", "--preload", "--require"],
        valued: &["eval", "print", "preload", "require", "cwd", "config"],
        short: "erc",
    },
    Interpreter {
        name: "deno",
        code: &["eval"],
        load: &["--preload"],
        valued: &["preload", "config", "import-map"],
        short: "c",
    },
    Interpreter { name: "ruby", code: &["-e"], load: &["-r"], valued: &[], short: "erIC" },
    Interpreter {
        name: "perl",
        code: &["-e", "-E"],
        load: &["-M", "-m"],
        valued: &[],
        short: "eEMmI",
    },
    Interpreter { name: "php", code: &["-r"], load: &[], valued: &["run"], short: "rdcfz" },
];

const SHELLS: [&str; 11] =
    ["sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "csh", "tcsh", "powershell", "pwsh"];
const ELEVATORS: [&str; 7] = ["sudo", "doas", "pkexec", "su", "runas", "gsudo", "run0"];
const SYSTEM: [&str; 125] = [
    "at",
    "awk",
    "bitsadmin",
    "busybox",
    "bwrap",
    "cargo",
    "cat",
    "certutil",
    "chmod",
    "chown",
    "chronic",
    "chroot",
    "chrt",
    "conhost",
    "cp",
    "crontab",
    "cscript",
    "curl",
    "dbus-run-session",
    "dd",
    "dotnet",
    "ed",
    "emacs",
    "entr",
    "env",
    "ex",
    "exec",
    "expect",
    "fakeroot",
    "faketime",
    "find",
    "firejail",
    "flock",
    "forfiles",
    "gawk",
    "gdb",
    "gem",
    "git",
    "go",
    "groovy",
    "gtime",
    "guile",
    "ionice",
    "java",
    "jshell",
    "julia",
    "kill",
    "kotlin",
    "launchctl",
    "lldb",
    "ln",
    "ltrace",
    "lua",
    "luajit",
    "make",
    "mawk",
    "mount",
    "msbuild",
    "mshta",
    "msiexec",
    "mv",
    "nawk",
    "nc",
    "ncat",
    "nice",
    "nohup",
    "nsenter",
    "nvim",
    "octave",
    "open",
    "osascript",
    "parallel",
    "pip",
    "pip3",
    "prlimit",
    "proot",
    "r",
    "racket",
    "reg",
    "regsvr32",
    "rm",
    "rscript",
    "runcon",
    "rundll32",
    "rustup",
    "rvim",
    "scala",
    "schtasks",
    "scp",
    "screen",
    "script",
    "sed",
    "setarch",
    "setsid",
    "socat",
    "sqlite3",
    "ssh",
    "stdbuf",
    "strace",
    "swift",
    "systemctl",
    "systemd-run",
    "tar",
    "taskset",
    "tclsh",
    "time",
    "timeout",
    "tmux",
    "toybox",
    "ts-node",
    "tsx",
    "unbuffer",
    "unshare",
    "valgrind",
    "vi",
    "view",
    "vim",
    "watch",
    "wget",
    "wish",
    "wmic",
    "wscript",
    "wsl",
    "xargs",
    "xvfb-run",
];

impl Program {
    /// What the program of this name or path is.
    pub(super) fn of(command: &str) -> Self {
        let name = name_of(command);
        if let Some(program) = fetching(&name) {
            return program;
        }
        // `python3.12` is `python`.
        let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        if let Some(interpreter) = INTERPRETERS.iter().find(|known| known.name == stem) {
            return Self::Interpreter(interpreter);
        }
        match name.as_str() {
            "cmd" => Self::Cmd,
            shell if SHELLS.contains(&shell) => Self::Shell,
            elevator if ELEVATORS.contains(&elevator) => Self::Elevator,
            system if SYSTEM.contains(&system) => Self::System,
            _ => Self::Other,
        }
    }
}

impl Interpreter {
    /// Its options, and where what it runs stands.
    pub(super) fn scan<'a>(&self, args: &[&'a str]) -> (Vec<Choice<'a>>, usize) {
        scan(args, 0, &Syntax::valued(self.valued, self.short))
    }
}

/// The name without folders and without what Windows appends.
pub(super) fn name_of(command: &str) -> String {
    let name = command.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    for ending in [".exe", ".cmd", ".bat", ".ps1", ".com"] {
        if let Some(stem) = name.strip_suffix(ending) {
            return stem.to_owned();
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_by_their_names() {
        let check = |command: &str, expected: &str| {
            let told = match Program::of(command) {
                Program::Interpreter(interpreter) => interpreter.name.to_owned(),
                other => format!("{other:?}"),
            };
            assert_eq!(told, expected, "{command}");
        };
        check("npx", "Npx");
        check("C:\\nodejs\\NPX.CMD", "Npx");
        check("/usr/bin/python3.12", "python");
        check("py", "py");
        check("cmd.exe", "Cmd");
        check("/bin/bash", "Shell");
        check("sudo", "Elevator");
        check("curl", "System");
        check("my-server", "Other");
        check("", "Other");
    }
}
