//! The bridge as users and clients see it: real processes, one file per theme.
#![cfg(unix)]

mod admin;
mod bad_client;
mod bad_server;
mod batch;
mod cache;
mod cancellation;
mod cli;
mod concurrency;
mod config;
mod direct_tools;
mod doctor;
mod edit;
mod fidelity;
mod guard;
mod handshake;
mod lifetime;
mod limits;
mod lines;
mod pins;
mod progress;
mod promotion;
mod recipes;
mod remembered;
mod resolution;
mod retry;
mod router;
mod secrets;
mod select;
mod sessions;
mod shutdown;
mod start;
mod stateless;
mod streamable_http;
mod support;
mod usage;
