//! From the arguments of the `mcp` tool to an [`Action`].

use std::borrow::Cow;

use super::Error;
use super::arguments::{Arguments, array, object, offset, text};
use super::item::{self, Item};
use crate::base::json::{self, Part};
use crate::base::text::nearest;
use crate::telemetry::logging::excerpt;

/// The actions that anybody may use, as they are named in `action`.
pub const ACTIONS: [&str; 9] =
    ["call", "intent", "list", "schema", "batch", "read", "status", "refresh", "promotions"];
/// Those about servers that could be installed, unless `catalog` is turned off.
pub const CATALOG_ACTIONS: [&str; 2] = ["search", "catalog"];
/// The actions that change the config, for agents only where `agentAdmin` is set.
pub const ADMIN_ACTIONS: [&str; 4] = ["install", "remove", "set-env", "set-mode"];

const INTENT_HINT: &str =
    r#"such as {"action": "intent", "intent": "list the open issues of a repository"}"#;

/// What is to be done.
#[derive(Debug)]
pub enum Action<'a> {
    /// Call a tool.
    Call {
        /// Where, if the caller knows.
        server: Option<Cow<'a, str>>,
        /// Which.
        tool: Cow<'a, str>,
        /// The tool's arguments: the JSON text of an object.
        params: Cow<'a, str>,
        /// A jq filter for the result.
        select: Option<Cow<'a, str>>,
    },
    /// Call several tools.
    Batch {
        /// The calls, in the order of their results.
        items: Vec<Item<'a>>,
    },
    /// Find the tool that suits a wish.
    Intent {
        /// What is wanted, in plain words.
        intent: Cow<'a, str>,
    },
    /// List a server's tools, or all servers.
    List {
        /// Whose tools.
        server: Option<Cow<'a, str>>,
    },
    /// Show one tool in full.
    Schema {
        /// Where, if the caller knows.
        server: Option<Cow<'a, str>>,
        /// Which.
        tool: Cow<'a, str>,
    },
    /// Read on in a result that was too long.
    Read {
        /// The result's id.
        id: Cow<'a, str>,
        /// Where to begin, in characters.
        offset: usize,
        /// A jq filter for the whole result, instead of a part of it.
        select: Option<Cow<'a, str>>,
    },
    /// Tell how the servers are doing.
    Status {
        /// Only this one.
        server: Option<Cow<'a, str>>,
    },
    /// Reconnect where needed and reread tools.
    Refresh {
        /// Only this one.
        server: Option<Cow<'a, str>>,
    },
    /// Tell which tools are promoted.
    Promotions,
    /// Find servers that could be installed.
    Search {
        /// What they should be for, in plain words.
        query: Cow<'a, str>,
    },
    /// Show the servers that could be installed.
    Catalog {
        /// Only those of this category.
        category: Option<Cow<'a, str>>,
    },
    /// Put a server into the config by its recipe.
    Install {
        /// The recipe.
        server: Cow<'a, str>,
        /// Another name for the server.
        alias: Option<Cow<'a, str>>,
    },
    /// Take a server out of the config.
    Remove {
        /// Which.
        server: Cow<'a, str>,
    },
    /// Set a variable in the `.env` file.
    SetEnv {
        /// Its name.
        key: Cow<'a, str>,
        /// Its value, which is never shown.
        value: Cow<'a, str>,
    },
    /// Set `mode`.
    SetMode {
        /// `router`, `direct` or `auto`.
        mode: Cow<'a, str>,
    },
}

impl<'a> Action<'a> {
    /// Reads the arguments of the `mcp` tool; a batch may hold `max_batch` calls.
    pub fn parse(arguments: Option<Part<'a>>, max_batch: usize) -> Result<Self, Error> {
        let arguments = arguments.filter(|arguments| arguments.text() != "null");
        let arguments = arguments.map_or_else(|| Ok(Arguments::default()), Arguments::read)?;
        let server = text("server", arguments.server)?;
        let tool = text("tool", arguments.tool)?;
        // `calls` says by itself what is meant, and so does `intent` alone.
        let intent = wish(arguments.intent)?;
        let usual = match (arguments.calls.is_some(), intent.is_some() && tool.is_none()) {
            (true, _) => "batch",
            (false, true) => "intent",
            (false, false) => "call",
        };
        let action = text("action", arguments.action)?.unwrap_or(Cow::Borrowed(usual));
        let is_known = all().any(|known| known == action);
        if let Some(name) = arguments.unknown.filter(|_| is_known) {
            let reason = format!("unknown argument `{}`", excerpt(name.as_bytes(), 40));
            let hint = "the arguments of the tool itself belong into `params`";
            return Err(Error::invalid(reason).with_hint(hint));
        }
        let select = text("select", arguments.select)?;
        if select.is_some() && !matches!(&*action, "call" | "read") && is_known {
            let reason = format!("`select` has no meaning for action `{action}`");
            let hint = "it goes with `call`, with `read` and into each item of `calls`";
            return Err(Error::invalid(reason).with_hint(hint));
        }
        if arguments.calls.is_some() && &*action != "batch" && is_known {
            let reason = format!("`calls` has no meaning for action `{action}`");
            return Err(Error::invalid(reason).with_hint("it goes with `batch`, or by itself"));
        }
        let needed = |name: &str, value: Option<Cow<'a, str>>, hint: &str| {
            value.ok_or_else(|| {
                Error::invalid(format!("action `{action}` needs `{name}`")).with_hint(hint)
            })
        };
        let named = |tool| {
            let hint = "action `list` shows the servers, and with `server` the tools of one";
            needed("tool", tool, hint)
        };
        match &*action {
            "call" => {
                let (tool, params) = (named(tool)?, object("params", arguments.params)?);
                Ok(Self::Call { server, tool, params, select })
            }
            "batch" => {
                let items = item::read(&array(arguments.calls)?, server.as_deref(), max_batch)?;
                Ok(Self::Batch { items })
            }
            "intent" => needed("intent", intent, INTENT_HINT).and_then(find),
            "list" => Ok(Self::List { server }),
            "schema" => Ok(Self::Schema { server, tool: named(tool)? }),
            "read" => {
                let hint = "the id that a shortened result names";
                let id = needed("id", text("id", arguments.id)?, hint)?;
                Ok(Self::Read { id, offset: offset(arguments.offset)?, select })
            }
            "status" => Ok(Self::Status { server }),
            "refresh" => Ok(Self::Refresh { server }),
            "promotions" => Ok(Self::Promotions),
            "search" => search(intent, arguments.params),
            "catalog" => Ok(Self::Catalog { category: in_params("category", arguments.params)? }),
            "install" => install(server, arguments.params),
            "remove" => {
                let hint = "the name of a server in the config";
                Ok(Self::Remove { server: needed("server", server, hint)? })
            }
            "set-env" => set_env(arguments.params),
            "set-mode" => {
                let hint = r#"such as {"params": {"mode": "router"}}"#;
                let params = object("params", arguments.params)?;
                Ok(Self::SetMode { mode: needed("params.mode", member(&params, "mode")?, hint)? })
            }
            other => {
                let hint = match nearest(other, all()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the actions are {}", ACTIONS.join(", ")),
                };
                let reason = format!("unknown action `{}`", excerpt(other.as_bytes(), 40));
                Err(Error::invalid(reason).with_hint(hint))
            }
        }
    }
}

/// A wish in words; empty where it is there and says nothing.
fn wish(value: Option<&str>) -> Result<Option<Cow<'_, str>>, Error> {
    let Some(value) = value.filter(|value| *value != "null") else { return Ok(None) };
    let wish = text("intent", Some(value))?.filter(|wish| !wish.trim().is_empty());
    Ok(Some(wish.unwrap_or_default()))
}

fn find(intent: Cow<'_, str>) -> Result<Action<'_>, Error> {
    if intent.is_empty() {
        return Err(Error::invalid("`intent` is empty").with_hint(INTENT_HINT));
    }
    Ok(Action::Intent { intent })
}

/// Every action, whether it may be used or not.
fn all() -> impl Iterator<Item = &'static str> {
    ACTIONS.into_iter().chain(CATALOG_ACTIONS).chain(ADMIN_ACTIONS)
}

fn install<'a>(server: Option<Cow<'a, str>>, params: Option<&'a str>) -> Result<Action<'a>, Error> {
    let server = server.ok_or_else(|| {
        Error::invalid("action `install` needs `server`")
            .with_hint("the name of a recipe, such as `github`")
    })?;
    Ok(Action::Install { server, alias: in_params("as", params)? })
}

/// What stands there is never repeated: it may be the value.
fn set_env<'a>(params: Option<&str>) -> Result<Action<'a>, Error> {
    const HINT: &str = r#"such as {"params": {"key": "NAME", "value": "…"}}"#;
    let params = object("params", params)
        .map_err(|_| Error::invalid("`params` must be an object").with_hint(HINT))?;
    let text = |name: &str| {
        let text = json::member(&params, name).and_then(json::string);
        text.map(|text| Cow::Owned(text.into_owned())).ok_or_else(|| {
            let reason = format!("action `set-env` needs `params.{name}`, a string");
            Error::invalid(reason).with_hint(HINT)
        })
    };
    Ok(Action::SetEnv { key: text("key")?, value: text("value")? })
}

/// The query stands where intents do, or in `params`.
fn search<'a>(intent: Option<Cow<'a, str>>, params: Option<&str>) -> Result<Action<'a>, Error> {
    const HINT: &str = r#"such as {"action": "search", "intent": "send an invoice"}"#;
    let query = intent.map_or_else(|| in_params("query", params), |intent| Ok(Some(intent)))?;
    let missing = || Error::invalid("action `search` needs `intent`").with_hint(HINT);
    let query = query.ok_or_else(missing)?;
    if query.is_empty() {
        return Err(Error::invalid("`intent` is empty").with_hint(HINT));
    }
    Ok(Action::Search { query })
}

/// A string that may stand in `params`.
fn in_params<'a>(name: &str, params: Option<&str>) -> Result<Option<Cow<'a, str>>, Error> {
    member(&object("params", params)?, name)
}

/// A member of `params` that must be a string.
fn member<'a>(params: &str, name: &str) -> Result<Option<Cow<'a, str>>, Error> {
    let found = text(name, json::member(params, name))?;
    Ok(found.map(|text| Cow::Owned(text.into_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str, expected: &str) {
        let found = match Action::parse(Some(arguments.into()), 3) {
            Ok(action) => format!("{action:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{arguments}");
    }

    fn check_call(arguments: &str, params: &str) {
        match Action::parse(Some(arguments.into()), 3) {
            Ok(Action::Call { tool, params: found, .. }) => {
                assert_eq!((&*tool, &*found), ("t", params), "{arguments}");
            }
            other => panic!("{arguments}: {other:?}"),
        }
    }

    #[test]
    fn arguments_become_actions() {
        check(
            r#"{"server":"s","tool":"t","params":{"a": 1},"select":".x"}"#,
            r#"Call { server: Some("s"), tool: "t", params: "{\"a\": 1}", select: Some(".x") }"#,
        );
        check_call(r#"{"tool":"t"}"#, "{}");
        check_call(r#"{"tool":"t","params":"{\"a\":1}"}"#, r#"{"a":1}"#);
        check_call(r#"{"tool":"t","params":null}"#, "{}");
        check_call(r#"{"tool":"t","params":""}"#, "{}");
        check_call(r#"{"tool":"t","arguments":{}}"#, "{}");
        check(r#"{"action":"list"}"#, "List { server: None }");
        check(r#"{"action":"search","intent":"mail"}"#, r#"Search { query: "mail" }"#);
        check(r#"{"action":"search","params":{"query":"mail"}}"#, r#"Search { query: "mail" }"#);
        check(r#"{"action":"catalog"}"#, "Catalog { category: None }");
        check(
            r#"{"action":"catalog","params":{"category":"ai"}}"#,
            r#"Catalog { category: Some("ai") }"#,
        );
        check(r#"{"action":"schema","tool":"t"}"#, r#"Schema { server: None, tool: "t" }"#);
        check(
            r#"{"action":"read","id":"x","offset":"12"}"#,
            r#"Read { id: "x", offset: 12, select: None }"#,
        );
        check(
            r#"{"action":"set-env","params":{"key":"K","value":"v"}}"#,
            r#"SetEnv { key: "K", value: "v" }"#,
        );
    }

    #[test]
    fn calls_become_batches() {
        for arguments in [
            r#"{"action":"batch","calls":[{"tool":"t"},{"tool":"u"}]}"#,
            r#"{"calls":"[{\"tool\":\"t\"},{\"tool\":\"u\"}]"}"#,
        ] {
            match Action::parse(Some(arguments.into()), 3) {
                Ok(Action::Batch { items }) => {
                    let tools: Vec<&str> = items.iter().map(|item| &*item.tool).collect();
                    assert_eq!(tools, ["t", "u"], "{arguments}");
                }
                other => panic!("{arguments}: {other:?}"),
            }
        }
    }

    #[test]
    fn faults_are_named() {
        check("{}", "action `call` needs `tool`");
        check(r#"{"action":"search"}"#, "action `search` needs `intent`");
        check(
            r#"{"action":"catalog","params":{"category":1}}"#,
            "`category` must be a string, not 1",
        );
        check(r#"{"action":"lst"}"#, "unknown action `lst`");
        check(r#"{"action":"serch","query":"x"}"#, "unknown action `serch`");
        check(r#"{"tool":"t","params":[1]}"#, "`params` must be an object, not [1]");
        check(
            r#"{"tool":"t","params":"{\"a\":1,\"a\":2}"}"#,
            r#"`params` must be an object, not "{\"a\":1,\"a\":2}""#,
        );
        check(r#"{"tool":5}"#, "`tool` must be a string, not 5");
        check(r#"{"tool":"t","message":"hi"}"#, "unknown argument `message`");
        check(r#"{"action":"list","select":"."}"#, "`select` has no meaning for action `list`");
        check(r#"{"action":"batch"}"#, "action `batch` needs `calls`, a list of calls");
        check(r#"{"action":"batch","calls":{}}"#, "`calls` must be a list, not {}");
        check(r#"{"action":"read"}"#, "action `read` needs `id`");
        check(r#"{"action":"intent"}"#, "action `intent` needs `intent`");
        check(r#"{"action":"intent","intent":null}"#, "action `intent` needs `intent`");
        check(r#"{"intent":null}"#, "action `call` needs `tool`");
        check(r#"{"intent":""}"#, "`intent` is empty");
        check(r#"{"intent":" \n\u2003"}"#, "`intent` is empty");
        check(r#"{"action":"intent","intent":" "}"#, "`intent` is empty");
        check(r#"{"action":"call","intent":""}"#, "action `call` needs `tool`");
        check(
            r#"{"action":"read","id":"x","offset":-1}"#,
            "`offset` must be a whole number of characters, not -1",
        );
    }
}
