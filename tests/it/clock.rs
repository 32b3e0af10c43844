//! The clock of the wall jumps, by days and by decades, both ways: nothing that is under way notices, and what goes by days
//! goes by the day that it is now.
//!
//! The jumps are those of libfaketime, which Debian has: `tests/faketime` finds or gets it. Where it is missing they are
//! left out, unless `CLOCK_JUMPS` is `required`, as `just clock` has it.
#![cfg(target_os = "linux")]

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Bridge, HttpServer, assert_words, http_call, is_error, json_of, leave_out, lines_of, text_of,
};

/// From the true time, or instead of it.
const JUMPS: [&str; 7] = ["+2d", "-2d", "-20y", "@1970-01-01 00:00:05", "+70y", "-1", "+0"];

/// Where distributions put the library, or where `tests/faketime` has unpacked it.
fn library() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/faketime/usr/lib");
    let inside = |folder: &Path| {
        let found = fs::read_dir(folder).into_iter().flatten().flatten();
        found.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let folders = [inside(Path::new("/usr/lib")), inside(&unpacked)].concat();
    let folders = folders.into_iter().chain(["/usr/lib".into(), "/usr/local/lib".into()]);
    let mut places = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    let library = places.find(|place| place.is_file());
    if library.is_none() {
        leave_out("CLOCK_JUMPS", "there is no libfaketime");
    }
    library
}

/// A bridge by the clock that this file tells.
fn serve(library: &Path) -> HttpServer {
    let bridge = Bridge::new();
    let path = |name: &str| bridge.path(name).to_str().expect("a plain path").to_owned();
    let (starts, clock) = (path("starts"), path("clock"));
    fs::write(&clock, "+0\n").expect("it can be written");
    bridge
        .server("one", &["--start-log", &starts])
        .server("limited", &[])
        .config(|config| config["servers"]["limited"]["rateLimit"] = json!({"maxCallsPerDay": 2}))
        .set("maxResultChars", 1000)
        .set("resultCache", json!({"enabled": true}))
        .set("adaptivePromotion", json!({"enabled": true}))
        .env("LD_PRELOAD", library.to_str().expect("a plain path"))
        .env("FAKETIME_TIMESTAMP_FILE", &clock)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("NO_FAKE_STAT", "1")
        .serve_http(&["--http"])
}

/// Calls a tool of a server without a session.
fn call(server: &HttpServer, name: &str, tool: &str, params: &Value) -> Value {
    let mut call = http_call(tool, params, None);
    call["arguments"]["server"] = json!(name);
    server.stateless(1, "tools/call", call).json()["result"].take()
}

#[test]
fn jumps_of_the_clock_cost_no_call() {
    let Some(library) = library() else { return };
    let server = serve(&library);
    let mut session = server.session("2025-11-25");
    let mut cut = Vec::new();
    // The day is used up in the beginning, and it still is when the clock comes back to it.
    let calls = Cell::new(0);
    let is_limited = || {
        calls.set(calls.get() + 1);
        is_error(&call(&server, "limited", "echo", &json!({"message": calls.get().to_string()})))
    };
    assert_eq!([is_limited(), is_limited(), is_limited()], [false, false, true]);
    for (number, jump) in JUMPS.iter().enumerate() {
        let slow = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": http_call("sleep", &json!({"ms": 300}), None)});
        let slow = server.post_later(&[("Mcp-Session-Id", &session.id)], &slow);
        fs::write(server.path("clock"), format!("{jump}\n")).expect("it can be written");
        let message = format!("by {jump}");
        assert_eq!(session.text("echo", &json!({"message": message})), message);
        assert_eq!(text_of(&slow().json()["result"]), "slept 300 ms", "{jump}");
        assert_eq!(is_limited(), *jump == "+0" || *jump == "-1", "{jump}");
        let big = call(&server, "one", "big", &json!({"bytes": 5000 + number}));
        cut.push(big["_meta"]["bridge/resultId"].clone());
        // What was kept a moment ago is there, whatever day it is by now.
        for id in &cut {
            let arguments = json!({"name": "mcp", "arguments": {"action": "read", "id": id}});
            let read = session.request("tools/call", &arguments).json();
            assert!(!is_error(&read["result"]), "{jump}: {read}");
        }
        let status = json!({"name": "mcp", "arguments": {"action": "status"}});
        let status = json_of(&session.request("tools/call", &status).json()["result"]);
        assert_eq!(status["servers"][0]["status"], "connected", "{jump}: {status}");
    }
    assert_eq!(lines_of(&server.path("starts")).len(), 1, "nobody was idle for so long");
    let usage = fs::read_to_string(server.path("usage/limited.json")).expect("calls are counted");
    assert_words(&usage, &["1970-01-01"]);
    assert!(!server.stderr_text().contains("panicked"), "{}", server.stderr_text());
    let mut server = server;
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), 0);
}
