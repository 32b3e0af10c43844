//! What calls cost through the bridge, against the same calls made directly, through bare routers and through those of
//! other people.
//!
//! `cargo bench --features test-upstream --bench calls -- SUITE…` prints tables; with `--check` the exit code is 1 when a
//! target is missed. Rounds alternate between the ways, so that whatever else the machine does hits all of them, and
//! all processes share one core. Every call carries a nonce, and a wrong answer ends the run. Linux only: the kernel's
//! figures come from `/proc`.

mod bare;
mod bridge;
mod load;
mod machine;
mod peers;
mod process;
mod report;
mod suites;
#[path = "../targets/table.rs"]
mod targets;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::bridge::Ground;
use crate::report::Report;
use crate::suites::{Effort, Suite};

#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the command line")]
#[derive(Parser)]
#[command(about = "What calls cost through the bridge")]
struct Options {
    /// What to measure; everything but the peers where nothing is said.
    #[arg(value_enum)]
    suites: Vec<Suite>,
    /// Fails when a target is missed.
    #[arg(long)]
    check: bool,
    /// Fewer and shorter rounds.
    #[arg(long)]
    quick: bool,
    /// Puts the tables into docs/BENCHMARKS.md.
    #[arg(long)]
    write: bool,
    /// How many calls memory is looked at after; a tenth of it with `--quick`.
    #[arg(long, default_value_t = 1_000_000)]
    calls: usize,
    /// Another program than the one that was built.
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_bridge"))]
    program: PathBuf,
    /// cargo adds it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> io::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, words @ ..] = words.as_slice()
        && word == bare::WORD
    {
        return bare::run(words).map(|()| ExitCode::SUCCESS);
    }
    let options = Options::parse();
    let core = machine::pin_to_one_core();
    let ground = Ground::new(options.program.canonicalize()?)?;
    let calls = if options.quick { options.calls / 10 } else { options.calls };
    let effort = Effort { is_quick: options.quick, calls };
    let suites = if options.suites.is_empty() { Suite::OWN.to_vec() } else { options.suites };
    let mut out = io::stdout().lock();
    let core = core.map_or("unpinned".to_owned(), |core| format!("on core {core}"));
    writeln!(out, "all processes {core}")?;
    if cfg!(debug_assertions) {
        writeln!(out, "this is a debug build: the figures mean nothing")?;
    }
    let mut has_missed = false;
    for suite in suites {
        let mut report = Report::new(suite.name());
        suite.run(&ground, effort, &mut report)?;
        let (text, missed) = report.end()?;
        has_missed |= missed;
        writeln!(out, "\n### {}\n\n{text}", suite.name())?;
        if options.write {
            report::write(suite.name(), &text)?;
        }
    }
    Ok(if options.check && has_missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
