//! How questions reach the client: during the call in a session, as the call's result where requests stand alone.
#![expect(deprecated, reason = "sampling and roots are what the suite asks for")]

use futures_util::future::try_join_all;
use rmcp::model::{
    ClientCapabilities, InputRequest, InputRequests, InputRequiredResult, InputResponses,
    JsonObject, RequestStateCodec, SealOptions,
};
use rmcp::service::{RequestContext, ServiceError};
use rmcp::{ErrorData, Peer, RoleServer};
use serde_json::Value;

use crate::era;
use crate::questions::{self, Known, Step};

/// Questions that follow one another end somewhere.
const MAX_ROUNDS: usize = 8;

/// One call of something that asks.
pub struct Call {
    /// The tool or prompt.
    pub name: String,
    /// Its arguments.
    pub arguments: JsonObject,
    /// What the client answered to the result of the call before this one.
    pub answers: InputResponses,
    /// The state that it brought back.
    pub state: Option<String>,
}

/// What came of it.
pub enum Outcome {
    /// The end.
    Done(String),
    /// The client has to answer and call again.
    InputRequired(InputRequiredResult),
}

/// Runs the call; `None` when `name` is nothing that asks.
pub async fn run(
    call: Call,
    context: &RequestContext<RoleServer>,
    codec: &RequestStateCodec,
) -> Result<Option<Outcome>, ErrorData> {
    let capabilities = context.client_capabilities().unwrap_or_default();
    if era::stands_alone(context) {
        return one_round(&call, &capabilities, codec);
    }
    let mut call = call;
    for _ in 0..MAX_ROUNDS {
        let state = call.state.take();
        let (asked, kept) = match questions::step(&known(&call, &capabilities, state.as_deref())) {
            None => return Ok(None),
            Some(Step::Done(text)) => return Ok(Some(Outcome::Done(text))),
            Some(Step::Ask(asked, kept)) => (asked, kept),
        };
        call.state = kept.map(ToOwned::to_owned);
        questions::check(&asked, &capabilities)?;
        call.answers.extend(ask(&context.peer, asked).await?);
    }
    Err(ErrorData::internal_error("the client never says what is asked", None))
}

fn known<'a>(
    call: &'a Call,
    capabilities: &'a ClientCapabilities,
    state: Option<&'a str>,
) -> Known<'a> {
    Known {
        name: &call.name,
        arguments: &call.arguments,
        capabilities,
        answers: &call.answers,
        state,
    }
}

fn one_round(
    call: &Call,
    capabilities: &ClientCapabilities,
    codec: &RequestStateCodec,
) -> Result<Option<Outcome>, ErrorData> {
    // A state is worth something only to the tool that made it.
    let owner = call.name.as_bytes();
    let open = |sealed: &String| {
        codec.open_json_with::<String>(sealed, owner).map_err(|error| {
            let message = format!("requestState is not what this server sent: {error}");
            ErrorData::invalid_params(message, None)
        })
    };
    let state = call.state.as_ref().map(open).transpose()?;
    let (asked, kept) = match questions::step(&known(call, capabilities, state.as_deref())) {
        None => return Ok(None),
        Some(Step::Done(text)) => return Ok(Some(Outcome::Done(text))),
        Some(Step::Ask(asked, kept)) => (asked, kept),
    };
    questions::check(&asked, capabilities)?;
    let sealed = kept
        .map(|state| codec.seal_json_with(&state, &SealOptions::new().associated_data(owner)))
        .transpose()
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(Some(Outcome::InputRequired(InputRequiredResult::new(Some(asked), sealed))))
}

/// Asks everything at once and waits for all of it.
async fn ask(peer: &Peer<RoleServer>, asked: InputRequests) -> Result<InputResponses, ErrorData> {
    // On this task: the SDK knows by it which request the questions belong to.
    let answers = try_join_all(asked.into_iter().map(async |(key, question)| {
        let answer = ask_one(peer, question).await?;
        Ok::<_, ErrorData>((key, answer))
    }));
    Ok(answers.await?.into_iter().collect())
}

async fn ask_one(peer: &Peer<RoleServer>, question: InputRequest) -> Result<Value, ErrorData> {
    let answer = match question {
        InputRequest::CreateMessage(request) => {
            peer.create_message(request.params).await.map(serde_json::to_value)
        }
        InputRequest::Elicitation(request) => {
            peer.create_elicitation(request.params).await.map(serde_json::to_value)
        }
        InputRequest::ListRoots(_) => peer.list_roots().await.map(serde_json::to_value),
        _ => return Err(ErrorData::internal_error("a question of an unknown kind", None)),
    };
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(ErrorData::internal_error(error.to_string(), None)),
        Err(ServiceError::McpError(error)) => Err(error),
        Err(error) => Err(ErrorData::internal_error(error.to_string(), None)),
    }
}
