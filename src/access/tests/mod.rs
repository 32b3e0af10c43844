//! Counts and limits: by one bridge, by several, and by some that are killed.

mod counting;
mod processes;
mod scene;
