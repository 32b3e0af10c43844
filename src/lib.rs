//! `bridge`: one MCP server in front of many.
//!
//! The modules stand in rows, each using only rows below its own; `docs/ARCHITECTURE.md` has the
//! map and `tests/tidy.rs` checks it.

pub mod app;
pub mod base;
pub mod cli;
pub mod config;
pub mod downstream;
pub mod protocol;
pub mod router;
pub mod telemetry;
pub mod tools;
pub mod upstream;
pub mod wire;
