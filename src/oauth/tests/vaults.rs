//! Tokens in a keychain, played by the test.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::renewals::{START, logged_in};
use super::site::{Answer, Hands, Site, account, by_browser, forget};
use crate::base::secret::Secret;
use crate::oauth::vault::Vault;
use crate::oauth::{
    Account, Browser, Clock, Device, Fetcher, Leftover, LoginError, Revocation, Status, Store,
    StoreError, Tokens,
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
    assert_eq!(other.sweep(None).leftovers.len(), 1);
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
    check(forget(&locked).await.err().map(LoginError::Store));
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

#[tokio::test]
async fn what_cannot_be_forgotten_keeps_nothing_else() {
    let site = Site::new(|_| Answer::nothing()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let vault = Arc::new(Played::default());
    let store = Store::with_vault(folder.path().to_owned(), vault.clone());
    let locked = account(&site, by_browser());
    logged_in(&locked, &site, &store, START + 3600);
    // Others are beside it, and something that is no file.
    let in_file = Store::new(folder.path().to_owned());
    for server in ["a", "z"] {
        let other = Account { server: server.to_owned(), ..account(&site, by_browser()) };
        logged_in(&other, &site, &in_file, START + 3600);
    }
    let own = std::fs::read_dir(folder.path()).expect("a folder").flatten().find(|file| {
        std::fs::read_to_string(file.path()).is_ok_and(|text| text.contains("\"web\""))
    });
    let own = own.expect("it is there").path();
    let stuck = own.with_file_name(format!(
        "{}-stuck.json",
        &own.file_stem().expect("a name").to_string_lossy()[..16]
    ));
    std::fs::create_dir(&stuck).expect("made");
    vault.lock(true);
    let taken = store.sweep(None);
    assert_eq!(taken.leftovers.iter().map(Leftover::server).collect::<Vec<_>>(), ["a", "z"]);
    let is_told = |is: fn(&StoreError) -> bool| taken.faults.iter().filter(|it| is(it)).count();
    assert_eq!(taken.faults.len(), 2, "{:?}", taken.faults);
    assert_eq!(is_told(|fault| matches!(fault, StoreError::Locked { .. })), 1);
    assert_eq!(is_told(|fault| matches!(fault, StoreError::Stays { .. })), 1);
    vault.lock(false);
    // What was taken is there to be revoked, whatever went wrong.
    let taken = tokens(&locked, &store).take_out().await;
    let faults = &taken.faults[..];
    assert!(matches!(faults, [StoreError::Stays { path, .. }] if *path == stuck), "{faults:?}");
    assert_eq!(taken.leftovers.len(), 1);
    assert!(matches!(taken.leftovers[0].revoke().await, Revocation::Failed { .. }));
    assert_eq!((own.exists(), vault.count()), (false, 0));
}

#[tokio::test]
async fn records_of_other_versions_are_told_of() {
    let site = Site::new(|_| Answer::nothing()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let vault = Arc::new(Played::default());
    let store = Store::with_vault(folder.path().to_owned(), vault.clone());
    let account = account(&site, by_browser());
    logged_in(&account, &site, &store, START + 3600);
    let own = std::fs::read_dir(folder.path()).expect("a folder").flatten().next();
    let own = own.expect("it is there").path();
    let newer = json!({"server": "web", "inKeychain": true, "tokens": ["of another shape"]});
    std::fs::write(&own, newer.to_string()).expect("written");
    std::fs::write(folder.path().join("odd.json"), "?").expect("written");
    // Nobody knows whose the other one is.
    let taken = store.sweep(Some("other"));
    assert_eq!((taken.leftovers.len(), taken.faults.len()), (0, 0));
    vault.lock(true);
    let taken = store.sweep(Some("web"));
    let faults = &taken.faults[..];
    let is_told =
        |it: &StoreError| matches!(it, StoreError::Keychain { server, .. } if server == "web");
    assert!(taken.leftovers.is_empty() && faults.iter().all(is_told), "{taken:?}");
    assert_eq!(faults.len(), 1);
    vault.lock(false);
    assert_eq!(forget(&tokens(&account, &store)).await.expect("forgotten"), [Revocation::Unread]);
    assert_eq!(vault.count(), 0);
    let taken = store.sweep(None);
    assert_eq!(taken.leftovers.iter().map(Leftover::server).collect::<Vec<_>>(), ["odd"]);
    assert_eq!(taken.leftovers[0].revoke().await, Revocation::Unread);
    assert_eq!(store.sweep(None).leftovers.len(), 0);
}
