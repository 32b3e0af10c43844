//! `bridge install NAME…`: shows what will run and what is asked for, asks, writes, connects once and tells what came of it.

mod arguments;
mod ask;
mod choose;
mod frozen;
mod reach;
mod run;
mod show;

pub(super) use arguments::Install;
pub(super) use reach::reach;
pub(super) use run::run;
