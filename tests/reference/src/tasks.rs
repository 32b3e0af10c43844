//! Tools that run as tasks, by the extension of that name.

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, CreateTaskResult,
    ElicitResult, InputRequest, JsonObject,
};
use rmcp::task_manager::{TaskContext, TaskExit, TaskManager, TaskOptions};
use serde_json::{Value, json};

use crate::content::{said, text_of};

const POLL_MS: u64 = 100;
const TTL_MS: u64 = 300_000;

/// Runs a tool that can be, or has to be, a task; `None` when `name` is neither.
pub async fn call(
    name: &str,
    arguments: &JsonObject,
    capabilities: &ClientCapabilities,
    tasks: &TaskManager,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let job = match name {
        "slow_compute" => {
            let seconds = arguments.get("seconds").and_then(Value::as_f64).unwrap_or(0.0);
            let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
            // This one has an answer for clients without tasks as well.
            if !capabilities.supports_tasks() {
                tokio::time::sleep(duration).await;
                return Some(Ok(said("Computed.").into()));
            }
            Job::Compute(duration)
        }
        "failing_job" => Job::Fail,
        "protocol_error_job" => Job::Break,
        "confirm_delete" => Job::Confirm(text_of(arguments, "filename").to_owned()),
        "multi_input" => Job::AskTwice,
        _ => return None,
    };
    Some(create(job, capabilities, tasks))
}

/// Goes on as a task with what the user said.
pub fn greet(
    text: String,
    capabilities: &ClientCapabilities,
    tasks: &TaskManager,
) -> Result<CallToolResponse, ErrorData> {
    create(Job::Say(text), capabilities, tasks)
}

fn create(
    job: Job,
    capabilities: &ClientCapabilities,
    tasks: &TaskManager,
) -> Result<CallToolResponse, ErrorData> {
    if !capabilities.supports_tasks() {
        let required = ClientCapabilities::builder().enable_tasks().build();
        return Err(ErrorData::missing_required_client_capability(required));
    }
    let options = TaskOptions::new().with_ttl_ms(TTL_MS).with_poll_interval_ms(POLL_MS);
    let task = tasks.spawn(options, |context| Box::pin(job.run(context)));
    Ok(CreateTaskResult::new(task).into())
}

enum Job {
    Compute(Duration),
    Fail,
    Break,
    Confirm(String),
    AskTwice,
    Say(String),
}

impl Job {
    async fn run(self, context: TaskContext) -> Result<CallToolResult, TaskExit> {
        match self {
            Self::Compute(duration) => {
                wait(&context, duration).await?;
                Ok(said("Computed."))
            }
            Self::Fail => {
                wait(&context, Duration::from_millis(500)).await?;
                Ok(CallToolResult::error(vec![ContentBlock::text("The job failed.")]))
            }
            Self::Break => {
                wait(&context, Duration::from_millis(200)).await?;
                Err(TaskExit::Error(ErrorData::internal_error("The job broke.", None)))
            }
            Self::Confirm(file) => {
                let answer = context.request_input("confirm", question("Delete it?")?).await?;
                Ok(said(format!("{file}: {}", confirmed(&answer)?)))
            }
            Self::AskTwice => {
                let (first, second) = tokio::try_join!(
                    context.request_input("first", question("The first?")?),
                    context.request_input("second", question("The second?")?),
                )?;
                Ok(said(format!("{} {}", confirmed(&first)?, confirmed(&second)?)))
            }
            Self::Say(text) => Ok(said(text)),
        }
    }
}

async fn wait(context: &TaskContext, duration: Duration) -> Result<(), TaskExit> {
    tokio::select! {
        () = tokio::time::sleep(duration) => Ok(()),
        () = context.cancelled() => Err(TaskExit::Cancelled),
    }
}

fn question(message: &str) -> Result<InputRequest, TaskExit> {
    let schema = json!({ "type": "object", "properties": { "confirm": { "type": "boolean" } } });
    let params = json!({ "mode": "form", "message": message, "requestedSchema": schema });
    serde_json::from_value(json!({ "method": "elicitation/create", "params": params }))
        .map_err(|error| broken(&error))
}

fn confirmed(answer: &Value) -> Result<&'static str, TaskExit> {
    let answer: ElicitResult =
        serde_json::from_value(answer.clone()).map_err(|error| broken(&error))?;
    let yes = answer.content.is_some_and(|content| content["confirm"] == true);
    Ok(if yes { "confirmed" } else { "not confirmed" })
}

fn broken(error: &serde_json::Error) -> TaskExit {
    TaskExit::Error(ErrorData::invalid_params(error.to_string(), None))
}
