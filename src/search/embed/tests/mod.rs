//! The services against a server on this machine that speaks as they do, well or badly.

mod dialects;
mod server;
mod trouble;
