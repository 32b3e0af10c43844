//! A remote catalog over HTTP. Redirects within its origin are followed, others are told.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};
use indexmap::IndexMap;
use tokio::time::timeout;

use super::copies::MOST_BYTES;
use crate::config::{Remote, RemoteCatalog};
use crate::wire::http::{Client, Endpoint, Error, Unusable};

/// Nobody waits longer for the whole of it.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of an entity tag that are kept.
const LONGEST_TAG: usize = 1024;

/// What came of asking.
#[derive(Debug)]
pub(super) enum Fetched {
    /// It is still what the entity tag names.
    Same,
    /// It is this.
    New { text: Bytes, etag: Option<String> },
}

/// Why it could not be had; does not tell the URL.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("nothing came of it within {} seconds", PATIENCE.as_secs())]
    Slow,
    #[error(transparent)]
    Http(#[from] Error),
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error("it has moved to `{0}`; if that is right, write its new URL into the config")]
    Moved(String),
    #[error("the server answered {0}")]
    Status(StatusCode),
}

/// The catalog as it is now, unless it is still what `etag` names.
pub(super) async fn fetch(
    client: &Client,
    catalog: &RemoteCatalog,
    etag: Option<&str>,
) -> Result<Fetched, Fault> {
    timeout(PATIENCE, ask(client, catalog, etag)).await.map_err(|_| Fault::Slow)?
}

async fn ask(
    client: &Client,
    catalog: &RemoteCatalog,
    etag: Option<&str>,
) -> Result<Fetched, Fault> {
    let remote = Remote { url: catalog.url.clone(), headers: IndexMap::new(), auth: None };
    let endpoint = Endpoint::new(&remote)?;
    let mut headers = endpoint.headers().clone();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let etag = etag.and_then(|etag| HeaderValue::from_str(etag).ok());
    if let Some(etag) = &etag {
        headers.insert(IF_NONE_MATCH, etag.clone());
    }
    let mut answer = client.send(Method::GET, &endpoint, || headers.clone(), Bytes::new()).await?;
    match answer.status() {
        StatusCode::OK => {
            let etag = answer.header(ETAG.as_str()).filter(|etag| etag.len() <= LONGEST_TAG);
            let etag = etag.map(str::to_owned);
            Ok(Fetched::New { text: answer.body(MOST_BYTES).await?, etag })
        }
        StatusCode::NOT_MODIFIED if etag.is_some() => Ok(Fetched::Same),
        status => Err(match answer.redirects_to() {
            Some(host) if status.is_redirection() => Fault::Moved(host),
            _ => Fault::Status(status),
        }),
    }
}
