//! Clients that call us.

mod admission;
mod answer;
mod archive;
mod awaited;
mod body;
mod client;
mod connection;
mod conversation;
mod cors;
mod exchange;
mod incoming;
pub mod listener;
pub mod origin;
mod outlet;
mod patience;
mod questions;
mod reply;
mod request;
mod session;
mod sessions;
mod sse;
mod stateless;
pub mod stdio;
mod streamable_http;
mod way;
mod work;
