//! The first exchange with a server (specification, Lifecycle, Initialization).

use std::time::Duration;

use serde_json::value::RawValue;

use super::{Error, Established, Session, Watch};
use crate::base::json::string;
use crate::protocol::capabilities::across;
use crate::protocol::era::Era;
use crate::protocol::initialize::{ServerAnswer, client_params_for};
use crate::protocol::meta::IDENTITY;
use crate::protocol::method;
use crate::protocol::version::Revision;
use crate::telemetry::logging::excerpt;

/// Opens the session: `initialize`, its answer, `notifications/initialized`. The server is told that the client behind the
/// session has these `capabilities`.
pub(super) async fn open(
    session: &Session,
    capabilities: &str,
    limit: Duration,
) -> Result<(), Error> {
    let params = client_params_for(&across(Era::Session, capabilities), IDENTITY);
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
    let mut established = Established::new(
        Era::Session,
        &answer.protocol_version,
        raw(answer.capabilities.as_deref()),
    );
    established.instructions = raw(answer.instructions.as_deref()).and_then(string).map(Into::into);
    established.server_info = raw(answer.server_info.as_deref()).map(Into::into);
    session.agreement.established.set(established).expect("there is one handshake");
    session.notify(method::INITIALIZED, "{}");
    Ok(())
}

fn raw(value: Option<&RawValue>) -> Option<&str> {
    value.map(RawValue::get)
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
