//! What a login makes secret shows nowhere, whichever way the login goes and whatever servers repeat: not on stdout or stderr,
//! not in a log, a file, an answer, nor in what other users see of processes.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{
    Bridge, Client, Hostile, Issuer, Output, PATIENCE, PLANTED, Request, Says, UPSTREAM, browse,
    converse_in, descendants, http_call, is_error, run_in, told_by_proc,
};

/// How secrets end: with what JSON, forms and URLs spell in other ways.
const ENDING: &str = "/x+y==";
/// What commands print, in all their ways of printing.
const COMMANDS: [&[&str]; 9] = [
    &["servers", "--debug"],
    &["servers", "--json"],
    &["tools", "--json", "-v"],
    &["call", "one", "echo", "--debug"],
    &["call", "one", "echo", "--json"],
    &["doctor", "--json", "--debug"],
    &["doctor"],
    &["auth", "status", "--debug"],
    &["auth", "status", "--json", "--debug", "--log-file", "command.log"],
];

/// Servers that repeat the `Authorization` header, and whether the call fails of it.
const HOSTILE: [(&str, Hostile, bool); 15] = [
    ("an error", |request, reply| reply.json(&error(request, &sent(request))), true),
    (
        "an error with slashes escaped",
        |request, reply| {
            let text = error(request, &sent(request)).to_string().replace('/', "\\/");
            reply.send(200, &[("Content-Type", "application/json")], &text)
        },
        true,
    ),
    (
        "an error with a URL",
        |request, reply| {
            let sent = sent(request);
            let said: String = url::form_urlencoded::byte_serialize(sent.as_bytes()).collect();
            reply.json(&error(request, &said))
        },
        true,
    ),
    (
        "a failed tool",
        |request, reply| {
            let said =
                json!({"content": [{"type": "text", "text": sent(request)}], "isError": true});
            reply.json(&request.result(&said))
        },
        true,
    ),
    (
        "notifications",
        |request, reply| {
            let data = json!({"level": "error", "logger": sent(request), "data": sent(request)});
            reply.events();
            for method in
                ["notifications/message".to_owned(), format!("notifications/{}", token(request))]
            {
                reply.event("", &json!({"jsonrpc": "2.0", "method": method, "params": data}));
            }
            reply.event("", &json!({"jsonrpc": "2.0", "id": sent(request), "result": {}}));
            reply.event(
                "",
                &json!({"jsonrpc": "2.0", "id": token(request), "method": token(request)}),
            );
            reply.event("", &request.says("done"));
            reply.end()
        },
        false,
    ),
    ("a status", |request, reply| reply.send(500, &[], &sent(request)), true),
    ("a refusal", |request, reply| reply.send(403, &[], &sent(request)), true),
    (
        "a refusal as JSON",
        |request, reply| {
            let json = [("Content-Type", "application/json")];
            reply.send(403, &json, &error(request, &sent(request)).to_string())
        },
        true,
    ),
    (
        "scopes",
        |request, reply| {
            let token = token(request);
            let challenge = format!(r#"Bearer error="insufficient_scope", scope="{token} write""#);
            reply.send(403, &[("WWW-Authenticate", &challenge)], "")
        },
        true,
    ),
    (
        "a challenge",
        |request, reply| {
            let token = token(request);
            let challenge = format!(
                r#"Bearer error="{token}", error_description="{token}", resource_metadata="http://{token}.example/{token}""#
            );
            reply.send(401, &[("WWW-Authenticate", &challenge)], &sent(request))
        },
        true,
    ),
    (
        "a place",
        |request, reply| {
            let token = token(request);
            // The name of a host has no such ending.
            let host = if token.ends_with(ENDING) { "moved" } else { &token };
            reply.send(302, &[("Location", &format!("https://{host}.example/{token}"))], "")
        },
        true,
    ),
    ("a type", |request, reply| reply.send(200, &[("Content-Type", &sent(request))], ""), true),
    (
        "broken JSON",
        |request, reply| {
            let text = format!(r#"{{"jsonrpc": "2.0", "{}": {}"#, sent(request), sent(request));
            reply.send(200, &[("Content-Type", "application/json")], &text)
        },
        true,
    ),
    (
        "a broken stream",
        |request, reply| {
            reply.events();
            reply.piece(&format!(
                "event: {}\nid: {}\ndata: {}\n\n",
                sent(request),
                sent(request),
                sent(request)
            ));
            reply.end()
        },
        true,
    ),
    (
        "an odd length",
        |request, reply| {
            reply.head(
                200,
                &[("Content-Type", "application/json")],
                &format!("Content-Length: {}\r\n", token(request)),
            );
            reply.cut()
        },
        true,
    ),
];

/// Servers that say it when a session begins.
const HOSTILE_STARTS: [Hostile; 5] = [
    |request, reply| reply.json(&error(request, &sent(request))),
    |request, reply| {
        let said = json!({"protocolVersion": sent(request), "capabilities": {}, "serverInfo": {"name": "x", "version": "1"}});
        reply.json(&request.result(&said))
    },
    |request, reply| {
        let said = json!({"protocolVersion": request.body["params"]["protocolVersion"], "capabilities": sent(request)});
        reply.json(&request.result(&said))
    },
    |request, reply| {
        let revision = format!("2024 {}", sent(request));
        let said = json!({"protocolVersion": revision, "capabilities": {}, "serverInfo": {"name": "x", "version": "1"}});
        request.is("initialize") && reply.json(&request.result(&said))
    },
    |request, reply| {
        request.is("tools/list") && reply.json(&request.result(&json!({"tools": sent(request)})))
    },
];

/// Token endpoints that repeat what they were sent.
const TOKEN_ENDPOINTS: [Says; 9] = [
    |request| {
        (400, json!({"error": "invalid_grant", "error_description": all(request)}).to_string())
    },
    |request| (400, json!({"error": all(request), "error_description": "no"}).to_string()),
    |request| {
        (
            400,
            json!({"error": "server_error", "error_uri": all(request), "more": all(request)})
                .to_string(),
        )
    },
    |request| (500, format!("<html>{}", all(request))),
    |request| {
        (
            200,
            format!(
                r#"{{"access_token": "{PLANTED}broken", "token_type": "Bearer", "x": {}"#,
                all(request)
            ),
        )
    },
    |request| (200, json!({"access_token": [all(request)], "token_type": "Bearer"}).to_string()),
    |request| (200, json!({"access_token": "planted-x", "token_type": all(request)}).to_string()),
    |request| {
        (200, json!({"access_token": "planted-x", "token_type": "Bearer", "expires_in": all(request)}).to_string())
    },
    |request| {
        (
            200,
            json!({"access_token": format!("planted x {}", all(request)), "token_type": "Bearer"})
                .to_string(),
        )
    },
];

fn sent(request: &Request) -> String {
    request.header("authorization").unwrap_or_default().to_owned()
}

fn token(request: &Request) -> String {
    sent(request).trim_start_matches("Bearer ").to_owned()
}

/// Everything in a request for a token: as a form, as it is, and the header.
fn all(request: &Request) -> String {
    let fields = url::form_urlencoded::parse(request.text.as_bytes());
    let plain: Vec<String> = fields.map(|(_, value)| value.into_owned()).collect();
    format!("{} {} {}", sent(request), plain.join(" "), request.text)
}

fn error(request: &Request, said: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": request.body["id"], "error": {"code": -32000, "message": said, "data": {"sent": said}}})
}

/// What can be seen, and where.
#[derive(Default)]
struct Seen(Vec<(String, String)>);

impl Seen {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    fn output(&mut self, place: &str, output: Output) {
        self.add(format!("stdout of {place}"), output.stdout);
        self.add(format!("stderr of {place}"), output.stderr);
    }

    /// Runs commands beside whatever runs in this home folder.
    fn commands(&mut self, commands: &[&[&str]], run: impl Fn(&[&str]) -> Output) {
        for command in commands {
            self.output(&format!("{command:?}"), run(command));
        }
    }

    /// Every file below the folder but those that secrets belong in.
    fn files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "tokens" {
                    self.files(&path);
                }
            } else if name != ".env" && !name.to_string_lossy().contains('@') {
                let text = fs::read(&path).expect("it can be read");
                self.add(path.display().to_string(), String::from_utf8_lossy(&text));
            }
        }
    }

    /// What other processes see of the bridge and of its children; `named` is the one variable that may hold a token.
    fn processes(&mut self, client: &Client, named: &str) {
        let bridge = client.pid();
        let children = descendants(bridge).into_iter().map(|(child, _)| child);
        for process in children.chain([bridge]) {
            self.add(format!("the arguments of {process}"), told_by_proc(process, "cmdline"));
            let variables = told_by_proc(process, "environ");
            let other = variables.split('\0').filter(|variable| !variable.starts_with(named));
            let other = if process == bridge { variables.clone() } else { other.collect() };
            self.add(format!("the environment of {process}"), other);
        }
    }

    #[track_caller]
    fn assert_clean(&self, issuer: &Issuer) {
        let planted = planted(issuer);
        let mut found = Vec::new();
        for (place, text) in &self.0 {
            let Some(secret) = trace(text, &planted) else { continue };
            let at = text.find(secret).expect("it was found");
            let before: String = text[..at].chars().rev().take(120).collect();
            let before: String = before.chars().rev().collect();
            let after: String = text[at..].chars().take(120).collect();
            found.push(format!("in {place}: …{before}{after}…"));
        }
        assert!(found.is_empty(), "secrets show\n{}", found.join("\n"));
    }
}

/// What to look for: how all secrets begin, as it is and inside of Base64, and proofs that nobody planted.
fn planted(issuer: &Issuer) -> Vec<String> {
    let encoded = (0..3).map(|before| {
        let text = STANDARD.encode(["x".repeat(before), PLANTED.to_owned()].concat());
        // The letters at both ends have bits of what stands beside it.
        text[(before * 4).div_ceil(3)..(before + PLANTED.len()) * 4 / 3].to_owned()
    });
    encoded.chain([PLANTED.to_owned()]).chain(issuer.proofs()).collect()
}

fn trace<'a>(text: &str, planted: &'a [String]) -> Option<&'a String> {
    planted.iter().find(|secret| text.contains(&***secret))
}

/// Whether a file below this folder holds a secret.
fn holds_secrets(folder: &Path, issuer: &Issuer) -> bool {
    let planted = planted(issuer);
    let mut files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.any(|file| {
        fs::read_to_string(file.path()).is_ok_and(|text| trace(&text, &planted).is_some())
    })
}

fn issuer() -> Issuer {
    let issuer = Issuer::start();
    issuer.state().ending = ENDING;
    issuer.state().gives_secrets = true;
    issuer
}

/// Logs in with a browser, or tries to.
fn with_browser(home: &Path) -> Output {
    let mut page = None;
    let args = ["auth", "login", "one", "--no-browser", "--debug"];
    converse_in(home, &[], &args, |screen| {
        let whole = screen.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let url = whole.lines().find(|line| line.starts_with("http"));
        if page.is_none() {
            page = url.map(browse);
        }
        None
    })
}

/// Has everything said that a server can say, with a login that `login` makes anew where it is gone.
fn try_everything(bridge: Bridge, issuer: &Issuer, login: impl Fn(&Path) -> Option<Output>) {
    let mut seen = Seen::default();
    bridge.write();
    let log_in = |home: &Path, seen: &mut Seen| {
        if let Some(output) = login(home) {
            seen.output("a login", output.expect(0));
        }
    };
    log_in(bridge.home(), &mut seen);
    seen.commands(&COMMANDS, |command| bridge.run(command));
    let has_login = bridge.path("tokens").exists();
    let mut client =
        bridge.args(&["--debug"]).set("routerConnectErrorCooldownMs", 0).serve_initialized();
    let home = client.path("");
    assert!(!is_error(&client.call("one", "echo", json!({}))), "the login is good");
    seen.processes(&client, "nothing=");
    for (what, hostile, fails) in HOSTILE {
        issuer.state().hostile = Some(hostile);
        let result = client.call("one", "echo", json!({"message": what}));
        assert_eq!(is_error(&result), fails, "{what}: {result}");
        seen.add(format!("the answer to {what}"), result.to_string());
        let status = client.mcp(&json!({"action": "status"}));
        seen.add(format!("the status after {what}"), status.to_string());
        seen.add(format!("what came beside {what}"), json!(client.drain()).to_string());
        issuer.state().hostile = None;
    }
    for hostile in HOSTILE_STARTS {
        issuer.state().hostile = Some(hostile);
        seen.commands(&COMMANDS, |command| client.run_beside(command));
        issuer.state().hostile = None;
    }
    if has_login {
        assert!(holds_secrets(&home.join("tokens"), issuer), "tokens are kept");
        for says in TOKEN_ENDPOINTS {
            issuer.state().says = Some(says);
            issuer.expire();
            let result = client.call("one", "echo", json!({}));
            assert!(is_error(&result), "{result}");
            seen.add("the answer without a token", result.to_string());
            seen.add(
                "the status without a token",
                client.mcp(&json!({"action": "status"})).to_string(),
            );
            seen.commands(&COMMANDS[4..], |command| client.run_beside(command));
            seen.output(
                "a login that fails",
                login(&home)
                    .unwrap_or_else(|| client.run_beside(&["auth", "login", "one", "--debug"])),
            );
            issuer.state().says = None;
            log_in(&home, &mut seen);
            issuer.expire();
            let result = client.call("one", "echo", json!({}));
            assert!(!is_error(&result), "{result}");
        }
        seen.output("a logout", client.run_beside(&["auth", "logout", "one", "--debug"]));
    }
    client.close_stdin();
    seen.add("the last messages", json!(client.rest()).to_string());
    seen.add("the log", client.stderr_text());
    assert!(client.stderr_text().contains("***"), "what servers repeat is logged without it");
    seen.files(&home);
    seen.assert_clean(issuer);
}

/// The entry of a server over HTTP, with the secret of `.env`.
fn with_secret(issuer: &Issuer, auth: &Value) -> Bridge {
    let secret = format!("{PLANTED}key{ENDING}");
    issuer.admit(&secret);
    Bridge::new()
        .entry("one", json!({"url": issuer.url("/mcp"), "auth": auth}))
        .file(".env", &format!("SECRET={secret}\n"))
}

#[test]
fn a_key_of_the_config_shows_nowhere() {
    for auth in [
        json!({"type": "bearer", "token": "${SECRET}"}),
        json!({"type": "header", "headers": {"Authorization": "Bearer ${SECRET}"}}),
    ] {
        let issuer = issuer();
        try_everything(with_secret(&issuer, &auth), &issuer, |_| None);
    }
}

#[test]
fn a_login_with_the_browser_shows_nothing_secret() {
    let issuer = issuer();
    let bridge = Bridge::new().entry("one", issuer.entry());
    try_everything(bridge, &issuer, |home| Some(with_browser(home)));
    // The verifiers are among what was looked for.
    assert!(issuer.proofs().len() > 1);
}

#[test]
fn a_login_by_code_shows_nothing_secret() {
    let issuer = issuer();
    let bridge = Bridge::new().entry("one", issuer.entry());
    try_everything(bridge, &issuer, |home| {
        Some(run_in(home, &["auth", "login", "one", "--device", "--debug"]))
    });
}

#[test]
fn a_secret_of_the_bridge_itself_shows_nowhere() {
    let issuer = issuer();
    let auth = json!({
        "type": "oauth2", "grantType": "client_credentials", "clientId": "c",
        "clientSecret": "${SECRET}", "scopes": ["read"],
    });
    let bridge = with_secret(&issuer, &auth);
    try_everything(bridge, &issuer, |_| None);
    assert!(!issuer.proofs().is_empty());
}

/// The entry of a process that has the token in a variable and in a file, and how both are called.
fn child(issuer: &Issuer) -> Bridge {
    let secret = format!("{PLANTED}key{ENDING}");
    let entry = json!({
        "command": UPSTREAM, "args": [], "oauth2EnvBinding": "ITS_TOKEN",
        "oauth2CredentialsFile": {"format": "google-workspace"},
        "env": {"USER_GOOGLE_EMAIL": "me@example.com"},
        "auth": {
            "type": "oauth2", "grantType": "client_credentials", "clientId": "c",
            "clientSecret": "${SECRET}", "tokenUrl": issuer.url("/token"), "scopes": ["read"],
        },
    });
    Bridge::new()
        .entry("one", entry)
        .server("other", &[])
        .file(".env", &format!("SECRET={secret}\n"))
}

#[test]
fn a_process_with_a_token_shows_it_to_nobody() {
    let issuer = issuer();
    let mut client = child(&issuer).args(&["--debug"]).serve_initialized();
    let mut seen = Seen::default();
    client.assert_echo("one");
    client.assert_echo("other");
    // What is looked for is found where it belongs.
    let holders = descendants(client.pid()).into_iter().map(|(child, _)| child).filter(|process| {
        told_by_proc(*process, "environ").contains(&format!("ITS_TOKEN={PLANTED}access-1{ENDING}"))
    });
    assert_eq!(holders.count(), 1);
    assert!(holds_secrets(&client.path("tokens"), &issuer));
    assert!(holds_secrets(&client.path("config/one"), &issuer));
    seen.processes(&client, "ITS_TOKEN=");
    let token = format!("{PLANTED}access-1{ENDING}");
    for spelling in [token.clone(), token.replace('/', "\\/")] {
        for place in ["stderr", "junk", "log", "error"] {
            let said = json!({"where": place, "text": format!("Bearer {spelling}")});
            let result = client.call("one", "leak", said);
            seen.add(format!("the answer after {place}"), result.to_string());
            let status = client.mcp(&json!({"action": "status"}));
            seen.add(format!("the status after {place}"), status.to_string());
            seen.add(format!("what came beside {place}"), json!(client.drain()).to_string());
        }
    }
    seen.commands(&COMMANDS, |command| client.run_beside(command));
    client.close_stdin();
    seen.add("the last messages", json!(client.rest()).to_string());
    client.wait_exit(PATIENCE);
    let log = client.stderr_text();
    assert!(log.contains("Bearer ***"), "{log}");
    seen.add("the log", log);
    seen.files(&client.path(""));
    seen.assert_clean(&issuer);
}

#[test]
fn a_bridge_that_serves_many_shows_nothing_secret() {
    let issuer = issuer();
    let bridge = Bridge::new()
        .entry("one", issuer.entry())
        .set("routerConnectErrorCooldownMs", 0)
        .args(&["--debug", "--log-file", "bridge.log"]);
    bridge.write();
    let mut seen = Seen::default();
    seen.output("a login", with_browser(bridge.home()).expect(0));
    let server = bridge.serve_http(&["--http", "--sse"]);
    let mut session = server.session("2025-11-25");
    for (what, hostile, _) in HOSTILE {
        issuer.state().hostile = Some(hostile);
        let reply = session.request("tools/call", &http_call("echo", &json!({}), None));
        seen.add(format!("the answer to {what}"), reply.body());
        let status = json!({"name": "mcp", "arguments": {"action": "status"}});
        let reply = session.request("tools/call", &status);
        seen.add(format!("the status after {what}"), reply.body());
        issuer.state().hostile = None;
    }
    for path in ["/", "/health", "/healthz", "/status", "/metrics", "/mcp"] {
        seen.add(path, server.send(&format!("GET {path}"), &[], b"").body());
    }
    seen.add("stderr", server.stderr_text());
    let log = fs::read_to_string(server.path("bridge.log")).expect("there is a log");
    assert!(log.contains("***"), "what servers repeat is logged without it: {log}");
    seen.files(&server.path(""));
    seen.assert_clean(&issuer);
}

#[test]
fn what_is_looked_for_is_found_where_it_is() {
    let issuer = issuer();
    let planted = planted(&issuer);
    for client in ["c", "cl", "cli"] {
        let proof = STANDARD.encode(format!("{client}:{PLANTED}secret{ENDING}"));
        assert!(trace(&proof, &planted).is_some(), "{proof}");
    }
    assert!(trace(&format!("x{PLANTED}"), &planted).is_some());
    assert!(trace("nothing", &planted).is_none());
}
