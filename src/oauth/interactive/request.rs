//! What every login with the user asks for and as whom, and what is kept of it.

use crate::oauth::account::Account;
use crate::oauth::error::LoginError;
use crate::oauth::grants::{Grants, Issued};
use crate::oauth::record::Record;
use crate::oauth::registration::Client;
use crate::oauth::renewal::{Place, Renewed, union};
use crate::oauth::tokens::{Inner, Tokens};

/// The scope by which an authorization server is asked for a token to renew the other by.
pub(super) const OFFLINE: &str = "offline_access";
/// The requests of a login by the user, for which no client signs: a key is for machines that log in as themselves.
pub(super) fn grants<'a>(inner: &'a Inner, place: &'a Place, client: &'a Client) -> Grants<'a> {
    Grants {
        fetcher: &inner.fetcher,
        token: &place.metadata.token,
        client,
        resource: place.resource.as_deref(),
        assertion: None,
    }
}

/// What is known of an earlier login there.
pub(super) async fn record(tokens: &Tokens, place: &Place) -> Result<Option<Record>, LoginError> {
    let record = tokens.inner().record().await?;
    tokens.inner().check_place(record.as_ref(), place)?;
    Ok(record.filter(|record| record.issuer == place.metadata.issuer))
}

/// Who the bridge is there: as configured, as a document says, as registered before with the same way back, or registered now.
pub(super) async fn client(
    tokens: &Tokens,
    place: &Place,
    record: Option<&Record>,
    redirect: Option<&str>,
) -> Result<Client, LoginError> {
    let inner = tokens.inner();
    if let Some(client) = Client::configured(&inner.account, &place.metadata.token_auth) {
        return Ok(client);
    }
    // Before it registers itself (MCP 2025-11-25, Authorization, Client Registration Approaches).
    if let Some(url) = inner.account.metadata_url().filter(|_| place.metadata.reads_documents) {
        return Ok(Client::documented(url));
    }
    let before = record.map(|record| record.client(&inner.account));
    let now = inner.clock.now();
    let is_usable = |client: &Client| client.is_registered && client.is_usable(redirect, now);
    if let Some(client) = before.filter(is_usable) {
        return Ok(client);
    }
    let registered = Client::register(&inner.fetcher, &place.metadata, redirect).await;
    let server = inner.account.server.clone();
    registered.map_err(|error| LoginError::Registration { server, error: error.into() })
}

/// What is asked for: what is configured or said, and what the server wanted beyond that since. Some authorization servers
/// give nothing to renew a token by unless that is asked for; who asks for nothing at all gets what is usual there, and who
/// configures it has said everything.
pub(super) fn scopes(account: &Account, place: &Place, record: Option<&Record>) -> Vec<String> {
    let granted = record.filter(|record| !record.wanted.is_empty());
    let granted = granted.map(|record| record.scopes.clone()).unwrap_or_default();
    let wanted = record.map(|record| record.wanted.clone()).unwrap_or_default();
    let asked = union([&place.scopes, &granted, &wanted]);
    let is_known = place.metadata.scopes.iter().any(|scope| scope == OFFLINE);
    if is_known && !asked.is_empty() && account.login.scopes.is_empty() {
        return union([&asked, &[OFFLINE.to_owned()]]);
    }
    asked
}

pub(super) async fn keep(
    tokens: &Tokens,
    place: &Place,
    client: &Client,
    (issued, scopes): (Issued, &[String]),
) -> Result<(), LoginError> {
    let inner = tokens.inner();
    let mut record = Record::new(&inner.account, &place.metadata, client);
    record.resource.clone_from(&place.resource);
    record.asked = scopes.to_vec();
    record.take(issued, scopes, inner.clock.now());
    let renewed = Renewed::of(&record);
    let _lock = inner.lock().await?;
    inner.save(record).await?;
    if let Some(renewed) = renewed {
        tokens.put(renewed);
    }
    Ok(())
}

pub(super) fn unsupported(place: &Place, missing: &'static str) -> LoginError {
    LoginError::Unsupported { issuer: place.metadata.issuer.clone(), missing }
}
