//! Catalogs beside the built-in one: `catalogs`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::{Host, Url};

use super::reader::Reader;
use super::schema::{object, required, text};
use crate::base::locate;
use crate::base::secret::Secret;

const KEY: &str = "catalogs";
/// Each is asked over the network.
const MOST: usize = 16;

/// A catalog that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCatalog {
    /// Where it is; hidden, since it may hold a key.
    pub url: Secret,
    /// Host and path of it, which may be told.
    pub name: String,
    /// Whose signatures count.
    pub public_key: Option<PublicKey>,
    /// Whether recipes without a signature are left out. Never true without a key.
    pub require_signature: bool,
}

/// An Ed25519 public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads 32 bytes in Base64 or in hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        bytes_of(text).map(Self)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", STANDARD.encode(self.0))
    }
}

impl RemoteCatalog {
    /// Those of the config, in its order.
    pub(super) fn read_all(top: &mut Reader<'_>) -> Vec<Self> {
        let Some(value) = top.value(KEY) else { return Vec::new() };
        let Value::Array(items) = value else {
            top.mistyped(KEY, "a list of objects", value);
            return Vec::new();
        };
        let (place, report) = (top.at(KEY), top.report());
        if items.len() > MOST {
            let message =
                format!("`{KEY}` has {} items, at most {MOST} are permitted", items.len());
            report.error(&place, message);
            return Vec::new();
        }
        let mut catalogs: Vec<Self> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let pointer = locate::child(&place, &index.to_string());
            let Value::Object(object) = item else {
                report.error(&pointer, format!("item {index} of `{KEY}` must be an object"));
                continue;
            };
            let Some(catalog) = Self::read(Reader::new(object, &pointer, report)) else { continue };
            if catalogs.iter().any(|other| other.url == catalog.url) {
                report.error(&pointer, "this catalog stands twice in the list; keep one");
            } else {
                catalogs.push(catalog);
            }
        }
        catalogs
    }

    fn read(mut reader: Reader<'_>) -> Option<Self> {
        if !reader.has("url") {
            reader.report().error(reader.pointer(), "`url` is missing");
        }
        let url = read_url(&mut reader);
        let public_key = read_key(&mut reader);
        let has_key = reader.has("publicKey");
        let require_signature = reader.bool("requireSignature");
        if require_signature == Some(true) && !has_key {
            let message = "`requireSignature` needs `publicKey`, by which signatures are verified";
            reader.report().error(&reader.at("requireSignature"), message);
        }
        reader.finish();
        let url = url?;
        let name = format!("{}{}", url.host_str().unwrap_or_default(), url.path());
        Some(Self {
            url: Secret::from(String::from(url)),
            name,
            public_key,
            require_signature: require_signature.unwrap_or(has_key),
        })
    }
}

/// The schema of the section.
pub(super) fn schema() -> Value {
    let catalog = object(
        "One catalog",
        json!({
            "url": text("Where it is: `https`, or `http` on this machine"),
            "publicKey": text("The Ed25519 key that its recipes are signed with, in Base64 or hexadecimal digits"),
            "requireSignature": { "type": "boolean", "description": "Whether recipes without a signature are left out; without it, where there is a key" },
        }),
    );
    json!({
        "type": "array",
        "maxItems": MOST,
        "items": required(catalog, &["url"]),
        "description": "Catalogs beside the built-in one",
    })
}

/// What comes by plain HTTP may be changed on its way, which matters also where it is signed: it can be left out.
fn read_url(reader: &mut Reader<'_>) -> Option<Url> {
    let text = reader.filled_string("url")?;
    let url = Url::parse(&text).ok();
    let is_safe = |url: &Url| match url.scheme() {
        "https" => url.host().is_some(),
        "http" => url.host().is_some_and(|host| is_loopback(&host)),
        _ => false,
    };
    let url = url.filter(is_safe);
    if url.is_none() {
        let message = "`url` is not a URL that begins with `https://` (or `http://` on this machine) and names a host";
        reader.report().error(&reader.at("url"), message);
    }
    url
}

fn read_key(reader: &mut Reader<'_>) -> Option<PublicKey> {
    let text = reader.filled_string("publicKey")?;
    let key = PublicKey::parse(&text);
    if key.is_none() {
        let message =
            "`publicKey` is not the 32 bytes of an Ed25519 key in Base64 or hexadecimal digits";
        reader.report().error(&reader.at("publicKey"), message);
    }
    key
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// So many bytes, written in Base64 (of either alphabet) or in hexadecimal digits.
pub(crate) fn bytes_of<const COUNT: usize>(text: &str) -> Option<[u8; COUNT]> {
    let text = text.trim();
    let bytes = if text.len() == 2 * COUNT && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        let digits = (0..COUNT).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16));
        digits.collect::<Result<Vec<u8>, _>>().ok()?
    } else {
        let url_safe = || URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
        STANDARD.decode(text).or_else(|_| url_safe()).ok()?
    };
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::finding::{Lines, Report};

    fn check(json: &str, findings: &[&str]) -> Vec<RemoteCatalog> {
        let object = serde_json::from_str(json).expect("an object");
        let report = Report::top();
        let catalogs = RemoteCatalog::read_all(&mut Reader::new(&object, "", &report));
        let told = report.into_findings(&Lines::default());
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told, findings, "{json}");
        catalogs
    }

    #[test]
    fn a_key_asks_for_signatures() {
        let key = STANDARD.encode([7; 32]);
        let catalogs = check(
            &format!(
                r#"{{"catalogs": [
                    {{"url": "https://a.example/c.json?token=x", "publicKey": "{key}"}},
                    {{"url": "https://b.example", "publicKey": "{}", "requireSignature": false}},
                    {{"url": "http://127.0.0.1:8000/c"}},
                    {{"url": "http://[::1]/c", "requireSignature": false}}
                ]}}"#,
                "07".repeat(32)
            ),
            &[],
        );
        let key = PublicKey([7; 32]);
        let found: Vec<_> = catalogs
            .iter()
            .map(|it| (it.name.as_str(), it.public_key.as_ref(), it.require_signature))
            .collect();
        let expected = [
            ("a.example/c.json", Some(&key), true),
            ("b.example/", Some(&key), false),
            ("127.0.0.1/c", None, false),
            ("[::1]/c", None, false),
        ];
        assert_eq!(found, expected);
        assert!(!format!("{catalogs:?}").contains("token=x"));
        assert_eq!(check("{}", &[]), []);
    }

    #[test]
    fn faults_are_told() {
        const URL: &str = "`url` is not a URL that begins with `https://` (or `http://` on this machine) and names a host";
        check(
            r#"{"catalogs": [{"url": "http://a.example/"}, {"url": "ftp://a"}, {"url": "a"}, 1, {}]}"#,
            &[
                &format!("`/catalogs/0/url`: {URL}"),
                &format!("`/catalogs/1/url`: {URL}"),
                &format!("`/catalogs/2/url`: {URL}"),
                "`/catalogs/3`: item 3 of `catalogs` must be an object",
                "`/catalogs/4`: `url` is missing",
            ],
        );
        check(
            r#"{"catalogs": [{"url": "https://a", "requireSignature": true, "publickey": "x"}, {"url": "https://b", "publicKey": "AAAA"}, {"url": "https://b/"}]}"#,
            &[
                "`/catalogs/0/requireSignature`: `requireSignature` needs `publicKey`, by which signatures are verified",
                "`/catalogs/0/publickey`: unknown key `publickey`; did you mean `publicKey`?",
                "`/catalogs/1/publicKey`: `publicKey` is not the 32 bytes of an Ed25519 key in Base64 or hexadecimal digits",
                "`/catalogs/2`: this catalog stands twice in the list; keep one",
            ],
        );
        check(
            r#"{"catalogs": {}}"#,
            &["`/catalogs`: `catalogs` must be a list of objects, not an object"],
        );
    }

    #[test]
    fn bytes_are_read_in_either_way() {
        let check = |text: &str, expected: Option<[u8; 3]>| assert_eq!(bytes_of(text), expected);
        check("fffefd", Some([255, 254, 253]));
        check("//79", Some([255, 254, 253]));
        check("__79", Some([255, 254, 253]));
        check(" //79\n", Some([255, 254, 253]));
        for text in ["", "//7", "//79//79", "éé", "fffefg"] {
            check(text, None);
        }
    }
}
