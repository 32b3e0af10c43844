//! Tokens that are forgotten, and made worthless where they come from.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::bindings::by_secret;
use super::renewals::{START, logged_in};
use super::site::{Answer, Asked, Hands, Site, account, by_browser, forget, tokens};
use crate::oauth::{Account, Leftover, Revocation, Store, StoreError};

#[tokio::test]
async fn tokens_are_forgotten_whatever_comes_of_revoking_them() {
    let check = async |answers: [(u16, &'static str); 2], expected: &str, asked: usize| {
        let number = AtomicUsize::new(0);
        let site = Site::new(move |_| {
            let (status, body) = answers[number.fetch_add(1, Ordering::Relaxed)];
            Answer::new(status, "Content-Type: application/json\r\n", body)
        });
        let site = site.await;
        let folder = tempfile::tempdir().expect("a folder");
        let (account, hands) = (account(&site, by_browser()), Hands::at(START));
        let store = Store::new(folder.path().to_owned());
        logged_in(&account, &site, &store, START + 3600);
        let tokens = tokens(&account, folder.path(), &hands);
        let told = forget(&tokens).await.expect("forgotten");
        assert_eq!(store.load(&account).expect("readable"), None);
        let told = match &told[..] {
            [Revocation::Done { .. }] => "done",
            [Revocation::Failed { reason, .. }] => reason,
            other => panic!("{other:?}"),
        };
        assert!(told.contains(expected) && !told.contains("-1"), "{told}");
        let sent = site.all("/revoke");
        let kinds = sent.iter().map(|asked| {
            assert!(asked.head.to_ascii_lowercase().contains("authorization: basic "), "{asked:?}");
            (
                asked.field("token").expect("a token"),
                asked.field("token_type_hint").expect("a kind"),
            )
        });
        let all = [("refresh-1", "refresh_token"), ("access-1", "access_token")];
        let all = all.map(|(token, kind)| (token.to_owned(), kind.to_owned()));
        assert_eq!(kinds.collect::<Vec<_>>(), all[..asked]);
    };
    check([(200, ""), (200, "")], "done", 2).await;
    check([(200, ""), (400, r#"{"error": "unsupported_token_type"}"#)], "done", 2).await;
    check([(503, ""), (200, "")], "HTTP status 503", 1).await;
    let repeats = r#"{"error": "invalid_client", "error_description": "no: refresh-1"}"#;
    check([(401, repeats), (200, "")], "says `invalid_client`: no: ***", 1).await;
    let other = r#"{"error": "access-1", "error_description": "no: refresh-1"}"#;
    check([(200, ""), (400, other)], "says `***`: no: ***", 2).await;
    check([(200, ""), (500, "access-1")], "HTTP status 500", 2).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_long_for_tokens_to_be_revoked() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let site = Site::new(|_| Answer::nothing()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_browser()), Hands::at(START));
    let store = Store::new(folder.path().to_owned());
    let mut record = logged_in(&account, &site, &store, START + 3600);
    record.revocation_url = Some(format!("http://{}/", silent.local_addr().expect("bound")));
    store.save(&account, &record).expect("kept");
    let begun = tokio::time::Instant::now();
    let told = forget(&tokens(&account, folder.path(), &hands)).await.expect("forgotten");
    assert!(matches!(&told[..], [Revocation::Failed { .. }]), "{told:?}");
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!(store.load(&account).expect("readable"), None);
}

#[tokio::test]
async fn addresses_that_are_not_asked_are_told_with_the_reason() {
    let site = Site::new(|_| Answer::nothing()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (account, hands) = (account(&site, by_browser()), Hands::at(START));
    let store = Store::new(folder.path().to_owned());
    let check = async |url: Option<&str>, expected: Result<(), [&str; 2]>| {
        let mut record = logged_in(&account, &site, &store, START + 3600);
        record.revocation_url = url.map(str::to_owned);
        store.save(&account, &record).expect("kept");
        let told = forget(&tokens(&account, folder.path(), &hands)).await.expect("forgotten");
        match (&told[..], expected) {
            ([Revocation::Unsupported { issuer }], Ok(())) => assert_eq!(issuer, &site.url),
            ([Revocation::Failed { host, reason }], Err([who, part])) => {
                assert_eq!(host, who);
                assert!(reason.contains(part), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(store.load(&account).expect("readable"), None);
    };
    check(None, Ok(())).await;
    check(Some("https://10.0.0.1/revoke"), Err(["10.0.0.1", "a private address"])).await;
    check(Some("http://a.example:81/revoke"), Err(["a.example:81", "is a `http:` URL"])).await;
    check(Some("revoke"), Err([&site.url, "is no URL"])).await;
}

#[tokio::test]
async fn what_is_left_of_another_entry_is_revoked_as_well() {
    let site = Site::new(|asked| match asked.target.as_str() {
        "/revoke" => Answer::new(200, "", ""),
        _ => Answer::nothing(),
    });
    let site = site.await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path().to_owned());
    let (mut account, hands) = (account(&site, by_browser()), Hands::at(START));
    logged_in(&account, &site, &store, START + 3600);
    account.login.grant = by_secret(None);
    let tokens = tokens(&account, folder.path(), &hands);
    let done = Revocation::Done { host: site.url.trim_start_matches("http://").to_owned() };
    assert_eq!(forget(&tokens).await.expect("forgotten"), std::slice::from_ref(&done));
    assert_eq!(forget(&tokens).await.expect("nothing left"), []);
    let sent = site.all("/revoke");
    let sent: Vec<_> = sent.iter().filter_map(|asked| asked.field("token")).collect();
    assert_eq!(sent, ["refresh-1", "access-1"]);
    // Nor does the entry have to be there at all.
    account.login.grant = by_browser();
    logged_in(&account, &site, &store, START + 3600);
    let swept = store.sweep(Some("web")).leftovers;
    assert_eq!(swept.iter().map(Leftover::server).collect::<Vec<_>>(), ["web"]);
    assert_eq!((swept[0].revoke().await, site.count("/revoke")), (done, 4));
}

#[tokio::test]
async fn configured_endpoints_revoke_where_the_config_says() {
    let site = Site::new(|asked| match asked.target.as_str() {
        "/token" => Answer::json(&json!({ "access_token": "access-1", "token_type": "bearer" })),
        "/revoke" => Answer::new(200, "", ""),
        _ => Answer::nothing(),
    });
    let site = site.await;
    let folder = tempfile::tempdir().expect("a folder");
    let hands = Hands::at(START);
    let mut account = account(&site, by_secret(Some(format!("{}/token", site.url))));
    let at = |url: &str| format!("{}{url}", site.url);
    // It counts whether the token was fetched before the key was there or after it.
    for (before, after) in [(None, Some("/revoke")), (Some("/other"), Some("/revoke"))] {
        account.login.revocation_url = before.map(at);
        let fetched = tokens(&account, folder.path(), &hands).bearer().await;
        assert_eq!(fetched.expect("a token").expose(), "access-1");
        account.login.revocation_url = after.map(at);
        let told = forget(&tokens(&account, folder.path(), &hands)).await.expect("forgotten");
        assert!(matches!(&told[..], [Revocation::Done { .. }]), "{told:?}");
    }
    let sent = site.all("/revoke");
    let basic = |asked: &Asked| asked.head.to_ascii_lowercase().contains("authorization: basic ");
    assert!(sent.len() == 2 && sent.iter().all(basic), "{sent:?}");
    assert_eq!(site.count("/other"), 0);
}

#[tokio::test]
async fn what_is_being_renewed_is_not_swept_meanwhile() {
    let site = Site::new(|_| Answer::nothing()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path().to_owned());
    let held = account(&site, by_browser());
    let other = Account { server: "other".to_owned(), ..held.clone() };
    for account in [&held, &other] {
        logged_in(account, &site, &store, START + 3600);
    }
    let lock = store.lock(&held).expect("free");
    let swept = store.sweep(None);
    assert_eq!(swept.leftovers.iter().map(Leftover::server).collect::<Vec<_>>(), ["other"]);
    assert_eq!(swept.faults, [StoreError::Busy { server: "web".to_owned() }]);
    assert!(store.load(&held).expect("readable").is_some());
    // Whoever ends in time leaves nothing behind, not even what was just renewed.
    let sweeping = {
        let store = store.clone();
        std::thread::spawn(move || store.sweep(Some("web")))
    };
    logged_in(&held, &site, &store, START + 7200);
    drop(lock);
    let swept = sweeping.join().expect("no panic");
    assert_eq!((swept.leftovers.len(), swept.faults), (1, Vec::new()));
    assert_eq!(store.load(&held).expect("readable"), None);
}
