//! Secrets of the config show nowhere: not in answers, not on stderr, not in the log file, whole or in part.

use std::fs;

use serde_json::json;

use crate::support::{Bridge, Client, PATIENCE, error_of, eventually, text_of};

/// The first is how the second begins; the third stands in the config itself, under a telling name.
const SECRETS: [&str; 3] =
    ["hush-quince-first", "hush-quince-first-longtail", "murmur-plum-literal"];
/// Parts of them that nothing else contains; no digits, since times of log lines are full of them. A secret that is cut by a limit shows its beginning.
const TRACES: [&str; 5] = ["hush", "quince", "longtail", "murmur", "literal"];
/// Written last, so that everything before it has arrived when it has.
const LAST: &str = "that was all";

#[test]
fn what_a_server_says_shows_no_secret() {
    for log_file in [false, true] {
        let args: &[&str] =
            if log_file { &["--debug", "--log-file", "bridge.log"] } else { &["--debug"] };
        let mut client = with_secrets(&[]).args(args).serve_initialized();
        for place in ["stderr", "junk", "log", "error"] {
            for secret in SECRETS {
                let params = json!({"where": place, "text": format!("key {secret} refused")});
                let result = client.call("one", "leak", params);
                assert_clean(&format!("the reply after `{place}`"), &result.to_string());
            }
        }
        let log = finished_log(&mut client, log_file);
        assert_clean("the log", &log);
    }
}

#[test]
fn a_failed_tool_shows_no_secret_and_a_working_one_says_what_it_wants() {
    let mut client = with_secrets(&[]).set("debug", true).serve_initialized();
    for secret in SECRETS {
        let text = format!("key {secret} refused");
        let mut result = json!({"content": [{"type": "text", "text": text}], "isError": true});
        let failed = client.call("one", "result", json!({"result": result}));
        assert_eq!(text_of(&failed), "key *** refused", "{failed}");
        assert!(failed["_meta"]["bridge/debug"]["tookMs"].is_u64(), "{failed}");
        assert_clean("the reply of a failed tool", &failed.to_string());
        // A result is what was asked for.
        result["isError"] = json!(false);
        let result = client.call("one", "result", json!({"result": result}));
        assert_eq!(text_of(&result), text);
    }
    for action in ["status", "list"] {
        assert_clean(action, &client.mcp(&json!({"action": action})).to_string());
    }
}

#[test]
fn a_secret_that_a_limit_cuts_shows_no_part() {
    let mut client = with_secrets(&[]).args(&["--debug"]).serve_initialized();
    for place in ["stderr", "junk", "log", "error"] {
        for before in (60..520).step_by(9) {
            let text = format!("{}{} refused", "x".repeat(before), SECRETS[1]);
            let result = client.call("one", "leak", json!({"where": place, "text": text}));
            assert_clean(&format!("the reply after `{place}`"), &result.to_string());
        }
    }
    let log = finished_log(&mut client, false);
    assert_clean("the log", &log);
}

#[test]
fn a_failed_start_shows_no_secret() {
    let long = format!("{}${{TEST_LONG}} refused", "x".repeat(292));
    for text in [
        "key ${TEST_TOKEN} refused",
        "key ${TEST_LONG} refused",
        "key murmur-plum-literal refused",
        &long,
    ] {
        let flags = ["--exit-at-start", "1", "--stderr", text];
        let mut client = with_secrets(&flags).args(&["--debug"]).serve_initialized();
        let failed = client.call("one", "echo", json!({"message": "x"}));
        error_of(&failed, "connection_failed");
        assert_clean("the error", &failed.to_string());
        for action in ["status", "list", "refresh"] {
            let answer = client.mcp(&json!({"action": action}));
            assert_clean(action, &answer.to_string());
        }
        client.close_stdin();
        client.rest();
        client.wait_exit(PATIENCE);
        assert_clean("stderr", &client.stderr_text());

        let bridge = with_secrets(&flags);
        for args in [&["servers"][..], &["call", "one", "echo", "{}"]] {
            let output = bridge.run(args);
            assert_clean("stdout", &output.stdout);
            assert_clean("stderr", &output.stderr);
        }
    }
}

/// The server `one` with all the secrets in its environment.
fn with_secrets(flags: &[&str]) -> Bridge {
    Bridge::new()
        .server("one", flags)
        .config(|config| {
            config["servers"]["one"]["env"] = json!({
                "TEST_FIRST": "${TEST_TOKEN}",
                "TEST_SECOND": "${TEST_LONG}",
                "API_TOKEN": SECRETS[2],
            });
        })
        .file(".env", &format!("TEST_TOKEN={}\nTEST_LONG={}\n", SECRETS[0], SECRETS[1]))
}

/// Everything that was logged once the server has said its last word.
fn finished_log(client: &mut Client, in_file: bool) -> String {
    client.call("one", "leak", json!({"where": "stderr", "text": LAST}));
    let file = client.path("bridge.log");
    let log = |client: &Client| {
        if in_file { fs::read_to_string(&file).unwrap_or_default() } else { client.stderr_text() }
    };
    assert!(eventually(|| log(client).contains(LAST)), "the log has what the server says");
    log(client)
}

#[track_caller]
fn assert_clean(place: &str, text: &str) {
    for trace in TRACES {
        let Some(at) = text.find(trace) else { continue };
        let before: String = text[..at].chars().rev().take(80).collect();
        let around: String = before.chars().rev().chain(text[at..].chars().take(60)).collect();
        panic!("`{trace}` shows in {place}: …{around}…");
    }
}
