//! Values that are typed at the terminal. They are shown only where nothing secret can be in them, and paths are read as a
//! shell would read them.

use std::io::{self, BufRead, Read, Write};
use std::path::{Path, absolute};

use super::exit::{Exit, Failure};
use super::unshown;
use crate::base::paths::expand;
use crate::catalog::install::{is_secret, names_path};

/// Bytes of a value that is typed.
const LONGEST: u64 = 64 * 1024;

/// Asks for the value of a variable; `remark` stands behind its name. Empty if nothing was typed.
pub(super) fn typed(
    name: &str,
    remark: Option<&str>,
    user_home: Option<&Path>,
) -> Result<String, Failure> {
    let is_secret = is_secret(name);
    let remarks: Vec<&str> = is_secret.then_some("not shown").into_iter().chain(remark).collect();
    let prompt = match remarks.as_slice() {
        [] => format!("{name}: "),
        remarks => format!("{name} ({}): ", remarks.join("; ")),
    };
    let value = if is_secret { unshown::read(&prompt) } else { shown(&prompt) };
    let value = value.map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot read from the terminal: {error}"))
    })?;
    let value = value.trim();
    Ok(if names_path(name) { path(value, user_home) } else { value.to_owned() })
}

/// With `~` filled in, and `.` and `..` seen from the working folder: the server has another one. All else may be no path
/// but a part of one, and stays as it is.
fn path(value: &str, user_home: Option<&Path>) -> String {
    let expanded = expand(value, user_home);
    let is_relative = matches!(value.split('/').next(), Some("." | ".."));
    let path = if is_relative { absolute(&expanded).unwrap_or(expanded) } else { expanded };
    path.to_string_lossy().into_owned()
}

fn shown(prompt: &str) -> io::Result<String> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{prompt}")?;
    stderr.flush()?;
    let mut line = String::new();
    io::stdin().lock().take(LONGEST).read_line(&mut line)?;
    Ok(line)
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::{Path, absolute};

    use super::path;

    #[test]
    fn paths_are_read_as_a_shell_reads_them() {
        let check = |value: &str, expected: &str| {
            assert_eq!(path(value, Some(Path::new("/home/ann"))), expected, "{value}");
        };
        check("", "");
        check("~", "/home/ann");
        check("~/notes", "/home/ann/notes");
        check("/srv/x", "/srv/x");
        check("notes", "notes");
        check(".hidden", ".hidden");
        let here = absolute("notes").expect("there is a working folder");
        check("./notes", here.to_str().expect("the path is UTF-8"));
    }
}
