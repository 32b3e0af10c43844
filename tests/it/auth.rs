//! Logging in to servers by OAuth.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Value, json};

use crate::support::{
    Bridge, Client, Issuer, Output, PLANTED, UPSTREAM, Web, assert_words, browse, converse_in,
    error_of, eventually, lines_of, redirect_of, run_in, text_of,
};

/// The first whole line that is a URL.
fn url_in(text: &str) -> Option<&str> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().find(|line| line.starts_with("http"))
}

/// Logs in with a browser that follows the URL that is printed.
fn log_in(home: &Path, server: &str) -> Output {
    let mut page = None;
    let args = ["auth", "login", server, "--no-browser", "--debug"];
    let output = converse_in(home, &[], &args, |screen| {
        if page.is_none() {
            page = url_in(screen).map(browse);
        }
        None
    });
    let page = page.unwrap_or_default();
    assert!(page.starts_with("HTTP/1.1 200"), "{page} {output:?}");
    holds_nothing(&page);
    checked(output)
}

/// Asserts that a command was done and showed nothing secret.
fn checked(output: Output) -> Output {
    let output = output.expect(0);
    holds_nothing(&output.stdout);
    holds_nothing(&output.stderr);
    output
}

#[track_caller]
fn holds_nothing(text: &str) {
    assert!(!text.contains(PLANTED), "a secret stands in: {text}");
}

/// Whom the server takes the bridge for.
#[track_caller]
fn account(client: &mut Client, server: &str) -> String {
    text_of(&client.call(server, "echo", json!({"message": "x"}))).to_owned()
}

/// How many files of tokens there are, each of which nobody else can read.
fn kept(home: &Path) -> usize {
    use std::os::unix::fs::PermissionsExt;
    let files = fs::read_dir(home.join("tokens")).into_iter().flatten().flatten();
    let is_token = |file: &fs::DirEntry| {
        fs::read_to_string(file.path()).is_ok_and(|text| text.contains(PLANTED))
    };
    let tokens: Vec<_> = files.filter(is_token).collect();
    for file in &tokens {
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
    }
    tokens.len()
}

#[test]
fn a_server_that_wants_a_login_is_told_with_the_way_to_it() {
    let metadata = r#"Bearer resource_metadata="https://example.com/.well-known/x""#;
    let web = Web::start(move |_, reply| reply.send(401, &[("WWW-Authenticate", metadata)], ""));
    let bridge = Bridge::new().entry("notes", web.entry());
    let output = bridge.run(&["servers"]).expect(5);
    let words = ["401", r#""auth": {"type": "oauth2"}"#, "bridge auth login notes"];
    assert_words(&[output.stdout, output.stderr].concat(), &words);
    let mut client = bridge.serve_initialized();
    let error = error_of(&client.call("notes", "echo", json!({})), "connection_failed");
    assert_words(&error["hint"].to_string(), &["bridge auth login notes"]);
}

#[test]
fn a_login_with_the_browser_serves_commands_and_agents() {
    let issuer = Issuer::start();
    let bridge = Bridge::new().entry("notes", issuer.entry());
    bridge.write();
    let before = bridge.run(&["servers"]).expect(5);
    assert_words(&before.stdout, &["notes", "login needed", "bridge auth login notes"]);
    let output = log_in(bridge.home(), "notes");
    assert_words(&output.stdout, &["logged in to `notes`", &issuer.url("")]);
    assert_eq!((kept(bridge.home()), issuer.registered()), (1, 1));
    let status = checked(bridge.run(&["auth", "status", "--json"])).json();
    let server = &status["servers"][0];
    assert_eq!(server["issuer"], issuer.url(""), "{status}");
    assert_eq!(server["clientId"], "client-1", "{status}");
    assert_eq!(server["refreshable"], true, "{status}");
    assert!(server["expiresAt"].is_string(), "{status}");
    let status = checked(bridge.run(&["auth", "status"]));
    assert_words(&status.stdout, &["notes", "client-1", "read"]);
    let called = checked(bridge.run(&["call", "notes", "echo"]));
    assert_eq!(called.stdout, "user-2\n");
    let mut client = bridge.serve_initialized();
    assert_eq!(account(&mut client, "notes"), "user-2");
    assert_eq!((issuer.granted("authorization_code"), issuer.granted("refresh_token")), (1, 0));
}

#[test]
fn an_address_that_is_pasted_logs_in_where_the_browser_cannot_return() {
    let issuer = Issuer::start();
    let bridge = Bridge::new().entry("notes", issuer.entry());
    bridge.write();
    let mut pasted = false;
    let args = ["auth", "login", "notes", "--no-browser"];
    let output = converse_in(bridge.home(), &[], &args, |screen| {
        let url = url_in(screen).filter(|_| !pasted)?;
        pasted = true;
        Some(format!("{}\n", redirect_of(url)))
    });
    checked(output);
    assert_eq!(bridge.run(&["call", "notes", "echo"]).expect(0).stdout, "user-2\n");
}

#[test]
fn a_browser_is_a_program_with_the_url_as_its_one_argument() {
    use std::os::unix::fs::PermissionsExt;
    let issuer = Issuer::start();
    let bridge = Bridge::new()
        .entry(
            "notes",
            issuer.entry_with(&json!({"scopes": ["a$(touch", "hit)`touch", "hit`;touch"]})),
        )
        .file("browser", "#!/bin/sh\nprintf '%s\\n' \"$#\" \"$@\" > \"$BROWSER.said\"\n");
    bridge.write();
    let program = bridge.path("browser");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("it is ours");
    let program = program.to_str().expect("the path is UTF-8");
    let (mut page, args) = (None, ["auth", "login", "notes"]);
    let output = converse_in(bridge.home(), &[("BROWSER", program)], &args, |screen| {
        if page.is_none() && screen.contains("waiting for the browser") {
            page = url_in(screen).map(browse);
        }
        None
    });
    let output = checked(output);
    let said = lines_of(&bridge.path("browser.said"));
    assert_eq!(said, ["1", url_in(&output.stderr).expect("it is printed")]);
    assert!(!bridge.path("hit").exists());
}

#[test]
fn a_service_that_registers_nobody_asks_for_a_client() {
    let issuer = Issuer::start();
    issuer.state().registers = false;
    let bridge = Bridge::new().entry("notes", issuer.entry());
    let output = bridge.run(&["auth", "login", "notes", "--no-browser"]).expect(5);
    assert_words(&output.stderr, &["notes", "clientId"]);
    let bridge = Bridge::new().entry("notes", issuer.entry_with(&json!({"clientId": "own"})));
    bridge.write();
    assert_words(&log_in(bridge.home(), "notes").stdout, &["as client `own`"]);
}

#[test]
fn servers_without_a_login_are_told_apart() {
    let web = Web::plain();
    let bridge = Bridge::new().entry("notes", web.entry()).server("child", &[]);
    let login = |server: &str, code| bridge.run(&["auth", "login", server]).expect(code).stderr;
    assert_words(&login("notes", 3), &["notes", r#""auth": {"type": "oauth2"}"#]);
    assert_words(&login("child", 3), &["child", "oauth2EnvBinding"]);
    assert_words(&login("ntes", 4), &["ntes", "did you mean `notes`"]);
    assert_words(&bridge.run(&["auth", "logout"]).expect(2).stderr, &["--all"]);
}

#[test]
fn a_code_that_is_typed_elsewhere_logs_in() {
    let issuer = Issuer::start();
    issuer.state().pending = 1;
    let bridge = Bridge::new().entry("notes", issuer.entry());
    let output = checked(bridge.run(&["auth", "login", "notes", "--device"]));
    assert_words(&output.stderr, &["WDJB-MJHT", &issuer.url("/activate")]);
    assert_words(&output.stdout, &["logged in to `notes`"]);
    let mut client = bridge.serve_initialized();
    assert_eq!(account(&mut client, "notes"), "user-2");
}

#[test]
fn a_bridge_with_a_secret_of_its_own_logs_in_by_itself() {
    let issuer = Issuer::start();
    let secret = format!("{PLANTED}secret");
    let login =
        json!({"grantType": "client_credentials", "clientId": "c", "clientSecret": "${SECRET}"});
    let bridge = Bridge::new()
        .entry("notes", issuer.entry_with(&login))
        .file(".env", &format!("SECRET={secret}\n"));
    for _ in 0..2 {
        let called = checked(bridge.run(&["call", "notes", "echo", "--debug"]));
        assert_eq!(called.stdout, "machine\n");
    }
    assert_eq!(issuer.granted("client_credentials"), 1);
    let status = checked(bridge.run(&["auth", "status"]));
    assert_words(&status.stdout, &["notes", "client_credentials"]);
}

#[test]
fn a_token_that_is_refused_is_renewed_once_and_the_call_goes_through() {
    let issuer = Issuer::start();
    let bridge = Bridge::new().entry("notes", issuer.entry()).args(&["--debug"]);
    bridge.write();
    log_in(bridge.home(), "notes");
    let mut client = bridge.serve_initialized();
    assert_eq!(account(&mut client, "notes"), "user-2");
    // Each refresh token is good for one use.
    for renewals in 1..=2 {
        issuer.expire();
        let calls: Vec<u64> =
            (0..4).map(|_| client.start_call("notes", "echo", json!({"message": "x"}))).collect();
        for call in calls {
            assert_eq!(text_of(&client.result(call)), "user-2");
        }
        assert_eq!(issuer.granted("refresh_token"), renewals);
    }
    assert_eq!(kept(&client.path("")), 1);
    holds_nothing(&client.stderr_text());
}

#[test]
fn a_login_beside_a_running_bridge_is_noticed_with_the_next_call() {
    let issuer = Issuer::start();
    let bridge = Bridge::new().entry("notes", issuer.entry()).args(&["--debug"]);
    bridge.write();
    let mut client = bridge.serve_initialized();
    let refused = |client: &mut Client| {
        let result = client.call("notes", "echo", json!({"message": "x"}));
        let error = error_of(&result, "connection_failed");
        assert_words(&error["hint"].to_string(), &["bridge auth login notes"]);
        let status = client.mcp_json(&json!({"action": "status"}));
        assert_words(&status["servers"][0]["error"].to_string(), &["login needed"]);
    };
    refused(&mut client);
    log_in(&client.path(""), "notes");
    assert_eq!(account(&mut client, "notes"), "user-2");
    issuer.forget();
    refused(&mut client);
    log_in(&client.path(""), "notes");
    assert_eq!(account(&mut client, "notes"), "user-4");
    checked(client.run_beside(&["auth", "logout", "notes"]));
    refused(&mut client);
    holds_nothing(&client.stderr_text());
}

#[test]
fn a_logout_forgets_one_login_or_all() {
    let issuer = Issuer::start();
    let bridge = Bridge::new().entry("home", issuer.entry()).entry("work", issuer.entry());
    bridge.write();
    log_in(bridge.home(), "home");
    log_in(bridge.home(), "work");
    assert_eq!(kept(bridge.home()), 2);
    checked(bridge.run(&["auth", "logout", "home"]));
    assert_eq!(kept(bridge.home()), 1);
    assert_eq!(run_in(bridge.home(), &["call", "home", "echo"]).code, 5);
    checked(bridge.run(&["call", "work", "echo"]));
    log_in(bridge.home(), "home");
    checked(bridge.run(&["auth", "logout", "--all"]));
    assert_eq!(kept(bridge.home()), 0);
    let unknown = bridge.run(&["auth", "logout", "hoem"]).expect(4);
    assert_words(&unknown.stderr, &["hoem", "home"]);
}

#[test]
fn tokens_are_revoked_with_a_logout_and_forgotten_in_any_case() {
    let check = |revokes: Option<u16>, words: &[&str], good: usize| {
        let issuer = Issuer::start();
        issuer.state().revokes = revokes;
        let bridge = Bridge::new().entry("notes", issuer.entry());
        bridge.write();
        log_in(bridge.home(), "notes");
        assert_eq!(issuer.good(), 2);
        let output = checked(bridge.run(&["auth", "logout", "notes", "--debug"]));
        assert_words(&output.stdout, &[&["logged out of `notes`"], words].concat());
        assert_eq!((kept(bridge.home()), issuer.good()), (0, good));
        log_in(bridge.home(), "notes");
        let told = checked(bridge.run(&["auth", "logout", "notes", "--json"])).json();
        assert_eq!(told["loggedOut"], json!(["notes"]), "{told}");
        assert_eq!(told["revocations"][0]["revoked"], revokes == Some(200), "{told}");
    };
    check(Some(200), &["its tokens were revoked at 127.0.0.1"], 0);
    check(Some(503), &["not revoked", "are good until they expire", "503"], 2);
    check(None, &["revokes no tokens"], 2);
}

#[test]
fn a_logout_of_all_forgets_servers_that_are_gone() {
    let issuer = Issuer::start();
    issuer.state().revokes = Some(200);
    let bridge = Bridge::new().entry("home", issuer.entry()).entry("work", issuer.entry());
    bridge.write();
    log_in(bridge.home(), "home");
    log_in(bridge.home(), "work");
    let bridge = bridge.config(|config| {
        config["servers"].as_object_mut().expect("servers").remove("work");
    });
    let output = checked(bridge.run(&["auth", "logout", "--all"]));
    let expected =
        ["logged out of `home`; its tokens were", "logged out of `work`; its tokens were"];
    assert_words(&output.stdout, &expected);
    assert_eq!((kept(bridge.home()), issuer.good()), (0, 0));
    let again = checked(bridge.run(&["auth", "logout", "--all"]));
    assert_words(&again.stderr, &["nobody was logged in"]);
}

#[test]
fn a_logout_of_all_says_where_tokens_were_not_revoked_and_forgets_them_all_the_same() {
    let (good, bad) = (Issuer::start(), Issuer::start());
    good.state().revokes = Some(200);
    bad.state().revokes = Some(503);
    let bridge = Bridge::new().entry("good", good.entry()).entry("bad", bad.entry());
    bridge.write();
    log_in(bridge.home(), "good");
    log_in(bridge.home(), "bad");
    let bridge = bridge.config(|config| config["servers"] = json!({}));
    let told = checked(bridge.run(&["auth", "logout", "--all"])).stdout;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert_words(lines[0], &["`bad`", "not revoked", "are good until they expire", "503"]);
    assert_words(lines[1], &["`good`; its tokens were revoked"]);
    assert_eq!((kept(bridge.home()), good.good(), bad.good()), (0, 0, 2));
}

/// The file of the login of a server.
fn file_of(home: &Path, server: &str) -> PathBuf {
    let files = fs::read_dir(home.join("tokens")).expect("a folder").flatten();
    let mut paths = files.map(|file| file.path());
    let is_its = |path: &PathBuf| {
        fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("\"{server}\"")))
    };
    paths.find(is_its).expect("somebody is logged in")
}

#[test]
fn a_login_that_cannot_be_forgotten_keeps_no_other_one() {
    let issuer = Issuer::start();
    issuer.state().revokes = Some(200);
    let bridge = Bridge::new().entry("home", issuer.entry()).entry("work", issuer.entry());
    bridge.write();
    log_in(bridge.home(), "home");
    log_in(bridge.home(), "work");
    // What cannot be removed as a file can.
    let file = file_of(bridge.home(), "home");
    let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
    let stuck = file.with_file_name(format!("{}-stuck.json", &name[..16]));
    fs::create_dir(&stuck).expect("made");
    let stuck = stuck.display().to_string();
    let output = bridge.run(&["auth", "logout", "--all", "--json"]).expect(1);
    holds_nothing(&[&*output.stdout, &output.stderr].concat());
    assert_eq!(output.stderr.matches(&stuck).count(), 1, "{output:?}");
    assert_words(&output.stderr, &["cannot be removed"]);
    assert_eq!(output.json()["loggedOut"], json!(["home", "work"]));
    assert_eq!((kept(bridge.home()), issuer.good()), (0, 0));
    let again = bridge.run(&["auth", "logout", "home"]).expect(1);
    assert!(again.stderr.contains(&stuck) && !again.stderr.contains("nobody"), "{again:?}");
}

#[test]
fn all_is_forgotten_first_and_then_revoked_at_the_same_time() {
    let issuer = Issuer::start();
    let check = |args: &[&str]| {
        let bridge = Bridge::new().entry("home", issuer.entry()).entry("work", issuer.entry());
        bridge.write();
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/revoke", silent.local_addr().expect("bound"));
        for server in ["home", "work"] {
            log_in(bridge.home(), server);
            let file = file_of(bridge.home(), server);
            let text = fs::read_to_string(&file).expect("readable");
            let mut record: Value = serde_json::from_str(&text).expect("JSON");
            record["revocationUrl"] = url.clone().into();
            fs::write(&file, record.to_string()).expect("written");
        }
        assert_eq!(kept(bridge.home()), 2);
        let output = thread::scope(|scope| {
            let command = scope.spawn(|| bridge.run(args));
            let first = silent.accept().expect("asked");
            assert_eq!(kept(bridge.home()), 0);
            let second = silent.accept().expect("asked");
            // Both have been asked before anybody has given up.
            drop((first, second, silent));
            command.join().expect("no panic")
        });
        let output = checked(output);
        let told = [output.stdout, output.stderr].concat();
        assert_eq!(told.matches("not revoked at 127.0.0.1").count(), 2, "{told}");
        assert!(!told.contains("has not answered"), "{told}");
    };
    check(&["auth", "logout", "--all"]);
    check(&["remove", "home", "work"]);
}

#[test]
fn a_logout_takes_the_login_of_an_earlier_url_with_it() {
    let (before, now) = (Issuer::start(), Issuer::start());
    before.state().revokes = Some(200);
    let bridge = Bridge::new().entry("notes", before.entry()).entry("other", before.entry());
    bridge.write();
    log_in(bridge.home(), "notes");
    log_in(bridge.home(), "other");
    let bridge = bridge.config(|config| config["servers"]["notes"] = now.entry());
    let told = checked(bridge.run(&["auth", "logout", "notes"])).stdout;
    assert_words(&told, &["logged out of `notes`; its tokens were revoked"]);
    assert_eq!((kept(bridge.home()), before.good()), (1, 2));
}

#[test]
fn configured_endpoints_revoke_with_a_logout() {
    let issuer = Issuer::start();
    issuer.state().revokes = Some(200);
    let mut entry = child(&issuer, &json!({"oauth2EnvBinding": "TEST_ACCESS_TOKEN"}));
    entry["auth"]["revocationUrl"] = issuer.url("/revoke").into();
    let bridge = Bridge::new().entry("asks", entry);
    bridge.write();
    checked(bridge.run(&["auth", "login", "asks"]));
    let output = checked(bridge.run(&["auth", "logout", "asks"]));
    assert_words(&output.stdout, &["logged out of `asks`; its tokens were revoked at 127.0.0.1"]);
    assert_eq!((kept(bridge.home()), issuer.good()), (0, 0));
}

#[test]
fn a_server_that_is_removed_takes_its_login_with_it() {
    let issuer = Issuer::start();
    issuer.state().revokes = Some(200);
    let bridge = Bridge::new().entry("home", issuer.entry()).entry("work", issuer.entry());
    bridge.write();
    for server in ["home", "work"] {
        log_in(bridge.home(), server);
    }
    let output = checked(run_in(bridge.home(), &["remove", "work"]));
    assert_words(&output.stderr, &["removed its login; its tokens were revoked at 127.0.0.1"]);
    assert_eq!((kept(bridge.home()), issuer.good()), (1, 2));
    // A config of another place may name a server of another one.
    fs::copy(bridge.path("config.json"), bridge.path("other.json")).expect("it is there");
    let other = checked(run_in(bridge.home(), &["--config", "other.json", "remove", "home"]));
    assert!(!other.stderr.contains("login"), "{other:?}");
    assert_eq!(kept(bridge.home()), 1);
    checked(run_in(bridge.home(), &["remove", "home", "--json"]));
    assert_eq!((kept(bridge.home()), issuer.good()), (0, 0));
}

#[test]
fn two_accounts_of_one_service_stay_apart() {
    let issuer = Issuer::start();
    let bridge = Bridge::new().entry("home", issuer.entry()).entry("work", issuer.entry());
    bridge.write();
    log_in(bridge.home(), "home");
    log_in(bridge.home(), "work");
    let mut client = bridge.serve_initialized();
    let (home, work) = (account(&mut client, "home"), account(&mut client, "work"));
    assert_ne!(home, work);
    issuer.expire();
    assert_eq!(account(&mut client, "work"), work);
    assert_eq!(account(&mut client, "home"), home);
}

#[test]
fn a_token_that_is_not_good_for_a_call_asks_for_another_login() {
    let issuer = Issuer::start();
    let bridge = Bridge::new().entry("notes", issuer.entry());
    bridge.write();
    log_in(bridge.home(), "notes");
    let mut client = bridge.serve_initialized();
    assert_eq!(account(&mut client, "notes"), "user-2");
    issuer.state().needs = Some("write");
    let error = error_of(&client.call("notes", "echo", json!({"message": "x"})), "mcp_error");
    assert_words(&error.to_string(), &["write", "bridge auth login notes"]);
}

/// The entry of a process that gets a token.
fn child(issuer: &Issuer, more: &Value) -> Value {
    let mut entry = json!({
        "command": UPSTREAM, "args": [],
        "auth": {
            "type": "oauth2", "grantType": "client_credentials", "clientId": "c",
            "clientSecret": format!("{PLANTED}secret"), "tokenUrl": issuer.url("/token"),
            "scopes": ["read"],
        },
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        entry[name] = value.clone();
    }
    entry
}

/// The variable of the child process.
#[track_caller]
fn variable(client: &mut Client, server: &str, name: &str) -> Value {
    let result = client.call(server, "env", json!({"names": [name]}));
    let told: Value = serde_json::from_str(text_of(&result)).expect("JSON");
    told[name].clone()
}

#[test]
fn a_process_that_asks_has_the_token_and_no_other() {
    let issuer = Issuer::start();
    let mut client = Bridge::new()
        .entry("asks", child(&issuer, &json!({"oauth2EnvBinding": "TEST_ACCESS_TOKEN"})))
        .server("other", &[])
        .args(&["--debug"])
        .serve_initialized();
    let token = variable(&mut client, "asks", "TEST_ACCESS_TOKEN");
    assert_eq!(token, format!("{PLANTED}access-1"));
    assert_eq!(variable(&mut client, "other", "TEST_ACCESS_TOKEN"), "unset");
    holds_nothing(&client.stderr_text());
}

#[test]
fn a_process_with_an_old_token_is_started_again_once_it_is_idle() {
    let issuer = Issuer::start();
    // Renewed halfway, since it lives for less than two minutes.
    issuer.state().lifetime = 4;
    let entry = child(&issuer, &json!({"oauth2EnvBinding": "TEST_ACCESS_TOKEN"}));
    let mut client = Bridge::new().entry("asks", entry).serve_initialized();
    let first = variable(&mut client, "asks", "TEST_ACCESS_TOKEN");
    let renewed = eventually(|| variable(&mut client, "asks", "TEST_ACCESS_TOKEN") != first);
    assert!(renewed, "it still has {first}");
}

#[test]
fn a_server_for_google_workspace_finds_its_file() {
    use std::os::unix::fs::PermissionsExt;
    let issuer = Issuer::start();
    let more = json!({
        "oauth2CredentialsFile": {"format": "google-workspace"},
        "env": {"USER_GOOGLE_EMAIL": "me@example.com"},
    });
    let mut client = Bridge::new().entry("mail", child(&issuer, &more)).serve_initialized();
    assert_eq!(variable(&mut client, "mail", "WORKSPACE_MCP_CREDENTIALS_DIR"), "set");
    let file = client.path("config/mail/me@example.com.json");
    let mode = fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&file).expect("it can be read");
    let credentials: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(credentials["token"], format!("{PLANTED}access-1"));
    assert_eq!(credentials["token_uri"], issuer.url("/token"));
    assert_eq!(credentials["client_id"], "c");
    assert_eq!(credentials["scopes"], json!(["read"]));
    assert_eq!(credentials["refresh_token"], Value::Null);
    assert!(credentials["expiry"].as_str().is_some_and(|at| !at.ends_with('Z')), "{text}");
}
