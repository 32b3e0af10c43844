//! One login as it is configured.

use url::Url;

use super::address::is_loopback_host;
use crate::base::secret::Secret;
use crate::config::{Credential, Grant, OAuth2};

/// One configured login: which server it is for, and how.
#[derive(Debug, Clone)]
pub struct Account {
    /// The server's name in the config.
    pub server: String,
    /// The server's URL, which tokens are bound to; none for a server that is a process.
    pub resource: Option<Url>,
    /// Its `auth` section.
    pub login: OAuth2,
}

/// Which addresses may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Private networks, for every host (`auth.allowPrivateAddresses`).
    pub allow_private: bool,
    /// `localhost`, `127.0.0.0/8` and `::1`, by plain HTTP as well: for servers that are there themselves.
    pub allow_loopback: bool,
}

impl Account {
    /// What may be asked on behalf of this login: addresses of this machine only where the config itself names one.
    pub fn policy(&self) -> Policy {
        let configured = self.endpoints().into_iter().filter_map(|(_, url)| Url::parse(url).ok());
        let mut urls = self.resource.iter().cloned().chain(configured);
        Policy {
            allow_private: self.login.allow_private_addresses,
            allow_loopback: urls.any(|url| is_loopback_host(&url)),
        }
    }

    /// The command that logs in.
    pub fn command(&self) -> String {
        format!("bridge auth login {}", self.server)
    }

    /// The endpoints that the config names, by their keys.
    pub(super) fn endpoints(&self) -> Vec<(&'static str, &str)> {
        let mut endpoints: Vec<(_, &str)> = match &self.login.grant {
            Grant::ClientCredentials { token_url, .. } => {
                token_url.iter().map(|url| ("tokenUrl", url.as_str())).collect()
            }
            Grant::AuthorizationCode { endpoints: Some(endpoints), .. } => vec![
                ("tokenUrl", &endpoints.token_url),
                ("authorizationUrl", &endpoints.authorization_url),
            ],
            Grant::DeviceCode { endpoints: Some(endpoints), .. } => vec![
                ("tokenUrl", &endpoints.token_url),
                ("deviceAuthorizationUrl", &endpoints.device_authorization_url),
            ],
            _ => Vec::new(),
        };
        let revocation = self.login.revocation_url.as_deref();
        endpoints.extend(revocation.map(|url| ("revocationUrl", url)));
        endpoints
    }

    /// The client that the config names.
    pub(super) fn client(&self) -> Option<(&str, Option<&Secret>)> {
        match &self.login.grant {
            Grant::ClientCredentials { client_id, credential, .. } => {
                let secret = match credential {
                    Credential::Secret(secret) => Some(secret),
                    Credential::Key(_) => None,
                };
                Some((client_id, secret))
            }
            Grant::AuthorizationCode { client_id, client_secret, .. }
            | Grant::DeviceCode { client_id, client_secret, .. } => {
                client_id.as_deref().map(|id| (id, client_secret.as_ref()))
            }
        }
    }

    /// The key that proves who the client is.
    pub(super) fn key(&self) -> Option<&Secret> {
        match &self.login.grant {
            Grant::ClientCredentials { credential: Credential::Key(key), .. } => Some(key),
            _ => None,
        }
    }

    /// The document that stands for the client where such documents are read.
    pub(super) fn metadata_url(&self) -> Option<&str> {
        match &self.login.grant {
            Grant::ClientCredentials { .. } => None,
            Grant::AuthorizationCode { metadata_url, .. }
            | Grant::DeviceCode { metadata_url, .. } => metadata_url.as_deref(),
        }
    }

    /// Whether nobody has to be asked for a token.
    pub(super) fn is_unattended(&self) -> bool {
        matches!(self.login.grant, Grant::ClientCredentials { .. })
    }
}
