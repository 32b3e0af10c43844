//! Streams of notifications that belong to no request (revision 2026-07-28, Subscriptions): what a client wants to hear,
//! what it is promised, and the id that each notification of a stream carries.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::capabilities::{Listed, ServerCapabilities, Tasks};
use super::error::{ErrorObject, INVALID_PARAMS};
use super::meta::{SUBSCRIPTION_ID, with_key, without_keys};
use super::method;
use crate::base::json::{is_object, member, string};

/// What a client wants to hear.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Wanted {
    /// Changes to the list of tools.
    #[serde(rename = "toolsListChanged", skip_serializing_if = "std::ops::Not::not")]
    pub tools: bool,
    /// Changes to the list of prompts.
    #[serde(rename = "promptsListChanged", skip_serializing_if = "std::ops::Not::not")]
    pub prompts: bool,
    /// Changes to the lists of resources and of their templates.
    #[serde(rename = "resourcesListChanged", skip_serializing_if = "std::ops::Not::not")]
    pub resources: bool,
    /// Changes to the resources at these URIs.
    #[serde(rename = "resourceSubscriptions", skip_serializing_if = "Vec::is_empty")]
    pub uris: Vec<String>,
    /// How the tasks with these ids stand (Tasks extension, Task Status Notifications).
    #[serde(rename = "taskIds", skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
}

/// Why a filter cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`notifications` {0}")]
pub struct FilterFault(String);

impl FilterFault {
    /// As it travels.
    pub fn error(&self) -> ErrorObject {
        ErrorObject::new(INVALID_PARAMS, self.to_string())
    }
}

impl Wanted {
    /// Reads the filter from the parameters of `subscriptions/listen` or of its acknowledgement. Kinds of notifications
    /// that are not known are not wanted.
    pub fn parse(params: Option<&str>) -> Result<Self, FilterFault> {
        let filter = params
            .and_then(|params| member(params, "notifications"))
            .filter(|filter| is_object(filter))
            .ok_or_else(|| FilterFault("must be an object".to_owned()))?;
        serde_json::from_str(filter).map_err(|error| FilterFault(format!("is malformed: {error}")))
    }

    /// The parameters of a `subscriptions/listen` for it, without `_meta`.
    pub fn params(&self) -> String {
        json!({ "notifications": self }).to_string()
    }

    /// The part of it that a server with these capabilities honours.
    #[must_use]
    pub fn honoured(&self, server: &ServerCapabilities) -> Self {
        let tells = |list: Option<Listed>| list.is_some_and(|list| list.list_changed);
        let has_tasks = server.tasks == Some(Tasks::Extension);
        Self {
            tools: self.tools && tells(server.tools),
            prompts: self.prompts && tells(server.prompts),
            resources: self.resources && tells(server.resources),
            uris: if server.subscribe { self.uris.clone() } else { Vec::new() },
            tasks: if has_tasks { self.tasks.clone() } else { Vec::new() },
        }
    }

    /// Whether nothing at all is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this notification is wanted.
    pub fn hears(&self, method: &str, params: Option<&str>) -> bool {
        let names = |key, hit: &dyn Fn(&str) -> bool| {
            params
                .and_then(|params| member(params, key))
                .and_then(string)
                .is_some_and(|it| hit(&it))
        };
        match method {
            method::TOOLS_LIST_CHANGED => self.tools,
            method::PROMPTS_LIST_CHANGED => self.prompts,
            method::RESOURCES_LIST_CHANGED => self.resources,
            method::RESOURCES_UPDATED => {
                names("uri", &|uri| self.uris.iter().any(|wanted| is_part(wanted, uri)))
            }
            method::TASKS => names("taskId", &|id| self.tasks.iter().any(|wanted| wanted == id)),
            _ => false,
        }
    }
}

/// What has changed may be a part of what the client subscribed to (schema, `ResourceUpdatedNotificationParams`).
fn is_part(whole: &str, uri: &str) -> bool {
    uri.strip_prefix(whole).is_some_and(|rest| {
        rest.is_empty() || whole.ends_with('/') || rest.starts_with(['/', '#', '?'])
    })
}

/// The parameters of the notification that opens the stream of the request `id`, the JSON text of an id.
pub fn acknowledged(id: &str, honoured: &Wanted) -> String {
    tagged(Some(&honoured.params()), id)
}

/// The result with which a server ends the stream of the request `id`.
pub fn ended(id: &str) -> String {
    format!(r#"{{"resultType":"complete","_meta":{{"{SUBSCRIPTION_ID}":{id}}}}}"#)
}

/// Parameters of a notification on the stream of the request `id`. Parameters that are no object count as none.
pub fn tagged(params: Option<&str>, id: &str) -> String {
    params.and_then(|params| with_key(params, SUBSCRIPTION_ID, id)).unwrap_or_else(|| {
        with_key("{}", SUBSCRIPTION_ID, id).expect("an empty object takes any member")
    })
}

/// The JSON text of the id of the request on whose stream a notification came.
pub fn tag(params: &str) -> Option<&str> {
    member(member(params, "_meta")?, SUBSCRIPTION_ID)
}

/// Parameters of a notification without that id, and without a `_meta` that held nothing else.
pub fn untagged(params: &str) -> Cow<'_, str> {
    match member(params, "_meta") {
        Some(meta) => without_keys(params, meta, |key| key == SUBSCRIPTION_ID),
        None => Cow::Borrowed(params),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn filters_are_read() {
        let check = |params: Option<&str>, expected: Option<Wanted>| {
            assert_eq!(Wanted::parse(params).ok(), expected, "{params:?}");
        };
        let none = Wanted::default();
        check(Some(r#"{"notifications":{}}"#), Some(none.clone()));
        check(
            Some(r#"{"notifications":{"toolsListChanged":true,"other":1}}"#),
            Some(Wanted { tools: true, ..none.clone() }),
        );
        check(
            Some(r#"{"notifications":{"resourceSubscriptions":["a:b"],"taskIds":["7"]}}"#),
            Some(Wanted { uris: vec!["a:b".to_owned()], tasks: vec!["7".to_owned()], ..none }),
        );
        check(Some(r#"{"notifications":{"toolsListChanged":"yes"}}"#), None);
        check(Some(r#"{"notifications":[]}"#), None);
        check(Some("{}"), None);
        check(None, None);
    }

    #[test]
    fn a_stream_carries_what_was_wanted_and_nothing_else() {
        let wanted = Wanted {
            tools: true,
            uris: vec!["file:///a".to_owned(), "x:/d/".to_owned()],
            tasks: vec!["t".to_owned()],
            ..Wanted::default()
        };
        let check = |method: &str, params: &str, expected| {
            assert_eq!(wanted.hears(method, Some(params)), expected, "{method} {params}");
        };
        check("notifications/tools/list_changed", "{}", true);
        check("notifications/prompts/list_changed", "{}", false);
        check("notifications/resources/list_changed", "{}", false);
        check("notifications/resources/updated", r#"{"uri":"file:///a"}"#, true);
        check("notifications/resources/updated", r#"{"uri":"file:///a/b"}"#, true);
        check("notifications/resources/updated", r#"{"uri":"file:///ab"}"#, false);
        check("notifications/resources/updated", r#"{"uri":"x:/d/e"}"#, true);
        check("notifications/resources/updated", "{}", false);
        check("notifications/tasks", r#"{"taskId":"t"}"#, true);
        check("notifications/tasks", r#"{"taskId":"u"}"#, false);
        check("notifications/progress", "{}", false);
        check("notifications/message", "{}", false);
    }

    #[test]
    fn only_what_the_server_can_do_is_promised() {
        let wanted = Wanted {
            tools: true,
            prompts: true,
            resources: true,
            uris: vec!["a:b".to_owned()],
            tasks: vec!["t".to_owned()],
        };
        let check = |capabilities: &str, expected: &str| {
            let honoured = wanted.honoured(&ServerCapabilities::parse(capabilities));
            assert_eq!(honoured.params(), format!(r#"{{"notifications":{expected}}}"#));
            assert_eq!(honoured.is_empty(), expected == "{}");
        };
        check("{}", "{}");
        check(
            r#"{"tools":{"listChanged":true},"prompts":{},"tasks":{}}"#,
            r#"{"toolsListChanged":true}"#,
        );
        check(
            r#"{"resources":{"subscribe":true},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#,
            r#"{"resourceSubscriptions":["a:b"],"taskIds":["t"]}"#,
        );
    }

    #[test]
    fn streams_open_and_end_with_their_id() {
        let wanted = Wanted { tools: true, ..Wanted::default() };
        let opening = acknowledged("\"a\"", &wanted);
        assert_eq!(
            opening,
            r#"{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":"a"}}"#
        );
        assert_eq!(tag(&opening), Some("\"a\""));
        assert_eq!(Wanted::parse(Some(&opening)).ok(), Some(wanted));
        assert_eq!(tag(&ended("7")), Some("7"));
        assert_eq!(tag(&tagged(None, "7")), Some("7"));
        assert_eq!(
            tagged(Some(r#"{"uri":"a:b","_meta":null}"#), "7"),
            r#"{"uri":"a:b","_meta":{"io.modelcontextprotocol/subscriptionId":7}}"#
        );
        assert_eq!(tag("{}"), None);
    }

    proptest! {
        /// A tag is read as it was written, and taking it off leaves what was there before.
        #[test]
        fn tags_come_off_again(
            uri in "[ -~é]{0,12}",
            other in proptest::option::of(0..100_u32),
            id in 0..1000_u32,
        ) {
            let uri = serde_json::to_string(&uri).expect("a string");
            let meta = other.map_or_else(String::new, |other| format!(r#","_meta":{{"x":{other}}}"#));
            let params = format!(r#"{{"uri":{uri}{meta}}}"#);
            let id = id.to_string();
            let marked = tagged(Some(&params), &id);
            prop_assert_eq!(tag(&marked), Some(id.as_str()));
            prop_assert_eq!(&*untagged(&marked), &*params);
            prop_assert_eq!(tagged(Some(&marked), &id), marked.clone());
            prop_assert_eq!(&*untagged(&params), &*params);
        }
    }
}
