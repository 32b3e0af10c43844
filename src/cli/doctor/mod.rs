//! `bridge doctor`: looks for whatever may be wrong, and says what to do about it.

mod checkup;
mod clients;
mod commands;
mod files;
mod intents;
mod port;
mod recipes;
mod run;
mod servers;

pub(super) use run::{Doctor, run};
