//! How the bridge logs in to an upstream.

use indexmap::IndexMap;

use super::oauth2::{GRANTS, METADATA_URL, OAuth2, PRIVATE_KEY, REVOCATION_URL};
use super::reader::Reader;
use super::remote;
use crate::base::secret::Secret;

const KINDS: [(&str, Kind); 3] =
    [("bearer", Kind::Bearer), ("header", Kind::Header), ("oauth2", Kind::OAuth2)];

pub(super) const CREDENTIALS_FORMATS: [(&str, CredentialsFormat); 1] =
    [("google-workspace", CredentialsFormat::GoogleWorkspace)];

/// `auth` of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// A fixed token in the `Authorization` header.
    Bearer {
        /// The token, without `Bearer`.
        token: Secret,
    },
    /// Fixed headers.
    Header {
        /// Values by header name.
        headers: IndexMap<String, Secret>,
    },
    /// Tokens that are fetched and renewed.
    OAuth2(OAuth2),
}

/// A file of credentials that some stdio servers read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsFormat {
    /// As the servers for Google Workspace expect it.
    GoogleWorkspace,
}

#[derive(Clone, Copy)]
enum Kind {
    Bearer,
    Header,
    OAuth2,
}

impl Auth {
    /// Reads the section; faults are in the report when the answer is none.
    pub(crate) fn read(mut reader: Reader<'_>) -> Option<Self> {
        if !reader.has("type") {
            let message = "`type` is missing; it is one of `bearer`, `header`, `oauth2`";
            reader.report().error(reader.pointer(), message);
            return None;
        }
        let auth = match reader.choice("type", &KINDS)? {
            Kind::Bearer => {
                let token = reader.required_string("token");
                token.map(|token| Self::Bearer { token: token.into() })
            }
            Kind::Header => read_headers(&mut reader).map(|headers| Self::Header { headers }),
            Kind::OAuth2 => OAuth2::read(&mut reader).map(Self::OAuth2),
        };
        reader.finish();
        auth
    }

    /// The values that must be kept out of sight.
    pub(super) fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Bearer { token } => vec![token],
            Self::Header { headers } => headers.values().collect(),
            Self::OAuth2(login) => login.secret().into_iter().collect(),
        }
    }
}

fn read_headers(reader: &mut Reader<'_>) -> Option<IndexMap<String, Secret>> {
    if !reader.has("headers") {
        reader.skip(&["headers"]);
        reader.report().error(reader.pointer(), "`headers` is missing");
        return None;
    }
    remote::read_headers(reader)
}

/// `oauth2CredentialsFile`.
pub(super) fn read_credentials_file(reader: &mut Reader<'_>) -> Option<CredentialsFormat> {
    let mut section = reader.object("oauth2CredentialsFile")?;
    if !section.has("format") {
        section.report().error(section.pointer(), "`format` is missing");
    }
    let format = section.choice("format", &CREDENTIALS_FORMATS);
    section.finish();
    format
}

/// The JSON Schema of a login.
pub(crate) fn schema() -> serde_json::Value {
    use serde_json::json;

    use super::schema::{choices, map, object, required, switch, text, texts};
    let kind =
        |name: &str| json!({ "properties": { "type": { "const": name } }, "required": ["type"] });
    let url = |description: &str| json!({ "type": "string", "description": description, "pattern": super::schema::URL });
    json!({
        "type": "object",
        "description": "How the bridge logs in to the server",
        "properties": { "type": choices(&KINDS) },
        "required": ["type"],
        "allOf": [
            { "if": kind("bearer"), "then": required(object("A fixed token in the `Authorization` header", json!({
                "type": true,
                "token": text("The token, without `Bearer`"),
            })), &["token"]) },
            { "if": kind("header"), "then": required(object("Fixed headers", json!({
                "type": true,
                "headers": map(json!({ "type": "string" }), "Values by header name"),
            })), &["headers"]) },
            { "if": kind("oauth2"), "then": object("Tokens that are fetched and renewed", json!({
                "type": true,
                "grantType": choices(&GRANTS),
                "clientId": text("Who the bridge is"),
                "clientSecret": text("What proves it"),
                PRIVATE_KEY: text("A private key that proves it (PEM): P-256, P-384, Ed25519 or RSA"),
                METADATA_URL: url("A document about the client, whose URL is its id where such documents are read"),
                "tokenUrl": url("Where tokens are fetched"),
                "authorizationUrl": url("Where the user logs in"),
                "deviceAuthorizationUrl": url("Where a device code is fetched"),
                REVOCATION_URL: url("Where tokens are revoked"),
                "scopes": texts("What the token shall be good for"),
                "audience": text("Whom the token is meant for"),
                "allowPrivateAddresses": switch(false, "Whether servers of private networks may be asked for tokens"),
                "callbackPort": { "type": "integer", "minimum": 1, "maximum": u16::MAX, "description": "The port of this machine to which the browser returns" },
            })) },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::finding::{Lines, Report};
    use crate::config::{Credential, DeviceEndpoints, Grant};

    /// Reads a section and compares its findings.
    fn check(json: &str, findings: &[&str]) -> Option<Auth> {
        let object = serde_json::from_str(json).expect("an object");
        let report = Report::of_server("a");
        let auth = Auth::read(Reader::new(&object, "/auth", &report));
        let told = report.into_findings(&Lines::default());
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told, findings, "{json}");
        auth
    }

    fn grant(json: &str) -> Grant {
        match check(json, &[]) {
            Some(Auth::OAuth2(login)) => login.grant,
            other => panic!("no login by OAuth: {other:?}"),
        }
    }

    #[test]
    fn reads_fixed_credentials() {
        let bearer = check(r#"{"type": "bearer", "token": "t-123"}"#, &[]);
        assert_eq!(bearer, Some(Auth::Bearer { token: "t-123".into() }));
        check(r#"{"type": "bearer"}"#, &["`/auth`: `token` is missing"]);
        check(r#"{"type": "bearer", "token": ""}"#, &["`/auth/token`: `token` is empty"]);
        check(
            r#"{"token": "x"}"#,
            &["`/auth`: `type` is missing; it is one of `bearer`, `header`, `oauth2`"],
        );
        check(r#"{"type": "header"}"#, &["`/auth`: `headers` is missing"]);
        check(
            r#"{"type": "header", "headers": {"X Key": "a\nb"}}"#,
            &[
                "`/auth/headers/X Key`: `X Key` is no header name",
                "`/auth/headers/X Key`: header `X Key` has a line break or another control character",
            ],
        );
    }

    #[test]
    fn reads_grants() {
        let discovered = Grant::AuthorizationCode {
            client_id: None,
            client_secret: None,
            metadata_url: None,
            endpoints: None,
            callback_port: None,
        };
        assert_eq!(grant(r#"{"type": "oauth2"}"#), discovered);
        let itself = Grant::ClientCredentials {
            client_id: "c".to_owned(),
            credential: Credential::Secret("s".into()),
            token_url: Some("https://example.com/token".to_owned()),
            audience: None,
        };
        let json = r#"{"type": "oauth2", "clientId": "c", "clientSecret": "s", "tokenUrl": "https://example.com/token"}"#;
        assert_eq!(grant(json), itself);
        let keyed = Grant::ClientCredentials {
            client_id: "c".to_owned(),
            credential: Credential::Key("k".into()),
            token_url: None,
            audience: None,
        };
        let json = r#"{"type": "oauth2", "clientId": "c", "privateKey": "k"}"#;
        assert_eq!(grant(json), keyed);
        check(
            r#"{"type": "oauth2", "clientId": "c", "privateKey": "k", "clientSecret": "s"}"#,
            &["`/auth/clientSecret`: `clientSecret` has no effect beside `privateKey`"],
        );
        let device = Grant::DeviceCode {
            client_id: Some("c".to_owned()),
            client_secret: None,
            metadata_url: None,
            endpoints: Some(DeviceEndpoints {
                device_authorization_url: "https://example.com/device".to_owned(),
                token_url: "https://example.com/token".to_owned(),
            }),
        };
        let json = r#"{"type": "oauth2", "grantType": "device_code", "clientId": "c", "tokenUrl": "https://example.com/token",
            "deviceAuthorizationUrl": "https://example.com/device"}"#;
        assert_eq!(grant(json), device);
    }

    #[test]
    fn revocation_is_configured_with_the_other_endpoints() {
        let json = r#"{"type": "oauth2", "clientId": "c", "clientSecret": "s", "tokenUrl": "https://example.com/token",
            "revocationUrl": "https://example.com/revoke"}"#;
        match check(json, &[]) {
            Some(Auth::OAuth2(login)) => {
                assert_eq!(login.revocation_url.as_deref(), Some("https://example.com/revoke"));
            }
            other => panic!("no login by OAuth: {other:?}"),
        }
        check(
            r#"{"type": "oauth2", "clientId": "c", "clientSecret": "s", "tokenUrl": "https://example.com/token",
                "revocationUrl": "revoke"}"#,
            &[
                "`/auth/revocationUrl`: `revocationUrl` is not a URL that begins with `http://` or `https://` and names a host",
            ],
        );
        check(
            r#"{"type": "oauth2", "revocationUrl": "https://example.com/revoke"}"#,
            &[
                "`/auth/revocationUrl`: `revocationUrl` has no effect without `tokenUrl`: it is discovered as that is",
            ],
        );
    }

    #[test]
    fn a_document_stands_for_a_client_that_has_no_other_id() {
        let read = |url: &str, expected: Option<&str>| {
            let json = format!(r#"{{"type": "oauth2", "clientMetadataUrl": "{url}"}}"#);
            let fault = "`/auth/clientMetadataUrl`: `clientMetadataUrl` is not a URL of a document that can stand for a client: it \
                         begins with `https://`, has a path, no fragment and nothing that URLs can be spelled without";
            let faults = [fault];
            let found = check(&json, &faults[..usize::from(expected.is_none())]);
            let Some(Auth::OAuth2(OAuth2 {
                grant: Grant::AuthorizationCode { metadata_url, .. },
                ..
            })) = found
            else {
                panic!("{found:?}")
            };
            assert_eq!(metadata_url.as_deref(), expected);
        };
        let good = "https://example.com/bridge.json";
        read(good, Some(good));
        for bad in [
            "http://example.com/bridge.json",
            "https://example.com/",
            "https://example.com",
            "https://example.com/a/../bridge.json",
            "https://EXAMPLE.com/bridge.json",
            "https://example.com:443/bridge.json",
            "https://u@example.com/bridge.json",
            "https://example.com/bridge.json#x",
        ] {
            read(bad, None);
        }
        check(
            r#"{"type": "oauth2", "clientId": "c", "clientMetadataUrl": "https://example.com/x"}"#,
            &["`/auth/clientMetadataUrl`: `clientMetadataUrl` has no effect beside `clientId`"],
        );
    }

    #[test]
    fn reports_faulty_grants() {
        check(
            r#"{"type": "oauth2", "tokenUrl": "example.com"}"#,
            &[
                "`/auth`: `clientId` is missing",
                "`/auth`: `clientSecret` is missing",
                "`/auth/tokenUrl`: `tokenUrl` is not a URL that begins with `http://` or `https://` and names a host",
            ],
        );
        check(
            r#"{"type": "oauth2", "grantType": "authorization_code", "tokenUrl": "https://example.com", "callbackPort": 0, "audience": "x"}"#,
            &[
                "`/auth/audience`: `audience` has no effect with grant type `authorization_code`",
                "`/auth`: `authorizationUrl` is missing; give both `authorizationUrl` and `tokenUrl`, or neither",
                "`/auth/callbackPort`: `callbackPort` must be a whole number from 1 to 65535, not `0`",
            ],
        );
        check(
            r#"{"type": "oauth2", "grantType": "password", "clientid": "x"}"#,
            &[
                "`/auth/grantType`: `grantType` must be one of `client_credentials`, `authorization_code`, `device_code`, not `password`",
                "`/auth/clientid`: unknown key `clientid`; did you mean `clientId`?",
            ],
        );
    }
}
