//! Where secrets lie that need not lie in files: in the keychain of the system, for builds that have one (feature `keychain`).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::secret::Secret;

/// A place for secrets, each under a key. All of it blocks the thread, and may ask the user.
pub(super) trait Vault: fmt::Debug + Send + Sync {
    /// What lies there; nothing where nothing does.
    fn read(&self, key: &str) -> Result<Option<Secret>, String>;
    /// Puts it there, in place of what was there.
    fn write(&self, key: &str, secret: &Secret) -> Result<(), String>;
    /// Takes it away, if it is there.
    fn remove(&self, key: &str) -> Result<(), String>;
}

/// The keychain of the system, where this build has one.
#[cfg_attr(
    all(feature = "keychain", not(test)),
    expect(clippy::unnecessary_wraps, reason = "other builds have none")
)]
pub(super) fn system() -> Option<Arc<dyn Vault>> {
    #[cfg(all(feature = "keychain", not(test)))]
    return Some(Arc::new(keychain::Keychain));
    // Tests leave the keychain of whoever runs them alone.
    #[cfg(not(all(feature = "keychain", not(test))))]
    None
}

/// Says once that the keychain does not do what it is for, and what is done instead.
pub(super) fn warn_once(reason: &str) {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    if !IS_TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "the system's keychain does not take tokens ({reason}); they are kept in files that only you can read"
        );
    }
}

#[cfg(all(feature = "keychain", not(test)))]
mod keychain {
    use keyring::{Entry, Error};

    use super::Vault;
    use crate::base::secret::Secret;

    /// What the entries of the keychain are listed under.
    const SERVICE: &str = "mcp-bridge";

    /// Keychain Services, the Credential Manager, or the Secret Service.
    #[derive(Debug)]
    pub(super) struct Keychain;

    impl Vault for Keychain {
        fn read(&self, key: &str) -> Result<Option<Secret>, String> {
            match entry(key)?.get_password() {
                Ok(text) => Ok(Some(text.into())),
                Err(Error::NoEntry) => Ok(None),
                Err(error) => Err(told(&error)),
            }
        }

        fn write(&self, key: &str, secret: &Secret) -> Result<(), String> {
            entry(key)?.set_password(secret.expose()).map_err(|error| told(&error))
        }

        fn remove(&self, key: &str) -> Result<(), String> {
            match entry(key)?.delete_credential() {
                Ok(()) | Err(Error::NoEntry) => Ok(()),
                Err(error) => Err(told(&error)),
            }
        }
    }

    fn entry(key: &str) -> Result<Entry, String> {
        if let Err(error) = Entry::store_status() {
            return Err(told(error));
        }
        Entry::new(SERVICE, key).map_err(|error| told(&error))
    }

    /// What went wrong, without what was read: some errors hold that.
    fn told(error: &Error) -> String {
        match error {
            Error::BadEncoding(_) => "what lies there is no text".to_owned(),
            Error::BadDataFormat(..) => "what lies there cannot be read".to_owned(),
            other => other.to_string(),
        }
    }
}
