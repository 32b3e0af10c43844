//! `bridge.lock`: what is written there, installing by it, and what differs from it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Bridge, assert_words, packaged, recipe, with_recipe};

fn lock_of(bridge: &Bridge) -> Value {
    let text = fs::read_to_string(bridge.path("bridge.lock")).expect("it is there");
    serde_json::from_str(&text).expect("JSON")
}

/// A recipe whose server has the tools of a file.
fn changing(file: &str) -> Value {
    packaged("one", &["--tools-file", file])
}

const TOOL: &str =
    r#"[{"name": "extra", "description": "first", "inputSchema": {"type": "object"}}]"#;

fn bridge() -> Bridge {
    let bridge = Bridge::new().without_config().file("tools.json", TOOL);
    let file = bridge.path("tools.json").display().to_string();
    with_recipe(bridge, &changing(&file))
}

/// A server that is a script, so that it can be broken without its recipe being another one.
fn scripted() -> (Bridge, Value) {
    let bridge = Bridge::new().without_config().file("tools.json", TOOL);
    let file = bridge.path("tools.json").display().to_string();
    let script = bridge.path("server.sh").display().to_string();
    let mut recipe = packaged("one", &["--tools-file", &file]);
    let server = recipe["transports"][0]["command"].take();
    recipe["transports"][0]["command"] = "/bin/sh".into();
    let args = recipe["transports"][0]["args"].as_array_mut().expect("a list");
    args.insert(0, script.into());
    let script = format!("exec '{}' \"$@\"\n", server.as_str().expect("a path"));
    (bridge.file("server.sh", &script), recipe)
}

#[test]
fn installing_locks_versions_and_tools() {
    let bridge = bridge();
    bridge.run(&["install", "one@1.2.3", "--agree"]).expect(0);
    let lock = lock_of(&bridge);
    let one = &lock["servers"]["one"];
    assert_eq!((&lock["lockVersion"], &one["version"]), (&json!(1), &json!("1.2.3")));
    assert_eq!(
        (&one["recipe"], &one["source"], &one["method"], &one["package"]),
        (&json!("one"), &json!("home"), &json!("npx"), &json!("some-pkg"))
    );
    assert_eq!(one["recipeSha256"].as_str().map(str::len), Some(64));
    assert_eq!(one["tools"]["extra"].as_str().map(str::len), Some(64), "{one}");
    let before = fs::read(bridge.path("bridge.lock")).expect("there");
    // What is installed is found again without the lock.
    fs::remove_file(bridge.path("bridge.lock")).expect("removed");
    let output = bridge.run(&["lock"]).expect(0);
    assert_words(&output.stdout, &["wrote", "bridge.lock", "1 server"]);
    assert_eq!(fs::read(bridge.path("bridge.lock")).expect("there"), before);
    assert_words(&bridge.run(&["lock"]).expect(0).stdout, &["kept"]);
}

#[test]
fn locking_loses_nothing() {
    let (bridge, recipe) = scripted();
    let bridge = with_recipe(bridge, &recipe);
    bridge.run(&["install", "one", "--agree"]).expect(0);
    let file = bridge.path("bridge.lock");
    let before = fs::read_to_string(&file).expect("there");
    let recipe = bridge.path("recipes/one/recipe.json");
    let text = fs::read_to_string(&recipe).expect("there");
    let stays = |code: i32, words: &[&str]| {
        let output = bridge.run(&["lock"]).expect(code);
        assert_words(&output.stderr, words);
        assert_eq!(fs::read_to_string(&file).expect("there"), before);
    };
    // The recipe says something else, or is gone.
    fs::write(&recipe, text.replace("some-pkg", "other-pkg")).expect("written");
    stays(1, &["`one` stays in the lock as it was", "not what the recipe `one` says"]);
    fs::remove_file(&recipe).expect("removed");
    stays(1, &["`one` stays in the lock as it was"]);
    fs::write(&recipe, &text).expect("written");
    let script = bridge.path("server.sh");
    let works = fs::read_to_string(&script).expect("there");
    fs::write(&script, "exit 3").expect("written");
    stays(5, &["`one` cannot be reached"]);
    fs::write(&script, works).expect("written");
    stays(0, &[]);
    bridge.run(&["remove", "one"]).expect(0);
    fs::write(&file, &before).expect("written");
    bridge.run(&["lock"]).expect(0);
    assert_eq!(lock_of(&bridge)["servers"], json!({}));
}

#[test]
fn recipes_beside_the_lock_are_found_wherever_it_is() {
    let recipe = packaged("one", &[]).to_string();
    let here = Bridge::new().without_config().file("project/own/recipe.json", &recipe);
    let config = ["--config", "project/c.json"];
    let install = ["install", "./project/own", "--agree"];
    here.run(&[&config[..], &install[..]].concat()).expect(0);
    let lock = fs::read_to_string(here.path("project/bridge.lock")).expect("there");
    assert!(lock.contains("\"source\": \"file:./own/recipe.json\""), "{lock}");
    let there = Bridge::new().without_config().file("elsewhere/own/recipe.json", &recipe);
    let there = there.file("elsewhere/bridge.lock", &lock);
    there.run(&["--config", "elsewhere/c.json", "install", "--frozen", "--agree"]).expect(0);
    assert_eq!(fs::read_to_string(there.path("elsewhere/bridge.lock")).expect("there"), lock);
}

/// What installing by the lock says when it refuses, and that it installs nothing.
#[track_caller]
fn refuses(bridge: &Bridge, args: &[&str], code: i32, words: &[&str]) {
    let output = bridge.run(&[&["install", "--frozen", "--agree"], args].concat()).expect(code);
    assert_words(&output.stderr, words);
    let config = fs::read_to_string(bridge.path("config.json")).unwrap_or_default();
    assert!(!config.contains("some-pkg"), "{config}");
}

#[test]
fn frozen_installs_the_same_elsewhere_or_nothing() {
    let here = bridge();
    here.run(&["install", "one@1.2.3", "--agree"]).expect(0);
    let lock = fs::read_to_string(here.path("bridge.lock")).expect("there");
    let recipe = fs::read_to_string(here.path("recipes/one/recipe.json")).expect("there");
    let there = || Bridge::new().without_config().file("recipes/one/recipe.json", &recipe);
    let same = there().file("bridge.lock", &lock);
    same.run(&["install", "--frozen", "--agree"]).expect(0);
    let config = fs::read_to_string(same.path("config.json")).expect("there");
    assert!(config.contains("some-pkg@1.2.3"), "{config}");
    assert_eq!(fs::read_to_string(same.path("bridge.lock")).expect("there"), lock);

    refuses(&there(), &[], 4, &["no lock", "bridge lock"]);
    refuses(&there().file("bridge.lock", &lock), &["two"], 4, &["no server `two`", "`one`"]);
    refuses(&there().file("bridge.lock", "{"), &[], 1, &["damaged"]);
    let elsewhere = lock.replace("1.2.3", "npm:evil-pkg");
    refuses(&there().file("bridge.lock", &elsewhere), &[], 2, &["`npm:evil-pkg` is no version"]);
    let other = recipe.replace("Does one", "Does another");
    let other = Bridge::new()
        .without_config()
        .file("recipes/one/recipe.json", &other)
        .file("bridge.lock", &lock);
    refuses(&other, &[], 1, &["recipe `one` is not the one in the lock"]);
    fs::write(here.path("tools.json"), TOOL.replace("first", "second")).expect("written");
    refuses(
        &there().file("bridge.lock", &lock),
        &[],
        1,
        &["nothing was installed", "changed: extra"],
    );
}

/// A recipe with a file, a command behind its installation and a variable, and the lock of a machine that has it.
fn demanding() -> (Bridge, String, String) {
    let (here, mut recipe) = scripted();
    let here = here.env("ONE_KEY", "s3cret");
    recipe["transports"][0]["env"] = json!({"KEY": "${ONE_KEY}"});
    recipe["auth"] = json!({"required": true, "type": "api-key", "envVars": ["ONE_KEY"]});
    recipe["install"]["configFiles"] = json!([{"name": "settings.json", "content": "{}"}]);
    recipe["install"]["postInstall"] = json!(["echo ran > after"]);
    let here = with_recipe(here, &recipe);
    here.run(&["install", "one@1.2.3", "--agree"]).expect(0);
    let lock = fs::read_to_string(here.path("bridge.lock")).expect("there");
    (here, lock, recipe.to_string())
}

#[test]
fn frozen_leaves_nothing_of_what_it_refuses() {
    let (here, lock, recipe) = demanding();
    let there = || {
        let there = Bridge::new().without_config().file("recipes/one/recipe.json", &recipe);
        there.file("bridge.lock", &lock)
    };
    let nothing_is_left = |bridge: &Bridge| {
        for name in ["pins/one.json", "cache/lists/one.json", "config/one", "after"] {
            assert!(!bridge.path(name).exists(), "{name}");
        }
        assert_eq!(fs::read_to_string(bridge.path("bridge.lock")).expect("there"), lock);
    };
    // Without its variable it cannot be compared.
    let without = there();
    refuses(&without, &[], 1, &["nothing was installed", "`ONE_KEY` is set"]);
    assert!(!without.path("config.json").exists());
    nothing_is_left(&without);
    let with = there().file(".env", "ONE_KEY=s3cret\n");
    let set = |text: &str| fs::write(here.path("tools.json"), text).expect("written");
    set(&TOOL.replace("first", "second"));
    refuses(&with, &[], 1, &["nothing was installed", "changed: extra"]);
    nothing_is_left(&with);
    set(TOOL);
    let script = here.path("server.sh");
    let works = fs::read_to_string(&script).expect("there");
    fs::write(&script, "exit 3").expect("written");
    refuses(&with, &[], 1, &["nothing was installed", "`one` cannot be reached"]);
    nothing_is_left(&with);
    fs::write(&script, works).expect("written");
    with.run(&["install", "--frozen", "--agree"]).expect(0);
    for name in ["pins/one.json", "config/one/settings.json", "after"] {
        assert!(with.path(name).exists(), "{name}");
    }
}

#[test]
fn frozen_passes_over_nothing() {
    let bridge = bridge();
    bridge.run(&["install", "one@1.2.3", "--agree"]).expect(0);
    let lock = lock_of(&bridge);
    let frozen = |code: i32, words: &[&str]| {
        let output = bridge.run(&["install", "--frozen", "--agree"]).expect(code);
        assert_words(&format!("{}{}", output.stdout, output.stderr), words);
        let config = fs::read_to_string(bridge.path("config.json")).expect("there");
        assert!(config.contains("some-pkg@1.2.3"), "{config}");
    };
    frozen(0, &["`one` was already installed: it works"]);
    // What is installed already may have become another.
    fs::write(bridge.path("tools.json"), TOOL.replace("first", "second")).expect("written");
    frozen(1, &["tools of `one` are not those in the lock", "changed: extra", "bridge diff one"]);
    fs::write(bridge.path("tools.json"), TOOL).expect("written");
    let mut without = lock.clone();
    without["servers"]["one"].as_object_mut().expect("an object").remove("tools");
    fs::write(bridge.path("bridge.lock"), without.to_string()).expect("written");
    frozen(1, &["the lock has no tools of `one`", "`bridge lock`"]);
    bridge.run(&["remove", "one"]).expect(0);
    fs::write(bridge.path("bridge.lock"), without.to_string()).expect("written");
    refuses(&bridge, &[], 1, &["the lock has no tools of `one`", "`bridge lock`"]);
}

#[test]
fn what_is_downloaded_by_hand_can_be_frozen() {
    let mut by_hand = recipe("one", &[]);
    by_hand["install"]["version"] = "1.0".into();
    let here = with_recipe(Bridge::new().without_config(), &by_hand);
    here.run(&["install", "one"]).expect(0);
    assert_eq!(lock_of(&here)["servers"]["one"]["version"], "1.0");
    fs::remove_file(here.path("config.json")).expect("removed");
    here.run(&["install", "--frozen"]).expect(0);
}

#[test]
fn differences_of_tools_are_shown() {
    let bridge = bridge();
    bridge.run(&["install", "one", "--agree"]).expect(0);
    let output = bridge.run(&["diff"]).expect(0);
    assert_words(&output.stderr, &["as they are in the lock"]);
    let now =
        r#"[{"name": "echo", "description": "other"}, {"name": "newer", "description": "n"}]"#;
    fs::write(bridge.path("tools.json"), now).expect("written");
    let output = bridge.run(&["diff", "one"]).expect(1);
    assert_eq!(output.stdout, "one + newer\none - extra\none ~ echo\n");
    let told = bridge.run(&["diff", "--json"]).expect(1).json();
    let expected = json!({"added": ["newer"], "removed": ["extra"], "changed": ["echo"]});
    assert_eq!(told["servers"][0]["difference"], expected);
    assert_words(&bridge.run(&["diff", "two"]).expect(4).stderr, &["no server `two`"]);
    bridge.run(&["lock"]).expect(0);
    bridge.run(&["diff"]).expect(0);
    // What cannot be compared is not the same.
    let lock = lock_of(&bridge);
    let mut without = lock.clone();
    without["servers"]["one"].as_object_mut().expect("an object").remove("tools");
    fs::write(bridge.path("bridge.lock"), without.to_string()).expect("written");
    let output = bridge.run(&["diff"]).expect(1);
    assert_words(&output.stderr, &["no tools of `one` are locked"]);
    assert!(!output.stderr.contains("all tools are"), "{output:?}");
    fs::write(bridge.path("bridge.lock"), lock.to_string()).expect("written");
    fs::write(bridge.path("config.json"), "{\"servers\": {}}").expect("written");
    let output = bridge.run(&["diff"]).expect(1);
    assert_words(&output.stderr, &["`one` is in the lock and not in the config"]);
    assert!(!output.stderr.contains("all tools are"), "{output:?}");
    fs::remove_file(bridge.path("bridge.lock")).expect("removed");
    assert_words(&bridge.run(&["diff"]).expect(4).stderr, &["no lock", "bridge lock"]);
}

/// With a script in the place of a program, before all others on the search path.
fn standing_in(bridge: Bridge, program: &str, script: &str) -> Bridge {
    let bridge = bridge.file(&format!("bin/{program}"), &format!("#!/bin/sh\n{script}\n"));
    let file = bridge.path("bin").join(program);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("changed");
    let path = format!("{}:/usr/bin:/bin", bridge.path("bin").display());
    bridge.env("PATH", &path)
}

#[test]
fn newer_versions_are_told() {
    let mut plain = packaged("one", &[]);
    plain["install"]["version"] = "1.5.0".into();
    let bridge = with_recipe(Bridge::new().without_config(), &plain);
    let bridge = standing_in(bridge, "npm", "echo '\"2.0.0\"'");
    bridge.run(&["install", "one@1.2.3", "--agree"]).expect(0);
    let output = bridge.run(&["outdated"]).expect(0);
    assert_words(&output.stdout, &["some-pkg", "1.2.3", "1.5.0", "2.0.0", "outdated"]);
    let told = bridge.run(&["outdated", "--json"]).expect(0).json();
    assert_eq!(told["servers"][0]["newest"], "2.0.0");
    // A version that is newer than the newest is none that is outdated.
    let text = fs::read_to_string(bridge.path("bridge.lock")).expect("there");
    let standing = |version: &str| {
        let text = text.replace("\"1.2.3\"", &format!("\"{version}\""));
        fs::write(bridge.path("bridge.lock"), text).expect("written");
        let told = bridge.run(&["outdated", "--json"]).expect(0).json();
        (told["servers"][0]["outdated"].clone(), told["servers"][0]["differs"].clone())
    };
    assert_eq!(standing("10.0.0"), (json!(false), json!(false)));
    assert_eq!(standing("2.0.0-rc.1"), (json!(true), json!(false)));
    assert_eq!(standing("canary"), (json!(false), json!(true)));
    fs::write(bridge.path("bridge.lock"), &text).expect("written");
    // What the program complains of is told, without what it may have of a login.
    let said = r#"{"error": {"summary": "no answer of http://me:s3cret@127.0.0.1/some-pkg"}}"#;
    let bridge = standing_in(bridge, "npm", &format!("echo '{said}'; exit 1"));
    let output = bridge.run(&["outdated"]).expect(0);
    assert_words(
        &output.stderr,
        &["newest version of `one` is not known", "`npm` says", "http://127.0.0.1/some-pkg"],
    );
    assert!(!output.stderr.contains("s3cret"), "{output:?}");
    assert_words(&output.stdout, &["1.2.3", "1.5.0", "outdated"]);
}

/// Which program is asked, with which words and which stdin.
#[test]
fn the_program_that_fetches_a_package_is_asked_for_its_newest_version() {
    #[track_caller]
    fn check(method: &str, package: &str, program: &str, answer: &str, asked: &str) {
        let mut recipe = packaged("one", &[]);
        recipe["install"] = json!({"method": method, "package": package, "version": "1.0.0"});
        let bridge = with_recipe(Bridge::new().without_config(), &recipe);
        bridge.run(&["install", "one", "--agree"]).expect(0);
        let file = bridge.path("asked").display().to_string();
        let script = format!("(echo \"$@\"; cat; pwd) > '{file}'; echo '{answer}'");
        let bridge = standing_in(bridge, program, &script);
        let told = bridge.run(&["outdated", "--json"]).expect(0).json();
        assert_eq!(told["servers"][0]["newest"], "2.0.0", "{told}");
        let heard = fs::read_to_string(bridge.path("asked")).expect("it was asked");
        assert!(heard.starts_with(asked), "{heard}");
        // It runs where no project is.
        let folder = heard.lines().last().expect("its folder");
        assert!(!fs::exists(folder).expect("looked at"), "{folder}");
    }
    let npm = "view --json --loglevel=error -- @a/b dist-tags.latest\n/";
    check("npx", "@a/b", "npm", "\"2.0.0\"", npm);
    let uv = "pip compile --quiet --no-deps --no-build --no-header --no-annotate --no-python-downloads -\nmy-srv\n/";
    check("uvx", "my-srv[cli]", "uv", "my-srv==2.0.0", uv);
    let pip = "-m pip --disable-pip-version-check --no-input index versions -- my-srv\n/";
    check("pip", "my-srv", "python3", "my-srv (2.0.0)", pip);
}

/// Several are asked at once: each of the two programs waits for the other one to be there.
#[test]
fn packages_are_asked_for_together() {
    let bridge = Bridge::new().without_config();
    let (mut one, mut two) = (packaged("one", &[]), packaged("two", &[]));
    one["install"] = json!({"method": "npx", "package": "one-pkg", "version": "1.0.0"});
    two["install"] = json!({"method": "uvx", "package": "two-pkg", "version": "1.0.0"});
    let bridge = with_recipe(with_recipe(bridge, &one), &two);
    bridge.run(&["install", "one", "two", "--agree"]).expect(0);
    let (first, second) = (bridge.path("first"), bridge.path("second"));
    for fifo in [&first, &second] {
        let made = Command::new("mkfifo").arg(fifo).status().expect("it is there");
        assert!(made.success());
    }
    let (first, second) = (first.display(), second.display());
    let npm = format!("echo x > '{first}'; cat '{second}' > /dev/null; echo '\"2.0.0\"'");
    let uv = format!("cat '{first}' > /dev/null; echo x > '{second}'; echo two-pkg==3.0.0");
    let bridge = standing_in(standing_in(bridge, "npm", &npm), "uv", &uv);
    let told = bridge.run(&["outdated", "--json"]).expect(0).json();
    let newest = |at: usize| told["servers"][at]["newest"].clone();
    assert_eq!((newest(0), newest(1)), (json!("2.0.0"), json!("3.0.0")), "{told}");
}
