//! How the bridge logs in to an upstream.

use indexmap::IndexMap;
use url::Url;

use super::reader::Reader;
use super::remote;
use crate::base::secret::Secret;

const KINDS: [(&str, Kind); 3] =
    [("bearer", Kind::Bearer), ("header", Kind::Header), ("oauth2", Kind::OAuth2)];

const GRANTS: [(&str, GrantType); 3] = [
    ("client_credentials", GrantType::ClientCredentials),
    ("authorization_code", GrantType::AuthorizationCode),
    ("device_code", GrantType::DeviceCode),
];

pub(super) const CREDENTIALS_FORMATS: [(&str, CredentialsFormat); 1] =
    [("google-workspace", CredentialsFormat::GoogleWorkspace)];

const PRIVATE_KEY: &str = "privateKey";
const METADATA_URL: &str = "clientMetadataUrl";
const ENDPOINTS: [&str; 3] = ["tokenUrl", "authorizationUrl", "deviceAuthorizationUrl"];
const REVOCATION_URL: &str = "revocationUrl";

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

/// A login by OAuth 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth2 {
    /// The way to the first token.
    pub grant: Grant,
    /// Where tokens are revoked (RFC 7009); only beside other endpoints, since it is discovered with them else.
    pub revocation_url: Option<String>,
    /// What the token shall be good for.
    pub scopes: Vec<String>,
    /// Whether servers of private networks may be asked for tokens.
    pub allow_private_addresses: bool,
}

/// The way to the first token. Endpoints that are not given are discovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The bridge logs in as itself.
    ClientCredentials {
        /// Who the bridge is.
        client_id: String,
        /// What proves it.
        credential: Credential,
        /// Where tokens are fetched.
        token_url: Option<String>,
        /// Whom the token is meant for.
        audience: Option<String>,
    },
    /// The user logs in with a browser on this machine (PKCE S256).
    AuthorizationCode {
        /// Who the bridge is; without it, it registers itself.
        client_id: Option<String>,
        /// What proves it, where the server asks for proof.
        client_secret: Option<Secret>,
        /// A document about the client, whose URL is its id wherever such documents are read; there is no other id then.
        metadata_url: Option<String>,
        /// Where the user and the bridge go.
        endpoints: Option<AuthorizationEndpoints>,
        /// The port of this machine to which the browser returns.
        callback_port: Option<u16>,
    },
    /// The user logs in with a browser anywhere and types a code.
    DeviceCode {
        /// Who the bridge is; it can be left out only where the endpoints are discovered.
        client_id: Option<String>,
        /// What proves it, where the server asks for proof.
        client_secret: Option<Secret>,
        /// A document about the client, whose URL is its id wherever such documents are read; there is no other id then.
        metadata_url: Option<String>,
        /// Where the user and the bridge go.
        endpoints: Option<DeviceEndpoints>,
    },
}

/// What proves who the bridge is, where it logs in as itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A secret that the server knows as well.
    Secret(Secret),
    /// The text of a private key (PEM), whose public half the server knows.
    Key(Secret),
}

/// Where an authorization code is got and spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationEndpoints {
    /// Where the user logs in.
    pub authorization_url: String,
    /// Where the code becomes a token.
    pub token_url: String,
}

/// Where a device code is got and spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceEndpoints {
    /// Where the code is fetched.
    pub device_authorization_url: String,
    /// Where the code becomes a token.
    pub token_url: String,
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

#[derive(Clone, Copy)]
enum GrantType {
    ClientCredentials,
    AuthorizationCode,
    DeviceCode,
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

impl OAuth2 {
    /// The client's secret or key, if it has one.
    pub(super) fn secret(&self) -> Option<&Secret> {
        match &self.grant {
            Grant::ClientCredentials { credential, .. } => match credential {
                Credential::Secret(secret) | Credential::Key(secret) => Some(secret),
            },
            Grant::AuthorizationCode { client_secret, .. }
            | Grant::DeviceCode { client_secret, .. } => client_secret.as_ref(),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let scopes = reader.strings("scopes").unwrap_or_default();
        let allow_private_addresses = reader.bool("allowPrivateAddresses").unwrap_or_default();
        let grant_type = if reader.has("grantType") {
            reader.choice("grantType", &GRANTS)
        } else {
            reader.skip(&["grantType"]);
            Some(likely_grant(reader))
        };
        let Some(grant_type) = grant_type else {
            reader.skip(&ENDPOINTS);
            reader.skip(&["clientId", "clientSecret", PRIVATE_KEY, METADATA_URL]);
            reader.skip(&["audience", "callbackPort", REVOCATION_URL]);
            return None;
        };
        let revocation_url = if reader.has("tokenUrl") {
            remote::read_url(reader, REVOCATION_URL)
        } else {
            let why = "has no effect without `tokenUrl`: it is discovered as that is";
            reader.useless(&[REVOCATION_URL], why);
            None
        };
        let grant = match grant_type {
            GrantType::ClientCredentials => client_credentials(reader),
            GrantType::AuthorizationCode => Some(authorization_code(reader)),
            GrantType::DeviceCode => device_code(reader),
        }?;
        Some(Self { grant, revocation_url, scopes, allow_private_addresses })
    }
}

/// Without `grantType` it is `client_credentials`; but where nothing at all is given to log in
/// with, it can only be the user who logs in.
fn likely_grant(reader: &Reader<'_>) -> GrantType {
    let endpoint = ENDPOINTS.iter().any(|key| reader.has(key));
    if endpoint || reader.has("clientSecret") || reader.has(PRIVATE_KEY) {
        GrantType::ClientCredentials
    } else {
        GrantType::AuthorizationCode
    }
}

fn client_credentials(reader: &mut Reader<'_>) -> Option<Grant> {
    let unused = "has no effect with grant type `client_credentials`";
    let keys = ["authorizationUrl", "deviceAuthorizationUrl", METADATA_URL, "callbackPort"];
    reader.useless(&keys, unused);
    let client_id = reader.required_string("clientId");
    let credential = credential(reader);
    let token_url = remote::read_url(reader, "tokenUrl");
    let audience = reader.filled_string("audience");
    Some(Grant::ClientCredentials {
        client_id: client_id?,
        credential: credential?,
        token_url,
        audience,
    })
}

/// `clientSecret` or `privateKey`.
fn credential(reader: &mut Reader<'_>) -> Option<Credential> {
    if !reader.has(PRIVATE_KEY) {
        reader.skip(&[PRIVATE_KEY]);
        let secret = reader.required_string("clientSecret");
        return secret.map(|secret| Credential::Secret(secret.into()));
    }
    reader.useless(&["clientSecret"], "has no effect beside `privateKey`");
    reader.filled_string(PRIVATE_KEY).map(|key| Credential::Key(key.into()))
}

fn authorization_code(reader: &mut Reader<'_>) -> Grant {
    let unused = "has no effect with grant type `authorization_code`";
    reader.useless(&["deviceAuthorizationUrl", "audience", PRIVATE_KEY], unused);
    let client_id = reader.filled_string("clientId");
    let client_secret = reader.filled_string("clientSecret").map(Secret::from);
    let metadata_url = metadata_url(reader);
    let endpoints = endpoints(reader, "authorizationUrl").map(|(authorization_url, token_url)| {
        AuthorizationEndpoints { authorization_url, token_url }
    });
    let port = reader.whole("callbackPort", 1..=u64::from(u16::MAX));
    let callback_port = port.and_then(|port| u16::try_from(port).ok());
    Grant::AuthorizationCode { client_id, client_secret, metadata_url, endpoints, callback_port }
}

fn device_code(reader: &mut Reader<'_>) -> Option<Grant> {
    let unused = "has no effect with grant type `device_code`";
    reader.useless(&["authorizationUrl", "audience", "callbackPort", PRIVATE_KEY], unused);
    let endpoints =
        endpoints(reader, "deviceAuthorizationUrl").map(|(device_authorization_url, token_url)| {
            DeviceEndpoints { device_authorization_url, token_url }
        });
    let client_id = match endpoints {
        Some(_) => Some(reader.required_string("clientId")?),
        None => reader.filled_string("clientId"),
    };
    let client_secret = reader.filled_string("clientSecret").map(Secret::from);
    let metadata_url = metadata_url(reader);
    Some(Grant::DeviceCode { client_id, client_secret, metadata_url, endpoints })
}

/// `clientMetadataUrl`, which an authorization server compares with what the document says of itself, letter by letter.
fn metadata_url(reader: &mut Reader<'_>) -> Option<String> {
    if reader.has("clientId") {
        reader.useless(&[METADATA_URL], "has no effect beside `clientId`");
        return None;
    }
    if ENDPOINTS.iter().any(|key| reader.has(key)) {
        reader.useless(
            &[METADATA_URL],
            "has no effect beside endpoints: it is for servers that are asked for theirs",
        );
        return None;
    }
    let text = reader.filled_string(METADATA_URL)?;
    let is_plain = |url: &Url| {
        url.scheme() == "https"
            && url.path() != "/"
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.as_str() == text
    };
    if Url::parse(&text).is_ok_and(|url| is_plain(&url)) {
        return Some(text);
    }
    let message = format!(
        "`{METADATA_URL}` is not a URL of a document that can stand for a client: it begins with `https://`, has a path, no \
         fragment and nothing that URLs can be spelled without"
    );
    reader.report().error(&reader.at(METADATA_URL), message);
    None
}

/// The endpoint of this name and `tokenUrl`: both or neither, since one discovered and one given
/// may belong to different servers.
fn endpoints(reader: &mut Reader<'_>, key: &'static str) -> Option<(String, String)> {
    let given = (reader.has(key), reader.has("tokenUrl"));
    let one = remote::read_url(reader, key);
    let token_url = remote::read_url(reader, "tokenUrl");
    let missing = match given {
        (true, false) => "tokenUrl",
        (false, true) => key,
        _ => return one.zip(token_url),
    };
    let message = format!("`{missing}` is missing; give both `{key}` and `tokenUrl`, or neither");
    reader.report().error(reader.pointer(), message);
    None
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
