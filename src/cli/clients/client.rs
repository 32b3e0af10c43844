//! The clients: what they are called, what their files look like, and what makes them read a change.

use clap::ValueEnum;
use clap::builder::PossibleValue;

/// A program whose file of servers is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Client {
    ClaudeDesktop,
    ClaudeCode,
    Cursor,
    Windsurf,
    VsCode,
    Codex,
    Cline,
    Zed,
    Gemini,
}

/// How a file of servers is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON; comments and trailing commas are read and kept, whether the client allows them or not.
    Json,
    Toml,
}

impl Client {
    pub(super) const ALL: [Self; 9] = [
        Self::ClaudeDesktop,
        Self::ClaudeCode,
        Self::Cursor,
        Self::Windsurf,
        Self::VsCode,
        Self::Codex,
        Self::Cline,
        Self::Zed,
        Self::Gemini,
    ];

    /// The name on the command line.
    pub(in crate::cli) fn id(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "claude-desktop",
            Self::ClaudeCode => "claude-code",
            Self::Cursor => "cursor",
            Self::Windsurf => "windsurf",
            Self::VsCode => "vscode",
            Self::Codex => "codex",
            Self::Cline => "cline",
            Self::Zed => "zed",
            Self::Gemini => "gemini",
        }
    }

    /// The name that its maker gave it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "Claude Desktop",
            Self::ClaudeCode => "Claude Code",
            Self::Cursor => "Cursor",
            Self::Windsurf => "Windsurf",
            Self::VsCode => "VS Code",
            Self::Codex => "Codex",
            Self::Cline => "Cline",
            Self::Zed => "Zed",
            Self::Gemini => "Gemini CLI",
        }
    }

    pub(super) fn format(self) -> Format {
        if self == Self::Codex { Format::Toml } else { Format::Json }
    }

    /// The key of the file under which servers stand.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::VsCode => "servers",
            Self::Codex => "mcp_servers",
            Self::Zed => "context_servers",
            _ => "mcpServers",
        }
    }

    /// The file of a project, below its folder; of clients that have one.
    pub(super) fn project_file(self) -> Option<&'static [&'static str]> {
        match self {
            Self::ClaudeCode => Some(&[".mcp.json"]),
            Self::Cursor => Some(&[".cursor", "mcp.json"]),
            Self::VsCode => Some(&[".vscode", "mcp.json"]),
            Self::Codex => Some(&[".codex", "config.toml"]),
            Self::Zed => Some(&[".zed", "settings.json"]),
            Self::Gemini => Some(&[".gemini", "settings.json"]),
            Self::ClaudeDesktop | Self::Windsurf | Self::Cline => None,
        }
    }

    /// What makes the client read its file again.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "quit Claude Desktop and start it again",
            Self::ClaudeCode => "start Claude Code again; `/mcp` shows its servers",
            Self::Cursor => "start Cursor again, or switch the server on under Settings, MCP",
            Self::Windsurf => "press Refresh in the MCP panel of Cascade, or start Windsurf again",
            Self::VsCode => "run `MCP: List Servers` in VS Code and start the server",
            Self::Codex => "start Codex again; `/mcp` shows its servers",
            Self::Cline => "open the MCP Servers panel of Cline; it reads the file by itself",
            Self::Zed => {
                "Zed reads the file by itself; the settings of its agent panel show servers"
            }
            Self::Gemini => "start Gemini CLI again; `/mcp` shows its servers",
        }
    }
}

impl ValueEnum for Client {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let value = PossibleValue::new(self.id());
        Some(match self {
            Self::VsCode => value.alias("vs-code").alias("code"),
            Self::Gemini => value.alias("gemini-cli"),
            Self::Codex => value.alias("codex-cli"),
            _ => value,
        })
    }
}
