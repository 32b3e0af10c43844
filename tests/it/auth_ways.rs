//! Ways to a login server: ports to return to, TLS, proxies, and servers that refuse whatever they get.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{
    AUTHORITY, Bridge, Issuer, Output, PLANTED, assert_words, browse, converse_in, error_of,
    terminate_tls, text_of,
};

/// A login of the bridge itself.
fn by_itself() -> Value {
    json!({"type": "oauth2", "grantType": "client_credentials", "clientId": "c", "clientSecret": format!("{PLANTED}secret")})
}

/// Logs in with a browser that follows the URL that is printed; gives that URL.
fn log_in(bridge: &Bridge, more: &[&str]) -> (Output, String) {
    let mut found = None;
    let args = [&["auth", "login", "notes", "--no-browser"], more].concat();
    let output = converse_in(bridge.home(), &[], &args, |screen| {
        let whole = screen.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let url = whole.lines().find(|line| line.starts_with("http"));
        if found.is_none()
            && let Some(url) = url
        {
            found = Some(url.to_owned());
            browse(url);
        }
        None
    });
    (output, found.unwrap_or_default())
}

#[test]
fn the_browser_returns_to_the_port_that_is_named() {
    let issuer = Issuer::start();
    let free = || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        listener.local_addr().expect("it is bound").port()
    };
    let check = |configured: Option<u16>, flag: Option<u16>, expected: u16| {
        let auth = configured.map_or(json!({}), |port| json!({"callbackPort": port}));
        let bridge = Bridge::new().entry("notes", issuer.entry_with(&auth));
        bridge.write();
        let flag = flag.map(|port| port.to_string());
        let flags = flag.iter().flat_map(|port| ["--port", port]).collect::<Vec<_>>();
        let (output, url) = log_in(&bridge, &flags);
        output.expect(0);
        let redirect = format!("redirect_uri=http%3A%2F%2F127.0.0.1%3A{expected}%2Fcallback&");
        assert!(url.contains(&redirect), "{url}");
    };
    let (one, other) = (free(), free());
    check(Some(one), None, one);
    check(None, Some(one), one);
    check(Some(one), Some(other), other);
    // A port that somebody else has is told of.
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let bridge = Bridge::new().entry("notes", issuer.entry());
    let output = bridge.run(&["auth", "login", "notes", "--no-browser", "--port", &port]).expect(1);
    assert_words(&output.stderr, &[&port, "auth.callbackPort"]);
    for wrong in ["0", "65536", "x"] {
        bridge.run(&["auth", "login", "notes", "--port", wrong]).expect(2);
    }
}

#[test]
fn a_login_by_tls_trusts_whom_the_machine_trusts() {
    let issuer = Issuer::start();
    issuer.state().scheme = "https";
    let port = terminate_tls(issuer.host());
    let url = format!("https://localhost:{port}/mcp");
    let bridge = |authority: &str| {
        Bridge::new()
            .env("SSL_CERT_FILE", authority)
            .entry("notes", json!({"url": url, "auth": by_itself()}))
    };
    let trusting = bridge(AUTHORITY);
    assert_eq!(trusting.run(&["call", "notes", "echo"]).expect(0).stdout, "machine\n");
    let status = trusting.run(&["auth", "status", "--json"]).expect(0).json();
    let server = format!("https://localhost:{port}");
    assert_eq!(status["servers"][0]["issuer"], server, "{status}");
    // Whoever trusts somebody else sends nothing.
    let strange = bridge(&AUTHORITY.replace("authority", "certificate"));
    let before = issuer.seen().len();
    let refused = strange.run(&["call", "notes", "echo"]).expect(5);
    assert_words(&refused.stderr, &["notes", "certificate"]);
    assert_eq!(issuer.seen().len(), before);
}

#[test]
fn requests_for_tokens_go_by_the_proxy_of_the_environment() {
    // Nobody listens there: whatever is answered came by the proxy.
    let far = |auth: Value| json!({"url": "http://localhost:1/mcp", "auth": auth});
    let issuer = Issuer::start();
    let bridge = |auth: Value, without: &str| {
        Bridge::new()
            .env("HTTP_PROXY", &issuer.url(""))
            .env("HTTPS_PROXY", &issuer.url(""))
            .env("NO_PROXY", without)
            .entry("notes", far(auth))
    };
    let output = bridge(by_itself(), "").run(&["call", "notes", "echo"]).expect(0);
    assert_eq!(output.stdout, "machine\n");
    let seen = issuer.seen();
    assert!(seen.iter().any(|request| request.path == "/token"), "{seen:?}");
    assert!(seen.iter().all(|request| request.is_proxied), "{seen:?}");
    // What need not be looked up is checked all the same, and what must not go by the proxy does not.
    let mut private = by_itself();
    private["tokenUrl"] = "https://10.0.0.1/token".into();
    for (auth, without, words) in [
        (private, "", ["10.0.0.1", "auth.allowPrivateAddresses"]),
        (by_itself(), "localhost", ["localhost:1", "cannot be"]),
    ] {
        let refused = bridge(auth, without).run(&["call", "notes", "echo"]).expect(5);
        assert_words(&refused.stderr, &words);
        assert_eq!(issuer.seen().len(), seen.len(), "{refused:?}");
    }
}

#[test]
fn a_bridge_with_a_secret_of_its_own_asks_for_more_when_it_needs_more() {
    let issuer = Issuer::start();
    let mut client = Bridge::new()
        .entry("notes", json!({"url": issuer.url("/mcp"), "auth": by_itself()}))
        .serve_initialized();
    let mut call = || client.call("notes", "echo", json!({"message": "x"}));
    assert_eq!(text_of(&call()), "machine");
    issuer.state().needs = Some("write");
    assert_eq!(text_of(&call()), "machine");
    assert_eq!(issuer.granted("client_credentials"), 2);
    issuer.state().gives_scopes = false;
    issuer.state().needs = Some("admin");
    for _ in 0..3 {
        assert_words(&error_of(&call(), "mcp_error").to_string(), &["admin"]);
    }
    assert_eq!(issuer.granted("client_credentials"), 3);
}

#[test]
fn a_server_that_refuses_every_token_does_not_use_them_up() {
    let issuer = Issuer::start();
    let bridge = Bridge::new().entry("notes", issuer.entry());
    bridge.write();
    log_in(&bridge, &[]).0.expect(0);
    let mut client = bridge.serve_initialized();
    let mut call = || client.call("notes", "echo", json!({"message": "x"}));
    assert_eq!(text_of(&call()), "user-2");
    issuer.state().hostile = Some(|_, reply| reply.send(401, &[], ""));
    for _ in 0..4 {
        let error = error_of(&call(), "connection_failed");
        assert_words(&error["hint"].to_string(), &["bridge auth login notes"]);
    }
    assert_eq!(issuer.granted("refresh_token"), 1);
    issuer.state().hostile = None;
    assert_eq!(text_of(&call()), "user-2");
    issuer.expire();
    assert_eq!(text_of(&call()), "user-2");
    assert_eq!(issuer.granted("refresh_token"), 2);
}

#[test]
fn who_is_logged_in_is_told_without_asking_anybody() {
    let issuer = Issuer::start();
    let bridge = Bridge::new()
        .entry("notes", issuer.entry())
        .entry("machine", json!({"url": issuer.url("/mcp"), "auth": by_itself()}));
    bridge.write();
    let states = || {
        let status = bridge.run(&["auth", "status", "--json"]).expect(0).json();
        let servers = status["servers"].as_array().cloned().unwrap_or_default();
        servers.iter().map(|server| server["state"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(states(), ["login_needed", "by_itself"]);
    assert!(issuer.seen().is_empty());
    log_in(&bridge, &[]).0.expect(0);
    let before = issuer.seen().len();
    assert_eq!(states(), ["logged_in", "by_itself"]);
    assert_eq!(issuer.seen().len(), before);
}
