//! The only way from here to the network. Every address is checked before it is connected to, and the connection goes to the
//! address that was checked; answers are small, soon there, and sent on at most a few times.
//!
//! Where the environment names a proxy for a host (`HTTPS_PROXY`, `NO_PROXY`), the proxy looks up its name, and decides where
//! that may lead: what is checked then is the URL alone, in which an address may stand.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use hyper_util::client::proxy::matcher::Matcher;
use oauth2::{HttpRequest, HttpResponse};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use url::Url;

use super::account::Policy;
use super::address::Refused;
use super::endpoint::{self, EndpointError};
use crate::protocol::headers::{METHOD, PROTOCOL_VERSION};
use crate::protocol::meta::{self, Declared};
use crate::protocol::version::Revision;
use crate::wire::http::{USER_AGENT, tls};

/// No metadata and no token are longer, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// Metadata may be somewhere else; nobody needs to look in more places than these.
const MAX_REDIRECTS: usize = 3;
/// From the first byte sent to the last one received.
const LIMIT: Duration = Duration::from_secs(10);

/// What a server is asked to be told that a token is wanted: it changes nothing.
const LIST: &str = "tools/list";

/// Why there is no answer. No variant holds more of a URL than its host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The host's address is not asked.
    #[error(transparent)]
    Address(#[from] Refused),
    /// It sends us to a place that is no endpoint.
    #[error("`{host}` redirects to where it must not: {error}")]
    Redirect {
        /// Who does.
        host: String,
        /// What is wrong with the place.
        error: EndpointError,
    },
    /// It sends us from place to place.
    #[error("`{host}` redirects more than {MAX_REDIRECTS} times")]
    Redirects {
        /// The last one who did.
        host: String,
    },
    /// A request that carries credentials is not sent anywhere else.
    #[error("`{host}` redirects a request for a token, which is not followed")]
    TokenRedirect {
        /// Who does.
        host: String,
    },
    /// The answer is too long.
    #[error("`{host}` answers with more than {MAX_BODY} bytes")]
    TooLarge {
        /// Who does.
        host: String,
    },
    /// There is no whole answer in time.
    #[error("`{host}` has not answered within {} s", LIMIT.as_secs())]
    Late {
        /// Who has not.
        host: String,
    },
    /// There is no answer.
    #[error("`{host}` cannot be asked: {reason}")]
    NotReached {
        /// Who cannot.
        host: String,
        /// What the system says.
        reason: String,
    },
}

/// Asks servers for metadata and tokens.
pub struct Fetcher {
    policy: Policy,
    lookup: Arc<Lookup>,
    proxies: Matcher,
    direct: Clients,
    proxied: Clients,
}

/// One that speaks TLS, and one that does not need to have read the system's certificates.
#[derive(Default)]
struct Clients {
    plain: OnceCell<Client>,
    secure: OnceCell<Client>,
}

/// What a server answers.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// `WWW-Authenticate`, all of them.
    pub challenge: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// How names become addresses.
type Lookup = Box<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Names become addresses here and nowhere else, so that nobody can answer differently once they have been checked.
struct Checked {
    policy: Policy,
    lookup: Arc<Lookup>,
    /// The proxy, which the environment names: nobody else sends us there.
    proxy: Option<String>,
}

impl Fetcher {
    /// Asks whom the policy lets it ask.
    pub fn new(policy: Policy) -> Self {
        Self::with_lookup(policy, |host| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((host, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        })
    }

    pub(super) fn with_lookup(
        policy: Policy,
        lookup: impl Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            policy,
            lookup: Arc::new(Box::new(lookup)),
            // As the clients themselves find them.
            proxies: Matcher::from_system(),
            direct: Clients::default(),
            proxied: Clients::default(),
        }
    }

    /// Whom it may ask.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// A document, for which a few redirects are followed.
    pub async fn document(&self, url: &Url) -> Result<Reply, FetchError> {
        within(url, async {
            let mut url = url.clone();
            for _ in 0..=MAX_REDIRECTS {
                let response = self.get(&url, "application/json").await?;
                let Some(location) = location(&response) else { return take(response, &url).await };
                let host = host(&url);
                let parsed = endpoint::parse("Location", &absolute(&url, &location), self.policy);
                url = parsed.map_err(|error| FetchError::Redirect { host, error })?;
            }
            Err(FetchError::Redirects { host: host(&url) })
        })
        .await
    }

    /// What a server says to somebody without a token; its redirects are an answer as any other. It is asked as clients ask it,
    /// since many look for a token only then, and some only once it is for more than to begin; else as a browser would.
    pub async fn probe(&self, url: &Url) -> Result<Reply, FetchError> {
        let asked = self.asked(url, true).await?;
        if asked.status == StatusCode::UNAUTHORIZED {
            Ok(asked)
        } else {
            self.asked(url, false).await
        }
    }

    async fn asked(&self, url: &Url, as_client: bool) -> Result<Reply, FetchError> {
        within(url, async {
            let accept = "application/json, text/event-stream";
            let response = if as_client {
                self.check(url)?;
                let request = self.client(url).await?.post(url.clone()).header(ACCEPT, accept);
                let request = request
                    .header(CONTENT_TYPE, "application/json")
                    .header(PROTOCOL_VERSION, Revision::LATEST.as_str())
                    .header(METHOD, LIST);
                request.body(question()).send().await.map_err(|error| failure(url, error))?
            } else {
                self.get(url, accept).await?
            };
            // Of a server that lets us in, this may be a stream without an end.
            Ok(Reply {
                status: response.status(),
                challenge: challenge(&response),
                body: Vec::new(),
            })
        })
        .await
    }

    /// Sends what the endpoint of a token is to get. It goes there and nowhere else.
    pub async fn post(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let text = request.uri().to_string();
        let unusable = |reason: String| FetchError::NotReached { host: String::new(), reason };
        let url = Url::parse(&text).map_err(|error| unusable(error.to_string()))?;
        within(&url, async {
            self.check(&url)?;
            let (head, body) = request.into_parts();
            let client = self.client(&url).await?;
            let request = client.request(head.method, url.clone()).headers(head.headers).body(body);
            let response = request.send().await.map_err(|error| failure(&url, error))?;
            if response.status().is_redirection() {
                return Err(FetchError::TokenRedirect { host: host(&url) });
            }
            let headers = response.headers().clone();
            let reply = take(response, &url).await?;
            let mut answer = HttpResponse::new(reply.body);
            *answer.status_mut() = reply.status;
            *answer.headers_mut() = headers;
            Ok(answer)
        })
        .await
    }

    async fn get(&self, url: &Url, accept: &str) -> Result<Response, FetchError> {
        self.check(url)?;
        let request = self.client(url).await?.get(url.clone()).header(ACCEPT, accept);
        request.send().await.map_err(|error| failure(url, error))
    }

    /// An address in the URL itself is not looked up.
    fn check(&self, url: &Url) -> Result<(), FetchError> {
        let address = super::address::literal(url);
        let host = url.host_str().unwrap_or_default();
        address.map_or(Ok(()), |address| Ok(self.policy.check(host, address)?))
    }

    async fn client(&self, url: &Url) -> Result<&Client, FetchError> {
        let proxy = self.proxy(url);
        let clients = if proxy.is_some() { &self.proxied } else { &self.direct };
        let is_secure = url.scheme() == "https";
        let cell = if is_secure { &clients.secure } else { &clients.plain };
        let build = || async {
            let (policy, lookup) = (self.policy, self.lookup.clone());
            let checked = Checked { policy, lookup, proxy: proxy.clone() };
            // Reading the system's certificates takes its time; a proxy may want TLS as well.
            let needs_tls = is_secure || proxy.is_some();
            let built = tokio::task::spawn_blocking(move || build(checked, needs_tls)).await;
            built.unwrap_or_else(|error| Err(error.to_string()))
        };
        let client = cell.get_or_try_init(build).await;
        client.map_err(|reason| FetchError::NotReached { host: host(url), reason })
    }

    /// The host of the proxy by which this is reached.
    fn proxy(&self, url: &Url) -> Option<String> {
        let intercepted = self.proxies.intercept(&url.as_str().parse().ok()?)?;
        Some(intercepted.uri().host().unwrap_or_default().to_owned())
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Fetcher").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, host) = (self.policy, name.as_str().to_owned());
        let found = (self.lookup)(host.clone());
        let is_proxy = self.proxy.as_ref() == Some(&host);
        Box::pin(async move {
            let found = found.await?;
            // A name that leads to one such address among others is as bad as one that leads to nothing else.
            let mut checked = found.iter().filter(|_| !is_proxy);
            checked.try_for_each(|address| policy.check(&host, *address))?;
            let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}

fn build(checked: Checked, needs_tls: bool) -> Result<Client, String> {
    let tls = tls(needs_tls).map_err(|error| error.to_string())?;
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none());
    let builder = if checked.proxy.is_some() { builder } else { builder.no_proxy() };
    let built = builder.dns_resolver(Arc::new(checked)).build();
    built.map_err(|error| error.without_url().to_string())
}

async fn within<T>(
    url: &Url,
    work: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    let done = timeout(LIMIT, work).await;
    done.unwrap_or_else(|_| Err(FetchError::Late { host: host(url) }))
}

async fn take(mut response: Response, url: &Url) -> Result<Reply, FetchError> {
    let (status, challenge) = (response.status(), challenge(&response));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(url, error))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(FetchError::TooLarge { host: host(url) });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, challenge, body })
}

fn challenge(response: &Response) -> Option<String> {
    let values = response.headers().get_all(WWW_AUTHENTICATE);
    let values: Vec<&str> = values.iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// A request that stands alone. Servers that know sessions only look for a token before they look for a session.
fn question() -> String {
    let declared = Declared {
        revision: Revision::LATEST,
        capabilities: "{}",
        client_info: Some(meta::IDENTITY),
        log_level: None,
    };
    let params = meta::with(None, &declared);
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{LIST}","params":{params}}}"#)
}

fn location(response: &Response) -> Option<String> {
    let is_followed = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| is_followed)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// The place that a redirect names, as it is written where it is a whole URL.
fn absolute(from: &Url, location: &str) -> String {
    let is_whole = Url::parse(location).is_ok();
    let joined = from.join(location).ok().filter(|_| !is_whole);
    joined.map_or_else(|| location.to_owned(), String::from)
}

pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn failure(url: &Url, error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut cause: &(dyn std::error::Error + 'static) = &error;
    loop {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return refused.clone().into();
        }
        let Some(next) = cause.source() else { break };
        cause = next;
    }
    FetchError::NotReached { host: host(url), reason: cause.to_string() }
}
