//! What is known of a login, as its file has it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::account::{Account, Policy};
use super::address::is_loopback_host;
use super::error::cleaned;
use super::grants::Issued;
use super::metadata::Metadata;
use super::registration::{Client, Proof};
use crate::base::secret::Secret;

/// The last second of the year 9999, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

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

/// What can be told of a record even where it was written by a build of another version.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) server: Option<String>,
    pub(super) in_keychain: bool,
}

/// What the keychain has of a login.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secrets {
    pub(super) tokens: Option<Held>,
    #[serde(default, with = "exposed_option")]
    pub(super) client_secret: Option<Secret>,
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
    pub(super) id: String,
    #[serde(default, with = "exposed_option")]
    pub(super) secret: Option<Secret>,
    proof: Proof,
    redirect: Option<String>,
    expires_at: Option<u64>,
    is_registered: bool,
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
        let configured = account.client().and_then(|(_, secret)| secret.cloned());
        self.client.clone().into_client(configured)
    }

    /// Which addresses may be asked where the config does not say it any more: those of this machine only where the server or
    /// its tokens were there, which it must have named then.
    pub(super) fn policy(&self) -> Policy {
        let mut urls = self.url.iter().chain([&self.token_url]);
        let is_here = |text: &String| Url::parse(text).is_ok_and(|url| is_loopback_host(&url));
        Policy { allow_private: false, allow_loopback: urls.any(is_here) }
    }

    /// The client, as far as it is known without the config: a secret that stands there is not kept.
    pub(super) fn own_client(&self) -> Client {
        self.client.clone().into_client(None)
    }

    /// Whether it was made for this login as it is configured now.
    pub(super) fn belongs_to(&self, account: &Account) -> bool {
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

impl Outline {
    /// Of the text of a record, or of anything else.
    pub(super) fn of(text: &[u8]) -> Self {
        let record: Value = serde_json::from_slice(text).unwrap_or_default();
        Self {
            server: record["server"].as_str().map(cleaned).filter(|name| !name.is_empty()),
            in_keychain: record["inKeychain"].as_bool().unwrap_or_default(),
        }
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

    fn into_client(self, configured: Option<Secret>) -> Client {
        Client {
            id: self.id,
            secret: if self.is_registered { self.secret } else { configured },
            proof: self.proof,
            redirect: self.redirect,
            expires_at: self.expires_at,
            is_registered: self.is_registered,
        }
    }
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
