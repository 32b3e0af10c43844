//! What the tools take. Fields that a tool does not know are passed over.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One message, its payloads left as they are.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) method: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) params: Option<&'a RawValue>,
}

/// The parameters of `tools/call`.
#[derive(Deserialize)]
pub(crate) struct CallParams<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) arguments: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_meta")]
    pub(crate) meta: Option<CallMeta<'a>>,
}

/// The part of a call's `_meta` that matters here.
#[derive(Deserialize)]
pub(crate) struct CallMeta<'a> {
    #[serde(borrow, default, rename = "progressToken")]
    pub(crate) progress_token: Option<&'a RawValue>,
}

/// The parameters of `notifications/cancelled`.
#[derive(Deserialize)]
pub(crate) struct Cancelled<'a> {
    #[serde(borrow, rename = "requestId")]
    pub(crate) request_id: &'a RawValue,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Echo<'a> {
    #[serde(borrow)]
    pub(crate) message: &'a RawValue,
}

#[derive(Deserialize)]
pub(crate) struct Sleep {
    pub(crate) ms: u64,
}

#[derive(Deserialize)]
pub(crate) struct Given<'a> {
    #[serde(borrow)]
    pub(crate) result: &'a RawValue,
}

#[derive(Deserialize)]
pub(crate) struct Tally {
    #[serde(default)]
    pub(crate) ms: u64,
}

#[derive(Deserialize)]
pub(crate) struct Flaky {
    pub(crate) file: PathBuf,
    pub(crate) failures: usize,
    #[serde(default)]
    pub(crate) silent: bool,
}

#[derive(Deserialize)]
pub(crate) struct Progress {
    pub(crate) count: u64,
    #[serde(default, rename = "delayMs")]
    pub(crate) delay_ms: u64,
    /// Spell a token that is a number as a string.
    #[serde(default, rename = "asText")]
    pub(crate) as_text: bool,
}

#[derive(Deserialize)]
pub(crate) struct RpcError<'a> {
    pub(crate) code: i64,
    pub(crate) message: String,
    #[serde(borrow, default)]
    pub(crate) data: Option<&'a RawValue>,
    /// How often there is an error; without it, always.
    #[serde(default)]
    pub(crate) times: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Size<'a> {
    pub(crate) bytes: usize,
    /// What the text begins and ends with; nothing in it needs an escape.
    #[serde(borrow, default)]
    pub(crate) nonce: &'a str,
}

#[derive(Deserialize)]
pub(crate) struct Names {
    pub(crate) names: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Exit {
    pub(crate) code: u8,
    pub(crate) stderr: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Deep {
    pub(crate) levels: usize,
}

#[derive(Deserialize)]
pub(crate) struct Leak {
    pub(crate) text: String,
    #[serde(rename = "where")]
    pub(crate) place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    Stderr,
    Junk,
    Log,
    Error,
}

#[derive(Deserialize)]
pub(crate) struct Ask<'a> {
    pub(crate) method: String,
    #[serde(borrow, default)]
    pub(crate) params: Option<&'a RawValue>,
}

/// `null` is an id too, though a bad one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}
