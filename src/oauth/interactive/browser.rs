//! Logging in by a browser on this machine.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::PkceCodeChallenge;
use tokio::time::timeout;
use url::Url;

use super::request::{OFFLINE, client, grants, keep, record, scopes, unsupported};
use crate::base::secret::Secret;
use crate::config::Grant;
use crate::oauth::error::{AnswerError, LoginError, cleaned};
use crate::oauth::fetcher::host;
use crate::oauth::listener::Listener;
use crate::oauth::registration::Client;
use crate::oauth::renewal::Place;
use crate::oauth::tokens::Tokens;

/// Whoever has not logged in by then has gone.
const PATIENCE: Duration = Duration::from_mins(5);

/// A login by a browser on this machine, between the question and the answer.
#[derive(Debug)]
pub struct Browser {
    tokens: Tokens,
    listener: Listener,
    place: Place,
    client: Client,
    scopes: Vec<String>,
    redirect: String,
    state: Secret,
    verifier: Secret,
    url: Url,
}

/// What came back from the browser: a code, for [`Browser::finish`].
#[derive(Debug)]
pub struct Returned(Secret);

impl Browser {
    /// Finds out where to log in, registers where that is needed, and listens for the browser. `challenge` is the
    /// `WWW-Authenticate` of the server, where it is known.
    pub async fn begin(tokens: &Tokens, challenge: Option<&str>) -> Result<Self, LoginError> {
        let inner = tokens.inner();
        let place = inner.place(challenge).await?;
        let Some(authorization) = place.metadata.authorization.clone() else {
            return Err(unsupported(&place, "has no page to log in at (`authorization_endpoint`)"));
        };
        // The MCP specification has a client refuse to go on (Authorization Code Protection).
        if !place.metadata.pkce {
            return Err(unsupported(
                &place,
                "does not say that it knows PKCE with S256, without which codes can be stolen",
            ));
        }
        let port = match &inner.account.login.grant {
            Grant::AuthorizationCode { callback_port, .. } => *callback_port,
            _ => None,
        };
        let record = record(tokens, &place).await?;
        let listener = listen(
            port,
            record.as_ref().and_then(|record| record.client(tokens.account()).redirect),
        )
        .await?;
        let redirect = listener.redirect();
        let client = client(tokens, &place, record.as_ref(), Some(&redirect)).await?;
        let scopes = scopes(&inner.account, &place, record.as_ref());
        let (pkce, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut random = [0; 32];
        getrandom::fill(&mut random).expect("the system has random numbers");
        let state = URL_SAFE_NO_PAD.encode(random);
        let mut url = authorization;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code").append_pair("client_id", &client.id);
            query.append_pair("redirect_uri", &redirect).append_pair("state", &state);
            query.append_pair("code_challenge", pkce.as_str());
            query.append_pair("code_challenge_method", "S256");
            if !scopes.is_empty() {
                query.append_pair("scope", &scopes.join(" "));
            }
            // Else it goes unheard (OpenID Connect Core 1.0, Section 11).
            if scopes.iter().any(|scope| scope == OFFLINE) {
                query.append_pair("prompt", "consent");
            }
            if let Some(resource) = &place.resource {
                query.append_pair("resource", resource);
            }
        }
        let verifier = verifier.secret().as_str().into();
        let (tokens, state) = (tokens.clone(), state.into());
        Ok(Self { tokens, listener, place, client, scopes, redirect, state, verifier, url })
    }

    /// Where the user logs in: an https URL (http for this machine) without a character that means something to a shell but
    /// `&` and `?`. It is to be given to a program as one argument, never to a shell.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where the browser returns to.
    pub fn redirect(&self) -> &str {
        &self.redirect
    }

    /// The host of the authorization server, for people.
    pub fn host(&self) -> String {
        host(&self.url)
    }

    /// Waits for the browser to return, for five minutes.
    pub async fn wait(&self) -> Result<Returned, LoginError> {
        let is_answer = |url: &Url| {
            !matches!(self.read_query(url), Err(AnswerError::State | AnswerError::NoCode))
        };
        let waited = timeout(PATIENCE, self.listener.answer(is_answer)).await;
        let account = self.tokens.account();
        let answered = waited.map_err(|_| LoginError::Late {
            server: account.server.clone(),
            minutes: PATIENCE.as_secs() / 60,
            command: account.command(),
        })?;
        let url =
            answered.map_err(|error| LoginError::Port { port: 0, reason: error.to_string() })?;
        Ok(self.read_query(&url)?)
    }

    /// What the user pasted: the address at which the browser ended, or the code alone.
    pub fn read(&self, pasted: &str) -> Result<Returned, LoginError> {
        let pasted = pasted.trim();
        if let Ok(url) = Url::parse(pasted)
            && url.query().is_some()
        {
            return Ok(self.read_query(&url)?);
        }
        // Whoever types a code vouches for where it comes from: it has no state, and PKCE still binds it to this login. Where
        // the authorization server names itself, that has to be seen as well.
        let is_code = !pasted.is_empty()
            && pasted.len() <= 4096
            && pasted.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_code || self.place.metadata.names_itself || pasted.contains("://") {
            return Err(AnswerError::NoCode.into());
        }
        Ok(Returned(pasted.into()))
    }

    /// Trades the code in for a token and keeps it.
    pub async fn finish(self, returned: Returned) -> Result<(), LoginError> {
        let inner = self.tokens.inner();
        let grants = grants(inner, &self.place, &self.client);
        let issued = grants.code(&returned.0, &self.verifier, &self.redirect).await;
        let issued = issued.map_err(|error| inner.grant_failed(error))?;
        keep(&self.tokens, &self.place, &self.client, (issued, &self.scopes)).await
    }

    /// Checks an answer: the state first, then who it comes from (RFC 9207, Section 2.4), then what it says.
    fn read_query(&self, url: &Url) -> Result<Returned, AnswerError> {
        let one = |name: &str| {
            let mut found =
                url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value);
            let first = found.next();
            // One that is there twice says nothing (RFC 6749, Section 3.1).
            first.filter(|_| found.next().is_none()).map(Cow::into_owned)
        };
        let state = one("state").unwrap_or_default();
        if !is_same(state.as_bytes(), self.state.expose().as_bytes()) {
            return Err(AnswerError::State);
        }
        let metadata = &self.place.metadata;
        let named = one("iss");
        let is_asked = named.as_deref() == Some(metadata.issuer.as_str());
        if (named.is_some() || metadata.names_itself) && !is_asked && metadata.is_issuer_certain {
            let found = cleaned(&named.unwrap_or_default());
            return Err(AnswerError::Issuer { found, expected: metadata.issuer.clone() });
        }
        if let Some(code) = one("error") {
            let description = cleaned(&one("error_description").unwrap_or_default());
            return Err(AnswerError::Denied { code: cleaned(&code), description });
        }
        one("code")
            .filter(|code| !code.is_empty())
            .map(|code| Returned(code.into()))
            .ok_or(AnswerError::NoCode)
    }
}

/// A port that the browser may return to: the configured one; else the one that was registered, where it is free.
async fn listen(port: Option<u16>, registered: Option<String>) -> Result<Listener, LoginError> {
    let before = registered.and_then(|redirect| Url::parse(&redirect).ok()?.port());
    if let Some(before) = before.filter(|before| port.is_none_or(|port| port == *before))
        && let Ok(listener) = Listener::bind(Some(before)).await
    {
        return Ok(listener);
    }
    let failed = |error: std::io::Error| LoginError::Port {
        port: port.unwrap_or_default(),
        reason: error.to_string(),
    };
    Listener::bind(port).await.map_err(failed)
}

/// Compares without telling by the time it takes how much is the same.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}
