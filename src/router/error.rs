//! Why a request of the `mcp` tool has no result, in the contract's words.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::access;
use crate::base::text::nearest;
use crate::config::edit;
use crate::telemetry::logging::excerpt;
use crate::{select, upstream};

/// At most this many names are offered instead of an unknown one.
pub(super) const MAX_AVAILABLE: usize = 20;

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No configured server has this name.
    #[error("unknown server `{}`", short(.name))]
    UnknownServer {
        /// As asked for.
        name: String,
        /// Servers that there are, the nearest name first.
        available: Vec<String>,
    },
    /// The server, or none of them, has no tool of this name that may be called.
    #[error("unknown tool `{}`{}", short(.tool), on(.server.as_deref()))]
    UnknownTool {
        /// Where it was looked for, if not everywhere.
        server: Option<String>,
        /// As asked for.
        tool: String,
        /// Tools that there are, the nearest name first.
        available: Vec<String>,
        /// Servers that could not be asked, when all were to be.
        unreachable: Vec<String>,
    },
    /// The server has the tool, and it may not be called.
    #[error("tool `{}` of server `{server}` is withheld: {reason}", short(.tool))]
    Denied {
        /// Whose tool it is.
        server: String,
        /// The tool.
        tool: String,
        /// Why.
        reason: String,
        /// What its owner can do.
        remedy: String,
    },
    /// The server is configured and cannot be served, so it was never started.
    #[error("server `{server}` is not in use: {reason}")]
    LeftOut {
        /// Its name.
        server: String,
        /// What is wrong with its entry.
        reason: String,
    },
    /// The request itself is wrong.
    #[error("{reason}")]
    InvalidParams {
        /// What is wrong.
        reason: String,
        /// How it would be right.
        hint: Option<String>,
    },
    /// The server has had its calls, or they cannot be counted.
    #[error(transparent)]
    RateLimited(Arc<access::Refused>),
    /// The upstream failed.
    #[error("server `{server}`: {said}{}", after(*.retries))]
    Upstream {
        /// Which one.
        server: String,
        /// What it or the bridge says about it, fit for the model.
        said: String,
        /// It is not trusted, so its words are marked.
        untrusted: bool,
        /// How.
        source: upstream::Error,
        /// How the tool wants to be called, where the server refused the arguments.
        signature: Option<String>,
        /// Tries beyond the first.
        retries: u32,
    },
    /// A call of a batch that needs the result of another one.
    #[error("not called: `{id}`, which its `params` refer to, failed")]
    Dependency {
        /// The other one.
        id: String,
    },
    /// A jq filter has a fault, or cannot be applied.
    #[error("`select`: {said}")]
    Filter {
        /// What is to be said about it, fit for the model: it may quote the value.
        said: String,
        /// Which, and where.
        source: select::Error,
        /// Where the result is kept, if the call was made already.
        kept: Option<String>,
    },
    /// Agents may not do this here.
    #[error("agents may not `{action}` here")]
    NotAllowed {
        /// The action.
        action: &'static str,
    },
    /// The config turns this off.
    #[error("`{action}` is turned off")]
    Off {
        /// The action.
        action: &'static str,
        /// The key of the config.
        key: &'static str,
    },
    /// A recipe would do something that its owner has to agree to.
    #[error("what `{recipe}` would do has to be seen and agreed to, which agents cannot")]
    Consent {
        /// The recipe.
        recipe: String,
    },
    /// The config cannot be changed so.
    #[error("{}", chain(.0))]
    Edit(edit::Error),
    /// No tool has anything in common with an intent.
    #[error("no tool has anything to do with this intent")]
    NoMatch {
        /// Servers of whose tools nothing is known.
        unreachable: Vec<String>,
    },
    /// What is asked for is not there any more, or never was.
    #[error("{what}")]
    NotFound {
        /// In words.
        what: String,
        /// What to do instead.
        hint: Option<String>,
    },
}

fn did_you_mean(name: &str, available: &[String]) -> Option<String> {
    let near = nearest(name, available.iter().map(String::as_str))?;
    Some(format!("did you mean `{near}`?"))
}

fn short(name: &str) -> String {
    excerpt(name.as_bytes(), 128)
}

fn on(server: Option<&str>) -> String {
    server.map_or_else(|| " on any server".to_owned(), |server| format!(" on server `{server}`"))
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn after(retries: u32) -> String {
    if retries == 0 { String::new() } else { format!(" (tried {} times)", retries + 1) }
}

/// An error as the model reads it.
#[derive(Debug, Serialize)]
pub(super) struct Answer<'a> {
    error: &'static str,
    message: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    available: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Where the message holds words of a server that is not trusted.
    #[serde(rename = "_trust", skip_serializing_if = "Option::is_none")]
    trust: Option<&'static str>,
}

impl Error {
    /// A request that is wrong.
    pub(super) fn invalid(reason: impl Into<String>) -> Self {
        Self::InvalidParams { reason: reason.into(), hint: None }
    }

    /// Something that is not there.
    pub(super) fn missing(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into(), hint: None }
    }

    /// Says what another error says about how it would be right.
    pub(super) fn with_hint_of(self, other: &Self) -> Self {
        match other.hint() {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// Says how it would be right.
    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::InvalidParams { reason, .. } => {
                Self::InvalidParams { reason, hint: Some(hint.into()) }
            }
            Self::NotFound { what, .. } => Self::NotFound { what, hint: Some(hint.into()) },
            other => other,
        }
    }

    /// The contract's name for this kind of error.
    pub fn code(&self) -> &'static str {
        use upstream::Error as Upstream;
        match self {
            Self::UnknownServer { .. } | Self::Edit(edit::Error::UnknownServer { .. }) => {
                "unknown_server"
            }
            Self::UnknownTool { .. } => "unknown_tool",
            Self::LeftOut { .. } | Self::Filter { source: select::Error::Unavailable(_), .. } => {
                "connection_failed"
            }
            // The files cannot be changed, whatever was asked for.
            Self::NotAllowed { .. }
            | Self::Off { .. }
            | Self::Consent { .. }
            | Self::Denied { .. }
            | Self::Edit(edit::Error::File(_) | edit::Error::Config(_)) => "denied",
            Self::InvalidParams { .. }
            | Self::Dependency { .. }
            | Self::Filter { .. }
            | Self::Edit(_) => "invalid_params",
            Self::NoMatch { .. } | Self::NotFound { .. } => "not_found",
            Self::RateLimited(_) => "rate_limited",
            Self::Upstream { source, .. } => match source {
                Upstream::Refused(_) | Upstream::BadAnswer { .. } => "mcp_error",
                // The server was reached and says no.
                error if error.lacks_scope() => "mcp_error",
                Upstream::TimedOut { .. } => "timed_out",
                _ => "connection_failed",
            },
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownTool { unreachable, .. } | Self::NoMatch { unreachable, .. }
                if !unreachable.is_empty() =>
            {
                Some(format!("these servers could not be asked: {}", unreachable.join(", ")))
            }
            Self::NoMatch { .. } => Some(
                "say what is to be done in other words; action `list` shows all servers".to_owned(),
            ),
            Self::UnknownServer { name, available } => did_you_mean(name, available),
            Self::UnknownTool { tool, available, .. } => did_you_mean(tool, available),
            Self::LeftOut { .. } => {
                Some("correct its entry in the config".to_owned())
            }
            Self::InvalidParams { hint, .. } | Self::NotFound { hint, .. } => hint.clone(),
            Self::NotAllowed { .. } => Some(
                "the owner of the bridge can, on the command line, or allow agents to with `\"agentAdmin\": true` in \
                 the config"
                    .to_owned(),
            ),
            Self::Off { key, .. } => {
                Some(format!("the owner of the bridge has `\"{key}\": false` in the config"))
            }
            Self::Consent { recipe } => Some(format!(
                "the owner of the bridge can, on the command line: `bridge install {recipe}`"
            )),
            Self::Edit(edit::Error::UnknownServer { name, nearest, .. }) => {
                did_you_mean(name, nearest)
            }
            Self::Denied { remedy, .. } => Some(remedy.clone()),
            Self::Filter { kept: Some(id), .. } => Some(format!(
                "the call was made, do not make it again: its result is kept for {{\"action\": \"read\", \"id\": \
                 \"{id}\"}}, with another `select` or without"
            )),
            Self::Filter { kept: None, .. } | Self::Dependency { .. } | Self::Edit(_) => None,
            Self::RateLimited(refused) => Some(refused.hint()),
            Self::Upstream { signature: Some(signature), .. } => {
                Some(format!("the tool is called as {signature}"))
            }
            Self::Upstream { source, .. } => source.hint(),
        }
    }

    pub(super) fn answer(&self) -> Answer<'_> {
        let (code, data) = match self {
            Self::Upstream { source: upstream::Error::Refused(error), .. } => {
                (Some(error.code), error.data.as_deref())
            }
            _ => (None, None),
        };
        let available = match self {
            Self::UnknownServer { available, .. } | Self::UnknownTool { available, .. } => {
                available
            }
            Self::Edit(edit::Error::UnknownServer { nearest, .. }) => nearest,
            _ => &[][..],
        };
        let hint = self.hint();
        let trust = match self {
            Self::Upstream { untrusted: true, .. } => Some("untrusted"),
            _ => None,
        };
        Answer { error: self.code(), message: self.to_string(), available, code, data, hint, trust }
    }
}
