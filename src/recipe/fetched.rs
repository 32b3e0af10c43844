//! What programs fetch and run that fetch what they run, such as `npx`, `uvx` and `docker`.

use super::options::{Choice, Syntax, scan};
use super::program::{Program, name_of};
use super::syntax;

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

/// What a program of this name is, if it fetches what it runs.
pub(super) fn fetching(name: &str) -> Option<Program> {
    SUBCOMMANDS.iter().find(|(known, ..)| *known == name).map(|(_, program, _)| *program)
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

#[cfg(test)]
mod tests {
    use super::*;

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
