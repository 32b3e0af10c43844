//! Who may do what, and how often.
//!
//! So far: how many successful calls each server has had, kept across restarts and across bridges that share a home
//! folder, and the limits that are set for them. `usage/` in the home folder holds, all of it private:
//!
//! - `NAME.json`, the counts: `{"version": 1, "days": {"2026-11-20": 12}, "months": {"2026-11": 340}}`. Days and months are
//!   those of UTC; the last 62 days and 13 months with calls are kept, other members are not. It is replaced in one step,
//!   while the lock below is held.
//! - `NAME.lock`, locked by whoever changes the counts. Its text says who has places for calls under way:
//!   `{"version": 1, "open": {"HOLDER": 2}}`.
//! - `HOLDER.holder`, locked by one bridge for as long as it lives. The system gives the lock up however the bridge ends, so
//!   that the places of one that was killed are free at once, and those of a slow call never run out.
//! - `NAME.damaged`, counts that could not be read and were moved aside; counting began anew.
//!
//! A server with a limit is counted exactly. A call needs a place: successes so far and calls under way, of all bridges
//! together, never exceed the limit, so that the limit is never exceeded either. A call that ends without success gives
//! its place back. If the files cannot be trusted, the server gets no calls.
//!
//! A server without a limit costs a call next to nothing: its counts are written within two seconds and at the end.
//! When the bridge is killed, those of the last two seconds are lost. If the files cannot be written, its calls go uncounted.

mod calendar;
mod counts;
mod error;
mod files;
mod holder;
mod ledger;
mod standing;
#[cfg(test)]
mod tests;
mod usage;

pub use counts::{Counts, read_all};
pub use error::{Error, Exceeded, Refused};
pub use standing::{Period, Standing, Warning};
pub use usage::{Admission, Usage};
