//! The end of a login: its tokens are forgotten here, and made worthless where they come from (RFC 7009), if that can be had
//! soon.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use url::Url;

use super::endpoint;
use super::error::LoginError;
use super::fetcher::host;
use super::grants::Grants;
use super::record::Record;
use super::tokens::{Inner, Tokens, run};
use crate::base::secret::Secret;

/// Nobody waits longer for tokens to be revoked, which are forgotten in any case.
const LIMIT: Duration = Duration::from_secs(5);

/// What became of tokens that were forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// There was nothing to revoke.
    NoToken,
    /// What was left of another entry's login was removed, and nobody asked: the tokens may be good until they expire.
    Unasked,
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

impl Tokens {
    /// Forgets the login, and has its tokens revoked where the authorization server does that. They are forgotten first:
    /// what comes of the rest changes nothing about it. Nothing comes back where there was no login.
    pub async fn forget(&self) -> Result<Option<Revocation>, LoginError> {
        let inner = self.inner();
        let (record, removed) = {
            let _lock = inner.lock().await?;
            let record = inner.record().await?;
            let forgetful = inner.clone();
            (record, run(move || forgetful.store.remove(&forgetful.account)).await?)
        };
        self.drop_current();
        Ok(match record {
            Some(record) => Some(inner.revoke(&record).await),
            None => removed.then_some(Revocation::Unasked),
        })
    }
}

impl Inner {
    async fn revoke(self: &Arc<Self>, record: &Record) -> Revocation {
        let Some(held) = &record.tokens else { return Revocation::NoToken };
        let unsupported = || Revocation::Unsupported { issuer: record.issuer.clone() };
        let Some(text) = &record.revocation_url else { return unsupported() };
        let (Ok(url), Ok(token)) = (
            endpoint::parse("revocation_endpoint", text, self.fetcher.policy()),
            Url::parse(&record.token_url),
        ) else {
            return unsupported();
        };
        let client = record.client(&self.account);
        let known: Vec<&Secret> = held.refresh.iter().chain([&held.access]).collect();
        let revoke = async |secret: &Secret, kind| {
            // One for each request; without one that can be made, the authorization server says what it thinks of that.
            let assertion = self.assertion(&record.issuer, &client).ok().flatten();
            let (fetcher, assertion) = (&self.fetcher, assertion.as_ref());
            let (token, client) = (&token, &client);
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
