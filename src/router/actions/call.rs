//! `call`: the upstream's own result comes back as it is.

use super::which::{self, Which};
use crate::base::json;
use crate::config::CallFormat;
use crate::protocol::error::INVALID_PARAMS;
use crate::protocol::jsonrpc::write_json;
use crate::protocol::method;
use crate::router::Error;
use crate::router::answer::{self, Envelope};
use crate::router::request::Caller;
use crate::router::routing::{Found, Router, unknown_tool};
use crate::tools::signature::signature;
use crate::upstream::{self, OnProgress, Watch};

/// One call of one tool.
pub(in crate::router) struct Call<'a> {
    pub(in crate::router) tool: &'a str,
    /// The JSON text of an object.
    pub(in crate::router) params: &'a str,
    pub(in crate::router) meta: Option<&'a str>,
    pub(in crate::router) caller: &'a Caller,
}

impl Call<'_> {
    /// Finds the server, calls the tool, and returns the result of the `mcp` tool.
    pub(in crate::router) async fn run(
        &self,
        router: &Router,
        server: Option<&str>,
    ) -> Result<Box<str>, Error> {
        let found = match which::server(router, server, self.tool, self.params).await? {
            Which::Found(found) => found,
            Which::Ambiguous(question) => return Ok(question),
        };
        let tools = router.tools_of(found).await?;
        let Some(tool) = tools.get(self.tool) else {
            return Err(unknown_tool(found.name, &tools, self.tool));
        };
        let result = self.send(router, found).await.map_err(|source| Error::Upstream {
            signature: refuses_arguments(&source).then(|| signature(&tool.definition)),
            server: found.name.to_string(),
            source,
        })?;
        // Only one of several servers can be preferred, and only for what went well.
        if router.pool.len() > 1 && !says_error(&result) {
            router.remember(found.name);
        }
        router.pool.make_room_for(&[]);
        Ok(match router.settings.call_format {
            CallFormat::Content => result,
            CallFormat::Envelope => {
                let server = found.name.as_str();
                answer::result(&Envelope {
                    server,
                    action: "call",
                    tool: self.tool,
                    result: serde_json::from_str(&result).expect("it was checked as it came in"),
                })
            }
        })
    }

    async fn send(&self, router: &Router, found: Found<'_>) -> Result<Box<str>, upstream::Error> {
        let token = self
            .meta
            .and_then(|meta| json::members(meta).find(|member| member.name() == "progressToken"))
            .map(|token| token.value)
            // A string or an integer (specification, Progress, Progress Flow).
            .filter(|token| {
                token.starts_with(['"', '-']) || token.starts_with(|c: char| c.is_ascii_digit())
            });
        let timeout = found.supervisor.request_timeout();
        let mut tried = false;
        let result = loop {
            let session = router.pool.session(found.supervisor).await?;
            let watch = Watch {
                on_progress: token.map(|token| self.on_progress(token)),
                withdrawn: Some(&self.caller.withdrawn),
            };
            let params = |to: &mut Vec<u8>, id| self.write_params(to, token, id);
            match session.call_tool(timeout, watch, params).await {
                // The session ended between taking it and using it; the next one is fresh.
                Err(error) if error.is_retryable() && !tried => tried = true,
                outcome => break outcome?,
            }
        };
        if json::is_object(&result) {
            Ok(result)
        } else {
            let reason = "the result of a tool call is an object".to_owned();
            Err(upstream::Error::BadAnswer { reason })
        }
    }

    /// The parameters of the upstream's `tools/call`. `_meta` travels on, with our own progress token in the place
    /// of the client's: tokens of two clients may be equal.
    fn write_params(&self, to: &mut Vec<u8>, token: Option<&str>, id: u64) {
        to.extend_from_slice(b"{\"name\":");
        write_json(to, &self.tool);
        to.extend_from_slice(b",\"arguments\":");
        to.extend_from_slice(self.params.as_bytes());
        if let Some(meta) = self.meta {
            to.extend_from_slice(b",\"_meta\":");
            let ours = token.and_then(|token| json::replace(meta, token, &id.to_string()));
            to.extend_from_slice(ours.as_deref().unwrap_or(meta).as_bytes());
        }
        to.push(b'}');
    }

    fn on_progress(&self, token: &str) -> OnProgress {
        let (notify, token) = (self.caller.notify.clone(), token.to_owned());
        Box::new(move |params, ours| {
            if let Some(params) = json::replace(params, ours, &token) {
                notify.send(method::PROGRESS, &params);
            }
        })
    }
}

/// Whether the server found fault with the arguments (JSON-RPC 2.0, section 5.1).
fn refuses_arguments(error: &upstream::Error) -> bool {
    matches!(error, upstream::Error::Refused(error) if error.code == INVALID_PARAMS)
}

fn says_error(result: &str) -> bool {
    json::members(result).any(|member| member.name() == "isError" && member.value == "true")
}
