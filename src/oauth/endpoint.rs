//! Addresses that servers name: where a request, or a user's browser, may be sent to.

use url::{Host, Url};

use super::account::Policy;
use super::address::{Refused, is_loopback_host, literal};

/// No URL that means well is longer.
const LONGEST: usize = 2048;

/// Why a URL is not used. The value is shown only as far as it cannot do harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No URL.
    #[error("`{name}` is no URL")]
    NotAUrl {
        /// The member that holds it.
        name: String,
    },
    /// Neither `https` nor, for this machine, `http`.
    #[error(
        "`{name}` is a `{scheme}:` URL; only `https:` is used (`http:` only where the server itself is on this machine)"
    )]
    Scheme {
        /// The member that holds it.
        name: String,
        /// What stands before the colon.
        scheme: String,
    },
    /// White space, control characters, or what has a meaning to shells.
    #[error("`{name}` has the character {character:?}, which no URL of an endpoint needs")]
    Character {
        /// The member that holds it.
        name: String,
        /// The first one of them.
        character: char,
    },
    /// A user name or a password in it.
    #[error("`{name}` has a user name or a password in it")]
    UserInfo {
        /// The member that holds it.
        name: String,
    },
    /// A fragment (RFC 6749, Sections 3.1 and 3.2).
    #[error("`{name}` has a fragment")]
    Fragment {
        /// The member that holds it.
        name: String,
    },
    /// An IPv4 address in another way than four decimal numbers.
    #[error("`{name}` spells the address `{address}` in a way that hides it")]
    OddAddress {
        /// The member that holds it.
        name: String,
        /// What it comes to.
        address: String,
    },
    /// It is too long.
    #[error("`{name}` is longer than {LONGEST} characters")]
    TooLong {
        /// The member that holds it.
        name: String,
    },
    /// It names an address that is not asked.
    #[error("`{name}`: {refused}")]
    Address {
        /// The member that holds it.
        name: String,
        /// The address and why.
        refused: Refused,
    },
}

/// Reads the value of a member that is to be an endpoint.
pub fn parse(name: &str, text: &str, policy: Policy) -> Result<Url, EndpointError> {
    let name = || name.to_owned();
    if text.len() > LONGEST {
        return Err(EndpointError::TooLong { name: name() });
    }
    // Parsers of URLs leave some of them out without a word, and openers of browsers give the others a meaning.
    if let Some(character) = text.chars().find(|character| !is_harmless(*character)) {
        return Err(EndpointError::Character { name: name(), character });
    }
    let url = Url::parse(text).map_err(|_| EndpointError::NotAUrl { name: name() })?;
    let is_here = policy.allow_loopback && is_loopback_host(&url);
    if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
        let scheme = url.scheme().chars().take(20).collect();
        return Err(EndpointError::Scheme { name: name(), scheme });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::UserInfo { name: name() });
    }
    if url.fragment().is_some() {
        return Err(EndpointError::Fragment { name: name() });
    }
    if let Some(Host::Ipv4(address)) = url.host()
        && !is_spelled(text, &address.to_string())
    {
        return Err(EndpointError::OddAddress { name: name(), address: address.to_string() });
    }
    if let Some(address) = literal(&url) {
        let host = url.host_str().unwrap_or_default();
        let checked = policy.check(host, address);
        checked.map_err(|refused| EndpointError::Address { name: name(), refused })?;
    }
    Ok(url)
}

fn is_harmless(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~:/?#[]@!&*+,=%;".contains(character)
}

/// Whether the host stands in the text as it is.
fn is_spelled(text: &str, host: &str) -> bool {
    let Some((_, rest)) = text.split_once("//") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let rest = authority.strip_prefix(host);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_https_urls_and_nothing_else() {
        let check = |text: &str, expected: &str| {
            let told = match parse("token_endpoint", text, Policy::default()) {
                Ok(url) => url.to_string(),
                Err(error) => error.to_string().replace("`token_endpoint`", "it"),
            };
            assert!(told.starts_with(expected), "{text}: {told}");
        };
        check("https://a.example/token?x=1", "https://a.example/token?x=1");
        check("javascript:alert(1)", "it has the character '('");
        check("javascript:alert", "it is a `javascript:` URL");
        check("file:///etc/passwd", "it is a `file:` URL");
        check("http://a.example/token", "it is a `http:` URL");
        check("http://localhost/token", "it is a `http:` URL");
        check("-flag", "it is no URL");
        check("https://a.example/$(id)", "it has the character '$'");
        check("https://a.example/`id`", "it has the character '`'");
        check("https://a.example/\nx", "it has the character '\\n'");
        check("https://a.example/a|b", "it has the character '|'");
        check("https://u:p@a.example/", "it has a user name");
        check("https://a.example/#x", "it has a fragment");
        check("https://2130706433/", "it spells the address `127.0.0.1` in a way that hides it");
        check("https://0x7f.1/", "it spells the address `127.0.0.1` in a way that hides it");
        check("https://0177.0.0.1/", "it spells the address `127.0.0.1` in a way that hides it");
        check(
            "https://169.254.169.254/",
            "it: `169.254.169.254` is `169.254.169.254`, a link-local",
        );
        check(
            "https://[::ffff:127.0.0.1]/",
            "it: `[::ffff:7f00:1]` is `::ffff:127.0.0.1`, an IPv4",
        );
        check("https://10.0.0.1/", "it: `10.0.0.1` is `10.0.0.1`, a private address");
        check(&format!("https://a.example/{}", "x".repeat(3000)), "it is longer than");
    }

    #[test]
    fn this_machine_is_for_servers_that_are_there() {
        let here = Policy { allow_loopback: true, ..Policy::default() };
        for url in ["http://127.0.0.1:8000/token", "http://localhost/t", "http://[::1]:1/t"] {
            parse("token_endpoint", url, here).expect("it is here");
        }
        for url in
            ["http://a.example/", "http://[::ffff:127.0.0.1]/", "https://[::ffff:127.0.0.1]/"]
        {
            parse("token_endpoint", url, here).expect_err("it is not");
        }
    }
}
