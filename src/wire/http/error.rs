//! Why an exchange did not come to its end, told by what went wrong below HTTP.

use std::io;

use super::client::CONNECT_LIMIT;
use crate::wire::pool;

/// Why an exchange did not come to its end. None of these tells the URL, which may hold a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No connection, so nothing was sent.
    #[error("`{host}` cannot be reached: {reason}")]
    NotReached {
        /// Host and port.
        host: String,
        /// What the system or the peer said.
        reason: String,
    },
    /// The URL says TLS and the port does not speak it, so nothing was sent.
    #[error("`{host}` does not speak TLS")]
    NoTls {
        /// Host and port.
        host: String,
    },
    /// The URL says plain HTTP and what comes from the port is none, as from one that speaks TLS only.
    #[error("`{host}` does not answer in plain HTTP: {reason}")]
    NotHttp {
        /// Host and port.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It broke after something may have been sent.
    #[error("the connection to `{host}` broke: {reason}")]
    Broken {
        /// Host and port.
        host: String,
        /// What the system or the peer said.
        reason: String,
    },
    /// The body is larger than it may be.
    #[error("more than {limit} bytes came from `{host}` in one message")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The most bytes that were wanted.
        limit: usize,
    },
}

pub(super) fn failure(host: &str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    // In a connection that was set up the same goes wrong too late: a request may have been sent.
    if error.is_connect() && is_no_tls(&error) {
        return Error::NoTls { host: host.to_owned() };
    }
    let (host, reason) = (host.to_owned(), reason(&error));
    if error.is_connect() {
        Error::NotReached { host, reason }
    } else {
        Error::Broken { host, reason }
    }
}

pub(super) fn unanswered(host: &str, failed: pool::Failure) -> Error {
    let not_reached = |reason| Error::NotReached { host: host.to_owned(), reason };
    match failed {
        pool::Failure::Late => not_reached(no_connection()),
        pool::Failure::NotReached(error) => not_reached(innermost(&*error)),
        pool::Failure::Broken(error) if error.is_parse() => {
            Error::NotHttp { host: host.to_owned(), reason: innermost(&error) }
        }
        pool::Failure::Broken(error) => broken(host, &error),
    }
}

/// Whether the peer answered the handshake of TLS with something else. Errors of the system hide those that they wrap from
/// the chain of causes.
fn is_no_tls(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidMessage(_)) = cause.downcast_ref() {
            return true;
        }
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    false
}

pub(super) fn broken(host: &str, error: &hyper::Error) -> Error {
    Error::Broken { host: host.to_owned(), reason: innermost(error) }
}

pub(super) fn reason(error: &reqwest::Error) -> String {
    if error.is_connect() && error.is_timeout() { no_connection() } else { innermost(error) }
}

fn no_connection() -> String {
    format!("no connection within {} s", CONNECT_LIMIT.as_secs())
}

/// The innermost cause: those around it only say that something was sent or connected.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
