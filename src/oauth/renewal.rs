//! One renewal: under the lock of the login, from what is kept now, by the cheapest way there is.

use std::sync::Arc;

use url::Url;

use super::assertion;
use super::challenge;
use super::discovery::Discovery;
use super::endpoint;
use super::error::{LoginError, Reason};
use super::fetcher::host;
use super::grants::{GrantError, Grants};
use super::metadata::Metadata;
use super::record::Record;
use super::registration::Client;
use super::tokens::Inner;
use crate::base::secret::Secret;
use crate::config::Grant;

/// More scopes than these are not asked for beyond those of the first login.
const MOST_WANTED: usize = 64;

/// A token that can be used.
#[derive(Debug, Clone)]
pub(super) struct Renewed {
    pub(super) token: Secret,
    renew_at: Option<u64>,
}

/// Where a login takes place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) metadata: Metadata,
    pub(super) resource: Option<String>,
    pub(super) scopes: Vec<String>,
}

impl Renewed {
    pub(super) fn of(record: &Record) -> Option<Self> {
        let held = record.tokens.as_ref()?;
        Some(Self { token: held.access.clone(), renew_at: held.renew_at })
    }

    /// Whether it can be used for a while, and is not the one that was refused.
    pub(super) fn is_good(&self, refused: Option<&Secret>, now: u64) -> bool {
        self.renew_at.is_none_or(|at| at > now) && refused != Some(&self.token)
    }
}

impl Inner {
    /// Another token than the one that was refused. Whoever waited for the lock finds what the one before has brought.
    pub(super) async fn renew(
        self: &Arc<Self>,
        refused: Option<Secret>,
    ) -> Result<Renewed, LoginError> {
        let _lock = self.lock().await?;
        let record = self.record().await?;
        let kept = record.as_ref().and_then(Renewed::of);
        if let Some(good) = kept.filter(|kept| kept.is_good(refused.as_ref(), self.clock.now())) {
            return Ok(good);
        }
        // Who has a key signs for another token; and a token that was refused may come from where the server takes none from any
        // more, which asking it again tells.
        let is_asked_again = self.account.is_unattended() && refused.is_some();
        let is_renewed = |record: &Record| {
            record.is_renewable() && self.account.key().is_none() && !is_asked_again
        };
        if let Some(record) = record.clone().filter(is_renewed) {
            match self.refresh(record, refused.as_ref()).await {
                Err(_) if self.account.is_unattended() => {}
                done => return done,
            }
        }
        if self.account.is_unattended() {
            return self.fetch(record, &[]).await;
        }
        let reason = match record {
            Some(record) if record.has_token() && refused.is_some() => Reason::Refused,
            Some(record) if record.has_token() => Reason::Expired,
            _ => Reason::NoToken,
        };
        let wanted = record_wanted(self.record().await?);
        Err(self.needed(reason, wanted))
    }

    /// A token that is good for these as well; or the user is told to log in, and what for is kept.
    pub(super) async fn widen(
        self: &Arc<Self>,
        used: &Secret,
        scopes: &[String],
    ) -> Result<Renewed, LoginError> {
        let _lock = self.lock().await?;
        let record = self.record().await?;
        let kept = record.as_ref().and_then(Renewed::of);
        if let Some(other) = kept.filter(|kept| kept.is_good(Some(used), self.clock.now())) {
            return Ok(other);
        }
        let before = record.as_ref().map(|record| record.wanted.clone()).unwrap_or_default();
        let wanted = union([&before, scopes]);
        // A server that wants something else each time would have all of it kept, and asked for.
        let is_too_much = wanted.len() > MOST_WANTED;
        if self.account.is_unattended() {
            // What was asked for already is not had by asking again.
            if is_too_much || scopes.iter().all(|scope| before.contains(scope)) {
                return Err(self.needed(Reason::Scope, scopes.to_vec()));
            }
            return self.fetch(record, scopes).await;
        }
        let Some(mut record) = record else {
            return Err(self.needed(Reason::NoToken, scopes.to_vec()));
        };
        // Who has asked for all of it would be sent from login to login without an end.
        if !scopes.is_empty() && scopes.iter().all(|scope| record.asked.contains(scope)) {
            let (server, scopes) = (self.account.server.clone(), scopes.to_vec());
            return Err(LoginError::Withheld { server, scopes });
        }
        if is_too_much {
            return Err(self.needed(Reason::Scope, before));
        }
        record.wanted.clone_from(&wanted);
        self.save(record).await?;
        Err(self.needed(Reason::Scope, wanted))
    }

    /// Where tokens are to be had: as configured, else as the server says.
    pub(super) async fn place(&self, challenge: Option<&str>) -> Result<Place, LoginError> {
        if let Some(metadata) = self.configured()? {
            // Who configures endpoints says with `audience` what tokens are for; some of them take no `resource`.
            return Ok(Place {
                metadata,
                resource: None,
                scopes: self.account.login.scopes.clone(),
            });
        }
        let server = self.account.server.clone();
        let Some(url) = &self.account.resource else {
            let host = server.clone();
            let error = super::discovery::DiscoveryError::Nothing { host };
            return Err(LoginError::Discovery { server, error: error.into() });
        };
        let found = Discovery::run(&self.fetcher, url, challenge).await;
        let found = found.map_err(|error| LoginError::Discovery { server, error: error.into() })?;
        let configured = &self.account.login.scopes;
        let scopes = if configured.is_empty() { found.scopes } else { configured.clone() };
        Ok(Place { metadata: found.metadata, resource: Some(found.resource), scopes })
    }

    /// A secret that the config has for a client goes where it went before: a server that is not what it was could have it sent
    /// anywhere else.
    pub(super) fn check_place(
        &self,
        record: Option<&Record>,
        place: &Place,
    ) -> Result<(), LoginError> {
        let has_secret = matches!(self.account.client(), Some((_, Some(_))));
        let before = record.filter(|_| has_secret).and_then(|it| Url::parse(&it.token_url).ok());
        let now = &place.metadata.token;
        match before {
            Some(before) if before.origin() != now.origin() => Err(LoginError::Moved {
                server: self.account.server.clone(),
                before: host(&before),
                now: host(now),
                command: format!("bridge auth logout {}", self.account.server),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn grant_failed(&self, error: GrantError) -> LoginError {
        LoginError::Grant { server: self.account.server.clone(), error: error.into() }
    }

    /// Trades in the token that is there for that. Whatever comes is kept before it is used: the old one may be worth nothing
    /// from now on.
    async fn refresh(
        self: &Arc<Self>,
        mut record: Record,
        refused: Option<&Secret>,
    ) -> Result<Renewed, LoginError> {
        let token = self.token_url(&record)?;
        let client = record.client(&self.account);
        let held = record.tokens.as_ref();
        let Some((refresh, access)) =
            held.and_then(|held| Some((held.refresh.clone()?, held.access.clone())))
        else {
            return Err(self.needed(Reason::Expired, record.wanted));
        };
        let resource = record.resource.as_deref();
        let fetcher = &self.fetcher;
        let grants = Grants { fetcher, token: &token, client: &client, resource, assertion: None };
        match grants.refresh(&refresh, &access).await {
            Ok(issued) => {
                let scopes = record.scopes.clone();
                record.take(issued, &scopes, self.clock.now());
                let renewed = Renewed::of(&record).expect("a token has just come");
                self.save(record).await?;
                Ok(renewed)
            }
            Err(error) if error.is_refusal() => {
                tracing::info!(server = %self.account.server, "the login was not renewed: {error}");
                let wanted = record.wanted.clone();
                // It stays refused, and is not sent again. A client that is not known any more has to register again.
                if error.is_unknown_client() && client.is_registered {
                    let inner = self.clone();
                    let removed = move || inner.store.remove(&inner.account);
                    super::tokens::run(removed).await?;
                } else {
                    record.tokens = None;
                    self.save(record).await?;
                }
                Err(self.needed(Reason::RenewalRefused, wanted))
            }
            Err(error) => {
                let held = record.tokens.as_ref();
                let is_alive =
                    held.and_then(|held| held.expires_at).is_some_and(|at| at > self.clock.now());
                let kept = Renewed::of(&record).filter(|kept| Some(&kept.token) != refused);
                // There is a minute left in which the authorization server may come back.
                kept.filter(|_| is_alive).ok_or_else(|| self.grant_failed(error))
            }
        }
    }

    /// A token for the bridge itself, good for what is configured and for `more`.
    async fn fetch(
        self: &Arc<Self>,
        record: Option<Record>,
        more: &[String],
    ) -> Result<Renewed, LoginError> {
        let place = self.place(None).await?;
        self.check_place(record.as_ref(), &place)?;
        let metadata = &place.metadata;
        let client = Client::configured(&self.account, &metadata.token_auth)
            .expect("a login without the user has a client id");
        let before = record.map(|record| record.wanted).unwrap_or_default();
        let more = union([&before, more]);
        let scopes = union([&place.scopes, &more]);
        let audience = match &self.account.login.grant {
            Grant::ClientCredentials { audience, .. } => audience.as_deref(),
            _ => None,
        };
        let resource = place.resource.as_deref();
        let signed_for =
            if metadata.is_issuer_certain { &metadata.issuer } else { metadata.token.as_str() };
        let assertion = self.assertion(signed_for, &client)?;
        let (fetcher, assertion) = (&self.fetcher, assertion.as_ref());
        let grants =
            Grants { fetcher, token: &metadata.token, client: &client, resource, assertion };
        let issued = grants.client_credentials(&scopes, audience).await;
        let issued = issued.map_err(|error| self.grant_failed(error))?;
        let mut record = Record::new(&self.account, metadata, &client);
        record.resource = place.resource;
        record.wanted = more;
        record.take(issued, &scopes, self.clock.now());
        let renewed = Renewed::of(&record).expect("a token has just come");
        self.save(record).await?;
        Ok(renewed)
    }

    /// What a client with a key says of itself. It is meant for the authorization server by its name, and where that is not
    /// known by the address at which it is sent (RFC 7523, Section 3).
    pub(super) fn assertion(
        &self,
        audience: &str,
        client: &Client,
    ) -> Result<Option<Secret>, LoginError> {
        let Some(key) = self.account.key() else { return Ok(None) };
        let signed = assertion::sign(key, &client.id, audience, self.clock.now());
        let server = self.account.server.clone();
        signed.map(Some).map_err(|error| LoginError::Key { server, error })
    }

    /// The endpoints that the config names, as an authorization server would.
    fn configured(&self) -> Result<Option<Metadata>, LoginError> {
        let mut urls = Vec::new();
        for (key, text) in self.account.endpoints() {
            let url = endpoint::parse(key, text, self.fetcher.policy());
            let server = self.account.server.clone();
            urls.push((
                key,
                url.map_err(|error| LoginError::Endpoint { server, error: error.into() })?,
            ));
        }
        let at = |key: &str| urls.iter().find(|(name, _)| *name == key).map(|(_, url)| url.clone());
        let Some(token) = at("tokenUrl") else { return Ok(None) };
        Ok(Some(Metadata {
            authorization: at("authorizationUrl"),
            device: at("deviceAuthorizationUrl"),
            revocation: at("revocationUrl"),
            ..Metadata::silent(token.origin().ascii_serialization(), token)
        }))
    }

    fn token_url(&self, record: &Record) -> Result<Url, LoginError> {
        let url = endpoint::parse("tokenUrl", &record.token_url, self.fetcher.policy());
        let server = self.account.server.clone();
        url.map_err(|error| LoginError::Endpoint { server, error: error.into() })
    }
}

fn record_wanted(record: Option<Record>) -> Vec<String> {
    record.map(|record| record.wanted).unwrap_or_default()
}

/// All of them, none twice.
pub(super) fn union<const N: usize>(parts: [&[String]; N]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for scope in parts.into_iter().flatten().flat_map(|text| challenge::scopes(text)) {
        if !all.contains(&scope) {
            all.push(scope);
        }
    }
    all
}
