//! Programs on Windows: jobs, which end with the handle that the bridge holds, and files that are known by their endings.

use std::path::Path;

use process_wrap::tokio::{CommandWrap, CreationFlags, JobObject};
use windows::Win32::System::Threading::CREATE_NO_WINDOW;

/// What the system starts by itself, in the order in which `PATHEXT` has it. What else stands there are scripts that need
/// another program.
const ENDINGS: [&str; 4] = [".com", ".exe", ".bat", ".cmd"];

/// A console of its own keeps Ctrl-C away, and nobody sees it: a bridge that a desktop application has started has
/// none that could be shared, and each server would open a window.
pub(in crate::base) fn lead(wrap: &mut CommandWrap) {
    wrap.wrap(CreationFlags(CREATE_NO_WINDOW)).wrap(JobObject);
}

/// The names that the file of a command may have. Beside `npx.cmd` stands a script `npx` for other shells, so that a name
/// without an ending is none of a program.
pub(in crate::base) fn file_names(command: &str) -> Vec<String> {
    let has_ending = |ending: &str| {
        let start = command.len().saturating_sub(ending.len());
        command.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(ending))
    };
    if ENDINGS.iter().any(|ending| has_ending(ending)) {
        return vec![command.to_owned()];
    }
    ENDINGS.iter().map(|ending| format!("{command}{ending}")).collect()
}

pub(in crate::base) fn is_program(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;
    use std::process::Stdio;
    use std::time::Duration;

    use tokio::process::Command;

    use crate::base::program::{Running, ask, find, startable};

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn batch_files_are_found_and_scripts_of_other_shells_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let make = |name: &str| std::fs::write(folder.path().join(name), "").expect("written");
        ["npx", "npx.cmd", "npx.ps1", "uvx.EXE", "a.b.cmd", "plain"].into_iter().for_each(make);
        let check = |command: &str, expected: Option<&str>| {
            let expected = expected.map(|name| folder.path().join(name));
            assert_eq!(find(command, Some(folder.path().as_os_str()), None), expected, "{command}");
            let own = format!(".\\{command}");
            let expected =
                expected.and_then(|path| Some(folder.path().join(".").join(path.file_name()?)));
            assert_eq!(find(&own, None, Some(folder.path())), expected, "{own}");
        };
        check("npx", Some("npx.cmd"));
        check("npx.cmd", Some("npx.cmd"));
        check("NPX.CMD", Some("NPX.CMD"));
        check("uvx", Some("uvx.exe"));
        check("a.b", Some("a.b.cmd"));
        check("plain", None);
        check("npx.ps1", None);
        assert_eq!(startable("missing", Some(OsStr::new("")), None), Path::new("missing"));
    }

    #[tokio::test]
    async fn programs_are_heard_to_their_end() {
        let shell = |line: &str| {
            let mut command = Command::new("cmd");
            command.arg("/c").raw_arg(line);
            command
        };
        let answer = ask(shell("echo said& exit 3"), None, LONG).await.expect("an answer");
        assert_eq!(answer.stdout, b"said\r\n");
        assert_eq!(answer.status.code(), Some(3));
    }

    /// Its child holds the pipe that this test reads: it ends once both are gone.
    #[tokio::test]
    async fn nothing_is_left_of_a_program_that_is_given_up() {
        let (mut held, holder) = std::io::pipe().expect("a pipe");
        let mut command = Command::new("cmd");
        command.args(["/c", "ping -n 600 127.0.0.1"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(holder);
        let mut running = Running::start(command).expect("it starts");
        tokio::time::timeout(Duration::from_millis(50), running.ended())
            .await
            .expect_err("it does not end");
        drop(running);
        let read = tokio::task::spawn_blocking(move || std::io::Read::read(&mut held, &mut [0; 1]));
        assert_eq!(read.await.expect("it ran").expect("read"), 0);
    }
}
