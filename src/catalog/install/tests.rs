//! Plans of recipes, and their commands.

use serde_json::{Value, json};

use super::{Error, Plan, Wish};
use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::catalog::{Entry, Origin};
use crate::config::ServerName;
use crate::recipe::{Recipe, check};

/// A recipe by stdio that is got in this way.
pub(super) fn recipe_of(install: &Value) -> Recipe {
    let recipe = json!({
        "schemaVersion": 2, "id": "one", "name": "One", "description": "d", "repository": "https://example.com",
        "transports": [{"type": "stdio", "command": "run-one"}], "install": install,
    });
    read(&recipe)
}

fn read(recipe: &Value) -> Recipe {
    let checked = check(recipe.to_string().as_bytes(), std::time::SystemTime::now());
    checked.recipe.unwrap_or_else(|| panic!("{:?}", checked.findings))
}

fn plan_in(home: &std::path::Path, recipe: &Value, wish: &Wish) -> Result<Plan, Error> {
    let environment = Environment::from_pairs([
        ("BRIDGE_HOME", home.to_str().expect("Unicode")),
        ("PATH", "/nowhere"),
        ("SOME_SECRET", "s3cret"),
    ]);
    let paths = Paths::new(&environment).expect("a home folder");
    Plan::new(&source(recipe, Origin::BuiltIn), wish, &paths, &environment)
}

fn source(recipe: &Value, origin: Origin) -> Entry {
    Entry { recipe: read(recipe), origin, sha256: String::new(), findings: Vec::new() }
}

fn plan(recipe: &Value, wish: &Wish) -> Result<Plan, Error> {
    plan_in(std::path::Path::new("/nowhere/home"), recipe, wish)
}

fn hub() -> Value {
    json!({
        "schemaVersion": 2, "id": "hub", "name": "Hub", "description": "Asks the hub",
        "repository": "https://example.com",
        "transports": [
            {"type": "sse", "url": "https://example.com/sse"},
            {"type": "streamable-http", "url": "https://${HUB_HOST:-example.com}/mcp",
             "headers": {"Authorization": "Bearer ${HUB_TOKEN}"}},
            {"type": "stdio", "command": "npx", "args": ["-y", "hub-mcp", "--at", "${HUB_HOST:-eu}", "two words"],
             "env": {"TOKEN": "${HUB_TOKEN}", "DATA": "${CONFIG_DIR}/data", "WHO": "${USER}"}, "framing": "newline"},
        ],
        "install": {"method": "npx", "package": "hub-mcp",
                    "configFiles": [{"name": "a/b.json", "content": "{}"}]},
        "auth": {"required": true, "type": "api-key", "envVars": ["HUB_TOKEN", "HUB_HOST", "USER"]},
    })
}

fn wish(alias: Option<&str>, version: Option<&str>, transport: Option<&str>) -> Wish {
    Wish {
        alias: alias.map(|alias| ServerName::parse(alias).expect("a name")),
        version: version.map(str::to_owned),
        transport: transport.map(str::to_owned),
    }
}

#[test]
fn the_preferred_transport_becomes_the_entry() {
    let plan = plan(&hub(), &Wish::default()).expect("a plan");
    assert_eq!(plan.name.as_str(), "hub");
    let entry = json!({
        "transport": "stdio", "description": "Asks the hub", "command": "npx",
        "args": ["-y", "hub-mcp", "--at", "${HUB_HOST:-eu}", "two words"],
        "env": {"TOKEN": "${HUB_TOKEN}", "DATA": "${CONFIG_DIR}/data", "WHO": "${USER}"}, "framing": "newline",
    });
    assert_eq!(Value::Object(plan.entry.clone()), entry);
    assert_eq!(plan.runs(), "npx -y hub-mcp --at ${HUB_HOST:-eu} 'two words'");
    let variables: Vec<_> =
        plan.variables.iter().map(|v| (v.name.as_str(), v.is_needed, v.is_secret)).collect();
    assert_eq!(
        variables,
        [("HUB_HOST", false, false), ("HUB_TOKEN", true, true), ("USER", true, false)]
    );
    assert_eq!((plan.version.as_deref(), plan.package()), (None, Some("hub-mcp")));
    assert!(plan.steps.is_empty() && plan.by_hand.is_empty());
    assert_eq!(plan.files[0].name, "a/b.json");
}

#[test]
fn a_second_account_has_variables_of_its_own() {
    let plan = plan(&hub(), &wish(Some("my-hub"), Some("2.0.1"), None)).expect("a plan");
    assert_eq!(plan.name.as_str(), "my-hub");
    assert_eq!(
        plan.entry["env"],
        json!({"TOKEN": "${HUB_TOKEN_MY_HUB}", "DATA": "${CONFIG_DIR}/data", "WHO": "${USER_MY_HUB}"})
    );
    assert_eq!(plan.entry["args"][1], "hub-mcp@2.0.1");
    assert_eq!(plan.entry["args"][3], "${HUB_HOST_MY_HUB:-eu}");
    assert_eq!(plan.version.as_deref(), Some("2.0.1"));
}

#[test]
fn another_transport_can_be_chosen() {
    let chosen = plan(&hub(), &wish(None, None, Some("streamable-http"))).expect("a plan");
    assert_eq!(chosen.entry["headers"]["Authorization"], "Bearer ${HUB_TOKEN}");
    assert_eq!(chosen.runs(), "https://${HUB_HOST:-example.com}/mcp");
    assert_eq!((chosen.method(), chosen.package()), (None, None));
    let check = |wish: Wish, words: &str| {
        let fault = plan(&hub(), &wish).expect_err("it cannot be");
        assert!(fault.to_string().contains(words), "{fault}");
    };
    check(wish(None, None, Some("http")), "cannot be reached by `http`");
    check(wish(None, Some("1.0"), Some("sse")), "it runs elsewhere");
    check(wish(None, Some("1 --x"), None), "is no version");
    let mut other = hub();
    other["install"]["package"] = "hub-other".into();
    let fault = plan(&other, &wish(None, Some("1.0"), None)).expect_err("nothing to pin");
    assert!(fault.to_string().contains("do not name its package"), "{fault}");
}

#[test]
fn what_has_to_be_run_is_told_as_it_will_be_run() {
    #[track_caller]
    fn check(install: Value, version: Option<&str>, steps: &[&str], by_hand: &str) {
        let mut recipe = hub();
        recipe["transports"] = json!([{"type": "stdio", "command": "no-such-program"}]);
        recipe["auth"] = json!({});
        recipe["install"] = install;
        let plan = plan(&recipe, &wish(None, version, None)).expect("a plan");
        let lines: Vec<String> = plan.steps.iter().map(super::Step::line).collect();
        assert_eq!(lines, steps);
        let found = plan.by_hand.concat();
        assert!(found.contains(by_hand) && found.is_empty() == by_hand.is_empty(), "{found}");
    }
    let hub = std::path::absolute("/nowhere/home").expect("a path").join("sources").join("hub");
    let hub = hub.display();
    check(json!({"method": "npm", "package": "@a/b"}), None, &["npm install --global -- @a/b"], "");
    check(
        json!({"method": "pip", "package": "a", "version": "1.0", "postInstall": ["a --init"]}),
        Some("2.0"),
        &["python3 -m pip install --user -- a==2.0", "a --init"],
        "",
    );
    check(json!({"method": "go", "package": "x/y"}), None, &["go install -- x/y@latest"], "");
    check(
        json!({"method": "git", "repository": "https://x/y", "buildCommand": "make all"}),
        Some("v1"),
        &[
            &format!("git clone --depth 1 --branch v1 -- https://x/y {hub}"),
            &format!("cd {hub} && make all"),
        ],
        "",
    );
    check(json!({"method": "binary", "binary": "https://x/y"}), None, &[], "from https://x/y");
    check(json!({"method": "git"}), None, &[], "clone and build");
    check(
        json!({"method": "npx", "package": "a", "preInstall": ["echo 'hi'"]}),
        None,
        &["echo 'hi'"],
        "",
    );
}

#[test]
fn what_nobody_signed_has_to_be_agreed_to() {
    let environment = Environment::from_pairs([("BRIDGE_HOME", "/nowhere/home")]);
    let paths = Paths::new(&environment).expect("a home folder");
    let told = |signed_by: Option<&str>| {
        let catalog = "https://example.com/catalog.json".to_owned();
        let origin = Origin::Remote { catalog, signed_by: signed_by.map(str::to_owned) };
        let source = source(&hub(), origin);
        let plan = Plan::new(&source, &Wish::default(), &paths, &environment).expect("a plan");
        (plan.needs_consent(), plan.concerns.first().map(ToString::to_string))
    };
    assert_eq!(told(Some("0123456789abcdef")), (false, None));
    let (needs_consent, concern) = told(None);
    let concern = concern.expect("it is told");
    assert!(needs_consent && concern.contains("catalog.json` offers this recipe unsigned"));
}

#[test]
fn what_decides_what_runs_has_to_be_the_same() {
    let plan = plan(&hub(), &Wish::default()).expect("a plan");
    let check = |key: &str, value: Value, expected: bool| {
        let mut entry = Value::Object(plan.entry.clone());
        entry[key] = value;
        assert_eq!(plan.is_entry(&entry), expected, "{key}");
    };
    check("trust", json!("sanitize"), true);
    check("toolFilter", json!({}), true);
    check("cwd", json!("/tmp"), false);
    check("url", json!("https://example.com"), false);
    check("headers", json!({}), false);
    check("args", json!([]), false);
    check("env", json!({}), false);
}

#[test]
fn what_will_run_is_looked_at_with_its_version() {
    #[track_caller]
    fn check(version: Option<&str>, args: &Value, platform: &Value, expected: &[&str]) {
        let mut recipe = hub();
        recipe["transports"] = json!([{"type": "stdio", "command": "npx", "args": args}]);
        recipe["auth"] = json!({});
        recipe["install"] = json!({"method": "npx", "package": "hub-mcp", "version": "evil.tgz"});
        for system in ["linux", "darwin", "win32"] {
            recipe["install"]["platforms"][system] = platform.clone();
        }
        let plan = plan(&recipe, &wish(None, version, None)).expect("a plan");
        let found: Vec<&str> = plan.concerns.iter().map(|concern| concern.what.as_str()).collect();
        assert_eq!(found, expected);
    }
    let args = json!(["-y", "hub-mcp"]);
    let own = json!({"args": ["-y", "hub-mcp", "--here"]});
    check(None, &args, &json!({}), &["hub-mcp@evil.tgz", "evil.tgz"]);
    check(None, &args, &own, &["evil.tgz", "hub-mcp@evil.tgz"]);
    check(Some("1.0"), &args, &json!({}), &[]);
    check(Some("1.0"), &json!(["-y", "hub-mcp@npm:evil"]), &json!({}), &[]);
    check(Some("1.0"), &json!(["-y", "hub-mcp@npm:evil"]), &own, &["hub-mcp@npm:evil"]);
}

#[cfg(unix)]
#[tokio::test]
async fn commands_run_without_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recipe = hub();
    let file = folder.path().join("out");
    let line = format!("echo \"${{SOME_SECRET-none}}\" > '{}'", file.display());
    recipe["install"]["preInstall"] = json!([line, "exit 3"]);
    let plan = plan_in(folder.path(), &recipe, &Wish::default()).expect("a plan");
    let environment = Environment::from_pairs([("SOME_SECRET", "s3cret"), ("PATH", "/bin")]);
    plan.steps[0].run(&environment, None).await.expect("it runs");
    assert_eq!(std::fs::read_to_string(&file).expect("written"), "none\n");
    let broken = plan.steps[1].run(&environment, None).await.expect_err("it says so");
    assert!(broken.to_string().contains("`exit 3` failed"), "{broken}");
}

/// A `git` that makes the folder it is to clone into, and says there what was asked for.
#[cfg(unix)]
#[tokio::test]
async fn only_a_build_that_ended_well_counts() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path();
    let git = home.join("git");
    let script =
        "#!/bin/sh\nfor last; do :; done\nmkdir -p \"$last/.git\"\necho \"$@\" > \"$last/asked\"\n";
    fs::write(&git, script).expect("written");
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).expect("changed");
    let mut recipe = hub();
    recipe["transports"] = json!([{"type": "stdio", "command": "run-it"}]);
    recipe["auth"] = json!({});
    let build = format!("touch partial && test -e '{}' && touch built", home.join("may").display());
    recipe["install"] =
        json!({"method": "git", "repository": "https://example.com/x", "buildCommand": build});
    let path = format!("{}:/usr/bin:/bin", home.display());
    let environment = Environment::from_pairs([("PATH", path.as_str())]);
    let run = async |version: Option<&str>| {
        let plan = plan_in(home, &recipe, &wish(None, version, None)).expect("a plan");
        for step in &plan.steps {
            step.run(&environment, None).await?;
        }
        Ok::<_, super::Broken>(plan.steps.len())
    };
    let source = home.join("sources/hub");
    let may = |may: bool| {
        if may {
            fs::write(home.join("may"), "").expect("written");
        }
        if !may {
            fs::remove_file(home.join("may")).expect("removed");
        }
    };
    run(None).await.expect_err("it cannot be built yet");
    assert!(!source.exists());
    may(true);
    assert_eq!(run(None).await.expect("it can"), 2);
    assert!(source.join("built").exists());
    assert_eq!(run(None).await.expect("it was"), 0);
    // Another version is built anew, and what was there stays for as long as that fails.
    may(false);
    run(Some("v2")).await.expect_err("it cannot be built");
    assert!(source.join("built").exists());
    assert_eq!(run(None).await.expect("it is there"), 0);
    may(true);
    assert_eq!(run(Some("v2")).await.expect("it can"), 2);
    let asked = fs::read_to_string(source.join("asked")).expect("cloned");
    assert!(asked.contains("--branch v2"), "{asked}");
    assert_eq!(fs::read_dir(home.join("sources")).expect("a folder").count(), 1);
    // What somebody has put there, or a build that was cut off, is not taken for one.
    fs::remove_dir_all(source.join(".git")).expect("removed");
    assert_eq!(run(Some("v2")).await.expect("it can"), 2);
}

#[cfg(unix)]
#[test]
fn files_are_private_and_stay_as_their_owner_left_them() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("config/hub");
    let files = read(&hub()).install.expect("it is there").config_files;
    let path = own.join("a/b.json");
    assert_eq!(super::write_files(&own, &files).expect("written"), [(path.clone(), true)]);
    let mode =
        |path: &std::path::Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&own)), (0o600, 0o700));
    std::fs::write(&path, "mine").expect("written");
    assert_eq!(super::write_files(&own, &files).expect("kept"), [(path.clone(), false)]);
    assert_eq!(std::fs::read_to_string(&path).expect("there"), "mine");
    assert!(super::files::forget_files(&own).expect("gone") && !own.exists());
    assert!(!super::files::forget_files(&own).expect("nothing there"));
}
