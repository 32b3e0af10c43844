//! Servers of other programs taken over, with their secrets put away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Bridge, UPSTREAM, assert_words, recipe, run_at_terminal, with_recipe};

const CURSOR: &str = ".cursor/mcp.json";
const SECRET: &str = "hunter2-very-secret";

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file is there")
}

fn value(path: &Path) -> Value {
    serde_json::from_str(&read(path)).expect("JSON")
}

/// A file of Cursor with a server that works and holds a secret.
fn cursor() -> String {
    format!(
        "{:#}\n",
        json!({"mcpServers": {
            "Test Upstream": {"command": UPSTREAM, "env": {"TEST_API_KEY": SECRET, "REGION": "eu"}},
            "web": {"url": "https://h.invalid/mcp", "headers": {"Authorization": format!("Bearer {SECRET}")}}
        }, "other": true})
    )
}

#[test]
fn servers_are_moved_and_their_secrets_put_away() {
    let text = cursor();
    let bridge = Bridge::new().without_config().file(CURSOR, &text);
    let path = bridge.path(CURSOR);
    let output = bridge.run(&["import", "cursor", "--leave-only-bridge", "--yes"]).expect(0);
    assert_words(
        &output.stdout,
        &["`Test Upstream` becomes `test-upstream`", "`TEST_API_KEY`", "`WEB_TOKEN`"],
    );
    assert_words(
        &output.stderr,
        &["took over 2 servers", "unregister cursor --restore", "start Cursor again"],
    );
    assert!(!output.stdout.contains(SECRET) && !output.stderr.contains(SECRET), "{output:?}");

    let config = value(&bridge.path("config.json"));
    let expected = json!({
        "test-upstream": {"command": UPSTREAM, "env": {"TEST_API_KEY": "${TEST_API_KEY}", "REGION": "eu"}},
        "web": {"url": "https://h.invalid/mcp", "headers": {"Authorization": "Bearer ${WEB_TOKEN}"}},
    });
    assert_eq!(config["servers"], expected);
    let env = bridge.path(".env");
    assert_eq!(read(&env), format!("TEST_API_KEY={SECRET}\nWEB_TOKEN={SECRET}\n"));
    assert_eq!(env.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    let left = value(&path);
    assert_eq!(left["mcpServers"].as_object().map(serde_json::Map::len), Some(1));
    assert_eq!(left["mcpServers"]["bridge"]["command"], env!("CARGO_BIN_EXE_bridge"));
    assert!(left["other"] == true && !read(&path).contains(SECRET), "{left}");

    bridge.run(&["remove", "web"]).expect(0);
    let called = bridge.run(&["call", "test-upstream", "echo", "{\"message\":\"hi\"}"]).expect(0);
    assert_words(&called.stdout, &["hi"]);
    let servers = bridge.run(&["servers", "--json"]).expect(0).json();
    assert_eq!(servers["servers"][0]["name"], "test-upstream", "{servers}");

    bridge.run(&["unregister", "cursor", "--restore"]).expect(0);
    assert_eq!(read(&path), text);
}

#[test]
fn what_others_may_read_becomes_private() {
    let bridge = Bridge::new().server("own", &[]).file(CURSOR, &cursor());
    bridge.write();
    let config = bridge.path("config.json");
    let mode = || config.metadata().expect("there").permissions().mode() & 0o777;
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).expect("changed");
    bridge.run(&["import", "cursor", "--dry-run"]).expect(0);
    assert_eq!(mode(), 0o644);
    let output = bridge.run(&["import", "cursor", "--yes"]).expect(0);
    assert_words(&output.stderr, &["config.json was open to other users", "yours alone"]);
    assert_eq!(mode(), 0o600);
}

#[test]
fn only_what_the_import_took_out_comes_back() {
    let servers = |names: &[&str]| {
        let servers = names.iter().map(|name| ((*name).to_owned(), json!({"command": name})));
        let servers: serde_json::Map<_, _> = servers.collect();
        format!("{:#}\n", json!({ "mcpServers": servers }))
    };
    let bridge = Bridge::new().without_config().file(CURSOR, &servers(&["a", "b", "c", "d"]));
    let path = bridge.path(CURSOR);
    let names = || -> Vec<String> {
        let all = value(&path);
        let mut names: Vec<String> =
            all["mcpServers"].as_object().expect("servers").keys().cloned().collect();
        names.sort();
        names
    };
    let delete = |name: &str| {
        let mut all = value(&path);
        all["mcpServers"].as_object_mut().expect("servers").remove(name).expect("it is there");
        fs::write(&path, all.to_string()).expect("written");
    };
    bridge.run(&["register", "cursor"]).expect(0);
    delete("b");
    let nothing = bridge.run(&["unregister", "cursor", "--restore"]).expect(4);
    assert_words(&nothing.stderr, &["no copy", "`import`"]);
    for name in ["a", "c"] {
        let flags = ["import", "cursor", "--only", name, "--leave-only-bridge", "--yes"];
        bridge.run(&flags).expect(0);
    }
    assert_eq!(names(), ["bridge", "d"]);
    assert!(!read(&bridge.path("imported.json")).contains("\"d\""));
    delete("d");
    bridge.run(&["unregister", "cursor", "--restore"]).expect(0);
    assert_eq!(names(), ["a", "c"]);
    // What came back and was deleted then is gone.
    delete("a");
    bridge.run(&["unregister", "cursor", "--restore"]).expect(4);
}

#[test]
fn a_second_import_changes_nothing() {
    let bridge = Bridge::new().without_config().file(CURSOR, &cursor());
    bridge.run(&["import", "--yes"]).expect(0);
    let both = |bridge: &Bridge| (read(&bridge.path("config.json")), read(&bridge.path(".env")));
    let before = both(&bridge);
    let again = bridge.run(&["import", "--yes", "--json"]).expect(0).json();
    assert_eq!(again["servers"][0]["new"], false, "{again}");
    assert_eq!(both(&bridge), before);
    assert_eq!(read(&bridge.path(CURSOR)), cursor());
    // The clients' servers can be taken out later.
    bridge.run(&["import", "--yes", "--leave-only-bridge"]).expect(0);
    assert!(!read(&bridge.path(CURSOR)).contains("web"));
    assert_eq!(both(&bridge), before);
}

#[test]
fn equal_servers_of_several_clients_become_one() {
    let desktop = json!({"mcpServers": {
        "fs": {"command": "npx", "args": ["-y", "fs"], "env": {"KEY": SECRET}},
        "git": {"command": "git-of-desktop"},
        "bridge": {"command": "/opt/bridge"},
    }});
    let codex = format!(
        "# mine\n\n[mcp_servers.fs]\ncommand = \"npx\"\nargs = [\"-y\", \"fs\"]\nenv = {{ KEY = \"{SECRET}\" }}\n\n\
         [mcp_servers.git]\ncommand = \"git-of-codex\"\nenv = {{ KEY = \"another-{SECRET}\" }}\nstartup_timeout_sec = 9\n"
    );
    let code = "{\n  // asks\n  \"inputs\": [{\"id\": \"api-key\"}],\n  \"servers\": {\n    \"ask\": {\"command\": \"x\", \"env\": {\"A\": \"${input:api-key}\"}},\n    \"here\": {\"command\": \"${workspaceFolder}/x\"},\n  }\n}\n";
    let bridge = Bridge::new()
        .without_config()
        .file(".config/Claude/claude_desktop_config.json", &desktop.to_string())
        .file(".codex/config.toml", &codex)
        .file(".config/Code/User/mcp.json", code);
    let dry = bridge.run(&["import", "--all", "--dry-run", "--json"]).expect(0).json();
    assert!(dry["dryRun"] == true && !bridge.path("config.json").exists(), "{dry}");
    let output = bridge.run(&["import", "--all", "--yes", "--leave-only-bridge"]).expect(0);
    assert_words(
        &output.stderr,
        &[
            "`here` stays where it is",
            "workspaceFolder",
            "`API_KEY` is set nowhere",
            "requestTimeoutMs",
        ],
    );
    let config = value(&bridge.path("config.json"));
    let expected = json!({
        "fs": {"command": "npx", "args": ["-y", "fs"], "env": {"KEY": "${KEY}"}},
        "git": {"command": "git-of-desktop"},
        "ask": {"command": "x", "env": {"A": "${API_KEY}"}},
        "git-codex": {"command": "git-of-codex", "env": {"KEY": "${GIT_KEY}"}},
    });
    assert_eq!(config["servers"], expected);
    assert_eq!(read(&bridge.path(".env")), format!("KEY={SECRET}\nGIT_KEY=another-{SECRET}\n"));
    let left = read(&bridge.path(".config/Code/User/mcp.json"));
    assert!(
        left.contains("// asks") && left.contains("\"here\"") && !left.contains("\"ask\""),
        "{left}"
    );
    let left = read(&bridge.path(".codex/config.toml"));
    assert!(
        left.contains("# mine\n")
            && !left.contains(SECRET)
            && left.contains("[mcp_servers.bridge]"),
        "{left}"
    );
    for (client, file, text) in [
        ("codex", ".codex/config.toml", codex.as_str()),
        ("vscode", ".config/Code/User/mcp.json", code),
        ("claude-desktop", ".config/Claude/claude_desktop_config.json", &desktop.to_string()),
    ] {
        bridge.run(&["unregister", client, "--restore"]).expect(0);
        let restored = read(&bridge.path(file));
        if client == "claude-desktop" {
            // It had a bridge before, which has gone with the other.
            assert_eq!(
                value(&bridge.path(file))["mcpServers"].as_object().map(serde_json::Map::len),
                Some(2)
            );
        } else {
            assert_eq!(restored, text, "{client}");
        }
    }
}

#[test]
fn only_what_was_asked_for_and_only_after_an_answer() {
    let bridge = Bridge::new().without_config().file(CURSOR, &cursor());
    let unknown = bridge.run(&["import", "cursor", "--only", "wbe"]).expect(4);
    assert_words(&unknown.stderr, &["`wbe`", "`web`"]);
    let nobody = bridge.run(&["import", "cursor"]).expect(2);
    assert_words(&nobody.stderr, &["--yes", "--dry-run"]);
    assert!(!bridge.path("config.json").exists());
    for (answer, code) in [("n\n", 1), ("y\n", 0)] {
        let mut is_answered = false;
        let output =
            run_at_terminal(bridge.home(), &["import", "cursor", "--only", "web"], |screen| {
                let asked = !is_answered && screen.contains("take over 1 server? [y/N]");
                is_answered |= asked;
                asked.then_some(answer)
            });
        assert_eq!(output.code, code, "{}", output.stdout);
        assert!(!output.stdout.contains(SECRET), "{}", output.stdout);
        assert_eq!(bridge.path("config.json").exists(), code == 0);
    }
    let config = value(&bridge.path("config.json"));
    assert_eq!(config["servers"].as_object().map(serde_json::Map::len), Some(1));
    assert_words(
        &bridge.run(&["import", "zed"]).expect(4).stderr,
        &["Zed does not seem to be installed"],
    );
}

#[test]
fn what_fails_in_the_middle_is_undone() {
    let config = "{\"servers\": {}}";
    let bridge = Bridge::new()
        .without_config()
        .file("config.json", config)
        .file(".env", "A=1\n")
        .file(CURSOR, &cursor())
        .file(".gemini/settings.json", "{\"mcpServers\": {\"g\": {\"command\": \"g\"}}}");
    let gemini = bridge.path(".gemini/settings.json");
    fs::set_permissions(&gemini, fs::Permissions::from_mode(0o444)).expect("set");
    let failed = bridge.run(&["import", "--all", "--yes", "--leave-only-bridge"]).expect(1);
    assert_words(&failed.stderr, &["settings.json", "write-protected", "nothing was taken over"]);
    assert_eq!(read(&bridge.path("config.json")), config);
    assert_eq!(read(&bridge.path(".env")), "A=1\n");
    assert_eq!(read(&bridge.path(CURSOR)), cursor());
    assert!(!bridge.path("imported.json").exists());
    // A file that cannot be read stops it before anything is done.
    fs::write(bridge.path(".cursor/mcp.json"), "{\n\"a\" 1}").expect("written");
    let failed = bridge.run(&["import", "--all", "--yes"]).expect(1);
    assert_words(&failed.stderr, &["mcp.json", "line 2"]);
    assert_eq!(read(&bridge.path("config.json")), config);
}

#[test]
fn a_project_is_imported_with_its_folder() {
    let entry =
        json!({"mcpServers": {"run": {"command": "./bin/run", "args": ["${TOKEN:-none}"]}}});
    let bridge = Bridge::new().without_config().file(".mcp.json", &entry.to_string());
    bridge.run(&["import", "claude-code", "--project", "--yes"]).expect(0);
    let home = fs::canonicalize(bridge.home()).expect("it is there");
    let config = value(&bridge.path("config.json"));
    let expected =
        json!({"command": home.join("bin/run"), "args": ["${TOKEN:-none}"], "cwd": home});
    assert_eq!(config["servers"]["run"], expected);
}

#[test]
fn a_server_that_was_installed_is_the_same_in_a_client() {
    let entry = json!({"command": UPSTREAM, "args": ["--greet"]});
    let text = json!({"mcpServers": {"plain": entry}}).to_string();
    let recipe = recipe("plain", &["--greet"]);
    let bridge = with_recipe(Bridge::new().without_config(), &recipe).file(CURSOR, &text);
    bridge.run(&["install", "plain"]).expect(0);
    let output = bridge.run(&["import", "cursor", "--yes"]).expect(0);
    assert_words(&output.stdout, &["`plain` is there already"]);
    let config = value(&bridge.path("config.json"));
    assert_eq!(config["servers"].as_object().map(serde_json::Map::len), Some(1), "{config}");
}
