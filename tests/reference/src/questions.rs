//! Tools and a prompt that ask the client something before they answer.
//!
//! Each is a function from the answers so far, and the state that it kept, to the next step, so that it works both where
//! the client is asked during the call and where the call ends with questions and is made again with the answers.

use rmcp::ErrorData;
use rmcp::model::{
    ClientCapabilities, ElicitResult, ElicitationAction, InputRequest, InputRequests,
    InputResponses, JsonObject,
};
use serde_json::{Value, json};

use crate::content::text_of;

/// What is known when a step is taken.
pub struct Known<'a> {
    /// The tool or prompt.
    pub name: &'a str,
    /// Its arguments.
    pub arguments: &'a JsonObject,
    /// What the client can be asked.
    pub capabilities: &'a ClientCapabilities,
    /// The answers so far.
    pub answers: &'a InputResponses,
    /// The state that the last question was sent with.
    pub state: Option<&'a str>,
}

/// What a step comes to.
pub enum Step {
    /// The end: a text to answer with.
    Done(String),
    /// Questions, and the state to go on with.
    Ask(InputRequests, Option<&'static str>),
}

/// Takes the next step; `None` when this is nothing that asks.
pub fn step(known: &Known<'_>) -> Option<Step> {
    let step = match known.name {
        "test_input_required_result_elicitation"
        | "test_streaming_elicitation"
        | "test_tool_with_task" => ask_for_text(known, "user_name", "What is your name?", "name"),
        "test_input_required_result_prompt" => {
            ask_for_text(known, "user_context", "What is the context?", "context")
        }
        "test_input_required_result_sampling" | "test_missing_capability" => {
            ask_model(known, "capital_question", "What is the capital of France?")
        }
        "test_sampling" => ask_model(known, "reply", text_of(known.arguments, "prompt")),
        "test_input_required_result_list_roots" => ask_for_roots(known),
        "test_input_required_result_request_state"
        | "test_input_required_result_tampered_state" => with_state(known),
        "test_input_required_result_multiple_inputs" => at_once(known),
        "test_input_required_result_multi_round" => in_turn(known),
        "test_input_required_result_capabilities" => what_is_possible(known),
        "test_elicitation" => whole_answer(
            known,
            text_of(known.arguments, "message"),
            &json!({
                "username": { "type": "string", "description": "The user's name" },
                "email": { "type": "string", "description": "The user's address" },
            }),
        ),
        "test_elicitation_sep1034_defaults" => {
            whole_answer(known, "Correct what is wrong.", &defaults())
        }
        "test_elicitation_sep1330_enums" => whole_answer(known, "Choose.", &choices()),
        _ => return None,
    };
    Some(step)
}

fn defaults() -> Value {
    json!({
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true },
    })
}

fn choices() -> Value {
    let titled = json!([
        { "const": "value1", "title": "The first" },
        { "const": "value2", "title": "The second" },
        { "const": "value3", "title": "The third" },
    ]);
    let plain = json!(["option1", "option2", "option3"]);
    json!({
        "untitledSingle": { "type": "string", "enum": plain },
        "titledSingle": { "type": "string", "oneOf": titled },
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["The first", "The second", "The third"],
        },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": plain } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled } },
    })
}

fn request(value: Value) -> InputRequest {
    serde_json::from_value(value)
        .expect("the questions are part of the program and were tried with it")
}

fn form(message: &str, properties: &Value, required: &[&str]) -> InputRequest {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    let params = json!({ "mode": "form", "message": message, "requestedSchema": schema });
    request(json!({ "method": "elicitation/create", "params": params }))
}

fn field(message: &str, name: &str, of_type: &str) -> InputRequest {
    form(message, &json!({ name: { "type": of_type } }), &[name])
}

fn sampling(prompt: &str) -> InputRequest {
    let message = json!({ "role": "user", "content": { "type": "text", "text": prompt } });
    let params = json!({ "messages": [message], "maxTokens": 100 });
    request(json!({ "method": "sampling/createMessage", "params": params }))
}

fn roots() -> InputRequest {
    request(json!({ "method": "roots/list", "params": {} }))
}

fn ask(key: &str, question: InputRequest) -> Step {
    Step::Ask(InputRequests::from([(key.to_owned(), question)]), None)
}

/// The user's answer to a form, if it is one: what has not the shape is as good as nothing.
fn filled_in(known: &Known<'_>, key: &str) -> Option<ElicitResult> {
    serde_json::from_value(known.answers.get(key)?.clone()).ok()
}

/// One field of an accepted form.
fn answered(known: &Known<'_>, key: &str, name: &str) -> Option<Value> {
    let form = filled_in(known, key)?;
    (form.action == ElicitationAction::Accept).then_some(())?;
    form.content?.get(name).cloned()
}

fn spoken(known: &Known<'_>, key: &str) -> Option<String> {
    known.answers.get(key)?.pointer("/content/text")?.as_str().map(ToOwned::to_owned)
}

fn ask_for_text(known: &Known<'_>, key: &str, message: &str, name: &str) -> Step {
    match answered(known, key, name).as_ref().and_then(Value::as_str) {
        Some(answer) => Step::Done(format!("Hello, {answer}!")),
        None => ask(key, field(message, name, "string")),
    }
}

fn ask_model(known: &Known<'_>, key: &str, prompt: &str) -> Step {
    match spoken(known, key) {
        Some(answer) => Step::Done(format!("The model says: {answer}")),
        None => ask(key, sampling(prompt)),
    }
}

fn ask_for_roots(known: &Known<'_>) -> Step {
    match known.answers.get("client_roots").and_then(|answer| answer.get("roots")?.as_array()) {
        Some(roots) => Step::Done(format!("The roots are {}", Value::Array(roots.clone()))),
        None => ask("client_roots", roots()),
    }
}

fn with_state(known: &Known<'_>) -> Step {
    if let (Some("asked"), Some(answer)) = (known.state, answered(known, "confirm", "ok")) {
        return Step::Done(format!("state-ok, and the answer {answer}"));
    }
    let question = field("Please confirm", "ok", "boolean");
    Step::Ask(InputRequests::from([("confirm".to_owned(), question)]), Some("asked"))
}

fn at_once(known: &Known<'_>) -> Step {
    let name = answered(known, "user_name", "name");
    let greeting = spoken(known, "greeting");
    let places = known.answers.get("client_roots").and_then(|answer| answer.get("roots"));
    if let (Some("asked"), Some(name), Some(greeting), Some(places)) =
        (known.state, name, greeting, places)
    {
        return Step::Done(format!("{greeting} {name}, at {places}"));
    }
    let questions = InputRequests::from([
        ("user_name".to_owned(), field("What is your name?", "name", "string")),
        ("greeting".to_owned(), sampling("Greet somebody")),
        ("client_roots".to_owned(), roots()),
    ]);
    Step::Ask(questions, Some("asked"))
}

fn in_turn(known: &Known<'_>) -> Step {
    let first = answered(known, "step1", "name");
    let second = answered(known, "step2", "color");
    let (key, question, state) = match (known.state, first, second) {
        (Some("second"), _, Some(color)) => return Step::Done(format!("So it is {color}")),
        (Some("first"), Some(_), _) | (Some("second"), ..) => {
            ("step2", field("Which color do you like?", "color", "string"), "second")
        }
        _ => ("step1", field("What is your name?", "name", "string"), "first"),
    };
    Step::Ask(InputRequests::from([(key.to_owned(), question)]), Some(state))
}

fn what_is_possible(known: &Known<'_>) -> Step {
    if !known.answers.is_empty() {
        return Step::Done("Thank you.".to_owned());
    }
    let mut questions = InputRequests::new();
    if known.capabilities.elicitation.is_some() {
        questions.insert("user_name".to_owned(), field("What is your name?", "name", "string"));
    }
    if can_sample(known.capabilities) {
        questions.insert("greeting".to_owned(), sampling("Greet somebody"));
    }
    if questions.is_empty() {
        return Step::Done("There is nothing that you could be asked.".to_owned());
    }
    Step::Ask(questions, None)
}

fn whole_answer(known: &Known<'_>, message: &str, properties: &Value) -> Step {
    let names: Vec<&str> = properties
        .as_object()
        .map(|all| all.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let Some(form_of_user) = filled_in(known, "answer") else {
        return ask("answer", form(message, properties, &names));
    };
    let content = form_of_user.content.unwrap_or_default();
    Step::Done(format!("The user's answer: {:?} {content}", form_of_user.action))
}

fn can_sample(capabilities: &ClientCapabilities) -> bool {
    capabilities.sampling.is_some()
}

fn can_list_roots(capabilities: &ClientCapabilities) -> bool {
    capabilities.roots.is_some()
}

/// The capability that a client must have to be asked all this, if it has not: the error that says so.
pub fn check(
    questions: &InputRequests,
    capabilities: &ClientCapabilities,
) -> Result<(), ErrorData> {
    for question in questions.values() {
        let (name, there) = match question {
            InputRequest::CreateMessage(_) => ("sampling", can_sample(capabilities)),
            InputRequest::ListRoots(_) => ("roots", can_list_roots(capabilities)),
            _ => ("elicitation", capabilities.elicitation.is_some()),
        };
        if !there {
            let required = serde_json::from_value(json!({ name: {} }))
                .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
            return Err(ErrorData::missing_required_client_capability(required));
        }
    }
    Ok(())
}
