//! Logging in by a code that the user types, in a browser anywhere.

use std::time::Duration;

use oauth2::StandardDeviceAuthorizationResponse;
use url::Url;

use super::request::{client, grants, keep, record, scopes, unsupported};
use crate::oauth::endpoint;
use crate::oauth::error::{LoginError, cleaned};
use crate::oauth::registration::Client;
use crate::oauth::renewal::Place;
use crate::oauth::tokens::Tokens;

/// A login by a code that the user types.
#[derive(Debug)]
pub struct Device {
    tokens: Tokens,
    place: Place,
    client: Client,
    scopes: Vec<String>,
    details: StandardDeviceAuthorizationResponse,
    url: Url,
    whole_url: Option<Url>,
}

impl Device {
    /// Finds out where to log in, registers where that is needed, and fetches a code.
    pub async fn begin(tokens: &Tokens, challenge: Option<&str>) -> Result<Self, LoginError> {
        let inner = tokens.inner();
        let place = inner.place(challenge).await?;
        let Some(endpoint) = place.metadata.device.clone() else {
            return Err(unsupported(
                &place,
                "gives out no codes to type (`device_authorization_endpoint`)",
            ));
        };
        let record = record(tokens, &place).await?;
        let client = client(tokens, &place, record.as_ref(), None).await?;
        let scopes = scopes(&inner.account, &place, record.as_ref());
        let grants = grants(inner, &place, &client);
        let details = grants.device_code(&endpoint, &scopes).await;
        let details = details.map_err(|error| inner.grant_failed(error))?;
        let read = |name: &str, text: &str| {
            let server = inner.account.server.clone();
            let url = endpoint::parse(name, text, inner.fetcher.policy());
            url.map_err(|error| LoginError::Endpoint { server, error: error.into() })
        };
        let url = read("verification_uri", details.verification_uri().as_str())?;
        let whole_url = details.verification_uri_complete();
        let whole_url =
            whole_url.map(|url| read("verification_uri_complete", url.secret())).transpose()?;
        let tokens = tokens.clone();
        Ok(Self { tokens, place, client, scopes, details, url, whole_url })
    }

    /// Where the user types the code.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The same with the code in it, where the authorization server offers that.
    pub fn whole_url(&self) -> Option<&Url> {
        self.whole_url.as_ref()
    }

    /// What the user types; on one line, not long.
    pub fn code(&self) -> String {
        cleaned(self.details.user_code().secret())
    }

    /// How long the code is good.
    pub fn expires_in(&self) -> Duration {
        self.details.expires_in()
    }

    /// Waits until the user has typed it, and keeps the token.
    pub async fn finish(self) -> Result<(), LoginError> {
        let inner = self.tokens.inner();
        let grants = grants(inner, &self.place, &self.client);
        let issued = grants.device_token(&self.details).await;
        let issued = issued.map_err(|error| inner.grant_failed(error))?;
        keep(&self.tokens, &self.place, &self.client, (issued, &self.scopes)).await
    }
}
