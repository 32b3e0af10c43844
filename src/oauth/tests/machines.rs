//! Logins of machines as themselves: fetched without anybody, signed for where a key says who they are, and widened once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::renewals::{START, rotating};
use super::site::{Answer, Hands, Site, account, as_itself, forget, tokens};
use crate::config::{Credential, Grant};
use crate::oauth::{LoginError, Reason, Revocation, Status};

fn token_url(site: &Site) -> String {
    format!("{}/token", site.url)
}

#[tokio::test]
async fn a_token_for_the_bridge_itself_is_fetched_before_it_ends() {
    let site = Site::new(rotating()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let grant = Grant::ClientCredentials {
        client_id: "c".to_owned(),
        credential: Credential::Secret("client-secret".into()),
        token_url: Some(format!("{}/token", site.url)),
        audience: Some("them".to_owned()),
    };
    let (account, hands) = (account(&site, grant), Hands::at(START));
    assert!(!format!("{account:?}").contains("client-secret"));
    let one = tokens(&account, &folder.path().join("tokens"), &hands);
    assert_eq!(one.status().await.expect("readable"), Status::LoggedOut);
    // It comes with a token to renew it by, which is used.
    for (turn, expected, requests) in
        [(0, "access-2", 1), (3539, "access-2", 1), (1, "access-3", 2)]
    {
        hands.turn(turn);
        assert_eq!(one.bearer().await.expect("a token").expose(), expected);
        assert_eq!(site.count("/token"), requests);
    }
    let asked = &site.all("/token")[0];
    let field = |name: &str| asked.field(name).unwrap_or_default();
    assert_eq!(
        (field("grant_type"), field("audience")),
        ("client_credentials".into(), "them".into())
    );
    assert!(asked.head.to_ascii_lowercase().contains("authorization: basic "), "{}", asked.head);
    // Another process finds it, and the secret of the config is not kept with it.
    let other = tokens(&account, &folder.path().join("tokens"), &hands);
    assert_eq!(other.bearer().await.expect("a token").expose(), "access-3");
    assert_eq!(site.count("/token"), 2);
    for entry in std::fs::read_dir(folder.path().join("tokens")).expect("a folder") {
        let entry = entry.expect("an entry");
        let text = std::fs::read_to_string(entry.path()).expect("readable");
        assert!(!text.contains("client-secret"), "{text}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = entry.metadata().expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
        }
    }
    let unsupported = Revocation::Unsupported { issuer: site.url.clone() };
    assert_eq!(forget(&other).await.expect("forgotten"), [unsupported]);
    assert_eq!(forget(&other).await.expect("nothing left"), []);
}

#[tokio::test]
async fn a_client_with_a_key_signs_for_each_token() {
    let check = async |is_configured: bool, expected: &str| {
        let site = Site::new(move |asked| match asked.target.as_str() {
            "/.well-known/oauth-authorization-server" => Answer::json(&json!({
                "issuer": asked.site,
                "token_endpoint": format!("{}/token", asked.site),
            })),
            "/token" => Answer::json(&json!({
                "access_token": format!("access-{}", asked.body.len()), "token_type": "bearer",
                "expires_in": 60, "refresh_token": "refresh",
            })),
            _ => Answer::nothing(),
        });
        let site = site.await;
        let folder = tempfile::tempdir().expect("a folder");
        let grant = as_itself(
            Credential::Key(include_str!("rsa.pem").into()),
            is_configured.then(|| token_url(&site)),
        );
        let (account, hands) = (account(&site, grant), Hands::at(START));
        let tokens = tokens(&account, folder.path(), &hands);
        tokens.bearer().await.expect("a token");
        hands.turn(60);
        tokens.bearer().await.expect("another token");
        let asked = site.all("/token");
        let mut said = Vec::new();
        for asked in &asked {
            let field = |name: &str| asked.field(name).unwrap_or_default();
            assert_eq!(field("grant_type"), "client_credentials");
            assert_eq!(
                field("client_assertion_type"),
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            assert_eq!((field("client_id"), asked.field("client_secret")), ("c".into(), None));
            assert!(!asked.head.to_ascii_lowercase().contains("authorization:"), "{}", asked.head);
            let signed = field("client_assertion");
            let claims = signed.split('.').nth(1).expect("three parts");
            let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
            let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
            assert_eq!(claims["aud"], format!("{}{expected}", site.url));
            said.push(claims["iat"].clone());
        }
        assert_eq!(said, [START, START + 60]);
        for entry in std::fs::read_dir(folder.path()).expect("a folder") {
            let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("readable");
            assert!(!text.contains("PRIVATE KEY"), "{text}");
        }
    };
    check(true, "/token").await;
    check(false, "").await;
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_named() {
    let site = Site::new(rotating()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let grant = as_itself(Credential::Key("planted".into()), Some(token_url(&site)));
    let tokens = tokens(&account(&site, grant), folder.path(), &Hands::at(START));
    let error = tokens.bearer().await.expect_err("it is no key").to_string();
    assert!(error.starts_with("`auth.privateKey` of `web` cannot be used: it is not"), "{error}");
    assert!(!error.contains("planted"), "{error}");
    assert_eq!(site.count("/token"), 0);
}

#[tokio::test]
async fn a_token_for_the_bridge_itself_is_widened_once() {
    let site = Site::new(rotating()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let grant = as_itself(Credential::Secret("client-secret".into()), Some(token_url(&site)));
    let (mut account, hands) = (account(&site, grant), Hands::at(START));
    account.login.scopes = vec!["read".to_owned()];
    let tokens = tokens(&account, folder.path(), &hands);
    let narrow = tokens.bearer().await.expect("a token");
    let challenge = Some("Bearer error=\"insufficient_scope\", scope=\"read write\"");
    let wide = tokens.insufficient(&narrow, challenge).await.expect("another token");
    assert_ne!(narrow, wide);
    // A call that was slow to hear of it gets what there is.
    assert_eq!(tokens.insufficient(&narrow, challenge).await.expect("the same"), wide);
    let scopes = site.all("/token").iter().map(|asked| asked.field("scope")).collect::<Vec<_>>();
    assert_eq!(scopes, [Some("read".to_owned()), Some("read write".to_owned())]);
    let error = tokens.insufficient(&wide, challenge).await.expect_err("it was asked for that");
    assert!(matches!(error, LoginError::LoginNeeded { reason: Reason::Scope, .. }), "{error}");
    assert_eq!(site.count("/token"), 2);
    // It stays wide when it is renewed.
    hands.turn(3600);
    tokens.bearer().await.expect("a token");
    assert_eq!(site.count("/token"), 3);
}
