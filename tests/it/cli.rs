//! The command line: words in, words out, exit codes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::{Bridge, assert_words, lines_of, run_at_terminal, wait_gone};

#[test]
fn version_and_help() {
    let bridge = Bridge::new();
    let version = bridge.run(&["--version"]).expect(0);
    assert_words(&version.stdout, &["bridge", env!("CARGO_PKG_VERSION")]);
    let help = bridge.run(&["--help"]).expect(0);
    assert_words(&help.stdout, &["init", "servers", "tools", "call", "--config", "--log-file"]);
    for command in [
        "init", "servers", "tools", "call", "usage", "read", "remove", "set-env", "limit",
        "approve",
    ] {
        let help = bridge.run(&[command, "--help"]).expect(0);
        assert_words(&help.stdout, &["example", &format!("bridge {command}")]);
    }
}

#[test]
fn wrong_usage_is_2() {
    let bridge = Bridge::new().server("one", &[]);
    for args in [
        &["--no-such-flag"][..],
        &["no-such-command"],
        &["call"],
        &["call", "one"],
        &["call", "one", "echo", "{not json"],
        &["call", "one", "echo", "[1]"],
    ] {
        let output = bridge.run(args).expect(2);
        assert_eq!(output.stdout, "", "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn flags_that_serve_are_refused_beside_commands_that_do_not() {
    let bridge = Bridge::new().server("one", &[]);
    for (flags, command) in [
        (&["--http"][..], &["servers"][..]),
        (&["--sse"], &["call", "one", "echo"]),
        (&["--port", "0"], &["validate-recipe", "nowhere"]),
        (&["--host", "127.0.0.1"], &["doctor"]),
        (&["--insecure"], &["set-env", "KEY", "hidden-value"]),
    ] {
        let output = bridge.run(&[flags, command].concat()).expect(2);
        assert_eq!(output.stdout, "", "{output:?}");
        let named = format!("`bridge {}`", command[0]);
        assert_words(&output.stderr, &["error", flags[0], &named, "leave one"]);
        assert!(!output.stderr.contains("hidden-value"), "{output:?}");
    }
    // What every command understands may stand before it.
    bridge.run(&["--json", "servers"]).expect(0);
}

#[test]
fn init_makes_a_config_and_never_overwrites_one() {
    let bridge = Bridge::new().without_config();
    bridge.run(&["init"]).expect(0);
    let path = bridge.path("config.json");
    let config: Value =
        serde_json::from_str(&fs::read_to_string(&path).expect("it was made")).expect("it is JSON");
    assert!(config["servers"].is_object(), "{config}");
    let mode = fs::metadata(bridge.home()).expect("the home folder is there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "nobody else may look: {mode:o}");
    bridge.run(&["servers"]).expect(0);

    fs::write(&path, "{\"servers\":{},\"debug\":true}").expect("the home folder is writable");
    bridge.run(&["init"]);
    let kept = fs::read_to_string(&path).expect("it is still there");
    assert_eq!(kept, "{\"servers\":{},\"debug\":true}");
}

#[test]
fn servers_lists_them() {
    let bridge = Bridge::new()
        .server("one", &[])
        .server("two", &[])
        .config(|config| config["servers"]["two"]["description"] = "The second".into());
    let output = bridge.run(&["servers"]).expect(0);
    assert_words(&output.stdout, &["one", "two", "The second"]);
    let listed = bridge.run(&["servers", "--json"]).expect(0).json();
    assert_words(&listed.to_string(), &["\"one\"", "\"two\"", "stdio"]);
}

#[test]
fn servers_tells_how_each_is_and_how_much_it_is_used() {
    let words =
        "no licence was found where licences are looked for, and none was given by its owner";
    let bridge = Bridge::new()
        .server("one", &[])
        .server("broken", &["--exit-at-start", "9", "--stderr", words])
        .config(|config| config["servers"]["one"]["description"] = words.into());
    for _ in 0..3 {
        bridge.run(&["call", "one", "count"]).expect(0);
    }
    let listed = bridge.run(&["servers", "--json"]).expect(5).json();
    let (one, broken) = (&listed["servers"][0], &listed["servers"][1]);
    assert_eq!((&one["status"], &broken["status"]), (&json!("reached"), &json!("failed")));
    // A month may have begun since the first call, a day even more so.
    assert!(one["callsThisMonth"].as_u64().is_some_and(|calls| calls <= 3), "{listed}");
    assert_eq!(broken["callsThisMonth"], 0, "{listed}");
    assert!(one["handshakeMs"].is_u64() && broken["handshakeMs"].is_null(), "{listed}");
    assert_words(&broken["error"].to_string(), &["exit code 9", words]);
    let output = bridge.run(&["servers"]).expect(5);
    assert!(output.stdout.lines().all(|line| line.chars().count() <= 80), "{output:#?}");
    assert_words(&output.stdout, &["one", "reached", "stdio", "FAILED", "none was given by", "…"]);
}

#[test]
fn a_terminal_shows_what_is_waited_for() {
    let bridge = Bridge::new().server("slow", &["--start-delay-ms", "1600"]);
    let piped = bridge.run(&["servers"]).expect(0);
    assert!(!format!("{}{}", piped.stdout, piped.stderr).contains("Ctrl-C"), "{piped:?}");
    let screen = run_at_terminal(bridge.home(), &["servers"], |_| None).expect(0).stdout;
    assert_words(&screen, &["starting `slow` (Ctrl-C gives up)", "SERVER", "reached"]);
    let last = screen.rsplit_once("Ctrl-C").map_or("", |(_, rest)| rest);
    assert!(last.contains("SERVER"), "it is gone before the table comes: {screen:?}");
}

#[test]
fn tools_lists_those_of_one_server_or_all() {
    let bridge = Bridge::new().server("one", &[]).server("two", &["--extra-tools", "2"]);
    let output = bridge.run(&["tools", "one"]).expect(0);
    assert_words(&output.stdout, &["echo", "Returns the message"]);
    assert!(!output.stdout.contains("tool_0002"), "{output:?}");
    let all = bridge.run(&["tools"]).expect(0);
    assert_words(&all.stdout, &["one", "two", "tool_0002"]);
    let listed = bridge.run(&["tools", "two", "--json"]).expect(0).json();
    assert_words(&listed.to_string(), &["tool_0002"]);
    let unknown = bridge.run(&["tools", "oen"]).expect(4);
    assert_words(&unknown.stderr, &["oen", "one"]);
}

#[test]
fn call_prints_the_result() {
    let bridge = Bridge::new().server("one", &[]);
    let output = bridge.run(&["call", "one", "echo", r#"{"message":"hi"}"#]).expect(0);
    assert_eq!(output.stdout.trim_end(), "hi");
    let result = bridge.run(&["call", "one", "echo", r#"{"message":"hi"}"#, "--json"]).expect(0);
    assert_eq!(result.json()["content"], json!([{"type": "text", "text": "hi"}]));
    let counted = bridge.run(&["call", "one", "count"]).expect(0);
    assert_eq!(counted.stdout.trim_end(), "1", "parameters may be left out");
}

#[test]
fn call_fails_with_codes_that_tell_why() {
    let bridge = Bridge::new()
        .server("one", &[])
        .server("broken", &["--exit-at-start", "9", "--stderr", "no licence"])
        .entry("missing", json!({"command": "no-such-program-anywhere"}))
        .set("requestTimeoutMs", 300);
    for (args, codes, words) in [
        (["call", "oen", "echo", "{}"], &[4][..], "one"),
        (["call", "one", "ecko", "{}"], &[4], "echo"),
        (["call", "broken", "echo", "{}"], &[5], "no licence"),
        (["call", "missing", "echo", "{}"], &[5], "no-such-program-anywhere"),
        (["call", "one", "never", "{}"], &[5], "one"),
        (["call", "one", "fail", "{}"], &[1, 5], ""),
        (
            ["call", "one", "rpc_error", r#"{"code":-1,"message":"full moon"}"#],
            &[1, 5],
            "full moon",
        ),
    ] {
        let output = bridge.run(&args);
        assert!(codes.contains(&output.code), "{args:?}: {output:#?}");
        assert_words(
            &output.stderr,
            if args[2] == "fail" { &[] } else { std::slice::from_ref(&words) },
        );
    }
}

#[test]
fn call_leaves_nothing_running() {
    let bridge = Bridge::new().set("shutdownTimeoutMs", 300);
    let path = bridge.path("pids");
    let file = path.to_str().expect("the path is UTF-8").to_owned();
    let flags = ["--pid-file", &file, "--ignore-eof", "--grandchild"];
    let bridge = bridge.server("one", &flags);
    bridge.run(&["call", "one", "echo", r#"{"message":"hi"}"#]).expect(0);
    let pids: Vec<u32> = lines_of(&path).iter().filter_map(|pid| pid.parse().ok()).collect();
    assert_eq!(pids.len(), 2);
    wait_gone(&pids);
}

#[test]
fn logs_go_to_stderr_or_the_file_and_never_to_stdout() {
    // Every line that a client reads is checked to be JSON-RPC.
    let mut client = Bridge::new()
        .server("one", &["--stderr", "talkative", "--junk-at-start"])
        .args(&["--debug", "--log-file", "bridge.log"])
        .serve_initialized();
    client.assert_echo("one");
    let file = client.path("bridge.log");
    client.close_stdin();
    client.rest();
    client.wait_exit(crate::support::PATIENCE);
    assert!(!lines_of(&file).is_empty(), "the log has lines");
}

#[test]
fn there_is_no_colour_in_a_pipe() {
    let bridge = Bridge::new().server("one", &[]);
    for args in [&["servers"][..], &["tools", "one"], &["--help"], &["call", "oen", "echo"]] {
        let output = bridge.run(args);
        assert!(!format!("{}{}", output.stdout, output.stderr).contains('\u{1b}'), "{args:?}");
    }
}

#[test]
fn a_server_writes_neither_rows_nor_messages_of_its_own() {
    let bridge = Bridge::new();
    let file = bridge.path("tools.json");
    let bridge = bridge.server("one", &["--tools-file", file.to_str().expect("the path is UTF-8")]);
    let evil = "x\ntwo  harmless()\rerror: all is lost\u{2028}hint: run this";
    let tool = json!({"name": evil, "description": evil, "inputSchema": {
        "type": "object", "properties": {evil: {"type": "string"}}, "required": [evil],
    }});
    std::fs::write(file, json!([tool]).to_string()).expect("the home folder is writable");
    let tools = bridge.run(&["tools"]).expect(0);
    assert!(tools.stdout.contains("x\\ntwo"), "{tools:?}");
    let call = bridge.run(&["call", "one", "x"]).expect(4);
    assert!(call.stderr.contains("x\\ntwo"), "{call:?}");
    for output in [tools, call] {
        let forged = |line: &str| {
            ["two ", "error: all", "hint: run"].iter().any(|begin| line.starts_with(begin))
        };
        for stream in [&output.stdout, &output.stderr] {
            assert!(!stream.contains(['\r', '\u{2028}']), "{output:?}");
            assert!(!stream.lines().any(forged), "{output:?}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_of_once() {
    let bridge = Bridge::new();
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bridge"))
        .env_clear()
        .env("BRIDGE_HOME", bridge.home())
        .arg("catalog")
        .stdout(full)
        .output()
        .expect("the bridge starts");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr.matches("cannot write to stdout").count(), 1, "{stderr}");
}
