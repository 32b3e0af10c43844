//! What an authorization server says of itself (RFC 8414, OpenID Connect Discovery 1.0).

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::account::Policy;
use super::endpoint::{self, EndpointError};

/// An authorization server, its endpoints checked.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Who it is.
    pub issuer: String,
    /// Whether it says so itself; else its name is only what its endpoints are kept under.
    pub is_issuer_certain: bool,
    /// Where tokens are fetched.
    pub token: Url,
    /// Where users log in.
    pub authorization: Option<Url>,
    /// Where device codes are fetched.
    pub device: Option<Url>,
    /// Where clients register.
    pub registration: Option<Url>,
    /// Where tokens are revoked (RFC 7009).
    pub revocation: Option<Url>,
    /// Whether it knows PKCE with S256, without which no code is asked for.
    pub pkce: bool,
    /// Whether it names itself when it sends the user back (RFC 9207).
    pub names_itself: bool,
    /// How clients prove who they are; nothing where it does not say.
    pub token_auth: Vec<String>,
    /// What tokens may be good for.
    pub scopes: Vec<String>,
    /// Whether it takes the URL of a document about a client for the client's id.
    pub reads_documents: bool,
}

impl Metadata {
    /// An authorization server that says nothing of itself, which is what endpoints are kept under that are known otherwise.
    pub(super) fn silent(issuer: String, token: Url) -> Self {
        Self {
            issuer,
            is_issuer_certain: false,
            token,
            authorization: None,
            device: None,
            registration: None,
            revocation: None,
            pkce: true,
            names_itself: false,
            token_auth: Vec::new(),
            scopes: Vec::new(),
            reads_documents: false,
        }
    }
}

/// The document as it is written.
#[derive(Debug, Deserialize)]
pub(super) struct Raw {
    pub(super) issuer: Option<String>,
    token_endpoint: Option<String>,
    authorization_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    registration_endpoint: Option<String>,
    revocation_endpoint: Option<Value>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    client_id_metadata_document_supported: bool,
}

impl Raw {
    /// The endpoints as URLs; nothing where there is no token to be had.
    pub(super) fn check(
        self,
        issuer: &str,
        policy: Policy,
    ) -> Result<Option<Metadata>, EndpointError> {
        let read = |name: &str, value: Option<&String>| {
            value.map(|text| endpoint::parse(name, text, policy)).transpose()
        };
        let token = read("token_endpoint", self.token_endpoint.as_ref())?;
        let authorization = read("authorization_endpoint", self.authorization_endpoint.as_ref())?;
        let device =
            read("device_authorization_endpoint", self.device_authorization_endpoint.as_ref())?;
        let registration = read("registration_endpoint", self.registration_endpoint.as_ref())?;
        // No login needs it: one that is not used is as good as none.
        let revocation = self.revocation_endpoint.as_ref().and_then(Value::as_str);
        let revocation =
            revocation.and_then(|text| endpoint::parse("revocation_endpoint", text, policy).ok());
        let Some(token) = token else { return Ok(None) };
        Ok(Some(Metadata {
            issuer: issuer.to_owned(),
            is_issuer_certain: true,
            token,
            authorization,
            device,
            registration,
            revocation,
            pkce: self.code_challenge_methods_supported.iter().any(|method| method == "S256"),
            names_itself: self.authorization_response_iss_parameter_supported,
            token_auth: self.token_endpoint_auth_methods_supported,
            scopes: self.scopes_supported,
            reads_documents: self.client_id_metadata_document_supported,
        }))
    }
}
