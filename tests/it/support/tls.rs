//! TLS in front of a server that has none, with a certificate for this machine by an authority that only tests trust.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The authority, for `SSL_CERT_FILE`.
pub(crate) const AUTHORITY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/authority.pem");

/// Hands on to `host` what comes by TLS; gives the port that it listens on until the test ends.
pub(crate) fn terminate_tls(host: String) -> u16 {
    let config = Arc::new(config());
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, host) = (config.clone(), host.clone());
            thread::spawn(move || {
                let connection = ServerConnection::new(config).expect("the config is whole");
                hand_on(&mut StreamOwned::new(connection, stream), &host);
            });
        }
    });
    port
}

fn config() -> ServerConfig {
    let certificate = include_bytes!("../../fixtures/tls/certificate.pem");
    let key = include_bytes!("../../fixtures/tls/key.pem");
    let certificate = CertificateDer::from_pem_slice(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key).expect("a key");
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
        .expect("they belong together")
}

/// One request after the other; whoever breaks off has had enough.
fn hand_on(secure: &mut (impl Read + Write), host: &str) {
    while let Some(request) = message(secure) {
        let mut plain = TcpStream::connect(host).expect("somebody listens");
        plain.write_all(&request).expect("it is read");
        let Some(answer) = message(&mut plain) else { return };
        if secure.write_all(&answer).and_then(|()| secure.flush()).is_err() {
            return;
        }
    }
}

/// A head, and as much of a body as it says.
fn message(from: &mut impl Read) -> Option<Vec<u8>> {
    let (mut message, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&message).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
            });
            if message.len() >= head.len() + 4 + length.unwrap_or(0) {
                return Some(message);
            }
        }
        match from.read(&mut bytes) {
            Ok(count @ 1..) => message.extend_from_slice(&bytes[..count]),
            _ => return None,
        }
    }
}
