//! What is meant for one place stays there, and what a server can make grow has an end.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::renewals::{START, logged_in};
use super::site::{Answer, Asked, Hands, Site, account, as_itself, by_browser, forget, tokens};
use crate::config::{Credential, Grant};
use crate::oauth::{Browser, LoginError, Reason, Status, Store};

/// An authorization server that gives out tokens for an hour, and none to renew them by.
async fn authorization_server() -> Site {
    giving(json!({ "access_token": "access-1", "token_type": "bearer", "expires_in": 3600 })).await
}

/// One that gives out what they are renewed by as well.
async fn renewing() -> Site {
    let token = json!({ "access_token": "access-1", "token_type": "bearer", "refresh_token": "r" });
    giving(token).await
}

async fn giving(token: serde_json::Value) -> Site {
    let answer = move |asked: &Asked| match asked.target.as_str() {
        "/.well-known/oauth-authorization-server" => Answer::json(&json!({
            "issuer": asked.site,
            "token_endpoint": format!("{}/token", asked.site),
            "authorization_endpoint": format!("{}/authorize", asked.site),
            "code_challenge_methods_supported": ["S256"],
        })),
        "/token" => Answer::json(&token),
        _ => Answer::nothing(),
    };
    Site::new(answer).await
}

/// A server that names whichever authorization server it likes.
async fn fickle(named: &Arc<Mutex<String>>) -> Site {
    let named = named.clone();
    let answer = move |asked: &Asked| match asked.target.as_str() {
        "/.well-known/oauth-protected-resource/mcp" => Answer::json(&json!({
            "resource": format!("{}/mcp", asked.site),
            "authorization_servers": [named.lock().expect("no test panics with it").clone()],
        })),
        _ => Answer::new(401, "WWW-Authenticate: Bearer\r\n", ""),
    };
    Site::new(answer).await
}

pub(super) fn by_secret(token_url: Option<String>) -> Grant {
    as_itself(Credential::Secret("client-secret".into()), token_url)
}

#[tokio::test]
async fn a_secret_of_the_config_follows_a_server_to_no_other_authorization_server() {
    let (one, other) = (authorization_server().await, authorization_server().await);
    let named = Arc::new(Mutex::new(one.url.clone()));
    let site = fickle(&named).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (mut account, hands) = (account(&site, by_secret(None)), Hands::at(START));
    let itself = tokens(&account, folder.path(), &hands);
    itself.bearer().await.expect("a token");
    named.lock().expect("no test panics with it").clone_from(&other.url);
    hands.turn(3600);
    let error = itself.bearer().await.expect_err("it is another one");
    assert!(matches!(error, LoginError::Moved { .. }), "{error}");
    let told = error.to_string();
    for part in [&one.url, &other.url].map(|url| url.trim_start_matches("http://")) {
        assert!(told.contains(&format!("`{part}`")), "{told}");
    }
    assert!(told.contains("`bridge auth logout web`"), "{told}");
    assert_eq!((one.count("/token"), other.count("/token")), (1, 0));
    // Nor does that of a login with the user, whom the page would not tell.
    account.login.grant = Grant::AuthorizationCode {
        client_id: Some("c".to_owned()),
        client_secret: Some("client-secret".into()),
        metadata_url: None,
        endpoints: None,
        callback_port: None,
    };
    let user = tokens(&account, folder.path(), &hands);
    let error = Browser::begin(&user, None).await.expect_err("it is another one");
    assert!(matches!(error, LoginError::Moved { .. }), "{error}");
    // Whoever means it says so.
    forget(&itself).await.expect("forgotten");
    itself.bearer().await.expect("a token");
    assert_eq!((one.count("/token"), other.count("/token")), (1, 1));
}

#[tokio::test]
async fn a_server_that_always_wants_something_else_is_not_followed_without_an_end() {
    let site = authorization_server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let grant = by_secret(Some(format!("{}/token", site.url)));
    let hands = Hands::at(START);
    let check = async |account: &_| {
        let tokens = tokens(account, folder.path(), &hands);
        let mut last = None;
        for number in 0..100 {
            let used = tokens.bearer().await.expect("a token");
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"s{number}\"");
            last = tokens.insufficient(&used, Some(&challenge)).await.err();
        }
        let reason = last.expect("it is too much");
        let is_told = matches!(reason, LoginError::LoginNeeded { reason: Reason::Scope, .. });
        assert!(is_told, "{reason}");
    };
    check(&account(&site, grant)).await;
    let kept = Store::new(folder.path().to_owned());
    assert!(site.count("/token") <= 65, "{}", site.count("/token"));
    let account = account(&site, by_browser());
    assert_eq!(kept.sweep(None).faults, []);
    logged_in(&account, &site, &kept, START + 3600);
    check(&account).await;
    let record = kept.load(&account).expect("readable").expect("it is kept");
    assert_eq!(record.wanted.len(), 64);
}

#[tokio::test]
async fn a_server_that_refuses_a_token_is_asked_again_where_tokens_come_from() {
    let (one, other) = (renewing().await, renewing().await);
    let named = Arc::new(Mutex::new(one.url.clone()));
    let site = fickle(&named).await;
    let folder = tempfile::tempdir().expect("a folder");
    let account = account(&site, by_secret(None));
    let tokens = tokens(&account, folder.path(), &Hands::at(START));
    let used = tokens.bearer().await.expect("a token");
    named.lock().expect("no test panics with it").clone_from(&other.url);
    let error = tokens.refused(&used, None).await.expect_err("it is another one");
    assert!(matches!(error, LoginError::Moved { .. }), "{error}");
    assert_eq!((one.count("/token"), other.count("/token")), (1, 0));
}

#[tokio::test]
async fn a_token_that_never_ends_has_a_date_all_the_same() {
    let site = Site::new(|_: &Asked| {
        Answer::json(&json!({
            "access_token": "access-1", "token_type": "bearer", "expires_in": u64::MAX,
        }))
    });
    let site = site.await;
    let folder = tempfile::tempdir().expect("a folder");
    let account = account(&site, by_secret(Some(format!("{}/token", site.url))));
    let tokens = tokens(&account, folder.path(), &Hands::at(START));
    tokens.bearer().await.expect("a token");
    let Status::LoggedIn { expires_at: Some(at), is_expired: false, .. } =
        tokens.status().await.expect("readable")
    else {
        panic!("it is good for long");
    };
    let at = UNIX_EPOCH + Duration::from_secs(at);
    assert_eq!(humantime::format_rfc3339_seconds(at).to_string(), "9999-12-31T23:59:59Z");
}
