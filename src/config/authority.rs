//! Hosts and origins as HTTP spells them (RFC 9110, section 7.2; RFC 6454, section 7), read strictly: what can be
//! understood in two ways is not understood at all.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host and perhaps a port, such as `localhost:3000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The host.
    pub host: Host,
    /// The port, where one is given.
    pub port: Option<u16>,
}

/// A name or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name in small letters.
    Name(String),
    /// An address in its usual spelling: others, such as `127.1`, count as names.
    Address(IpAddr),
}

/// Where a page comes from, such as `https://example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whether the scheme is `https` and not `http`; there are no others.
    pub secure: bool,
    /// The host and the port.
    pub authority: Authority,
}

impl Authority {
    /// Reads `host`, `host:port`, `[address]` or `[address]:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, after) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = match after.strip_prefix(':') {
                Some(port) => Some(port),
                None if after.is_empty() => None,
                None => return None,
            };
            (Host::Address(address.into()), port)
        } else {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            (Host::parse(host)?, port)
        };
        let port = match port {
            None => None,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|port| *port > 0)?)
            }
            Some(_) => return None,
        };
        Some(Self { host, port })
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let is_plain =
            |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'.' | b'_');
        if text.is_empty() || !text.bytes().all(is_plain) {
            return None;
        }
        Some(match text.parse::<Ipv4Addr>() {
            Ok(address) => Self::Address(address.into()),
            Err(_) => Self::Name(text.to_ascii_lowercase()),
        })
    }

    /// Whether it can only be this machine. `evil.localhost` may be this machine as well, but it is a name that others
    /// can give a meaning to.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost",
            Self::Address(address) => address.is_loopback(),
        }
    }
}

impl Origin {
    /// Reads `http://authority` or `https://authority`, with nothing behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        Some(Self { secure, authority: Authority::parse(authority)? })
    }

    /// The port, also where none is given.
    pub fn port(&self) -> u16 {
        self.authority.port.unwrap_or(if self.secure { 443 } else { 80 })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(formatter),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_read_strictly() {
        let check = |text: &str, expected: Option<(&str, Option<u16>, bool)>| {
            let found = Authority::parse(text);
            let found = found.map(|it| (it.host.to_string(), it.port, it.host.is_loopback()));
            let expected = expected.map(|(host, port, loopback)| (host.to_owned(), port, loopback));
            assert_eq!(found, expected, "{text}");
        };
        check("localhost", Some(("localhost", None, true)));
        check("LocalHost:3000", Some(("localhost", Some(3000), true)));
        check("127.0.0.1:1", Some(("127.0.0.1", Some(1), true)));
        check("127.8.9.1", Some(("127.8.9.1", None, true)));
        check("[::1]:3000", Some(("[::1]", Some(3000), true)));
        check("[0:0:0:0:0:0:0:1]", Some(("[::1]", None, true)));
        check("[::ffff:127.0.0.1]", Some(("[::ffff:127.0.0.1]", None, false)));
        check("0.0.0.0:3000", Some(("0.0.0.0", Some(3000), false)));
        check("localhost.evil", Some(("localhost.evil", None, false)));
        check("evil.localhost", Some(("evil.localhost", None, false)));
        check("localhost.", Some(("localhost.", None, false)));
        check("127.1", Some(("127.1", None, false)));
        check("2130706433", Some(("2130706433", None, false)));
        for text in [
            "",
            ":3000",
            "localhost:",
            "localhost:0",
            "localhost:65536",
            "localhost:3000x",
            "localhost:+80",
            "localhost:80:80",
            "::1",
            "[::1",
            "[::1]3000",
            "[localhost]",
            "[]",
            "me@localhost",
            "localhost/",
            "local host",
            " localhost",
            "localhost\t",
            "locälhost",
            "localhost,evil",
            "%6cocalhost",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn origins_are_read_strictly() {
        let check = |text: &str, expected: Option<u16>| {
            assert_eq!(Origin::parse(text).map(|origin| origin.port()), expected, "{text}");
        };
        check("http://localhost", Some(80));
        check("https://example.com", Some(443));
        check("http://[::1]:3000", Some(3000));
        for text in [
            "null",
            "",
            "localhost",
            "http:localhost",
            "http:///",
            "http://localhost/",
            "http://localhost?",
            "http://me@localhost",
            "ftp://localhost",
            "HTTP://localhost",
            "file://",
            "http://localhost http://localhost",
            "https://",
        ] {
            check(text, None);
        }
    }
}
