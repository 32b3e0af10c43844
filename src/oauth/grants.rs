//! The requests that end with a token, made by the `oauth2` crate and sent by [`Fetcher`].

use std::borrow::Cow;
use std::time::Duration;

use futures_util::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicTokenResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, DeviceAuthorizationUrl,
    EndpointNotSet, EndpointSet, ErrorResponseType, HttpRequest, HttpResponse, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardDeviceAuthorizationResponse,
    StandardErrorResponse, TokenResponse, TokenUrl,
};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use url::Url;

use super::assertion;
use super::error::{cleaned, said};
use super::fetcher::{FetchError, Fetcher, host};
use super::registration::{Client, Proof};
use crate::base::blotter::Blotter;
use crate::base::secret::Secret;

type Basic =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// What is said of tokens and clients that are worth nothing (RFC 6749, Section 5.2, and what others say in its place).
const REFUSALS: [&str; 7] = [
    "invalid_grant",
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "access_denied",
    "invalid_token",
    "bad_refresh_token",
];

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The request failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The authorization server says no (RFC 6749, Section 5.2).
    #[error("`{host}` says `{code}`{}", said(description))]
    Refused {
        /// Who does.
        host: String,
        /// The error code.
        code: String,
        /// Its words, cleaned, without the secrets that were sent.
        description: String,
    },
    /// The answer is no token.
    #[error("`{host}` answers a request for a token with something else: {reason}")]
    Unreadable {
        /// Who does.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The user did not log in before the code ended.
    #[error("the code of `{host}` has expired before anybody logged in")]
    Expired {
        /// Whose code it was.
        host: String,
    },
}

/// Everything that requests for tokens at one endpoint have in common.
pub(super) struct Grants<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) token: &'a Url,
    pub(super) client: &'a Client,
    /// What the token is for (RFC 8707).
    pub(super) resource: Option<&'a str>,
    /// What the client says of itself, signed, where that is how it proves who it is.
    pub(super) assertion: Option<&'a Secret>,
}

/// A token as it came.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
    pub(super) lifetime: Option<Duration>,
    /// What it is good for, where that is not what was asked for.
    pub(super) scopes: Option<Vec<String>>,
}

/// The crate's way to the network.
struct Sender<'a>(&'a Fetcher);

impl<'c> AsyncHttpClient<'c> for Sender<'_> {
    type Error = FetchError;
    type Future = BoxFuture<'c, Result<HttpResponse, FetchError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        let fetcher = self.0;
        Box::pin(async move { fetcher.post(request).await.map(standard) })
    }
}

impl GrantError {
    /// Whether what was sent is worth nothing, and not only for now.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if REFUSALS.contains(&code.as_str()))
    }

    /// Whether tokens of this kind are not revoked (RFC 7009, Section 2.2.1).
    pub(super) fn is_unsupported_token(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "unsupported_token_type")
    }

    /// Whether the client is not known any more.
    pub(super) fn is_unknown_client(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if matches!(code.as_str(), "invalid_client" | "unauthorized_client"))
    }
}

impl Grants<'_> {
    /// A token for the bridge itself (RFC 6749, Section 4.4).
    pub(super) async fn client_credentials(
        &self,
        scopes: &[String],
        audience: Option<&str>,
    ) -> Result<Issued, GrantError> {
        let client = self.basic();
        let mut request = client.exchange_client_credentials().add_scopes(scopes_of(scopes));
        let audience = audience.map(|audience| ("audience", audience.to_owned()));
        for (name, value) in self.extras().chain(audience) {
            request = request.add_extra_param(name, value);
        }
        let issued = request.request_async(&self.sender()).await;
        self.issued(issued, &[])
    }

    /// A token for a code (RFC 6749, Section 4.1.3; RFC 7636, Section 4.5).
    pub(super) async fn code(
        &self,
        code: &Secret,
        verifier: &Secret,
        redirect: &str,
    ) -> Result<Issued, GrantError> {
        let client = self.basic();
        let redirect =
            RedirectUrl::new(redirect.to_owned()).expect("it was made by the listener, as a URL");
        let client = client.set_redirect_uri(redirect);
        let mut request = client
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()));
        for (name, value) in self.extras() {
            request = request.add_extra_param(name, value);
        }
        let issued = request.request_async(&self.sender()).await;
        self.issued(issued, &[code, verifier])
    }

    /// A token for an older one (RFC 6749, Section 6). It is good for the same: no scope is sent.
    /// `access` is the token that goes with it, which an answer may repeat as well.
    pub(super) async fn refresh(
        &self,
        refresh: &Secret,
        access: &Secret,
    ) -> Result<Issued, GrantError> {
        let client = self.basic();
        let token = RefreshToken::new(refresh.expose().to_owned());
        let mut request = client.exchange_refresh_token(&token);
        for (name, value) in self.extras() {
            request = request.add_extra_param(name, value);
        }
        let issued = request.request_async(&self.sender()).await;
        self.issued(issued, &[refresh, access])
    }

    /// A code for the user to type (RFC 8628, Section 3.1).
    pub(super) async fn device_code(
        &self,
        endpoint: &Url,
        scopes: &[String],
    ) -> Result<StandardDeviceAuthorizationResponse, GrantError> {
        let url = DeviceAuthorizationUrl::from_url(endpoint.clone());
        let client = self.basic().set_device_authorization_url(url);
        let mut request = client.exchange_device_code().add_scopes(scopes_of(scopes));
        for (name, value) in self.extras() {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&self.sender()).await;
        answer.map_err(|error| failed(error, &host(endpoint), &self.blotter(&[])))
    }

    /// Asks again and again whether the user has typed the code, as often as the server likes (RFC 8628, Section 3.5).
    pub(super) async fn device_token(
        &self,
        details: &StandardDeviceAuthorizationResponse,
    ) -> Result<Issued, GrantError> {
        let client = self.basic();
        let mut request = client.exchange_device_access_token(details);
        for (name, value) in self.extras() {
            request = request.add_extra_param(name, value);
        }
        let expired = || GrantError::Expired { host: host(self.token) };
        let send = self.sender();
        // Asking at once would only be told to wait.
        sleep(details.interval()).await;
        // The crate looks at the clock of the system only between two sleeps; this holds whatever happens.
        let asked = timeout(details.expires_in(), request.request_async(&send, sleep, None)).await;
        let code = Secret::from(details.device_code().secret().as_str());
        match self.issued(asked.map_err(|_| expired())?, &[&code]) {
            Err(GrantError::Refused { code, .. }) if code == "expired_token" => Err(expired()),
            issued => issued,
        }
    }

    fn basic(&self) -> Basic {
        let client = BasicClient::new(ClientId::new(self.client.id.clone()))
            .set_token_uri(TokenUrl::from_url(self.token.clone()))
            .set_auth_type(match self.client.proof {
                Proof::Header => AuthType::BasicAuth,
                Proof::Body => AuthType::RequestBody,
            });
        match &self.client.secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            None => client,
        }
    }

    pub(super) fn extras(&self) -> impl Iterator<Item = (&'static str, String)> {
        let resource = self.resource.map(|resource| ("resource", resource.to_owned()));
        let assertion = self.assertion.into_iter().flat_map(|assertion| {
            let signed = ("client_assertion", assertion.expose().to_owned());
            [("client_assertion_type", assertion::TYPE.to_owned()), signed]
        });
        resource.into_iter().chain(assertion)
    }

    fn sender(&self) -> Sender<'_> {
        Sender(self.fetcher)
    }

    pub(super) fn blotter(&self, sent: &[&Secret]) -> Blotter {
        let known = sent.iter().copied().chain(&self.client.secret).chain(self.assertion).cloned();
        Blotter::new(&known.chain(self.client.header()).collect::<Vec<_>>())
    }

    fn issued<T: ErrorResponseType + std::fmt::Display>(
        &self,
        issued: Result<BasicTokenResponse, RequestTokenError<FetchError, StandardErrorResponse<T>>>,
        sent: &[&Secret],
    ) -> Result<Issued, GrantError> {
        let host = host(self.token);
        let token = issued.map_err(|error| failed(error, &host, &self.blotter(sent)))?;
        let access = token.access_token().secret();
        let unreadable =
            |reason: &str| GrantError::Unreadable { host: host.clone(), reason: reason.to_owned() };
        if !matches!(token.token_type(), BasicTokenType::Bearer) {
            return Err(unreadable("its `token_type` is not `bearer`"));
        }
        // It is going to be a header's value (RFC 6750, Section 2.1).
        if access.is_empty() || !access.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unreadable("its `access_token` cannot be sent in a header"));
        }
        let access = Secret::from(access.as_str());
        let refresh = token.refresh_token().map(|refresh| Secret::from(refresh.secret().as_str()));
        let own: Vec<&Secret> = sent.iter().copied().chain([&access]).chain(&refresh).collect();
        let blotter = self.blotter(&own);
        let scopes = token.scopes().map(|scopes| {
            let scopes = scopes.iter().map(|scope| scope.as_str());
            // They are shown: one that repeats a secret is none.
            let is_shown = |scope: &&str| matches!(blotter.blot(scope), Cow::Borrowed(_));
            super::challenge::scopes(&scopes.filter(is_shown).collect::<Vec<_>>().join(" "))
        });
        Ok(Issued { access, refresh, lifetime: token.expires_in(), scopes })
    }
}

fn scopes_of(scopes: &[String]) -> impl Iterator<Item = Scope> {
    scopes.iter().map(|scope| Scope::new(scope.clone()))
}

/// The answer as RFC 6749 has it. Some say 201, some give the seconds as text, and some say 200 to what is an error.
fn standard(mut answer: HttpResponse) -> HttpResponse {
    let Ok(Value::Object(mut body)) = serde_json::from_slice(answer.body()) else { return answer };
    if answer.status().is_success() {
        let failed = body.contains_key("error") && !body.contains_key("access_token");
        *answer.status_mut() =
            if failed { http::StatusCode::BAD_REQUEST } else { http::StatusCode::OK };
        let seconds = body.get("expires_in").and_then(Value::as_str).map(str::parse::<u64>);
        if let Some(Ok(seconds)) = seconds {
            body.insert("expires_in".to_owned(), seconds.into());
            *answer.body_mut() = Value::Object(body).to_string().into_bytes();
        }
    }
    answer
}

/// What went wrong, without a word of an answer that may hold a token.
fn failed<T: ErrorResponseType + std::fmt::Display>(
    error: RequestTokenError<FetchError, StandardErrorResponse<T>>,
    host: &str,
    blotter: &Blotter,
) -> GrantError {
    let host = host.to_owned();
    match error {
        RequestTokenError::Request(error) => GrantError::Fetch(error),
        RequestTokenError::ServerResponse(said) => GrantError::Refused {
            host,
            code: cleaned(&blotter.blot(&said.error().to_string())),
            description: said
                .error_description()
                .map_or_else(String::new, |description| cleaned(&blotter.blot(description))),
        },
        RequestTokenError::Parse(error, _) => {
            let path = cleaned(&error.path().to_string());
            let reason = if path == "." {
                "it is no JSON object with the members of a token".to_owned()
            } else {
                format!("`{path}` is not what it has to be")
            };
            GrantError::Unreadable { host, reason }
        }
        RequestTokenError::Other(_) => {
            GrantError::Unreadable { host, reason: "it is empty or no JSON".to_owned() }
        }
    }
}
