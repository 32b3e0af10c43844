//! Calls over HTTP. The client is built when it is first used, keeps connections open for the next call, and follows no
//! redirect away from the origin that it was told, so that no credential ever travels to another one.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::OnceCell;
use url::Url;

use crate::base::secret::Secret;
use crate::config::{Auth, Remote};

/// What servers see of us.
const USER_AGENT: &str = concat!("mcp-bridge/", env!("CARGO_PKG_VERSION"));
/// A host that has not taken the connection after this long is not there.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Connections that nobody used for this long are closed.
const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// No server sends us from place to place more often.
const MAX_REDIRECTS: usize = 5;

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

/// The clients of this process: one for `http`, one for `https`, since reading the system's certificates takes its time.
#[derive(Debug, Default)]
pub struct Client {
    plain: OnceLock<Result<reqwest::Client, String>>,
    secure: OnceCell<Result<reqwest::Client, String>>,
}

/// Where a server is, and what every request to it carries.
#[derive(Clone)]
pub struct Endpoint {
    url: Url,
    headers: HeaderMap,
    host: Arc<str>,
}

/// The head of an answer; the body has to be read.
#[derive(Debug)]
pub struct Answer {
    response: reqwest::Response,
    host: Arc<str>,
}

/// What kind of body an answer announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// `application/json`
    Json,
    /// `text/event-stream`
    Events,
    /// `text/html`, which people read in browsers.
    Page,
    /// Anything else, or nothing.
    Other,
}

impl Client {
    /// Sends one request and waits for the head of the answer. Dropping the future withdraws it.
    pub async fn send(
        &self,
        method: Method,
        endpoint: &Endpoint,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Error> {
        let host = endpoint.host.clone();
        let client = self.of_scheme(&endpoint.url).await.map_err(|reason| {
            let reason = format!("the TLS of this machine cannot be used: {reason}");
            Error::NotReached { host: host.to_string(), reason }
        })?;
        // Our own headers win over those of the entry: they are what the exchange means.
        let mut all = endpoint.headers.clone();
        for (name, value) in &headers {
            all.insert(name, value.clone());
        }
        let request = client.request(method, endpoint.url.clone()).headers(all).body(body);
        match request.send().await {
            Ok(response) => Ok(Answer { response, host }),
            Err(error) => Err(failure(&host, error)),
        }
    }

    async fn of_scheme(&self, url: &Url) -> Result<&reqwest::Client, String> {
        let built = if url.scheme() == "https" {
            let build = || async {
                let task = tokio::task::spawn_blocking(|| build(true)).await;
                task.unwrap_or_else(|error| Err(error.to_string()))
            };
            self.secure.get_or_init(build).await
        } else {
            self.plain.get_or_init(|| build(false))
        };
        built.as_ref().map_err(String::clone)
    }
}

fn build(secure: bool) -> Result<reqwest::Client, String> {
    let tls = tls(secure).map_err(|error| error.to_string())?;
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_LIMIT)
        .pool_idle_timeout(IDLE_LIMIT)
        .tcp_nodelay(true)
        .redirect(Policy::custom(|attempt| {
            let same_origin = attempt
                .previous()
                .first()
                .is_some_and(|from| from.origin() == attempt.url().origin());
            // Any other status would have a POST repeated as a GET.
            let same_method = matches!(
                attempt.status(),
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            );
            if same_origin && same_method && attempt.previous().len() <= MAX_REDIRECTS {
                attempt.follow()
            } else {
                attempt.stop()
            }
        }))
        .build()
        .map_err(|error| reason(&error.without_url()))
}

/// TLS with the certificates that the system trusts, or with none where no TLS is wanted. The provider is named
/// here, so that none has to be installed for the whole process.
fn tls(secure: bool) -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?;
    let builder = if secure {
        builder.with_platform_verifier()?
    } else {
        builder.with_root_certificates(rustls::RootCertStore::empty())
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

impl Endpoint {
    /// The endpoint of a server's entry. Tokens that have to be fetched are not among its headers.
    pub fn new(remote: &Remote) -> Result<Self, Unusable> {
        let url = Url::parse(remote.url.expose()).map_err(Unusable::Url)?;
        let mut headers = HeaderMap::new();
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
        let host = host_of(&url).into();
        Ok(Self { url, headers, host })
    }

    /// Host and port, which may be told.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The endpoint that `reference` names, as seen from this one; none on another origin.
    pub fn sibling(&self, reference: &str) -> Option<Self> {
        let url = self.url.join(reference).ok()?;
        let same = url.origin() == self.url.origin();
        same.then(|| Self { url, headers: self.headers.clone(), host: self.host.clone() })
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

fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl Answer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// What the body is said to be.
    pub fn content(&self) -> Content {
        let value = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let kind = value.split(';').next().unwrap_or_default().trim();
        match kind.to_ascii_lowercase().as_str() {
            "application/json" => Content::Json,
            "text/event-stream" => Content::Events,
            "text/html" => Content::Page,
            _ => Content::Other,
        }
    }

    /// How long the server asks to be left alone, where it says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header(RETRY_AFTER.as_str())?.trim().parse().ok().map(Duration::from_secs)
    }

    /// The host that the answer redirects to.
    pub fn redirects_to(&self) -> Option<String> {
        let location = self.header(LOCATION.as_str())?;
        self.response.url().join(location).ok().map(|url| host_of(&url))
    }

    /// The next bytes of the body; none at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.response.chunk().await.map_err(|error| failure(&self.host, error))
    }

    /// The whole body, of at most `limit` bytes.
    pub async fn body(&mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let too_large = || Error::TooLarge { host: self.host.to_string(), limit };
        if self.response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let too_large = too_large();
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The beginning of the body, at most `limit` bytes, or what of it came before it broke.
    pub async fn beginning(&mut self, limit: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < limit {
            match self.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        body.truncate(limit);
        body
    }
}

fn failure(host: &str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let (host, reason) = (host.to_owned(), reason(&error));
    if error.is_connect() {
        Error::NotReached { host, reason }
    } else {
        Error::Broken { host, reason }
    }
}

/// The innermost cause: those around it only say that something was sent or connected.
fn reason(error: &reqwest::Error) -> String {
    if error.is_connect() && error.is_timeout() {
        return format!("no connection within {} s", CONNECT_LIMIT.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
