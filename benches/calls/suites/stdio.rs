//! Calls over stdio on both sides: directly, through the bare router, and through the bridge in both modes.

use std::io;

use serde_json::json;

use super::Effort;
use super::compare::{COLUMNS, Load, lines};
use crate::bridge::{Ground, Mode, bare, child, config, direct};
use crate::load::{Call, Figures, Way};
use crate::process::Process;
use crate::report::{Report, shown};

const CALLS: usize = 3_000;
const MANY: usize = 6_000;
const IN_FLIGHT: [usize; 3] = [8, 32, 128];

/// Of the p50 of a small call in router mode.
const MAX_OF_BARE: f64 = 1.25;
const MAX_OF_DIRECT: f64 = 3.0;
const MAX_CPU_OF_BARE: f64 = 1.4;
const MAX_LARGE_OF_BARE: f64 = 1.3;
/// Calls a second with 32 in flight, or a part of what the bare router does where that is less.
const MIN_RATE: f64 = 150_000.0;
const MIN_RATE_OF_BARE: f64 = 0.6;
const MAX_HIT_OF_MISS: f64 = 0.6;

/// Where the ways stand in the tables.
const BARE: usize = 1;
const ROUTER: usize = 2;

pub(super) fn run(ground: &Ground, effort: Effort, report: &mut Report) -> io::Result<()> {
    let mut ways = [direct()?, bare()?, ground.bridge(Mode::Router)?, ground.bridge(Mode::Direct)?];
    let names = ways.each_ref().map(|way| way.name.clone());
    let mut ways: Vec<&mut Way> = ways.iter_mut().collect();
    report.head("Through the bridge and a bare router", &COLUMNS)?;

    let small = Load::small(CALLS, 1);
    let figures = small.measure(&mut ways, effort)?;
    lines(report, &small, &names, &figures)?;
    judge_small(report, &figures);

    for in_flight in IN_FLIGHT {
        let load = Load::small(MANY, in_flight);
        let figures = load.measure(&mut ways, effort)?;
        lines(report, &load, &names, &figures)?;
        if in_flight == 32 {
            judge_rate(report, &figures);
        }
    }
    for load in Load::large() {
        let figures = load.measure(&mut ways, effort)?;
        lines(report, &load, &names, &figures)?;
        if load.name == "result of 1 MB" {
            let ratio = figures[ROUTER].ratio(&figures[BARE], |round| round.p50);
            report.at_most("result of 1 MB, p50 × bare", ratio, MAX_LARGE_OF_BARE);
        }
    }
    cache(ground, effort, report, ways[ROUTER])
}

fn judge_small(report: &mut Report, figures: &[Figures]) {
    let router = &figures[ROUTER];
    let of_bare = router.ratio(&figures[BARE], |round| round.p50);
    report.at_most("small call, router mode, p50 × bare", of_bare, MAX_OF_BARE);
    let of_direct = router.ratio(&figures[0], |round| round.p50);
    report.at_most("small call, router mode, p50 × direct", of_direct, MAX_OF_DIRECT);
    let cpu = router.ratio(&figures[BARE], |round| round.router_cpu);
    report.at_most("small call, router mode, CPU × bare", cpu, MAX_CPU_OF_BARE);
}

fn judge_rate(report: &mut Report, figures: &[Figures]) {
    let bare = figures[BARE].median(|round| round.calls_per_second);
    let least = MIN_RATE.min(MIN_RATE_OF_BARE * bare);
    let rate = figures[ROUTER].median(|round| round.calls_per_second);
    report.at_least("32 in flight, router mode, calls a second", rate, least);
}

/// A call that the cache answers, against one that it does not know and one of a bridge without a cache.
fn cache(
    ground: &Ground,
    effort: Effort,
    report: &mut Report,
    without: &mut Way,
) -> io::Result<()> {
    let mut config = config(Mode::Router, &child(&[]));
    config["resultCache"] = json!({"enabled": true});
    let home = ground.home("cache", &config)?;
    let mut with = Way::over_pipes("bridge", Process::start(&mut ground.command(&home))?)?;
    let repeated = Load { call: Call::repeated(), ..Load::small(CALLS, 1) };
    let (mut hits, mut misses) = (Figures::default(), Figures::default());
    let mut uncached = Figures::default();
    let small = Call::small();
    for _ in 0..effort.of(15) {
        hits.0.push(with.run(&repeated.call, CALLS, 1)?);
        uncached.0.push(without.run(&small, CALLS, 1)?);
        misses.0.push(with.run(&small, CALLS, 1)?);
    }
    report.head("Result cache", &["small call", "p50, µs", "p99, µs", "p50 × without a cache"])?;
    let all = [("without a cache", &uncached), ("not in the cache", &misses), ("cached", &hits)];
    for (name, figures) in all {
        report.line(&[
            name.to_owned(),
            shown(figures.median(|round| round.p50) / 1e3),
            shown(figures.median(|round| round.p99) / 1e3),
            shown(figures.ratio(&uncached, |round| round.p50)),
        ])?;
    }
    let ratio = hits.ratio(&uncached, |round| round.p50);
    report.at_most("cached call, p50 × a call without a cache", ratio, MAX_HIT_OF_MISS);
    Ok(())
}
