//! One request as the router gets it: which tool is called, with what.

use std::borrow::Cow;

use crate::base::json::{Part, is_object, member, string};
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};

/// The parameters of `tools/call` (specification, Tools, Calling Tools).
#[derive(Debug)]
pub struct ToolCall<'a> {
    /// The tool: `mcp` in router mode.
    pub name: Cow<'a, str>,
    /// Its arguments.
    pub arguments: Option<Part<'a>>,
    /// The JSON text of metadata such as the progress token.
    pub meta: Option<&'a str>,
    /// The client asks for a task in the place of the result (revision 2025-11-25, Tasks).
    pub wants_task: bool,
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
    /// Reads the parameters.
    pub fn parse(params: Part<'a>) -> Result<Self, ErrorObject> {
        let (mut name, mut arguments, mut meta, mut wants_task) = (None, None, None, false);
        for member in params.members() {
            match &*member.name() {
                "name" => name = string(member.value),
                "arguments" => arguments = Some(member.part()),
                "task" => wants_task = is_object(member.value),
                "_meta" => meta = Some(member.value).filter(|meta| is_object(meta)),
                _ => {}
            }
        }
        let name = name.ok_or_else(|| {
            ErrorObject::new(INVALID_PARAMS, "`tools/call` needs `name`, the name of a tool")
        })?;
        Ok(Self { name, arguments, meta, wants_task })
    }
}
