//! The end of a login: its tokens are forgotten here, and made worthless where they come from (RFC 7009), if that can be had
//! soon.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use oauth2::HttpRequest;
use serde_json::Value;
use tokio::time::timeout;
use url::{Url, form_urlencoded};

use super::endpoint::{self, EndpointError};
use super::error::cleaned;
use super::fetcher::{Fetcher, host};
use super::grants::{GrantError, Grants};
use super::record::Record;
use super::registration::Client;
use super::store::Taken;
use super::tokens::{Inner, Tokens, run};
use crate::base::secret::Secret;
use crate::base::sorting;

/// Nobody waits longer for tokens to be revoked, which are forgotten in any case.
const LIMIT: Duration = Duration::from_secs(5);

/// What became of tokens that were forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// There was nothing to revoke.
    NoToken,
    /// What there was cannot be read here, so that nobody could be asked: the tokens may be good until they expire.
    Unread,
    /// They are worth nothing any more.
    Done {
        /// Who said so.
        host: String,
    },
    /// The authorization server revokes none, as far as is known: they are good until they expire.
    Unsupported {
        /// Who it is.
        issuer: String,
    },
    /// They may be good until they expire.
    Failed {
        /// Who was asked.
        host: String,
        /// What went wrong; no secret is in it.
        reason: String,
    },
}

/// A login that is kept no more.
pub struct Leftover {
    server: String,
    /// With its secrets; nothing where they cannot be had.
    record: Option<Record>,
    /// The login of the config that it was, if it was one.
    login: Option<Arc<Inner>>,
}

/// What the revocation of one login takes beside its record.
struct Revoking<'a, S> {
    fetcher: &'a Fetcher,
    client: &'a Client,
    /// Where tokens are revoked.
    url: Option<&'a str>,
    /// Signs for the client, once for each request; gives nothing where it has no key.
    sign: S,
}

impl Tokens {
    /// Forgets the login, with what is left of earlier ones at the server; gives what there was, the login itself first.
    /// Nothing is revoked yet, so that nobody's tokens stay while a service is waited for.
    pub async fn take_out(&self) -> Taken {
        let inner = self.inner();
        let _lock = match inner.lock().await {
            Ok(lock) => lock,
            Err(fault) => return Taken { faults: vec![fault], ..Taken::default() },
        };
        let forgetful = inner.clone();
        let mut taken = run(move || forgetful.store.take_out(&forgetful.account)).await;
        self.drop_current();
        for left in &mut taken.leftovers {
            let is_own = |record: &Record| record.belongs_to(&inner.account);
            left.login = left.record.as_ref().is_some_and(is_own).then(|| inner.clone());
        }
        sorting::sort_by_key(&mut taken.leftovers, |left| left.login.is_none());
        taken
    }
}

impl Leftover {
    /// Of a server, and what is known of it, with its secrets.
    pub(super) fn new(server: String, record: Option<Record>) -> Self {
        Self { server, record, login: None }
    }

    /// The name that the server had in the config.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Has its tokens revoked where they came from. Where it was none of the config's, what that had for it is not known any
    /// more: neither the secret of its client nor that it let private networks be asked.
    pub async fn revoke(&self) -> Revocation {
        let Some(record) = &self.record else { return Revocation::Unread };
        if let Some(login) = &self.login {
            return login.revoke(record).await;
        }
        let fetcher = Fetcher::new(record.policy());
        let url = record.revocation_url.as_deref();
        let client = record.own_client();
        Revoking { fetcher: &fetcher, client: &client, url, sign: || None }.run(record).await
    }
}

impl fmt::Debug for Leftover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Leftover").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Inner {
    async fn revoke(&self, record: &Record) -> Revocation {
        let client = record.client(&self.account);
        let configured = self.account.login.revocation_url.as_deref();
        let url = configured.or(record.revocation_url.as_deref());
        // Endpoints that are configured are known by no other name than their addresses.
        let is_configured = !self.account.endpoints().is_empty();
        let audience = if is_configured { &record.token_url } else { &record.issuer };
        // Without one that can be made, the authorization server says what it thinks of that.
        let sign = || self.assertion(audience, &client).ok().flatten();
        Revoking { fetcher: &self.fetcher, client: &client, url, sign }.run(record).await
    }
}

impl Grants<'_> {
    /// Makes a token worthless (RFC 7009, Section 2.1). `kind` is `refresh_token` or `access_token`; an answer may repeat any of
    /// the tokens that are `known` there.
    async fn revoke(
        &self,
        endpoint: &Url,
        (token, kind): (&Secret, &str),
        known: &[&Secret],
    ) -> Result<(), GrantError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", token.expose()).append_pair("token_type_hint", kind);
        let mut request = HttpRequest::default();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(proof) = self.client.header() {
            let mut value = HeaderValue::from_maybe_shared(format!("Basic {}", proof.expose()))
                .expect("Base64 is plain");
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        } else {
            form.append_pair("client_id", &self.client.id);
            let secret = self.client.secret.iter().map(|secret| ("client_secret", secret.expose()));
            form.extend_pairs(secret);
            form.extend_pairs(self.extras());
        }
        *request.body_mut() = form.finish().into_bytes();
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.as_str().parse().expect("an endpoint has been checked");
        let answer = self.fetcher.post(request).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let blotter = self.blotter(known);
        let said = |name: &str| cleaned(&blotter.blot(said[name].as_str().unwrap_or_default()));
        let code = match said("error") {
            code if code.is_empty() => format!("HTTP status {}", answer.status().as_u16()),
            code => code,
        };
        let (host, description) = (host(endpoint), said("error_description"));
        Err(GrantError::Refused { host, code, description })
    }
}

impl<S: Fn() -> Option<Secret>> Revoking<'_, S> {
    async fn run(self, record: &Record) -> Revocation {
        let Some(held) = &record.tokens else { return Revocation::NoToken };
        let Some(text) = self.url else {
            return Revocation::Unsupported { issuer: record.issuer.clone() };
        };
        let policy = self.fetcher.policy();
        let checked = endpoint::parse("revocation_endpoint", text, policy).and_then(|url| {
            // It is not asked here, and was checked where it was.
            let token = Url::parse(&record.token_url)
                .map_err(|_| EndpointError::NotAUrl { name: "token_endpoint".to_owned() })?;
            Ok((url, token))
        });
        let (url, token) = match checked {
            Ok(urls) => urls,
            Err(error) => {
                // What is no URL names nobody.
                let host =
                    Url::parse(text).map_or_else(|_| record.issuer.clone(), |url| host(&url));
                return Revocation::Failed { host, reason: error.to_string() };
            }
        };
        let known: Vec<&Secret> = held.refresh.iter().chain([&held.access]).collect();
        let revoke = async |secret: &Secret, kind| {
            let assertion = (self.sign)();
            let (fetcher, assertion) = (self.fetcher, assertion.as_ref());
            let (token, client) = (&token, self.client);
            let grants = Grants { fetcher, token, client, resource: None, assertion };
            grants.revoke(&url, (secret, kind), &known).await
        };
        let revoking = async {
            // It goes first: what it could be traded in for goes with it, at most servers.
            if let Some(refresh) = &held.refresh {
                revoke(refresh, "refresh_token").await?;
            }
            match revoke(&held.access, "access_token").await {
                // Not everybody can take back what others check by themselves (RFC 7009, Section 2.2.1).
                Err(error) if held.refresh.is_some() && error.is_unsupported_token() => Ok(()),
                done => done,
            }
        };
        let host = host(&url);
        match timeout(LIMIT, revoking).await {
            Ok(Ok(())) => Revocation::Done { host },
            Ok(Err(error)) => Revocation::Failed { host, reason: error.to_string() },
            Err(_) => {
                let reason = format!("`{host}` has not answered within {} s", LIMIT.as_secs());
                Revocation::Failed { host, reason }
            }
        }
    }
}
