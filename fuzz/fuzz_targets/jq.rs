//! Filters give JSON or a fault, and `.` gives what it was given.
//!
//! An input's first line is the filter, the rest what it is applied to. Filters that may go on for ever are left out:
//! stopping them is the worker process's business, not the engine's.
#![no_main]

use std::panic::{self, AssertUnwindSafe};
use std::process::abort;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use mcp_bridge::base::json::Strict;
use mcp_bridge::select::{place, run};

/// Words of filters that can loop, or make much out of little.
const ENDLESS: [&str; 13] = [
    "def",
    "repeat",
    "range",
    "until",
    "while",
    "recurse",
    "combinations",
    "transpose",
    "*",
    "jn",
    "yn",
    "infinite",
    "e9",
];
/// So short a filter, on so short an input, cannot multiply its outputs for long.
const MAX_FILTER: usize = 80;
const MAX_INPUT: usize = 256;
const MAX_OUTPUT: usize = 1 << 16;

/// The library of jq may panic, which its worker survives; the bridge's own code may not.
fn forgive_the_library() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|panic| {
            let file = panic.location().map_or("", |location| location.file());
            if !file.contains("/registry/") && !file.contains("/rustc/") {
                eprintln!("{panic}");
                abort();
            }
        }));
    });
}

fn assert_json(text: &str, whose: &str) {
    let mut strict = Strict::new();
    let fault = strict.check(text.as_bytes()).err();
    // Names may fall together when bytes that are no text become U+FFFD: the bridge checks for it.
    let told = fault.map(|fault| fault.to_string()).unwrap_or_default();
    let known =
        told.is_empty() || told.starts_with("duplicate key") || told.contains("not valid text");
    assert!(known, "{whose} gave `{text}`: {told}");
    assert!(!text.contains('\n'), "{whose} gave more than one line");
}

fuzz_target!(|data: &str| {
    forgive_the_library();
    let (filter, input) = data.split_once('\n').unwrap_or((data, "null"));
    let readable = input.len() <= MAX_INPUT && Strict::new().check(input.as_bytes()).is_ok();
    if readable {
        let same = run(".", input, MAX_OUTPUT).expect("every JSON text passes");
        assert_eq!(run(".", &same, MAX_OUTPUT).expect("what was given is JSON"), same);
        assert_json(&same, ".");
    }
    if filter.len() > MAX_FILTER || ENDLESS.iter().any(|word| filter.contains(word)) {
        return;
    }
    let input = if readable { input } else { "{\"a\":[1,{\"b\":\"c\"}]}" };
    let run = || run(filter, input, MAX_OUTPUT).map_err(|fault| place(fault, filter, input));
    match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(output)) => assert_json(&output, filter),
        Ok(Err(fault)) => assert!(fault.to_string().len() < 4000, "{fault}"),
        Err(_) => {}
    }
});
