//! What a run is asked to do by its environment, and chance that can be had again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// How long the storm blows where nothing is said: elsewhere, and where `CI` is set.
const SECONDS: u64 = 6;
const CI_SECONDS: u64 = 60;
/// Between two calls of one client, at most, where nothing is said: other tests run beside.
const PAUSE_MS: u64 = 400;

/// `SplitMix64`: any seed will do.
pub(super) struct Chance(u64);

/// One run of the storm.
pub(super) struct Plan {
    /// `CHAOS_SECONDS`.
    pub(super) length: Duration,
    /// `CHAOS_PAUSE_MS`.
    pub(super) pause_ms: u64,
    /// `CHAOS_SEED`: the same troubles and calls, as far as clocks and schedulers permit.
    pub(super) seed: u64,
}

impl Plan {
    pub(super) fn read() -> Self {
        let seconds = if variable("CI").is_some() { CI_SECONDS } else { SECONDS };
        Self {
            length: Duration::from_secs(number("CHAOS_SECONDS").unwrap_or(seconds)),
            pause_ms: number("CHAOS_PAUSE_MS").unwrap_or(PAUSE_MS),
            seed: number("CHAOS_SEED")
                .unwrap_or_else(|| RandomState::new().build_hasher().finish()),
        }
    }
}

/// A variable that holds a number; anything else in it is an error.
pub(super) fn number(name: &str) -> Option<u64> {
    let value = variable(name)?;
    Some(value.parse().unwrap_or_else(|_| panic!("`{name}` is `{value}` and no number")))
}

#[expect(clippy::disallowed_methods, reason = "this is the test's environment, not the bridge's")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Chance {
    pub(super) fn of(seed: u64, stream: u64) -> Self {
        Self(seed ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// One time in so many.
    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(super) fn of_these<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let count = all.len() as u64;
        &all[usize::try_from(self.below(count)).expect("an index")]
    }

    pub(super) fn millis_below(&mut self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }
}
