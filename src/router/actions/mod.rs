//! One file per action of the `mcp` tool.

pub(super) mod admin;
pub(super) mod batch;
pub(super) mod call;
pub(super) mod catalog;
pub(super) mod install;
pub(super) mod intent;
pub(super) mod list;
pub(super) mod promotions;
pub(super) mod read;
pub(super) mod refresh;
pub(super) mod schema;
pub(super) mod status;
mod which;
