//! An answer: its head, and its body as it comes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use super::error::{Error, broken, failure};
use crate::wire::pool;

/// The head of an answer; the body has to be read.
#[derive(Debug)]
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) host: Arc<str>,
    pub(super) redirects_to: Option<String>,
}

#[derive(Debug)]
pub(super) enum Body {
    Plain(pool::Body),
    Other(Box<reqwest::Response>),
}

/// What kind of body an answer announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// `application/json`
    Json,
    /// `text/event-stream`
    Events,
    /// `text/html`, which people read in browsers.
    Page,
    /// Anything else, or nothing.
    Other,
}

impl Answer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the body is said to be.
    pub fn content(&self) -> Content {
        let value = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let kind = value.split(';').next().unwrap_or_default().trim();
        let known = [
            ("application/json", Content::Json),
            ("text/event-stream", Content::Events),
            ("text/html", Content::Page),
        ];
        let found = known.into_iter().find(|(name, _)| kind.eq_ignore_ascii_case(name));
        found.map_or(Content::Other, |(_, content)| content)
    }

    /// How long the server asks to be left alone, where it says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header(RETRY_AFTER.as_str())?.trim().parse().ok().map(Duration::from_secs)
    }

    /// The host that the answer redirects to.
    pub fn redirects_to(&self) -> Option<String> {
        self.redirects_to.clone()
    }

    /// The next bytes of the body; none at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.body {
            Body::Plain(body) => body.chunk().await.map_err(|error| broken(&self.host, &error)),
            Body::Other(response) => {
                response.chunk().await.map_err(|error| failure(&self.host, error))
            }
        }
    }

    /// The whole body, of at most `limit` bytes.
    pub async fn body(&mut self, limit: usize) -> Result<Bytes, Error> {
        let length = self.header(CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
        let too_large = || Error::TooLarge { host: self.host.to_string(), limit };
        if length.is_some_and(|length: usize| length > limit) {
            return Err(too_large());
        }
        let too_large = too_large();
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if length == Some(first.len()) {
            // Nothing can follow, but the end shows that the connection is free.
            while self.chunk().await?.is_some() {}
            return Ok(first);
        }
        let mut body = Vec::with_capacity(length.unwrap_or_default());
        let mut next = Some(first);
        while let Some(chunk) = next {
            if body.len() + chunk.len() > limit {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
            next = self.chunk().await?;
        }
        Ok(body.into())
    }

    /// The beginning of the body, at most `limit` bytes, or what of it came before it broke.
    pub async fn beginning(&mut self, limit: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < limit {
            match self.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        body.truncate(limit);
        body
    }
}
