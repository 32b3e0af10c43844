//! Servers that misbehave: the client gets a clear answer, and the other server notices nothing.

use serde_json::{Value, json};

use crate::support::{
    Bridge, Client, assert_words, error_of, eventually, is_error, text_of, tool_names,
};

#[test]
fn junk_on_stdout_is_passed_over() {
    let mut client = beside_good(&["--junk-at-start"]);
    assert_eq!(text_of(&client.call("bad", "junk", json!({}))), "after junk");
    all_well(&mut client);
}

#[test]
fn an_answer_with_an_unknown_id_is_passed_over() {
    let mut client = beside_good(&[]);
    assert_eq!(text_of(&client.call("bad", "unknown_id", json!({}))), "after an unknown id");
    all_well(&mut client);
}

#[test]
fn the_second_of_two_answers_is_passed_over() {
    let mut client = beside_good(&[]);
    assert_eq!(text_of(&client.call("bad", "twice", json!({}))), "once");
    all_well(&mut client);
    assert_eq!(client.drain(), Vec::<Value>::new());
}

#[test]
fn an_id_of_another_kind_is_another_id() {
    let mut client = beside_good(&[]);
    assert_eq!(text_of(&client.call("bad", "string_id", json!({}))), "id as it was");
    all_well(&mut client);
}

#[test]
fn a_faulty_request_under_a_call_s_id_is_not_its_answer() {
    let mut client = beside_good(&[]);
    assert_eq!(text_of(&client.call("bad", "bad_request", json!({}))), "after a bad request");
    all_well(&mut client);
}

#[test]
fn silence_does_not_hold_up_others() {
    let mut client = beside_good(&[]);
    let never = client.start_call("bad", "never", json!({}));
    all_well(&mut client);
    error_of(&client.result(never), "timed_out");
    all_well(&mut client);
}

#[test]
fn a_flood_on_stderr_blocks_nothing() {
    let mut client = beside_good(&[]);
    assert_eq!(
        text_of(&client.call("bad", "flood_stderr", json!({"bytes": 3_000_000}))),
        "flooded"
    );
    all_well(&mut client);
}

#[test]
fn a_closed_stdout_ends_the_connection() {
    let mut client = beside_good(&[]);
    let result = client.call("bad", "close_stdout", json!({}));
    let error = error_of(&result, "connection_failed");
    assert_words(&error.to_string(), &["bad"]);
    client.assert_echo("good");
    assert!(eventually(|| !is_error(&client.call("bad", "echo", json!({"message": "x"})))));
}

#[test]
fn nesting_is_kept_up_to_a_limit() {
    let mut client = beside_good(&[]);
    let result = client.call("bad", "deep", json!({"levels": 50}));
    let nested = &result["structuredContent"]["nested"];
    assert_eq!(nested.to_string(), format!("{}{}", "[".repeat(50), "]".repeat(50)));
    let result = client.call("bad", "deep", json!({"levels": 10_000}));
    assert_words(&error_of(&result, "mcp_error").to_string(), &["nested"]);
    all_well(&mut client);
}

#[test]
fn a_result_with_a_duplicate_key_is_refused() {
    let mut client = beside_good(&[]);
    let result = client.call("bad", "duplicate_key", json!({}));
    let error = error_of(&result, "mcp_error").to_string();
    assert_words(&error, &["duplicate key", "content"]);
    all_well(&mut client);
}

#[test]
fn a_result_that_is_no_utf8_is_refused() {
    let mut client = beside_good(&[]);
    let result = client.call("bad", "invalid_utf8", json!({}));
    assert_words(&error_of(&result, "mcp_error").to_string(), &["utf-8"]);
    all_well(&mut client);
}

#[test]
fn a_huge_line_arrives_whole_or_is_refused() {
    let mut client = beside_good(&[]);
    let id = client.start_call("bad", "huge_line", json!({"bytes": 20_000_000}));
    client.assert_echo("good");
    let result = client.result(id);
    assert!(is_error(&result) || text_of(&result).len() == 20_000_000, "cut without a word");
    client.assert_echo("good");
    assert!(eventually(|| !is_error(&client.call("bad", "echo", json!({"message": "x"})))));
}

#[test]
fn pages_without_end_are_given_up_on() {
    for flag in ["--endless-pages", "--repeat-cursor"] {
        let mut client = beside_good(&[flag]);
        let result = client.mcp(&json!({"action": "list", "server": "bad"}));
        if !is_error(&result) {
            let list: Value = serde_json::from_str(text_of(&result)).expect("the text is JSON");
            let names = tool_names(&list);
            assert_eq!(names.iter().filter(|&&name| name == "echo").count(), 1, "{flag}");
        }
        client.assert_echo("good");
    }
}

#[test]
fn lsp_framing_is_found_out_or_set() {
    for (framing, flags) in [
        (None, &["--framing", "lsp-lenient"][..]),
        (None, &["--framing", "lsp-lenient", "--greet"]),
        (None, &["--framing", "lsp", "--greet"]),
        (Some("auto"), &["--framing", "lsp-lenient"]),
        (Some("lsp"), &["--framing", "lsp"]),
        (Some("newline"), &["--framing", "newline", "--greet"]),
        (None, &["--greet"]),
    ] {
        let mut client = Bridge::new()
            .server("one", flags)
            .config(|config| {
                if let Some(framing) = framing {
                    config["servers"]["one"]["framing"] = framing.into();
                }
            })
            .serve_initialized();
        let begun = tokio::time::Instant::now();
        client.assert_echo("one");
        let waited = begun.elapsed();
        assert!(waited.as_millis() < 3000, "{framing:?} {flags:?} took {waited:?}");
    }
}

/// A server to be bad with these flags, beside one that stays good.
fn beside_good(flags: &[&str]) -> Client {
    let mut client = Bridge::new()
        .server("bad", flags)
        .server("good", &[])
        .set("requestTimeoutMs", 2000)
        .serve_initialized();
    client.assert_echo("good");
    client
}

/// Both servers still answer.
#[track_caller]
fn all_well(client: &mut Client) {
    client.assert_echo("good");
    client.assert_echo("bad");
}
