//! Results that are too long, what is kept of them, and filters.

use serde_json::{Value, json};

use crate::support::{Bridge, Client, assert_words, error_of, eventually, is_error, text_of};

fn client(max: usize) -> Client {
    Bridge::new().server("one", &[]).set("maxResultChars", max).serve_initialized()
}

fn give(client: &mut Client, result: &Value) -> Value {
    client.call("one", "result", json!({"result": result}))
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

/// Reads the rest, page by page, and returns the whole.
#[track_caller]
fn read_all(client: &mut Client, id: &str) -> String {
    let mut whole = String::new();
    let mut offset = 0;
    loop {
        let part = client.mcp_json(&json!({"action": "read", "id": id, "offset": offset}));
        assert_eq!(
            (&part["action"], &part["id"], &part["offset"]),
            (&json!("read"), &json!(id), &json!(offset))
        );
        whole.push_str(part["result"].as_str().unwrap_or_else(|| panic!("no text: {part}")));
        let Some(next) = part["nextOffset"].as_u64() else {
            assert_eq!(part["originalLength"], whole.chars().count());
            return whole;
        };
        offset = next;
    }
}

#[test]
fn what_fits_stays_as_it_is() {
    let mut client = client(100);
    let result = text(&"é".repeat(100));
    assert_eq!(give(&mut client, &result), result);
}

#[test]
fn a_long_text_is_cut_and_can_be_read_on() {
    let mut client = client(1000);
    let whole = "a line that ends with é\n".repeat(200);
    let result = give(&mut client, &text(&whole));
    let meta = &result["_meta"];
    assert_eq!(meta["bridge/truncated"], true, "{result}");
    assert_eq!(meta["bridge/originalLength"], whole.chars().count());
    let id = meta["bridge/resultId"].as_str().expect("an id");
    let (shown, notice) = text_of(&result).rsplit_once('\n').expect("a last line");
    assert!(whole.starts_with(shown) && shown.chars().count() <= 1000);
    assert_words(notice, &["cut", "read", id, "select"]);
    // The notice names the place where the text goes on.
    let from = notice.split("\"offset\": ").nth(1).and_then(|rest| rest.split('}').next());
    let from: usize = from.and_then(|from| from.parse().ok()).expect("an offset");
    let part = client.mcp_json(&json!({"action": "read", "id": id, "offset": from}));
    let part = part["result"].as_str().expect("a text");
    assert!(whole.starts_with(&format!("{shown}{part}")), "{shown:?} goes on with {part:?}");
    assert_eq!(read_all(&mut client, id), whole);
}

#[test]
fn long_json_stays_json() {
    let mut client = client(500);
    let list: Vec<Value> = (0..200).map(|n| json!({"n": n, "name": format!("item {n}")})).collect();
    let whole = json!({"items": list}).to_string();
    let result = give(&mut client, &text(&whole));
    assert!(text_of(&result).len() <= 500);
    let cut: Value = serde_json::from_str(text_of(&result)).expect("it is still JSON");
    let items = cut["items"].as_array().expect("a list");
    // The last one may be there in part.
    let (last, whole_items) = items.split_last().expect("some items");
    assert!(!whole_items.is_empty() && list.starts_with(whole_items), "{cut}");
    assert_eq!(last["n"], list[whole_items.len()]["n"], "{cut}");
    let notice = result["content"][1]["text"].as_str().expect("a notice");
    assert_words(notice, &["read the whole"]);
    let id = result["_meta"]["bridge/resultId"].as_str().expect("an id");
    assert_eq!(read_all(&mut client, id), whole);
    let last = client.mcp_json(&json!({"action": "read", "id": id, "select": ".items[-1].name"}));
    assert_eq!(last["result"], "item 199");
}

#[test]
fn the_limit_of_a_server_goes_before() {
    let mut client = Bridge::new()
        .server("one", &[])
        .set("maxResultChars", 5)
        .config(|config| config["servers"]["one"]["maxResultChars"] = json!(50))
        .serve_initialized();
    let result = text(&"x".repeat(50));
    assert_eq!(give(&mut client, &result), result);
}

#[test]
fn the_envelope_says_the_same() {
    let mut client = Bridge::new()
        .server("one", &[])
        .set("maxResultChars", 200)
        .set("callFormat", "envelope")
        .serve_initialized();
    let arguments = json!({"server": "one", "tool": "big", "params": {"bytes": 5000}});
    let answer = client.mcp_json(&arguments);
    assert_eq!(
        (&answer["server"], &answer["action"], &answer["tool"]),
        (&json!("one"), &json!("call"), &json!("big"))
    );
    let cut = &answer["result"];
    assert_eq!(cut["_truncated"], true, "{answer}");
    assert!(cut["_originalLength"].as_u64().is_some_and(|length| length > 5000));
    assert!(cut["result"].to_string().chars().count() <= 200);
    let id = cut["_resultId"].as_str().expect("an id").to_owned();
    assert_eq!(read_all(&mut client, &id).len(), 5000);
}

#[test]
fn ids_that_are_none_are_told() {
    let mut client = client(100);
    for id in ["nothing", "../../config", "0123456789abcdef0123456789abcdef"] {
        let result = client.mcp(&json!({"action": "read", "id": id}));
        assert_words(&error_of(&result, "not_found").to_string(), &[id, "make the call again"]);
    }
}

#[test]
fn what_was_cut_can_be_read_by_a_person_too() {
    let mut client = client(100);
    // More than memory takes, so that the first are only in files.
    let mut ids = Vec::new();
    for index in 0..70 {
        let result = give(&mut client, &text(&format!("{index} {}", "x".repeat(200))));
        ids.push(result["_meta"]["bridge/resultId"].as_str().expect("an id").to_owned());
    }
    for (index, id) in ids.iter().enumerate() {
        assert!(read_all(&mut client, id).starts_with(&format!("{index} x")));
        eventually(|| client.run_beside(&["read", id]).code == 0);
        let printed = client.run_beside(&["read", id]).expect(0);
        assert_eq!(printed.stdout.trim_end(), format!("{index} {}", "x".repeat(200)));
    }
}

#[test]
fn a_text_that_begins_like_json_goes_on_where_it_ends() {
    let mut client = client(100);
    let result = give(&mut client, &text(&"[2026-01-01] a line of a log\n".repeat(20)));
    assert_words(text_of(&result), &["read on", "\"offset\":"]);
}

#[test]
fn filters_pick_from_results() {
    let mut client = client(100_000);
    let value = json!({"items": [{"n": 1, "big": 12_345_678_901_234_567_890_u64}, {"n": 2}]});
    let structured = json!({"content": [], "structuredContent": value});
    let mut check = |result: &Value, select: &str, expected: &str| {
        let picked = client.mcp(&json!({
            "server": "one", "tool": "result", "params": {"result": result}, "select": select,
        }));
        assert_eq!(picked, text(expected), "{select}");
    };
    check(&structured, ".items[0]", r#"{"n":1,"big":12345678901234567890}"#);
    check(&structured, "[.items[].n]", "[1,2]");
    check(&structured, ".items[].n", "[1,2]");
    check(&structured, "empty", "null");
    check(&text(&value.to_string()), ".items | length", "2");
    check(&text("plain words"), "ascii_upcase", "PLAIN WORDS");
    // What the tool says when it fails is not filtered.
    let failed = client.mcp(&json!({"server": "one", "tool": "fail", "select": ".x"}));
    assert!(is_error(&failed) && text_of(&failed) == "it failed", "{failed}");
}

#[test]
fn a_filter_that_cannot_be_read_calls_nothing() {
    let mut client = client(100_000);
    let call = |select: &str| json!({"server": "one", "tool": "count", "select": select});
    let result = client.mcp(&call(".a | | .b"));
    assert_words(&error_of(&result, "invalid_params").to_string(), &["select", "character 6"]);
    let calls = json!([{"server": "one", "tool": "count"}, {"server": "one", "tool": "count", "select": "{"}]);
    error_of(&client.mcp(&json!({"action": "batch", "calls": calls})), "invalid_params");
    let result = client.mcp(&json!({"action": "list", "select": "."}));
    error_of(&result, "invalid_params");
    assert_eq!(text_of(&client.mcp(&call("."))), "1", "something was called before");
}

#[test]
fn a_filter_that_fails_loses_nothing() {
    let mut client = client(100_000);
    let result = client.mcp(&json!({"server": "one", "tool": "count", "select": ".a.b"}));
    let error = error_of(&result, "invalid_params");
    let hint = error["hint"].as_str().expect("a hint");
    assert_words(hint, &["do not make it again", "read"]);
    let id = hint.split('"').find(|part| part.len() == 32).expect("an id");
    assert_eq!(read_all(&mut client, id), "1");
}

#[test]
fn a_filter_without_end_is_ended() {
    let mut client = client(100_000);
    client.assert_echo("one");
    let endless = json!({"server": "one", "tool": "echo", "params": {"message": "x"}, "select": "def f: f; f"});
    let id = client.start_mcp(&endless);
    // Nobody else waits for it.
    client.assert_echo("one");
    let error = error_of(&client.result(id), "invalid_params");
    assert_words(&error.to_string(), &["timed out"]);
}

#[test]
fn filters_pick_in_batches_and_references() {
    let mut client = client(100_000);
    let result = json!({"content": [], "structuredContent": {"list": [{"id": 7}, {"id": 8}]}});
    let answer = client.mcp_json(&json!({"calls": [
        {"id": "all", "server": "one", "tool": "result", "params": {"result": result}, "select": ".list"},
        {"server": "one", "tool": "meta", "params": {"zebra": {"$ref": "all", "select": ".[1].id"}},
         "select": ".arguments"},
        {"server": "one", "tool": "meta", "params": {"zebra": {"$ref": "all", "select": ".x"}}},
    ]}));
    let slots = answer["results"].as_array().expect("results");
    assert_eq!(slots[0]["result"], json!([{"id": 7}, {"id": 8}]), "{answer}");
    assert_eq!(slots[1]["result"], json!({"zebra": 8}), "{answer}");
    assert_eq!(slots[2]["error"]["error"], "invalid_params", "{answer}");
}
