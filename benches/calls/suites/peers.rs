//! The bridge beside routers of other people, each over the transports that it is made for.

use std::io;

use super::Effort;
use super::compare::Load;
use crate::bridge::{Ground, Mode, bare, child, direct, remote, upstream_http};
use crate::load::{Figures, Way};
use crate::peers::{self, Kind};
use crate::report::{Report, shown};

const IN_FLIGHT: usize = 32;

/// One way, or why there is none.
struct Contender {
    name: String,
    does: &'static str,
    way: io::Result<Way>,
}

pub(super) fn run(ground: &Ground, effort: Effort, report: &mut Report) -> io::Result<()> {
    for (kind, title) in [
        (Kind::StdioToStdio, "stdio in front of a process"),
        (Kind::HttpToStdio, "HTTP in front of a process"),
        (Kind::StdioToHttp, "stdio in front of a server over HTTP"),
    ] {
        let mut contenders = ours(ground, kind)?;
        for peer in peers::ALL.iter().filter(|peer| peer.kind == kind) {
            let name = peer.label();
            if peer.is_installed() {
                let way = peer.open(ground, IN_FLIGHT);
                contenders.push(Contender { name, does: peer.does, way });
            } else {
                report
                    .remark(&format!("{name} is left out: benches/peers/install installs it."))?;
            }
        }
        measure(contenders, title, effort, report)?;
    }
    Ok(())
}

/// The server by itself, the bare router where there is one, and the bridge in both modes.
fn ours(ground: &Ground, kind: Kind) -> io::Result<Vec<Contender>> {
    let mut ways = Vec::new();
    if kind == Kind::StdioToStdio {
        ways.extend([direct()?, bare()?]);
    } else {
        let (server, endpoint) = upstream_http()?;
        ways.push(Way::over_http("direct", server, &endpoint, IN_FLIGHT)?);
    }
    for mode in [Mode::Router, Mode::Direct] {
        ways.push(match kind {
            Kind::StdioToStdio => ground.bridge(mode)?,
            Kind::HttpToStdio => ground.bridge_http(mode, &child(&[]), IN_FLIGHT)?.0,
            Kind::StdioToHttp => {
                let (server, endpoint) = upstream_http()?;
                ground.bridge_to(mode, &remote(&endpoint))?.in_front_of(server)
            }
        });
    }
    let does = |name: &str| match name {
        "direct" => "the server by itself",
        "bare router" => "ids of its own, nothing else",
        "bridge, router mode" => "many servers behind one tool",
        _ => "many servers, every tool by itself",
    };
    let contender =
        |way: Way| Contender { name: way.name.clone(), does: does(&way.name), way: Ok(way) };
    Ok(ways.into_iter().map(contender).collect())
}

const COLUMNS: [&str; 11] = [
    "way",
    "small call, p50, µs",
    "p99, µs",
    "× direct",
    "calls a second, 32 in flight",
    "CPU s per 10,000 of them",
    "result of 1 MB, p50, ms",
    "arguments of 1 MB, p50, ms",
    "start to first call, ms",
    "memory of its own, MB",
    "does",
];

fn measure(
    contenders: Vec<Contender>,
    title: &str,
    effort: Effort,
    report: &mut Report,
) -> io::Result<()> {
    let mut standing = Vec::new();
    for Contender { name, does, way } in contenders {
        match way {
            Ok(way) => standing.push((does, way)),
            Err(error) => {
                report.remark(&format!("{name} does not take part: {}", first_line(&error)))?;
            }
        }
    }
    let [_, result, _, arguments] = Load::large();
    let loads = [
        Load::small(1_000, 1),
        Load::small(1_000, IN_FLIGHT),
        Load { calls: 5, ..result },
        Load { calls: 5, ..arguments },
    ];
    let mut figures: Vec<Vec<Option<Figures>>> = standing.iter().map(|_| Vec::new()).collect();
    for load in &loads {
        let ways = standing.iter_mut().map(|(_, way)| way);
        for (place, measured) in load.measure_apart(ways, effort).into_iter().enumerate() {
            if let Err(error) = &measured {
                let name = &standing[place].1.name;
                report.remark(&format!(
                    "{name} failed with {}: {}",
                    load.name,
                    first_line(error)
                ))?;
            }
            figures[place].push(measured.ok());
        }
    }
    report.head(title, &COLUMNS)?;
    for ((does, way), measured) in standing.iter().zip(&figures) {
        line(report, way, does, measured, &figures[0])?;
    }
    Ok(())
}

fn line(
    report: &mut Report,
    way: &Way,
    does: &str,
    measured: &[Option<Figures>],
    direct: &[Option<Figures>],
) -> io::Result<()> {
    let of = |load: usize, shown_as: &dyn Fn(&Figures) -> String| {
        measured[load].as_ref().map_or("failed".to_owned(), shown_as)
    };
    let milliseconds = |figures: &Figures| shown(figures.median(|round| round.p50) / 1e6);
    let times = |figures: &Figures| match &direct[0] {
        Some(direct) => shown(figures.ratio(direct, |round| round.p50)),
        None => "–".to_owned(),
    };
    report.line(&[
        way.name.clone(),
        of(0, &|figures| shown(figures.median(|round| round.p50) / 1e3)),
        of(0, &|figures| shown(figures.median(|round| round.p99) / 1e3)),
        of(0, &times),
        of(1, &|figures| format!("{:.0}", figures.median(|round| round.calls_per_second))),
        of(1, &|figures| format!("{:.3}", figures.median(|round| round.router_cpu) * 1e4 / 1e9)),
        of(2, &milliseconds),
        of(3, &milliseconds),
        shown(way.opening.called),
        if way.name == "direct" { "–".to_owned() } else { shown(way.front.memory().own) },
        does.to_owned(),
    ])
}

fn first_line(error: &io::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
