//! From the arguments of the `mcp` tool to an [`Action`].

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Error;
use crate::base::text::nearest;
use crate::protocol::jsonrpc::Text;
use crate::telemetry::logging::excerpt;
use crate::upstream::Withdrawn;

/// Sends notifications to the session and request that caused them.
#[derive(Clone)]
pub struct Notify(Arc<dyn Fn(&str, &str) + Send + Sync>);

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
#[derive(Debug, Deserialize)]
pub struct ToolCall<'a> {
    /// The tool: `mcp` in router mode.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// Its arguments, unread.
    #[serde(borrow, default)]
    pub arguments: Option<&'a RawValue>,
    /// Metadata such as the progress token.
    #[serde(borrow, default, rename = "_meta")]
    pub meta: Option<&'a RawValue>,
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
    Status,
    /// Reconnect where needed and reread tools.
    Refresh {
        /// Only this one.
        server: Option<Cow<'a, str>>,
    },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    server: Option<&'a RawValue>,
    #[serde(borrow, default)]
    action: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool: Option<&'a RawValue>,
    // Models often use the protocol's own word.
    #[serde(borrow, default, alias = "arguments")]
    params: Option<&'a RawValue>,
}

impl<'a> Action<'a> {
    /// Reads the arguments of the `mcp` tool; they have passed [`crate::base::json::Strict`].
    pub fn parse(arguments: Option<&'a RawValue>) -> Result<Self, Error> {
        let arguments: Arguments<'a> = match arguments {
            None => Arguments::default(),
            Some(raw) => serde_json::from_str(raw.get()).map_err(|error| misread(&error))?,
        };
        let server = text("server", arguments.server)?;
        let tool = text("tool", arguments.tool)?;
        let action = text("action", arguments.action)?.unwrap_or(Cow::Borrowed(ACTIONS[0]));
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
            "call" => Ok(Self::Call {
                server,
                tool: named(tool)?,
                params: object(arguments.params)?,
            }),
            "list" => Ok(Self::List { server }),
            "schema" => Ok(Self::Schema {
                server,
                tool: named(tool)?,
            }),
            "status" => Ok(Self::Status),
            "refresh" => Ok(Self::Refresh { server }),
            other => {
                let hint = match nearest(other, ACTIONS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the actions are {}", ACTIONS.join(", ")),
                };
                let reason = format!("unknown action `{other}`");
                Err(Error::InvalidParams {
                    reason,
                    hint: Some(hint),
                })
            }
        }
    }
}

/// A member that must be a string; an empty one counts as absent.
fn text<'a>(name: &str, raw: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, Error> {
    let Some(raw) = raw else { return Ok(None) };
    match serde_json::from_str::<Text<'a>>(raw.get()) {
        Ok(text) => Ok(Some(text.0).filter(|text| !text.is_empty())),
        Err(_) => Err(Error::InvalidParams {
            reason: format!(
                "`{name}` must be a string, not {}",
                excerpt(raw.get().as_bytes(), 40)
            ),
            hint: None,
        }),
    }
}

fn misread(error: &serde_json::Error) -> Error {
    let text = error.to_string();
    // The position is one within the arguments, which nobody can see.
    let reason = text.split(" at line ").next().unwrap_or_default();
    if let Some(("unknown field", name)) = reason.split_once(" `") {
        let name = name.split('`').next().unwrap_or_default();
        let reason = format!("unknown argument `{name}`");
        let hint = Some("the arguments of the tool itself belong into `params`".to_owned());
        return Error::InvalidParams { reason, hint };
    }
    Error::InvalidParams {
        reason: reason.to_owned(),
        hint: None,
    }
}

/// The tool's arguments as the text of a JSON object. Some models send the object as a string; that is read too.
fn object(params: Option<&RawValue>) -> Result<Cow<'_, str>, Error> {
    let Some(raw) = params else {
        return Ok(Cow::Borrowed("{}"));
    };
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => return Ok(Cow::Borrowed(text)),
        Some(b'"') => {
            let inner: String = serde_json::from_str(text).unwrap_or_default();
            let checked = crate::base::json::Strict::new()
                .check(inner.as_bytes())
                .is_ok();
            let inner = inner.trim();
            let is_object =
                inner.starts_with('{') && serde_json::from_str::<&RawValue>(inner).is_ok();
            if inner.is_empty() {
                return Ok(Cow::Borrowed("{}"));
            }
            if checked && is_object {
                return Ok(Cow::Owned(inner.to_owned()));
            }
        }
        _ => {}
    }
    Err(Error::InvalidParams {
        reason: "`params` must be an object".to_owned(),
        hint: Some("such as {\"params\": {\"name\": \"value\"}}".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str, expected: &str) {
        let raw = RawValue::from_string(arguments.to_owned()).expect("valid");
        let found = match Action::parse(Some(&raw)) {
            Ok(action) => format!("{action:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{arguments}");
    }

    #[test]
    fn arguments_become_actions() {
        check(
            r#"{"tool":"t"}"#,
            r#"Call { server: None, tool: "t", params: "{}" }"#,
        );
        check(
            r#"{"server":"s","tool":"t","params":{"a": 1}}"#,
            r#"Call { server: Some("s"), tool: "t", params: "{\"a\": 1}" }"#,
        );
        check(
            r#"{"tool":"t","params":"{\"a\":1}"}"#,
            r#"Call { server: None, tool: "t", params: "{\"a\":1}" }"#,
        );
        check(
            r#"{"tool":"t","params":null}"#,
            r#"Call { server: None, tool: "t", params: "{}" }"#,
        );
        check(
            r#"{"tool":"t","params":""}"#,
            r#"Call { server: None, tool: "t", params: "{}" }"#,
        );
        check(
            r#"{"tool":"t","arguments":{}}"#,
            r#"Call { server: None, tool: "t", params: "{}" }"#,
        );
        check(r#"{"action":"list"}"#, "List { server: None }");
        check(
            r#"{"action":"schema","tool":"t"}"#,
            r#"Schema { server: None, tool: "t" }"#,
        );
    }

    #[test]
    fn faults_are_named() {
        check("{}", "action `call` needs `tool`");
        check(r#"{"action":"lst"}"#, "unknown action `lst`");
        check(r#"{"tool":"t","params":[1]}"#, "`params` must be an object");
        check(
            r#"{"tool":"t","params":"{\"a\":1,\"a\":2}"}"#,
            "`params` must be an object",
        );
        check(r#"{"tool":5}"#, "`tool` must be a string, not 5");
        check(
            r#"{"tool":"t","message":"hi"}"#,
            "unknown argument `message`",
        );
    }
}
