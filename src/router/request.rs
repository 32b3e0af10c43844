//! One request as the router gets it: who calls, and which tool with what.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::base::json::{is_object, member, members, string};
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
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

/// The progress token in the metadata of a request, as it is spelt: a string or a number (specification, Progress,
/// Progress Flow).
pub(super) fn progress_token(meta: &str) -> Option<&str> {
    let token = member(meta, "progressToken")?;
    let is_one =
        token.starts_with(['"', '-']) || token.starts_with(|letter: char| letter.is_ascii_digit());
    is_one.then_some(token)
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
