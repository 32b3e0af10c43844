//! The commands that change the user's files: what they change, what they leave, what they say.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::thread;

use serde_json::json;

use crate::support::{Bridge, assert_words};

const CONFIG: &str = "{\r\n\t\"servers\": {\r\n\t\t\"git\": {\"command\":\"x\", \"env\": {\"T\": \"${TOKEN}\"}},\r\n\
                      \t\t\"web\": {\"command\": \"y\", \"args\": [\"${REGION:-eu}\"]}\r\n\t},\r\n\t\"debug\" : false\r\n}\r\n";
const LATER: &str = "comes into force within seconds";

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file is there")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file is there").permissions().mode() & 0o7777
}

#[track_caller]
fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the file is there");
}

/// A bridge whose config is written once and then left to the commands.
fn bridge(config: &str, env: &str) -> Bridge {
    Bridge::new().without_config().file("config.json", config).file(".env", env)
}

#[test]
fn remove_takes_a_server_out_and_nothing_else() {
    let bridge = bridge(CONFIG, "TOKEN=s3cret\nREGION=us\n");
    let config = bridge.path("config.json");
    set_mode(&config, 0o640);
    let output = bridge.run(&["remove", "git"]).expect(0);
    let start = CONFIG.find("\"git\"").expect("it is there");
    let end = CONFIG.find("\"web\"").expect("it is there");
    assert_eq!(read(&config), [&CONFIG[..start], &CONFIG[end..]].concat());
    assert_eq!(mode(&config), 0o640);
    assert_words(&output.stdout, &["/servers/git", &config.display().to_string()]);
    assert_words(&output.stderr, &["`TOKEN` stays in", ".env", LATER]);
    assert!(!output.stderr.contains("REGION") && !output.stderr.contains("s3cret"), "{output:?}");
    assert_eq!(read(&bridge.path(".env")), "TOKEN=s3cret\nREGION=us\n");

    let gone = bridge.run(&["remove", "wbe"]).expect(4);
    assert_words(&gone.stderr, &["`wbe`", "`web`"]);
    let last = bridge.run(&["remove", "web", "--json"]).expect(0).json();
    let last = &last["servers"][0];
    assert_eq!(last["removed"], json!(["/servers/web"]));
    assert_eq!(last["leftoverVariables"][0]["name"], "REGION");
    assert_eq!(read(&config), "{\r\n\t\"servers\": {},\r\n\t\"debug\" : false\r\n}\r\n");
}

#[test]
fn remove_changes_nothing_if_a_name_is_wrong() {
    let bridge = bridge(CONFIG, "TOKEN=s3cret\n");
    for names in [["git", "nosuch"], ["nosuch", "git"]] {
        let output = bridge.run(&["remove", names[0], names[1], "--json"]).expect(4);
        assert_words(&output.stderr, &["`nosuch`"]);
        assert_eq!(read(&bridge.path("config.json")), CONFIG);
    }
    // One that is named twice is removed once.
    let told = bridge.run(&["remove", "git", "git", "--json"]).expect(0).json();
    assert_eq!(told["servers"].as_array().map(Vec::len), Some(1), "{told}");
}

#[test]
fn remove_leaves_what_another_spelling_of_the_name_has() {
    let config = r#"{"servers": {"Foo Bar": {"command": "x"}, "foo-bar": {"command": "x"}}}"#;
    let bridge = bridge(config, "").file("config/foo-bar/own.txt", "kept");
    let output = bridge.run(&["remove", "Foo Bar"]).expect(0);
    assert!(!output.stderr.contains("removed the folder"), "{}", output.stderr);
    assert_eq!(read(&bridge.path("config/foo-bar/own.txt")), "kept");
    bridge.run(&["remove", "foo-bar"]).expect(0);
    assert!(!bridge.path("config/foo-bar").exists());
}

#[test]
fn remove_tells_the_truth_about_variables() {
    let config = r#"{"servers": {"one": {"command": "x", "env": {"A": "${K1}", "B": "${K2}"}}}}"#;
    let bridge = Bridge::new().without_config().file("project/c.json", config);
    let bridge = bridge.file("project/.env", "K1=1\n").file(".env", "K1=2\nK2=3\n");
    let run = |flags: &[&str]| {
        fs::write(bridge.path("project/c.json"), config).expect("written");
        fs::write(bridge.path("project/.env"), "K1=1\n").expect("written");
        let remove = ["--config", "project/c.json", "remove", "one", "--purge"];
        bridge.run(&[&remove[..], flags].concat()).expect(0)
    };
    let (own, home) = (bridge.path("project/.env"), bridge.path(".env"));
    let said = run(&[]).stderr;
    let line = |name: &str, file: &Path| {
        let (name, file) = (format!("`{name}`"), file.display().to_string());
        let line = said.lines().find(|line| line.contains(&name) && line.contains(&file));
        line.unwrap_or_default()
    };
    assert_words(line("K1", &own), &["removed"]);
    assert_words(line("K1", &home), &["stays"]);
    assert_words(line("K2", &home), &["stays"]);
    assert_eq!((read(&own).as_str(), read(&home).as_str()), ("", "K1=2\nK2=3\n"));
    let told = run(&["--json"]).json();
    let one = &told["servers"][0];
    assert_eq!(one["purgedVariables"], json!([{"name": "K1", "file": own}]));
    let left = json!([{"name": "K1", "file": home}, {"name": "K2", "file": home}]);
    assert_eq!(one["leftoverVariables"], left);
}

#[test]
fn remove_edits_the_file_of_another_client() {
    let text = "{\"mcpServers\": {\"a\": {\"command\": \"x\"}, \"My B\": {\"command\": \"y\", \"autoApprove\": []}}, \"theme\": 1.0}";
    let bridge = Bridge::new().without_config().file("project/.mcp.json", text);
    bridge.run(&["--config", "project/.mcp.json", "remove", "my-b"]).expect(0);
    let left = "{\"mcpServers\": {\"a\": {\"command\": \"x\"}}, \"theme\": 1.0}";
    assert_eq!(read(&bridge.path("project/.mcp.json")), left);
}

#[test]
fn a_broken_or_missing_config_is_3() {
    for bridge in [Bridge::new().without_config(), bridge("{,}", "A=1")] {
        let before = fs::read(bridge.path("config.json")).ok();
        for args in [&["remove", "a"][..], &["limit"], &["limit", "a", "--day", "1"]] {
            let output = bridge.run(args).expect(3);
            assert_eq!(output.stdout, "", "{args:?}");
        }
        assert_eq!(fs::read(bridge.path("config.json")).ok(), before);
    }
    let output = Bridge::new().without_config().run(&["set-env", "A", "b"]).expect(3);
    assert_words(&output.stderr, &["bridge init"]);
}

#[test]
fn set_env_writes_a_private_file_and_never_shows_the_value() {
    let bridge = bridge(CONFIG, "# mine\r\nexport TOKEN = old # note\r\nA=1");
    let env = bridge.path(".env");
    set_mode(&env, 0o644);
    let key = "-----BEGIN KEY-----\n$s3cret# \"'\\\n-----END KEY-----\n";
    let output = bridge.run_with_input(&["set-env", "TOKEN"], &format!("{key}\n")).expect(0);
    let line = "export TOKEN =\"-----BEGIN KEY-----\\n\\$s3cret# \\\"'\\\\\\n-----END KEY-----\\n\" # note";
    assert_eq!(read(&env), format!("# mine\r\n{line}\r\nA=1"));
    assert_eq!(mode(&env), 0o600);
    assert_words(&output.stdout, &["TOKEN", &env.display().to_string()]);
    assert_words(&output.stderr, &["used by `git`", LATER]);

    let given = bridge.run(&["set-env", "OTHER", "s3cret"]).expect(0);
    assert_words(&given.stderr, &["shell's history", "no server uses it", "${OTHER}"]);
    assert_eq!(read(&env), format!("# mine\r\n{line}\r\nA=1\r\nOTHER=s3cret\r\n"));
    let told = bridge.run_with_input(&["set-env", "REGION", "-", "--json"], "s3cret").expect(0);
    let data = told.json();
    assert_eq!((&data["usedBy"], &data["replaced"]), (&json!(["web"]), &json!(false)));
    for output in [output, given, told] {
        assert!(!format!("{output:?}").contains("s3cret"), "{output:?}");
    }
}

#[test]
fn set_env_refuses_what_cannot_be() {
    let bridge = bridge(CONFIG, "A='open\n");
    for (args, code, word) in [
        (&["set-env", "", "s3cret"][..], 2, "letters"),
        (&["set-env", "A-B", "s3cret"], 2, "letters"),
        (&["set-env", "TOKEN=s3cret"], 2, "KEY VALUE"),
        (&["set-env", "CONFIG_DIR", "s3cret"], 2, "the bridge itself"),
        (&["set-env", "TOKEN"], 2, "pipe it in"),
        (&["set-env", "TOKEN", "two", "s3cret"], 2, "quotes"),
        (&["set-env", "TOKEN", "-----BEGIN s3cret"], 2, "`--`"),
        (&["set-env", "TOKEN", "s3cret"], 3, "line 1"),
    ] {
        let output = bridge.run(args).expect(code);
        assert_words(&output.stderr, &[word]);
        assert!(!format!("{output:?}").contains("s3cret"), "{output:?}");
    }
    assert_eq!(read(&bridge.path(".env")), "A='open\n");
}

#[test]
fn set_env_writes_beside_the_config_that_is_named() {
    let bridge =
        Bridge::new().without_config().file("project/c.json", CONFIG).file(".env", "TOKEN=home\n");
    let output = bridge.run(&["--config", "project/c.json", "set-env", "TOKEN", "v"]).expect(0);
    assert_eq!(read(&bridge.path("project/.env")), "TOKEN=v\n");
    assert_eq!(mode(&bridge.path("project/.env")), 0o600);
    assert_eq!(read(&bridge.path(".env")), "TOKEN=home\n");
    assert_words(&output.stderr, &["stays and has no effect for this config"]);
}

#[test]
fn set_env_gives_servers_the_value() {
    let values = ["two words", "p$A#$$", "it's \"q\" \\", "a\nb\r\nc\n"];
    for value in values {
        let bridge = Bridge::new()
            .server("one", &[])
            .config(|config| config["servers"]["one"]["env"] = json!({"TEST_V": "${VALUE}"}));
        // The first run writes the config.
        bridge.run(&["set-env", "VALUE", "--", value]).expect(0);
        let called =
            bridge.run(&["call", "one", "env", r#"{"names":["TEST_V"]}"#]).expect(0).json();
        assert_eq!(called["TEST_V"], value, "{called}");
    }
}

#[test]
fn limit_sets_and_shows() {
    let bridge = bridge(CONFIG, "TOKEN=x");
    let config = bridge.path("config.json");
    let set = bridge.run(&["limit", "web", "--day", "5", "--month", "100"]).expect(0);
    assert_words(&set.stdout, &["web", "5", "100"]);
    assert_words(&set.stderr, &[LATER]);
    let limited = "\"args\": [\"${REGION:-eu}\"], \"rateLimit\": { \"maxCallsPerDay\": 5, \"maxCallsPerMonth\": 100 }}";
    assert_eq!(read(&config), CONFIG.replace("\"args\": [\"${REGION:-eu}\"]}", limited));
    let shown = bridge.run(&["limit", "--json"]).expect(0).json();
    assert_eq!(
        shown["limits"],
        json!([
            {"server": "git", "maxCallsPerDay": null, "maxCallsPerMonth": null},
            {"server": "web", "maxCallsPerDay": 5, "maxCallsPerMonth": 100},
        ])
    );
    bridge.run(&["limit", "web", "--day", "none", "--month", "none"]).expect(0);
    assert_eq!(read(&config), CONFIG);
    let again = bridge.run(&["limit", "web", "--day", "none"]).expect(0);
    assert!(!again.stderr.contains(LATER), "nothing was changed: {again:?}");
    bridge.run(&["limit", "nobody"]).expect(4);
    for args in [
        &["limit", "--day", "1"][..],
        &["limit", "web", "--day", "-1"],
        &["limit", "web", "--day", "many"],
        &["limit", "web", "--month", "1.5"],
    ] {
        bridge.run(args).expect(2);
    }
    assert_eq!(read(&config), CONFIG);
}

#[test]
fn links_stay_and_what_they_lead_to_is_changed() {
    let bridge = Bridge::new()
        .without_config()
        .file("dotfiles/bridge.json", CONFIG)
        .file("dotfiles/variables", "A=1\n");
    let at = |name: &str| bridge.path(name);
    symlink("dotfiles/bridge.json", at("config.json")).expect("linked");
    symlink(at("dotfiles/variables"), at(".env")).expect("linked");
    let output = bridge.run(&["remove", "git"]).expect(0);
    assert_words(&output.stdout, &["dotfiles/bridge.json"]);
    bridge.run(&["set-env", "A", "2"]).expect(0);
    assert!(at("config.json").is_symlink() && at(".env").is_symlink());
    assert!(!read(&at("dotfiles/bridge.json")).contains("git"));
    assert_eq!(read(&at("dotfiles/variables")), "A=2\n");
    assert_eq!(mode(&at("dotfiles/variables")), 0o600);
}

#[test]
fn nothing_is_left_beside_the_files() {
    let bridge = bridge(CONFIG, "A='open\n");
    bridge.run(&["remove", "git"]).expect(0);
    bridge.run(&["set-env", "B", "c"]).expect(3);
    bridge.run(&["limit", "web", "--day", "1"]).expect(0);
    let mut names: Vec<_> = fs::read_dir(bridge.home())
        .expect("the home folder is there")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, [".env", "config.json"]);
}

#[test]
fn what_is_write_protected_stays() {
    let bridge = bridge(CONFIG, "");
    set_mode(&bridge.path("config.json"), 0o444);
    let output = bridge.run(&["remove", "git"]).expect(1);
    assert_words(&output.stderr, &["write-protected"]);
    assert_eq!(read(&bridge.path("config.json")), CONFIG);
}

#[test]
fn two_processes_at_once_lose_nothing() {
    const EACH: usize = 50;
    // Enough of the slower kind, and some of either process.
    let is_limited = |n: usize| n.is_multiple_of(5);
    let entries: Vec<String> =
        (0..2 * EACH).map(|n| format!("    \"s{n}\": {{\"command\": \"x\"}}")).collect();
    let config = format!("{{\n  \"servers\": {{\n{}\n  }}\n}}\n", entries.join(",\n"));
    let bridge = bridge(&config, "# kept\n");
    thread::scope(|scope| {
        for half in 0..2 {
            let bridge = &bridge;
            scope.spawn(move || {
                for n in (0..EACH).map(|n| 2 * n + half) {
                    bridge.run(&["set-env", &format!("K{n}"), &format!("v {n}")]).expect(0);
                    if is_limited(n) {
                        let server = format!("s{n}");
                        bridge.run(&["limit", &server, "--day", &n.to_string()]).expect(0);
                    }
                }
            });
        }
    });
    let env = read(&bridge.path(".env"));
    assert!(env.starts_with("# kept\n"));
    assert_eq!(env.lines().count(), 2 * EACH + 1);
    let limits = bridge.run(&["limit", "--json"]).expect(0).json();
    for n in 0..2 * EACH {
        assert!(env.contains(&format!("\nK{n}='v {n}'\n")), "K{n} is lost: {env}");
        let limit = if is_limited(n) { json!(n) } else { json!(null) };
        assert_eq!(limits["limits"][n]["maxCallsPerDay"], limit, "s{n} is lost");
    }
}
