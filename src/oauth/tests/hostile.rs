//! What servers may say that is not used, each with an error of its own.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::json;
use url::Url;

use super::site::{Answer, Asked, Site, by_browser};
use crate::oauth::{Discovery, FetchError, Fetcher, Policy};

const HERE: Policy = Policy { allow_private: false, allow_loopback: true };

/// A server and its authorization server, with one thing that is different.
fn honest(asked: &Asked, key: &str, value: &serde_json::Value) -> Answer {
    let site = &asked.site;
    let mut said = match asked.target.as_str() {
        "/.well-known/oauth-protected-resource/mcp" => {
            json!({ "resource": format!("{site}/mcp"), "authorization_servers": [site] })
        }
        "/.well-known/oauth-authorization-server" => json!({
            "issuer": site,
            "token_endpoint": format!("{site}/token"),
            "authorization_endpoint": format!("{site}/authorize"),
            "code_challenge_methods_supported": ["S256"],
        }),
        "/mcp" => return Answer::new(401, "", ""),
        _ => return Answer::nothing(),
    };
    if said.get(key).is_some() || key.ends_with("_endpoint") && said.get("issuer").is_some() {
        said[key] = value.clone();
    }
    Answer::json(&said)
}

async fn discover(site: &Site, challenge: Option<&str>) -> String {
    let url = Url::parse(&format!("{}/mcp", site.url)).expect("a URL");
    match Discovery::run(&Fetcher::new(HERE), &url, challenge).await {
        Ok(found) => found.metadata.token.to_string(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn hostile_metadata_are_refused_each_in_its_own_words() {
    let mut told = BTreeSet::new();
    let cases = [
        ("token_endpoint", json!("javascript:alert"), "`token_endpoint` is a `javascript:` URL"),
        ("authorization_endpoint", json!("file:///etc/passwd"), "is a `file:` URL"),
        ("authorization_endpoint", json!("https://a.example/$(id)"), "has the character '$'"),
        ("authorization_endpoint", json!("https://a.example/`id`"), "has the character '`'"),
        ("authorization_endpoint", json!("https://a.example/\";id"), "has the character '\"'"),
        ("authorization_endpoint", json!("https://a.example/a\nb"), "has the character '\\n'"),
        ("registration_endpoint", json!("--flag"), "`registration_endpoint` is no URL"),
        ("token_endpoint", json!("http://a.example/"), "is a `http:` URL"),
        ("token_endpoint", json!("https://169.254.169.254/"), "a link-local address"),
        ("token_endpoint", json!("https://[::ffff:127.0.0.1]/"), "an IPv4 address inside an IPv6"),
        ("token_endpoint", json!("https://0x7f000001/"), "in a way that hides it"),
        ("token_endpoint", json!("https://10.1.2.3/"), "set `auth.allowPrivateAddresses` to true"),
        ("token_endpoint", json!(7), "cannot be read: invalid type"),
        (
            "authorization_servers",
            json!(["https://169.254.169.254"]),
            "`authorization_servers`: `169.254.169.254` is",
        ),
        ("resource", json!("https://other.example/mcp"), "those of `https://other.example/mcp`"),
        ("issuer", json!("https://other.example"), "name the issuer `https://other.example`"),
    ];
    for (key, value, expected) in cases {
        let case = value.clone();
        let site = Site::new(move |asked| honest(asked, key, &case)).await;
        let error = discover(&site, None).await;
        assert!(error.contains(expected), "{key} {value}: {error}");
        assert!(told.insert(error.replace(&site.url, "")), "said twice: {error}");
    }
    // Nobody needs what is for later to log in.
    for later in [json!(null), json!(5), json!("file:///x"), json!("https://10.0.0.1/revoke")] {
        let site = Site::new(move |asked| honest(asked, "revocation_endpoint", &later)).await;
        assert_eq!(discover(&site, None).await, format!("{}/token", site.url));
    }
}

#[tokio::test]
async fn a_server_is_asked_as_a_client_asks_and_as_a_browser_does() {
    let check = async |method: &'static str| {
        let site = Site::new(move |asked| match asked.target.as_str() {
            "/mcp" if asked.head.starts_with(method) => {
                let challenge = format!(
                    "WWW-Authenticate: Bearer resource_metadata=\"{}/metadata\", scope=\"read\"\r\n",
                    asked.site
                );
                Answer::new(401, &challenge, "")
            }
            "/metadata" => Answer::json(&json!({
                "resource": format!("{}/mcp", asked.site), "authorization_servers": [asked.site],
            })),
            "/.well-known/oauth-authorization-server" => honest(asked, "", &json!("")),
            _ => Answer::new(405, "", ""),
        });
        let site = site.await;
        let url = Url::parse(&format!("{}/mcp", site.url)).expect("a URL");
        let found = Discovery::run(&Fetcher::new(HERE), &url, None).await;
        assert_eq!(found.expect("it says where").scopes, ["read"], "{method}");
        site.all("/mcp")
    };
    let asked = check("POST ").await;
    let question: serde_json::Value = serde_json::from_str(&asked[0].body).expect("JSON");
    assert_eq!((asked.len(), &question["method"]), (1, &json!("tools/list")));
    let head = asked[0].head.to_ascii_lowercase();
    assert!(head.contains("mcp-method: tools/list"), "{head}");
    assert_eq!(check("GET ").await.len(), 2);
}

#[tokio::test]
async fn challenges_lead_to_no_other_address() {
    let site = Site::new(|asked| honest(asked, "", &json!(""))).await;
    for (place, expected) in [
        ("https://169.254.169.254/x", "`resource_metadata`: `169.254.169.254` is"),
        ("file:///etc/passwd", "`resource_metadata` is a `file:` URL"),
        ("http://a.example/", "`resource_metadata` is a `http:` URL"),
    ] {
        let challenge = format!("Bearer resource_metadata=\"{place}\"");
        let error = discover(&site, Some(&challenge)).await;
        assert!(error.contains(expected), "{place}: {error}");
    }
    assert_eq!(site.count("/mcp"), 0);
}

#[tokio::test]
async fn documents_are_small_and_not_far_away() {
    let at = "/.well-known/oauth-protected-resource/mcp";
    let check = async |headers: &'static str, body: usize, expected: &str| {
        let status = if headers.is_empty() { 200 } else { 302 };
        let site = Site::new(move |asked| match &asked.target {
            path if path == at => Answer::new(status, headers, " ".repeat(body)),
            _ => Answer::nothing(),
        });
        let site = site.await;
        let error = discover(&site, Some("Bearer")).await;
        assert!(error.contains(expected), "{headers}: {error}");
        site.count(at)
    };
    let circle = "Location: /.well-known/oauth-protected-resource/mcp\r\n";
    assert_eq!(check(circle, 0, "redirects more than 3 times").await, 4);
    assert_eq!(
        check("Location: file:///etc/passwd\r\n", 0, "`Location` is a `file:` URL").await,
        1
    );
    check("Location: https://169.254.169.254/\r\n", 0, "a link-local address").await;
    check("Location: http://[::ffff:7f00:1]/\r\n", 0, "must not: `Location` is a `http:` URL")
        .await;
    check("", 10_000_000, "more than 262144 bytes").await;
}

#[tokio::test]
async fn names_lead_to_checked_addresses_only() {
    let site = Site::new(|_| Answer::json(&json!({}))).await;
    let port = Url::parse(&site.url).expect("a URL").port().expect("it has one");
    let check = async |policy: Policy, found: &[&str], expected: Option<&str>| {
        let addresses: Vec<IpAddr> =
            found.iter().map(|text| text.parse().expect("an address")).collect();
        let fetcher = Fetcher::with_lookup(policy, move |_| {
            let addresses = addresses.clone();
            Box::pin(async move { Ok(addresses) })
        });
        let url = Url::parse(&format!("http://rebind.example:{port}/")).expect("a URL");
        let answered = fetcher.document(&url).await;
        match expected {
            Some(expected) => {
                let error = answered.expect_err("it is refused");
                assert!(matches!(error, FetchError::Address(_)), "{error:?}");
                assert!(error.to_string().contains(expected), "{error}");
            }
            None => assert!(answered.is_ok(), "{answered:?}"),
        }
    };
    check(HERE, &["127.0.0.1"], Some("`rebind.example` leads to `127.0.0.1`")).await;
    check(HERE, &["8.8.8.8", "127.0.0.1"], Some("leads to `127.0.0.1`")).await;
    check(HERE, &["::ffff:127.0.0.1"], Some("inside an IPv6 address")).await;
    check(HERE, &["169.254.169.254"], Some("never asked")).await;
    assert_eq!(site.count("/"), 0, "nobody was connected to");
    // Only now is somebody there: what is looked up is what is connected to.
    check(Policy { allow_private: true, ..HERE }, &["127.0.0.1"], None).await;
    assert_eq!(site.count("/"), 1);
}

#[tokio::test]
async fn requests_for_tokens_go_nowhere_else() {
    let site = Site::new(|_| Answer::new(307, "Location: /other\r\n", "")).await;
    let fetcher = Fetcher::new(HERE);
    let mut request = oauth2::HttpRequest::new(Vec::new());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = format!("{}/token", site.url).parse().expect("a URI");
    let error = fetcher.post(request).await.expect_err("it is not followed");
    assert!(matches!(error, FetchError::TokenRedirect { .. }), "{error}");
    assert_eq!((site.count("/token"), site.count("/other")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_for_ever() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let url = Url::parse(&url).expect("a URL");
    let begun = tokio::time::Instant::now();
    let error = Fetcher::new(HERE).document(&url).await.expect_err("nobody answers");
    assert!(matches!(error, FetchError::Late { .. }), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[test]
fn this_machine_is_asked_for_servers_that_are_there() {
    let check = |url: &str, expected: bool| {
        let mut account = account_at(url);
        assert_eq!(account.policy().allow_loopback, expected, "{url}");
        account.login.allow_private_addresses = true;
        assert!(account.policy().allow_private);
    };
    check("http://127.0.0.1:8000/mcp", true);
    check("http://localhost/mcp", true);
    check("https://mcp.example/mcp", false);
    check("https://10.0.0.1/mcp", false);
}

fn account_at(url: &str) -> crate::oauth::Account {
    let login = crate::config::OAuth2 {
        grant: by_browser(),
        scopes: Vec::new(),
        revocation_url: None,
        allow_private_addresses: false,
    };
    let resource = Some(Url::parse(url).expect("a URL"));
    crate::oauth::Account { server: "web".to_owned(), resource, login }
}
