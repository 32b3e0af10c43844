//! Actions that change the config: only where its owner allows them, and never with a value in the answer.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    Bridge, assert_words, error_of, is_error, json_of, packaged, recipe, with_recipe,
};

fn arguments() -> [Value; 3] {
    [
        json!({"action": "remove", "server": "two"}),
        json!({"action": "set-env", "params": {"key": "SOME_KEY", "value": "hush-quince"}}),
        json!({"action": "set-mode", "params": {"mode": "auto"}}),
    ]
}

#[test]
fn agents_change_nothing_unless_the_config_says_so() {
    let mut client = Bridge::new().server("one", &[]).server("two", &[]).serve_initialized();
    let config = client.path("config.json");
    let before = fs::read_to_string(&config).expect("the config is there");
    let id = client.request("tools/list", json!({}));
    assert!(!client.result(id).to_string().contains("set-env"));
    for arguments in arguments() {
        let result = client.mcp(&arguments);
        let error = error_of(&result, "denied");
        assert_words(&error.to_string(), &["agentAdmin"]);
        assert!(!result.to_string().contains("quince"), "{result}");
    }
    assert_eq!(fs::read_to_string(&config).expect("the config is there"), before);
    assert!(!client.path(".env").exists());
}

#[test]
fn agents_change_the_config_where_it_says_so() {
    let bridge = Bridge::new().server("one", &[]).server("two", &[]).set("agentAdmin", true);
    let mut client = bridge.serve_initialized();
    let id = client.request("tools/list", json!({}));
    assert!(client.result(id).to_string().contains("set-env"));
    for arguments in arguments() {
        let result = client.mcp(&arguments);
        assert!(!is_error(&result), "{result}");
        assert!(!result.to_string().contains("quince"), "{result}");
        let answer = json_of(&result);
        assert_eq!(answer["action"], arguments["action"]);
        assert_eq!(answer["changed"], true, "{answer}");
        assert_words(answer["note"].as_str().unwrap_or_default(), &["within seconds"]);
    }
    let config = fs::read_to_string(client.path("config.json")).expect("the config is there");
    let config: Value = serde_json::from_str(&config).expect("the config is JSON");
    assert_eq!(config["mode"], "auto");
    assert!(config["servers"].get("two").is_none() && config["servers"].get("one").is_some());
    let env = fs::read_to_string(client.path(".env")).expect("the variables are there");
    assert_words(&env, &["SOME_KEY=", "hush-quince"]);
    client.assert_echo("one");
}

#[test]
fn changes_that_cannot_be_made_are_explained() {
    let mut client = Bridge::new().server("one", &[]).set("agentAdmin", true).serve_initialized();
    let unknown = client.mcp(&json!({"action": "remove", "server": "onne"}));
    assert_words(&error_of(&unknown, "unknown_server").to_string(), &["did you mean `one`"]);
    for (params, words) in [
        (json!({"key": "1 BAD", "value": "hush-quince"}), "letters of English"),
        (json!({"key": "GOOD"}), "needs `params.value`"),
        (json!({"key": "GOOD", "value": ["hush-quince"]}), "needs `params.value`"),
        (json!("GOOD=hush-quince"), "must be an object"),
    ] {
        let result = client.mcp(&json!({"action": "set-env", "params": params}));
        assert_words(&error_of(&result, "invalid_params").to_string(), &[words]);
        assert!(!result.to_string().contains("quince"), "{result}");
    }
    for key in ["PATH", "ld_preload", "NODE_OPTIONS", "npm_config_registry", "HTTPS_PROXY"] {
        let params = json!({"key": key, "value": "hush-quince"});
        let result = client.mcp(&json!({"action": "set-env", "params": params}));
        let error = error_of(&result, "invalid_params").to_string();
        assert_words(&error, &[key, "load or trust", "bridge set-env"]);
        assert!(!result.to_string().contains("quince"), "{result}");
    }
    assert!(!client.path(".env").exists(), "nothing was set");
    let result = client.mcp(&json!({"action": "set-mode", "params": {"mode": "fast"}}));
    assert_words(&error_of(&result, "invalid_params").to_string(), &["router, direct, auto"]);
}

#[test]
fn agents_install_what_nobody_has_to_agree_to() {
    let mut keyed = recipe("keyed", &[]);
    keyed["transports"][0]["env"] = json!({"KEY": "${SOME_KEY}"});
    keyed["auth"] = json!({"required": true, "type": "api-key", "envVars": ["SOME_KEY"], "credentialsUrl": "https://example.com/keys"});
    let with_recipes = |bridge| with_recipe(with_recipe(bridge, &keyed), &packaged("pack", &[]));
    let mut client = with_recipes(Bridge::new().server("one", &[])).serve_initialized();
    let result = client.mcp(&json!({"action": "install", "server": "keyed"}));
    assert_words(&error_of(&result, "denied").to_string(), &["agentAdmin"]);

    let bridge = with_recipes(Bridge::new().server("one", &[]).set("agentAdmin", true));
    let bridge = bridge.file(".env", "SOME_KEY=hush-quince\n");
    let mut client = bridge.serve_initialized();
    let found = json_of(&client.mcp(&json!({"action": "search", "intent": "keyed"})));
    assert_words(
        found["hint"].as_str().expect("a hint"),
        &["\"action\": \"install\"", "agreed to"],
    );
    for (arguments, missing) in [
        (json!({"action": "install", "server": "keyed"}), json!([])),
        (
            json!({"action": "install", "server": "keyed", "params": {"as": "work"}}),
            json!(["SOME_KEY_WORK"]),
        ),
    ] {
        let result = client.mcp(&arguments);
        assert!(!is_error(&result) && !result.to_string().contains("quince"), "{result}");
        let answer = json_of(&result);
        assert_eq!((&answer["missingVariables"], &answer["changed"]), (&missing, &json!(true)));
        assert_eq!(answer["credentialsUrl"], "https://example.com/keys");
    }
    let again = json_of(&client.mcp(&json!({"action": "install", "server": "keyed"})));
    assert_eq!(again["changed"], false, "{again}");
    let folder = client.path("lying-about");
    fs::create_dir(&folder).expect("made");
    fs::copy(client.path("recipes/keyed/recipe.json"), folder.join("recipe.json")).expect("copied");
    let path = client.path("recipes/keyed/recipe.json").display().to_string();
    for (arguments, code, words) in [
        (json!({"server": "pack"}), "denied", "`bridge install pack`"),
        (json!({"server": path}), "invalid_params", "no name of a recipe"),
        (json!({"server": "keyd"}), "not_found", "no recipe `keyd`"),
        (json!({"server": "lying-about"}), "not_found", "no recipe `lying-about`"),
        (
            json!({"server": "tavily@npm:evil-pkg"}),
            "invalid_params",
            "`npm:evil-pkg` is no version",
        ),
        (json!({"server": "tavily@evil.tgz"}), "invalid_params", "`evil.tgz` is no version"),
        (
            json!({"server": "keyed", "params": {"as": "one"}}),
            "invalid_params",
            "another server `one`",
        ),
        (json!({}), "invalid_params", "needs `server`"),
    ] {
        let mut arguments = arguments;
        arguments["action"] = "install".into();
        let result = client.mcp(&arguments);
        assert_words(&error_of(&result, code).to_string(), &[words]);
    }
    let config = fs::read_to_string(client.path("config.json")).expect("the config is there");
    let config: Value = serde_json::from_str(&config).expect("the config is JSON");
    assert_eq!(config["servers"]["work"]["env"]["KEY"], "${SOME_KEY_WORK}");
    assert!(config["servers"].get("pack").is_none());
    let lock = fs::read_to_string(client.path("bridge.lock")).expect("the lock is there");
    assert_words(&lock, &["\"keyed\": {", "\"work\": {"]);
    // What was locked of the same package is not forgotten by installing it once more.
    let known = lock.replacen(
        "\"transport\": \"stdio\"",
        "\"transport\": \"stdio\",\n\"tools\": {\"a\": \"1\"}",
        1,
    );
    fs::write(client.path("bridge.lock"), known).expect("written");
    fs::write(client.path("config.json"), "{\"servers\": {}, \"agentAdmin\": true}")
        .expect("written");
    let result = client.mcp(&json!({"action": "install", "server": "keyed"}));
    assert!(!is_error(&result), "{result}");
    let lock = fs::read_to_string(client.path("bridge.lock")).expect("the lock is there");
    let lock: Value = serde_json::from_str(&lock).expect("JSON");
    assert_eq!(lock["servers"]["keyed"]["tools"], json!({"a": "1"}));
}

#[test]
fn agents_forget_no_tools_and_leave_nothing_of_what_they_remove() {
    let mut plain = recipe("plain", &[]);
    plain["install"]["configFiles"] = json!([{"name": "settings.json", "content": "{}"}]);
    let bridge = with_recipe(Bridge::new().server("one", &[]).set("agentAdmin", true), &plain);
    let mut client = bridge.serve_initialized();
    let (config, file) = (client.path("config.json"), client.path("bridge.lock"));
    let before = fs::read_to_string(&config).expect("there");
    let lock = || -> Value {
        let lock = fs::read_to_string(&file).expect("the lock is there");
        serde_json::from_str(&lock).expect("JSON")
    };
    let install = json!({"action": "install", "server": "plain"});
    let result = client.mcp(&install);
    assert!(!is_error(&result), "{result}");
    // What was locked of the same package is not forgotten by installing it once more.
    let mut known = lock();
    known["servers"]["plain"]["tools"] = json!({"a": "1"});
    fs::write(&file, known.to_string()).expect("written");
    fs::write(&config, before).expect("written");
    let result = client.mcp(&install);
    assert!(!is_error(&result), "{result}");
    assert_eq!(lock()["servers"]["plain"]["tools"], json!({"a": "1"}));
    assert!(client.path("config/plain/settings.json").exists());
    let result = client.mcp(&json!({"action": "remove", "server": "plain"}));
    assert!(!is_error(&result), "{result}");
    assert!(!client.path("config/plain").exists());
    assert_eq!(lock()["servers"], json!({}));
}

#[test]
fn whoever_may_install_is_told_how() {
    let told = |may: bool| {
        let mut client = Bridge::new().set("agentAdmin", may).serve_initialized();
        let found = json_of(&client.mcp(&json!({"action": "search", "intent": "github"})));
        found["hint"].as_str().unwrap_or_default().to_owned()
    };
    assert_words(&told(false), &["the owner of the bridge installs one"]);
    assert_words(&told(true), &["{\"action\": \"install\""]);
}
