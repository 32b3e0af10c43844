//! One core for all, and what the kernel says about each process.
#![expect(clippy::disallowed_types, reason = "what is measured is real time, without a runtime")]

use std::fs;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Processor time so far, in nanoseconds: of what stands between client and servers, and of these.
#[derive(Default)]
pub(crate) struct Cpu {
    pub(crate) router: u64,
    pub(crate) server: u64,
}

/// Megabytes that are in memory.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    /// All that the process sees, pages of files among it that others see as well.
    pub(crate) resident: f64,
    /// What does not come from a file: what the process has written itself.
    pub(crate) own: f64,
}

/// Time since a moment.
#[derive(Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    pub(crate) fn nanoseconds(self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn milliseconds(self) -> f64 {
        self.elapsed().as_secs_f64() * 1e3
    }
}

/// Binds this process, and with it those that it will start, to the last core that it may use.
pub(crate) fn pin_to_one_core() -> Option<usize> {
    let allowed = sched_getaffinity(None).ok()?;
    let core = (0..CpuSet::MAX_CPU).rev().find(|&core| allowed.is_set(core))?;
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one).ok()?;
    Some(core)
}

/// Processor time of all threads of a process so far. The first figure of each thread's `schedstat` is its time on a
/// core; `stat` counts in steps of 10 ms.
pub(crate) fn cpu_of(process: u32) -> u64 {
    threads_of(process)
        .filter_map(|thread| fs::read_to_string(thread.join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// The memory of a process.
pub(crate) fn memory_of(process: u32) -> Memory {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let megabytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let size = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        size.map_or(0.0, as_float) / 1024.0
    };
    Memory { resident: megabytes("Rss"), own: megabytes("Anonymous") }
}

/// The process and all that descend from it, with the name of each.
pub(crate) fn family_of(process: u32) -> Vec<(u32, String)> {
    let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    let mut family = vec![(process, name.trim_end().to_owned())];
    for thread in threads_of(process) {
        let children = fs::read_to_string(thread.join("children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| child.parse().ok());
        family.extend(children.flat_map(family_of));
    }
    family
}

fn threads_of(process: u32) -> impl Iterator<Item = std::path::PathBuf> {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    threads.into_iter().flatten().flatten().map(|thread| thread.path())
}

/// The middle one of some figures; 0 of none.
pub(crate) fn middle(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "what is counted is far below 2^52")]
pub(crate) fn as_float<T: TryInto<u64>>(count: T) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}
