//! A login by OAuth 2, as `auth` of a server names it.

use url::Url;

use super::reader::Reader;
use super::remote;
use crate::base::secret::Secret;

pub(super) const GRANTS: [(&str, GrantType); 3] = [
    ("client_credentials", GrantType::ClientCredentials),
    ("authorization_code", GrantType::AuthorizationCode),
    ("device_code", GrantType::DeviceCode),
];

pub(super) const PRIVATE_KEY: &str = "privateKey";
pub(super) const METADATA_URL: &str = "clientMetadataUrl";
const ENDPOINTS: [&str; 3] = ["tokenUrl", "authorizationUrl", "deviceAuthorizationUrl"];
pub(super) const REVOCATION_URL: &str = "revocationUrl";

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

#[derive(Clone, Copy)]
pub(super) enum GrantType {
    ClientCredentials,
    AuthorizationCode,
    DeviceCode,
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

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
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
