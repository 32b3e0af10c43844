//! What clients see: one tool or all of them, and under which names.

use indexmap::IndexMap;
use serde_json::Value;

use super::finding::Severity;
use super::reader::Reader;
use crate::base::locate;

pub(super) const MODES: [(&str, Mode); 3] =
    [("router", Mode::Router), ("direct", Mode::Direct), ("auto", Mode::Auto)];

/// The modes that a client can be in.
pub(super) const OF_CLIENTS: [(&str, Mode); 2] =
    [("router", Mode::Router), ("direct", Mode::Direct)];

/// `mode`, `clientModes` and `toolPrefix`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exposure {
    /// What clients see.
    pub mode: Mode,
    /// What single clients see under `auto`, by the names that they give themselves.
    pub clients: IndexMap<String, Mode>,
    /// When tools in direct mode carry the name of their server.
    pub tool_prefix: ToolPrefix,
}

/// What clients see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// One tool, `mcp`, that reaches all others.
    #[default]
    Router,
    /// Every tool by itself.
    Direct,
    /// One or the other, as suits the client.
    Auto,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Router, Self::Direct, Self::Auto];

    /// As it is written.
    pub fn name(self) -> &'static str {
        MODES
            .into_iter()
            .find_map(|(name, mode)| (mode == self).then_some(name))
            .unwrap_or_default()
    }
}

/// When tools in direct mode carry the name of their server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToolPrefix {
    /// Always (`true`).
    #[default]
    Always,
    /// Never (`false`), but where an earlier server has the name already.
    Never,
    /// Where two servers have a tool of the same name (`"auto"`).
    OnCollision,
}

impl Exposure {
    pub(super) fn read(top: &mut Reader<'_>) -> Self {
        let mode = top.choice("mode", &MODES).unwrap_or_default();
        let clients = client_modes(top).unwrap_or_default();
        if mode != Mode::Auto && !clients.is_empty() {
            let message = format!(
                "`clientModes` counts under `\"mode\": \"auto\"` only, and it is `{}`",
                mode.name()
            );
            top.report().warning(&top.at("clientModes"), message);
        }
        Self { mode, clients, tool_prefix: ToolPrefix::read(top) }
    }
}

fn client_modes(top: &mut Reader<'_>) -> Option<IndexMap<String, Mode>> {
    const KEY: &str = "clientModes";
    let place = top.at(KEY);
    let map = top.map(KEY)?;
    let mut modes = IndexMap::with_capacity(map.len());
    for (client, value) in map {
        let place = locate::child(&place, client);
        match value.as_str() {
            Some(text) => {
                if let Some(mode) = top.pick(KEY, &place, text, &OF_CLIENTS) {
                    modes.insert(client.clone(), mode);
                }
            }
            None => top.report().error(
                &place,
                format!("`{client}` in `{KEY}` must be `\"router\"` or `\"direct\"`"),
            ),
        }
    }
    Some(modes)
}

impl ToolPrefix {
    fn read(top: &mut Reader<'_>) -> Self {
        const KEY: &str = "toolPrefix";
        match top.value(KEY) {
            None | Some(Value::Bool(true)) => Self::Always,
            Some(Value::Bool(false)) => Self::Never,
            Some(Value::String(text)) if text == "auto" => Self::OnCollision,
            Some(_) => {
                let message = "`toolPrefix` must be `true`, `false` or `\"auto\"`";
                top.report().add(top.report().finding(Severity::Error, &top.at(KEY), message));
                Self::default()
            }
        }
    }
}
