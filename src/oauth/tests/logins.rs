//! Logins with a user, played by the test.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::site::{Answer, Asked, Hands, Site, account, by_browser, tokens};
use crate::config::Grant;
use crate::oauth::{AnswerError, Browser, Device, LoginError, Tokens};

/// A server and its authorization server, which names itself and registers everybody.
fn everything(asked: &Asked) -> Answer {
    let site = &asked.site;
    match asked.target.split('?').next().unwrap_or_default() {
        "/mcp" => {
            let at = format!("{site}/metadata");
            Answer::new(
                401,
                &format!("WWW-Authenticate: Bearer resource_metadata=\"{at}\", scope=\"read\"\r\n"),
                "",
            )
        }
        "/metadata" => Answer::json(&json!({
            "resource": format!("{site}/mcp"),
            "authorization_servers": [format!("{site}/tenant")],
        })),
        "/.well-known/openid-configuration/tenant" => Answer::json(&json!({
            "issuer": format!("{site}/tenant"),
            "token_endpoint": format!("{site}/token"),
            "authorization_endpoint": format!("{site}/authorize?audience=x"),
            "registration_endpoint": format!("{site}/register"),
            "device_authorization_endpoint": format!("{site}/device"),
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": true,
        })),
        "/register" => {
            let said = json!({ "client_id": "registered" }).to_string();
            Answer::new(201, "Content-Type: application/json\r\n", said)
        }
        "/token" => Answer::json(&json!({
            "access_token": "access-planted", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "refresh-planted",
        })),
        _ => Answer::nothing(),
    }
}

fn by_code() -> Grant {
    Grant::DeviceCode {
        client_id: Some("c".to_owned()),
        client_secret: None,
        metadata_url: None,
        endpoints: None,
    }
}

fn query(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// What a browser does; gives the status.
async fn visit(url: &str, host: Option<&str>) -> String {
    let url = Url::parse(url).expect("a URL");
    let address = format!("127.0.0.1:{}", url.port().expect("it has one"));
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("somebody listens");
    let target = &url[url::Position::BeforePath..];
    let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", host.unwrap_or(&address));
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_user_logs_in_by_a_browser() {
    let site = Site::new(everything).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_browser()), Hands::at(1_000_000));
    let ours = tokens(&account, folder.path(), &hands);
    let login = Browser::begin(&ours, None).await.expect("begun");
    let url = login.url().clone();
    assert_eq!(query(&url, "resource"), format!("{}/mcp", site.url));
    assert_eq!((query(&url, "scope"), query(&url, "audience")), ("read".into(), "x".into()));
    assert_eq!(
        (query(&url, "client_id"), query(&url, "code_challenge_method")),
        ("registered".into(), "S256".into())
    );
    let (redirect, state) = (query(&url, "redirect_uri"), query(&url, "state"));
    let issuer = format!("{}/tenant", site.url);
    let right = format!("{redirect}?code=code-planted&state={state}&iss={issuer}");
    let browser = async {
        assert_eq!(visit(&format!("{redirect}?code=evil&state=guessed"), None).await, "400");
        assert_eq!(visit(&right.replace("/callback", "/other"), None).await, "404");
        assert_eq!(visit(&right, Some("rebind.example")).await, "404");
        visit(&right, None).await
    };
    let (returned, status) = tokio::join!(login.wait(), browser);
    assert_eq!(status, "200");
    let shown = format!("{login:?} {returned:?}");
    assert!(!shown.contains("code-planted"), "{shown}");
    login.finish(returned.expect("the answer")).await.expect("logged in");
    let asked = &site.all("/token")[0];
    let field = |name: &str| asked.field(name).unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
    assert_eq!(challenge, query(&url, "code_challenge"));
    assert!(!shown.contains(&field("code_verifier")), "{shown}");
    assert_eq!((field("code"), field("redirect_uri")), ("code-planted".into(), redirect.clone()));
    assert_eq!(
        (field("client_id"), field("resource")),
        ("registered".into(), format!("{}/mcp", site.url))
    );
    for tokens in [&ours, &tokens(&account, folder.path(), &hands)] {
        assert_eq!(tokens.bearer().await.expect("a token").expose(), "access-planted");
    }
    // The next login is of the same client, which registered with the same way back.
    let again = Browser::begin(&ours, None).await.expect("begun");
    assert_eq!((again.redirect(), site.count("/register")), (&*redirect, 1));
}

/// Logs in at [`everything`], and gives the URL at which that was.
async fn log_in(tokens: &Tokens) -> Url {
    let login = Browser::begin(tokens, None).await.expect("begun");
    let url = login.url().clone();
    let issuer = query(&url, "resource").replace("/mcp", "/tenant");
    let pasted = format!("{}?code=c&state={}&iss={issuer}", login.redirect(), query(&url, "state"));
    let returned = login.read(&pasted).expect("the answer");
    login.finish(returned).await.expect("logged in");
    url
}

#[tokio::test]
async fn a_document_stands_for_the_client_where_it_is_read() {
    let document = "https://bridge.example/client.json";
    let check = async |is_read: bool, expected: &str| {
        let site = Site::new(move |asked| match asked.target.as_str() {
            "/.well-known/openid-configuration/tenant" => {
                let mut said: serde_json::Value =
                    serde_json::from_str(everything(asked).text()).expect("JSON");
                said["client_id_metadata_document_supported"] = json!(is_read);
                Answer::json(&said)
            }
            _ => everything(asked),
        });
        let site = site.await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut account = account(&site, by_browser());
        let Grant::AuthorizationCode { metadata_url, .. } = &mut account.login.grant else {
            panic!("it is by browser")
        };
        *metadata_url = Some(document.to_owned());
        let hands = Hands::at(1_000_000);
        let url = log_in(&tokens(&account, folder.path(), &hands)).await;
        assert_eq!(query(&url, "client_id"), expected);
        assert_eq!(site.all("/token")[0].field("client_id").as_deref(), Some(expected));
        let other = tokens(&account, folder.path(), &hands);
        assert_eq!(other.bearer().await.expect("a token").expose(), "access-planted");
        // Without the document in the config, a login for it is not one of this client any more.
        account.login.grant = by_browser();
        let other = tokens(&account, folder.path(), &hands).bearer().await;
        assert_eq!(other.is_ok(), !is_read, "{other:?}");
        site.count("/register")
    };
    assert_eq!(check(true, document).await, 0);
    assert_eq!(check(false, "registered").await, 1);
}

#[tokio::test]
async fn nobody_is_sent_to_log_in_again_for_what_the_login_asked_for() {
    let site = Site::new(everything).await;
    let folder = tempfile::tempdir().expect("a folder");
    let account = account(&site, by_browser());
    let tokens = tokens(&account, folder.path(), &Hands::at(1_000_000));
    assert_eq!(query(&log_in(&tokens).await, "scope"), "read");
    let refused = async |scope: &str| {
        let used = tokens.bearer().await.expect("a token");
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        tokens.insufficient(&used, Some(&challenge)).await.expect_err("it is not good for that")
    };
    let needed = |error: &LoginError| matches!(error, LoginError::LoginNeeded { .. });
    let error = refused("write").await;
    assert!(needed(&error), "{error}");
    assert_eq!(query(&log_in(&tokens).await, "scope"), "read write");
    let error = refused("write").await;
    assert!(error.lacks_scope() && error.command().is_none(), "{error}");
    assert!(error.to_string().contains("it asks for `write`, which the last login"), "{error}");
    let error = refused("write admin").await;
    assert!(needed(&error), "{error}");
}

#[tokio::test]
async fn a_login_asks_for_what_renews_it_where_there_is_such_a_scope() {
    let check = async |wanted: &'static str, configured: &[&str], supported: &str, expected| {
        let known = json!(supported.split(' ').collect::<Vec<_>>());
        let site = Site::new(move |asked| match asked.target.as_str() {
            "/mcp" => {
                let challenge = format!("WWW-Authenticate: Bearer{wanted}\r\n");
                Answer::new(401, &challenge, "")
            }
            "/.well-known/oauth-authorization-server" => Answer::json(&json!({
                "issuer": asked.site,
                "token_endpoint": format!("{}/token", asked.site),
                "authorization_endpoint": format!("{}/authorize", asked.site),
                "registration_endpoint": format!("{}/register", asked.site),
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": known,
            })),
            "/register" => everything(asked),
            _ => Answer::nothing(),
        });
        let site = site.await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut account = account(&site, by_browser());
        account.login.scopes = configured.iter().map(ToString::to_string).collect();
        let tokens = tokens(&account, folder.path(), &Hands::at(1));
        let login = Browser::begin(&tokens, None).await.expect("begun");
        let (scope, prompt) = (query(login.url(), "scope"), query(login.url(), "prompt"));
        assert_eq!((scope.as_str(), prompt.as_str()), expected, "{wanted} {configured:?}");
    };
    let offline = "read offline_access";
    check(" scope=\"read\"", &[], offline, (offline, "consent")).await;
    check(" scope=\"read\"", &[], "read", ("read", "")).await;
    check(" scope=\"read\"", &["write"], offline, ("write", "")).await;
    // What is usual there may be more than a scope that it does not belong to.
    check("", &[], offline, ("", "")).await;
}

#[tokio::test]
async fn what_a_user_pastes_is_checked() {
    let site = Site::new(everything).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_browser()), Hands::at(1_000_000));
    let login =
        Browser::begin(&tokens(&account, folder.path(), &hands), None).await.expect("begun");
    let issuer = format!("{}/tenant", site.url);
    let state = query(login.url(), "state");
    let check = |query: &str, expected: Option<AnswerError>| {
        let pasted = format!(" {}?{query}\n", login.redirect());
        match (login.read(&pasted), expected) {
            (Ok(_), None) => {}
            (Err(LoginError::Answer(error)), Some(expected)) => {
                assert_eq!(error, expected, "{query}");
            }
            (other, expected) => panic!("{query}: {other:?} {expected:?}"),
        }
    };
    let issuer_error =
        |found: &str| AnswerError::Issuer { found: found.to_owned(), expected: issuer.clone() };
    check(&format!("code=c&state={state}&iss={issuer}"), None);
    check(&format!("code=c&state={state}x&iss={issuer}"), Some(AnswerError::State));
    check("code=c", Some(AnswerError::State));
    check(&format!("code=c&state={state}&state={state}&iss={issuer}"), Some(AnswerError::State));
    check(&format!("code=c&state={state}"), Some(issuer_error("")));
    check(
        &format!("code=c&state={state}&iss=https://evil.example"),
        Some(issuer_error("https://evil.example")),
    );
    check(&format!("state={state}&iss={issuer}"), Some(AnswerError::NoCode));
    let denied =
        AnswerError::Denied { code: "access_denied".to_owned(), description: "no".to_owned() };
    check(
        &format!("error=access_denied&error_description=n%1bo&state={state}&iss={issuer}"),
        Some(denied),
    );
    // A bare code does not say who it is from, which this authorization server always does.
    assert!(matches!(login.read("bare"), Err(LoginError::Answer(AnswerError::NoCode))));
}

#[tokio::test]
async fn without_pkce_nobody_is_sent_to_log_in() {
    let site = Site::new(|asked| {
        let site = &asked.site;
        match asked.target.as_str() {
            "/.well-known/oauth-authorization-server" => Answer::json(&json!({
                "issuer": site,
                "token_endpoint": format!("{site}/token"),
                "authorization_endpoint": format!("{site}/authorize"),
                "code_challenge_methods_supported": ["plain"],
            })),
            _ => Answer::nothing(),
        }
    });
    let site = site.await;
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = tokens(&account(&site, by_browser()), folder.path(), &Hands::at(1));
    let error = Browser::begin(&tokens, None).await.expect_err("it is refused");
    assert!(error.to_string().contains("PKCE with S256"), "{error}");
    let tokens = super::site::tokens(&account(&site, by_code()), folder.path(), &Hands::at(1));
    let error = Device::begin(&tokens, None).await.expect_err("there is no such endpoint");
    assert!(error.to_string().contains("gives out no codes"), "{error}");
}

/// The server decides how often it is asked.
#[tokio::test(start_paused = true)]
async fn a_user_types_a_code() {
    let polls = AtomicUsize::new(0);
    let site = Site::new(move |asked| {
        let fault = |code: &str, status: u16| {
            Answer::new(
                status,
                "Content-Type: application/json\r\n",
                json!({ "error": code }).to_string(),
            )
        };
        match asked.target.as_str() {
            "/device" => Answer::json(&json!({
                "device_code": "device-planted", "user_code": "AB-\u{202e}CD", "verification_uri": format!("{}/go", asked.site),
                "expires_in": 600, "interval": 3,
            })),
            "/token" => match polls.fetch_add(1, Ordering::Relaxed) {
                0 => fault("authorization_pending", 400),
                // Some answer so.
                1 => fault("slow_down", 200),
                2 => everything(asked),
                _ => fault("expired_token", 400),
            },
            _ => everything(asked),
        }
    });
    let site = site.await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_code()), Hands::at(1_000_000));
    let tokens = tokens(&account, folder.path(), &hands);
    let login = Device::begin(&tokens, None).await.expect("begun");
    assert_eq!((login.code().as_str(), login.url().path()), ("AB-CD", "/go"));
    assert!(!format!("{login:?}").contains("device-planted"));
    let begun = tokio::time::Instant::now();
    login.finish().await.expect("logged in");
    // After 3 s, 3 s more, and 8 s more since it was asked too often.
    assert_eq!(begun.elapsed().as_secs(), 14);
    assert_eq!(tokens.bearer().await.expect("a token").expose(), "access-planted");
    let asked = &site.all("/token")[2];
    assert_eq!(asked.field("device_code").as_deref(), Some("device-planted"));
    let late = Device::begin(&tokens, None).await.expect("begun");
    let error = late.finish().await.expect_err("the code has ended");
    assert!(error.to_string().contains("has expired before anybody logged in"), "{error}");
}
