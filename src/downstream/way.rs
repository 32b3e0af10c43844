//! The way back to a client: where the answer to a request goes, and what the request causes before it.

use std::sync::{Arc, OnceLock};

use super::outlet::Outlet;
use super::questions::{Asked, Questioner};
use crate::protocol::log::Level;
use crate::protocol::translate::notification_for;
use crate::protocol::version::Revision;
use crate::router::{Asks, Notify};

/// One for each stream or POST that requests come from.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) outlet: Outlet,
    pub(super) notify: Notify,
    pub(super) asks: Asks,
}

/// The revision that a session agrees upon.
pub(super) type Agreed = Arc<OnceLock<Revision>>;

impl Way {
    /// The way back to a client with a session, whose questions are in `asked`. Until there is a revision, nothing is
    /// notified; a way may be made before.
    pub(super) fn of_session(outlet: Outlet, asked: Asked, agreed: Agreed) -> Self {
        let to = outlet.clone();
        let notify = Notify::new(move |method, params| {
            if let Some(revision) = agreed.get() {
                notify(&to, *revision, None, method, params);
            }
        });
        let asks = Asks::Session(Arc::new(Questioner { asked, outlet: outlet.clone() }));
        Self { outlet, notify, asks }
    }

    /// The way back for one request of the stateless era: its client hears log messages of `level` and above, and is
    /// asked by rounds.
    pub(super) fn of_request(outlet: Outlet, revision: Revision, level: Option<Level>) -> Self {
        let to = outlet.clone();
        let notify =
            Notify::new(move |method, params| notify(&to, revision, level, method, params));
        Self { outlet, notify, asks: Asks::Rounds }
    }
}

/// Sends what a client of this revision knows, in its terms.
fn notify(to: &Outlet, revision: Revision, level: Option<Level>, method: &str, params: &str) {
    if let Some(params) = notification_for(revision, level, method, params) {
        to.notify(method, &params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downstream::outlet::Form;
    use crate::wire::Outbox;

    #[tokio::test]
    async fn a_client_hears_what_its_era_has() {
        let (outbox, mut reader) = Outbox::read(10_000);
        let outlet = Outlet::Stream(outbox.clone(), Form::Line);
        let agreed = Agreed::default();
        let old = Way::of_session(outlet.clone(), Asked::default(), agreed.clone());
        old.notify.send("notifications/message", "{}");
        agreed.set(Revision::V2025_11_25).expect("it is set once");
        let new = Way::of_request(outlet, Revision::V2026_07_28, Some(Level::Error));
        let tagged =
            r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":1},"level":"debug","data":1}"#;
        for way in [&old, &new] {
            for method in ["tasks", "tasks/status", "message"] {
                way.notify.send(&format!("notifications/{method}"), tagged);
            }
        }
        outbox.close();
        let heard = String::from_utf8(reader.next().await.expect("notifications")).expect("text");
        let heard: Vec<_> = heard.lines().collect();
        assert_eq!(heard.len(), 3, "{heard:?}");
        assert!(heard[0].contains("notifications/tasks/status"), "{heard:?}");
        assert!(heard[1].contains("notifications/message"), "{heard:?}");
        assert!(heard[..2].iter().all(|line| !line.contains("subscriptionId")), "{heard:?}");
        assert!(heard[2].contains("notifications/tasks\""), "{heard:?}");
        assert!(heard[2].contains("subscriptionId"), "{heard:?}");
    }
}
