//! The first exchange with a server, which shows the era that it speaks: `initialize` (specification, Lifecycle,
//! Initialization), or `server/discover` where sessions are no more (revision 2026-07-28, Discovery).

use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::timeout;

use super::eras::{Eras, Shown};
use super::waiting::Answer;
use super::{Error, Established, Session, Terms, Watch};
use crate::base::json::string;
use crate::protocol::discover::Discovery;
use crate::protocol::era::Era;
use crate::protocol::error::{
    ErrorObject, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, UNSUPPORTED_PROTOCOL_VERSION,
};
use crate::protocol::initialize::{ServerAnswer, client_params_for};
use crate::protocol::meta::{self, Declared, IDENTITY};
use crate::protocol::method;
use crate::protocol::refusal::{is_of_stateless_server, is_offered, supported_versions};
use crate::protocol::version::Revision;
use crate::telemetry::logging::excerpt;

/// A server that leaves `server/discover` without an answer for so long is taken to be of the older era.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// How patient a handshake is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For an answer.
    pub(super) limit: Duration,
    /// For an answer to `server/discover` where `initialize` may do better.
    pub(super) silence: Duration,
}

/// Why an exchange opened no session.
enum Fault {
    /// The server may speak the other era, and whether it said that it does not speak this one.
    OtherEra(Error, Shown),
    /// It does not help to try.
    Final(Error),
}

/// Opens the session in the era that `terms` prefer, or in the other one, and learns which it was. A server that ends over
/// a first request of an era is learnt not to speak it, whatever it may say when it is started anew.
pub(super) async fn open(
    session: &Session,
    terms: &Terms,
    eras: &Eras,
    patience: Patience,
) -> Result<(), Error> {
    // Where nothing else is left to try, an answer is worth waiting for.
    let silence = if eras.lacks(Era::Session) { patience.limit } else { patience.silence };
    match eras.first(terms.era) {
        Era::Session => match initialize(session, terms, patience.limit).await {
            Err(Fault::OtherEra(refusal, shown)) => {
                match discover(session, terms, silence).await {
                    Ok(()) => {
                        eras.learn(Era::Session, shown);
                        eras.learn(Era::Stateless, Shown::Spoken);
                        Ok(())
                    }
                    // What it said to a question that it may not know is of no interest.
                    Err(fault) => {
                        if fault.is_end() {
                            eras.learn(Era::Session, shown);
                        }
                        Err(refusal)
                    }
                }
            }
            outcome => {
                outcome.map(|()| eras.learn(Era::Session, Shown::Spoken)).map_err(Fault::into_error)
            }
        },
        Era::Stateless => match discover(session, terms, silence).await {
            Err(Fault::OtherEra(_, shown)) => {
                initialize(session, terms, patience.limit).await.map_err(Fault::into_error)?;
                eras.learn(Era::Stateless, shown);
                eras.learn(Era::Session, Shown::Spoken);
                Ok(())
            }
            Err(fault) => {
                if fault.is_end() {
                    eras.learn(Era::Stateless, Shown::Nothing);
                }
                Err(fault.into_error())
            }
            Ok(()) => {
                eras.learn(Era::Stateless, Shown::Spoken);
                Ok(())
            }
        },
    }
}

impl Fault {
    /// The server ended instead of answering.
    fn is_end(&self) -> bool {
        matches!(self, Self::Final(Error::Closed { .. } | Error::Unsent { .. }))
    }

    fn into_error(self) -> Error {
        match self {
            Self::OtherEra(error, _) | Self::Final(error) => error,
        }
    }
}

/// Asks for the first time, and again if the server uses headers and has not understood the line that was sent before
/// anybody could know.
async fn ask(session: &Session, method: &str, params: &str, limit: Duration) -> Answer {
    let ask = || {
        session.exchange(method, limit, Watch::default(), |buffer, _| {
            buffer.extend_from_slice(params.as_bytes());
        })
    };
    let first = ask();
    tokio::pin!(first);
    tokio::select! {
        biased;
        answer = &mut first => answer,
        () = session.carrier.became_sized() => tokio::select! {
            biased;
            answer = &mut first => answer,
            answer = ask() => answer,
        },
    }
}

fn failed(reason: impl Into<String>) -> Error {
    Error::Handshake { reason: reason.into() }
}

/// `initialize`, its answer, `notifications/initialized`.
async fn initialize(session: &Session, terms: &Terms, limit: Duration) -> Result<(), Fault> {
    let params = client_params_for(&terms.declared(Era::Session), IDENTITY);
    let answer = ask(session, method::INITIALIZE, &params, limit).await;
    let result = answer.map_err(|error| match error {
        Error::Refused(refusal) => {
            let error = failed(format!("the server refused `initialize`: {refusal}"));
            if may_be_stateless(&refusal) {
                Fault::OtherEra(error, Shown::Refused)
            } else {
                Fault::Final(error)
            }
        }
        Error::BadAnswer { reason } => Fault::Final(failed(reason)),
        Error::Status(refusal) if is_vague(refusal.status) => {
            Fault::OtherEra(Error::Status(refusal), Shown::Refused)
        }
        other => Fault::Final(other),
    })?;
    let answer: ServerAnswer = serde_json::from_str(&result).map_err(|error| {
        let error = error.to_string();
        let error = session.blotter.blot(&error);
        Fault::Final(failed(format!("the answer to `initialize` cannot be read: {error}")))
    })?;
    check_revision(&session.blotter.blot(&answer.protocol_version))
        .map_err(|error| Fault::OtherEra(error, Shown::Refused))?;
    let mut established = Established::new(
        Era::Session,
        &answer.protocol_version,
        raw(answer.capabilities.as_deref()),
    );
    established.instructions = raw(answer.instructions.as_deref()).and_then(string).map(Into::into);
    established.server_info = raw(answer.server_info.as_deref()).map(Into::into);
    session.agreement.established.set(established).expect("there is one handshake");
    session.tell(method::INITIALIZED, "{}").await.map_err(Fault::Final)?;
    if let Some(http) = session.carrier.http() {
        http.listen();
    }
    Ok(())
}

/// `server/discover` and its answer.
async fn discover(session: &Session, terms: &Terms, silence: Duration) -> Result<(), Fault> {
    let capabilities = terms.declared(Era::Stateless);
    let declared = Declared {
        revision: Revision::LATEST,
        capabilities: &capabilities,
        client_info: Some(IDENTITY),
        log_level: None,
    };
    let params = meta::with(None, &declared);
    let asked = async || {
        let asked = ask(session, method::SERVER_DISCOVER, &params, silence);
        timeout(silence, asked).await.unwrap_or(Err(Error::TimedOut { after: silence }))
    };
    let mut answer = asked().await;
    if let Err(Error::Refused(refusal)) = &answer
        && is_offered(refusal)
    {
        // The revision that it wants is the one that it was asked in.
        answer = asked().await;
    }
    let result = answer.map_err(no_discovery)?;
    let found = Discovery::parse(&result).map_err(|fault| {
        Fault::OtherEra(failed(session.blotter.blot(&fault.to_string())), Shown::Nothing)
    })?;
    let Some(revision) = found.revision() else {
        let older = found.supported.iter().any(|date| Era::of_revision(date) == Era::Session);
        let dates = session.blotter.blot(&found.supported.join(", ")).into_owned();
        let dates = excerpt(dates.as_bytes(), 200);
        let latest = Revision::LATEST.as_str();
        let error =
            failed(format!("the server speaks {dates}, the newest spoken here is {latest}"));
        return Err(if older {
            Fault::OtherEra(error, Shown::Refused)
        } else {
            Fault::Final(error)
        });
    };
    let mut established =
        Established::new(Era::Stateless, revision.as_str(), Some(&found.capabilities));
    established.instructions = found.instructions.map(Into::into);
    established.server_info = found.server_info;
    session.agreement.established.set(established).expect("there is one handshake");
    Ok(())
}

/// What it shows that `server/discover` brought no result.
fn no_discovery(error: Error) -> Fault {
    match error {
        Error::Refused(refusal) => {
            let error = failed(format!("the server refused `server/discover`: {refusal}"));
            let dates = supported_versions(&refusal).unwrap_or_default();
            let has_sessions = dates.iter().any(|date| Era::of_revision(date) == Era::Session);
            let knows = is_of_stateless_server(&refusal) && !has_sessions;
            let shown = if has_sessions { Shown::Refused } else { shown_by(refusal.code) };
            if knows { Fault::Final(error) } else { Fault::OtherEra(error, shown) }
        }
        ended @ (Error::Closed { .. }
        | Error::Unsent { .. }
        | Error::NotReached { .. }
        | Error::NoTls { .. }
        | Error::NotHttp { .. }
        | Error::Abandoned
        | Error::ShuttingDown) => Fault::Final(ended),
        // Servers of the older era refuse what they do not know in ways of their own.
        Error::BadAnswer { reason } => Fault::OtherEra(failed(reason), Shown::Nothing),
        Error::Status(refusal) if is_of_any_era(refusal.status) => {
            Fault::Final(Error::Status(refusal))
        }
        // Over HTTP as well (specification, Versioning, Backward Compatibility).
        Error::Status(refusal) if is_vague(refusal.status) => {
            Fault::OtherEra(Error::Status(refusal), Shown::Refused)
        }
        other => Fault::OtherEra(other, Shown::Nothing),
    }
}

/// What a refusal of `server/discover` by this code says of the era: some are of a server that knows nothing of it, others
/// tell only that something went wrong.
fn shown_by(code: i64) -> Shown {
    match code {
        METHOD_NOT_FOUND | INVALID_REQUEST | INVALID_PARAMS | UNSUPPORTED_PROTOCOL_VERSION => {
            Shown::Refused
        }
        _ => Shown::Nothing,
    }
}

/// Whether this status may say that a method is not known, without a word that says it.
fn is_vague(status: u16) -> bool {
    matches!(status, 400 | 404 | 405 | 415)
}

/// Whether a server says this whatever it is asked: that it wants a login, or has too much to do.
fn is_of_any_era(status: u16) -> bool {
    matches!(status, 401 | 407 | 429 | 503)
}

fn raw(value: Option<&RawValue>) -> Option<&str> {
    value.map(RawValue::get)
}

/// Whether a server that refuses `initialize` in this way may know `server/discover`: it does not know the method, misses
/// what every request of the later era has, or says so.
fn may_be_stateless(refusal: &ErrorObject) -> bool {
    matches!(
        refusal.code,
        METHOD_NOT_FOUND | INVALID_PARAMS | INVALID_REQUEST | UNSUPPORTED_PROTOCOL_VERSION
    ) || is_of_stateless_server(refusal)
}

/// A server may choose a revision that we do not know. What we use of it — tools — has not changed since the
/// first one, so only the era has to fit.
fn check_revision(date: &str) -> Result<(), Error> {
    if Era::of_revision(date) == Era::Stateless {
        let latest = Revision::LATEST_SESSION.as_str();
        let date = excerpt(date.as_bytes(), 40);
        return Err(failed(format!(
            "the server wants revision `{date}` in a session, for which the newest is {latest}"
        )));
    }
    if Revision::parse(date).is_none() {
        tracing::info!("a server chose the unknown revision `{}`", excerpt(date.as_bytes(), 40));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::error::Refusal;

    #[test]
    fn only_the_stateless_era_is_refused() {
        for (date, fine) in [("2024-11-05", true), ("2024-10-07", true), ("2026-07-28", false)] {
            assert_eq!(check_revision(date).is_ok(), fine, "{date}");
        }
    }

    #[test]
    fn only_a_real_answer_shows_that_an_era_is_not_spoken() {
        let check = |error: Error, expected: Option<Shown>| {
            let said = format!("{error:?}");
            let shown = match no_discovery(error) {
                Fault::OtherEra(_, shown) => Some(shown),
                Fault::Final(_) => None,
            };
            assert_eq!(shown, expected, "{said}");
        };
        let refused = |code| Error::Refused(ErrorObject::new(code, "no"));
        for code in [METHOD_NOT_FOUND, INVALID_REQUEST, INVALID_PARAMS] {
            check(refused(code), Some(Shown::Refused));
        }
        check(refused(-32603), Some(Shown::Nothing));
        check(refused(-32000), Some(Shown::Nothing));
        let status = |status| Error::Status(Box::new(Refusal { status, ..Refusal::default() }));
        for code in [400, 404, 405, 415] {
            check(status(code), Some(Shown::Refused));
        }
        for code in [500, 502, 504] {
            check(status(code), Some(Shown::Nothing));
        }
        for code in [401, 429, 503] {
            check(status(code), None);
        }
        check(Error::TimedOut { after: Duration::ZERO }, Some(Shown::Nothing));
        check(Error::Broken { host: "h".into(), reason: "r".into() }, Some(Shown::Nothing));
        check(Error::BadAnswer { reason: "r".to_owned() }, Some(Shown::Nothing));
        check(Error::NotReached { host: "h".into(), reason: "r".into() }, None);
        check(Error::Closed { last: Box::default() }, None);
    }

    #[test]
    fn a_refusal_shows_whether_to_try_the_other_era() {
        for (code, expected) in
            [(-32601, true), (-32602, true), (-32022, true), (-32021, true), (-32000, false)]
        {
            assert_eq!(may_be_stateless(&ErrorObject::new(code, "no")), expected, "{code}");
        }
    }
}
