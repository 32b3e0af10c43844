//! What the system holds a worker to.
//!
//! On Linux that is its memory, its time and its life, which ends with the bridge's. macOS does not hold processes to
//! a limit of their memory, and Windows to none at all: there, a thread of the worker looks at what it uses, so that it
//! may get a little further.

use crate::base::worker;

/// How much memory a filter may use beside its stack, in MB.
pub(super) const MEMORY: u64 = 512;
/// How long a filter may compute, in seconds; up to one more may pass until it is stopped.
pub(super) const CPU_TIME: u64 = 2;
/// The same for finding the part of a filter that fails: only the second that has begun, and one more.
pub(super) const SEARCH_TIME: u64 = 0;
/// How deep filters may call themselves, in bytes of stack.
pub(super) const STACK: usize = 128 << 20;

/// Room for the program itself.
#[cfg(target_os = "linux")]
const PROGRAM: u64 = 192 << 20;
/// A worker that holds more than this, in KB, after its job is not kept.
#[cfg(target_os = "linux")]
const WARM: u64 = 48 << 10;

/// Sets what holds for the whole life of a worker. What the system refuses to set is left out: the bridge's clock
/// stands behind it.
pub(super) fn settle() {
    worker::settle();
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let limit = Some((MEMORY << 20) + STACK as u64 + PROGRAM);
        let _ = setrlimit(Resource::As, Rlimit { current: limit, maximum: limit });
    }
    #[cfg(not(target_os = "linux"))]
    worker::bound_memory(usize::try_from(MEMORY << 20).unwrap_or(usize::MAX));
}

/// Whether the process holds so much memory that it had better not be kept.
pub(super) fn is_bloated() -> bool {
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
        kilobytes.is_none_or(|kilobytes: u64| kilobytes > WARM)
    }
    #[cfg(not(target_os = "linux"))]
    false
}
