//! Method names of the Model Context Protocol that the bridge itself sends or understands.

/// Opens a session (revisions up to 2025-11-25).
pub const INITIALIZE: &str = "initialize";
/// Ends the handshake.
pub const INITIALIZED: &str = "notifications/initialized";
/// Asks whether the peer is alive.
pub const PING: &str = "ping";
/// Lists tools, page by page.
pub const TOOLS_LIST: &str = "tools/list";
/// Calls a tool.
pub const TOOLS_CALL: &str = "tools/call";
/// Says that the list of tools is no longer what it was.
pub const TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";
/// Withdraws a request.
pub const CANCELLED: &str = "notifications/cancelled";
/// Tells how far a request has come.
pub const PROGRESS: &str = "notifications/progress";
/// A log message of a server.
pub const MESSAGE: &str = "notifications/message";
