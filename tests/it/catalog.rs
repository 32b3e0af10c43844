//! `bridge search`, `bridge catalog`, and the actions of these names: what can be installed.

use serde_json::{Value, json};

use crate::support::{Bridge, assert_words, error_of, json_of};

fn ids(answer: &Value) -> Vec<&str> {
    let recipes = answer["recipes"].as_array().map(Vec::as_slice).unwrap_or_default();
    recipes.iter().filter_map(|recipe| recipe["id"].as_str()).collect()
}

/// A recipe for a server that bakes.
fn bakery(id: &str) -> String {
    json!({
        "schemaVersion": 2, "id": id, "name": "Bakery", "description": "Bakes sourdough bread",
        "repository": "https://example.com",
        "transports": [{ "type": "streamable-http", "url": "https://example.com/mcp" }],
        "metadata": {
            "category": "other", "tags": ["oven"],
            "toolExamples": [{ "name": "knead_dough", "description": "Kneads it" }]
        },
    })
    .to_string()
}

#[test]
fn servers_are_found_before_there_is_a_config() {
    let bridge = Bridge::new().without_config();
    let found = bridge.run(&["search", "search", "the", "web", "--json"]).expect(0).json();
    assert_eq!(found["query"], "search the web");
    let best = &found["recipes"][0];
    assert_eq!(best["score"], 1.0, "{found}");
    for key in ["id", "name", "description", "category", "needs", "transport", "source"] {
        assert!(best[key].is_string(), "{key}: {best}");
    }
    let text = bridge.run(&["search", "github"]).expect(0).stdout;
    let first = text.lines().next().expect("a line");
    assert!(first.starts_with("github ") && first.contains("key"), "{first}");
    assert_eq!(ids(&bridge.run(&["search", "githb", "--json"]).expect(0).json())[0], "github");
    assert_eq!(
        ids(&bridge.run(&["search", "repositories", "--limit", "1", "--json"]).json()).len(),
        1
    );
}

#[test]
fn what_suits_nothing_is_told_with_what_there_is() {
    let bridge = Bridge::new();
    let output = bridge.run(&["search", "zzyzx"]).expect(4);
    assert_eq!(output.stdout, "");
    assert_words(&output.stderr, &["`zzyzx`", "nearest names", "development"]);
    let output = bridge.run(&["search", "zzyzx", "--json"]).expect(4);
    assert_eq!(output.json()["recipes"], json!([]));
    bridge.run(&["search"]).expect(2);
    bridge.run(&["search", ""]).expect(2);
    let output = bridge.run(&["catalog", "--category", "developmnt"]).expect(4);
    assert_words(&output.stderr, &["did you mean `development`"]);
}

#[test]
fn the_catalog_is_listed_by_category() {
    let bridge = Bridge::new();
    let all = bridge.run(&["catalog", "--json"]).expect(0).json();
    let recipes = all["recipes"].as_array().expect("a list");
    assert!(recipes.len() >= 3);
    let order: Vec<(&str, &str)> = recipes
        .iter()
        .map(|it| (it["category"].as_str().expect("text"), it["id"].as_str().expect("text")))
        .collect();
    assert!(order.is_sorted(), "{order:?}");
    let some = bridge.run(&["catalog", "--category", "Development", "--json"]).expect(0).json();
    assert!(ids(&some).contains(&"github"));
    assert!(!ids(&some).contains(&"tavily"));
    let text = bridge.run(&["catalog"]).expect(0);
    assert!(text.stdout.lines().any(|line| line.starts_with("development ")), "{}", text.stdout);
    assert_words(&text.stderr, &["bridge search"]);
}

#[test]
fn recipes_of_the_user_come_first() {
    let bridge = Bridge::new()
        .file("recipes/bakery/recipe.json", &bakery("bakery"))
        .file("recipes/tavily/recipe.json", &bakery("tavily"))
        .file("recipes/misplaced/recipe.json", &bakery("another"))
        .file("recipes/broken/recipe.json", "{");
    let output = bridge.run(&["search", "knead", "dough", "--json"]).expect(0);
    let found = output.json();
    assert_eq!(ids(&found), ["bakery", "tavily"]);
    assert_eq!(found["recipes"][0]["source"], "home");
    let file = found["recipes"][0]["file"].as_str().expect("a file");
    assert!(file.ends_with("recipe.json"), "{file}");
    for words in ["`tavily` in", "hides the built-in", "misplaced", "broken"] {
        assert_words(&output.stderr, &[words]);
    }
    assert_eq!(found["notes"].as_array().map(Vec::len), Some(3), "{found}");
}

#[test]
fn agents_look_at_the_catalog_in_few_words() {
    let mut client = Bridge::new().serve_initialized();
    let list = client.request("tools/list", json!({}));
    let list = client.result(list).to_string();
    assert!(list.contains("\"search\"") && list.contains("action=search"), "{list}");
    let found = json_of(&client.mcp(&json!({"action": "search", "intent": "github issues"})));
    assert_eq!(found["action"], "search");
    assert_eq!(ids(&found)[0], "github");
    assert_eq!(found["recipes"][0]["needs"], "GITHUB_PERSONAL_ACCESS_TOKEN");
    assert!(found.to_string().len() < 2000, "{found}");
    assert_words(&found["hint"].to_string(), &["the owner", "`bridge install ID`"]);
    let same =
        json_of(&client.mcp(&json!({"action": "search", "params": {"query": "github issues"}})));
    assert_eq!(ids(&same), ids(&found));
    let all = json_of(&client.mcp(&json!({"action": "catalog"})));
    let development = all["categories"]["development"].as_array().expect("a list");
    assert!(development.contains(&json!("github")), "{all}");
    let arguments = json!({"action": "catalog", "params": {"category": "search"}});
    assert!(ids(&json_of(&client.mcp(&arguments))).contains(&"tavily"));
    let error = error_of(&client.mcp(&json!({"action": "search", "intent": "zzyzx"})), "not_found");
    assert_words(&error["hint"].to_string(), &["nearest names", "development"]);
    let arguments = json!({"action": "catalog", "params": {"category": "x"}});
    error_of(&client.mcp(&arguments), "not_found");
    error_of(&client.mcp(&json!({"action": "search"})), "invalid_params");
}

#[test]
fn the_config_turns_the_catalog_off() {
    let bridge = Bridge::new().set("catalog", false);
    for command in [&["search", "github"][..], &["catalog"]] {
        let output = bridge.run(command).expect(1);
        assert_words(&output.stderr, &["\"catalog\": false"]);
    }
    let mut client = bridge.serve_initialized();
    let list = client.request("tools/list", json!({}));
    let list = client.result(list).to_string();
    assert!(!list.contains("\"search\"") && !list.contains("action=search"), "{list}");
    for arguments in [json!({"action": "search", "intent": "x"}), json!({"action": "catalog"})] {
        let error = error_of(&client.mcp(&arguments), "denied");
        assert_words(&error["hint"].to_string(), &["catalog"]);
    }
}

#[test]
fn a_config_that_is_wrong_is_told() {
    let bridge = Bridge::new().set("catalogs", json!([{ "url": "http://catalog.example/" }]));
    let output = bridge.run(&["search", "github"]).expect(3);
    assert_words(&output.stderr, &["/catalogs/0/url", "https://"]);
    Bridge::new().run(&["--config", "missing.json", "catalog"]).expect(3);
}
