//! What a call through the bridge costs over HTTP on both sides, against the same call made directly in the same run.
//!
//! `cargo bench --features test-upstream --bench http` prints tables; with `-- --check` the exit code is 1 when a
//! figure is above its limit. Rounds alternate between the ways, so that whatever else the machine does hits all of
//! them, and all processes share one core.

mod client;
mod idle;
mod load;
#[path = "../machine/mod.rs"]
mod machine;
mod peer;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::client::Client;
use crate::machine::table::{Comparison, heading, median};
use crate::machine::{Round, pin_to_one_core};
use crate::peer::{Mode, Peer};

const ROUNDS: usize = 7;
const WARM_UP: usize = 2_000;
const CALLS: usize = 2_000;
const CALLERS: usize = 128;
const SESSIONS: usize = 1_000;

const MAX_RATIO: f64 = 2.2;
const MAX_GROWTH_KB: u64 = 30 * 1024;

/// The loads, each way.
struct Measured {
    alone: [Comparison; 2],
    together: [Comparison; 2],
}

fn main() -> io::Result<ExitCode> {
    // cargo adds `--bench` of its own.
    let check = std::env::args().any(|argument| argument == "--check");
    let core = pin_to_one_core();
    idle::allow_descriptors(2 * SESSIONS)?;
    let folder = tempfile::tempdir()?;
    let peers = [
        Peer::server(folder.path())?,
        Peer::bridged(folder.path(), Mode::Direct)?,
        Peer::bridged(folder.path(), Mode::Router)?,
    ];
    let measured = measure(&peers)?;
    let growth = idle::growth_kb(&peers[1], SESSIONS)?;

    let mut out = io::stdout().lock();
    match core {
        Some(core) => writeln!(out, "all processes on core {core}")?,
        None => writeln!(out, "not pinned: this system has no way to")?,
    }
    if cfg!(debug_assertions) {
        writeln!(out, "this is a debug build: the figures mean nothing")?;
    }
    writeln!(out, "\n{}", heading())?;
    for (mode, alone) in [Mode::Direct, Mode::Router].iter().zip(&measured.alone) {
        alone.write(&mut out, &format!("one caller, {} mode", mode.name()))?;
    }
    for (mode, together) in [Mode::Direct, Mode::Router].iter().zip(&measured.together) {
        together.write(&mut out, &format!("{CALLERS} callers, {} mode", mode.name()))?;
    }
    writeln!(out, "\n{SESSIONS} idle sessions: {growth} kB (limit {MAX_GROWTH_KB})")?;
    let ratios = measured.alone.each_ref().map(Comparison::p50_ratio);
    let within = ratios.iter().all(|ratio| *ratio <= MAX_RATIO) && growth <= MAX_GROWTH_KB;
    let verdict = if within { "within" } else { "above" };
    let [direct, router] = ratios;
    writeln!(
        out,
        "p50 ratio {direct:.2} in direct mode, {router:.2} in router mode (limit {MAX_RATIO}): {verdict}"
    )?;
    Ok(if check && !within { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Every load each way in turns; every figure is the median over the rounds. A call that fails ends it all.
fn measure(peers: &[Peer; 3]) -> io::Result<Measured> {
    let mut alone = Vec::new();
    let mut together = Vec::new();
    for peer in peers {
        alone.push(vec![Client::open(peer)?]);
        together.push((0..CALLERS).map(|_| Client::open(peer)).collect::<io::Result<Vec<_>>>()?);
    }
    Ok(Measured { alone: compare(peers, &mut alone)?, together: compare(peers, &mut together)? })
}

/// The same load each way, by so many clients as there are; the first way is the direct one.
fn compare(peers: &[Peer; 3], clients: &mut [Vec<Client>]) -> io::Result<[Comparison; 2]> {
    let mut rounds: [Vec<Round>; 3] = [const { Vec::new() }; 3];
    for (peer, clients) in peers.iter().zip(&mut *clients) {
        load::run(peer, clients, WARM_UP)?;
    }
    for _ in 0..ROUNDS {
        for ((peer, clients), rounds) in peers.iter().zip(&mut *clients).zip(&mut rounds) {
            rounds.push(load::run(peer, clients, CALLS)?);
        }
    }
    let [without, direct, router] = rounds.map(|rounds| median(&rounds));
    Ok([direct, router].map(|bridged| Comparison { direct: without, bridged }))
}
