//! Installations at the same time, and installations that are killed: nothing is lost, and nothing is half written.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Bridge, recipe, with_recipe};
#[cfg(target_os = "linux")]
use crate::support::{descendants, eventually, wait_gone};

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

/// When an installation is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// While the command before the entry runs.
    Before,
    /// Once anything in the home folder is another than it was: a file that is being written, or its lock.
    Writing,
    /// Once the config is another one.
    Written,
    /// While the command after the entry runs.
    After,
}

const FIRST: &str = "{\n  \"servers\": {\n    \"first\": {\n      \"command\": \"x\",\n      \"disabled\": true\n    }\n  }\n}\n";

/// Kills one installation after the other, as a power cut would: every file is whole, what was there before is still
/// there, and the entry is there from the moment at which it was written.
#[test]
fn a_killed_installation_leaves_whole_files() {
    let mut bridge =
        Bridge::new().without_config().file("config.json", FIRST).file(".env", "A=1\n");
    let mut written = 0;
    for index in 0..16 {
        let moment = [Moment::Before, Moment::Writing, Moment::Written, Moment::After][index % 4];
        let name = format!("server-{index:02}");
        let mut recipe = keyed(&name, &format!("KEY_{index:02}"));
        // Whoever reads from this pipe waits for somebody to open it.
        let gate = json!(["mkfifo gate && : > waits && read word < gate"]);
        match moment {
            Moment::Before => recipe["install"]["preInstall"] = gate,
            Moment::After => recipe["install"]["postInstall"] = gate,
            Moment::Writing | Moment::Written => {}
        }
        bridge = with_recipe(bridge, &recipe);
        let is_new = kill_at(moment, bridge.home(), &name);
        match moment {
            Moment::Before => assert!(!is_new, "{name}"),
            Moment::Written | Moment::After => assert!(is_new, "{name}"),
            Moment::Writing => {}
        }
        written += usize::from(is_new);
        assert_eq!(fs::read_to_string(bridge.path(".env")).expect("there"), "A=1\n");
    }
    let config = json_in(&bridge.path("config.json"));
    let servers = config["servers"].as_object().expect("an object");
    assert_eq!(servers.len(), written + 1, "what was once there stays");
    // The next one is not held up by what the killed ones held.
    let bridge = with_recipe(bridge, &keyed("last", "KEY_LAST"));
    bridge.run(&["install", "last", "--yes"]).expect(0);
    assert!(json_in(&bridge.path("config.json"))["servers"]["last"].is_object());
}

/// Nor does the command that it runs live on, or what that has started.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_installation_leaves_no_process() {
    let mut recipe = recipe("one", &[]);
    // As scripts of packages do it: a shell that waits for another one.
    recipe["install"]["preInstall"] = json!(["sh -c 'sleep 600; exit 0' & wait"]);
    let bridge = with_recipe(Bridge::new().without_config(), &recipe);
    let mut child = start(bridge.home(), &["install", "one", "--yes", "--agree"]);
    // Two shells, what the inner one runs, and the guardian.
    let mut all = Vec::new();
    let there = eventually(|| {
        all = descendants(child.id()).into_iter().map(|(pid, _)| pid).collect();
        all.len() >= 4
    });
    assert!(there, "{:?}", descendants(child.id()));
    child.kill().expect("it can be killed");
    child.wait().expect("it is gone");
    wait_gone(&all);
}

/// Kills an installation at that moment; whether the entry is there.
fn kill_at(moment: Moment, home: &Path, name: &str) -> bool {
    let config = home.join("config.json");
    let (old, names) = (fs::read(&config).expect("there"), names_in(home));
    let mut child = start(home, &["install", name, "--yes", "--agree"]);
    let is_written = || fs::read(&config).expect("there") != old;
    let is_reached = || match moment {
        Moment::Before | Moment::After => home.join("waits").exists(),
        Moment::Writing => names_in(home) != names || is_written(),
        Moment::Written => is_written(),
    };
    while !is_reached() {
        let has_ended = child.try_wait().expect("it can be asked").is_some();
        assert!(!has_ended || is_reached(), "{name} ended before it could be killed");
        thread::yield_now();
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it is gone");
    if home.join("waits").exists() {
        // The command has died with the bridge where the kernel sees to it; elsewhere it is let go.
        if !cfg!(target_os = "linux") {
            fs::write(home.join("gate"), "").expect("it is read");
        }
        fs::remove_file(home.join("gate")).expect("removed");
        fs::remove_file(home.join("waits")).expect("removed");
    }
    let config = json_in(&config);
    assert_eq!(config["servers"]["first"]["disabled"], true);
    if home.join("bridge.lock").exists() {
        assert_eq!(json_in(&home.join("bridge.lock"))["lockVersion"], 1);
    }
    config["servers"][name].is_object()
}

fn names_in(folder: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name()).collect()
}
