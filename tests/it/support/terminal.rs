//! Commands at a terminal, for what they ask people.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, tcgetattr};

use super::bridge::{Output, command_in};

/// Runs a command at a terminal of its own, to its end; `answer` gets what is on the screen whenever there is more, and
/// says what is typed. Everything that is on the screen comes back as stdout.
pub(crate) fn run_at_terminal(
    home: &Path,
    args: &[&str],
    mut answer: impl FnMut(&str) -> Option<&'static str>,
) -> Output {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let owner = rustix::pty::openpt(flags).expect("there are terminals");
    rustix::pty::grantpt(&owner).expect("it is ours");
    rustix::pty::unlockpt(&owner).expect("it is ours");
    let name = rustix::pty::ptsname(&owner, Vec::new()).expect("it has a name");
    let name = name.into_string().expect("the name is plain");
    let mut command = command_in(home);
    {
        let open = || fs::File::options().read(true).write(true).open(&name);
        let stream = || Stdio::from(open().expect("the terminal can be opened"));
        command.env("TERM", "xterm").args(args).stdin(stream()).stdout(stream()).stderr(stream());
    }
    own_terminal(&mut command);
    let mut child = command.spawn().expect("the bridge starts");
    // Its copies of the streams are closed, so that reading ends with the child.
    drop(command);
    let mut owner = fs::File::from(owner);
    let (mut screen, mut bytes) = (Vec::new(), [0; 4096]);
    // The end of a terminal is an error on Linux.
    while let Ok(count @ 1..) = owner.read(&mut bytes) {
        screen.extend_from_slice(&bytes[..count]);
        let asked = String::from_utf8_lossy(&screen);
        let question = asked.rsplit('\n').next().unwrap_or_default();
        if question.contains("(not shown") && !question.contains('\r') {
            assert!(!shows_typing(&owner), "who pastes now has it on the screen: {question}");
        }
        if let Some(line) = answer(&String::from_utf8_lossy(&screen)) {
            owner.write_all(line.as_bytes()).expect("it is read");
        }
    }
    let ended = child.wait().expect("the bridge can be waited for");
    assert!(shows_typing(&owner), "the terminal is left as it was found");
    let code = ended.code().unwrap_or(-1);
    let stdout = String::from_utf8_lossy(&screen).replace("\r\n", "\n");
    Output { code, stdout, stderr: String::new() }
}

/// Whether what is typed at this terminal appears there.
fn shows_typing(owner: &fs::File) -> bool {
    let modes = tcgetattr(owner).expect("it is a terminal").local_modes;
    modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
}

/// Makes what is stdin the terminal of the child's own session, which is where passwords are read from.
#[expect(unsafe_code, reason = "a child's session can only be begun between fork and exec")]
fn own_terminal(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let begin = || {
        rustix::process::setsid()?;
        rustix::process::ioctl_tiocsctty(std::io::stdin())?;
        Ok(())
    };
    // SAFETY: nothing but two system calls is done in the child.
    unsafe { command.pre_exec(begin) };
}
