//! What a request of the stateless era says of its client in `_meta` (revision 2026-07-28, Base Protocol, `_meta`). Inside
//! the bridge requests travel without it: it is taken out where they come in, and ours is put in where they leave for a
//! server of that era.

use std::borrow::Cow;

use super::era::Era;
use super::error::{ErrorObject, INVALID_PARAMS};
use super::log::Level;
use super::refusal;
use super::version::Revision;
use crate::base::json::{
    Member, Part, is_object, member, members, offset, remove, replace, set, string,
    without as leave_out,
};

/// Key of the revision of a request.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Key of the capabilities of the client that asks.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Key of the name and version of the client that asks.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// Key of the level from which on a request wants log messages.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// Key of the name and version of the server that answers.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// Key of the subscription that a notification belongs to.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// Who the bridge is, towards clients and servers of either era: the JSON text of an object.
pub const IDENTITY: &str =
    concat!(r#"{"name":"mcp-bridge","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);

/// What a request says of its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestMeta {
    /// The revision; one without sessions.
    pub revision: Revision,
    /// The JSON text of an object.
    pub capabilities: Box<str>,
    /// The JSON text of an object.
    pub client_info: Option<Box<str>>,
    /// From which level on log messages are wanted; none are without it.
    pub log_level: Option<Level>,
}

/// Why a request of the stateless era is malformed. Over HTTP each of them has the status 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetaFault {
    /// A required key is not there.
    #[error("`_meta` lacks the required key `{0}`")]
    Missing(&'static str),
    /// A value is not what it has to be.
    #[error("`{key}` in `_meta` must be {expected}")]
    Kind {
        /// The key.
        key: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// The revision is none that a request can name.
    #[error("unsupported protocol version")]
    Version {
        /// As the client spelt it.
        requested: String,
    },
}

impl MetaFault {
    /// As it travels.
    pub fn error(&self) -> ErrorObject {
        match self {
            Self::Version { requested } => refusal::unsupported_version(requested),
            Self::Missing(_) | Self::Kind { .. } => {
                ErrorObject::new(INVALID_PARAMS, self.to_string())
            }
        }
    }
}

impl RequestMeta {
    /// Reads the keys of a request, if it has any of them: one that has none is no request of this era, which is
    /// [`MetaFault::Missing`] where something else says that it ought to be one.
    pub fn parse(params: Option<Part<'_>>) -> Result<Option<Self>, MetaFault> {
        let Some(meta) = params.and_then(|params| params.member("_meta")) else { return Ok(None) };
        let (mut revision, mut capabilities, mut info, mut level) = (None, None, None, None);
        for found in meta.members() {
            match &*found.name() {
                PROTOCOL_VERSION => revision = Some(found.value),
                CLIENT_CAPABILITIES => capabilities = Some(found.value),
                CLIENT_INFO => info = Some(found.value),
                LOG_LEVEL => level = Some(found.value),
                _ => {}
            }
        }
        if revision.is_none() && capabilities.is_none() && info.is_none() && level.is_none() {
            return Ok(None);
        }
        let revision = revision.ok_or(MetaFault::Missing(PROTOCOL_VERSION))?;
        let revision = string(revision)
            .ok_or(MetaFault::Kind { key: PROTOCOL_VERSION, expected: "a string" })?;
        let revision = Revision::parse(&revision)
            .filter(|revision| revision.era() == Era::Stateless)
            .ok_or_else(|| MetaFault::Version { requested: revision.into_owned() })?;
        let capabilities = capabilities.ok_or(MetaFault::Missing(CLIENT_CAPABILITIES))?;
        let capabilities = object(CLIENT_CAPABILITIES, capabilities)?;
        let client_info = info.map(|info| object(CLIENT_INFO, info)).transpose()?;
        let level_of = |level| {
            string(level).and_then(|name| Level::parse(&name)).ok_or(MetaFault::Kind {
                key: LOG_LEVEL,
                expected: "one of debug, info, notice, warning, error, critical, alert, emergency",
            })
        };
        let log_level = level.map(level_of).transpose()?;
        Ok(Some(Self { revision, capabilities, client_info, log_level }))
    }
}

fn object(key: &'static str, value: &str) -> Result<Box<str>, MetaFault> {
    if is_object(value) {
        Ok(value.into())
    } else {
        Err(MetaFault::Kind { key, expected: "an object" })
    }
}

/// What the bridge says of itself, or of the client that it stands for, in a request to a stateless server.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'a> {
    /// The revision of the request.
    pub revision: Revision,
    /// The JSON text of an object.
    pub capabilities: &'a str,
    /// The JSON text of an object.
    pub client_info: Option<&'a str>,
    /// From which level on log messages are wanted.
    pub log_level: Option<Level>,
}

fn is_declaration(key: &str) -> bool {
    matches!(key, PROTOCOL_VERSION | CLIENT_CAPABILITIES | CLIENT_INFO | LOG_LEVEL)
}

/// `params` without those keys, and without a `_meta` that held nothing else.
pub fn without(params: &str) -> Cow<'_, str> {
    let found = members(params).enumerate().find(|(_, found)| found.name() == "_meta");
    let Some((index, Member { value: meta, .. })) = found else {
        return Cow::Borrowed(params);
    };
    if holds_only(meta, is_declaration) {
        return remove(params, params, index).map_or(Cow::Borrowed(params), Cow::Owned);
    }
    without_keys(params, meta, is_declaration)
}

/// Whether all members are `unwanted`, and there are some.
fn holds_only(meta: &str, unwanted: impl Fn(&str) -> bool) -> bool {
    let mut names = members(meta).map(|member| member.name()).peekable();
    names.peek().is_some() && names.all(|name| unwanted(&name))
}

/// `outer` without the members of its `_meta` that are `unwanted`, and without a `_meta` that becomes empty.
pub(super) fn without_keys<'a>(
    outer: &'a str,
    meta: &str,
    unwanted: impl Fn(&str) -> bool,
) -> Cow<'a, str> {
    // Mostly nothing else is there.
    if holds_only(meta, &unwanted) {
        return leave_out(outer, |name| name == "_meta");
    }
    let Cow::Owned(left) = leave_out(meta, unwanted) else {
        return Cow::Borrowed(outer);
    };
    if members(&left).next().is_none() {
        return leave_out(outer, |name| name == "_meta");
    }
    replace(outer, meta, &left).map_or(Cow::Borrowed(outer), Cow::Owned)
}

/// `outer` with the member `key` of its `_meta` set to `value`; nothing if it is no object. A `_meta` that is none counts
/// as empty.
pub(super) fn with_key(outer: &str, key: &str, value: &str) -> Option<String> {
    let meta = member(outer, "_meta").filter(|meta| is_object(meta)).unwrap_or("{}");
    set(outer, "_meta", &set(meta, key, value)?)
}

/// `params` with what is declared in its `_meta`, where it takes the place of what stood there before; all other keys,
/// such as `progressToken`, stay. Parameters that are no object count as none.
pub fn with(params: Option<&str>, declared: &Declared<'_>) -> String {
    let params = params.filter(|params| is_object(params)).unwrap_or("{}");
    let (mut meta, mut last) = (None, None);
    for found in members(params) {
        last = Some(found.value);
        if found.name() == "_meta" {
            meta = last;
            break;
        }
    }
    let mut text = String::with_capacity(params.len() + declared.length());
    if let Some((meta, at)) = meta.and_then(|meta| Some((meta, offset(params, meta)?))) {
        text.push_str(&params[..at]);
        declared.write(&mut text, meta);
        text.push_str(&params[at + meta.len()..]);
        return text;
    }
    let end = last.and_then(|last| Some(offset(params, last)? + last.len()));
    text.push_str(end.map_or("{", |end| &params[..end]));
    text.push_str(if end.is_some() { ",\"_meta\":" } else { "\"_meta\":" });
    declared.write(&mut text, "{}");
    text.push_str(end.map_or("}", |end| &params[end..]));
    text
}

impl Declared<'_> {
    /// Bytes that it takes at most, beside what stood there before.
    fn length(&self) -> usize {
        256 + self.capabilities.len() + self.client_info.map_or(0, str::len)
    }

    /// Writes `meta` with it; one that is no object counts as empty.
    fn write(&self, to: &mut String, meta: &str) {
        to.push('{');
        for kept in members(meta).filter(|kept| !is_declaration(&kept.name())) {
            to.extend([kept.key(), ":", kept.value, ","]);
        }
        to.extend(["\"", PROTOCOL_VERSION, "\":\"", self.revision.as_str(), "\""]);
        if let Some(info) = self.client_info {
            to.extend([",\"", CLIENT_INFO, "\":", info]);
        }
        to.extend([",\"", CLIENT_CAPABILITIES, "\":", self.capabilities]);
        if let Some(level) = self.log_level {
            to.extend([",\"", LOG_LEVEL, "\":\"", level.as_str(), "\""]);
        }
        to.push('}');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FULL: &str = concat!(
        r#"{"name":"x","_meta":{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
        r#""io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"#,
        r#""io.modelcontextprotocol/clientCapabilities":{"roots":{}},"#,
        r#""io.modelcontextprotocol/logLevel":"warning"}}"#
    );

    #[test]
    fn a_full_declaration_is_read() {
        let found = RequestMeta::parse(Some(FULL.into())).expect("well formed").expect("stateless");
        assert_eq!(found.revision, Revision::V2026_07_28);
        assert_eq!(&*found.capabilities, r#"{"roots":{}}"#);
        assert_eq!(found.client_info.as_deref(), Some(r#"{"name":"c","version":"1"}"#));
        assert_eq!(found.log_level, Some(Level::Warning));
        assert_eq!(without(FULL), r#"{"name":"x","_meta":{"progressToken":7}}"#);
    }

    #[test]
    fn requests_without_any_of_the_keys_are_of_the_other_era() {
        for params in [None, Some("{}"), Some(r#"{"_meta":{"progressToken":1}}"#), Some("[1]")] {
            assert_eq!(RequestMeta::parse(params.map(Part::from)), Ok(None), "{params:?}");
        }
    }

    #[test]
    fn malformed_declarations_are_refused() {
        let check = |meta: &str, code, message: &str| {
            let params = format!(r#"{{"_meta":{meta}}}"#);
            let error = RequestMeta::parse(Some((&*params).into())).expect_err(meta).error();
            assert_eq!(error.code, code, "{meta}");
            assert!(error.message.contains(message), "{meta}: {error}");
        };
        let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
        check(&format!("{{{version}}}"), -32602, "lacks");
        check(r#"{"io.modelcontextprotocol/clientCapabilities":{}}"#, -32602, PROTOCOL_VERSION);
        check(r#"{"io.modelcontextprotocol/protocolVersion":5}"#, -32602, "a string");
        check(r#"{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}"#, -32022, "version");
        check(r#"{"io.modelcontextprotocol/protocolVersion":"2099-01-01"}"#, -32022, "version");
        let capabilities = r#""io.modelcontextprotocol/clientCapabilities":[]"#;
        check(&format!("{{{version},{capabilities}}}"), -32602, "an object");
        let full = format!(r#"{version},"io.modelcontextprotocol/clientCapabilities":{{}}"#);
        let info = r#""io.modelcontextprotocol/clientInfo":"me""#;
        check(&format!("{{{full},{info}}}"), -32602, CLIENT_INFO);
        let level = r#""io.modelcontextprotocol/logLevel":"loud""#;
        check(&format!("{{{full},{level}}}"), -32602, "emergency");
    }

    #[test]
    fn ours_takes_the_place_of_theirs() {
        let declared = Declared {
            revision: Revision::V2026_07_28,
            capabilities: "{}",
            client_info: None,
            log_level: None,
        };
        let ours = concat!(
            r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
            r#""io.modelcontextprotocol/clientCapabilities":{}"#
        );
        let check = |params, expected: String| assert_eq!(with(params, &declared), expected);
        check(None, format!(r#"{{"_meta":{{{ours}}}}}"#));
        check(Some("{}"), format!(r#"{{"_meta":{{{ours}}}}}"#));
        check(Some(FULL), format!(r#"{{"name":"x","_meta":{{"progressToken":7,{ours}}}}}"#));
        check(Some(r#"{"_meta":{},"a":1}"#), format!(r#"{{"_meta":{{{ours}}},"a":1}}"#));
    }

    proptest! {
        /// What was put in comes out again, byte for byte, and reads as it was declared.
        #[test]
        fn what_is_put_in_comes_out(
            name in "[ -~é]{0,12}",
            token in proptest::option::of(0..100_u32),
            info in any::<bool>(),
            level in proptest::option::of(proptest::sample::select(Level::ALL.to_vec())),
        ) {
            let name = serde_json::to_string(&name).expect("a string");
            let meta = token.map_or_else(String::new, |token| {
                format!(r#","_meta":{{"progressToken":{token}}}"#)
            });
            let params = format!(r#"{{"name":{name}{meta}}}"#);
            let client_info = info.then_some(r#"{"name":"c","version":"1"}"#);
            let capabilities = r#"{"sampling":{}}"#;
            let revision = Revision::V2026_07_28;
            let declared = Declared { revision, capabilities, client_info, log_level: level };
            let full = with(Some(&params), &declared);
            prop_assert_eq!(&*without(&full), &*params);
            prop_assert_eq!(with(Some(&full), &declared), full.clone());
            let found = RequestMeta::parse(Some((&*full).into())).expect("well formed").expect("stateless");
            prop_assert_eq!(&*found.capabilities, capabilities);
            prop_assert_eq!(found.client_info.as_deref(), client_info);
            prop_assert_eq!(found.log_level, level);
        }
    }
}
