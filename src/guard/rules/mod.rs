//! How instructions to a model are phrased, by family.
//!
//! The rules describe ways of speaking, not known sentences. Each asks for two or three parts that make sense together
//! only in words to a model: a verb of disobedience and the instructions that it is about, a file of secrets and the
//! argument that it is to be passed in.

mod claims;
mod disregard;
mod languages;
mod leaks;
mod machine;
mod rule;
mod secrecy;
mod secrets;
mod tools;
mod turns;

pub(super) use rule::{Rule, all};
