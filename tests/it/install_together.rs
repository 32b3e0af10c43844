//! Installations at the same time, and installations that are killed: nothing is lost, and nothing is half written.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Bridge, recipe, with_recipe};

const TOGETHER: usize = 20;

fn keyed(name: &str, variable: &str) -> Value {
    let mut recipe = recipe(name, &[]);
    recipe["transports"][0]["env"] = json!({ "KEY": format!("${{{variable}}}") });
    recipe["auth"] = json!({"required": true, "type": "api-key", "envVars": [variable]});
    recipe
}

fn start(home: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bridge"));
    command.env_clear().env("HOME", home).env("BRIDGE_HOME", home).current_dir(home).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("the bridge starts")
}

fn json_in(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("it is there");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn twenty_at_once_lose_nothing() {
    let mut bridge = Bridge::new().without_config().file("config.json", "{\"theme\": 1.0}\n");
    for index in 0..TOGETHER {
        bridge =
            with_recipe(bridge, &keyed(&format!("server-{index:02}"), &format!("KEY_{index:02}")));
    }
    let running: Vec<Child> = (0..TOGETHER)
        .flat_map(|index| {
            let (server, key) = (format!("server-{index:02}"), format!("KEY_{index:02}"));
            let install = start(bridge.home(), &["install", &server, "--yes"]);
            // Whoever sets variables takes turns with whoever installs.
            let set = start(bridge.home(), &["set-env", &key, "v"]);
            [install, set]
        })
        .collect();
    for child in running {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // The server may have been started before its key was set, or the other way round.
        assert!(matches!(output.status.code(), Some(0 | 5)), "{said}");
    }
    let (config, lock) =
        (json_in(&bridge.path("config.json")), json_in(&bridge.path("bridge.lock")));
    assert_eq!(config["theme"], 1.0);
    let env = fs::read_to_string(bridge.path(".env")).expect("it is there");
    for index in 0..TOGETHER {
        let name = format!("server-{index:02}");
        assert!(config["servers"][&name].is_object(), "{name} is not in {config}");
        assert!(lock["servers"][&name].is_object(), "{name} is not in {lock}");
        assert!(env.contains(&format!("KEY_{index:02}=v\n")), "{index} is not in {env}");
    }
}

/// Kills one installation after the other, each a little later in its life, as a power cut would: every file is whole,
/// and what was there before is still there.
#[test]
fn a_killed_installation_leaves_whole_files() {
    const FIRST: &str = "{\n  \"servers\": {\n    \"first\": {\n      \"command\": \"x\",\n      \"disabled\": true\n    }\n  }\n}\n";
    let mut bridge =
        Bridge::new().without_config().file("config.json", FIRST).file(".env", "A=1\n");
    let mut written = 0;
    for index in 0..40 {
        let name = format!("server-{index:02}");
        bridge = with_recipe(bridge, &keyed(&name, &format!("KEY_{index:02}")));
        let mut child = start(bridge.home(), &["install", &name, "--yes"]);
        thread::sleep(Duration::from_millis(index));
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
        let config = json_in(&bridge.path("config.json"));
        assert_eq!(config["servers"]["first"]["disabled"], true);
        written += usize::from(config["servers"][&name].is_object());
        assert_eq!(fs::read_to_string(bridge.path(".env")).expect("there"), "A=1\n");
        if bridge.path("bridge.lock").exists() {
            assert_eq!(json_in(&bridge.path("bridge.lock"))["lockVersion"], 1);
        }
    }
    let config = json_in(&bridge.path("config.json"));
    let servers = config["servers"].as_object().expect("an object");
    assert_eq!(servers.len(), written + 1, "what was once there stays");
    // The next one is not held up by what the killed ones held.
    bridge.run(&["install", "server-00", "--yes"]).expect(0);
    assert!(json_in(&bridge.path("config.json"))["servers"]["server-00"].is_object());
}
