//! `bridge`: one MCP server in front of many.
//!
//! The modules stand in rows, each using only rows below its own; `docs/ARCHITECTURE.md` has the
//! map and `tests/tidy.rs` checks it.

pub mod access;
pub mod app;
pub mod base;
pub mod cache;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod downstream;
pub mod guard;
pub mod model;
pub mod oauth;
pub mod protocol;
pub mod recipe;
pub mod router;
pub mod search;
pub mod select;
pub mod telemetry;
pub mod tools;
pub mod upstream;
pub mod wire;
