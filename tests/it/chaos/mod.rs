//! Many clients at once, and servers to which everything happens that can: no answer is wrong, lost or doubled, and nothing
//! is left over.

mod callers;
mod census;
mod ids;
mod line;
mod plan;
mod record;
mod storm;
mod troubles;
mod web;
