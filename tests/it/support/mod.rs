//! Starts the bridge and its servers, and talks to them without any library in between.

mod bridge;
mod client;
mod http;
mod issuer;
mod need;
mod process;
mod recipe;
mod spawned;
mod terminal;
mod tiny;
mod tls;
mod web;
mod workers;

pub(crate) use bridge::{Bridge, Output, converse_in, run_in};
pub(crate) use client::{Client, initialize_params};
pub(crate) use http::{Reply as HttpReply, Server as HttpServer, call as http_call, stateless};
pub(crate) use issuer::{Hostile, Issuer, PLANTED, Says, browse, redirect_of};
pub(crate) use need::{is_required, leave_out};
pub(crate) use process::{
    alive, descendants, eventually, lines_of, make_pipe, resident_kb, told_by_proc, wait_gone,
    within, worked,
};
pub(crate) use recipe::{packaged, recipe, with_recipe};
pub(crate) use terminal::run_at_terminal;
pub(crate) use tiny::Tiny;
pub(crate) use tls::{AUTHORITY, terminate_tls};
pub(crate) use web::{Reply, Request, SESSION, Web};
pub(crate) use workers::{Workers, run_async};

use std::time::Duration;

use serde_json::Value;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The scripted server's program.
pub(crate) const UPSTREAM: &str = env!("CARGO_BIN_EXE_test-upstream");

/// The text of a result's first content block.
#[track_caller]
pub(crate) fn text_of(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text first in {result}"))
}

/// The JSON in a result's first content block.
#[track_caller]
pub(crate) fn json_of(result: &Value) -> Value {
    let text = text_of(result);
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Whether a result is marked as an error.
pub(crate) fn is_error(result: &Value) -> bool {
    result["isError"] == Value::Bool(true)
}

/// Asserts that a result is an error of this kind, and returns the error's JSON.
#[track_caller]
pub(crate) fn error_of(result: &Value, kind: &str) -> Value {
    assert!(is_error(result), "expected the error `{kind}`: {result}");
    let error = json_of(result);
    assert_eq!(error["error"], kind, "{error}");
    assert!(error["message"].is_string(), "an error without a message: {error}");
    error
}

/// Asserts that `text` has all the words, whatever their case.
#[track_caller]
pub(crate) fn assert_words(text: &str, words: &[&str]) {
    let lower = text.to_lowercase();
    for word in words {
        assert!(lower.contains(&word.to_lowercase()), "`{word}` is missing in: {text}");
    }
}

/// The names of the tools in an answer of `list`.
pub(crate) fn tool_names(list: &Value) -> Vec<&str> {
    let tools = list["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let signatures = tools.iter().filter_map(|tool| tool["signature"].as_str());
    signatures.filter_map(|signature| signature.split('(').next()).collect()
}
