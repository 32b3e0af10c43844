//! Why there is no token, as people and agents are told.

use super::assertion::KeyError;
use super::discovery::DiscoveryError;
use super::endpoint::EndpointError;
use super::fetcher::FetchError;
use super::grants::GrantError;
use super::registration::RegistrationError;
use super::store::StoreError;
use crate::base::unicode;

/// Why there is no token. No variant holds a token, a code or a client's secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The user has to log in.
    #[error("`{server}` needs a login: {reason}; run `{command}`{}", asked(scopes))]
    LoginNeeded {
        /// The server's name in the config.
        server: String,
        /// Why there is no way without the user.
        reason: Reason,
        /// What to run.
        command: String,
        /// What the new token has to be good for, where the one that is there is not good for enough.
        scopes: Vec<String>,
    },
    /// The token is not good for this, although the login asked for it: another one like it would end the same way.
    #[error(
        "`{server}` does not allow this: it asks for `{}`, which the last login has asked for as well; log in with an \
         account that has it, or again once this one has",
        scopes.join(" ")
    )]
    Withheld {
        /// The server's name in the config.
        server: String,
        /// What the token would have to be good for.
        scopes: Vec<String>,
    },
    /// The server names another authorization server than the one that the client's secret went to.
    #[error(
        "`{server}` names `{now}` for its tokens, and `auth.clientSecret` went to `{before}` so far: it is not sent \
         elsewhere by itself; where this is meant to be, run `{command}`"
    )]
    Moved {
        /// The server's name in the config.
        server: String,
        /// The host that has seen the secret.
        before: String,
        /// The host that would see it.
        now: String,
        /// What makes the bridge forget the former.
        command: String,
    },
    /// It cannot be found out where to log in.
    #[error("no way to log in to `{server}` was found: {error}")]
    Discovery {
        /// The server's name in the config.
        server: String,
        /// Why.
        error: Box<DiscoveryError>,
    },
    /// An endpoint in the config that is not used.
    #[error("the login of `{server}` is configured with an endpoint that is not used: {error}")]
    Endpoint {
        /// The server's name in the config.
        server: String,
        /// Why.
        error: Box<EndpointError>,
    },
    /// The authorization server does not know us.
    #[error("the bridge has no client id for `{server}`: {error}")]
    Registration {
        /// The server's name in the config.
        server: String,
        /// Why.
        error: Box<RegistrationError>,
    },
    /// The authorization server gave no token.
    #[error("there is no token for `{server}`: {error}")]
    Grant {
        /// The server's name in the config.
        server: String,
        /// Why.
        error: Box<GrantError>,
    },
    /// The private key in the config is none that the bridge can sign with.
    #[error("`auth.privateKey` of `{server}` cannot be used: {error}")]
    Key {
        /// The server's name in the config.
        server: String,
        /// Why.
        error: KeyError,
    },
    /// Tokens could not be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What came back from the browser is not the answer to what was asked.
    #[error("the answer from the browser is not used: {0}")]
    Answer(#[from] AnswerError),
    /// The user has not logged in in time.
    #[error("nobody has logged in to `{server}` within {minutes} minutes; run `{command}` again")]
    Late {
        /// The server's name in the config.
        server: String,
        /// How long it was waited.
        minutes: u64,
        /// What to run.
        command: String,
    },
    /// The port for the browser's return cannot be had.
    #[error(
        "the browser cannot return to port {port} of this machine: {reason}; choose another `auth.callbackPort`"
    )]
    Port {
        /// The port; 0 for any.
        port: u16,
        /// What the system says.
        reason: String,
    },
    /// The bridge ended while it was renewing a token.
    #[error("the login of `{server}` was interrupted")]
    Interrupted {
        /// The server's name in the config.
        server: String,
    },
    /// The authorization server has no such way of logging in.
    #[error("`{issuer}` {missing}")]
    Unsupported {
        /// The authorization server.
        issuer: String,
        /// What it lacks.
        missing: &'static str,
    },
}

/// Why the user has to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nobody has yet.
    NoToken,
    /// It is too old, and cannot be renewed.
    Expired,
    /// The server refuses the token, and it cannot be renewed, or that did not help.
    Refused,
    /// The authorization server refuses to renew it.
    RenewalRefused,
    /// The token is good, but not for this.
    Scope,
}

/// Why what came back from the browser is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is neither an address nor a code.
    #[error("there is no code in it")]
    NoCode,
    /// It answers another question (RFC 6749, Section 10.12).
    #[error("its `state` is not the one of this login")]
    State,
    /// It comes from another authorization server (RFC 9207).
    #[error("it names the issuer `{found}`, and the login was at `{expected}`")]
    Issuer {
        /// Whom it names; nothing if nobody.
        found: String,
        /// Who was asked.
        expected: String,
    },
    /// The user, or the authorization server, said no.
    #[error("the authorization server says `{code}`{}", said(description))]
    Denied {
        /// The error code (RFC 6749, Section 4.1.2.1).
        code: String,
        /// Its words, cleaned.
        description: String,
    },
}

impl LoginError {
    /// The command that helps, for a hint.
    pub fn command(&self) -> Option<&str> {
        match self {
            Self::LoginNeeded { command, .. } | Self::Late { command, .. } => Some(command),
            _ => None,
        }
    }

    /// Whether there is a token, and it is not good for this.
    pub fn lacks_scope(&self) -> bool {
        matches!(self, Self::LoginNeeded { reason: Reason::Scope, .. } | Self::Withheld { .. })
    }

    /// Whether the user has to log in.
    pub fn is_login_needed(&self) -> bool {
        matches!(self, Self::LoginNeeded { .. })
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::NoToken => "nobody has logged in yet",
            Self::Expired => "the token has expired and cannot be renewed",
            Self::Refused => "the server refuses the token, and there is no better one",
            Self::RenewalRefused => "the token is no longer good, and its renewal was refused",
            Self::Scope => "the token does not allow this",
        })
    }
}

impl From<FetchError> for DiscoveryError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

fn asked(scopes: &[String]) -> String {
    if scopes.is_empty() { String::new() } else { format!(" (it asks for `{}`)", scopes.join(" ")) }
}

pub(super) fn said(description: &str) -> String {
    if description.is_empty() { String::new() } else { format!(": {description}") }
}

/// Words of a server in an error: one line, not long.
pub(super) fn cleaned(text: &str) -> String {
    const MOST: usize = 200;
    let is_shown = |letter: &char| {
        !letter.is_control() && !unicode::unseen(*letter) && !unicode::deceptive(*letter)
    };
    text.chars().filter(is_shown).take(MOST).collect()
}
