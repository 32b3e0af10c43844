//! Finding out where the tokens of a server come from: from its own words to those of its authorization server, in the order
//! of the authorization part of the MCP specification.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::challenge::{self, Challenge};
use super::endpoint::{self, EndpointError};
use super::error::cleaned;
use super::fetcher::{FetchError, Fetcher, host};
use super::metadata::{Metadata, Raw};

const RESOURCE: &str = ".well-known/oauth-protected-resource";
const SERVER: &str = ".well-known/oauth-authorization-server";
const OPENID: &str = ".well-known/openid-configuration";
/// Of more authorization servers than this, the others are not looked at.
const MAX_SERVERS: usize = 5;

/// Why it was not found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// A request failed.
    #[error(transparent)]
    Fetch(FetchError),
    /// A value that is to be an endpoint is none.
    #[error("`{host}` names no endpoint: {error}")]
    Endpoint {
        /// Who says it.
        host: String,
        /// What is wrong with it.
        error: EndpointError,
    },
    /// A document is not what it is to be.
    #[error("the metadata of `{host}` cannot be read: {reason}")]
    Unreadable {
        /// Whose it is.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The document is of another server (RFC 9728, Section 3.3).
    #[error("the metadata of the server are those of `{found}`, which is not where it is reached")]
    Resource {
        /// Whose it says it is.
        found: String,
    },
    /// The document is of another authorization server (RFC 8414, Section 3.3).
    #[error("the metadata of `{expected}` name the issuer `{found}`")]
    Issuer {
        /// Who was asked.
        expected: String,
        /// Whose it says it is; nothing if it does not.
        found: String,
    },
    /// The server does not say that it wants a token, and has no metadata.
    #[error(
        "`{host}` has no metadata that say where tokens come from; name the endpoints in `auth`"
    )]
    Nothing {
        /// Who has none.
        host: String,
    },
}

/// The search for an authorization server.
#[derive(Debug)]
pub struct Discovery;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What tokens are asked for (RFC 8707), as the server calls itself.
    pub resource: String,
    /// The authorization server.
    pub metadata: Metadata,
    /// What a token has to be good for, as the server says; nothing where it says nothing.
    pub scopes: Vec<String>,
}

/// A server about itself (RFC 9728, Section 2).
#[derive(Debug, Deserialize)]
struct Resource {
    resource: String,
    #[serde(default)]
    authorization_servers: Vec<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
}

impl Discovery {
    /// Finds the authorization server of the server at this URL. `challenge` is the value of `WWW-Authenticate` with which
    /// it refused a request; without one, the server is asked for it.
    pub async fn run(
        fetcher: &Fetcher,
        server: &Url,
        challenge: Option<&str>,
    ) -> Result<Found, DiscoveryError> {
        let here = |error| DiscoveryError::Endpoint { host: host(server), error };
        endpoint::parse("url", &without_query(server), fetcher.policy()).map_err(here)?;
        let (challenge, wants_token) = if let Some(challenge) = challenge {
            (Some(challenge.to_owned()), true)
        } else {
            let reply = fetcher.probe(server).await?;
            (reply.challenge, reply.status == http::StatusCode::UNAUTHORIZED)
        };
        let challenge = challenge.as_deref().map(Challenge::parse).unwrap_or_default();
        let said = resource(fetcher, server, &challenge).await?;
        let asked = challenge.scopes;
        let Some(said) = said else {
            let metadata = of_origin(fetcher, server, wants_token).await?;
            let resource = without_query(server);
            return Ok(Found { resource, metadata, scopes: asked });
        };
        let scopes = if asked.is_empty() {
            challenge::scopes(&said.scopes_supported.join(" "))
        } else {
            asked
        };
        let mut failed = None;
        for issuer in said.authorization_servers.iter().take(MAX_SERVERS) {
            match authorization_server(fetcher, server, issuer).await {
                Ok(Some(metadata)) => {
                    return Ok(Found { resource: said.resource, metadata, scopes });
                }
                Ok(None) => {}
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        if said.authorization_servers.is_empty() {
            let metadata = of_origin(fetcher, server, wants_token).await?;
            return Ok(Found { resource: said.resource, metadata, scopes });
        }
        Err(failed.unwrap_or_else(|| DiscoveryError::Nothing { host: host(server) }))
    }
}

/// What the server says of itself: where it points to, else at the places where that is looked for.
async fn resource(
    fetcher: &Fetcher,
    server: &Url,
    challenge: &Challenge,
) -> Result<Option<Resource>, DiscoveryError> {
    let places = match &challenge.resource_metadata {
        Some(place) => {
            let place = endpoint::parse("resource_metadata", place, fetcher.policy());
            let place =
                place.map_err(|error| DiscoveryError::Endpoint { host: host(server), error })?;
            vec![place]
        }
        None => vec![inserted(server, RESOURCE), inserted(&root(server), RESOURCE)],
    };
    for place in distinct(places) {
        let Some(said) = document::<Resource>(fetcher, &place).await? else { continue };
        let is_ours = Url::parse(&said.resource).is_ok_and(|resource| covers(&resource, server));
        if !is_ours {
            return Err(DiscoveryError::Resource { found: cleaned(&said.resource) });
        }
        return Ok(Some(said));
    }
    Ok(None)
}

/// What an authorization server says of itself; nothing where it says nothing.
async fn authorization_server(
    fetcher: &Fetcher,
    server: &Url,
    issuer: &str,
) -> Result<Option<Metadata>, DiscoveryError> {
    let wrong = |error| DiscoveryError::Endpoint { host: host(server), error };
    let url = endpoint::parse("authorization_servers", issuer, fetcher.policy()).map_err(wrong)?;
    let mut places = vec![inserted(&url, SERVER), inserted(&url, OPENID)];
    if url.path() != "/" {
        places.push(appended(&url, OPENID));
    }
    for place in distinct(places) {
        let Some(raw) = document::<Raw>(fetcher, &place).await? else { continue };
        let found = raw.issuer.clone().unwrap_or_default();
        // A slash at the end is all that may differ: many say it with one and are named without.
        if found.trim_end_matches('/') != issuer.trim_end_matches('/') {
            let (expected, found) = (cleaned(issuer), cleaned(&found));
            return Err(DiscoveryError::Issuer { expected, found });
        }
        let wrong = |error| DiscoveryError::Endpoint { host: host(&place), error };
        let metadata = raw.check(&found, fetcher.policy()).map_err(wrong)?;
        return metadata.map(Some).ok_or_else(|| DiscoveryError::Unreadable {
            host: host(&place),
            reason: "`token_endpoint` is missing".to_owned(),
        });
    }
    Ok(None)
}

/// The server as its own authorization server, which is all that revision 2025-03-26 knows: with metadata at its root, or
/// with endpoints of fixed names, where PKCE goes without saying.
async fn of_origin(
    fetcher: &Fetcher,
    server: &Url,
    wants_token: bool,
) -> Result<Metadata, DiscoveryError> {
    let origin = root(server);
    let issuer = origin.as_str().trim_end_matches('/').to_owned();
    if let Some(metadata) = authorization_server(fetcher, server, &issuer).await? {
        return Ok(metadata);
    }
    if !wants_token {
        return Err(DiscoveryError::Nothing { host: host(server) });
    }
    let at = |path: &str| origin.join(path).expect("a path can be joined to an origin");
    Ok(Metadata {
        authorization: Some(at("/authorize")),
        registration: Some(at("/register")),
        ..Metadata::silent(issuer, at("/token"))
    })
}

/// The document at a place; nothing where there is none, or something else, such as the page of a web application.
async fn document<T: DeserializeOwned>(
    fetcher: &Fetcher,
    url: &Url,
) -> Result<Option<T>, DiscoveryError> {
    let reply = fetcher.document(url).await?;
    if !reply.status.is_success() {
        return Ok(None);
    }
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&reply.body) else {
        return Ok(None);
    };
    let unreadable = |error: serde_json::Error| DiscoveryError::Unreadable {
        host: host(url),
        reason: cleaned(&error.to_string()),
    };
    serde_json::from_value(value).map(Some).map_err(unreadable)
}

/// Whether a resource of this name holds the server: it is the same, or what the server is below. A token for it then goes
/// to its own origin, and to nobody else.
fn covers(resource: &Url, server: &Url) -> bool {
    let path = resource.path().trim_end_matches('/');
    let rest = server.path().strip_prefix(path);
    resource.origin() == server.origin()
        && resource.fragment().is_none()
        && resource.query().is_none_or(|query| server.query() == Some(query))
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The place that a well-known name has before the path (RFC 8615 with RFC 8414, Section 3.1).
fn inserted(url: &Url, name: &str) -> Url {
    let path = url.path().trim_end_matches('/');
    at_path(url, &format!("/{name}{path}"))
}

/// The place that a well-known name has after the path (OpenID Connect Discovery 1.0, Section 4.1).
fn appended(url: &Url, name: &str) -> Url {
    let path = url.path().trim_end_matches('/');
    at_path(url, &format!("{path}/{name}"))
}

fn root(url: &Url) -> Url {
    at_path(url, "/")
}

fn at_path(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    url.set_path(path);
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// The name of a server as a resource: a query may hold a key, and is no part of it.
fn without_query(server: &Url) -> String {
    let mut url = at_path(server, server.path());
    let gone = url.set_username("").and_then(|()| url.set_password(None));
    debug_assert!(gone.is_ok(), "a URL with a host can do without them");
    let text = String::from(url);
    text.strip_suffix('/').map_or(text.clone(), str::to_owned)
}

fn distinct(mut places: Vec<Url>) -> Vec<Url> {
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn well_known_places() {
        let check = |at: &str, name: &str, expected: [&str; 2]| {
            assert_eq!(inserted(&url(at), name).as_str(), expected[0]);
            assert_eq!(appended(&url(at), name).as_str(), expected[1]);
        };
        let plain = "https://a.example/.well-known/oauth-authorization-server";
        check("https://a.example", SERVER, [plain, plain]);
        check(
            "https://a.example/t/1/?key=x",
            OPENID,
            [
                "https://a.example/.well-known/openid-configuration/t/1",
                "https://a.example/t/1/.well-known/openid-configuration",
            ],
        );
        assert_eq!(without_query(&url("https://a.example/mcp?key=x")), "https://a.example/mcp");
        assert_eq!(without_query(&url("https://a.example/")), "https://a.example");
    }

    #[test]
    fn a_resource_holds_what_is_below_it() {
        let check = |resource: &str, expected: bool| {
            let server = url("https://a.example/team/mcp");
            assert_eq!(covers(&url(resource), &server), expected, "{resource}");
        };
        check("https://a.example/team/mcp", true);
        check("https://a.example/team/mcp/", true);
        check("https://a.example/team", true);
        check("https://a.example", true);
        check("https://a.example/tea", false);
        check("https://a.example/team/mcp/more", false);
        check("https://a.example:444/team/mcp", false);
        check("http://a.example/team/mcp", false);
        check("https://b.example/team/mcp", false);
        check("https://a.example/team/mcp?x=1", false);
    }
}
