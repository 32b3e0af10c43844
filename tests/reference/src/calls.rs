//! Calls of tools.

use std::time::Duration;

use axum::http::request::Parts;
use rmcp::model::{CallToolRequestParams, CallToolResponse, ProgressNotificationParam};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use tokio::time::sleep;

use crate::asking::{self, Call, Outcome};
use crate::changes::Change;
use crate::content::{self, said, text_of};
use crate::logging;
use crate::server::{Server, Shared};
use crate::tasks;

/// Clients see one message after another, not all at once.
const PAUSE: Duration = Duration::from_millis(50);
/// More streams than one session of the suite opens.
const MAX_STREAMS: u64 = 1024;

/// Runs one tool.
pub async fn run(
    server: &Server,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let name = request.name.into_owned();
    let arguments = request.arguments.unwrap_or_default();
    let shared = &*server.shared;
    let known = shared.tool(&name).is_some();
    if !known {
        return Err(ErrorData::invalid_params(format!("Unknown tool: {name}"), None));
    }
    if let Some(result) = content::of_tool(&name, &arguments) {
        return Ok(result.into());
    }
    let capabilities = context.client_capabilities().unwrap_or_default();
    if let Some(result) = tasks::call(&name, &arguments, &capabilities, &shared.tasks).await {
        return result;
    }
    match name.as_str() {
        "test_tool_with_logging" | "test_logging_tool" => log_thrice(server, context).await,
        "test_tool_with_progress" => report_progress(context).await?,
        "test_reconnection" => cut_streams(shared, context).await,
        "test_trigger_tool_change" => shared.changes.make(Change::Tools),
        "test_trigger_prompt_change" => shared.changes.make(Change::Prompts),
        "test_trigger_resource_change" => {
            shared.changes.make(Change::Resource(text_of(&arguments, "uri").to_owned()));
        }
        _ => {
            let answers = request.input_responses.unwrap_or_default();
            let call =
                Call { name: name.clone(), arguments, answers, state: request.request_state };
            return match asking::run(call, context, &shared.codec).await? {
                Some(Outcome::Done(text)) if name == "test_tool_with_task" => {
                    tasks::greet(text, &capabilities, &shared.tasks)
                }
                Some(Outcome::Done(text)) => Ok(said(text).into()),
                Some(Outcome::InputRequired(questions)) => Ok(questions.into()),
                None => Err(ErrorData::internal_error(format!("{name} is only listed"), None)),
            };
        }
    }
    Ok(said("Done.").into())
}

async fn log_thrice(server: &Server, context: &RequestContext<RoleServer>) {
    for text in ["Begun", "Half way", "Done"] {
        logging::inform(context, server.level(), text).await;
        sleep(PAUSE).await;
    }
}

async fn report_progress(context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
    let token = context.meta.get_progress_token();
    for progress in [0.0, 50.0, 100.0] {
        if let Some(token) = token.clone() {
            let report = ProgressNotificationParam::new(token, progress).with_total(100.0);
            context
                .peer
                .notify_progress(report)
                .await
                .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Ends every stream of the session before the answer is there, as an intermediary may: the client has to come back
/// for it with `Last-Event-ID`. On stdio and where there is no session there is nothing to cut.
async fn cut_streams(shared: &Shared, context: &RequestContext<RoleServer>) {
    let session =
        context.extensions.get::<Parts>().and_then(|parts| parts.headers.get("mcp-session-id"));
    let Some(session) = session.and_then(|id| id.to_str().ok()) else {
        return;
    };
    let sessions = shared.sessions.sessions.read().await;
    if let Some(session) = sessions.get(session) {
        for stream in 0..MAX_STREAMS {
            // Most numbers are of streams that ended long ago or never were.
            drop(session.close_sse_stream(stream, Some(PAUSE)).await);
        }
    }
    drop(sessions);
    sleep(PAUSE * 2).await;
}
