//! An authorization server and a protected MCP server on one port of this machine. Whoever comes to `/authorize` is logged
//! in at once, each time as somebody else. All that it hands out in secret begins with `PLANTED`, so that it can be looked
//! for.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Position, Url, form_urlencoded};

use super::{Reply, Request, Web};

/// What every code, token and client secret begins with.
pub(crate) const PLANTED: &str = "planted-";

/// One that runs until the test ends.
pub(crate) struct Issuer {
    web: Web,
    state: Arc<Mutex<State>>,
}

/// What it knows, and how it behaves.
pub(crate) struct State {
    /// How long access tokens are good for, in seconds.
    pub(crate) lifetime: u64,
    /// Whether clients can register themselves.
    pub(crate) registers: bool,
    /// What a token has to be good for at the MCP server.
    pub(crate) needs: Option<&'static str>,
    /// How often a device is told to wait before it is let in.
    pub(crate) pending: usize,
    /// What the token endpoint refuses everything with.
    pub(crate) refuses: Option<&'static str>,
    /// With what status tokens are revoked, if they are.
    pub(crate) revokes: Option<u16>,
    /// What the token endpoint says in place of everything else: a status and a body.
    pub(crate) says: Option<Says>,
    /// What the MCP server does with those that it lets in.
    pub(crate) hostile: Option<Hostile>,
    /// Whether clients that register themselves get a secret.
    pub(crate) gives_secrets: bool,
    /// Whether tokens are good for whatever is asked for.
    pub(crate) gives_scopes: bool,
    /// How it is reached.
    pub(crate) scheme: &'static str,
    /// How everything that is handed out in secret ends.
    pub(crate) ending: &'static str,
    codes: HashMap<String, Login>,
    devices: HashMap<String, Login>,
    access: HashMap<String, Login>,
    refresh: HashMap<String, Login>,
    /// Everything of its kind so far.
    count: usize,
}

/// Who was logged in for whom.
#[derive(Debug, Clone, Default)]
struct Login {
    account: String,
    client: String,
    scope: String,
    redirect: String,
    challenge: String,
}

/// What is said to a request: a status and a body.
pub(crate) type Says = fn(&Request) -> (u16, String);
/// Answers a request and returns true, or leaves it to the plain server.
pub(crate) type Hostile = fn(&Request, &mut Reply) -> bool;

type Fields = HashMap<String, String>;
/// A status and its JSON.
type Said = (u16, Value);

impl Issuer {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            lifetime: 3600,
            registers: true,
            needs: None,
            pending: 0,
            refuses: None,
            revokes: None,
            says: None,
            hostile: None,
            gives_secrets: false,
            gives_scopes: true,
            scheme: "http",
            ending: "",
            codes: HashMap::new(),
            devices: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            count: 0,
        }));
        let kept = state.clone();
        let web = Web::start(move |request, reply| {
            let host = request.header("host").unwrap_or_default().to_owned();
            let mut state = lock(&kept);
            let base = format!("{}://{host}", state.scheme);
            answer(&mut state, &base, request, reply)
        });
        Self { web, state }
    }

    /// How it behaves from here on.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.web.url(path)
    }

    /// Everything that was asked of it so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.web.seen().clone()
    }

    /// Host and port.
    pub(crate) fn host(&self) -> String {
        self.web.host()
    }

    /// The entry of its MCP server, with a login in the browser.
    pub(crate) fn entry(&self) -> Value {
        json!({"url": self.url("/mcp"), "auth": {"type": "oauth2"}})
    }

    /// An entry whose `auth` has these members, too.
    pub(crate) fn entry_with(&self, more: &Value) -> Value {
        let mut entry = self.entry();
        for (name, value) in more.as_object().into_iter().flatten() {
            entry["auth"][name] = value.clone();
        }
        entry
    }

    /// Lets in whoever has this token, too.
    pub(crate) fn admit(&self, token: &str) {
        self.state().access.insert(token.to_owned(), Login::default());
    }

    /// No access token is good any more; refresh tokens still are.
    pub(crate) fn expire(&self) {
        self.state().access.clear();
    }

    /// Nothing is good any more.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.access.clear();
        state.refresh.clear();
    }

    /// How many tokens were asked for in this way.
    pub(crate) fn granted(&self, grant: &str) -> usize {
        let seen = self.web.seen();
        let asked = seen.iter().filter(|request| request.path == "/token");
        asked
            .filter(|request| fields(&request.text).get("grant_type") == Some(&grant.into()))
            .count()
    }

    /// What clients have proven themselves and their codes with: PKCE verifiers, and ids and secrets as the header has them.
    pub(crate) fn proofs(&self) -> Vec<String> {
        let seen = self.web.seen();
        let asked = seen.iter().filter(|request| request.path == "/token");
        asked
            .flat_map(|request| {
                let basic = request.header("authorization");
                let basic = basic.and_then(|value| value.strip_prefix("Basic "));
                [fields(&request.text).remove("code_verifier"), basic.map(str::to_owned)]
            })
            .flatten()
            .collect()
    }

    /// How many tokens are good at this moment.
    pub(crate) fn good(&self) -> usize {
        let state = self.state();
        state.access.len() + state.refresh.len()
    }

    /// How many clients have registered themselves.
    pub(crate) fn registered(&self) -> usize {
        self.web.seen().iter().filter(|request| request.path == "/register").count()
    }
}

/// What a browser does with a URL: it goes where it is sent, and shows what is there at last.
pub(crate) fn browse(url: &str) -> String {
    let mut url = url.to_owned();
    loop {
        match get(&url) {
            (Some(location), _) => url = location,
            (None, answer) => return answer,
        }
    }
}

/// Where a browser is sent from a URL.
pub(crate) fn redirect_of(url: &str) -> String {
    get(url).0.expect("it is sent elsewhere")
}

/// Where an answer sends the browser, and the answer itself.
fn get(url: &str) -> (Option<String>, String) {
    let url = Url::parse(url).expect("a URL");
    let host = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let mut stream = TcpStream::connect(&host).expect("somebody listens");
    let path = &url[Position::BeforePath..Position::AfterQuery];
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        .expect("it is taken");
    let mut answer = String::new();
    read_answer(&mut stream, &mut answer);
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let location = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"));
    let location = location.map(|(_, to)| url.join(to).expect("a URL").to_string());
    (location, answer)
}

/// Reads until there is a whole answer, whether the other side closes the connection or not.
fn read_answer(stream: &mut TcpStream, answer: &mut String) {
    let mut bytes = [0; 4096];
    loop {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let whole = length.and_then(|(_, length)| length.parse().ok());
        if whole.is_some_and(|whole: usize| answer.contains("\r\n\r\n") && body.len() >= whole) {
            return;
        }
        match stream.read(&mut bytes) {
            Ok(count @ 1..) => answer.push_str(&String::from_utf8_lossy(&bytes[..count])),
            _ => return,
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fields(text: &str) -> Fields {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn answer(state: &mut State, base: &str, request: &Request, reply: &mut Reply) -> bool {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let (status, body) = match path {
        "/.well-known/oauth-protected-resource/mcp" => (
            200,
            json!({
                "resource": format!("{base}/mcp"),
                "authorization_servers": [base],
                "scopes_supported": ["read"],
            }),
        ),
        "/.well-known/oauth-authorization-server" => (200, state.metadata(base)),
        "/register" if state.registers => {
            let mut body = request.body.clone();
            if state.gives_secrets {
                body["client_secret"] = state.planted("secret").into();
                body["token_endpoint_auth_method"] = "client_secret_basic".into();
            }
            body["client_id"] = format!("client-{}", state.next()).into();
            (201, body)
        }
        "/authorize" => return state.authorize(base, &fields(query), reply),
        "/device" => state.device(base, &fields(&request.text)),
        "/revoke" => {
            let token = fields(&request.text).remove("token").unwrap_or_default();
            let status = state.revokes.unwrap_or(404);
            if status == 200 {
                state.access.remove(&token);
                state.refresh.remove(&token);
            }
            return reply.send(status, &[], &token);
        }
        "/token" if state.says.is_some() => {
            let (status, body) = state.says.expect("it has just been seen")(request);
            return reply.send(status, &[("Content-Type", "application/json")], &body);
        }
        "/token" => state.token(request),
        "/mcp" => return state.protect(base, request, reply),
        _ => (404, Value::Null),
    };
    let json = [("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    reply.send(status, &json, &body.to_string())
}

impl State {
    fn next(&mut self) -> usize {
        self.count += 1;
        self.count
    }

    /// Something secret that was not there before.
    fn planted(&mut self, kind: &str) -> String {
        format!("{PLANTED}{kind}-{}{}", self.next(), self.ending)
    }

    fn metadata(&self, base: &str) -> Value {
        let mut metadata = json!({
            "issuer": base,
            "authorization_endpoint": format!("{base}/authorize"),
            "token_endpoint": format!("{base}/token"),
            "device_authorization_endpoint": format!("{base}/device"),
            "response_types_supported": ["code"],
            "grant_types_supported": [
                "authorization_code", "refresh_token", "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code",
            ],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": true,
        });
        if self.revokes.is_some() {
            metadata["revocation_endpoint"] = format!("{base}/revoke").into();
        }
        if self.registers {
            metadata["registration_endpoint"] = format!("{base}/register").into();
        }
        metadata
    }

    fn authorize(&mut self, base: &str, asked: &Fields, reply: &mut Reply) -> bool {
        let of = |name: &str| asked.get(name).cloned().unwrap_or_default();
        let whole = of("response_type") == "code"
            && of("code_challenge_method") == "S256"
            && !of("state").is_empty()
            && of("resource") == format!("{base}/mcp");
        if !whole {
            return reply.send(400, &[], "something is missing");
        }
        let number = self.next();
        let code = format!("{PLANTED}code-{number}{}", self.ending);
        let login = Login {
            account: format!("user-{number}"),
            client: of("client_id"),
            scope: of("scope"),
            redirect: of("redirect_uri"),
            challenge: of("code_challenge"),
        };
        let mut back = Url::parse(&login.redirect).expect("a URL");
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &of("state"))
            .append_pair("iss", base);
        self.codes.insert(code, login);
        reply.send(302, &[("Location", back.as_str())], "")
    }

    fn device(&mut self, base: &str, asked: &Fields) -> Said {
        let number = self.next();
        let code = format!("{PLANTED}device-{number}{}", self.ending);
        let login = Login {
            account: format!("user-{number}"),
            client: asked.get("client_id").cloned().unwrap_or_default(),
            scope: asked.get("scope").cloned().unwrap_or_default(),
            ..Login::default()
        };
        self.devices.insert(code.clone(), login);
        let said = json!({
            "device_code": code,
            "user_code": "WDJB-MJHT",
            "verification_uri": format!("{base}/activate"),
            "verification_uri_complete": format!("{base}/activate?user_code=WDJB-MJHT"),
            "expires_in": 60,
            "interval": 1,
        });
        (200, said)
    }

    fn token(&mut self, request: &Request) -> Said {
        let asked = fields(&request.text);
        let of = |name: &str| asked.get(name).cloned().unwrap_or_default();
        // It repeats what it was sent, as some do.
        let proof = request.header("authorization").unwrap_or_default();
        let sent = ["code", "refresh_token", "device_code", "client_secret", "code_verifier"];
        let sent = format!("{} {proof}", sent.map(of).concat());
        let refused = |error: &str| {
            (400, json!({"error": error, "error_description": format!("no: {sent}")}))
        };
        if let Some(error) = self.refuses {
            return refused(error);
        }
        let login = match of("grant_type").as_str() {
            "authorization_code" => {
                let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(of("code_verifier").as_bytes()));
                self.codes.remove(&of("code")).filter(|login| {
                    (&login.challenge, &login.redirect) == (&digest, &of("redirect_uri"))
                        && (login.client == of("client_id") || proof.starts_with("Basic "))
                })
            }
            "refresh_token" => self.refresh.remove(&of("refresh_token")),
            "client_credentials" => {
                let known = proof.starts_with("Basic ") || of("client_secret").starts_with(PLANTED);
                known.then(|| Login {
                    account: "machine".to_owned(),
                    scope: of("scope"),
                    ..Login::default()
                })
            }
            "urn:ietf:params:oauth:grant-type:device_code" => {
                if self.pending > 0 {
                    self.pending -= 1;
                    return refused("authorization_pending");
                }
                self.devices.remove(&of("device_code"))
            }
            _ => return refused("unsupported_grant_type"),
        };
        let Some(mut login) = login else { return refused("invalid_grant") };
        if !self.gives_scopes {
            login.scope.clear();
        }
        let number = self.next();
        let access = format!("{PLANTED}access-{number}{}", self.ending);
        self.access.insert(access.clone(), login.clone());
        let mut said = json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "scope": login.scope,
        });
        if of("grant_type") != "client_credentials" {
            let refresh = format!("{PLANTED}refresh-{number}{}", self.ending);
            self.refresh.insert(refresh.clone(), login);
            said["refresh_token"] = refresh.into();
        }
        (200, said)
    }

    /// The MCP server: what it says holds for whose token it is.
    fn protect(&self, base: &str, request: &Request, reply: &mut Reply) -> bool {
        let metadata = format!("{base}/.well-known/oauth-protected-resource/mcp");
        let bearer =
            request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let Some(login) = bearer.and_then(|token| self.access.get(token)) else {
            let why = if bearer.is_some() { r#", error="invalid_token""# } else { "" };
            let challenge = format!(r#"Bearer resource_metadata="{metadata}"{why}"#);
            let said = format!("not let in: {}", bearer.unwrap_or("nobody"));
            return reply.send(401, &[("WWW-Authenticate", &challenge)], &said);
        };
        let is_call = request.is("tools/call");
        if let Some(scope) = self.needs.filter(|scope| is_call && !login.scope.contains(scope)) {
            let challenge = format!(
                r#"Bearer error="insufficient_scope", scope="{scope}", resource_metadata="{metadata}""#
            );
            return reply.send(403, &[("WWW-Authenticate", &challenge)], "");
        }
        if let Some(hostile) = self.hostile.filter(|_| request.method != "GET") {
            return hostile(request, reply);
        }
        is_call && reply.json(&request.says(&login.account))
    }
}
