//! Every command as `docs/CLI.md` has it: each way to end that is written there happens, and with `--json` stdout is JSON.
//!
//! Whoever adds a command adds its row there and its lines to `CASES`; a unit test holds the rows against the command line.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
#[cfg(unix)]
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::{Bridge, Issuer, Output, UPSTREAM, assert_words, recipe, with_recipe};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CLI.md");
const CURSOR: &str = ".cursor/mcp.json";
const RESULT: &str = "0123456789abcdef0123456789abcdef";

/// What a command finds when it starts.
#[derive(Clone, Copy, Debug)]
enum Home {
    /// One server that works, a result that was kept, a model that can be installed.
    Good,
    /// No config at all.
    Empty,
    /// A config that is no JSON.
    Faulty,
    /// A server that cannot be started beside the good one.
    Broken,
    /// Files that cannot be used where the config is all right, and `"catalog": false`.
    Damaged,
    /// A server that was installed.
    Installed,
    /// The same beside one that cannot be started.
    InstalledBroken,
    /// A server that was installed, and a config that has been no JSON since.
    InstalledFaulty,
    /// A server that a bridge logs in to by itself, and one whose login server is away.
    Login,
    /// The same, where no token can be kept.
    LoginDamaged,
}

use Home::{
    Broken, Damaged, Empty, Faulty, Good, Installed, InstalledBroken, InstalledFaulty, Login,
    LoginDamaged,
};

/// Logs in whoever asks.
static ISSUER: LazyLock<Issuer> = LazyLock::new(Issuer::start);

/// A command with its arguments, `PORT` standing for a port that is taken; where it runs and how it ends.
const CASES: &[(&str, &str, Home, i32)] = &[
    ("", "", Good, 0),
    ("", "--http --port PORT", Good, 1),
    ("", "--port 1", Good, 2),
    ("", "", Faulty, 3),
    ("", "", Empty, 3),
    ("init", "", Empty, 0),
    ("init", "--example", Empty, 0),
    ("init", "--config /dev/null/config.json", Empty, 1),
    ("init", "--mode both", Empty, 2),
    ("init", "--register zed", Empty, 4),
    ("register", "", Good, 0),
    ("register", "cursor", Good, 0),
    ("register", "cursor", Damaged, 1),
    ("register", "emacs", Good, 2),
    ("register", "zed", Good, 4),
    ("unregister", "cursor", Good, 0),
    ("unregister", "cursor", Damaged, 1),
    ("unregister", "", Good, 2),
    ("unregister", "cursor --restore", Good, 4),
    ("import", "--yes", Good, 0),
    ("import", "--yes", Damaged, 1),
    ("import", "emacs", Good, 2),
    ("import", "--yes", Faulty, 3),
    ("import", "--only nobodys", Good, 4),
    ("serve", "", Good, 0),
    ("serve", "--http --port PORT", Good, 1),
    ("serve", "--http --host 0.0.0.0", Good, 2),
    ("serve", "", Faulty, 3),
    ("servers", "", Good, 0),
    ("servers", "", Faulty, 3),
    ("servers", "", Broken, 5),
    ("doctor", "", Good, 0),
    ("doctor", "", Damaged, 1),
    ("doctor", "", Faulty, 3),
    ("doctor", "", Broken, 5),
    ("tools", "", Good, 0),
    ("tools", "one", Broken, 0),
    ("tools", "", Faulty, 3),
    ("tools", "oen", Good, 4),
    ("tools", "", Broken, 5),
    ("intent", "return the message", Good, 0),
    ("intent", "--limit many echo", Good, 2),
    ("intent", "echo", Faulty, 3),
    ("intent", "zzyzx", Good, 4),
    ("explain intent", "return the message", Good, 0),
    ("explain intent", "", Good, 2),
    ("explain intent", "echo", Faulty, 3),
    ("explain intent", "zzyzx", Good, 4),
    ("call", "one echo {\"message\":\"hi\"}", Good, 0),
    ("call", "one fail", Good, 1),
    ("call", "one echo [1]", Good, 2),
    ("call", "one echo", Faulty, 3),
    ("call", "oen echo", Good, 4),
    ("call", "one ecko", Good, 4),
    ("call", "broken echo", Broken, 5),
    ("read", RESULT, Good, 0),
    ("read", "", Good, 2),
    ("read", RESULT, Empty, 4),
    ("usage", "", Good, 0),
    ("usage", "", Damaged, 1),
    ("usage", "", Faulty, 3),
    ("usage", "oen", Good, 4),
    ("tokens", "", Good, 0),
    ("tokens", "", Faulty, 3),
    ("tokens", "", Broken, 5),
    ("install", "plain", Good, 0),
    ("install", "plain --as one", Good, 1),
    ("install", "plain --as Two", Good, 2),
    ("install", "plain", Faulty, 3),
    ("install", "nobodys", Good, 4),
    ("install", "hopeless", Good, 5),
    ("lock", "", Installed, 0),
    ("lock", "", Damaged, 1),
    ("lock", "", InstalledFaulty, 3),
    ("lock", "", InstalledBroken, 5),
    ("outdated", "", Installed, 0),
    ("outdated", "", Damaged, 1),
    ("outdated", "", InstalledFaulty, 3),
    ("outdated", "", Good, 4),
    ("diff", "", Installed, 0),
    ("diff", "", Damaged, 1),
    ("diff", "", InstalledFaulty, 3),
    ("diff", "", Good, 4),
    ("diff", "", InstalledBroken, 5),
    ("remove", "plain", Installed, 0),
    ("remove", "one", Good, 0),
    ("remove", "one", Faulty, 3),
    ("remove", "oen", Good, 4),
    ("set-env", "KEY value", Good, 0),
    ("set-env", "KEY value", Damaged, 1),
    ("set-env", "1KEY value", Good, 2),
    ("auth login", "own", Login, 0),
    ("auth login", "own", LoginDamaged, 1),
    ("auth login", "own", Faulty, 3),
    ("auth login", "oen", Good, 4),
    ("auth login", "away", Login, 5),
    ("auth logout", "own", Login, 0),
    ("auth logout", "--all", LoginDamaged, 1),
    ("auth logout", "own", Faulty, 3),
    ("auth logout", "oen", Good, 4),
    ("auth status", "", Login, 0),
    ("auth status", "", LoginDamaged, 1),
    ("auth status", "", Faulty, 3),
    ("auth status", "oen", Good, 4),
    ("limit", "", Good, 0),
    ("limit", "one --day 3", Good, 0),
    ("limit", "one --day few", Good, 2),
    ("limit", "one --day 3", Faulty, 3),
    ("limit", "oen", Good, 4),
    ("approve", "", Good, 0),
    ("approve", "--yes", Good, 2),
    ("approve", "oen", Good, 4),
    ("model install", "own --from own", Good, 0),
    ("model install", "own --from nowhere", Good, 1),
    ("model install", "../own --from own", Good, 2),
    ("model install", "nobodys", Good, 4),
    ("model list", "", Good, 0),
    ("model list", "", Empty, 0),
    ("model remove", "half", Damaged, 0),
    ("model remove", "nobodys", Good, 4),
    ("search", "git", Good, 0),
    ("search", "git", Empty, 0),
    ("search", "git", Damaged, 1),
    ("search", "git", Faulty, 3),
    ("search", "zzyzx", Good, 4),
    ("catalog", "", Good, 0),
    ("catalog", "", Damaged, 1),
    ("catalog", "", Faulty, 3),
    ("catalog", "--category nothing", Good, 4),
    ("validate-recipe", "fine", Good, 0),
    ("validate-recipe", "recipes/faulty", Damaged, 1),
    ("validate-recipe", "nowhere", Empty, 4),
    ("migrate-recipe", "fine", Good, 0),
    ("migrate-recipe", "recipes/faulty", Damaged, 1),
    ("migrate-recipe", "nowhere", Good, 4),
    ("schema", "config", Empty, 0),
    ("schema", "recipe", Faulty, 0),
    ("schema", "catalog", Good, 2),
    ("completions", "bash", Empty, 0),
    ("completions", "powershell", Faulty, 0),
    ("completions", "cmd", Good, 2),
    ("man", "", Empty, 0),
    ("man", "--dir pages", Empty, 0),
    ("man", "--dir /dev/null/pages", Good, 1),
];

fn bridge_in(home: Home) -> Bridge {
    let bridge = Bridge::new();
    match home {
        Good => with_recipes(bridge)
            .server("one", &[])
            .file(&format!("cache/results/{RESULT}"), "\"one\"\n{\"content\":[]}")
            .file("fine/recipe.json", &recipe("fine", &[]).to_string())
            .file(CURSOR, &json!({"mcpServers": {"other": {"command": UPSTREAM}}}).to_string())
            .file("own/tokenizer.json", "{}")
            .file("own/model.onnx", "graph")
            .file("own/config.json", r#"{"hidden_size":4}"#),
        Empty => bridge.without_config(),
        Faulty => bridge
            .raw_config("{\"servers\":")
            .file(CURSOR, &json!({"mcpServers": {"other": {"command": UPSTREAM}}}).to_string()),
        InstalledFaulty => {
            installed(bridge.without_config(), &[("plain", 0)]).file("config.json", "{\"servers\":")
        }
        Broken => bridge
            .server("one", &[])
            .server("broken", &["--exit-at-start", "9", "--stderr", "no licence"]),
        Damaged => bridge
            .server("one", &[])
            .set("catalog", false)
            .file("usage/one.json", "{")
            .file("bridge.lock", "{")
            .file(CURSOR, "{")
            .file("recipes/faulty/recipe.json", "{}")
            .file("models/half/readme", "half of a model")
            .file(".env/this", "is a folder"),
        Login => with_logins(bridge),
        LoginDamaged => with_logins(bridge).file("tokens", "no folder"),
        Installed => installed(bridge.without_config(), &[("plain", 0)]),
        InstalledBroken => installed(bridge.without_config(), &[("plain", 0), ("hopeless", 5)]),
    }
}

fn installed(bridge: Bridge, servers: &[(&str, i32)]) -> Bridge {
    let bridge = with_recipes(bridge);
    for (server, code) in servers {
        bridge.run(&["install", server]).expect(*code);
    }
    bridge
}

fn with_logins(bridge: Bridge) -> Bridge {
    let login = |token_url: String| {
        let secret = "s-123";
        json!({"grantType": "client_credentials", "clientId": "c", "clientSecret": secret, "tokenUrl": token_url})
    };
    let away = "http://127.0.0.1:1/token".to_owned();
    bridge
        .entry("own", ISSUER.entry_with(&login(ISSUER.url("/token"))))
        .entry("away", ISSUER.entry_with(&login(away)))
}

/// Recipes of a server that works and of one that does not.
fn with_recipes(bridge: Bridge) -> Bridge {
    let bridge = with_recipe(bridge, &recipe("plain", &[]));
    with_recipe(bridge, &recipe("hopeless", &["--exit-at-start", "9"]))
}

/// The ways to end of every command, as the table of commands has them, and 2, with which each can end.
fn documented() -> BTreeMap<String, BTreeSet<i32>> {
    let text = std::fs::read_to_string(DOCUMENT).expect("it is there");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `bridge"));
    let row = |row: &str| {
        let (name, rest) = row.split_once('`').expect("the name ends");
        let codes = rest.trim_end_matches(" |").rsplit(" | ").next().expect("codes");
        let codes = codes.split(' ').map(|code| code.parse().expect("a number"));
        (name.trim().to_owned(), codes.chain([2]).collect())
    };
    rows.map(row).collect()
}

#[test]
fn every_way_to_end_is_documented_and_happens() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let mut seen: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
    let mut complaints = Vec::new();
    for (command, arguments, home, code) in CASES {
        let words = command.split_whitespace().chain(arguments.split_whitespace());
        let words = words.map(|word| if word == "PORT" { &port } else { word });
        let words: Vec<&str> = words.chain(["--json"]).collect();
        let output = bridge_in(*home).run(&words);
        if let Some(complaint) = complaint(&output, matches!(*command, "" | "serve"), *code) {
            complaints.push(format!("{words:?} in {home:?}: {complaint}: {output:#?}"));
        }
        seen.entry((*command).to_owned()).or_default().insert(*code);
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    for (command, codes) in documented() {
        // What is no option of any command is refused by all.
        let words = command.split_whitespace().chain(["--no-such-option"]).collect::<Vec<_>>();
        let output = bridge_in(Empty).run(&words).expect(2);
        assert_eq!(output.stdout, "", "{words:?}");
        let mut seen = seen.remove(&command).unwrap_or_default();
        seen.insert(2);
        assert_eq!(seen, codes, "`bridge {command}` ends as docs/CLI.md says");
    }
    assert!(seen.is_empty(), "docs/CLI.md has no {seen:?}");
}

/// What is not as it should be where a command was to end with this code.
fn complaint(output: &Output, serves: bool, code: i32) -> Option<&'static str> {
    let is_silent = output.stdout.is_empty() && output.stderr.is_empty();
    let is_json = serde_json::from_str::<Value>(&output.stdout).is_ok_and(|json| json.is_object());
    let (prints, has_to_print) = (!output.stdout.is_empty(), code == 0 && !serves);
    match () {
        () if output.code != code => Some("another code"),
        () if serves && prints => Some("stdout is for MCP"),
        () if (prints || has_to_print) && !is_json => Some("no JSON"),
        () if code != 0 && is_silent => Some("not a word"),
        () => None,
    }
}

#[test]
fn every_command_shows_how_it_is_used() {
    let bridge = Bridge::new().without_config();
    for command in documented().into_keys() {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let output = bridge.run(&words).expect(0);
        assert_words(&output.stdout, &["Examples:", "--json", &format!("bridge {command}")]);
    }
}

#[test]
fn completions_offer_what_people_see() {
    let bridge = Bridge::new().without_config();
    for (shell, words) in [
        ("bash", &["complete", "_bridge_words() {", "\n_bridge() {", "model__subcmd__install"][..]),
        ("zsh", &["#compdef bridge", "_bridge_words() {", "\n_bridge() {", "compadd -a names"]),
        ("fish", &["complete -c bridge", "__fish", "'(__bridge_servers)'"]),
        (
            "powershell",
            &["Register-ArgumentCompleter", "'bridge;model;install'", "complete @words"],
        ),
    ] {
        let script = bridge.run(&["completions", shell]).expect(0).stdout;
        assert_words(&script, words);
        assert_words(&script, &["set-env", "validate-recipe", "completions"]);
        assert!(!script.contains("started by the bridge itself"), "{shell} offers what is hidden");
        let whole = bridge.run(&["completions", shell, "--json"]).expect(0).json();
        assert_eq!(whole["script"].as_str().map(str::trim_end), Some(script.trim_end()), "{shell}");
    }
}

/// What bash offers for the last of these words, by the script.
#[cfg(unix)]
fn offered(bridge: &Bridge, words: &[&str]) -> Vec<String> {
    let script = bridge.run(&["completions", "bash"]).expect(0).stdout;
    let line = "eval \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                _bridge \"$1\" \"${!#}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", line, "bash", &script, env!("CARGO_BIN_EXE_bridge")]).args(words);
    command.env_clear().env("HOME", bridge.home()).env("BRIDGE_HOME", bridge.home());
    let output = command.current_dir(bridge.home()).output().expect("bash is there");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn bash_offers_the_servers_that_are_configured_and_starts_none() {
    let bridge = Bridge::new()
        .server("one", &[])
        .entry("other", json!({"command": "no-such-program"}))
        .entry("third", json!({"command": "x", "env": {"KEY": "${NOT_SET}"}, "disabled": true}))
        .entry("$(touch evil)", json!({"command": "x"}))
        .file("more.json", "{\"servers\": {\"elsewhere\": {\"command\": \"x\"}}}");
    bridge.write();
    let check = |words: &[&str], expected: &[&str]| {
        assert_eq!(offered(&bridge, words), expected, "{words:?}");
    };
    check(&["call", ""], &["one", "other", "third", "touch-evil"]);
    check(&["call", "o"], &["one", "other"]);
    check(&["remove", "one", "t"], &["third", "touch-evil"]);
    check(&["auth", "login", "--port", "80", "oth"], &["other"]);
    check(&["--config", "more.json", "call", ""], &["elsewhere"]);
    check(&["cal"], &["call"]);
    check(&["call", "--js"], &["--json"]);
    assert!(!bridge.path("evil").exists());
    // Without a config there is nothing to offer, and nothing to complain of.
    let without = Bridge::new().without_config();
    let output = without.run(&["complete", "bridge", "call"]).expect(0);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let bridge = Bridge::new().without_config();
    let page = bridge.run(&["man"]).expect(0).stdout;
    assert_words(&page, &[".TH bridge 1", ".SH NAME", "bridge\\-servers(1)", ".SH EXAMPLES"]);
    let written = bridge.run(&["man", "--dir", "share/man1", "--json"]).expect(0).json();
    let files = written["files"].as_array().expect("a list");
    for command in documented().into_keys() {
        let words: Vec<&str> = ["bridge"].into_iter().chain(command.split_whitespace()).collect();
        let name = format!("share/man1/{}.1", words.join("-"));
        assert!(files.contains(&json!(name)), "{name}: {written}");
        let page = std::fs::read_to_string(bridge.path(&name)).expect("it was written");
        assert_words(&page, &[&format!(".TH {}", words.join("-")), ".SH EXAMPLES"]);
        assert!(!page.contains("started by the bridge itself"), "{name}");
    }
}
