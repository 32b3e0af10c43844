//! TLS that cannot be used yet.

use std::fs;
use std::net::TcpListener;
use std::thread;

use serde_json::json;

use crate::support::{Bridge, error_of};

/// Anybody's certificate; all that matters is that it can be read.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBdTCCARugAwIBAgIUJYTUjyvjN2BPGkHBnutY/TKpHXswCgYIKoZIzj0EAwIw\n\
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwNjM3NDFaGA8yMTI2MTAyODA2Mzc0\n\
MVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKzO\n\
v/T2d/zul0bEADfNecrn7EtkCa6Vhtmu7qIV6hKH7lHLZ2o1zLWrDjX9P4YCUCBU\n\
zCQNAtSnBL8OUYG4uRKjUzBRMB0GA1UdDgQWBBTsdQS/T83A3Su9EeKolDQ57OmS\n\
TzAfBgNVHSMEGDAWgBTsdQS/T83A3Su9EeKolDQ57OmSTzAPBgNVHRMBAf8EBTAD\n\
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQDMYe1qoNORnB+S/K4/jMYEdbJr+aMj4D4O\n\
0+JxS0XgFQIgag4NH7rFu4aBY8iHaYSNP24b5hixLuZejTtav5wfBXw=\n\
-----END CERTIFICATE-----\n";

#[test]
fn certificates_that_come_later_are_found() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    // It ends every connection before its first byte, for as long as the test runs.
    thread::spawn(move || listener.incoming().for_each(drop));
    let bridge = Bridge::new();
    let file = bridge.path("certificates.pem");
    let url = format!("https://127.0.0.1:{port}/mcp");
    let mut client = bridge
        .env("SSL_CERT_FILE", file.to_str().expect("the path is UTF-8"))
        .entry("one", json!({"transport": "streamable-http", "url": url}))
        .set("routerConnectErrorCooldownMs", 0)
        .serve_initialized();
    let mut refused = || {
        let result = client.call("one", "echo", json!({}));
        error_of(&result, "connection_failed")["message"].to_string()
    };
    for _ in 0..2 {
        let said = refused();
        assert!(said.contains("the TLS of this machine cannot be used"), "{said}");
    }
    fs::write(&file, CERTIFICATE).expect("the folder is there");
    let said = refused();
    assert!(said.contains("127.0.0.1") && !said.contains("TLS of this machine"), "{said}");
}
