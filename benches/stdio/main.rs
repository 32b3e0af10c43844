//! What a call through the bridge costs, against the same call made directly in the same run.
//!
//! `cargo bench --features test-upstream --bench stdio` prints a table; with `-- --check` the exit code is 1 when a
//! figure is above its limit. Rounds alternate between the two ways, so that whatever else the machine does
//! hits both, and all processes share one core.

mod load;
#[path = "../machine/mod.rs"]
mod machine;
mod process;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::load::Direct;
use crate::machine::table::{Comparison, circumstances, heading, median};
use crate::machine::{Round, pin_to_one_core};
use crate::process::Peer;

const ROUNDS: usize = 7;
const WARM_UP: usize = 2_000;
const CALLS: usize = 3_000;
const IN_FLIGHT: usize = 32;
const LARGE_CALLS: usize = 30;
const LARGE_BYTES: usize = 1_000_000;

const MAX_RATIO: f64 = 3.75;
const MAX_RESIDENT_KB: u64 = 8 * 1024;

fn main() -> io::Result<ExitCode> {
    // cargo adds `--bench` of its own.
    let check = std::env::args().any(|argument| argument == "--check");
    let core = pin_to_one_core();
    let folder = tempfile::tempdir()?;
    let mut direct = Peer::direct(folder.path())?;
    let mut bridged = Peer::bridged(folder.path())?;
    let resident = bridged.resident_kb();

    let small = compare(&mut direct, &mut bridged, |peer, direct| {
        peer.sequential(&load::echo(direct), CALLS)
    })?;
    let many = compare(&mut direct, &mut bridged, |peer, direct| {
        peer.pipelined(&load::echo(direct), CALLS, IN_FLIGHT)
    })?;
    let large = compare(&mut direct, &mut bridged, |peer, direct| {
        peer.sequential(&load::big(direct, LARGE_BYTES), LARGE_CALLS)
    })?;
    let loaded = bridged.resident_kb();

    let mut out = io::stdout().lock();
    circumstances(&mut out, core)?;
    writeln!(out, "\n{}", heading())?;
    small.write(&mut out, "small echo, one at a time")?;
    many.write(&mut out, &format!("small echo, {IN_FLIGHT} in flight"))?;
    large.write(&mut out, "1 MB result, one at a time")?;
    writeln!(out, "\nresident memory of the bridge, one server connected: {resident} kB")?;
    writeln!(out, "resident memory of the bridge after all of this: {loaded} kB")?;

    let ratio = small.p50_ratio();
    let within = ratio <= MAX_RATIO && resident <= MAX_RESIDENT_KB && resident > 0;
    let verdict = if within { "within" } else { "above" };
    writeln!(
        out,
        "p50 ratio {ratio:.2} (limit {MAX_RATIO}), {resident} kB (limit {MAX_RESIDENT_KB}): {verdict}"
    )?;
    Ok(if check && !within { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs the same load both ways in turns; every figure is the median over the rounds.
fn compare(
    direct: &mut Peer,
    bridged: &mut Peer,
    run: impl Fn(&mut Peer, Direct) -> io::Result<Round>,
) -> io::Result<Comparison> {
    for (peer, way) in [(&mut *direct, Direct::Yes), (&mut *bridged, Direct::No)] {
        peer.sequential(&load::echo(way), WARM_UP)?;
        run(peer, way)?;
    }
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(run(direct, Direct::Yes)?);
        with.push(run(bridged, Direct::No)?);
    }
    Ok(Comparison { direct: median(&without), bridged: median(&with) })
}
