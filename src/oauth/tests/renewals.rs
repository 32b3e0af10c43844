//! Tokens over time: when they are renewed, how often, and what is said when they are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use url::Url;

use super::site::{Answer, Asked, Hands, Site, account, by_browser, tokens};
use crate::base::secret::Secret;
use crate::config::Grant;
use crate::oauth::record::Held;
use crate::oauth::registration::{Client, Proof};
use crate::oauth::{Account, LoginError, Metadata, Reason, Record, Store};

pub(super) const START: u64 = 1_000_000;

/// An authorization server that gives out `a2` and `r2`, then `a3` and `r3`, and so on, each token to be traded in once.
pub(super) fn rotating() -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    let number = AtomicUsize::new(1);
    move |asked: &Asked| {
        let now = number.load(Ordering::Relaxed);
        let expected = Some(format!("refresh-{now}"));
        if asked.field("grant_type").as_deref() == Some("refresh_token")
            && asked.field("refresh_token") != expected
        {
            return refusal(asked);
        }
        number.store(now + 1, Ordering::Relaxed);
        Answer::json(&json!({
            "access_token": format!("access-{}", now + 1),
            "refresh_token": format!("refresh-{}", now + 1),
            "token_type": "bearer",
            "expires_in": "3600",
        }))
    }
}

/// What a bad server says: it shows what it was sent.
fn refusal(asked: &Asked) -> Answer {
    let said = json!({ "error": "invalid_grant", "error_description": format!("no:\u{1b}[1m {:?}", asked.field("refresh_token")) });
    Answer::new(400, "Content-Type: application/json\r\n", said.to_string())
}

/// What the authorization server says of itself.
fn metadata(site: &Site) -> Metadata {
    let at = |path: &str| Url::parse(&format!("{}{path}", site.url)).expect("a URL");
    Metadata {
        is_issuer_certain: true,
        revocation: Some(at("/revoke")),
        ..Metadata::silent(site.url.clone(), at("/token"))
    }
}

/// A login that was made an hour before `expires_at`.
pub(super) fn logged_in(account: &Account, site: &Site, store: &Store, expires_at: u64) -> Record {
    let client = Client {
        id: "c1".to_owned(),
        secret: Some("client-secret".into()),
        proof: Proof::Header,
        redirect: None,
        expires_at: None,
        is_registered: true,
    };
    let mut record = Record::new(account, &metadata(site), &client);
    record.resource = Some(format!("{}/mcp", site.url));
    record.scopes = vec!["read".to_owned()];
    record.tokens = Some(Held {
        access: "access-1".into(),
        refresh: Some("refresh-1".into()),
        renew_at: Some(expires_at - 60),
        expires_at: Some(expires_at),
    });
    store.save(account, &record).expect("kept");
    record
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_calls_of_two_processes_cause_one_renewal() {
    let site = Site::new(rotating()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_browser()), Hands::at(START));
    logged_in(&account, &site, &Store::new(folder.path().to_owned()), START + 60);
    let processes =
        [tokens(&account, folder.path(), &hands), tokens(&account, folder.path(), &hands)];
    let all = |used: Option<Secret>| {
        let calls = (0..50).map(|number| {
            let (tokens, used) = (processes[number % 2].clone(), used.clone());
            tokio::spawn(async move {
                match used {
                    Some(used) => {
                        tokens.refused(&used, Some("Bearer error=\"invalid_token\"")).await
                    }
                    None => tokens.bearer().await,
                }
            })
        });
        let calls: Vec<_> = calls.collect();
        async move {
            let mut got = Vec::new();
            for call in calls {
                got.push(call.await.expect("no panic").expect("a token").expose().to_owned());
            }
            got.dedup();
            got
        }
    };
    assert_eq!(all(None).await, ["access-2"]);
    assert_eq!(site.count("/token"), 1);
    // The server refuses it all the same: one renewal, with the token that came last.
    assert_eq!(all(Some("access-2".into())).await, ["access-3"]);
    assert_eq!(site.count("/token"), 2);
    // A call that was slow to hear of it gets what there is.
    assert_eq!(all(Some("access-1".into())).await, ["access-3"]);
    let asked = site.all("/token");
    let sent: Vec<_> = asked.iter().map(|asked| asked.field("refresh_token")).collect();
    assert_eq!(sent, [Some("refresh-1".to_owned()), Some("refresh-2".to_owned())]);
    assert_eq!(asked[0].field("resource"), Some(format!("{}/mcp", site.url)));
    assert_eq!(asked[0].field("scope"), None);
}

#[tokio::test]
async fn a_refused_renewal_says_what_to_run_and_nothing_secret() {
    let site = Site::new(refusal).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_browser()), Hands::at(START));
    let store = Store::new(folder.path().to_owned());
    let record = logged_in(&account, &site, &store, START);
    let tokens = tokens(&account, folder.path(), &hands);
    let error = tokens.bearer().await.expect_err("it is refused");
    let expected = "`web` needs a login: the token is no longer good, and its renewal was refused; run `bridge auth login web`";
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.command(), Some("bridge auth login web"));
    // It is not sent again, and the registration stays.
    let error = tokens.bearer().await.expect_err("nobody has logged in since");
    assert!(matches!(error, LoginError::LoginNeeded { reason: Reason::NoToken, .. }), "{error}");
    assert_eq!(site.count("/token"), 1);
    let kept = store.load(&account).expect("readable").expect("it is kept");
    assert!(!kept.has_token() && !kept.is_renewable());
    let shown = format!("{record:?} {kept:?} {error:?} {error} {tokens:?}");
    for planted in ["access-1", "refresh-1", "client-secret"] {
        assert!(!shown.contains(planted), "{planted} in {shown}");
    }
}

#[tokio::test]
async fn trouble_of_the_authorization_server_costs_no_login() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let (broken, rotating) = (is_broken.clone(), rotating());
    let site = Site::new(move |asked| {
        if broken.load(Ordering::Relaxed) {
            Answer::new(503, "", "<html>refresh-1")
        } else {
            rotating(asked)
        }
    });
    let site = site.await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_browser()), Hands::at(START));
    logged_in(&account, &site, &Store::new(folder.path().to_owned()), START + 30);
    let tokens = tokens(&account, folder.path(), &hands);
    // Half a minute is left.
    assert_eq!(tokens.bearer().await.expect("it is still good").expose(), "access-1");
    hands.turn(30);
    let error = tokens.bearer().await.expect_err("it has ended");
    assert!(
        matches!(error, LoginError::Grant { .. }) && !error.to_string().contains("refresh-1"),
        "{error}"
    );
    is_broken.store(false, Ordering::Relaxed);
    assert_eq!(tokens.bearer().await.expect("renewed").expose(), "access-2");
}

#[tokio::test]
async fn a_renewal_goes_on_when_nobody_waits_for_it() {
    let site = Site::new(rotating()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_browser()), Hands::at(START));
    logged_in(&account, &site, &Store::new(folder.path().to_owned()), START);
    let tokens = tokens(&account, folder.path(), &hands);
    // One poll starts it; then the call is given up.
    let given_up = futures_util::FutureExt::now_or_never(tokens.bearer());
    assert!(given_up.is_none());
    assert_eq!(tokens.bearer().await.expect("a token").expose(), "access-2");
    assert_eq!(site.count("/token"), 1);
}

#[tokio::test]
async fn a_token_that_is_not_enough_asks_for_a_login_with_more() {
    let site = Site::new(rotating()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_browser()), Hands::at(START));
    let store = Store::new(folder.path().to_owned());
    logged_in(&account, &site, &store, START + 3600);
    let tokens = tokens(&account, folder.path(), &hands);
    let used = tokens.bearer().await.expect("a token");
    let challenge = Some("Bearer error=\"insufficient_scope\", scope=\"read write\"");
    let error = tokens.insufficient(&used, challenge).await.expect_err("a login is needed");
    let LoginError::LoginNeeded { scopes, reason: Reason::Scope, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(scopes, &["read", "write"]);
    assert!(
        error.to_string().ends_with("run `bridge auth login web` (it asks for `read write`)"),
        "{error}"
    );
    // What the token is good for it still does, and the next login knows.
    assert_eq!(tokens.bearer().await.expect("still good"), used);
    let kept = store.load(&account).expect("readable").expect("it is kept");
    assert_eq!(kept.wanted, ["read", "write"]);
}

#[tokio::test]
async fn a_login_counts_for_what_it_was_made_for() {
    let site = Site::new(rotating()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let account = account(&site, by_browser());
    let store = Store::new(folder.path().to_owned());
    logged_in(&account, &site, &store, START + 3600);
    let check = |other: Account, expected: bool| {
        assert_eq!(store.load(&other).expect("readable").is_some(), expected, "{other:?}");
    };
    check(account.clone(), true);
    check(Account { server: "other".to_owned(), ..account.clone() }, false);
    let elsewhere = account.resource.as_ref().and_then(|url| url.join("/other").ok());
    check(Account { resource: elsewhere, ..account.clone() }, false);
    let mut configured = account.clone();
    if let Grant::AuthorizationCode { client_id, .. } = &mut configured.login.grant {
        *client_id = Some("mine".to_owned());
    }
    check(configured, false);
}

#[tokio::test]
async fn a_token_that_is_renewed_in_vain_is_not_renewed_with_each_call() {
    let site = Site::new(rotating()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_browser()), Hands::at(START));
    logged_in(&account, &site, &Store::new(folder.path().to_owned()), START + 3600);
    let tokens = tokens(&account, folder.path(), &hands);
    let challenge = Some("Bearer error=\"invalid_token\"");
    for (turn, renewals) in [(0, 1), (0, 1), (299, 1), (1, 2), (0, 2)] {
        hands.turn(turn);
        let used = tokens.bearer().await.expect("it has not expired");
        match tokens.refused(&used, challenge).await {
            Ok(renewed) => tokens.was_in_vain(&renewed),
            Err(error) => {
                let is_refused =
                    matches!(error, LoginError::LoginNeeded { reason: Reason::Refused, .. });
                assert!(is_refused, "{error}");
            }
        }
        assert_eq!(site.count("/token"), renewals, "{turn}");
    }
    // One that was taken since has only grown old.
    let used = tokens.bearer().await.expect("it has not expired");
    tokens.was_taken(&used);
    let renewed = tokens.refused(&used, challenge).await.expect("it is renewed");
    assert_eq!(site.count("/token"), 3);
    tokens.was_in_vain(&renewed);
    // One that somebody else brings is as good as new.
    let mut record = Store::new(folder.path().to_owned()).load(&account).expect("readable");
    let held = record.as_mut().and_then(|record| record.tokens.as_mut()).expect("it is kept");
    held.access = "access-new".into();
    let record = record.expect("it is kept");
    Store::new(folder.path().to_owned()).save(&account, &record).expect("kept");
    let used = tokens.bearer().await.expect("it has not expired");
    assert_eq!(used.expose(), "access-new");
    tokens.refused(&used, challenge).await.expect("it is renewed");
    assert_eq!(site.count("/token"), 4);
}
