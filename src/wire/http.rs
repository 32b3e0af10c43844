//! Calls over HTTP. The client is built when it is first used, keeps connections open for the next call, and follows no
//! redirect away from the origin that it was told, so that no credential ever travels to another one.
//!
//! Requests that need neither TLS nor a proxy go over connections of their own (`pool`).

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{self, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::OnceCell;
use url::{Position, Url};

use super::pool::{self, Limits, Pool};
use crate::base::secret::Secret;
use crate::config::{Auth, Remote};

/// What servers see of us.
pub(crate) const USER_AGENT: &str = concat!("mcp-bridge/", env!("CARGO_PKG_VERSION"));
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
/// One that cannot be built is tried again with the next request: certificates may be there by then.
#[derive(Debug, Default)]
pub struct Client {
    plain: OnceCell<reqwest::Client>,
    secure: OnceCell<reqwest::Client>,
}

/// Where a server is, and what every request to it carries.
#[derive(Clone)]
pub struct Endpoint {
    url: Url,
    headers: HeaderMap,
    host: Arc<str>,
    /// Path and query, where requests need neither TLS nor a proxy, and the connections that they go over.
    plain: Option<(Uri, Arc<Pool>)>,
}

/// The head of an answer; the body has to be read.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
    host: Arc<str>,
    redirects_to: Option<String>,
}

#[derive(Debug)]
enum Body {
    Plain(pool::Body),
    Other(Box<reqwest::Response>),
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
    /// Sends one request and waits for the head of the answer; `headers` makes all of its headers, those of the endpoint
    /// among them. Dropping the future withdraws it.
    pub async fn send(
        &self,
        method: Method,
        endpoint: &Endpoint,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Error> {
        let Some((path, pool)) = &endpoint.plain else {
            // Without its type: there is more of that than the compiler looks through.
            return self.send_otherwise(method, endpoint, headers(), body).boxed().await;
        };
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = method.clone();
        *request.uri_mut() = path.clone();
        *request.headers_mut() = headers();
        let response =
            pool.send(request).await.map_err(|failed| unanswered(&endpoint.host, failed))?;
        let (head, plain) = response.into_parts();
        if is_followed(head.status) && head.headers.contains_key(LOCATION) {
            // Seldom enough to ask once more, of whoever follows it.
            return self.send_otherwise(method, endpoint, headers(), body).boxed().await;
        }
        Ok(Answer {
            status: head.status,
            redirects_to: target(&head.headers, &endpoint.url),
            headers: head.headers,
            body: Body::Plain(plain),
            host: endpoint.host.clone(),
        })
    }

    /// The same by TLS, by a proxy, or to where the server sends us.
    async fn send_otherwise(
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
        let request = client.request(method, endpoint.url.clone()).headers(headers).body(body);
        let mut response = request.send().await.map_err(|error| failure(&host, error))?;
        let headers = std::mem::take(response.headers_mut());
        Ok(Answer {
            status: response.status(),
            redirects_to: target(&headers, response.url()),
            headers,
            body: Body::Other(Box::new(response)),
            host,
        })
    }

    async fn of_scheme(&self, url: &Url) -> Result<&reqwest::Client, String> {
        if url.scheme() == "https" {
            let build = || async {
                let task = tokio::task::spawn_blocking(|| build(true)).await;
                task.unwrap_or_else(|error| Err(error.to_string()))
            };
            self.secure.get_or_try_init(build).await
        } else {
            self.plain.get_or_try_init(async || build(false)).await
        }
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
            if same_origin
                && is_followed(attempt.status())
                && attempt.previous().len() <= MAX_REDIRECTS
            {
                attempt.follow()
            } else {
                attempt.stop()
            }
        }))
        .build()
        .map_err(|error| reason(&error.without_url()))
}

/// Whether a redirect of this status may be followed: any other one would have a POST repeated as a GET.
fn is_followed(status: StatusCode) -> bool {
    matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT)
}

/// The host that an answer to a request to `url` redirects to.
fn target(headers: &HeaderMap, url: &Url) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    url.join(location).ok().map(|url| host_of(&url))
}

/// TLS with the certificates that the system trusts, or with none where no TLS is wanted. The provider is named
/// here, so that none has to be installed for the whole process.
pub(crate) fn tls(secure: bool) -> Result<rustls::ClientConfig, rustls::Error> {
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

fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl Answer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the body is said to be.
    pub fn content(&self) -> Content {
        let value = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let kind = value.split(';').next().unwrap_or_default().trim();
        let known = [
            ("application/json", Content::Json),
            ("text/event-stream", Content::Events),
            ("text/html", Content::Page),
        ];
        let found = known.into_iter().find(|(name, _)| kind.eq_ignore_ascii_case(name));
        found.map_or(Content::Other, |(_, content)| content)
    }

    /// How long the server asks to be left alone, where it says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header(RETRY_AFTER.as_str())?.trim().parse().ok().map(Duration::from_secs)
    }

    /// The host that the answer redirects to.
    pub fn redirects_to(&self) -> Option<String> {
        self.redirects_to.clone()
    }

    /// The next bytes of the body; none at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.body {
            Body::Plain(body) => body.chunk().await.map_err(|error| broken(&self.host, &error)),
            Body::Other(response) => {
                response.chunk().await.map_err(|error| failure(&self.host, error))
            }
        }
    }

    /// The whole body, of at most `limit` bytes.
    pub async fn body(&mut self, limit: usize) -> Result<Bytes, Error> {
        let length = self.header(CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
        let too_large = || Error::TooLarge { host: self.host.to_string(), limit };
        if length.is_some_and(|length: usize| length > limit) {
            return Err(too_large());
        }
        let too_large = too_large();
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if length == Some(first.len()) {
            // Nothing can follow, but the end shows that the connection is free.
            while self.chunk().await?.is_some() {}
            return Ok(first);
        }
        let mut body = Vec::with_capacity(length.unwrap_or_default());
        let mut next = Some(first);
        while let Some(chunk) = next {
            if body.len() + chunk.len() > limit {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
            next = self.chunk().await?;
        }
        Ok(body.into())
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

fn unanswered(host: &str, failed: pool::Failure) -> Error {
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

fn broken(host: &str, error: &hyper::Error) -> Error {
    Error::Broken { host: host.to_owned(), reason: innermost(error) }
}

fn reason(error: &reqwest::Error) -> String {
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::ring::sign::any_eddsa_type;
    use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
    use rustls::server::AlwaysResolvesServerRawPublicKeys;
    use rustls::sign::CertifiedKey;
    use rustls::{
        ClientConfig, DigitallySignedStruct, ServerConfig, ServerConnection, SignatureScheme,
    };

    use super::*;

    /// What stands before the 32 bytes of an Ed25519 key (RFC 8410, Section 7).
    const PKCS8: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

    /// Takes everybody for the right server.
    #[derive(Debug)]
    struct Anybody;

    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ED25519]
        }

        fn requires_raw_public_keys(&self) -> bool {
            true
        }
    }

    fn client() -> Client {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
        let client = reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy();
        let secure = client.build().expect("it is well formed").into();
        Client { plain: OnceCell::new(), secure }
    }

    /// A port that breaks out of TLS with plain text, at once or when a request has come.
    fn port(takes_requests: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let key = PrivatePkcs8KeyDer::from([&PKCS8[..], &[7; 32]].concat());
        let key = any_eddsa_type(&key).expect("a key");
        let public = key.public_key().expect("it has one").to_vec();
        let key = CertifiedKey::new(vec![public.into()], key);
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(key))));
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                if takes_requests {
                    let mut connection = ServerConnection::new(config.clone()).expect("a config");
                    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
                    assert!(tls.read(&mut [0; 4096]).is_ok_and(|read| read > 0));
                }
                // Whoever has gone needs no answer.
                let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
                let _ = stream.read(&mut [0; 4096]);
            }
        });
        address.to_string()
    }

    #[tokio::test]
    async fn a_request_that_was_sent_may_have_arrived_whatever_follows() {
        let client = client();
        let check = async |takes_requests: bool| {
            let host = port(takes_requests);
            let url = Url::parse(&format!("https://{host}/mcp")).expect("a URL");
            let endpoint =
                Endpoint { url, headers: HeaderMap::new(), host: host.into(), plain: None };
            let sent = client.send(Method::POST, &endpoint, HeaderMap::new, Bytes::new()).await;
            sent.expect_err("there is no answer")
        };
        let error = check(false).await;
        assert!(matches!(error, Error::NoTls { .. }), "{error}");
        let error = check(true).await;
        assert!(matches!(error, Error::Broken { .. }), "{error}");
    }
}
