//! What is measured, a file each.

mod compare;
mod http;
mod memory;
mod peers;
mod servers;
mod startup;
mod stdio;
mod tools;

use std::io;

use clap::ValueEnum;

use crate::bridge::Ground;
use crate::report::Report;

/// One of them.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Suite {
    /// Calls over stdio on both sides.
    Stdio,
    /// Calls over HTTP on both sides.
    Http,
    /// From the start of a process to its answers.
    Startup,
    /// Many servers behind one bridge.
    Servers,
    /// Many tools of one server.
    Tools,
    /// Whether memory grows with the number of calls.
    Memory,
    /// Routers of other people, as far as they are installed.
    Peers,
}

/// How much work to put in.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) is_quick: bool,
    /// How many calls memory is looked at after.
    pub(crate) calls: usize,
}

impl Effort {
    /// The number for long runs, or a part of it.
    pub(crate) fn of(self, whole: usize) -> usize {
        if self.is_quick { (whole / 4).max(1) } else { whole }
    }
}

impl Suite {
    /// All that need nothing but the bridge.
    pub(crate) const OWN: [Self; 6] =
        [Self::Stdio, Self::Http, Self::Startup, Self::Servers, Self::Tools, Self::Memory];

    pub(crate) fn run(
        self,
        ground: &Ground,
        effort: Effort,
        report: &mut Report,
    ) -> io::Result<()> {
        match self {
            Self::Stdio => stdio::run(ground, effort, report),
            Self::Http => http::run(ground, effort, report),
            Self::Startup => startup::run(ground, effort, report),
            Self::Servers => servers::run(ground, effort, report),
            Self::Tools => tools::run(ground, effort, report),
            Self::Memory => memory::run(ground, effort, report),
            Self::Peers => peers::run(ground, effort, report),
        }
    }

    /// As it is called on the command line and in the document.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Http => "http",
            Self::Startup => "startup",
            Self::Servers => "servers",
            Self::Tools => "tools",
            Self::Memory => "memory",
            Self::Peers => "peers",
        }
    }
}
