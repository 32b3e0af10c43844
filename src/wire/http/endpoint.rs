//! Where a server is: its URL, what every request to it carries, and the connections that plain ones go over.

use std::fmt;
use std::sync::Arc;

use http::header::{self, AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use url::{Position, Url};

use super::client::{CONNECT_LIMIT, IDLE_LIMIT, USER_AGENT};
use crate::base::secret::Secret;
use crate::config::{Auth, Remote};
use crate::wire::pool::{Limits, Pool};

/// Where a server is, and what every request to it carries.
#[derive(Clone)]
pub struct Endpoint {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) host: Arc<str>,
    /// Path and query, where requests need neither TLS nor a proxy, and the connections that they go over.
    pub(super) plain: Option<(Uri, Arc<Pool>)>,
}

/// A URL or a header that HTTP cannot carry, though the config's own check let it pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The URL cannot be read.
    #[error("`url` cannot be read: {0}")]
    Url(url::ParseError),
    /// A header's name or value.
    #[error("header `{0}` cannot be sent")]
    Header(String),
}

impl Endpoint {
    /// The endpoint of a server's entry. Tokens that have to be fetched are not among its headers.
    pub fn new(remote: &Remote) -> Result<Self, Unusable> {
        let url = Url::parse(remote.url.expose()).map_err(Unusable::Url)?;
        let host: Arc<str> = host_of(&url).into();
        let plain = plain(&url);
        let mut headers = HeaderMap::new();
        if plain.is_some() {
            insert(&mut headers, header::HOST.as_str(), &host)?;
            headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        }
        for (name, value) in &remote.headers {
            insert(&mut headers, name, value.expose())?;
        }
        match &remote.auth {
            Some(Auth::Bearer { token }) => {
                let value = Secret::from(format!("Bearer {}", token.expose()));
                insert(&mut headers, AUTHORIZATION.as_str(), value.expose())?;
            }
            Some(Auth::Header { headers: own }) => {
                for (name, value) in own {
                    insert(&mut headers, name, value.expose())?;
                }
            }
            Some(Auth::OAuth2(_)) | None => {}
        }
        Ok(Self { url, headers, host, plain })
    }

    /// What every request to it carries.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Host and port, which may be told.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The endpoint that `reference` names, as seen from this one; none on another origin.
    pub fn sibling(&self, reference: &str) -> Option<Self> {
        let url = self.url.join(reference).ok()?;
        let same = url.origin() == self.url.origin();
        if !same {
            return None;
        }
        let path = url[Position::BeforePath..Position::AfterQuery].parse().ok();
        let plain = self.plain.as_ref().and_then(|(_, pool)| Some((path?, pool.clone())));
        Some(Self { url, headers: self.headers.clone(), host: self.host.clone(), plain })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Endpoint").field("host", &self.host).finish_non_exhaustive()
    }
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Unusable> {
    let unusable = || Unusable::Header(name.to_owned());
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| unusable())?;
    value.set_sensitive(true);
    headers.insert(key, value);
    Ok(())
}

/// How requests get there without TLS and proxy; nothing if that is no way. Names and passwords in a URL are for the other
/// client to understand.
fn plain(url: &Url) -> Option<(Uri, Arc<Pool>)> {
    let whole = || url[..Position::AfterQuery].parse::<Uri>().ok();
    if url.scheme() != "http" || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    if Matcher::from_env().intercept(&whole()?).is_some() {
        return None;
    }
    let path = url[Position::BeforePath..Position::AfterQuery].parse().ok()?;
    let limits = Limits { connect: CONNECT_LIMIT, idle: IDLE_LIMIT };
    Some((path, Arc::new(Pool::new(whole()?, limits))))
}

pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
