//! The first exchange with a server (specification, Lifecycle, Initialization).

use std::time::Duration;

use super::{Error, Session, Watch};
use crate::protocol::era::Era;
use crate::protocol::initialize::{self, ServerAnswer};
use crate::protocol::method;
use crate::protocol::version::Revision;
use crate::telemetry::logging::excerpt;

/// Opens the session: `initialize`, its answer, `notifications/initialized`.
pub(super) async fn open(session: &Session, limit: Duration) -> Result<(), Error> {
    let params = initialize::client_params();
    let ask = || {
        session.request(method::INITIALIZE, limit, Watch::default(), |buffer, _| {
            buffer.extend_from_slice(params.as_bytes());
        })
    };
    let first = ask();
    tokio::pin!(first);
    let answer = tokio::select! {
        biased;
        answer = &mut first => answer,
        // It uses headers and has not understood the line that was sent before anybody could know.
        () = session.carrier.became_sized() => tokio::select! {
            biased;
            answer = &mut first => answer,
            answer = ask() => answer,
        },
    };
    let result = answer.map_err(|error| match error {
        Error::Refused(refusal) => {
            Error::Handshake { reason: format!("the server refused `initialize`: {refusal}") }
        }
        Error::BadAnswer { reason } => Error::Handshake { reason },
        other => other,
    })?;
    let answer: ServerAnswer = serde_json::from_str(&result).map_err(|error| Error::Handshake {
        reason: format!("the answer to `initialize` cannot be read: {error}"),
    })?;
    check_revision(&answer.protocol_version)?;
    session.notify(method::INITIALIZED, "{}");
    Ok(())
}

/// A server may choose a revision that we do not know. What we use of it — tools — has not changed since the
/// first one, so only the era has to fit.
fn check_revision(date: &str) -> Result<(), Error> {
    if Revision::SESSIONS.iter().any(|revision| revision.as_str() == date) {
        return Ok(());
    }
    if Era::of_revision(date) == Era::Stateless {
        let latest = Revision::LATEST_SESSION.as_str();
        let date = excerpt(date.as_bytes(), 40);
        let reason =
            format!("the server wants revision `{date}`, the newest spoken here is {latest}");
        return Err(Error::Handshake { reason });
    }
    tracing::info!("a server chose the unknown revision `{}`", excerpt(date.as_bytes(), 40));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stateless_era_is_refused() {
        for (date, fine) in [("2024-11-05", true), ("2024-10-07", true), ("2026-07-28", false)] {
            assert_eq!(check_revision(date).is_ok(), fine, "{date}");
        }
    }
}
