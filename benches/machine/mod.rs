//! What benchmarks of processes have in common: one core for all, and what the kernel says about each.

pub(crate) mod table;

use std::fs;

/// What one round measured.
#[derive(Clone, Copy, Default)]
pub(crate) struct Round {
    /// Nanoseconds from before the write to after the read.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) calls_per_second: f64,
    /// Nanoseconds of processor time for each call, in the server and in the bridge.
    pub(crate) server_cpu: f64,
    pub(crate) bridge_cpu: f64,
}

/// Processor time so far, in nanoseconds.
pub(crate) struct Cpu {
    pub(crate) server: u64,
    pub(crate) bridge: u64,
}

impl Round {
    /// From the time of each call in nanoseconds, the seconds that all of them took, and the processor time before and
    /// after.
    pub(crate) fn new(mut times: Vec<f64>, seconds: f64, before: &Cpu, after: &Cpu) -> Self {
        times.sort_by(f64::total_cmp);
        let count = as_float(times.len());
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or(0.0);
        Self {
            p50: at(50),
            p99: at(99),
            calls_per_second: count / seconds,
            server_cpu: as_float(after.server - before.server) / count,
            bridge_cpu: as_float(after.bridge - before.bridge) / count,
        }
    }
}

/// Binds this process, and with it those that it will start, to the last core that it may use.
#[cfg(target_os = "linux")]
pub(crate) fn pin_to_one_core() -> Option<usize> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let allowed = sched_getaffinity(None).ok()?;
    let core = (0..CpuSet::MAX_CPU).rev().find(|&core| allowed.is_set(core))?;
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one).ok()?;
    Some(core)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin_to_one_core() -> Option<usize> {
    None
}

/// Processor time of all threads of a process so far. The first figure of each thread's `schedstat` is its time on a
/// core; `stat` counts in steps of 10 ms.
pub(crate) fn cpu_of(process: u32) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return 0;
    };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Resident memory of a process in kB, 0 when the system does not tell.
pub(crate) fn resident_kb(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2^52")]
fn as_float<T: TryInto<u64>>(count: T) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}
