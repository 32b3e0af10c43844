//! What a call through the bridge costs over HTTP on both sides, against the same call made directly in the same run: of
//! the scripted server, which does next to nothing for a call, and of one on an SDK, as people write them.
//!
//! `cargo bench --features test-upstream --bench http` prints tables; with `-- --check` the exit code is 1 when a
//! figure is above its limit. Rounds alternate between the ways, so that whatever else the machine does hits all of
//! them, and all processes share one core. The server on the SDK is left out where it is not built.

mod client;
mod idle;
mod load;
#[path = "../machine/mod.rs"]
mod machine;
mod peer;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::client::{Client, Era};
use crate::machine::table::{Comparison, circumstances, heading, median};
use crate::machine::{Round, pin_to_one_core};
use crate::peer::{Mode, Peer, Server};

const ROUNDS: usize = 7;
const WARM_UP: usize = 2_000;
const CALLS: usize = 2_000;
const CALLERS: usize = 128;
const SESSIONS: usize = 1_000;

/// Of the p50 of one caller, against the server on the SDK.
const MAX_RATIO: f64 = 2.2;
/// The same against the scripted server, whose answer takes less time than the system needs to hand a message from process
/// to process; in a session, and without one, where more of each request has to be read.
const MAX_SCRIPTED_RATIO: f64 = 3.8;
const MAX_SCRIPTED_STATELESS_RATIO: f64 = 5.2;
const MAX_GROWTH_KB: u64 = 30 * 1024;

/// One load by one kind of client, in both modes of the bridge.
struct Measured {
    load: String,
    comparisons: [Comparison; 2],
    /// What the ratio of neither may be above.
    limit: Option<f64>,
}

fn main() -> io::Result<ExitCode> {
    // cargo adds `--bench` of its own.
    let check = std::env::args().any(|argument| argument == "--check");
    let core = pin_to_one_core();
    idle::allow_descriptors(2 * SESSIONS)?;
    let folder = tempfile::tempdir()?;
    let peers = Peer::all(folder.path(), Server::Scripted)?;
    let mut measured = vec![
        measure(&peers, Server::Scripted, Era::Session, 1)?,
        measure(&peers, Server::Scripted, Era::Stateless, 1)?,
        measure(&peers, Server::Scripted, Era::Session, CALLERS)?,
    ];
    let growth = idle::growth_kb(&peers[1], SESSIONS)?;
    drop(peers);
    if Server::Sdk.is_built() {
        let peers = Peer::all(folder.path(), Server::Sdk)?;
        measured.push(measure(&peers, Server::Sdk, Era::Session, 1)?);
        measured.push(measure(&peers, Server::Sdk, Era::Stateless, 1)?);
    }

    let mut out = io::stdout().lock();
    circumstances(&mut out, core)?;
    if !Server::Sdk.is_built() {
        writeln!(out, "SDK server: skipped, it is not built (`just bench-http` builds it)")?;
    }
    writeln!(out, "\n{}", heading())?;
    for Measured { load, comparisons, .. } in &measured {
        writeln!(out, "{load}")?;
        for (mode, comparison) in [Mode::Direct, Mode::Router].iter().zip(comparisons) {
            comparison.write(&mut out, &format!("  {} mode", mode.name()))?;
        }
    }
    writeln!(out, "\n{SESSIONS} idle sessions: {growth} kB (limit {MAX_GROWTH_KB})")?;
    let mut within = growth <= MAX_GROWTH_KB;
    for Measured { load, comparisons, limit } in &measured {
        let Some(limit) = *limit else { continue };
        let [direct, router] = comparisons.each_ref().map(Comparison::p50_ratio);
        let is_good = direct <= limit && router <= limit;
        let verdict = if is_good { "within" } else { "above" };
        writeln!(
            out,
            "{load}: {direct:.2} in direct mode, {router:.2} in router mode (limit {limit}): {verdict}"
        )?;
        within &= is_good;
    }
    Ok(if check && !within { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// So many callers of that era, each way in turns; every figure is the median over the rounds. A call that fails ends it
/// all.
fn measure(peers: &[Peer; 3], server: Server, era: Era, callers: usize) -> io::Result<Measured> {
    let open = |peer| (0..callers).map(|_| Client::open(peer, era)).collect::<io::Result<Vec<_>>>();
    let mut clients = peers.iter().map(open).collect::<io::Result<Vec<_>>>()?;
    let comparisons = compare(peers, &mut clients)?;
    let limit = match (server, era) {
        _ if callers > 1 => None,
        (Server::Scripted, Era::Session) => Some(MAX_SCRIPTED_RATIO),
        (Server::Scripted, Era::Stateless) => Some(MAX_SCRIPTED_STATELESS_RATIO),
        (Server::Sdk, _) => Some(MAX_RATIO),
    };
    let era = if era == Era::Session { "in a session" } else { "stateless" };
    let who = if callers == 1 { "one caller".to_owned() } else { format!("{callers} callers") };
    Ok(Measured { load: format!("{} server, {who} {era}", server.name()), comparisons, limit })
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
