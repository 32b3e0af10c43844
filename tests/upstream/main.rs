//! A scripted MCP server over stdio or HTTP for tests and benchmarks.
//!
//! It behaves as its flags and the tools called say, well or badly, and is as fast as blocking reads allow: it is
//! also the server that the benchmark calls without a bridge in between.

mod arguments;
mod calls;
mod events;
mod frames;
mod http;
mod marks;
mod oddities;
mod options;
mod rich;
mod script;
mod server;
mod startup;
mod stateless;
mod streams;
mod timer;
mod tools;

use std::process::ExitCode;

use clap::Parser;

use crate::options::Options;
use crate::server::Server;

fn main() -> ExitCode {
    let mut options = Options::parse();
    if let Err(code) = startup::run(&mut options) {
        return code;
    }
    match options.http {
        Some(port) => http::serve(options, port),
        None => Server::new(options).serve(),
    }
}
