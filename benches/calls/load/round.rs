//! What one load came to.

use crate::machine::{Cpu, as_float, middle};

/// The figures of one round. Times are nanoseconds, from before the write that carried a call to after the read that
/// ended its answer; processor time is that of one call.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) calls_per_second: f64,
    pub(crate) router_cpu: f64,
    pub(crate) server_cpu: f64,
}

/// All rounds of one load, one way.
#[derive(Default)]
pub(crate) struct Figures(pub(crate) Vec<Round>);

impl Round {
    /// From the time of each call, the time that all of them took, and the processor time before and after.
    pub(super) fn new(mut times: Vec<u64>, took: u64, before: &Cpu, after: &Cpu) -> Self {
        times.sort_unstable();
        let count = as_float(times.len());
        let at = |percent: usize| as_float(times[times.len() * percent / 100]);
        Self {
            p50: at(50),
            p90: at(90),
            p99: at(99),
            calls_per_second: count * 1e9 / as_float(took),
            router_cpu: as_float(after.router.saturating_sub(before.router)) / count,
            server_cpu: as_float(after.server.saturating_sub(before.server)) / count,
        }
    }
}

impl Figures {
    /// The middle one over the rounds.
    pub(crate) fn median(&self, figure: fn(&Round) -> f64) -> f64 {
        middle(self.0.iter().map(figure))
    }

    /// How many times that of another way it is. Each round is compared with the other's of the same turn, which the
    /// machine disturbed alike.
    pub(crate) fn ratio(&self, other: &Self, figure: fn(&Round) -> f64) -> f64 {
        middle(self.0.iter().zip(&other.0).map(|(ours, theirs)| figure(ours) / figure(theirs)))
    }
}
