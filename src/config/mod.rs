//! The configuration: one JSON file, compiled to a checked [`Config`].
//!
//! Text becomes JSON, `${NAME}` is filled in inside the strings of server entries, and each section
//! reads and checks itself through a `Reader`, which collects every finding on the way, so that all
//! of them are told at once. A fault in a server's entry costs that server; a fault elsewhere
//! stops. Nothing here opens the network or starts a task.

mod adaptive_promotion;
pub(crate) mod auth;
mod authority;
pub(crate) mod catalogs;
mod collections;
mod compile;
pub(crate) mod document;
mod dotenv;
pub mod edit;
mod error;
mod exposure;
pub(crate) mod finding;
mod http;
mod intent_routing;
pub(crate) mod interpolate;
pub(crate) mod kind;
mod lifecycle;
mod load;
mod name;
mod oauth2;
mod protection;
mod rate_limit;
pub(crate) mod reader;
pub(crate) mod remote;
mod result_cache;
mod retry;
pub(crate) mod schema;
mod schema_compression;
mod server;
mod servers;
mod source;
pub(crate) mod stdio;
mod timeouts;
mod tool_filter;
mod transport;
mod variables;

pub use adaptive_promotion::AdaptivePromotion;
pub use auth::{Auth, CredentialsFormat};
pub use authority::{Authority, Host, Origin};
pub use catalogs::{PublicKey, RemoteCatalog};
pub use compile::{CallFormat, Config};
pub use dotenv::check_env_file;
pub use error::Error;
pub use exposure::{Exposure, Mode, ToolPrefix};
pub use finding::{Finding, Severity};
pub use http::Http;
pub use intent_routing::{Embedding, IntentRouting};
pub use lifecycle::Lifecycle;
pub use load::{Loaded, load};
pub use name::{InvalidServerName, ServerName};
pub use oauth2::{AuthorizationEndpoints, Credential, DeviceEndpoints, Grant, OAuth2};
pub use protection::{Pinning, Protection, SanitizeAction};
pub use rate_limit::RateLimit;
pub use remote::Remote;
pub use result_cache::ResultCache;
pub use retry::{Retry, RetryOn};
pub use schema::schema;
pub use schema_compression::SchemaCompression;
pub use server::{Server, Trust};
pub(crate) use server::{in_url, is_random, is_telling};
pub use servers::Skipped;
pub use source::Source;
pub use stdio::{Framing, Login, Stdio};
pub use timeouts::Timeouts;
pub use tool_filter::ToolFilter;
pub use transport::Transport;
