//! The program that an installation brings, by the name that it has there.

use super::names;
use crate::recipe::program::name_of;
use crate::recipe::{Install, Method};

/// Ends of names of files that are programs, or parts of them.
const PROGRAMS: [&str; 25] = [
    "bash", "bat", "cjs", "cmd", "cts", "dll", "dylib", "exe", "jar", "js", "jsx", "lua", "mjs",
    "mts", "node", "php", "pl", "ps1", "py", "pyz", "rb", "sh", "so", "ts", "wasm",
];

/// Whether a file of this name is code.
pub(super) fn is_program(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| PROGRAMS.contains(&ending.as_str()))
}

/// Whether the command is the program that the installation brings, or Python is told to run the package as a module.
pub(super) fn is_started(command: &str, args: &[&str], install: &Install) -> bool {
    let Some(own) = name(install) else { return false };
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
    let own = plain(&own);
    // What a package installs is found by its name; a path leads to something else.
    let may_be_path = matches!(install.method, Method::Binary | Method::Git);
    if plain(&name_of(command)) == own {
        return may_be_path || !command.contains(['/', '\\']);
    }
    let is_python = ["python", "python3", "py"].contains(&command);
    match args {
        ["-m", module, ..] if is_python && install.method == Method::Pip => {
            plain(module.split('.').next().unwrap_or_default()) == own
        }
        _ => false,
    }
}

/// The name of the program: the last part of that of the package, of the repository or of the file.
fn name(install: &Install) -> Option<String> {
    let (text, method) = match install.method {
        Method::Binary => (install.binary.as_ref().or(install.package.as_ref())?, Method::Binary),
        Method::Git => (install.repository.as_ref()?, Method::Git),
        method => (install.package.as_ref()?, method),
    };
    let bare = match method {
        Method::Binary | Method::Git => text.split(['?', '#']).next()?.to_owned(),
        _ => names::bare(text, method),
    };
    let is_version = |part: &&str| {
        part.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut parts = bare.rsplit(['/', ':']).filter(|part| !part.is_empty());
    // The last part of a path of Go may be the major version.
    let last = parts.find(|part| method != Method::Go || !is_version(part))?;
    let endings = [".git", ".exe", ".zip", ".gz", ".tgz", ".tar", ".xz"];
    let mut name = last;
    while let Some(rest) = endings.iter().find_map(|ending| name.strip_suffix(ending)) {
        name = rest;
    }
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_programs_own_name_is_that_of_the_program() {
        let check = |method, declared: &str, line: &str, expected: bool| {
            let words: Vec<&str> = line.split(' ').collect();
            let mut install = Install::by(method);
            let value = Some(declared.to_owned());
            match method {
                Method::Git => install.repository = value,
                Method::Binary => install.binary = value,
                _ => install.package = value,
            }
            assert_eq!(is_started(words[0], &words[1..], &install), expected, "{declared} {line}");
        };
        check(Method::Npm, "@a/notes-mcp@1", "notes-mcp --x", true);
        check(Method::Npm, "@a/notes-mcp@1", "NOTES-MCP.cmd", true);
        check(Method::Npm, "notes-mcp", "/tmp/notes-mcp", false);
        check(Method::Npm, "notes-mcp", "pypy notes-mcp", false);
        check(Method::Pip, "Weather_MCP==1", "weather-mcp", true);
        check(Method::Pip, "weather-mcp", "python3 -m weather_mcp.server", true);
        check(Method::Pip, "weather-mcp", "python -m http.server", false);
        check(Method::Pip, "weather-mcp", "/tmp/python -m weather_mcp", false);
        check(Method::Pip, "weather-mcp", "python x.py -m weather_mcp", false);
        check(Method::Npm, "weather-mcp", "python -m weather_mcp", false);
        check(Method::Go, "github.com/a/b/v2@v2.1", "b", true);
        check(Method::Go, "github.com/a/b", "timeout b", false);
        check(Method::Git, "https://example.com/a/b.git", "./b", true);
        check(Method::Git, "git@example.com:a/b", "node dist/b", false);
        check(Method::Binary, "https://example.com/x/server.tar.gz", "/opt/x/server", true);
        check(Method::Binary, "https://example.com/x/server.exe?x=1", "server", true);
        check(Method::Binary, "https://example.com/x/server", "stdbuf server", false);
    }

    #[test]
    fn code_is_known_by_the_end_of_its_name() {
        let check = |name: &str, expected: bool| assert_eq!(is_program(name), expected, "{name}");
        check("a/server.mjs", true);
        check("X.PY", true);
        check("settings.json", false);
        check("js", false);
    }
}
