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
use sha2::{Digest, Sha256};

use super::account::Account;
use super::record::{Outline, Record, Secrets};
use super::revocation::Leftover;
use super::vault::{self, Vault};
use crate::base::fs::{PRIVATE, create_private_folder, make_private, write_atomically};
use crate::base::lock::Lock;
use crate::base::sorting;

/// A renewal takes one request, which is given up after 10 s; discovery before it a few.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// How long what is left of logins waits for a renewal: most have ended by then.
const GLANCE: Duration = Duration::from_secs(2);
/// No file of a token is longer, in bytes.
const LONGEST: u64 = 1024 * 1024;
/// How long the name of a hash is, in characters.
const PREFIX: usize = 16;

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
    /// The file, which stays.
    #[error("tokens cannot be removed with `{}`: {reason}", path.display())]
    Stays {
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
    /// The system's keychain, which has the tokens and does not give them.
    #[error(
        "the login of `{server}` is in the system's keychain, which is locked or does not answer ({reason}): unlock it and try \
         again; where it is gone for good, delete `{}` and log in anew", path.display()
    )]
    Locked {
        /// The server's name in the config.
        server: String,
        /// What the system says.
        reason: String,
        /// The file that says that the keychain has them.
        path: PathBuf,
    },
    /// Another process has been at it for too long.
    #[error("another process is renewing the token of `{server}` and takes long: try again later")]
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

/// What was taken out of the folder of tokens.
#[derive(Debug, Default)]
pub struct Taken {
    /// The logins that are kept no more, whose tokens are not revoked yet.
    pub leftovers: Vec<Leftover>,
    /// Why others are still there.
    pub faults: Vec<StoreError>,
}

impl Taken {
    fn add(&mut self, one: Result<Option<Leftover>, StoreError>) {
        match one {
            Ok(left) => self.leftovers.extend(left),
            Err(fault) => self.faults.push(fault),
        }
    }
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

    /// What is kept for a login. What cannot be read as such counts as nothing: logging in again replaces it. What a locked
    /// keychain has does not, unless something newer lies in a file.
    pub fn load(&self, account: &Account) -> Result<Option<Record>, StoreError> {
        let (mut found, mut locked) = (Vec::new(), None);
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
            let Some(record) = record else { continue };
            match self.with_secrets(record, &path) {
                Ok(whole) => found.extend(whole.map(|record| (metadata.modified().ok(), record))),
                Err(error) => locked = Some(error),
            }
        }
        sorting::sort_by_key(&mut found, |(modified, _)| *modified);
        match (found.pop(), locked) {
            (None, Some(error)) => Err(error),
            (found, _) => Ok(found.map(|(_, record)| record)),
        }
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

    /// Forgets what is left of a server's logins, wherever it was; of all servers where none is named. Gives what it was, by
    /// the names of the servers. Waits up to two seconds for each login that is being renewed, whose token would be kept later.
    pub fn sweep(&self, server: Option<&str>) -> Taken {
        let mut swept = Taken::default();
        let is_json = |path: &PathBuf| path.extension().is_some_and(|it| it == "json");
        let paths: Vec<PathBuf> = match self.entries() {
            Ok(entries) => entries.filter(is_json).collect(),
            Err(fault) => return Taken { faults: vec![fault], ..swept },
        };
        for path in &paths {
            let named = Outline::of(&std::fs::read(path).unwrap_or_default()).server;
            if server.is_none() || named.as_deref() == server {
                let name = named.unwrap_or_else(|| stem(path));
                let held = prefix_of(path).map(|prefix| self.hold(&prefix, &name, GLANCE));
                let taken = held.transpose().and_then(|_lock| self.take_one(path, &name));
                swept.add(taken);
            }
        }
        sorting::sort_by(&mut swept.leftovers, |one, other| one.server().cmp(other.server()));
        swept
    }

    /// Forgets a server's login as [`Store::remove`] does; gives what there was. One that cannot be removed keeps no other one.
    pub(super) fn take_out(&self, account: &Account) -> Taken {
        let mut taken = Taken::default();
        let paths = match self.files(account) {
            Ok(paths) => paths,
            Err(fault) => return Taken { faults: vec![fault], ..taken },
        };
        for path in &paths {
            taken.add(self.take_one(path, &account.server));
        }
        taken
    }

    /// Removes a file, with what lies in the keychain for it; what the keychain does not give stays where it is. Nothing comes
    /// back where another process has removed it.
    fn take_one(&self, path: &Path, server: &str) -> Result<Option<Leftover>, StoreError> {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.unwrap_or_default(),
        };
        let record: Option<Record> = serde_json::from_slice(&text).ok();
        let whole = record.map_or(Ok(None), |record| self.with_secrets(record, path))?;
        self.remove_file(path)?;
        Ok(Some(Leftover::new(server.to_owned(), whole)))
    }

    /// Keeps others from changing what is kept for this login; fails at once where one of them does.
    pub fn lock(&self, account: &Account) -> Result<Lock, StoreError> {
        self.hold(&prefix(account), &account.server, Duration::ZERO)
    }

    fn hold(&self, prefix: &str, server: &str, patience: Duration) -> Result<Lock, StoreError> {
        create_private_folder(&self.folder).map_err(|error| failed(&self.folder, &error))?;
        let path = self.folder.join(format!("{prefix}.lock"));
        let file = open_private(&path).map_err(|error| failed(&path, &error))?;
        Lock::wait(file, patience).map_err(|_| StoreError::Busy { server: server.to_owned() })
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
        let outline = Outline::of(&std::fs::read(path).unwrap_or_default());
        if let Some(vault) = &self.vault {
            // Something may have stayed there that the keychain would not take back later.
            let removed = vault.remove(&self.key(path));
            if let (true, Err(reason)) = (outline.in_keychain, removed) {
                let server = outline.server.unwrap_or_default();
                return Err(StoreError::Keychain { server, reason });
            }
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::Stays { path: path.to_owned(), reason: error.to_string() })
            }
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

    /// The record with what the keychain has of it; nothing where that is not there any more, or out of reach for this build.
    fn with_secrets(&self, mut record: Record, path: &Path) -> Result<Option<Record>, StoreError> {
        if !record.in_keychain {
            return Ok(Some(record));
        }
        let read = self.vault.as_ref().map(|vault| vault.read(&self.key(path))).transpose();
        let secret = read.map_err(|reason| {
            let (server, path) = (record.server.clone(), path.to_owned());
            StoreError::Locked { server, reason, path }
        })?;
        let reason = match secret {
            None => "this build has no feature `keychain`",
            Some(None) => "it is not there",
            Some(Some(secret)) => match serde_json::from_str::<Secrets>(secret.expose()) {
                Ok(secrets) => {
                    (record.tokens, record.client.secret) = (secrets.tokens, secrets.client_secret);
                    return Ok(Some(record));
                }
                Err(_) => "what lies there cannot be read",
            },
        };
        let server = &record.server;
        tracing::warn!("the login of `{server}` is in the system's keychain: {reason}");
        Ok(None)
    }

    /// What the keychain calls the secrets of a file: two home folders may have files of one name.
    fn key(&self, path: &Path) -> String {
        let name = stem(path);
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

/// How the files of a server begin.
fn prefix(account: &Account) -> String {
    hash(&[&account.server, account.resource.as_ref().map_or("", |url| url.as_str())])
}

/// How the file of a login begins, whoever's it is; nothing where it is another file.
fn prefix_of(path: &Path) -> Option<String> {
    let name = stem(path);
    let (prefix, rest) = name.split_at_checked(PREFIX)?;
    rest.starts_with('-').then(|| prefix.to_owned())
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a name goes on as that of a login, and not of the lock.
fn is_key(rest: &str) -> bool {
    rest.strip_prefix('-').and_then(|rest| rest.strip_suffix(".json")).is_some()
}

fn hash(parts: &[&str]) -> String {
    let text = serde_json::to_vec(parts).expect("texts are JSON");
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..PREFIX / 4 * 3])
}

fn open_private(path: &Path) -> io::Result<File> {
    make_private(File::options().create(true).write(true).truncate(false)).open(path)
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::File { path: path.to_owned(), reason: error.to_string() }
}
