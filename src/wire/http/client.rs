//! The clients of this process. They are built when they are first used, keep connections open for the next call, and follow
//! no redirect away from the origin that they were told, so that no credential ever travels to another one.
//!
//! Requests that need neither TLS nor a proxy go over connections of their own (`wire::pool`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::LOCATION;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::OnceCell;
use url::Url;

use super::answer::{Answer, Body};
use super::endpoint::{Endpoint, host_of};
use super::error::{Error, failure, reason, unanswered};

/// What servers see of us.
pub(crate) const USER_AGENT: &str = concat!("mcp-bridge/", env!("CARGO_PKG_VERSION"));
/// A host that has not taken the connection after this long is not there.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Connections that nobody used for this long are closed.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// No server sends us from place to place more often.
const MAX_REDIRECTS: usize = 5;

/// The clients of this process: one for `http`, one for `https`, since reading the system's certificates takes its time.
/// One that cannot be built is tried again with the next request: certificates may be there by then.
#[derive(Debug, Default)]
pub struct Client {
    plain: OnceCell<reqwest::Client>,
    secure: OnceCell<reqwest::Client>,
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
