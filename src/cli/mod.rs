//! Words in, words out: one file per command.

mod approve;
mod arguments;
mod call;
mod catalog;
mod clients;
mod completions;
mod diff;
mod doctor;
mod edited;
mod exit;
mod init;
mod install;
mod intent;
mod limit;
mod listed;
mod lock;
mod man;
mod migrate_recipe;
mod model;
mod outdated;
mod printer;
mod read;
mod remove;
mod run;
mod schema;
mod search;
mod serve;
mod servers;
mod set_env;
mod setup;
mod tools;
mod tree;
mod usage;
mod validate_recipe;

pub use exit::Exit;
pub use run::main;
