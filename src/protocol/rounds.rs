//! Questions of a server to its client in the stateless era: they travel as a result of the request that needs the
//! answers, and the client repeats the request with them (revision 2026-07-28, Multi Round-Trip Requests). In the session
//! era each of them is a request of its own.

use std::borrow::Cow;

use super::error::{ErrorObject, INVALID_PARAMS, URL_ELICITATION_REQUIRED};
use super::meta::without_keys;
use super::method::{ELICITATION_CREATE, ROOTS_LIST, SAMPLING_CREATE_MESSAGE};
use crate::base::json::{elements, is_object, member, members, set, string, without};

const REQUESTS: &str = "inputRequests";
const RESPONSES: &str = "inputResponses";
const STATE: &str = "requestState";
/// Questions in one result: each goes to a client as a request of its own.
const MAX_QUESTIONS: usize = 100;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Tells it from the others of its request; chosen by the server.
    pub key: String,
    /// `sampling/createMessage`, `elicitation/create` or `roots/list`.
    pub method: String,
    /// The JSON text of its parameters.
    pub params: Option<Box<str>>,
}

/// The result that asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputRequired {
    /// What has to be answered before the request is repeated; nothing if it may be repeated at once.
    pub questions: Vec<Question>,
    /// What the client has to give back as it is.
    pub state: Option<String>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// That of the question.
    pub key: String,
    /// The JSON text of the result that the client gave.
    pub result: Box<str>,
}

/// What a repeated request has beyond the first one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retry {
    /// In the order of the text.
    pub answers: Vec<Answer>,
    /// What the server gave the client to give back.
    pub state: Option<String>,
}

/// Why questions or answers cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoundFault {
    /// The value is not what it has to be.
    #[error("`{member}` must be {expected}")]
    Kind {
        /// Whose value it is.
        member: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// The result asks for nothing.
    #[error("`input_required` with neither `inputRequests` nor `requestState`")]
    Empty,
    /// No client is asked so much at once.
    #[error("more than {MAX_QUESTIONS} questions in one result")]
    TooMany,
    /// Servers may not ask this.
    #[error("`{0}` is no question that a server may ask")]
    Method(String),
}

impl RoundFault {
    /// As it travels to a client whose request has the fault.
    pub fn error(&self) -> ErrorObject {
        ErrorObject::new(INVALID_PARAMS, self.to_string())
    }
}

/// Whether a result asks.
pub fn is_input_required(result: &str) -> bool {
    member(result, "resultType").and_then(string).as_deref() == Some("input_required")
}

/// Whether servers may ask this of clients.
pub fn is_question(method: &str) -> bool {
    matches!(method, SAMPLING_CREATE_MESSAGE | ELICITATION_CREATE | ROOTS_LIST)
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text always serialises")
}

fn state_of(of: &str) -> Result<Option<String>, RoundFault> {
    let read = |state| {
        string(state)
            .map(Into::into)
            .ok_or(RoundFault::Kind { member: STATE, expected: "a string" })
    };
    member(of, STATE).map(read).transpose()
}

fn object_of<'a>(of: &'a str, name: &'static str) -> Result<Option<&'a str>, RoundFault> {
    match member(of, name) {
        Some(value) if !is_object(value) => {
            Err(RoundFault::Kind { member: name, expected: "an object" })
        }
        value => Ok(value),
    }
}

impl InputRequired {
    /// Reads a result, if it is one that asks.
    pub fn parse(result: &str) -> Result<Option<Self>, RoundFault> {
        if !is_input_required(result) {
            return Ok(None);
        }
        let requests = object_of(result, REQUESTS)?;
        let state = state_of(result)?;
        if requests.is_none() && state.is_none() {
            return Err(RoundFault::Empty);
        }
        let mut questions = Vec::new();
        for entry in members(requests.unwrap_or("{}")) {
            let method = member(entry.value, "method")
                .and_then(string)
                .ok_or(RoundFault::Kind { member: REQUESTS, expected: "a map of requests" })?;
            if !is_question(&method) {
                return Err(RoundFault::Method(method.into_owned()));
            }
            if questions.len() == MAX_QUESTIONS {
                return Err(RoundFault::TooMany);
            }
            questions.push(Question {
                key: entry.name().into_owned(),
                method: method.into_owned(),
                params: member(entry.value, "params").map(Into::into),
            });
        }
        Ok(Some(Self { questions, state }))
    }

    /// What the error asks for with which a server of revision 2025-11-25 refuses a request until the user has opened a
    /// URL; nothing if it is another error. The request is repeated as it was.
    pub fn of_error(error: &ErrorObject) -> Option<Self> {
        let data = error.data.as_deref().filter(|_| error.code == URL_ELICITATION_REQUIRED)?;
        let elicitations = member(data.get(), "elicitations")?;
        let questions: Vec<_> = elements(elicitations)
            .filter(|params| is_object(params))
            .take(MAX_QUESTIONS)
            .enumerate()
            .map(|(number, params)| {
                let params = set(params, "mode", "\"url\"").unwrap_or_else(|| params.to_owned());
                Question::asked(format!("url-{number}"), ELICITATION_CREATE, Some(&params))
            })
            .collect();
        (!questions.is_empty()).then_some(Self { questions, state: None })
    }

    /// The JSON text of the result.
    pub fn write(&self) -> String {
        let mut parts = vec![r#""resultType":"input_required""#.to_owned()];
        if !self.questions.is_empty() {
            let entries: Vec<String> = self.questions.iter().map(Question::entry).collect();
            parts.push(format!(r#""{REQUESTS}":{{{}}}"#, entries.join(",")));
        }
        if let Some(state) = &self.state {
            parts.push(format!(r#""{STATE}":{}"#, quoted(state)));
        }
        format!("{{{}}}", parts.join(","))
    }
}

impl Question {
    /// What a server of the session era asks in a request of its own, in the terms of the stateless era: without what
    /// that one has no use for there.
    pub fn asked(key: String, method: &str, params: Option<&str>) -> Self {
        let params = params.map(|params| {
            // A task and an id of the elicitation are of revision 2025-11-25; progress has nowhere to go.
            let plain = without(params, |name| name == "task" || name == "elicitationId");
            let meta = member(&plain, "_meta");
            meta.map_or_else(
                || plain.as_ref().into(),
                |meta| without_keys(&plain, meta, |key| key == "progressToken").as_ref().into(),
            )
        });
        Self { key, method: method.to_owned(), params }
    }

    /// Its parameters as a request of the session era. Opening a URL has an id there (revision 2025-11-25, Elicitation,
    /// URL Mode Elicitation Requests), for which `id` is taken if there is none yet.
    pub fn session_params(&self, id: &str) -> Option<Cow<'_, str>> {
        let params = self.params.as_deref()?;
        let opens_url = self.method == ELICITATION_CREATE
            && member(params, "mode").and_then(string).as_deref() == Some("url")
            && member(params, "elicitationId").is_none();
        let with_id = if opens_url { set(params, "elicitationId", &quoted(id)) } else { None };
        Some(with_id.map_or(Cow::Borrowed(params), Cow::Owned))
    }

    /// Whether the result can be an answer to it, as far as its members tell.
    pub fn is_answered_by(&self, result: &str) -> bool {
        let has = |name| member(result, name).is_some();
        match self.method.as_str() {
            ELICITATION_CREATE => member(result, "action")
                .and_then(string)
                .is_some_and(|action| matches!(&*action, "accept" | "decline" | "cancel")),
            SAMPLING_CREATE_MESSAGE => has("role") && has("content") && has("model"),
            ROOTS_LIST => has("roots"),
            _ => false,
        }
    }

    fn entry(&self) -> String {
        let (key, method) = (quoted(&self.key), quoted(&self.method));
        match &self.params {
            Some(params) => format!(r#"{key}:{{"method":{method},"params":{params}}}"#),
            None => format!(r#"{key}:{{"method":{method}}}"#),
        }
    }
}

impl Answer {
    /// What a client of the session era answered to a question, in the terms of the stateless era. That one knows no
    /// errors among answers: a client that cannot ask its user has not asked it; any other error ends the request.
    pub fn given(
        question: &Question,
        outcome: Result<Box<str>, ErrorObject>,
    ) -> Result<Self, ErrorObject> {
        let result = match outcome {
            Ok(result) => result,
            Err(_) if question.method == ELICITATION_CREATE => r#"{"action":"cancel"}"#.into(),
            Err(error) => return Err(error),
        };
        Ok(Self { key: question.key.clone(), result })
    }
}

impl Retry {
    /// Reads the parameters of a request, if it is a repeated one.
    pub fn parse(params: Option<&str>) -> Result<Option<Self>, RoundFault> {
        let params = params.unwrap_or("{}");
        // Mostly it is none.
        if !members(params).any(|member| matches!(&*member.name(), RESPONSES | STATE)) {
            return Ok(None);
        }
        let responses = object_of(params, RESPONSES)?;
        let state = state_of(params)?;
        let mut answers = Vec::new();
        for response in members(responses.unwrap_or("{}")) {
            if !is_object(response.value) {
                return Err(RoundFault::Kind { member: RESPONSES, expected: "a map of results" });
            }
            answers
                .push(Answer { key: response.name().into_owned(), result: response.value.into() });
        }
        Ok(Some(Self { answers, state }))
    }

    /// The answer to the question of this key.
    pub fn answer(&self, key: &str) -> Option<&str> {
        self.answers.iter().find(|answer| answer.key == key).map(|answer| &*answer.result)
    }

    /// The parameters of the first request: `params` without what a retry adds.
    pub fn without(params: &str) -> Cow<'_, str> {
        without(params, |name| name == RESPONSES || name == STATE)
    }

    /// The parameters of the repeated request, where `params` are those of the first one.
    pub fn write(&self, params: Option<&str>) -> String {
        let params = params.filter(|params| is_object(params)).unwrap_or("{}");
        let mut text = Self::without(params).into_owned();
        if !self.answers.is_empty() {
            let entries: Vec<String> = self
                .answers
                .iter()
                .map(|answer| format!("{}:{}", quoted(&answer.key), answer.result))
                .collect();
            let responses = format!("{{{}}}", entries.join(","));
            text = set(&text, RESPONSES, &responses).unwrap_or(text);
        }
        if let Some(state) = &self.state {
            text = set(&text, STATE, &quoted(state)).unwrap_or(text);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn question(key: &str, method: &str, params: Option<&str>) -> Question {
        Question { key: key.to_owned(), method: method.to_owned(), params: params.map(Into::into) }
    }

    #[test]
    fn nobody_is_asked_without_end() {
        let asking = |count: usize| {
            let requests: Vec<String> =
                (0..count).map(|key| format!(r#""{key}":{{"method":"roots/list"}}"#)).collect();
            let requests = requests.join(",");
            let result =
                format!(r#"{{"resultType":"input_required","inputRequests":{{{requests}}}}}"#);
            InputRequired::parse(&result)
        };
        let most = asking(MAX_QUESTIONS).expect("it is well formed").expect("it asks");
        assert_eq!(most.questions.len(), MAX_QUESTIONS);
        assert!(matches!(asking(MAX_QUESTIONS + 1), Err(RoundFault::TooMany)));
    }

    #[test]
    fn questions_are_read() {
        let check = |result: &str, expected: Result<Option<InputRequired>, &str>| {
            let found = InputRequired::parse(result).map_err(|fault| fault.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{result}");
        };
        check(r#"{"content":[]}"#, Ok(None));
        check(r#"{"resultType":"complete","requestState":"x"}"#, Ok(None));
        check(
            r#"{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"},"b":{"method":"elicitation/create","params":{ "message":"?" }}},"requestState":"s\n"}"#,
            Ok(Some(InputRequired {
                questions: vec![
                    question("a", "roots/list", None),
                    question("b", "elicitation/create", Some(r#"{ "message":"?" }"#)),
                ],
                state: Some("s\n".to_owned()),
            })),
        );
        check(
            r#"{"resultType":"input_required"}"#,
            Err("`input_required` with neither `inputRequests` nor `requestState`"),
        );
        check(
            r#"{"resultType":"input_required","requestState":5}"#,
            Err("`requestState` must be a string"),
        );
        check(
            r#"{"resultType":"input_required","inputRequests":{"a":{"method":"tools/call"}}}"#,
            Err("`tools/call` is no question that a server may ask"),
        );
        check(
            r#"{"resultType":"input_required","inputRequests":{"a":7}}"#,
            Err("`inputRequests` must be a map of requests"),
        );
    }

    #[test]
    fn answers_are_read() {
        let check = |params: &str, expected: Result<Option<Retry>, &str>| {
            let found = Retry::parse(Some(params)).map_err(|fault| fault.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{params}");
        };
        check(r#"{"name":"x"}"#, Ok(None));
        check(
            r#"{"name":"x","requestState":"s"}"#,
            Ok(Some(Retry { answers: Vec::new(), state: Some("s".to_owned()) })),
        );
        check(r#"{"inputResponses":null}"#, Err("`inputResponses` must be an object"));
        check(r#"{"inputResponses":{"a":1}}"#, Err("`inputResponses` must be a map of results"));
        let retry = Retry::parse(Some(r#"{"inputResponses":{"a":{"action":"accept"}}}"#));
        let retry = retry.expect("well formed").expect("a retry");
        assert_eq!(retry.answer("a"), Some(r#"{"action":"accept"}"#));
        assert_eq!(retry.answer("b"), None);
        assert_eq!(Retry::parse(None), Ok(None));
    }

    #[test]
    fn questions_change_their_era() {
        let check = |params: &str, stateless: &str, session: &str| {
            let asked = Question::asked("k".to_owned(), ELICITATION_CREATE, Some(params));
            assert_eq!(asked.params.as_deref(), Some(stateless));
            assert_eq!(asked.session_params("id").as_deref(), Some(session));
        };
        check(
            r#"{"mode":"url","elicitationId":"e","url":"https://a.example"}"#,
            r#"{"mode":"url","url":"https://a.example"}"#,
            r#"{"mode":"url","url":"https://a.example","elicitationId":"id"}"#,
        );
        check(
            r#"{"message":"?","task":{"ttl":1},"_meta":{"progressToken":1}}"#,
            r#"{"message":"?"}"#,
            r#"{"message":"?"}"#,
        );
        check(
            r#"{ "message":"?","_meta":{"a":1} }"#,
            r#"{ "message":"?","_meta":{"a":1} }"#,
            r#"{ "message":"?","_meta":{"a":1} }"#,
        );
        let roots = Question::asked("k".to_owned(), ROOTS_LIST, None);
        assert_eq!(roots.session_params("id"), None);
    }

    #[test]
    fn answers_change_their_era() {
        let refused = || ErrorObject::new(-1, "no");
        let check = |method: &str, outcome, expected: Option<&str>| {
            let found = Answer::given(&question("k", method, None), outcome).ok();
            assert_eq!(found.as_ref().map(|answer| &*answer.result), expected, "{method}");
        };
        check(ROOTS_LIST, Ok(r#"{"roots":[]}"#.into()), Some(r#"{"roots":[]}"#));
        check(ROOTS_LIST, Err(refused()), None);
        check(SAMPLING_CREATE_MESSAGE, Err(refused()), None);
        check(ELICITATION_CREATE, Err(refused()), Some(r#"{"action":"cancel"}"#));
    }

    #[test]
    fn only_what_fits_is_an_answer() {
        let check = |method: &str, result: &str, expected| {
            let question = question("k", method, None);
            assert_eq!(question.is_answered_by(result), expected, "{method} {result}");
        };
        check(ELICITATION_CREATE, r#"{"action":"decline"}"#, true);
        check(ELICITATION_CREATE, r#"{"action":"perhaps"}"#, false);
        check(ELICITATION_CREATE, "{}", false);
        check(ROOTS_LIST, r#"{"roots":[]}"#, true);
        check(ROOTS_LIST, r#"{"action":"accept"}"#, false);
        check(SAMPLING_CREATE_MESSAGE, r#"{"role":"assistant","content":{},"model":"m"}"#, true);
        check(SAMPLING_CREATE_MESSAGE, r#"{"role":"assistant"}"#, false);
        check("ping", "{}", false);
    }

    #[test]
    fn an_error_that_demands_a_url_asks_for_it() {
        let data = r#"{"elicitations":[{"mode":"url","elicitationId":"e","url":"https://a.example","message":"go"}]}"#;
        let mut error = ErrorObject::new(URL_ELICITATION_REQUIRED, "open it");
        assert_eq!(InputRequired::of_error(&error), None);
        error.data = RawValue::from_string(data.to_owned()).ok();
        let params = r#"{"mode":"url","url":"https://a.example","message":"go"}"#;
        let questions = vec![question("url-0", ELICITATION_CREATE, Some(params))];
        let expected = InputRequired { questions, state: None };
        assert_eq!(InputRequired::of_error(&error), Some(expected));
        error.code = -32000;
        assert_eq!(InputRequired::of_error(&error), None);
    }

    fn text() -> impl Strategy<Value = String> {
        "[ -~é\n]{0,10}"
    }

    proptest! {
        /// Both messages read as they were written, and a retry leaves the first request's parameters as they were.
        #[test]
        fn rounds_are_read_as_they_are_written(
            keys in proptest::collection::btree_set(text(), 0..4),
            state in proptest::option::of(text()),
            name in text(),
        ) {
            prop_assume!(!keys.is_empty() || state.is_some());
            let questions = keys.iter().map(|key| question(key, ROOTS_LIST, None)).collect();
            let asked = InputRequired { questions, state: state.clone() };
            prop_assert_eq!(InputRequired::parse(&asked.write()), Ok(Some(asked.clone())));
            let answers = keys
                .into_iter()
                .map(|key| Answer { key, result: r#"{"roots": []}"#.into() })
                .collect();
            let retry = Retry { answers, state };
            let params = format!(r#"{{"name":{}}}"#, quoted(&name));
            let repeated = retry.write(Some(&params));
            prop_assert_eq!(Retry::parse(Some(&repeated)), Ok(Some(retry.clone())));
            prop_assert_eq!(&*Retry::without(&repeated), &*params);
            prop_assert_eq!(retry.write(Some(&repeated)), repeated);
        }
    }
}
