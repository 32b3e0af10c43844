//! Who may call over HTTP at all: protection against pages of other origins, which a browser lets call any server, and
//! against DNS rebinding, by which a page of another origin reaches this machine under its own name (specification,
//! Streamable HTTP, Security Warning).
//!
//! A request has to be addressed to a loopback name, to the very address that it came in on, or to a host from the
//! config. A page has to be of the host and port that it calls: other pages on this machine, such as those of somebody's
//! development server, are as foreign as any, since whoever gets a script into one of them could run every tool. The
//! ports of `Host` are not looked at, since a port may be forwarded and names are what rebinding plays with.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};

use crate::config::{Authority, Host, Origin};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the config allows beyond the bridge's own names.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// Origins of pages.
    pub origins: Vec<Origin>,
    /// Hosts.
    pub hosts: Vec<Authority>,
}

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Forbidden {
    #[error("the request names no host, or several")]
    NoHost,
    #[error(
        "the bridge is not called by this host; `http.allowedHosts` in the config can allow it"
    )]
    Host,
    #[error("pages of this origin may not call; `http.allowedOrigins` in the config can allow it")]
    Origin,
}

/// Checks a request that came in on `local`.
pub(super) fn check(parts: &Parts, local: IpAddr, allowed: &Allowed) -> Result<(), Forbidden> {
    let host = one(&parts.headers, &header::HOST)?.ok_or(Forbidden::NoHost)?;
    let host = Authority::parse(host).ok_or(Forbidden::Host)?;
    if !is_own(&host, local, allowed) {
        return Err(Forbidden::Host);
    }
    // A request line with a whole URL names its host a second time (RFC 9112, section 3.2.2).
    if let Some(target) = parts.uri.authority() {
        let target = Authority::parse(target.as_str()).ok_or(Forbidden::Host)?;
        if !is_own(&target, local, allowed) {
            return Err(Forbidden::Host);
        }
    }
    let origin = one(&parts.headers, &header::ORIGIN).map_err(|_| Forbidden::Origin)?;
    match origin {
        // Programs other than browsers send none, and neither do browsers for what a page only shows; but they say whose
        // page it is (Fetch Metadata Request Headers).
        None => match one(&parts.headers, &FETCH_SITE)? {
            None | Some("same-origin" | "none") => Ok(()),
            Some(_) => Err(Forbidden::Origin),
        },
        Some(origin) => {
            let origin = Origin::parse(origin).ok_or(Forbidden::Origin)?;
            let known = allowed.origins.contains(&origin) || is_same(&origin, &host);
            if known { Ok(()) } else { Err(Forbidden::Origin) }
        }
    }
}

/// The header's value, if it stands there once; what is no text is an empty one, which nothing allows.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Forbidden> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(Forbidden::NoHost),
        (value, _) => Ok(value.map(|value| value.to_str().unwrap_or_default())),
    }
}

fn is_own(host: &Authority, local: IpAddr, allowed: &Allowed) -> bool {
    let listed = |known: &Authority| {
        known.host == host.host && known.port.is_none_or(|port| Some(port) == host.port)
    };
    host.host.is_loopback()
        || host.host == Host::Address(local.to_canonical())
        || allowed.hosts.iter().any(listed)
}

/// Whether the page comes from where it calls.
fn is_same(origin: &Origin, host: &Authority) -> bool {
    let same_host = origin.authority.host == host.host
        || (origin.authority.host.is_loopback() && host.host.is_loopback());
    let default = if origin.secure { 443 } else { 80 };
    same_host && origin.port() == host.port.unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    const MINE: &str = "127.0.0.1:3000";

    fn verdict(uri: &str, headers: &[(&str, &str)], local: &str) -> &'static str {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let allowed = Allowed {
            origins: vec![Origin::parse("https://app.example").expect("an origin")],
            hosts: ["bridge.example", "10.0.0.9:8080"]
                .map(|host| Authority::parse(host).expect("a host"))
                .into(),
        };
        match check(&parts, local.parse().expect("an address"), &allowed) {
            Ok(()) => "pass",
            Err(Forbidden::NoHost) => "no host",
            Err(Forbidden::Host) => "host",
            Err(Forbidden::Origin) => "origin",
        }
    }

    fn check_host(host: &str, expected: &str) {
        assert_eq!(verdict("/mcp", &[("host", host)], "127.0.0.1"), expected, "{host}");
    }

    fn check_origin(host: &str, origin: &str, expected: &str) {
        let found = verdict("/mcp", &[("host", host), ("origin", origin)], "127.0.0.1");
        assert_eq!(found, expected, "{host} {origin}");
    }

    #[test]
    fn what_a_foreign_page_only_shows_is_none_of_its_business() {
        let check = |site: &str, expected: &str| {
            let headers = [("host", MINE), ("sec-fetch-site", site)];
            assert_eq!(verdict("/sse", &headers, "127.0.0.1"), expected, "{site}");
        };
        check("cross-site", "origin");
        check("same-site", "origin");
        check("same-origin", "pass");
        check("none", "pass");
        check("", "origin");
    }

    #[test]
    fn only_own_names_and_those_of_the_config_are_hosts() {
        for host in [
            MINE,
            "localhost",
            "LOCALHOST:3000",
            "[::1]:3000",
            "127.0.0.2",
            "localhost:8080",
            "bridge.example",
            "Bridge.Example:3000",
            "10.0.0.9:8080",
        ] {
            check_host(host, "pass");
        }
        for host in [
            "evil.example",
            "localhost.evil",
            "evil.localhost",
            "localhost.",
            "0.0.0.0:3000",
            "me@localhost",
            "localhost:3000@evil",
            "",
            "localhost:",
            "localhost:99999",
            "127.1",
            "[::ffff:127.0.0.1]:3000",
            "[::]",
            "10.0.0.9",
            "10.0.0.9:80",
            "192.168.1.5:3000",
            "2130706433",
            "localhost/evil",
            "localhost, evil",
        ] {
            check_host(host, "host");
        }
    }

    #[test]
    fn the_address_that_a_request_came_in_on_is_a_host() {
        let check = |host: &str, local: &str, expected| {
            assert_eq!(verdict("/mcp", &[("host", host)], local), expected, "{host} {local}");
        };
        check("192.168.1.5:3000", "192.168.1.5", "pass");
        check("192.168.1.5:3000", "::ffff:192.168.1.5", "pass");
        check("[fe80::1]:3000", "fe80::1", "pass");
        check("192.168.1.6:3000", "192.168.1.5", "host");
        check("0.0.0.0:3000", "192.168.1.5", "host");
    }

    #[test]
    fn a_host_is_named_once() {
        assert_eq!(verdict("/mcp", &[], "127.0.0.1"), "no host");
        let twice = [("host", MINE), ("host", MINE)];
        assert_eq!(verdict("/mcp", &twice, "127.0.0.1"), "no host");
        let whole = |uri: &str| verdict(uri, &[("host", MINE)], "127.0.0.1");
        assert_eq!(whole("http://evil.example/mcp"), "host");
        assert_eq!(whole("http://127.0.0.1:3000/mcp"), "pass");
    }

    #[test]
    fn a_page_calls_where_it_comes_from() {
        for (host, origin) in [
            (MINE, "http://127.0.0.1:3000"),
            (MINE, "http://localhost:3000"),
            ("localhost:8080", "http://localhost:8080"),
            ("localhost", "http://localhost"),
            ("localhost", "https://localhost"),
            ("[::1]:3000", "http://[::1]:3000"),
            (MINE, "https://app.example"),
            ("bridge.example", "https://bridge.example"),
        ] {
            check_origin(host, origin, "pass");
        }
        for (host, origin) in [
            (MINE, "http://evil.example"),
            (MINE, "http://evil.example:3000"),
            (MINE, "null"),
            (MINE, ""),
            (MINE, "http://localhost:3001"),
            (MINE, "http://localhost"),
            (MINE, "http://localhost.evil:3000"),
            (MINE, "http://evil.localhost:3000"),
            (MINE, "http://me@localhost:3000"),
            (MINE, "http://localhost:3000/"),
            (MINE, "http://localhost:3000 http://evil.example"),
            (MINE, "file://"),
            (MINE, "chrome-extension://abcdef"),
            (MINE, "http://0.0.0.0:3000"),
            (MINE, "http://[::]:3000"),
            (MINE, "http://app.example"),
            (MINE, "https://app.example:444"),
            ("bridge.example", "http://localhost"),
        ] {
            check_origin(host, origin, "origin");
        }
        let twice =
            [("host", MINE), ("origin", "http://localhost:3000"), ("origin", "http://evil")];
        assert_eq!(verdict("/mcp", &twice, "127.0.0.1"), "origin");
    }
}
