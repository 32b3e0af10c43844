//! From the arguments of the `mcp` tool to an [`Action`].

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::Error;
use crate::base::json::{Strict, is_object, members, string};
use crate::base::text::nearest;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
use crate::telemetry::logging::excerpt;
use crate::upstream::Withdrawn;

/// Sends notifications to the session and request that caused them.
#[derive(Clone)]
pub struct Notify(Arc<Deliver>);

type Deliver = dyn Fn(&str, &str) + Send + Sync;

impl Notify {
    /// `send` takes the method and the JSON text of the parameters; it must not block.
    pub fn new(send: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(send))
    }

    /// For callers that want to hear nothing.
    pub fn nobody() -> Self {
        Self::new(|_, _| ())
    }

    /// Sends one notification.
    pub fn send(&self, method: &str, params: &str) {
        (self.0)(method, params);
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Notify")
    }
}

/// Who calls, as far as a call needs it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Where notifications about the call go.
    pub notify: Notify,
    /// Why the call was withdrawn, set before it is dropped.
    pub withdrawn: Withdrawn,
}

/// The parameters of `tools/call` (specification, Tools, Calling Tools).
#[derive(Debug)]
pub struct ToolCall<'a> {
    /// The tool: `mcp` in router mode.
    pub name: Cow<'a, str>,
    /// The JSON text of its arguments.
    pub arguments: Option<&'a str>,
    /// The JSON text of metadata such as the progress token.
    pub meta: Option<&'a str>,
}

impl<'a> ToolCall<'a> {
    /// Reads the parameters from their JSON text.
    pub fn parse(params: &'a str) -> Result<Self, ErrorObject> {
        let (mut name, mut arguments, mut meta) = (None, None, None);
        for member in members(params) {
            match &*member.name() {
                "name" => name = string(member.value),
                "arguments" => arguments = Some(member.value),
                "_meta" => meta = Some(member.value).filter(|meta| is_object(meta)),
                _ => {}
            }
        }
        let name = name.ok_or_else(|| {
            ErrorObject::new(INVALID_PARAMS, "`tools/call` needs `name`, the name of a tool")
        })?;
        Ok(Self { name, arguments, meta })
    }
}

/// The actions that this version has, as they are named in `action`.
pub const ACTIONS: [&str; 5] = ["call", "list", "schema", "status", "refresh"];

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
}

/// The arguments as JSON texts.
#[derive(Default)]
struct Arguments<'a> {
    server: Option<&'a str>,
    action: Option<&'a str>,
    tool: Option<&'a str>,
    params: Option<&'a str>,
    unknown: Option<Cow<'a, str>>,
}

impl<'a> Arguments<'a> {
    fn read(arguments: &'a str) -> Result<Self, Error> {
        if !is_object(arguments) {
            let reason = format!("the arguments must be an object, not {}", short(arguments));
            return Err(Error::InvalidParams { reason, hint: None });
        }
        let mut read = Self::default();
        for member in members(arguments) {
            let name = member.name();
            let place = match &*name {
                "server" => &mut read.server,
                "action" => &mut read.action,
                "tool" => &mut read.tool,
                // Models often use the protocol's own word.
                "params" | "arguments" => &mut read.params,
                _ => {
                    read.unknown.get_or_insert(name);
                    continue;
                }
            };
            if member.value != "null" && place.replace(member.value).is_some() {
                let reason = "`params` and `arguments` mean the same; give one".to_owned();
                return Err(Error::InvalidParams { reason, hint: None });
            }
        }
        Ok(read)
    }
}

impl<'a> Action<'a> {
    /// Reads the arguments of the `mcp` tool from their JSON text.
    pub fn parse(arguments: Option<&'a str>) -> Result<Self, Error> {
        let arguments = arguments.map_or_else(|| Ok(Arguments::default()), Arguments::read)?;
        let server = text("server", arguments.server)?;
        let tool = text("tool", arguments.tool)?;
        let action = text("action", arguments.action)?.unwrap_or(Cow::Borrowed(ACTIONS[0]));
        if let Some(name) = arguments.unknown.filter(|_| ACTIONS.contains(&&*action)) {
            let reason = format!("unknown argument `{}`", excerpt(name.as_bytes(), 40));
            let hint = "the arguments of the tool itself belong into `params`".to_owned();
            return Err(Error::InvalidParams { reason, hint: Some(hint) });
        }
        let named = |tool: Option<Cow<'a, str>>| {
            tool.ok_or_else(|| Error::InvalidParams {
                reason: format!("action `{action}` needs `tool`"),
                hint: Some(
                    "action `list` shows the servers, and with `server` the tools of one"
                        .to_owned(),
                ),
            })
        };
        match &*action {
            "call" => {
                Ok(Self::Call { server, tool: named(tool)?, params: object(arguments.params)? })
            }
            "list" => Ok(Self::List { server }),
            "schema" => Ok(Self::Schema { server, tool: named(tool)? }),
            "status" => Ok(Self::Status { server }),
            "refresh" => Ok(Self::Refresh { server }),
            other => {
                let hint = match nearest(other, ACTIONS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the actions are {}", ACTIONS.join(", ")),
                };
                let reason = format!("unknown action `{}`", excerpt(other.as_bytes(), 40));
                Err(Error::InvalidParams { reason, hint: Some(hint) })
            }
        }
    }
}

/// A member that must be a string; an empty one counts as absent.
fn text<'a>(name: &str, value: Option<&'a str>) -> Result<Option<Cow<'a, str>>, Error> {
    let Some(value) = value else { return Ok(None) };
    let text = string(value).ok_or_else(|| {
        let reason = format!("`{name}` must be a string, not {}", short(value));
        Error::InvalidParams { reason, hint: None }
    })?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn short(value: &str) -> String {
    excerpt(value.as_bytes(), 40)
}

/// The tool's arguments as the text of a JSON object. Some models send the object as a string; that is read too.
fn object(params: Option<&str>) -> Result<Cow<'_, str>, Error> {
    let Some(value) = params else {
        return Ok(Cow::Borrowed("{}"));
    };
    if is_object(value) {
        return Ok(Cow::Borrowed(value));
    }
    if let Some(inner) = string(value) {
        if inner.trim().is_empty() {
            return Ok(Cow::Borrowed("{}"));
        }
        let mut strict = Strict::new();
        if let Ok(checked) = strict.check(inner.as_bytes())
            && checked.is_object()
        {
            return Ok(Cow::Owned(checked.text.to_owned()));
        }
    }
    let reason = format!("`params` must be an object, not {}", short(value));
    let hint = Some("such as {\"params\": {\"name\": \"value\"}}".to_owned());
    Err(Error::InvalidParams { reason, hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str, expected: &str) {
        let found = match Action::parse(Some(arguments)) {
            Ok(action) => format!("{action:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{arguments}");
    }

    #[test]
    fn arguments_become_actions() {
        check(r#"{"tool":"t"}"#, r#"Call { server: None, tool: "t", params: "{}" }"#);
        check(
            r#"{"server":"s","tool":"t","params":{"a": 1}}"#,
            r#"Call { server: Some("s"), tool: "t", params: "{\"a\": 1}" }"#,
        );
        check(
            r#"{"tool":"t","params":"{\"a\":1}"}"#,
            r#"Call { server: None, tool: "t", params: "{\"a\":1}" }"#,
        );
        check(r#"{"tool":"t","params":null}"#, r#"Call { server: None, tool: "t", params: "{}" }"#);
        check(r#"{"tool":"t","params":""}"#, r#"Call { server: None, tool: "t", params: "{}" }"#);
        check(
            r#"{"tool":"t","arguments":{}}"#,
            r#"Call { server: None, tool: "t", params: "{}" }"#,
        );
        check(r#"{"action":"list"}"#, "List { server: None }");
        check(r#"{"action":"schema","tool":"t"}"#, r#"Schema { server: None, tool: "t" }"#);
    }

    #[test]
    fn faults_are_named() {
        check("{}", "action `call` needs `tool`");
        check(r#"{"action":"lst"}"#, "unknown action `lst`");
        check(r#"{"action":"search","query":"x"}"#, "unknown action `search`");
        check(r#"{"tool":"t","params":[1]}"#, "`params` must be an object, not [1]");
        check(
            r#"{"tool":"t","params":"{\"a\":1,\"a\":2}"}"#,
            r#"`params` must be an object, not "{\"a\":1,\"a\":2}""#,
        );
        check(r#"{"tool":5}"#, "`tool` must be a string, not 5");
        check(r#"{"tool":"t","message":"hi"}"#, "unknown argument `message`");
    }
}
