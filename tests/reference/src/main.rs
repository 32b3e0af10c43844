//! An MCP server that has everything the public conformance suite asks for, in both eras of the protocol.
//!
//! `reference-server` speaks on stdio; `reference-server --http PORT` serves `http://127.0.0.1:PORT/mcp`, says so in
//! one line on stdout (port 0 takes a free one) and ends with its stdin. `--era session|stateless|both` narrows it.

mod asking;
mod calls;
mod changes;
mod content;
mod era;
mod lists;
mod logging;
mod options;
mod questions;
mod serve;
mod server;
mod tasks;

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match options::parse(std::env::args().skip(1)) {
        Ok(options) => serve::run(options).await,
        Err(message) => Err(message),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("reference-server: {message}");
            ExitCode::FAILURE
        }
    }
}
