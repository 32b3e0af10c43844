//! Why an upstream did not do what was asked. The error itself knows whether the call can have run.

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

pub use super::last_words::{LastWords, UnsetVariable};
use crate::oauth::LoginError;
use crate::protocol::error::ErrorObject;

/// What a call without an answer means for whoever made it.
const MAY_HAVE_RUN: &str = "the call may have run: the server got it and gave no answer, so if it changes something, \
                            see whether it did before you repeat it";

/// The outcome of a call that brought no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no such program.
    #[error("the command `{command}` was not found on PATH{}", remedy(.command))]
    CommandNotFound {
        /// As configured.
        command: String,
    },
    /// The configured working folder does not exist.
    #[error("there is no folder `{folder}` (`cwd`)")]
    FolderMissing {
        /// As configured.
        folder: String,
    },
    /// The program could not be started for another reason.
    #[error("the command `{command}` could not be started: {source}")]
    Spawn {
        /// As configured.
        command: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// It ended before the handshake was done; missing credentials are the usual cause.
    #[error("the server ended during its start ({last})")]
    EndedAtStart {
        /// How it ended and what it said.
        last: Box<LastWords>,
    },
    /// It answered the handshake in a way that no session can follow.
    #[error("the handshake failed: {reason}")]
    Handshake {
        /// What was wrong with the answer.
        reason: String,
    },
    /// It has not finished its start within `connectionTimeoutMs`; the start goes on.
    #[error("the server has not finished starting after {} ms ({last})", .after.as_millis())]
    StillStarting {
        /// How long the caller waited.
        after: Duration,
        /// What it said meanwhile.
        last: Box<LastWords>,
    },
    /// It was given up after the longest start that the bridge allows.
    #[error("{}", given_up(*.after, .last))]
    NeverStarted {
        /// How long it was waited for.
        after: Duration,
        /// What it said meanwhile.
        last: Box<LastWords>,
    },
    /// A connect failed a moment ago and is not tried again yet.
    #[error("{error} (not tried again for {} s)", .left.as_secs() + 1)]
    CoolingDown {
        /// Why it failed.
        error: Arc<Error>,
        /// How long until the next attempt.
        left: Duration,
    },
    /// The connection broke while the request was under way, which may have run.
    #[error("the server's connection closed ({last})")]
    Closed {
        /// How it ended and what it said.
        last: Box<LastWords>,
    },
    /// The connection had closed before the request was sent.
    #[error("{error}")]
    Unsent {
        /// Why it closed.
        error: Arc<Error>,
    },
    /// All its sessions that could be lent to the call stayed with others.
    #[error("all {} ms long, calls of other clients kept every session with the server", .after.as_millis())]
    Busy {
        /// How long the caller waited.
        after: Duration,
    },
    /// The server could not be reached over HTTP; nothing was sent.
    #[error("`{host}` cannot be reached: {reason}")]
    NotReached {
        /// Host and port; the rest of the URL may be secret.
        host: Box<str>,
        /// What the system or the peer said.
        reason: Box<str>,
    },
    /// `url` says TLS and the port does not speak it; nothing was sent.
    #[error("`{host}` does not speak TLS")]
    NoTls {
        /// Host and port.
        host: Box<str>,
    },
    /// `url` says plain HTTP and what comes from the port is none.
    #[error("`{host}` does not answer in plain HTTP: {reason}")]
    NotHttp {
        /// Host and port.
        host: Box<str>,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// Its entry says the older transport, and nothing of it is there. No call was sent.
    #[error("`{host}` does not speak the older HTTP transport (`sse`): {reason}")]
    NotOlder {
        /// Host and port.
        host: Box<str>,
        /// What shows it.
        reason: Box<str>,
    },
    /// The HTTP connection broke while the request was under way, which may have run.
    #[error("the connection to `{host}` broke: {reason}")]
    Broken {
        /// Host and port.
        host: Box<str>,
        /// What the system or the peer said.
        reason: Box<str>,
    },
    /// The server answered with an HTTP status that stands for no answer.
    #[error("{0}")]
    Status(Box<Refusal>),
    /// There is no token for the server, or none that is good enough; the call did not run.
    #[error("{}", told(.0))]
    Login(Box<LoginError>),
    /// The server has forgotten the session, as one does that was started anew.
    #[error("`{host}` no longer knows the session")]
    SessionLost {
        /// Host and port.
        host: Box<str>,
    },
    /// No answer and no progress came in time; the request was cancelled but may have run.
    #[error("no answer within {} ms", .after.as_millis())]
    TimedOut {
        /// How long the server was silent.
        after: Duration,
    },
    /// The server answered with a JSON-RPC error.
    #[error("{0}")]
    Refused(ErrorObject),
    /// The server answered with something that is no answer.
    #[error("the server's answer cannot be used: {reason}")]
    BadAnswer {
        /// What is wrong with it.
        reason: String,
    },
    /// The start hung and was given up, because somebody asked for another one.
    #[error("its start hung and was given up for a new one")]
    Abandoned,
    /// The bridge is ending.
    #[error("the bridge is shutting down")]
    ShuttingDown,
}

impl Error {
    /// Whether the request surely never reached the server's tool, so that it may be sent again whatever it does.
    pub fn is_retryable(&self) -> bool {
        !self.may_have_run()
    }

    /// Whether the request may be sent again in this moment: it did not reach the tool, and the server did not ask to be
    /// left alone.
    pub fn is_retryable_at_once(&self) -> bool {
        !self.may_have_run() && !matches!(self, Self::Status(_) | Self::Login(_))
    }

    /// Whether nothing helps but the user's login.
    pub fn is_login_needed(&self) -> bool {
        match self {
            Self::Login(error) => error.is_login_needed(),
            Self::CoolingDown { error, .. } | Self::Unsent { error } => error.is_login_needed(),
            _ => false,
        }
    }

    /// Whether there is a token, and it is not good for this.
    pub fn lacks_scope(&self) -> bool {
        matches!(self, Self::Login(login) if login.lacks_scope())
    }

    /// Whether the request may have reached the server's tool.
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::CommandNotFound { .. }
            | Self::FolderMissing { .. }
            | Self::Spawn { .. }
            | Self::EndedAtStart { .. }
            | Self::Handshake { .. }
            | Self::StillStarting { .. }
            | Self::NeverStarted { .. }
            | Self::CoolingDown { .. }
            | Self::Unsent { .. }
            | Self::Busy { .. }
            | Self::NotReached { .. }
            | Self::NoTls { .. }
            | Self::NotOlder { .. }
            | Self::Login(_)
            | Self::Abandoned => false,
            // Whoever answers so has not begun (RFC 6585, Section 4), nor is anything called at the start.
            Self::Status(refusal) => !refusal.at_start && refusal.status != 429,
            Self::Closed { .. }
            | Self::Broken { .. }
            | Self::NotHttp { .. }
            | Self::SessionLost { .. }
            | Self::TimedOut { .. }
            | Self::Refused(_)
            | Self::BadAnswer { .. }
            | Self::ShuttingDown => true,
        }
    }

    /// What the reader of the message can do about it, where the bridge knows.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::CoolingDown { error, .. } => error.hint(),
            Self::Unsent { error } => match &**error {
                // What did not reach the server did not run.
                Self::Closed { last } => last.hint(),
                Self::Broken { .. } | Self::SessionLost { .. } => None,
                error => error.hint(),
            },
            Self::EndedAtStart { last } => last.hint(),
            Self::Status(refusal) => refusal.hint(),
            Self::Login(error) => error.command().map(|command| {
                format!("the owner of the bridge logs in with `{command}`; the next call has the login then")
            }),
            Self::NotReached { .. } => Some(
                "check `url`, `http://` or `https://` included, and whether the server runs; a proxy is taken from \
                 `HTTPS_PROXY` and `NO_PROXY`"
                    .to_owned(),
            ),
            Self::NoTls { .. } => Some(
                "write `http://` in `url` if nobody else shares the way to the server, or give the port that speaks TLS"
                    .to_owned(),
            ),
            Self::NotHttp { .. } => {
                Some("a port that speaks TLS wants `https://` in `url`; else check the port".to_owned())
            }
            Self::NotOlder { .. } => Some(
                "`\"transport\": \"streamable-http\"` fits if `url` is the address of an MCP endpoint".to_owned(),
            ),
            Self::Broken { .. } | Self::SessionLost { .. } => Some(MAY_HAVE_RUN.to_owned()),
            Self::Closed { last } => last.hint().or_else(|| Some(MAY_HAVE_RUN.to_owned())),
            Self::StillStarting { last, .. } | Self::NeverStarted { last, .. } if last.remote => Some(
                "check `url` and whether the server runs; one that is slow to answer may need a higher \
                 `connectionTimeoutMs`"
                    .to_owned(),
            ),
            Self::StillStarting { .. } | Self::NeverStarted { .. } => Some(
                "a first start may be downloading the server and goes on: try again in a moment; a server that \
                 frames messages with Content-Length from the first one on needs `\"framing\": \"lsp\"`"
                    .to_owned(),
            ),
            Self::TimedOut { .. } => {
                Some(format!("{MAY_HAVE_RUN}; raise `requestTimeoutMs` if this tool takes longer"))
            }
            _ => None,
        }
    }
}

/// An HTTP status that stands for no answer, and what came with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Host and port.
    pub host: String,
    /// The status code.
    pub status: u16,
    /// The beginning of the body, secrets blotted out.
    pub said: String,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The host that it redirects to.
    pub redirects_to: Option<String>,
    /// It says that its port is for TLS.
    pub wants_tls: bool,
    /// It came before there was any call.
    pub at_start: bool,
    /// The server's name in the config, where it says that one can log in to it (RFC 9728, Section 5.1).
    pub login: Option<String>,
}

impl Refusal {
    fn hint(&self) -> Option<String> {
        if let (401, Some(server)) = (self.status, &self.login) {
            return Some(format!(
                "it wants a login: give its entry `\"auth\": {{\"type\": \"oauth2\"}}`, then run `bridge auth login \
                 {server}`"
            ));
        }
        Some(match (self.status, self.retry_after) {
            (300..=399, _) => {
                "put the address that it redirects to into `url`: redirects are followed only where nothing but the \
                 path changes and a POST stays one"
                    .to_owned()
            }
            (401, _) => {
                "it wants a login: give its entry `\"auth\": {\"type\": \"bearer\", \"token\": \"${NAME}\"}` or the \
                 `headers` that its documentation names, or renew the token; for a login in the browser it is `\"auth\": \
                 {\"type\": \"oauth2\"}` and `bridge auth login`"
                    .to_owned()
            }
            (403, _) => "the token or key in its entry does not permit this".to_owned(),
            (407, _) => "the proxy wants a login: put it into `HTTPS_PROXY`".to_owned(),
            (404 | 405, _) => {
                "check `url`: it is the address of the MCP endpoint itself, which often ends in `/mcp` or `/sse`"
                    .to_owned()
            }
            (429 | 503, Some(wait)) => format!("try again in {} s", wait.as_secs().max(1)),
            (429 | 503, None) => "try again later".to_owned(),
            (400, _) if self.wants_tls => {
                "the port speaks TLS: write `https://` in `url`".to_owned()
            }
            (500.., _) if self.at_start => {
                "nothing was called yet: the server failed over the first request of the bridge, and its own log says \
                 why"
                    .to_owned()
            }
            (500.., _) => format!("{MAY_HAVE_RUN}; the server's own log says why it failed"),
            _ => return None,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` answered with HTTP status {}", self.host, self.status)?;
        if let Some(host) = &self.redirects_to {
            write!(formatter, ", a redirect to `{host}`")?;
        }
        if !self.said.is_empty() {
            write!(formatter, ": {}", self.said)?;
        }
        Ok(())
    }
}

/// The command stands in the hint.
fn told(error: &LoginError) -> String {
    match error {
        LoginError::LoginNeeded { reason, scopes, .. } if scopes.is_empty() => {
            format!("login needed: {reason}")
        }
        LoginError::LoginNeeded { reason, scopes, .. } => {
            format!("login needed: {reason} (it asks for `{}`)", scopes.join("`, `"))
        }
        error => error.to_string(),
    }
}

fn given_up(after: Duration, last: &LastWords) -> String {
    let after = after.as_secs();
    if last.remote {
        format!("the server did not answer within {after} s and was given up")
    } else {
        format!("the server did not finish its start within {after} s and was stopped ({last})")
    }
}

/// How to get the runtimes that servers are usually started with.
fn remedy(command: &str) -> &'static str {
    match command {
        line if line.contains(' ') => ": arguments belong into `args`, each by itself",
        "npx" | "npm" | "node" => {
            ": install Node.js (https://nodejs.org), or set `PATH` under `env` to the folder that has it"
        }
        "uvx" | "uv" => ": install uv (https://docs.astral.sh/uv), or give the full path",
        "python" | "python3" | "pipx" => {
            ": install Python (https://www.python.org), or give the full path"
        }
        "docker" | "podman" => ": install and start it, or give the full path",
        _ => ": install it, correct `command`, or give the full path",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::oauth::Reason;

    #[test]
    fn hints_name_the_missing_variable_and_the_remedy() {
        let unset =
            |name: &str, known_to_bridge| UnsetVariable { name: name.to_owned(), known_to_bridge };
        let last = LastWords {
            status: "exit code 1".to_owned(),
            stderr: vec!["Error: API_KEY is required".to_owned()],
            unset: vec![unset("API_KEY", false), unset("API_URL", false)],
            ..LastWords::default()
        };
        let error = Error::EndedAtStart { last: Box::new(last) };
        assert_eq!(
            error.to_string(),
            "the server ended during its start (exit code 1; stderr: Error: API_KEY is required)"
        );
        let hint = error.hint().expect("a variable is missing");
        assert!(hint.contains("`API_KEY=…`") && hint.contains("(also `API_URL`)"), "{hint}");
    }

    #[test]
    fn who_gave_no_answer_by_url_was_not_stopped() {
        let given_up = |remote| {
            let last = Box::new(LastWords { remote, ..LastWords::default() });
            Error::NeverStarted { after: Duration::from_secs(30), last }
        };
        let remote = given_up(true);
        assert_eq!(remote.to_string(), "the server did not answer within 30 s and was given up");
        assert!(remote.hint().is_some_and(|hint| hint.contains("`url`")));
        assert!(given_up(false).to_string().contains("was stopped (still running"));
    }

    fn login_needed() -> LoginError {
        LoginError::LoginNeeded {
            server: "notes".to_owned(),
            reason: Reason::NoToken,
            command: "bridge auth login notes".to_owned(),
            scopes: Vec::new(),
        }
    }

    #[test]
    fn a_login_is_hinted_at_whatever_it_is_wrapped_in() {
        let error = Arc::new(Error::Login(Box::new(login_needed())));
        let error = Error::CoolingDown { error, left: Duration::ZERO };
        assert!(error.is_login_needed());
        assert!(error.hint().is_some_and(|hint| hint.contains("`bridge auth login notes`")));
        assert!(!Error::Abandoned.is_login_needed());
    }

    /// How many kinds of errors there are.
    const KINDS: usize = 24;

    /// Which kind of error it is. A new one needs a number here, and its place in the table below.
    fn kind(error: &Error) -> usize {
        match error {
            Error::CommandNotFound { .. } => 0,
            Error::FolderMissing { .. } => 1,
            Error::Spawn { .. } => 2,
            Error::EndedAtStart { .. } => 3,
            Error::Handshake { .. } => 4,
            Error::StillStarting { .. } => 5,
            Error::NeverStarted { .. } => 6,
            Error::CoolingDown { .. } => 7,
            Error::Closed { .. } => 8,
            Error::Unsent { .. } => 9,
            Error::Busy { .. } => 10,
            Error::NotReached { .. } => 11,
            Error::Broken { .. } => 12,
            Error::Status(_) => 13,
            Error::SessionLost { .. } => 14,
            Error::TimedOut { .. } => 15,
            Error::Refused(_) => 16,
            Error::BadAnswer { .. } => 17,
            Error::Abandoned => 18,
            Error::ShuttingDown => 19,
            Error::NoTls { .. } => 20,
            Error::NotOlder { .. } => 21,
            Error::NotHttp { .. } => 22,
            Error::Login(_) => 23,
        }
    }

    #[test]
    fn only_a_call_that_was_sent_may_have_run() {
        let check = |error: &Error, expected: bool| {
            let told = error.hint().is_some_and(|hint| hint.contains("may have run"));
            assert_eq!(told, expected, "{error:?} {:?}", error.hint());
        };
        let status = |at_start| {
            Error::Status(Box::new(Refusal { status: 500, at_start, ..Refusal::default() }))
        };
        let lost = Error::SessionLost { host: "h".into() };
        check(&lost, true);
        check(&Error::Unsent { error: Arc::new(lost) }, false);
        let closed = Error::Closed { last: Box::default() };
        check(&closed, true);
        check(&Error::Unsent { error: Arc::new(closed) }, false);
        check(&status(false), true);
        check(&status(true), false);
        check(&Error::TimedOut { after: Duration::ZERO }, true);
        let start = status(true).hint();
        assert!(start.is_some_and(|hint| hint.contains("nothing was called")));
    }

    #[test]
    fn only_what_cannot_have_run_may_be_sent_again() {
        let mut seen = BTreeSet::new();
        let mut check = |error: Error, may_have_run: bool, at_once: bool| {
            assert_eq!(error.may_have_run(), may_have_run, "{error:?}");
            assert_eq!(error.is_retryable(), !may_have_run, "{error:?}");
            assert_eq!(error.is_retryable_at_once(), at_once, "{error:?}");
            seen.insert(kind(&error));
        };
        let (after, last) = (Duration::ZERO, Box::<LastWords>::default());
        let (host, reason) = (Box::<str>::from("h"), Box::<str>::from("r"));
        let command = "npx".to_owned();
        let source = Arc::new(io::Error::other("no"));
        let error = Arc::new(Error::Closed { last: last.clone() });
        check(Error::CommandNotFound { command: command.clone() }, false, true);
        check(Error::FolderMissing { folder: "/x".to_owned() }, false, true);
        check(Error::Spawn { command, source }, false, true);
        check(Error::EndedAtStart { last: last.clone() }, false, true);
        check(Error::Handshake { reason: String::new() }, false, true);
        check(Error::StillStarting { after, last: last.clone() }, false, true);
        check(Error::NeverStarted { after, last: last.clone() }, false, true);
        check(Error::CoolingDown { error: error.clone(), left: after }, false, true);
        check(Error::Closed { last }, true, false);
        check(Error::Unsent { error }, false, true);
        check(Error::Busy { after }, false, true);
        check(Error::NotReached { host: host.clone(), reason: reason.clone() }, false, true);
        check(Error::NoTls { host: host.clone() }, false, true);
        check(Error::NotOlder { host: host.clone(), reason: reason.clone() }, false, true);
        check(Error::NotHttp { host: host.clone(), reason: reason.clone() }, true, false);
        check(Error::Broken { host: host.clone(), reason }, true, false);
        let at_start = Refusal { status: 500, at_start: true, ..Refusal::default() };
        check(Error::Status(Box::new(at_start)), false, false);
        for (status, may_have_run) in [(429, false), (500, true), (502, true), (503, true)] {
            let refusal = Refusal { status, ..Refusal::default() };
            check(Error::Status(Box::new(refusal)), may_have_run, false);
        }
        check(Error::SessionLost { host }, true, false);
        check(Error::TimedOut { after }, true, false);
        check(Error::Refused(ErrorObject::new(-32000, "no")), true, false);
        check(Error::BadAnswer { reason: String::new() }, true, false);
        check(Error::Login(Box::new(login_needed())), false, false);
        check(Error::Abandoned, false, true);
        check(Error::ShuttingDown, true, false);
        assert_eq!(seen, (0..KINDS).collect(), "each kind has its place in the table");
    }
}
