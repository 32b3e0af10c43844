//! What the command line asks the server to be like.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::stateless::Unknown;

/// The flags, all of them off by default.
#[expect(clippy::struct_excessive_bools, reason = "each flag is one switch of the command line")]
#[derive(Clone, Parser)]
#[command(name = "test-upstream", about = "A scripted MCP server for tests")]
pub(crate) struct Options {
    /// Name given in `serverInfo`.
    #[arg(long, default_value = "test-upstream")]
    pub(crate) name: String,
    /// Revision to answer `initialize` with; without it, the one asked for where it is known.
    #[arg(long)]
    pub(crate) protocol: Option<String>,
    #[arg(long, value_enum, default_value_t = Framing::Newline)]
    pub(crate) framing: Framing,
    /// Write a log notification before anything is read.
    #[arg(long)]
    pub(crate) greet: bool,
    /// Spread the JSON of framed messages over indented lines.
    #[arg(long)]
    pub(crate) pretty: bool,
    /// Exit with this code before anything is read.
    #[arg(long, value_name = "CODE")]
    pub(crate) exit_at_start: Option<u8>,
    /// Write this line to stderr at start.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) stderr: Option<String>,
    /// Exit with 1 and a line on stderr when this variable is unset.
    #[arg(long, value_name = "NAME")]
    pub(crate) require_env: Option<String>,
    /// Read everything and answer nothing.
    #[arg(long)]
    pub(crate) silent: bool,
    /// Be silent when this file is not there, and make it: the first start hangs, later ones do not.
    #[arg(long, value_name = "FILE")]
    pub(crate) silent_first: Option<PathBuf>,
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) start_delay_ms: u64,
    /// Spread `tools/list` over this many pages.
    #[arg(long, default_value_t = 1)]
    pub(crate) pages: usize,
    /// Give every page a new cursor, for ever.
    #[arg(long)]
    pub(crate) endless_pages: bool,
    /// Give every page the same cursor.
    #[arg(long)]
    pub(crate) repeat_cursor: bool,
    /// Say that the tools have changed whenever they have been listed.
    #[arg(long)]
    pub(crate) changed_storm: bool,
    /// Add this many tools, named `tool_0001` and so on.
    #[arg(long, default_value_t = 0)]
    pub(crate) extra_tools: usize,
    /// Add this many tools, named `asked_0001` and so on, for a client that declares elicitation.
    #[arg(long, default_value_t = 0)]
    pub(crate) asked_tools: usize,
    /// Read an array of tools from this file whenever they are listed: each replaces the one of its name or is added.
    #[arg(long, value_name = "FILE")]
    pub(crate) tools_file: Option<PathBuf>,
    /// Have prompts, resources, completions and logs beside the tools.
    #[arg(long)]
    pub(crate) rich: bool,
    /// Answer methods as this file says; see `script.rs`.
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Have the tools of this file instead, which holds a result of `tools/list` as another server gave it.
    #[arg(long, value_name = "FILE")]
    pub(crate) list_file: Option<PathBuf>,
    /// Serve Streamable HTTP at `/mcp` on this port of 127.0.0.1 instead, 0 for a free one; the URL is the first line
    /// on stdout. Ends with stdin.
    #[arg(long, value_name = "PORT")]
    pub(crate) http: Option<u16>,
    /// What may be spoken over HTTP.
    #[arg(long, value_enum, default_value_t = Era::Both)]
    pub(crate) era: Era,
    /// Start a child that shares all descriptors and ignores SIGTERM and the end of stdin.
    #[arg(long)]
    pub(crate) grandchild: bool,
    /// Append the own process id and the grandchild's, a line each.
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// Keep running when stdin ends and ignore SIGTERM.
    #[arg(long)]
    pub(crate) ignore_eof: bool,
    /// Append a line at each start.
    #[arg(long, value_name = "FILE")]
    pub(crate) start_log: Option<PathBuf>,
    /// Have tools that append to this file whenever they run, a line each; see `marks.rs`.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Say this often, as fast as it goes, that the tools have changed, once they were listed for the first time.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) changed_burst: usize,
    /// Write lines that are no JSON to stdout first.
    #[arg(long)]
    pub(crate) junk_at_start: bool,
    /// Speak revision 2026-07-28, and no other.
    #[arg(long)]
    pub(crate) stateless: bool,
    /// What to do with a method that is not known.
    #[arg(long, value_enum, default_value_t = Unknown::Refuse)]
    pub(crate) unknown: Unknown,
    /// Set by the server itself once SIGTERM is ignored.
    #[arg(long, hide = true)]
    pub(crate) term_ignored: bool,
}

/// With or without sessions.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Era {
    /// What the client begins with.
    Both,
    /// Only what begins with `initialize`.
    Session,
    /// Only revision 2026-07-28.
    Stateless,
}

/// How messages are told apart on the wire.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Framing {
    /// One message a line.
    Newline,
    /// `Content-Length` headers, both ways.
    Lsp,
    /// Reads either, writes `Content-Length` headers.
    LspLenient,
}
