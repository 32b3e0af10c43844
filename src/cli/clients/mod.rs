//! Other programs that speak MCP: the bridge put into their files, taken out of them, and their servers moved over.
//!
//! `client` and `place` are the table of these programs, `document` with `json` and `toml` changes the text of their
//! files, `file` and `backup` the files; `translate` makes bridge entries of theirs.

mod backup;
mod carry_out;
mod client;
mod document;
mod entry;
mod file;
mod import;
mod json;
mod place;
mod plan;
mod reference;
mod register;
mod registered;
mod taken;
mod toml;
mod translate;
mod unregister;
mod vault;

pub(super) use client::Client;
pub(super) use entry::in_json as entry;
pub(super) use import::{EXAMPLES as IMPORT_EXAMPLES, Import, run as import};
pub(super) use register::{EXAMPLES as REGISTER_EXAMPLES, Register, run as register, usual};
pub(super) use registered::{Registered, State, registered};
pub(super) use unregister::{EXAMPLES as UNREGISTER_EXAMPLES, Unregister, run as unregister};
