//! Programs on Unix: process groups, and files that may be executed.

use std::path::Path;

use process_wrap::tokio::{CommandWrap, ProcessGroup};
#[cfg(target_os = "linux")]
use tokio::process::Command;

pub(in crate::base) fn lead(wrap: &mut CommandWrap) {
    wrap.wrap(ProcessGroup::leader());
}

/// The names that the file of a command may have.
pub(in crate::base) fn file_names(command: &str) -> [&str; 1] {
    [command]
}

pub(in crate::base) fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Has the kernel kill the program when the bridge dies, however it dies (`prctl(2)`, `PR_SET_PDEATHSIG`). The signal
/// follows the thread that started it, so that nothing is started on a thread that ends early.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "what a child does between fork and exec can only be set through an unsafe call"
)]
pub(in crate::base) fn die_with_parent(command: &mut Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let bridge = getpid();
    // SAFETY: between fork and exec only system calls are made, and nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // The bridge may have died before the signal was set.
            if getppid() == Some(bridge) {
                Ok(())
            } else {
                Err(std::io::ErrorKind::Interrupted.into())
            }
        });
    }
}
