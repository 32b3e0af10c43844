//! Routers that do no more than must be done: what a bridge costs beyond them is what it adds.
//!
//! They are written as one would write them: they read the envelope of each message, leave its payload alone, and know
//! neither sessions nor limits nor errors of their own. The benchmark starts itself for them.

mod http;
mod stdio;

use std::io;

use tokio::runtime;

/// The word on the command line that makes the benchmark one of these routers.
pub(crate) const WORD: &str = "bare";

/// Becomes the router that these words ask for: `stdio PROGRAM WORD…` in front of that program, or `http URL` in front of
/// that server.
pub(crate) fn run(words: &[String]) -> io::Result<()> {
    match words {
        [kind, program, words @ ..] if kind == "stdio" => {
            let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
            runtime.block_on(stdio::route(program, words))
        }
        [kind, url] if kind == "http" => {
            let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(http::route(url))
        }
        _ => Err(io::Error::other(format!("no bare router: {words:?}"))),
    }
}
