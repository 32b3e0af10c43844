//! What clients and servers say that they can do (specification, Lifecycle, Capability Negotiation): read where the
//! bridge decides by it, united where it speaks for several servers, and put into the terms of the other era.

use std::borrow::Cow;

use serde_json::Value;

use super::era::Era;
use super::method;
use crate::base::json::{is_object, member, replace, string, without};

/// The extension that replaces the tasks of revision 2025-11-25.
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// What a client can be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientCapabilities {
    /// Its model writes messages.
    pub sampling: Option<Sampling>,
    /// Its user answers.
    pub elicitation: Option<Elicitation>,
    /// It names its folders.
    pub roots: Option<Roots>,
    /// It knows the tasks of its era.
    pub tasks: bool,
}

/// What may come with a request for a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sampling {
    /// Tools.
    pub tools: bool,
    /// The context of servers.
    pub context: bool,
}

/// How the user may be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Elicitation {
    /// With a form.
    pub form: bool,
    /// With a page that is opened.
    pub url: bool,
}

/// What the client says of its folders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roots {
    /// It tells when they change.
    pub list_changed: bool,
}

/// The JSON text of an object member.
fn object<'a>(of: &'a str, name: &str) -> Option<&'a str> {
    member(of, name).filter(|value| is_object(value))
}

fn flag(of: &str, name: &str) -> bool {
    member(of, name) == Some("true")
}

/// Whether the extension of this name stands among `capabilities`, a client's or a server's.
pub fn has_extension(capabilities: &str, name: &str) -> bool {
    object(capabilities, "extensions").and_then(|all| object(all, name)).is_some()
}

/// Whether a client with these capabilities can be asked anything at all.
pub fn wants_questions(capabilities: &str) -> bool {
    let client = ClientCapabilities::parse(capabilities);
    client.sampling.is_some() || client.elicitation.is_some() || client.roots.is_some()
}

impl ClientCapabilities {
    /// Reads the JSON text of the object; what is no object counts as empty.
    pub fn parse(capabilities: &str) -> Self {
        if capabilities == "{}" {
            // Most clients have none, and are asked for them again and again.
            return Self::default();
        }
        let sampling = object(capabilities, "sampling").map(|sampling| Sampling {
            tools: object(sampling, "tools").is_some(),
            context: object(sampling, "context").is_some(),
        });
        let elicitation = object(capabilities, "elicitation").map(|elicitation| {
            let url = object(elicitation, "url").is_some();
            // An empty object stands for forms, as it did before there was anything else (revision 2025-11-25,
            // Elicitation, Capabilities).
            Elicitation { form: !url || object(elicitation, "form").is_some(), url }
        });
        let roots = object(capabilities, "roots")
            .map(|roots| Roots { list_changed: flag(roots, "listChanged") });
        let tasks =
            object(capabilities, "tasks").is_some() || has_extension(capabilities, TASKS_EXTENSION);
        Self { sampling, elicitation, roots, tasks }
    }

    /// The capability that the client would have to declare so that it could be asked this, as the JSON text of an
    /// object; nothing if it has it. What is no question of the protocol cannot be declared and needs an empty object.
    pub fn missing(&self, method: &str, params: Option<&str>) -> Option<&'static str> {
        let params = params.unwrap_or("{}");
        match method {
            method::SAMPLING_CREATE_MESSAGE => match self.sampling {
                None => Some(r#"{"sampling":{}}"#),
                Some(Sampling { tools: false, .. })
                    if member(params, "tools").is_some()
                        || member(params, "toolChoice").is_some() =>
                {
                    Some(r#"{"sampling":{"tools":{}}}"#)
                }
                Some(_) => None,
            },
            method::ELICITATION_CREATE => {
                let known = self.elicitation.unwrap_or_default();
                if member(params, "mode").and_then(string).as_deref() == Some("url") {
                    (!known.url).then_some(r#"{"elicitation":{"url":{}}}"#)
                } else {
                    (!known.form).then_some(r#"{"elicitation":{"form":{}}}"#)
                }
            }
            method::ROOTS_LIST => self.roots.is_none().then_some(r#"{"roots":{}}"#),
            // They are about what was asked of the client as a task.
            method::TASKS_GET
            | method::TASKS_RESULT
            | method::TASKS_LIST
            | method::TASKS_CANCEL => (!self.tasks).then_some(r#"{"tasks":{}}"#),
            _ => Some("{}"),
        }
    }
}

/// What a server offers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerCapabilities {
    /// Tools to call.
    pub tools: Option<Listed>,
    /// Prompts to fill in.
    pub prompts: Option<Listed>,
    /// Resources to read.
    pub resources: Option<Listed>,
    /// Changes to single resources are told.
    pub subscribe: bool,
    /// Log messages.
    pub logging: bool,
    /// How arguments may go on.
    pub completions: bool,
    /// The tasks of its era.
    pub tasks: Option<Tasks>,
}

/// What a server says of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listed {
    /// It tells when the list changes.
    pub list_changed: bool,
}

/// The two kinds of tasks, which have methods of the same names and nothing else in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tasks {
    /// Those of revision 2025-11-25.
    Session,
    /// Those of the extension.
    Extension,
}

impl ServerCapabilities {
    /// Reads the JSON text of the object; what is no object counts as empty.
    pub fn parse(capabilities: &str) -> Self {
        let listed = |name| {
            let list = object(capabilities, name)?;
            Some(Listed { list_changed: flag(list, "listChanged") })
        };
        let tasks = if has_extension(capabilities, TASKS_EXTENSION) {
            Some(Tasks::Extension)
        } else {
            object(capabilities, "tasks").map(|_| Tasks::Session)
        };
        Self {
            tools: listed("tools"),
            prompts: listed("prompts"),
            resources: listed("resources"),
            subscribe: object(capabilities, "resources")
                .is_some_and(|resources| flag(resources, "subscribe")),
            logging: object(capabilities, "logging").is_some(),
            completions: object(capabilities, "completions").is_some(),
            tasks,
        }
    }
}

/// Everything that any of the capability objects has: objects are united, what one of them affirms is affirmed, and of
/// other values the first stays. Texts that are no objects count as empty.
pub fn union<'a>(all: impl IntoIterator<Item = &'a str>) -> Value {
    let mut united = Value::Object(serde_json::Map::new());
    for one in all {
        if let Ok(one @ Value::Object(_)) = serde_json::from_str(one) {
            unite(&mut united, one);
        }
    }
    united
}

fn unite(into: &mut Value, other: Value) {
    match (into, other) {
        (Value::Object(into), Value::Object(other)) => {
            for (name, value) in other {
                match into.get_mut(&name) {
                    Some(known) => unite(known, value),
                    None => {
                        into.insert(name, value);
                    }
                }
            }
        }
        (into @ Value::Bool(false), affirmed @ Value::Bool(true)) => *into = affirmed,
        _ => {}
    }
}

/// The capabilities of a client or a server of the other era, as they hold in era `to`. Tasks do not cross: what the
/// two kinds have in common is their names. Neither does the promise to tell of changed roots, which the stateless era
/// has no notification for.
pub fn across(to: Era, capabilities: &str) -> Cow<'_, str> {
    let mut left = without(capabilities, |name| name == "tasks");
    if let Some(extensions) = member(&left, "extensions")
        && let Cow::Owned(others) = without(extensions, |name| name == TASKS_EXTENSION)
        && let Some(shorter) = replace(&left, extensions, &others)
    {
        left = Cow::Owned(shorter);
    }
    if to == Era::Stateless
        && let Some(roots) = member(&left, "roots")
        && let Cow::Owned(plain) = without(roots, |name| name == "listChanged")
        && let Some(shorter) = replace(&left, roots, &plain)
    {
        left = Cow::Owned(shorter);
    }
    left
}

/// Capabilities of era `from`, as they hold in era `to`: between equal eras nothing is lost.
pub fn in_terms_of(to: Era, from: Era, capabilities: &str) -> Cow<'_, str> {
    if to == from { Cow::Borrowed(capabilities) } else { across(to, capabilities) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_can_be_asked_is_read() {
        let check = |capabilities: &str, expected: ClientCapabilities| {
            assert_eq!(ClientCapabilities::parse(capabilities), expected, "{capabilities}");
            let wanted = expected.sampling.is_some()
                || expected.elicitation.is_some()
                || expected.roots.is_some();
            assert_eq!(wants_questions(capabilities), wanted, "{capabilities}");
        };
        let none = ClientCapabilities::default();
        check("{}", none);
        check("[]", none);
        check(r#"{"sampling":null,"roots":true}"#, none);
        check(
            r#"{"sampling":{"tools":{}}}"#,
            ClientCapabilities { sampling: Some(Sampling { tools: true, context: false }), ..none },
        );
        for (elicitation, form, url) in [
            ("{}", true, false),
            (r#"{"form":{}}"#, true, false),
            (r#"{"url":{}}"#, false, true),
            (r#"{"form":{},"url":{}}"#, true, true),
        ] {
            check(
                &format!(r#"{{"elicitation":{elicitation}}}"#),
                ClientCapabilities { elicitation: Some(Elicitation { form, url }), ..none },
            );
        }
        check(
            r#"{"roots":{"listChanged":true},"tasks":{}}"#,
            ClientCapabilities { roots: Some(Roots { list_changed: true }), tasks: true, ..none },
        );
        check(
            r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#,
            ClientCapabilities { tasks: true, ..none },
        );
    }

    #[test]
    fn what_a_question_needs_is_named() {
        let check = |capabilities: &str, method: &str, params: &str, expected: Option<&str>| {
            let client = ClientCapabilities::parse(capabilities);
            assert_eq!(client.missing(method, Some(params)), expected, "{method} {params}");
        };
        let url = r#"{"mode":"url"}"#;
        check("{}", "elicitation/create", "{}", Some(r#"{"elicitation":{"form":{}}}"#));
        check(r#"{"elicitation":{}}"#, "elicitation/create", r#"{"mode":"form"}"#, None);
        check(
            r#"{"elicitation":{}}"#,
            "elicitation/create",
            url,
            Some(r#"{"elicitation":{"url":{}}}"#),
        );
        check(r#"{"elicitation":{"url":{}}}"#, "elicitation/create", url, None);
        check("{}", "sampling/createMessage", "{}", Some(r#"{"sampling":{}}"#));
        check(r#"{"sampling":{}}"#, "sampling/createMessage", "{}", None);
        check(
            r#"{"sampling":{}}"#,
            "sampling/createMessage",
            r#"{"tools":[]}"#,
            Some(r#"{"sampling":{"tools":{}}}"#),
        );
        check("{}", "roots/list", "{}", Some(r#"{"roots":{}}"#));
        check(r#"{"roots":{}}"#, "roots/list", "{}", None);
        check(r#"{"roots":{}}"#, "ping", "{}", Some("{}"));
        check(r#"{"roots":{}}"#, "tasks/get", "{}", Some(r#"{"tasks":{}}"#));
        check(r#"{"tasks":{}}"#, "tasks/get", "{}", None);
    }

    #[test]
    fn what_a_server_offers_is_read() {
        let none = ServerCapabilities::default();
        assert_eq!(ServerCapabilities::parse("7"), none);
        assert_eq!(
            ServerCapabilities::parse(
                r#"{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{},"tasks":{}}"#
            ),
            ServerCapabilities {
                tools: Some(Listed { list_changed: true }),
                resources: Some(Listed { list_changed: false }),
                subscribe: true,
                logging: true,
                tasks: Some(Tasks::Session),
                ..none
            }
        );
        let extension = r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
        assert_eq!(ServerCapabilities::parse(extension).tasks, Some(Tasks::Extension));
    }

    #[test]
    fn capabilities_are_united() {
        let all = [
            r#"{"tools":{"listChanged":false},"logging":{}}"#,
            r#"{"tools":{"listChanged":true,"x":1},"prompts":{}}"#,
            "no object",
            r#"{"tools":{"listChanged":false,"x":2},"logging":{}}"#,
        ];
        let expected = r#"{"tools":{"listChanged":true,"x":1},"logging":{},"prompts":{}}"#;
        assert_eq!(union(all).to_string(), expected);
        assert_eq!(union([expected, expected]).to_string(), expected);
        assert_eq!(union([]).to_string(), "{}");
    }

    #[test]
    fn only_what_has_no_counterpart_stays_behind() {
        let check = |to, capabilities: &str, expected: &str| {
            assert_eq!(across(to, capabilities), expected, "{capabilities}");
            assert_eq!(across(to, expected), expected, "{capabilities}");
        };
        check(
            Era::Stateless,
            r#"{"roots":{"listChanged":true},"tasks":{},"sampling":{ }}"#,
            r#"{"roots":{},"sampling":{ }}"#,
        );
        check(
            Era::Session,
            r#"{"roots":{"listChanged":true},"extensions":{"io.modelcontextprotocol/tasks":{},"a/b":{}}}"#,
            r#"{"roots":{"listChanged":true},"extensions":{"a/b":{}}}"#,
        );
        check(Era::Session, r#"{"tools" : {}}"#, r#"{"tools" : {}}"#);
        let tasks = r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
        for (from, expected) in [(Era::Stateless, tasks), (Era::Session, r#"{"extensions":{}}"#)] {
            assert_eq!(in_terms_of(Era::Stateless, from, tasks), expected);
        }
    }
}
