//! Tokens on disk: a file for each login, which nobody but the user can read, changed in one step and by one process at a time.
//!
//! In builds with the feature `keychain` the secrets lie in the system's keychain instead, and the file says so.
//!
//! A file holds for one server of the config at one URL, one authorization server and one client; where the config has come to
//! name others, it is as if it were not there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::account::Account;
use super::grants::Issued;
use super::metadata::Metadata;
use super::registration::{Client, Proof};
use super::vault::{self, Vault};
use crate::base::fs::{PRIVATE, create_private_folder, write_atomically};
use crate::base::lock::Lock;
use crate::base::secret::Secret;

/// A renewal takes one request, which is given up after 10 s; discovery before it a few.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// No file of a token is longer, in bytes.
const LONGEST: u64 = 1024 * 1024;
/// The last second of the year 9999, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// Why tokens could not be read or kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file, or its folder.
    #[error("tokens cannot be kept in `{}`: {reason}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The system's keychain, from which tokens cannot be taken.
    #[error("the tokens of `{server}` cannot be taken out of the system's keychain: {reason}")]
    Keychain {
        /// The server's name in the config.
        server: String,
        /// What the system says.
        reason: String,
    },
    /// Another process has been at it for too long.
    #[error("another process has been renewing the token of `{server}` for {} s", PATIENCE.as_secs())]
    Busy {
        /// The server's name in the config.
        server: String,
    },
}

/// The folder of tokens.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    vault: Option<Arc<dyn Vault>>,
}

/// What is known of one login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The server's name in the config.
    pub server: String,
    /// Where it is; nothing for a process.
    pub url: Option<String>,
    /// The authorization server.
    pub issuer: String,
    /// Where its tokens are fetched.
    pub(super) token_url: String,
    /// Where they are revoked.
    #[serde(default)]
    pub(super) revocation_url: Option<String>,
    /// What tokens are asked for (RFC 8707).
    pub(super) resource: Option<String>,
    /// Who the bridge is there.
    pub(super) client: Kept,
    /// What the token is good for.
    pub scopes: Vec<String>,
    /// What the login asked for.
    #[serde(default)]
    pub(super) asked: Vec<String>,
    /// What the next login has to ask for as well, since the server said so.
    #[serde(default)]
    pub wanted: Vec<String>,
    #[serde(default)]
    pub(super) tokens: Option<Held>,
    /// Whether what is secret lies in the system's keychain.
    #[serde(default)]
    pub(super) in_keychain: bool,
}

/// What the keychain has of a login.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secrets {
    tokens: Option<Held>,
    #[serde(default, with = "exposed_option")]
    client_secret: Option<Secret>,
}

/// The tokens themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Held {
    #[serde(with = "exposed")]
    pub(super) access: Secret,
    #[serde(default, with = "exposed_option")]
    pub(super) refresh: Option<Secret>,
    /// From when on it is renewed, and when it ends, in seconds since 1970; nothing where nobody said.
    pub(super) renew_at: Option<u64>,
    pub(super) expires_at: Option<u64>,
}

/// A client as it is kept: the secret only where the bridge got it itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    id: String,
    #[serde(default, with = "exposed_option")]
    secret: Option<Secret>,
    proof: Proof,
    redirect: Option<String>,
    expires_at: Option<u64>,
    is_registered: bool,
}

impl Store {
    /// Tokens in this folder, which is made when there is something to keep.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, vault: vault::system() }
    }

    /// The same with another keychain.
    #[cfg(test)]
    pub(super) fn with_vault(folder: PathBuf, vault: Arc<dyn Vault>) -> Self {
        Self { folder, vault: Some(vault) }
    }

    /// Another one than before where something in the folder has changed; nothing where there is none.
    pub(super) fn stamp(&self) -> Option<SystemTime> {
        std::fs::metadata(&self.folder).ok()?.modified().ok()
    }

    /// What is kept for a login. What cannot be read as such counts as nothing: logging in again replaces it.
    pub fn load(&self, account: &Account) -> Result<Option<Record>, StoreError> {
        let mut found = Vec::new();
        for path in self.files(account)? {
            // Another process may have put a newer one in its place.
            let read = path.metadata().and_then(|metadata| {
                let is_short = metadata.len() <= LONGEST;
                let text = if is_short { std::fs::read(&path)? } else { Vec::new() };
                Ok((metadata, text))
            });
            let (metadata, text) = match read {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(&path, &error)),
            };
            let record: Option<Record> = serde_json::from_slice(&text).ok();
            let record = record.filter(|record| record.belongs_to(account));
            let whole = record.and_then(|record| self.with_secrets(record, &path));
            found.extend(whole.map(|record| (metadata.modified().ok(), record)));
        }
        found.sort_by_key(|(modified, _)| *modified);
        Ok(found.pop().map(|(_, record)| record))
    }

    /// Keeps it, in place of what was kept for the same server.
    pub fn save(&self, account: &Account, record: &Record) -> Result<(), StoreError> {
        create_private_folder(&self.folder).map_err(|error| failed(&self.folder, &error))?;
        let path = self.path(account, record);
        let record = self.put_away(record, &path);
        let text = serde_json::to_vec(&record).expect("a record has nothing that JSON has not");
        write_atomically(&path, &text, PRIVATE).map_err(|error| failed(&path, &error))?;
        self.remove_but(account, Some(&path)).map(|_| ())
    }

    /// Forgets a server's login, whoever the client and the authorization server were; tells whether there was one.
    pub fn remove(&self, account: &Account) -> Result<bool, StoreError> {
        self.remove_but(account, None)
    }

    /// Forgets what is left of a server's logins, wherever it was; of all servers where none is named. Gives whose they were.
    pub fn sweep(&self, server: Option<&str>) -> Result<Vec<String>, StoreError> {
        let mut swept = Vec::new();
        for path in self.entries()?.filter(|path| path.extension().is_some_and(|it| it == "json")) {
            let record: Option<Record> =
                std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
            let whose = record.map(|record| record.server);
            if server.is_some() && whose.as_deref() != server {
                continue;
            }
            self.remove_file(&path)?;
            swept.extend(whose);
        }
        swept.sort();
        swept.dedup();
        Ok(swept)
    }

    /// Keeps others from changing what is kept for this login; fails at once where one of them does.
    pub fn lock(&self, account: &Account) -> Result<Lock, StoreError> {
        create_private_folder(&self.folder).map_err(|error| failed(&self.folder, &error))?;
        let path = self.folder.join(format!("{}.lock", prefix(account)));
        let file = open_private(&path).map_err(|error| failed(&path, &error))?;
        Lock::wait(file, Duration::ZERO)
            .map_err(|_| StoreError::Busy { server: account.server.clone() })
    }

    fn remove_but(&self, account: &Account, kept: Option<&Path>) -> Result<bool, StoreError> {
        let mut removed = false;
        for path in self.files(account)? {
            if kept != Some(&path) {
                self.remove_file(&path)?;
                removed = true;
            }
        }
        Ok(removed)
    }

    /// Removes a file, and first what lies in the keychain for it.
    fn remove_file(&self, path: &Path) -> Result<(), StoreError> {
        let text = std::fs::read(path).unwrap_or_default();
        let record: Option<Record> = serde_json::from_slice(&text).ok();
        if let Some(vault) = &self.vault {
            // Something may have stayed there that the keychain would not take back later.
            let removed = vault.remove(&self.key(path));
            if let (Some(record), Err(reason)) =
                (record.filter(|record| record.in_keychain), removed)
            {
                return Err(StoreError::Keychain { server: record.server, reason });
            }
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, &error)),
            _ => Ok(()),
        }
    }

    /// The record as its file has it: without what the keychain has taken.
    fn put_away(&self, record: &Record, path: &Path) -> Record {
        let mut record = Record { in_keychain: false, ..record.clone() };
        let has_secrets = record.tokens.is_some() || record.client.secret.is_some();
        let Some(vault) = self.vault.as_ref().filter(|_| has_secrets) else { return record };
        let secrets =
            Secrets { tokens: record.tokens.clone(), client_secret: record.client.secret.clone() };
        let text = serde_json::to_string(&secrets).expect("texts are JSON");
        match vault.write(&self.key(path), &text.into()) {
            Ok(()) => {
                (record.tokens, record.client.secret) = (None, None);
                record.in_keychain = true;
            }
            Err(reason) => vault::warn_once(&reason),
        }
        record
    }

    /// The record with what the keychain has of it; nothing where that cannot be had.
    fn with_secrets(&self, mut record: Record, path: &Path) -> Option<Record> {
        if !record.in_keychain {
            return Some(record);
        }
        let read = match &self.vault {
            Some(vault) => vault.read(&self.key(path)),
            None => Err("this build has no feature `keychain`".to_owned()),
        };
        let secrets = read.and_then(|secret| {
            let secret = secret.ok_or("it is not there")?;
            serde_json::from_str::<Secrets>(secret.expose())
                .map_err(|_| "what lies there cannot be read".to_owned())
        });
        match secrets {
            Ok(secrets) => {
                (record.tokens, record.client.secret) = (secrets.tokens, secrets.client_secret);
                Some(record)
            }
            Err(reason) => {
                let server = &record.server;
                tracing::warn!("the login of `{server}` is in the system's keychain: {reason}");
                None
            }
        }
    }

    /// What the keychain calls the secrets of a file: two home folders may have files of one name.
    fn key(&self, path: &Path) -> String {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        format!("{name}-{}", hash(&[&self.folder.to_string_lossy()]))
    }

    /// The files of a server's logins.
    fn files(&self, account: &Account) -> Result<Vec<PathBuf>, StoreError> {
        let prefix = prefix(account);
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.strip_prefix(&prefix).is_some_and(is_key)
        };
        Ok(self.entries()?.filter(is_ours).collect())
    }

    fn entries(&self) -> Result<impl Iterator<Item = PathBuf> + use<>, StoreError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => Some(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&self.folder, &error)),
        };
        Ok(entries.into_iter().flatten().flatten().map(|entry| entry.path()))
    }

    fn path(&self, account: &Account, record: &Record) -> PathBuf {
        let key = hash(&[&record.issuer, &record.client.id]);
        self.folder.join(format!("{}-{key}.json", prefix(account)))
    }
}

impl Record {
    /// A login that has just been made.
    pub(super) fn new(account: &Account, metadata: &Metadata, client: &Client) -> Self {
        Self {
            server: account.server.clone(),
            url: account.resource.as_ref().map(ToString::to_string),
            issuer: metadata.issuer.clone(),
            token_url: metadata.token.to_string(),
            revocation_url: metadata.revocation.as_ref().map(ToString::to_string),
            resource: None,
            client: Kept::new(client),
            scopes: Vec::new(),
            asked: Vec::new(),
            wanted: Vec::new(),
            tokens: None,
            in_keychain: false,
        }
    }

    /// Who the bridge is at the authorization server.
    pub fn client_id(&self) -> &str {
        &self.client.id
    }

    /// When the token ends, in seconds since 1970, and never later than dates can say; nothing where there is none, or nobody
    /// said.
    pub fn expires_at(&self) -> Option<u64> {
        self.tokens.as_ref()?.expires_at.map(|at| at.min(LAST_SECOND))
    }

    /// Whether there is a token to be renewed without the user.
    pub fn is_renewable(&self) -> bool {
        self.tokens.as_ref().is_some_and(|tokens| tokens.refresh.is_some())
    }

    /// Whether there is a token.
    pub fn has_token(&self) -> bool {
        self.tokens.is_some()
    }

    /// Takes in a token; what it does not say stays as it is, such as the token that it is renewed by.
    pub(super) fn take(&mut self, issued: Issued, asked: &[String], now: u64) {
        let older = self.tokens.take().and_then(|held| held.refresh);
        let lifetime = issued.lifetime.map(|lifetime| lifetime.as_secs());
        // A minute before its end; halfway where it lives for less than two.
        let renew_at =
            lifetime.map(|lifetime| now.saturating_add(lifetime - (lifetime / 2).min(60)));
        self.tokens = Some(Held {
            access: issued.access,
            refresh: issued.refresh.or(older),
            renew_at,
            expires_at: lifetime.map(|lifetime| now.saturating_add(lifetime)),
        });
        self.scopes = issued.scopes.unwrap_or_else(|| asked.to_vec());
    }

    /// The client, with the secret that the config has for it.
    pub(super) fn client(&self, account: &Account) -> Client {
        let kept = self.client.clone();
        let configured = account.client().and_then(|(_, secret)| secret.cloned());
        Client {
            id: kept.id,
            secret: if kept.is_registered { kept.secret } else { configured },
            proof: kept.proof,
            redirect: kept.redirect,
            expires_at: kept.expires_at,
            is_registered: kept.is_registered,
        }
    }

    /// Whether it was made for this login as it is configured now.
    fn belongs_to(&self, account: &Account) -> bool {
        let url = account.resource.as_ref().map(ToString::to_string);
        let token_url = account.endpoints().into_iter().find(|(key, _)| *key == "tokenUrl");
        let is_client = match account.client() {
            Some((id, _)) => !self.client.is_registered && self.client.id == id,
            None => self.client.is_registered || account.metadata_url() == Some(&*self.client.id),
        };
        self.server == account.server
            && self.url == url
            && token_url.is_none_or(|(_, text)| {
                Url::parse(text).is_ok_and(|url| url.as_str() == self.token_url)
            })
            && is_client
    }
}

impl Kept {
    fn new(client: &Client) -> Self {
        Self {
            id: client.id.clone(),
            secret: client.secret.clone().filter(|_| client.is_registered),
            proof: client.proof,
            redirect: client.redirect.clone(),
            expires_at: client.expires_at,
            is_registered: client.is_registered,
        }
    }
}

/// How the files of a server begin.
fn prefix(account: &Account) -> String {
    hash(&[&account.server, account.resource.as_ref().map_or("", |url| url.as_str())])
}

/// Whether a name goes on as that of a login, and not of the lock.
fn is_key(rest: &str) -> bool {
    rest.strip_prefix('-').and_then(|rest| rest.strip_suffix(".json")).is_some()
}

fn hash(parts: &[&str]) -> String {
    let text = serde_json::to_vec(parts).expect("texts are JSON");
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..12])
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, PRIVATE);
    options.open(path)
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::File { path: path.to_owned(), reason: error.to_string() }
}

/// The one place where a secret is written as it is.
mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::base::secret::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::from)
    }
}

mod exposed_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::base::secret::Secret;

    #[expect(clippy::ref_option, reason = "the shape that serde calls")]
    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Secret>, D::Error> {
        Option::<String>::deserialize(from).map(|text| text.map(Secret::from))
    }
}
