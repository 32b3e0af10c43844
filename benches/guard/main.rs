//! What the guard finds, what it leaves alone, and what it costs.
//!
//! `cargo bench --bench guard` prints tables; with `-- --check` the exit code is 1 when a target is missed, and with
//! `-- --check-speed` as well when it is too slow. The texts stand in `../shared/data/injection` and are no part of this
//! repository; where they are absent, nothing is measured and nothing fails.

mod corpus;
mod quality;
mod speed;
#[path = "../targets/table.rs"]
mod table;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use mcp_bridge::config::{SanitizeAction, ServerName, Trust};
use mcp_bridge::guard::Guard;

use crate::corpus::Corpus;
use crate::table::Verdicts;

const FOLDER: &str = "../shared/data/injection";

fn main() -> io::Result<ExitCode> {
    let given = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let mut out = io::stdout().lock();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    if !folder.is_dir() {
        writeln!(out, "skipped: {FOLDER} is absent")?;
        return Ok(ExitCode::SUCCESS);
    }
    let server = ServerName::parse("any").map_err(io::Error::other)?;
    let guard = |trust| Guard::new(&server, trust, SanitizeAction::Replace);
    let corpus = Corpus::load(&folder)?;

    let mut verdicts = Verdicts::default();
    let resident = speed::resident_kb();
    let first = speed::first_call(&guard(Trust::Sanitize));
    // Every expression is compiled and used by now, and nothing of the texts is kept.
    for row in corpus.attacks.iter().chain(&corpus.benign) {
        guard(Trust::Sanitize).text(&row.text);
    }
    let grown = speed::resident_kb().saturating_sub(resident);
    quality::report(
        &corpus,
        &guard(Trust::Sanitize),
        &guard(Trust::Untrusted),
        &mut out,
        &mut verdicts,
    )?;
    let missed = verdicts.end();
    speed::report(&corpus, &guard(Trust::Sanitize), &mut out, &mut verdicts)?;
    let too_slow = verdicts.end();
    writeln!(
        out,
        "\nThe first text takes {:.1} ms, most of it for the tables of triggers.",
        first * 1e3
    )?;
    writeln!(
        out,
        "Resident memory grows by {grown} kB over all of these texts, with every expression compiled."
    )?;
    if cfg!(debug_assertions) {
        writeln!(out, "\nThis is a debug build: the figures of speed mean nothing.")?;
    }
    let fails = (given("--check") && missed) || (given("--check-speed") && (missed || too_slow));
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
