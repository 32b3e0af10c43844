//! Words in, words out: one file per command.

mod arguments;
mod call;
mod exit;
mod init;
mod printer;
mod run;
mod serve;
mod servers;
mod setup;
mod tools;
mod usage;

pub use exit::Exit;
pub use run::main;
