//! The bridge as users and clients see it: real processes, one file per theme.
#![cfg(unix)]

mod bad_client;
mod bad_server;
mod batch;
mod cancellation;
mod cli;
mod concurrency;
mod config;
mod edit;
mod fidelity;
mod handshake;
mod lifetime;
mod lines;
mod pins;
mod progress;
mod promotion;
mod resolution;
mod retry;
mod router;
mod secrets;
mod select;
mod shutdown;
mod start;
mod support;
mod usage;
