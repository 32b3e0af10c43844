//! A small server that says what a test wants it to say, and what it needs around it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::{Url, form_urlencoded};

use crate::config::{Credential, Grant, OAuth2};
use crate::oauth::{Account, Clock, Fetcher, Leftover, Revocation, Store, StoreError, Tokens};

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Path and query.
    pub(super) target: String,
    /// The server itself, without a slash at the end.
    pub(super) site: String,
    pub(super) head: String,
    pub(super) body: String,
}

pub(super) struct Answer {
    status: u16,
    headers: String,
    body: String,
}

/// Everything that was asked, in order.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A clock that stands still until it is turned.
#[derive(Clone)]
pub(super) struct Hands(Arc<AtomicU64>);

impl Asked {
    /// A field of a form.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let mut fields = form_urlencoded::parse(self.body.as_bytes());
        fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl Answer {
    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self::new(200, "Content-Type: application/json\r\n", value.to_string())
    }

    pub(super) fn new(status: u16, headers: &str, body: impl Into<String>) -> Self {
        Self { status, headers: headers.to_owned(), body: body.into() }
    }

    pub(super) fn text(&self) -> &str {
        &self.body
    }

    pub(super) fn nothing() -> Self {
        Self::new(404, "", "")
    }
}

impl Site {
    pub(super) async fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let site = Self { url, asked: Arc::default() };
        let this = site.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever hangs up early has seen enough.
                let _ = this.serve(stream, &answer).await;
            }
        });
        site
    }

    /// How often a path was asked for.
    pub(super) fn count(&self, path: &str) -> usize {
        self.all(path).len()
    }

    pub(super) fn all(&self, path: &str) -> Vec<Asked> {
        let asked = self.asked.lock().expect("no test panics with it");
        asked.iter().filter(|asked| asked.target.split('?').next() == Some(path)).cloned().collect()
    }

    async fn serve(
        &self,
        mut stream: TcpStream,
        answer: &impl Fn(&Asked) -> Answer,
    ) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        let (head, length) = loop {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
                });
                break (head.to_owned(), length.unwrap_or(0));
            }
        };
        while bytes.len() < head.len() + 4 + length {
            stream.read_buf(&mut bytes).await?;
        }
        let body = String::from_utf8_lossy(&bytes[head.len() + 4..]).into_owned();
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let asked = Asked { target, site: self.url.clone(), head, body };
        let answer = answer(&asked);
        self.asked.lock().expect("no test panics with it").push(asked);
        let head = format!(
            "HTTP/1.1 {} X\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n",
            answer.status,
            answer.headers,
            answer.body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(answer.body.as_bytes()).await?;
        stream.shutdown().await
    }
}

impl Hands {
    pub(super) fn at(seconds: u64) -> Self {
        Self(Arc::new(seconds.into()))
    }

    pub(super) fn turn(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) fn clock(&self) -> Clock {
        let hands = self.0.clone();
        Clock::of(move || UNIX_EPOCH + Duration::from_secs(hands.load(Ordering::Relaxed)))
    }
}

/// A login at the server `web` of this site.
pub(super) fn account(site: &Site, grant: Grant) -> Account {
    let resource = Url::parse(&format!("{}/mcp", site.url)).expect("a URL");
    let login =
        OAuth2 { grant, revocation_url: None, scopes: Vec::new(), allow_private_addresses: false };
    Account { server: "web".to_owned(), resource: Some(resource), login }
}

/// As one more process has them.
pub(super) fn tokens(account: &Account, folder: &Path, hands: &Hands) -> Tokens {
    let store = Store::new(folder.to_owned());
    Tokens::with(account.clone(), store, Fetcher::new(account.policy()), hands.clock())
}

/// Logs out; tells what came of the tokens, or the first thing that went wrong.
pub(super) async fn forget(tokens: &Tokens) -> Result<Vec<Revocation>, StoreError> {
    let taken = tokens.take_out().await;
    let revoked = join_all(taken.leftovers.iter().map(Leftover::revoke)).await;
    taken.faults.into_iter().next().map_or(Ok(revoked), Err)
}

pub(super) fn as_itself(credential: Credential, token_url: Option<String>) -> Grant {
    Grant::ClientCredentials { client_id: "c".to_owned(), credential, token_url, audience: None }
}

pub(super) fn by_browser() -> Grant {
    Grant::AuthorizationCode {
        client_id: None,
        client_secret: None,
        metadata_url: None,
        endpoints: None,
        callback_port: None,
    }
}
