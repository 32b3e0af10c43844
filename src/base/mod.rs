//! What every other row stands on and that knows nothing of MCP: files and folders, the process environment,
//! secrets, waiting longer, and small work on text and JSON.

pub mod backoff;
pub mod blotter;
pub mod environment;
pub mod fs;
pub mod guardian;
pub mod locate;
pub mod lock;
pub mod paths;
pub mod program;
pub mod replaced;
pub mod rewrite;
pub mod secret;
pub mod sorting;
pub mod surroundings;
mod system;
pub mod text;
pub mod unicode;
pub mod worker;

pub use mcp_bridge_json as json;
