//! What travels: JSON-RPC envelopes, the protocol's revisions, and the few payloads that the bridge reads.

pub mod capabilities;
pub mod content;
pub mod discover;
pub mod era;
pub mod error;
pub mod freshness;
pub mod headers;
pub mod initialize;
pub mod jsonrpc;
pub mod listen;
pub mod log;
mod lower;
pub mod meta;
pub mod method;
pub mod outcome;
pub mod refusal;
pub mod rounds;
pub mod tool;
pub mod translate;
pub mod version;
