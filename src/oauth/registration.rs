//! Who the bridge is to an authorization server: as it is configured, as it was registered before, or as it registers
//! itself now (RFC 7591).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method};
use oauth2::HttpRequest;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::{Url, form_urlencoded};

use super::account::Account;
use super::error::{cleaned, said};
use super::fetcher::{FetchError, Fetcher, host};
use super::metadata::Metadata;
use crate::base::secret::Secret;

/// Why there is no client id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// Clients have to be registered by hand.
    #[error(
        "`{issuer}` registers no clients by itself; register one there and set `auth.clientId`{}",
        if *reads_documents { ", or publish a document about it and set `auth.clientMetadataUrl`" } else { "" }
    )]
    Unsupported {
        /// The authorization server.
        issuer: String,
        /// Whether it takes the URL of a document about a client for the client's id.
        reads_documents: bool,
    },
    /// The request failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The authorization server does not want us.
    #[error(
        "`{host}` refuses to register it: {status} `{code}`{}; register a client there and set `auth.clientId`",
        said(description)
    )]
    Refused {
        /// Who does.
        host: String,
        /// The status.
        status: u16,
        /// The error code (RFC 7591, Section 3.2.2); nothing where there is none.
        code: String,
        /// Its words, cleaned.
        description: String,
    },
    /// The answer is no registration.
    #[error("`{host}` answers a registration with something else")]
    Unreadable {
        /// Who does.
        host: String,
    },
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Proof {
    /// In the `Authorization` header.
    Header,
    /// In the body; without a secret, the id alone.
    Body,
}

/// Who the bridge is to one authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// What proves it.
    pub secret: Option<Secret>,
    pub(super) proof: Proof,
    /// Where browsers return to; nothing where the client is configured, and so registered by hand.
    pub(super) redirect: Option<String>,
    /// When the secret ends, in seconds since 1970.
    pub(super) expires_at: Option<u64>,
    /// Whether it registered itself.
    pub(super) is_registered: bool,
}

#[derive(Deserialize)]
struct Registered {
    client_id: String,
    client_secret: Option<String>,
    #[serde(default)]
    client_secret_expires_at: u64,
    token_endpoint_auth_method: Option<String>,
}

#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Client {
    /// The client that the config names. A client id that is a URL stands for its own document.
    pub(super) fn configured(account: &Account, supported: &[String]) -> Option<Self> {
        let (id, secret) = account.client()?;
        let (id, secret) = (id.to_owned(), secret.cloned());
        let proof = proof(secret.is_some(), supported);
        Some(Self { id, secret, proof, redirect: None, expires_at: None, is_registered: false })
    }

    /// The client that a document stands for.
    pub(super) fn documented(url: &str) -> Self {
        Self {
            id: url.to_owned(),
            secret: None,
            proof: Proof::Body,
            redirect: None,
            expires_at: None,
            is_registered: false,
        }
    }

    /// Whether it can still be used, and browsers may return to `redirect`.
    pub(super) fn is_usable(&self, redirect: Option<&str>, now: u64) -> bool {
        self.expires_at.is_none_or(|at| at > now)
            && (redirect.is_none() || self.redirect.as_deref() == redirect)
    }

    /// Id and secret as the `Authorization` header has them (RFC 6749, Section 2.3.1), which some servers repeat.
    pub(super) fn header(&self) -> Option<Secret> {
        let encode =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let secret = self.secret.as_ref().filter(|_| self.proof == Proof::Header)?;
        let pair = format!("{}:{}", encode(&self.id), encode(secret.expose()));
        Some(STANDARD.encode(pair).into())
    }

    /// Registers the bridge.
    pub(super) async fn register(
        fetcher: &Fetcher,
        metadata: &Metadata,
        redirect: Option<&str>,
    ) -> Result<Self, RegistrationError> {
        let Some(endpoint) = &metadata.registration else {
            let (issuer, reads_documents) = (metadata.issuer.clone(), metadata.reads_documents);
            return Err(RegistrationError::Unsupported { issuer, reads_documents });
        };
        let answer = fetcher.post(request(endpoint, metadata, redirect)).await?;
        let host = || host(endpoint);
        if !answer.status().is_success() {
            let refusal: Refusal = serde_json::from_slice(answer.body()).unwrap_or_default();
            return Err(RegistrationError::Refused {
                host: host(),
                status: answer.status().as_u16(),
                code: cleaned(&refusal.error),
                description: cleaned(&refusal.error_description),
            });
        }
        let registered: Registered = serde_json::from_slice(answer.body())
            .map_err(|_| RegistrationError::Unreadable { host: host() })?;
        let secret = registered.client_secret.filter(|secret| !secret.is_empty()).map(Secret::from);
        let method: Vec<String> = registered.token_endpoint_auth_method.into_iter().collect();
        Ok(Self {
            id: registered.client_id,
            proof: proof(secret.is_some(), &method),
            secret,
            redirect: redirect.map(str::to_owned),
            expires_at: Some(registered.client_secret_expires_at).filter(|at| *at > 0),
            is_registered: true,
        })
    }
}

/// The way that the authorization server knows; where it does not say, the one that it has to know (RFC 6749, Section 2.3.1).
fn proof(has_secret: bool, supported: &[String]) -> Proof {
    let knows = |method: &str| supported.iter().any(|known| known == method);
    if !has_secret || (knows("client_secret_post") && !knows("client_secret_basic")) {
        Proof::Body
    } else {
        Proof::Header
    }
}

fn request(endpoint: &Url, metadata: &Metadata, redirect: Option<&str>) -> HttpRequest {
    let supported = &metadata.token_auth;
    // A program on the user's machine keeps no secret (RFC 8252, Section 8.5), but not everybody registers one without.
    let method = ["none", "client_secret_basic", "client_secret_post"]
        .into_iter()
        .find(|method| supported.iter().any(|known| known == method));
    let mut body = json!({
        "client_name": "Bridge",
        "application_type": "native",
        "token_endpoint_auth_method": method.unwrap_or("none"),
    });
    if let Some(redirect) = redirect {
        body["redirect_uris"] = json!([redirect]);
        body["response_types"] = json!(["code"]);
        body["grant_types"] = json!(["authorization_code", "refresh_token"]);
    } else {
        body["redirect_uris"] = json!([]);
        body["response_types"] = json!([]);
        body["grant_types"] =
            json!(["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"]);
    }
    let mut request = HttpRequest::new(body.to_string().into_bytes());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = endpoint.as_str().parse().expect("an endpoint has been checked");
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(ACCEPT, json.clone());
    request.headers_mut().insert(CONTENT_TYPE, json);
    request
}
