//! Limits of the system for a worker on Unix.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

pub(in crate::base) fn settle() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    {
        // The bridge starts workers on a thread that lives as long as itself.
        let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    }
}

pub(in crate::base) fn grant_time(seconds: u64) {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec.unsigned_abs();
    let current = Some(used + 1 + seconds);
    let _ = setrlimit(Resource::Cpu, Rlimit { current, ..getrlimit(Resource::Cpu) });
}

pub(in crate::base) fn has_used_up_its_time(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::XCPU.as_raw())
}
