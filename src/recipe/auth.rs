//! What a user needs to log in, and where it is got.

use serde::{Serialize, Serializer};

use super::choice;
use crate::base::locate;
use crate::config::finding::Severity;
use crate::config::interpolate;
use crate::config::reader::Reader;

pub(super) const KINDS: [(&str, AuthKind); 6] = [
    ("api-key", AuthKind::ApiKey),
    ("oauth2", AuthKind::OAuth2),
    ("basic", AuthKind::Basic),
    ("bearer", AuthKind::Bearer),
    ("custom", AuthKind::Custom),
    ("none", AuthKind::None),
];

pub(super) const BOOTSTRAPS: [(&str, Bootstrap); 3] = [
    ("env-only", Bootstrap::EnvOnly),
    ("interactive", Bootstrap::Interactive),
    ("manual", Bootstrap::Manual),
];

/// Files of credentials that the bridge can write, as `oauth2CredentialsFile` of the config names them.
pub(super) const CREDENTIALS_FILES: [&str; 1] = ["google-workspace"];

/// Several ways to log in are left to those who show them.
pub(super) const UNUSED: [&str; 1] = ["options"];

/// `auth` of a recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// Whether the server is of no use without.
    pub required: bool,
    /// What it takes.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<AuthKind>,
    /// The variables that the user sets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env_vars: Vec<String>,
    /// Where keys are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_url: Option<String>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// What the login shall be good for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// How much of it the bridge can do; see [`Auth::bootstrap`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<Bootstrap>,
    /// How a server that runs here gets the token.
    #[serde(rename = "oauth2", skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2>,
}

/// What a login takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthKind {
    /// One key.
    ApiKey,
    /// A login by OAuth 2.
    OAuth2,
    /// A name and a password.
    Basic,
    /// A token in a header.
    Bearer,
    /// What the instructions say.
    Custom,
    /// Nothing.
    None,
}

/// How much of a first login the bridge can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrap {
    /// Setting variables suffices.
    EnvOnly,
    /// The user logs in with a browser.
    Interactive,
    /// The user has to do something elsewhere first.
    Manual,
}

/// How a server that runs here gets the token of a login.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OAuth2 {
    /// The variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_binding: Option<String>,
    /// The kind of file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_file_type: Option<String>,
}

impl Auth {
    pub(super) fn read(section: Option<Reader<'_>>) -> Self {
        let Some(mut reader) = section else { return Self::default() };
        let auth = Self {
            required: reader.bool("required").unwrap_or_default(),
            kind: reader.choice("type", &KINDS),
            env_vars: read_env_vars(&mut reader),
            credentials_url: choice::web_address(&mut reader, "credentialsUrl"),
            instructions: reader.string("instructions"),
            scopes: reader.strings("scopes").unwrap_or_default(),
            bootstrap: reader.choice("bootstrap", &BOOTSTRAPS),
            oauth2: reader.object("oauth2").map(OAuth2::read),
        };
        if auth.required && !reader.has("type") {
            let message = "a login is required, and `type` does not say which";
            reader.report().warning(reader.pointer(), message);
        }
        if auth.required && auth.kind == Some(AuthKind::None) {
            let message = "a login is required, and `type` says that there is none";
            reader.report().error(&reader.at("type"), message);
        }
        reader.skip(&UNUSED);
        reader.finish();
        auth
    }

    /// How much of the first login the bridge can do; without a word about it, keys and tokens are set as variables.
    pub fn bootstrap(&self) -> Bootstrap {
        self.bootstrap.unwrap_or(match self.kind {
            Some(AuthKind::OAuth2 | AuthKind::Custom) => Bootstrap::Manual,
            _ => Bootstrap::EnvOnly,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl OAuth2 {
    fn read(mut reader: Reader<'_>) -> Self {
        let oauth2 = Self {
            env_binding: reader.filled_string("envBinding"),
            credentials_file_type: reader.filled_string("credentialsFileType"),
        };
        if let Some(binding) = &oauth2.env_binding {
            check_name(&reader, &reader.at("envBinding"), binding);
        }
        if let Some(kind) = &oauth2.credentials_file_type
            && !CREDENTIALS_FILES.contains(&kind.as_str())
        {
            let message = format!(
                "`credentialsFileType` must be one of {}",
                choice::listed(&CREDENTIALS_FILES)
            );
            reader.report().error(&reader.at("credentialsFileType"), message);
        }
        reader.finish();
        oauth2
    }
}

fn read_env_vars(reader: &mut Reader<'_>) -> Vec<String> {
    const KEY: &str = "envVars";
    let names = reader.strings(KEY).unwrap_or_default();
    let place = reader.at(KEY);
    for (index, name) in names.iter().enumerate() {
        check_name(reader, &locate::child(&place, &index.to_string()), name);
        if name == interpolate::CONFIG_DIR {
            let message = format!("`{name}` is the server's own folder and is never asked for");
            let finding = reader.report().finding(
                Severity::Warning,
                &locate::child(&place, &index.to_string()),
                message,
            );
            reader.report().add(finding.hint("leave it out"));
        }
    }
    names
}

fn check_name(reader: &Reader<'_>, pointer: &str, name: &str) {
    if !interpolate::is_name(name) {
        let message = format!(
            "`{name}` is no name of a variable; it consists of letters, digits and `_`, the first no digit"
        );
        reader.report().error(pointer, message);
    }
}

impl Serialize for AuthKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(choice::name_of(&KINDS, *self))
    }
}

impl Serialize for Bootstrap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(choice::name_of(&BOOTSTRAPS, *self))
    }
}
