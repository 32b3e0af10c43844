//! Calls over HTTP on both sides, in a session and without one, and what sessions cost that do nothing but listen.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use super::Effort;
use super::compare::{COLUMNS, Load, lines};
use crate::bridge::{Ground, Mode, bare_http, remote, upstream_http};
use crate::load::{Endpoint, Figures, Sockets, Way, allow_descriptors};
use crate::report::{Report, shown};

const CALLS: usize = 2_000;
const MANY: usize = 4_000;
const IN_FLIGHT: [usize; 3] = [8, 32, 128];
const SESSIONS: usize = 1_000;
/// The kernel counts memory a little behind.
const SETTLING: Duration = Duration::from_millis(500);

/// Of the p50 of a small call in a session, in either mode.
const MAX_OF_BARE: f64 = 1.3;
const MAX_IDLE_MB: f64 = 30.0;

const BARE: usize = 1;

pub(super) fn run(ground: &Ground, effort: Effort, report: &mut Report) -> io::Result<()> {
    allow_descriptors(2 * SESSIONS)?;
    report.head("Through the bridge and a bare router", &COLUMNS)?;
    one_caller(ground, effort, report)?;
    for in_flight in IN_FLIGHT {
        let mut ways = Ways::open(ground, in_flight)?;
        ways.measure(&Load::small(MANY, in_flight), effort, report)?;
    }
    let mut ways = Ways::open(ground, 1)?;
    for load in Load::large() {
        ways.measure(&load, effort, report)?;
    }
    let (way, endpoint) = &ways.0[BARE + 1];
    idle(way, endpoint, report)
}

/// The four ways, each in front of a server of its own, and where they answer.
struct Ways(Vec<(Way, Endpoint)>);

impl Ways {
    fn open(ground: &Ground, connections: usize) -> io::Result<Self> {
        let (server, endpoint) = upstream_http()?;
        let mut ways = vec![(Way::over_http("direct", server, &endpoint, connections)?, endpoint)];
        ways.push(behind(|server| bare_http(server, connections))?);
        for mode in [Mode::Router, Mode::Direct] {
            ways.push(behind(|server| ground.bridge_http(mode, &remote(server), connections))?);
        }
        Ok(Self(ways))
    }

    fn measure(
        &mut self,
        load: &Load,
        effort: Effort,
        report: &mut Report,
    ) -> io::Result<Vec<Figures>> {
        let names: Vec<String> = self.0.iter().map(|(way, _)| way.name.clone()).collect();
        let mut ways: Vec<&mut Way> = self.0.iter_mut().map(|(way, _)| way).collect();
        let figures = load.measure(&mut ways, effort)?;
        lines(report, load, &names, &figures)?;
        Ok(figures)
    }
}

/// Opens a way in front of a server that is started for it.
fn behind(
    open: impl FnOnce(&Endpoint) -> io::Result<(Way, Endpoint)>,
) -> io::Result<(Way, Endpoint)> {
    let (server, endpoint) = upstream_http()?;
    let (way, front) = open(&endpoint)?;
    Ok((way.in_front_of(server), front))
}

/// One call at a time, in a session and then without one, as clients of the stateless revision make it.
fn one_caller(ground: &Ground, effort: Effort, report: &mut Report) -> io::Result<()> {
    let mut ways = Ways::open(ground, 1)?;
    let figures = ways.measure(&Load::small(CALLS, 1), effort, report)?;
    for (place, mode) in (BARE + 1..).zip([Mode::Router, Mode::Direct]) {
        let ratio = figures[place].ratio(&figures[BARE], |round| round.p50);
        let what = format!("small call in a session, {} mode, p50 × bare", mode.name());
        report.at_most(&what, ratio, MAX_OF_BARE);
    }
    for (way, endpoint) in &mut ways.0 {
        way.forget_session(endpoint)?;
    }
    let load = Load { name: "small call without a session".to_owned(), ..Load::small(CALLS, 1) };
    ways.measure(&load, effort, report).map(drop)
}

/// By how much memory grows when many clients have opened a session and listen.
fn idle(way: &Way, endpoint: &Endpoint, report: &mut Report) -> io::Result<()> {
    let before = way.front.memory().own;
    let open = |_| Sockets::idle(endpoint);
    let sessions = (0..SESSIONS).map(open).collect::<io::Result<Vec<_>>>()?;
    sleep(SETTLING);
    let grown = way.front.memory().own - before;
    drop(sessions);
    report.remark(&format!("{SESSIONS} idle sessions take {} MB.", shown(grown)))?;
    report.at_most(&format!("{SESSIONS} idle sessions, MB"), grown, MAX_IDLE_MB);
    Ok(())
}
