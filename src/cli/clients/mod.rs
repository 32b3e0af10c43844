//! Other programs that speak MCP: the bridge put into their files and taken out of them.
//!
//! `client` and `place` are the table of these programs, `document` with `json` and `toml` changes the text of their
//! files, `file` and `backup` the files.

mod backup;
mod client;
mod document;
mod entry;
mod file;
mod json;
mod place;
mod register;
mod toml;
mod unregister;

pub(super) use client::Client;
pub(super) use entry::in_json as entry;
pub(super) use register::{EXAMPLES as REGISTER_EXAMPLES, Register, run as register, usual};
pub(super) use unregister::{EXAMPLES as UNREGISTER_EXAMPLES, Unregister, run as unregister};
