//! Where a service is and what proves who we are. A key travels by TLS or not at all, but for this machine.

use http::header::AUTHORIZATION;
use indexmap::IndexMap;
use url::{Host, Url};

use super::error::EmbedError;
use crate::base::secret::Secret;
use crate::config::Remote;
use crate::wire::http::Endpoint;

/// The URL that texts are sent to, and the header with the key.
#[derive(Debug, Clone)]
pub(super) struct Address {
    url: Url,
    key: Option<(&'static str, Secret)>,
}

/// Where a base URL comes from, for those who have to correct it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) service: &'static str,
    pub(super) variable: &'static str,
    /// Whoever set the variable meant this very machine, so that it may be spoken to without TLS where no key is sent.
    pub(super) may_be_plain: bool,
}

impl Address {
    /// The address of `path` below `base`. `key` is the name of its header and the value.
    pub(super) fn below(
        base: &str,
        path: &[&str],
        key: Option<(&'static str, Secret)>,
        origin: Origin,
    ) -> Result<Self, EmbedError> {
        let wrong = |problem: String| EmbedError::Unconfigured {
            service: origin.service.to_owned(),
            problem,
            remedy: format!("set `{}` to a URL such as `https://host/path`", origin.variable),
        };
        let variable = origin.variable;
        // The URL is not repeated: it may hold a password.
        let mut url = Url::parse(base).map_err(|error| wrong(format!("`{variable}`: {error}")))?;
        let is_here = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if is_here || (origin.may_be_plain && key.is_none()) => {}
            "http" => {
                let problem = format!(
                    "`{variable}` begins with `http://` and leads to another machine, which would show everybody on the way what is sent"
                );
                return Err(wrong(problem));
            }
            _ => return Err(wrong(format!("`{variable}` is no URL of HTTP"))),
        }
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .map_err(|()| wrong(format!("`{variable}` has no path")))?
            .pop_if_empty()
            .extend(path);
        Ok(Self { url, key })
    }

    /// Host, port and path of the base, for telling models of one name at two places apart.
    pub(super) fn place(base: &str) -> String {
        let Ok(url) = Url::parse(base) else { return base.to_owned() };
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{host}{port}{}", url.path().trim_end_matches('/'))
    }

    pub(super) fn endpoint(&self, service: &str) -> Result<Endpoint, EmbedError> {
        let headers: IndexMap<String, Secret> =
            self.key.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let remote = Remote { url: Secret::from(self.url.as_str()), headers, auth: None };
        Endpoint::new(&remote).map_err(|error| EmbedError::Unconfigured {
            service: service.to_owned(),
            problem: error.to_string(),
            remedy: "look for line breaks and blanks in its key".to_owned(),
        })
    }

    /// What must not be told.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let bare = |value: &Secret| {
            let value = value.expose();
            Secret::from(value.strip_prefix("Bearer ").unwrap_or(value))
        };
        let key = self.key.iter().map(|(_, value)| bare(value));
        key.chain(self.url.password().map(Secret::from)).collect()
    }
}

/// The header of a bearer token.
pub(super) fn bearer(key: &Secret) -> (&'static str, Secret) {
    const NAME: &str = "authorization";
    debug_assert_eq!(NAME, AUTHORIZATION.as_str());
    (NAME, Secret::from(format!("Bearer {}", key.expose())))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(base: &str, key: bool, may_be_plain: bool) -> Result<Address, EmbedError> {
        let origin = Origin { service: "it", variable: "ITS_URL", may_be_plain };
        let key = key.then(|| bearer(&Secret::from("k-123456")));
        Address::below(base, &["v1", "embeddings"], key, origin)
    }

    #[test]
    fn paths_are_put_below_the_base() {
        let check = |base: &str, expected: &str| {
            let address = address(base, true, false).expect(base);
            assert_eq!(address.url.as_str(), expected);
        };
        check("https://host", "https://host/v1/embeddings");
        check("https://host/", "https://host/v1/embeddings");
        check("https://host:8/a/b/?key=1#x", "https://host:8/a/b/v1/embeddings");
        check("http://127.0.0.1:1/a", "http://127.0.0.1:1/a/v1/embeddings");
    }

    #[test]
    fn nothing_travels_in_the_open_to_another_machine() {
        let check = |base: &str, key: bool, may_be_plain: bool, expected: bool| {
            assert_eq!(address(base, key, may_be_plain).is_ok(), expected, "{base}");
        };
        for here in ["http://localhost:1", "http://127.9.9.9", "http://[::1]:8", "https://host"] {
            check(here, true, false, true);
        }
        for there in ["http://host", "http://10.0.0.1:8", "http://localhost.example.com"] {
            check(there, false, false, false);
            check(there, true, true, false);
            check(there, false, true, true);
        }
        for none in ["", "host", "ftp://host", "data:x"] {
            check(none, false, true, false);
        }
    }

    #[test]
    fn no_secret_shows() {
        let address = address("https://user:pass-word@host", true, false).expect("an address");
        let secrets: Vec<String> =
            address.secrets().iter().map(|secret| secret.expose().to_owned()).collect();
        assert_eq!(secrets, ["k-123456", "pass-word"]);
        let endpoint = address.endpoint("it").expect("an endpoint");
        let shown = format!("{endpoint:?}");
        assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
        let error = super::tests::address("http://user:pass-word@host", false, false);
        assert!(!error.expect_err("not in the open").to_string().contains("pass-word"));
    }
}
