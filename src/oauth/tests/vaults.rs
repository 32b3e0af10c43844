//! Tokens in a keychain, played by the test.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::renewals::{START, logged_in};
use super::site::{Answer, Hands, Site, account, by_browser};
use crate::base::secret::Secret;
use crate::oauth::vault::Vault;
use crate::oauth::{
    Account, Browser, Clock, Device, Fetcher, LoginError, Status, Store, StoreError, Tokens,
};

/// A keychain that can be locked.
#[derive(Debug, Default)]
struct Played {
    held: Mutex<HashMap<String, Secret>>,
    is_locked: AtomicBool,
}

impl Played {
    fn open(&self) -> Result<std::sync::MutexGuard<'_, HashMap<String, Secret>>, String> {
        if self.is_locked.load(Ordering::Relaxed) {
            return Err("it is locked".to_owned());
        }
        Ok(self.held.lock().expect("no test panics with it"))
    }

    fn lock(&self, is_locked: bool) {
        self.is_locked.store(is_locked, Ordering::Relaxed);
    }

    fn count(&self) -> usize {
        self.held.lock().expect("no test panics with it").len()
    }
}

impl Vault for Played {
    fn read(&self, key: &str) -> Result<Option<Secret>, String> {
        Ok(self.open()?.get(key).cloned())
    }

    fn write(&self, key: &str, secret: &Secret) -> Result<(), String> {
        self.open()?.insert(key.to_owned(), secret.clone());
        Ok(())
    }

    fn remove(&self, key: &str) -> Result<(), String> {
        self.open()?.remove(key);
        Ok(())
    }
}

/// Whether a file has a secret in it.
fn files_hold_secrets(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    texts.any(|text| ["access-1", "refresh-1", "client-secret"].iter().any(|it| text.contains(it)))
}

fn tokens(account: &Account, store: &Store) -> Tokens {
    let fetcher = Fetcher::new(account.policy());
    let clock: Clock = Hands::at(START).clock();
    Tokens::with(account.clone(), store.clone(), fetcher, clock)
}

async fn in_keychain(account: &Account, store: &Store) -> Option<bool> {
    match tokens(account, store).status().await.expect("readable") {
        Status::LoggedIn { in_keychain, .. } => Some(in_keychain),
        Status::LoggedOut => None,
        Status::Locked { reason } => panic!("{reason}"),
    }
}

#[tokio::test]
async fn secrets_lie_in_the_keychain_where_there_is_one() {
    let site = Site::new(|_| Answer::nothing()).await;
    let (folder, elsewhere) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let vault = Arc::new(Played::default());
    let account = account(&site, by_browser());
    let store = Store::with_vault(folder.path().to_owned(), vault.clone());
    let saved = logged_in(&account, &site, &store, START + 3600);
    assert!(!files_hold_secrets(folder.path()));
    assert_eq!(vault.count(), 1);
    let kept = store.load(&account).expect("readable").expect("it is kept");
    assert_eq!((&kept.tokens, kept.client(&account)), (&saved.tokens, saved.client(&account)));
    assert_eq!(in_keychain(&account, &store).await, Some(true));
    // Another home folder has a login of its own.
    let other = Store::with_vault(elsewhere.path().to_owned(), vault.clone());
    logged_in(&account, &site, &other, START + 3600);
    assert_eq!(vault.count(), 2);
    assert_eq!(other.sweep(None).expect("swept").len(), 1);
    assert_eq!(vault.count(), 1);
    // A build without a keychain sees nothing of it.
    let plain = Store::new(folder.path().to_owned());
    assert_eq!(in_keychain(&account, &plain).await, None);
    // A login without a token leaves no secret behind but the client's.
    let mut emptied = kept;
    emptied.tokens = None;
    store.save(&account, &emptied).expect("kept");
    assert_eq!(in_keychain(&account, &store).await, None);
    assert!(store.remove(&account).expect("removed"));
    assert_eq!(vault.count(), 0);
}

#[tokio::test]
async fn files_do_where_no_keychain_answers() {
    let site = Site::new(|_| Answer::nothing()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let vault = Arc::new(Played::default());
    let account = account(&site, by_browser());
    let store = Store::with_vault(folder.path().to_owned(), vault.clone());
    vault.lock(true);
    logged_in(&account, &site, &store, START + 3600);
    assert!(files_hold_secrets(folder.path()));
    assert_eq!(in_keychain(&account, &store).await, Some(false));
    // The next token goes where it belongs.
    vault.lock(false);
    let kept = store.load(&account).expect("readable").expect("it is kept");
    store.save(&account, &kept).expect("kept");
    assert!(!files_hold_secrets(folder.path()));
    assert_eq!((vault.count(), in_keychain(&account, &store).await), (1, Some(true)));
    // What is in there cannot be had for now, and is not said to be gone.
    vault.lock(true);
    let error = store.remove(&account).expect_err("it is still there");
    assert!(matches!(error, StoreError::Keychain { .. }), "{error}");
    vault.lock(false);
    assert_eq!(in_keychain(&account, &store).await, Some(true));
}

#[tokio::test]
async fn a_locked_keychain_is_told_of_and_nobody_logs_in_anew() {
    let site = Site::new(|asked| match asked.target.as_str() {
        "/.well-known/oauth-authorization-server" => Answer::json(&json!({
            "issuer": asked.site,
            "token_endpoint": format!("{}/token", asked.site),
            "authorization_endpoint": format!("{}/authorize", asked.site),
            "device_authorization_endpoint": format!("{}/device", asked.site),
            "registration_endpoint": format!("{}/register", asked.site),
            "code_challenge_methods_supported": ["S256"],
        })),
        _ => Answer::nothing(),
    });
    let site = site.await;
    let folder = tempfile::tempdir().expect("a folder");
    let vault = Arc::new(Played::default());
    let account = account(&site, by_browser());
    let store = Store::with_vault(folder.path().to_owned(), vault.clone());
    logged_in(&account, &site, &store, START + 3600);
    vault.lock(true);
    let check = |error: Option<LoginError>| {
        let told = error.expect("it is locked").to_string();
        for part in ["`web`", "keychain", "locked", "(it is locked)", "unlock it", ".json`"] {
            assert!(told.contains(part), "{told}");
        }
    };
    let locked = tokens(&account, &store);
    check(locked.bearer().await.err());
    check(Browser::begin(&locked, None).await.err());
    check(Device::begin(&locked, None).await.err());
    check(locked.forget().await.err());
    let status = locked.status().await.expect("it can be told");
    assert!(
        matches!(&status, Status::Locked { reason } if reason.contains("unlock it")),
        "{status:?}"
    );
    for path in ["/register", "/authorize", "/device", "/token", "/revoke"] {
        assert_eq!(site.count(path), 0, "{path}");
    }
    // Whoever unlocks it goes on.
    vault.lock(false);
    assert_eq!(tokens(&account, &store).bearer().await.expect("a token").expose(), "access-1");
}
