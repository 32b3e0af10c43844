//! The newest version of a package, as its registry says.

use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderValue, Method as HttpMethod, StatusCode};
use indexmap::IndexMap;
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use crate::base::environment::Environment;
use crate::base::secret::Secret;
use crate::config::Remote;
use crate::recipe::Method;
use crate::wire::http::{Client, Endpoint};

/// A registry that says nothing for so long is not there.
const SILENCE: Duration = Duration::from_secs(15);
/// The lists of packages with very many versions take some megabytes.
const MAX_BYTES: usize = 32 * 1024 * 1024;

const NPM: &str = "https://registry.npmjs.org";
const PYPI: &str = "https://pypi.org/simple";

/// Variables that name another registry, as the registries' own programs read them; the first that is set counts.
const NPM_VARIABLES: [&str; 2] = ["npm_config_registry", "NPM_CONFIG_REGISTRY"];
const PYPI_VARIABLES: [&str; 3] = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"];

/// Why the newest version is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The registry cannot be asked.
    #[error("{0}")]
    NotReached(String),
    /// It has no such package.
    #[error("`{host}` has no package `{package}`")]
    NoPackage {
        /// The registry's host.
        host: String,
        /// The package.
        package: String,
    },
    /// Its answer says no version.
    #[error("the answer of `{host}` cannot be used: {reason}")]
    BadAnswer {
        /// The registry's host.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The newest version of a package of the registries of npm and Python; nothing for packages of other kinds.
pub async fn newest(
    client: &Client,
    method: Method,
    package: &str,
    environment: &Environment,
) -> Result<Option<String>, Error> {
    let registry = |variables: &[&str], usual: &str| {
        let set = variables.iter().find_map(|name| environment.lookup(name));
        set.filter(|url| !url.is_empty()).unwrap_or(usual).trim_end_matches('/').to_owned()
    };
    match method {
        Method::Npx | Method::Npm => {
            let url = format!("{}/{}", registry(&NPM_VARIABLES, NPM), package.replace('/', "%2f"));
            let (host, body) =
                ask(client, &url, package, "application/vnd.npm.install-v1+json").await?;
            npm(&host, &body).map(Some)
        }
        Method::Uvx | Method::Pip => {
            let url = format!("{}/{}/", registry(&PYPI_VARIABLES, PYPI), normal(package));
            let accepted = "application/vnd.pypi.simple.v1+json, text/html;q=0.2";
            let (host, body) = ask(client, &url, package, accepted).await?;
            python(&host, package, &body).map(Some)
        }
        Method::Docker | Method::Binary | Method::Go | Method::Git => Ok(None),
    }
}

/// The host that answered, and its answer. A name and a password may stand in the URL.
async fn ask(
    client: &Client,
    url: &str,
    package: &str,
    accepted: &'static str,
) -> Result<(String, Bytes), Error> {
    let unusable = |reason: String| Error::NotReached(format!("the registry's URL: {reason}"));
    let mut url = Url::parse(url).map_err(|fault| unusable(fault.to_string()))?;
    let auth = basic(&url);
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    let remote =
        Remote { url: Secret::from(url.to_string()), headers: IndexMap::new(), auth: None };
    let endpoint = Endpoint::new(&remote).map_err(|fault| unusable(fault.to_string()))?;
    let mut headers = endpoint.headers().clone();
    headers.insert(ACCEPT, HeaderValue::from_static(accepted));
    if let Some(auth) = auth {
        headers.insert(http::header::AUTHORIZATION, auth);
    }
    let host = endpoint.host().to_owned();
    let exchange = async {
        let sent = client.send(HttpMethod::GET, &endpoint, || headers.clone(), Bytes::new());
        let mut answer = sent.await.map_err(|fault| Error::NotReached(fault.to_string()))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                let package = package.to_owned();
                return Err(Error::NoPackage { host: host.clone(), package });
            }
            status => {
                let reason = format!("status {status}");
                return Err(Error::BadAnswer { host: host.clone(), reason });
            }
        }
        answer.body(MAX_BYTES).await.map_err(|fault| Error::NotReached(fault.to_string()))
    };
    let body = timeout(SILENCE, exchange).await;
    let silent = || Error::NotReached(format!("`{host}` did not answer within {SILENCE:?}"));
    let body = body.map_err(|_| silent())??;
    Ok((host, body))
}

/// What logs in to a registry whose URL holds a name and a password (RFC 7617).
fn basic(url: &Url) -> Option<HeaderValue> {
    use base64::Engine;
    let password = url.password()?;
    let pair = format!("{}:{password}", url.username());
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn npm(host: &str, body: &[u8]) -> Result<String, Error> {
    let bad = |reason: &str| Error::BadAnswer { host: host.to_owned(), reason: reason.to_owned() };
    let document: Value = serde_json::from_slice(body).map_err(|_| bad("it is no JSON"))?;
    let latest = document["dist-tags"]["latest"].as_str();
    latest.map(str::to_owned).ok_or_else(|| bad("no version is tagged `latest`"))
}

/// The newest of the versions in an index (PEP 691 and 700), or in the names of its files (PEP 503).
fn python(host: &str, package: &str, body: &[u8]) -> Result<String, Error> {
    let versions = match serde_json::from_slice::<Value>(body) {
        Ok(document) => {
            let versions = document["versions"].as_array().into_iter().flatten();
            versions.filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Err(_) => in_names(package, &String::from_utf8_lossy(body)),
    };
    let newest = versions.into_iter().filter_map(|version| Some((rank(&version)?, version))).max();
    newest.map(|(_, version)| version).ok_or_else(|| Error::BadAnswer {
        host: host.to_owned(),
        reason: "it names no version".to_owned(),
    })
}

/// The versions in names of files such as `srv-1.2.3-py3-none-any.whl` and `srv-1.2.3.tar.gz`.
fn in_names(package: &str, page: &str) -> Vec<String> {
    let package = normal(package);
    let names = page.split(['<', '>', '/', '"']).filter_map(|text| {
        let wheel = text.strip_suffix(".whl").and_then(|name| name.split('-').nth(1));
        let source = || text.strip_suffix(".tar.gz")?.rsplit_once('-').map(|(_, version)| version);
        let is_ours = normal(text).starts_with(&package);
        wheel.or_else(source).filter(|_| is_ours)
    });
    names.map(str::to_owned).collect()
}

/// The name as indexes have it (PEP 503).
fn normal(package: &str) -> String {
    let plain = package.split('[').next().unwrap_or_default().to_lowercase();
    let words = plain.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// What orders releases; nothing for versions before a release.
fn rank(version: &str) -> Option<Vec<u64>> {
    let release = version.split('+').next().unwrap_or_default();
    let numbers = release
        .trim_start_matches('v')
        .split(['.', '!'])
        .map(|number| number.strip_prefix("post").unwrap_or(number).parse().ok());
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn the_newest_release_is_found() {
        let check = |body: &str, expected: Option<&str>| {
            let found = python("host", "My_Srv", body.as_bytes()).ok();
            assert_eq!(found.as_deref(), expected, "{body}");
        };
        check(
            r#"{"versions": ["0.9.0", "0.10.0", "1.0.0rc1", "0.10.0.post1"]}"#,
            Some("0.10.0.post1"),
        );
        check(r#"{"versions": ["2025.1.2", "2024.12.1"]}"#, Some("2025.1.2"));
        check(r#"{"versions": []}"#, None);
        check(
            "<a href=\"../x/my_srv-1.9.0-py3-none-any.whl#sha256=0\">my_srv-1.9.0-py3-none-any.whl</a>\
             <a>my-srv-1.10.0.tar.gz</a><a>other-9.0.tar.gz</a>",
            Some("1.10.0"),
        );
        assert_eq!(npm("h", br#"{"dist-tags": {"latest": "1.2.3"}}"#).as_deref(), Ok("1.2.3"));
        npm("h", b"{}").expect_err("no version");
        assert_eq!(normal("My__Srv.x[cli]"), "my-srv-x");
    }

    #[tokio::test]
    async fn the_registry_of_the_environment_is_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("bound");
        let serve = async {
            let mut heard = Vec::new();
            for body in [r#"{"dist-tags": {"latest": "3.0.0"}}"#, r#"{"versions": ["2.0"]}"#] {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.expect("a request"));
                }
                heard.push(String::from_utf8(request).expect("text").to_lowercase());
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                stream.write_all([&head, body].concat().as_bytes()).await.expect("written");
                stream.flush().await.expect("flushed");
            }
            heard
        };
        let npm_url = format!("http://{at}/npm/");
        let pip_url = format!("http://me:s3cret@{at}/simple");
        let environment =
            Environment::from_pairs([("npm_config_registry", npm_url), ("PIP_INDEX_URL", pip_url)]);
        let client = Client::default();
        let ask = async {
            let npm = newest(&client, Method::Npx, "@a/b", &environment).await;
            assert_eq!(npm, Ok(Some("3.0.0".to_owned())));
            let python = newest(&client, Method::Uvx, "My_Srv", &environment).await;
            assert_eq!(python, Ok(Some("2.0".to_owned())));
        };
        let (heard, ()) = tokio::join!(serve, ask);
        assert!(heard[0].starts_with("get /npm/@a%2fb "), "{}", heard[0]);
        assert!(heard[1].starts_with("get /simple/my-srv/ "), "{}", heard[1]);
        assert!(heard[1].contains("authorization: basic"), "{}", heard[1]);
        assert_eq!(newest(&client, Method::Docker, "x", &environment).await, Ok(None));
        drop(listener);
        let fault = newest(&client, Method::Npx, "x", &environment).await.expect_err("offline");
        assert!(matches!(&fault, Error::NotReached(said) if !said.contains("s3cret")), "{fault}");
    }
}
