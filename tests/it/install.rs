//! `bridge install` and `bridge remove`: what they show, write, ask for and take away again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Bridge, assert_words, packaged, recipe, run_at_terminal, with_recipe};

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn bridge(recipe: &Value) -> Bridge {
    with_recipe(Bridge::new().without_config(), recipe)
}

/// A recipe with a key, a file and an optional variable.
fn hub() -> Value {
    let mut hub = recipe("hub", &["--require-env", "HUB_KEY"]);
    hub["transports"][0]["env"] =
        json!({"HUB_KEY": "${HUB_KEY}", "DATA": "${CONFIG_DIR}", "REGION": "${HUB_REGION:-eu}"});
    hub["auth"] = json!({"required": true, "type": "api-key", "envVars": ["HUB_KEY", "HUB_REGION"],
        "credentialsUrl": "https://example.com/keys", "instructions": "Make a key with all rights"});
    hub["install"]["configFiles"] = json!([{"name": "a/settings.json", "content": "{\"x\": 1}"}]);
    hub
}

#[test]
fn a_server_without_a_key_works_at_once() {
    let bridge = bridge(&recipe("plain", &[]));
    let output = bridge.run(&["install", "plain"]).expect(0);
    assert_words(&output.stdout, &["`plain` installed: it works, with", "tools"]);
    assert_words(&output.stderr, &["Does plain", "runs", "test-upstream"]);
    let config: Value = serde_json::from_str(&read(&bridge.path("config.json"))).expect("JSON");
    assert_eq!(config["servers"]["plain"]["description"], "Does plain");
    assert_eq!(mode(&bridge.path("config.json")), 0o600);
    assert!(!bridge.path(".env").exists());
    let again = bridge.run(&["install", "plain"]).expect(0);
    assert_words(&again.stdout, &["`plain` was already installed"]);
    bridge.run(&["call", "plain", "echo", r#"{"message":"hi"}"#]).expect(0);
}

#[test]
fn what_is_missing_is_told_and_the_entry_is_written() {
    let bridge = bridge(&hub());
    let output = bridge.run(&["install", "hub"]).expect(0);
    assert_words(
        &output.stdout,
        &["`hub` installed", "left out until", "`bridge set-env HUB_KEY`"],
    );
    assert_words(
        &output.stderr,
        &[
            "needs  HUB_KEY",
            "takes  HUB_REGION",
            "https://example.com/keys",
            "all rights",
            "${CONFIG_DIR}/a/settings.json",
        ],
    );
    let file = bridge.path("config/hub/a/settings.json");
    assert_eq!((read(&file).as_str(), mode(&file)), ("{\"x\": 1}", 0o600));
    assert_eq!(mode(&bridge.path("config/hub")), 0o700);
    bridge.run_with_input(&["set-env", "HUB_KEY"], "s3cret").expect(0);
    let output = bridge.run(&["install", "hub"]).expect(0);
    assert_words(&output.stdout, &["already installed"]);
    bridge.run(&["tools", "hub"]).expect(0);
}

#[test]
fn a_dry_run_writes_nothing() {
    let mut hub = hub();
    let packaged = packaged("hub", &["--require-env", "HUB_KEY"]);
    hub["install"] = packaged["install"].clone();
    hub["transports"][0]["args"] = packaged["transports"][0]["args"].clone();
    let bridge = bridge(&hub);
    let output = bridge.run(&["install", "hub", "--dry-run"]).expect(0);
    assert_words(
        &output.stdout,
        &["test-upstream --name some-pkg --require-env HUB_KEY", "needs  HUB_KEY", "to agree to:"],
    );
    let plan = bridge
        .run(&["install", "hub@1.2.3", "--as", "work", "--dry-run", "--json"])
        .expect(0)
        .json();
    assert_eq!(plan["dryRun"], true);
    let server = &plan["servers"][0];
    assert_eq!((&server["name"], &server["version"]), (&json!("work"), &json!("1.2.3")));
    assert_eq!(server["entry"]["env"]["HUB_KEY"], "${HUB_KEY_WORK}");
    assert_eq!(server["entry"]["args"][1], "some-pkg@1.2.3");
    assert_eq!(server["missing"], json!(["HUB_KEY_WORK"]));
    for name in ["config.json", ".env", "bridge.lock", "config"] {
        assert!(!bridge.path(name).exists(), "{name}");
    }
}

#[test]
fn formatting_order_and_unknown_parts_stay() {
    let config = "{\r\n\t\"mcpServers\" : {\r\n\t\t\"git\" : { \"command\":\"x\", \"y\" : 1.0 }\r\n\t},\r\n\t\"theme\" : \"dark\"\r\n}\r\n";
    let bridge =
        bridge(&hub()).file("config.json", config).file(".env", "# mine\nHUB_KEY=s3cret\n");
    let output = bridge.run(&["install", "hub", "--json"]).expect(0);
    assert!(!format!("{output:?}").contains("s3cret"), "{output:?}");
    let told = output.json();
    assert_eq!(told["servers"][0]["status"], "installed");
    assert!(told["servers"][0]["tools"].as_u64() > Some(0), "{told}");
    let after = read(&bridge.path("config.json"));
    let (start, end) = config.split_at(config.find("\r\n\t},").expect("it is there"));
    assert!(after.starts_with(start) && after.ends_with(end), "{after}");
    assert!(after.contains(",\r\n\t\t\"hub\" : {\r\n\t\t\t\"transport\": \"stdio\""), "{after}");
    assert_eq!(read(&bridge.path(".env")), "# mine\nHUB_KEY=s3cret\n");

    bridge.run(&["remove", "hub"]).expect(0);
    assert_eq!(read(&bridge.path("config.json")), config);
}

#[test]
fn what_cannot_be_installed_changes_nothing() {
    #[track_caller]
    fn check(config: &str, args: &[&str], code: i32, words: &[&str]) {
        let bridge = bridge(&recipe("plain", &[])).file("config.json", config);
        let output = bridge.run(&[&["install"], args].concat()).expect(code);
        assert_words(&output.stderr, words);
        assert_eq!(output.stdout, "");
        assert_eq!(read(&bridge.path("config.json")), config);
        assert!(!bridge.path("bridge.lock").exists());
    }
    check("{}", &["githbu"], 4, &["no recipe `githbu`", "`github`"]);
    check("{}", &["plain", "githbu"], 4, &["no recipe `githbu`"]);
    check("{}", &["./none/recipe.json"], 4, &["nothing at"]);
    check("{,}", &["plain"], 3, &["config.json"]);
    check("{\"mode\": \"faulty\"}", &["plain"], 3, &["mode"]);
    check("{\"servers\": []}", &["plain"], 3, &["/servers"]);
    let other = "{\"servers\": {\"plain\": {\"command\": \"x\"}}}";
    check(other, &["plain"], 1, &["another server `plain`", "--as", "bridge remove plain"]);
    check("{}", &["plain", "--transport", "sse"], 2, &["cannot be reached by `sse`", "stdio"]);
    check("{}", &["tavily@npm:evil-pkg"], 2, &["`npm:evil-pkg` is no version", "are permitted"]);
    check("{}", &["tavily@npm:evil-pkg", "--dry-run"], 2, &["is no version"]);
    check("{}", &["tavily@git+ssh://git@host/evil"], 2, &["is no version"]);
    check("{}", &["plain", "plain"], 2, &["two servers would be called `plain`"]);
    check("{}", &["plain", "tavily", "--as", "x"], 2, &["--as"]);
    check("{}", &["plain", "--as", "Not Good"], 2, &["no server name"]);
    check("{}", &[], 2, &["NAME"]);
}

#[test]
fn a_folder_in_the_current_one_hides_no_recipe() {
    let mut evil = recipe("tavily", &[]);
    evil["description"] = "Not it".into();
    let bridge = Bridge::new().without_config().file("tavily/recipe.json", &evil.to_string());
    let plan = |name: &str| bridge.run(&["install", name, "--dry-run"]).expect(0).stdout;
    assert_words(&plan("tavily"), &["(built in)", "tavily-mcp"]);
    assert_words(&plan("./tavily"), &["Not it"]);
}

#[test]
fn why_a_server_cannot_be_reached_is_told() {
    #[track_caller]
    fn check(recipe: &Value, words: &[&str]) {
        let bridge = bridge(recipe);
        let output = bridge.run(&["install", "one", "--agree"]).expect(5);
        assert_words(&output.stdout, &["`one` installed, and cannot be reached"]);
        assert_words(&output.stdout, words);
        let config = read(&bridge.path("config.json"));
        assert!(config.contains("\"one\""), "{config}");
        let told = bridge.run(&["tools", "one"]).expect(5);
        assert!(!told.stderr.is_empty());
    }
    let mut missing = recipe("one", &[]);
    missing["install"] = json!({"method": "npx", "package": "one"});
    missing["transports"][0]["command"] = "npx".into();
    missing["transports"][0]["env"] = json!({"PATH": "/nowhere"});
    check(&missing, &["`npx` was not found", "install Node.js"]);
    missing["transports"][0]["command"] = "uvx".into();
    check(&missing, &["`uvx` was not found", "install uv"]);
    check(
        &recipe("one", &["--exit-at-start", "3", "--stderr", "the licence has run out"]),
        &["exit code 3", "the licence has run out"],
    );
}

#[test]
fn commands_are_run_only_when_somebody_agreed() {
    let mut with_command = recipe("one", &[]);
    with_command["install"]["preInstall"] =
        json!(["echo before >> log; echo \"${HUB_KEY-none}\" >> log"]);
    with_command["install"]["postInstall"] = json!(["echo after >> log"]);
    let bridge = bridge(&with_command).env("HUB_KEY", "s3cret");
    for flags in [&["install", "one"][..], &["install", "one", "--yes"]] {
        let output = bridge.run(flags).expect(2);
        assert_words(&output.stderr, &["to agree to: it runs echo before", "--agree"]);
        assert!(!bridge.path("log").exists() && !bridge.path("config.json").exists());
    }
    bridge.run(&["install", "one", "--agree"]).expect(0);
    assert_eq!(read(&bridge.path("log")), "before\nnone\nafter\n");
    let mut broken = recipe("two", &[]);
    broken["install"]["preInstall"] = json!(["echo to stdout; exit 3"]);
    let bridge = with_recipe(bridge, &broken);
    let before = read(&bridge.path("config.json"));
    let output = bridge.run(&["install", "two", "--agree"]).expect(1);
    assert_words(&output.stderr, &["to stdout", "failed", "nothing was written"]);
    assert_eq!((output.stdout.as_str(), read(&bridge.path("config.json"))), ("", before));
}

#[test]
fn keys_are_asked_for_and_not_shown() {
    let mut hub = hub();
    hub["transports"][0]["env"]["WHO"] = "${HUB_USER}".into();
    hub["transports"][0]["env"]["WHERE"] = "${HUB_FOLDER}".into();
    hub["auth"]["envVars"] = json!(["HUB_KEY", "HUB_USER", "HUB_FOLDER"]);
    hub["transports"][0]["env"]["REGION"] = "eu".into();
    let bridge = bridge(&hub).file(".env", "A=1");
    let mut typed = 0;
    let output = run_at_terminal(bridge.home(), &["install", "hub"], |screen| {
        let prompts = [
            ("install `hub`? [y/N] ", "y\n"),
            ("HUB_KEY (not shown", "s3cret $x\n"),
            ("HUB_USER (empty", "ann\n"),
            ("HUB_FOLDER (empty", "~/notes\n"),
        ];
        let (prompt, answer) = prompts.get(typed)?;
        let waits = screen.contains(prompt) && screen.trim_end_matches(' ').ends_with([']', ':']);
        waits.then(|| {
            typed += 1;
            *answer
        })
    });
    let output = output.expect(0);
    assert_eq!(typed, 4, "{output:?}");
    assert!(!output.stdout.contains("s3cret"), "{output:?}");
    assert_words(&output.stdout, &["`hub` installed: it works", "ann"]);
    let env = bridge.path(".env");
    let folder = bridge.path("notes");
    let expected =
        format!("A=1\nHUB_KEY='s3cret $x'\nHUB_USER=ann\nHUB_FOLDER={}\n", folder.display());
    assert_eq!(read(&env), expected, "what is no secret is shown, and `~` filled in");
    assert_eq!(mode(&env), 0o600);
    let config = read(&bridge.path("config.json"));
    assert!(config.contains("${HUB_KEY}") && !config.contains("s3cret"), "{config}");
}

#[test]
fn an_interrupted_question_leaves_the_terminal_as_it_was() {
    let bridge = bridge(&recipe("plain", &[])).file(".env", "A=1").file("config.json", "{}");
    let mut interrupted = false;
    let output = run_at_terminal(bridge.home(), &["set-env", "HUB_KEY"], |screen| {
        let waits = screen.ends_with("HUB_KEY (not shown): ") && !interrupted;
        waits.then(|| {
            interrupted = true;
            "s3cr\u{3}"
        })
    });
    assert!(interrupted && output.code != 0, "{output:?}");
    assert!(!output.stdout.contains("s3cr"), "{output:?}");
    assert_eq!(read(&bridge.path(".env")), "A=1");
}

#[test]
fn a_no_installs_nothing() {
    let bridge = bridge(&recipe("plain", &[]));
    let mut answered = false;
    let output = run_at_terminal(bridge.home(), &["install", "plain"], |screen| {
        let asks = screen.contains("[y/N]") && !answered;
        answered |= asks;
        asks.then_some("n\n")
    });
    assert_words(&output.expect(1).stdout, &["nothing was installed"]);
    assert!(!bridge.path("config.json").exists());
}

#[test]
fn remove_undoes_it() {
    let bridge = with_recipe(bridge(&hub()), &recipe("plain", &[]));
    let bridge = bridge.file(".env", "HUB_KEY=1\nHUB_KEY_WORK=2\nA=1\n");
    bridge.run(&["install", "hub", "plain"]).expect(0);
    bridge.run(&["install", "hub", "--as", "work"]).expect(0);
    for name in ["config/hub", "config/work", "pins/hub.json", "cache/lists/hub.json"] {
        assert!(bridge.path(name).exists(), "{name}");
    }
    let output = bridge.run(&["remove", "hub"]).expect(0);
    assert_words(&output.stderr, &["`HUB_KEY` stays", "the folder", "its pins", "bridge.lock"]);
    for name in ["config/hub", "pins/hub.json", "cache/lists/hub.json"] {
        assert!(!bridge.path(name).exists(), "{name}");
    }
    let lock = read(&bridge.path("bridge.lock"));
    assert!(!lock.contains("\"hub\": {") && lock.contains("\"work\": {"), "{lock}");
    let told = bridge.run(&["remove", "work", "plain", "--purge", "--json"]).expect(0).json();
    assert_eq!(told["servers"][0]["purgedVariables"][0]["name"], "HUB_KEY_WORK");
    assert_eq!(read(&bridge.path(".env")), "HUB_KEY=1\nA=1\n");
    assert_eq!(read(&bridge.path("config.json")), "{\n  \"servers\": {}\n}\n");
}
