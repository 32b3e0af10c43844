//! Method names of the Model Context Protocol, in the order of the specification. Where nothing else is said, every
//! revision has the method.

use super::era::Era;

/// Opens a session (revisions up to 2025-11-25).
pub const INITIALIZE: &str = "initialize";
/// Ends the handshake (revisions up to 2025-11-25).
pub const INITIALIZED: &str = "notifications/initialized";
/// Asks whether the peer is alive (revisions up to 2025-11-25).
pub const PING: &str = "ping";
/// Asks what a server is and can do (from revision 2026-07-28 on).
pub const SERVER_DISCOVER: &str = "server/discover";
/// Withdraws a request.
pub const CANCELLED: &str = "notifications/cancelled";
/// Tells how far a request has come.
pub const PROGRESS: &str = "notifications/progress";

/// Lists tools, page by page.
pub const TOOLS_LIST: &str = "tools/list";
/// Calls a tool.
pub const TOOLS_CALL: &str = "tools/call";
/// Says that the list of tools is no longer what it was.
pub const TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";

/// Lists resources, page by page.
pub const RESOURCES_LIST: &str = "resources/list";
/// Lists templates of resources, page by page.
pub const RESOURCES_TEMPLATES_LIST: &str = "resources/templates/list";
/// Reads a resource.
pub const RESOURCES_READ: &str = "resources/read";
/// Asks to hear of changes to a resource (revisions up to 2025-11-25).
pub const RESOURCES_SUBSCRIBE: &str = "resources/subscribe";
/// Takes that back (revisions up to 2025-11-25).
pub const RESOURCES_UNSUBSCRIBE: &str = "resources/unsubscribe";
/// Says that a resource is no longer what it was.
pub const RESOURCES_UPDATED: &str = "notifications/resources/updated";
/// Says that the list of resources is no longer what it was.
pub const RESOURCES_LIST_CHANGED: &str = "notifications/resources/list_changed";

/// Lists prompts, page by page.
pub const PROMPTS_LIST: &str = "prompts/list";
/// Fills a prompt in.
pub const PROMPTS_GET: &str = "prompts/get";
/// Says that the list of prompts is no longer what it was.
pub const PROMPTS_LIST_CHANGED: &str = "notifications/prompts/list_changed";

/// Asks how an argument may go on.
pub const COMPLETION_COMPLETE: &str = "completion/complete";

/// Says from which level on log messages are wanted (revisions up to 2025-11-25).
pub const LOGGING_SET_LEVEL: &str = "logging/setLevel";
/// A log message of a server.
pub const MESSAGE: &str = "notifications/message";

/// Has the client's model write a message. A request of its own up to 2025-11-25, part of a result since then, as are
/// the two that follow.
pub const SAMPLING_CREATE_MESSAGE: &str = "sampling/createMessage";
/// Asks the user (since 2025-06-18).
pub const ELICITATION_CREATE: &str = "elicitation/create";
/// Asks for the folders that the client works in.
pub const ROOTS_LIST: &str = "roots/list";
/// Says that an elicitation by URL has come to its end (revision 2025-11-25 only).
pub const ELICITATION_COMPLETE: &str = "notifications/elicitation/complete";
/// Says that the client's folders are no longer what they were (revisions up to 2025-11-25).
pub const ROOTS_LIST_CHANGED: &str = "notifications/roots/list_changed";

/// Asks for notifications that belong to no request, for as long as it stays open (from revision 2026-07-28 on).
pub const SUBSCRIPTIONS_LISTEN: &str = "subscriptions/listen";
/// The first notification of such a stream.
pub const SUBSCRIPTIONS_ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// Asks how a task stands (revision 2025-11-25, and the extension since then).
pub const TASKS_GET: &str = "tasks/get";
/// Ends a task early (as above).
pub const TASKS_CANCEL: &str = "tasks/cancel";
/// Lists tasks (revision 2025-11-25 only).
pub const TASKS_LIST: &str = "tasks/list";
/// Waits for what a task brings (revision 2025-11-25 only).
pub const TASKS_RESULT: &str = "tasks/result";
/// Says how a task stands (revision 2025-11-25 only).
pub const TASKS_STATUS: &str = "notifications/tasks/status";
/// Answers what a task has asked (the extension only).
pub const TASKS_UPDATE: &str = "tasks/update";
/// Says how a task stands (the extension only).
pub const TASKS: &str = "notifications/tasks";

/// Whether servers of this era may know the request; what is no method of the protocol belongs to either.
pub fn is_request_of(era: Era, method: &str) -> bool {
    match method {
        INITIALIZE
        | PING
        | LOGGING_SET_LEVEL
        | RESOURCES_SUBSCRIBE
        | RESOURCES_UNSUBSCRIBE
        | TASKS_LIST
        | TASKS_RESULT => era == Era::Session,
        SERVER_DISCOVER | SUBSCRIPTIONS_LISTEN | TASKS_UPDATE => era == Era::Stateless,
        // They are asked of clients only.
        SAMPLING_CREATE_MESSAGE | ELICITATION_CREATE | ROOTS_LIST => false,
        _ => true,
    }
}

/// Whether the notification, of a client or a server, has a meaning in this era; what is none of the protocol has one in
/// either.
pub fn is_notification_of(era: Era, method: &str) -> bool {
    match method {
        INITIALIZED | ROOTS_LIST_CHANGED | ELICITATION_COMPLETE | TASKS_STATUS => {
            era == Era::Session
        }
        SUBSCRIPTIONS_ACKNOWLEDGED | TASKS => era == Era::Stateless,
        _ => true,
    }
}

/// Whether a stateless server may answer the request with questions (revision 2026-07-28, Multi Round-Trip Requests,
/// Supported Requests).
pub fn may_ask_back(method: &str) -> bool {
    matches!(method, TOOLS_CALL | PROMPTS_GET | RESOURCES_READ)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_belong_to_one_era_or_to_both() {
        for (method, session, stateless) in [
            ("tools/call", true, true),
            ("vendor/own", true, true),
            ("tasks/get", true, true),
            ("initialize", true, false),
            ("ping", true, false),
            ("resources/subscribe", true, false),
            ("tasks/result", true, false),
            ("server/discover", false, true),
            ("subscriptions/listen", false, true),
            ("roots/list", false, false),
        ] {
            let found = [Era::Session, Era::Stateless].map(|era| is_request_of(era, method));
            assert_eq!(found, [session, stateless], "{method}");
        }
    }

    #[test]
    fn notifications_belong_to_one_era_or_to_both() {
        for (method, session, stateless) in [
            ("notifications/progress", true, true),
            ("notifications/vendor", true, true),
            ("notifications/roots/list_changed", true, false),
            ("notifications/elicitation/complete", true, false),
            ("notifications/tasks/status", true, false),
            ("notifications/tasks", false, true),
            ("notifications/subscriptions/acknowledged", false, true),
        ] {
            let found = [Era::Session, Era::Stateless].map(|era| is_notification_of(era, method));
            assert_eq!(found, [session, stateless], "{method}");
        }
    }
}
