//! Servers that are reached by URL.

use indexmap::IndexMap;

use super::auth::Auth;
use super::reader::Reader;
use crate::base::locate;
use crate::base::secret::Secret;

/// The keys of an entry that only such servers have.
pub(crate) const KEYS: [&str; 2] = ["url", "headers"];

/// How to reach a server by URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The endpoint; hidden, since many services put a key into its path or query.
    pub url: Secret,
    /// Headers of every request.
    pub headers: IndexMap<String, Secret>,
    /// How to log in.
    pub auth: Option<Auth>,
}

impl Remote {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if !reader.has("url") {
            reader.report().error(reader.pointer(), "`url` is missing");
        }
        let url = read_url(reader, "url").map(Secret::from);
        let headers = read_headers(reader).unwrap_or_default();
        let auth = reader.object("auth").map(Auth::read);
        Some(Self { url: url?, headers, auth: auth.flatten() })
    }
}

/// A URL that the bridge can call. It may hold a key, so messages do not show it.
pub(super) fn read_url(reader: &mut Reader<'_>, key: &'static str) -> Option<String> {
    let url = reader.filled_string(key)?;
    if is_http(&url) {
        return Some(url);
    }
    let message =
        format!("`{key}` is not a URL that begins with `http://` or `https://` and names a host");
    reader.report().error(&reader.at(key), message);
    None
}

/// Whether the path of the URL ends in `/sse`, as endpoints of the older transport do.
pub(super) fn is_sse(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    path.trim_end_matches('/').ends_with("/sse")
}

/// `headers`, each name and value one that HTTP can carry.
pub(crate) fn read_headers(reader: &mut Reader<'_>) -> Option<IndexMap<String, Secret>> {
    let headers = reader.string_map("headers")?;
    for (name, value) in &headers {
        let place = locate::child(&reader.at("headers"), name);
        if !is_header_name(name) {
            reader.report().error(&place, format!("`{name}` is no header name"));
        }
        if value.chars().any(|letter| letter.is_control() && letter != '\t') {
            let message = format!("header `{name}` has a line break or another control character");
            reader.report().error(&place, message);
        }
    }
    Some(headers.into_iter().map(|(name, value)| (name, value.into())).collect())
}

/// Whether the bridge can call it.
pub(crate) fn is_http(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let clean = !url.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    known && clean && !host.is_empty() && !host.starts_with(':')
}

/// The `token` of RFC 9110, section 5.6.2.
fn is_header_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_urls() {
        let check = |url: &str, http: bool, sse: bool| {
            assert_eq!((is_http(url), is_sse(url)), (http, sse), "{url}");
        };
        check("https://mcp.example.com/mcp", true, false);
        check("HTTP://127.0.0.1:8080", true, false);
        check("https://[::1]:8080/sse", true, true);
        check("https://mcp.example.com/v1/sse/?key=1", true, true);
        check("https://mcp.example.com/mcp?next=/sse", true, false);
        check("https://sse", true, false);
        check("https:///sse", false, true);
        check("https://:80/x", false, false);
        check("https://a b/x", false, false);
        check("ws://host/x", false, false);
        check("mcp.example.com", false, false);
    }

    #[test]
    fn tells_header_names() {
        let check = |name, expected| assert_eq!(is_header_name(name), expected, "{name}");
        check("X-Api-Key", true);
        check("", false);
        check("X Key", false);
        check("X:Key", false);
        check("Ключ", false);
    }
}
