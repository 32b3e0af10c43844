//! What many servers behind one bridge cost.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Effort;
use super::compare::Load;
use crate::bridge::{Ground, child};
use crate::load::{Call, Way};
use crate::machine::{Clock, Memory};
use crate::process::Process;
use crate::report::{Report, shown};

const COUNTS: [usize; 4] = [1, 10, 50, 100];
const CALLS: usize = 2_000;
/// The kernel counts memory a little behind, and children have things to do at first.
const SETTLING: Duration = Duration::from_millis(500);

/// Resident, with all servers connected.
const MAX_ONE_MB: f64 = 8.0;
const MAX_HUNDRED_MB: f64 = 20.0;

/// A bridge with all its servers connected.
struct Crowd {
    way: Way,
    one_connected: Memory,
    all_connected: Memory,
    connected_in_ms: f64,
}

pub(super) fn run(ground: &Ground, effort: Effort, report: &mut Report) -> io::Result<()> {
    let mut crowds =
        COUNTS.iter().map(|count| open(ground, *count)).collect::<io::Result<Vec<_>>>()?;
    let mut ways: Vec<&mut Way> = crowds.iter_mut().map(|crowd| &mut crowd.way).collect();
    let figures = Load::small(CALLS, 1).measure(&mut ways, effort)?;
    let columns = [
        "servers",
        "resident, one connected, MB",
        "resident, all connected, MB",
        "of its own, with helpers, MB",
        "all reached in, ms",
        "small call, p50, µs",
        "p99, µs",
        "p50 × one server",
    ];
    report.head("Many servers", &columns)?;
    for ((count, crowd), calls) in COUNTS.iter().zip(&crowds).zip(&figures) {
        report.line(&[
            count.to_string(),
            shown(crowd.one_connected.resident),
            shown(crowd.all_connected.resident),
            shown(crowd.all_connected.own),
            shown(crowd.connected_in_ms),
            shown(calls.median(|round| round.p50) / 1e3),
            shown(calls.median(|round| round.p99) / 1e3),
            shown(calls.ratio(&figures[0], |round| round.p50)),
        ])?;
    }
    for (place, limit) in [(0, MAX_ONE_MB), (COUNTS.len() - 1, MAX_HUNDRED_MB)] {
        let what = format!("idle with {} connected, MB", COUNTS[place]);
        report.at_most(&what, crowds[place].all_connected.resident, limit);
    }
    Ok(())
}

fn open(ground: &Ground, count: usize) -> io::Result<Crowd> {
    let name = |number: usize| if number == 1 { "one".to_owned() } else { format!("s{number}") };
    let servers: Map<String, Value> =
        (1..=count).map(|number| (name(number), child(&[]))).collect();
    let home = ground.home(&format!("servers-{count}"), &json!({"servers": servers}))?;
    let mut way = Way::over_pipes("bridge", Process::start(&mut ground.command(&home))?)?;
    let one_connected = memory(&mut way);
    let clock = Clock::start();
    way.ask("tools/call", &json!({"name": "mcp", "arguments": {"action": "list"}}))?;
    let connected_in_ms = clock.milliseconds();
    for number in (1..=count).rev() {
        way.turn_to(&name(number));
        way.run(&Call::small(), 1, 1)?;
    }
    let all_connected = memory(&mut way);
    Ok(Crowd { way, one_connected, all_connected, connected_in_ms })
}

fn memory(way: &mut Way) -> Memory {
    sleep(SETTLING);
    way.front.count_family();
    way.front.memory()
}
