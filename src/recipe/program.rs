//! Programs that recipes start, by their names, and what those fetch that fetch what they run.

use super::options::{Choice, Syntax, scan};
use super::syntax;

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

/// What runs a package, by program: nothing behind the name, or one of these subcommands.
const SUBCOMMANDS: [(&str, Program, &[&[&str]]); 13] = [
    ("npx", Program::Npx, &[&[]]),
    ("bunx", Program::Npx, &[&[]]),
    ("pnpx", Program::Npx, &[&[]]),
    ("npm", Program::Npx, &[&["exec"], &["x"]]),
    ("pnpm", Program::Npx, &[&["dlx"]]),
    ("yarn", Program::Npx, &[&["dlx"]]),
    ("uvx", Program::Uvx, &[&[]]),
    ("uv", Program::Uvx, &[&["tool", "run"]]),
    ("pipx", Program::Uvx, &[&["run"]]),
    ("docker", Program::Docker, DOCKER_RUN),
    ("podman", Program::Docker, DOCKER_RUN),
    ("nerdctl", Program::Docker, DOCKER_RUN),
    ("finch", Program::Docker, DOCKER_RUN),
];
const DOCKER_RUN: &[&[&str]] = &[&["run"], &["container", "run"]];

/// What a program that fetches was told.
#[derive(Debug)]
pub(super) struct Fetch<'a> {
    /// Its options up to what it runs.
    pub(super) options: Vec<Choice<'a>>,
    /// How many of them stand before the subcommand that runs something.
    pub(super) general: usize,
    /// Whether it runs something that it fetches; it may have other subcommands.
    pub(super) runs: bool,
    /// What that is, each with the argument in which it stands.
    pub(super) subjects: Vec<(usize, &'a str)>,
    /// Where the program out of them stands, where options name the packages.
    pub(super) program: Option<usize>,
}

impl Program {
    /// What the program of this name or path is.
    pub(super) fn of(command: &str) -> Self {
        let name = name_of(command);
        if let Some((_, program, _)) = SUBCOMMANDS.iter().find(|(known, ..)| *known == name) {
            return *program;
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

/// What `command` fetches and runs; none if it is no program that does.
pub(super) fn fetch<'a>(command: &str, args: &[&'a str]) -> Option<Fetch<'a>> {
    let name = name_of(command);
    let (_, program, paths) = SUBCOMMANDS.iter().find(|(known, ..)| *known == name)?;
    let mut found =
        Fetch { options: Vec::new(), general: 0, runs: false, subjects: Vec::new(), program: None };
    let mut path: Vec<&str> = Vec::new();
    let mut at = 0;
    loop {
        let runs = paths.contains(&path.as_slice());
        found.general = if runs { found.general } else { found.options.len() };
        let (options, rest) = scan(args, at, syntax_of(*program, runs));
        if !runs {
            found.general += options.len();
        }
        found.options.extend(options);
        if runs {
            found.runs = true;
            found.name_subjects(*program, args, rest);
            break;
        }
        let Some(word) = args.get(rest) else { break };
        path.push(word);
        if !paths.iter().any(|known| known.starts_with(&path)) {
            break;
        }
        at = rest + 1;
    }
    // `npm exec` takes its options wherever they stand before `--`.
    if name == "npm" && found.runs {
        found.scan_further(args);
    }
    Some(found)
}

fn syntax_of(program: Program, runs: bool) -> &'static Syntax {
    match program {
        Program::Docker if runs => &syntax::DOCKER_RUN,
        Program::Docker => &syntax::DOCKER,
        Program::Uvx => &syntax::UVX,
        _ => &syntax::NPX,
    }
}

impl<'a> Fetch<'a> {
    /// Where options name packages, the first argument is a program out of them.
    fn name_subjects(&mut self, program: Program, args: &[&'a str], first: usize) {
        let names: &[&str] = match program {
            Program::Npx => &["-p", "--package"],
            Program::Uvx => &["--from", "--spec"],
            _ => &[],
        };
        let named = self.options.iter().filter(|option| names.contains(&option.name.as_str()));
        let named = named.filter_map(|option| Some((option.at + option.length - 1, option.value?)));
        self.subjects = named.collect();
        let Some(subject) = args.get(first) else { return };
        if self.subjects.is_empty() {
            self.subjects.push((first, subject));
        } else {
            self.program = Some(first);
        }
    }

    fn scan_further(&mut self, args: &[&'a str]) {
        let end = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        let mut at = self.options.last().map_or(0, |option| option.at + option.length);
        while at < end {
            let (options, rest) = scan(&args[..end], at, &syntax::NPX);
            self.options.extend(options);
            at = rest + 1;
        }
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

    #[test]
    fn what_is_fetched_is_found() {
        let check = |line: &str, runs: bool, expected: &[&str]| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let found = fetch(words[0], &words[1..]).expect("a program that fetches");
            assert_eq!(found.runs, runs, "{line}");
            let subjects: Vec<&str> = found.subjects.iter().map(|(_, subject)| *subject).collect();
            assert_eq!(subjects, expected, "{line}");
            for (at, subject) in found.subjects {
                assert!(words[at + 1].ends_with(subject), "{line}");
            }
        };
        check("npx -y @a/b --port 1", true, &["@a/b"]);
        check("npx --package=a -p b c", true, &["a", "b"]);
        check("npm --silent exec a", true, &["a"]);
        check("npm run build", false, &[]);
        check("uv tool run --python 3.12 a", true, &["a"]);
        check("uvx -p 3.12 --from a b", true, &["a"]);
        check("uv run a.py", false, &[]);
        check(
            "docker --context x run -i --rm -e A=1 --network host a/b:1 --flag",
            true,
            &["a/b:1"],
        );
        check("docker container run a", true, &["a"]);
        check("docker compose up", false, &[]);
        check("docker", false, &[]);
        check("npx", true, &[]);
        assert!(fetch("node", &["a.js"]).is_none());
    }
}
