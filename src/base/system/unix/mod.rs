//! Unix: Linux and macOS, and what they have in common.

pub(in crate::base) mod files;
pub(in crate::base) mod owners;
pub(in crate::base) mod programs;
pub(in crate::base) mod workers;
