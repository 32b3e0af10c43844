//! What many tools of one server cost.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::Effort;
use super::compare::Load;
use crate::bridge::{Ground, Mode, child, config, upstream};
use crate::load::{Figures, Way};
use crate::machine::{Clock, as_float, middle};
use crate::process::Process;
use crate::report::{Report, shown};

const COUNTS: [usize; 3] = [10, 1_000, 10_000];
const CALLS: usize = 2_000;
const ROUNDS: usize = 15;
/// Milliseconds, for the largest number of tools.
const MAX_REFRESH: f64 = 50.0;

/// The server with so many tools, by itself and behind bridges.
struct Shelf {
    direct: Way,
    router: Way,
    all: Way,
    /// Milliseconds, once for each round.
    listed_by_server: Vec<f64>,
    refreshed: Vec<f64>,
    listed: Vec<f64>,
    listed_in_direct_mode: Vec<f64>,
    list_bytes: usize,
}

pub(super) fn run(ground: &Ground, effort: Effort, report: &mut Report) -> io::Result<()> {
    let mut shelves =
        COUNTS.iter().map(|count| Shelf::open(ground, *count)).collect::<io::Result<Vec<_>>>()?;
    for _ in 0..effort.of(ROUNDS) {
        for shelf in &mut shelves {
            shelf.measure()?;
        }
    }
    let mut ways: Vec<&mut Way> = shelves.iter_mut().map(|shelf| &mut shelf.router).collect();
    let calls = Load::small(CALLS, 1).measure(&mut ways, effort)?;
    write(report, &shelves, &calls)?;
    if let (Some(count), Some(shelf)) = (COUNTS.last(), shelves.last()) {
        let refreshed = middle(shelf.refreshed.iter().copied());
        report.at_most(&format!("refresh of {count} tools, ms"), refreshed, MAX_REFRESH);
    }
    Ok(())
}

fn write(report: &mut Report, shelves: &[Shelf], calls: &[Figures]) -> io::Result<()> {
    let columns = [
        "tools",
        "`tools/list` of the server, ms",
        "refresh, ms",
        "`list`, ms",
        "`list`, kB",
        "`tools/list` in direct mode, ms",
        "small call, p50, µs",
        "p50 × ten tools",
        "memory of its own, MB",
    ];
    report.head("Many tools", &columns)?;
    for ((count, shelf), figures) in COUNTS.iter().zip(shelves).zip(calls) {
        let median = |times: &[f64]| shown(middle(times.iter().copied()));
        report.line(&[
            count.to_string(),
            median(&shelf.listed_by_server),
            median(&shelf.refreshed),
            median(&shelf.listed),
            shown(as_float(shelf.list_bytes) / 1e3),
            median(&shelf.listed_in_direct_mode),
            shown(figures.median(|round| round.p50) / 1e3),
            shown(figures.ratio(&calls[0], |round| round.p50)),
            shown(shelf.router.front.memory().own),
        ])?;
    }
    Ok(())
}

impl Shelf {
    fn open(ground: &Ground, count: usize) -> io::Result<Self> {
        let open = |mode: Mode| {
            let name = format!("tools-{count}-{}", mode.name());
            let home = ground.home(&name, &json!({}))?;
            let file = home.join("tools.json");
            fs::write(&file, list(count).to_string())?;
            let words = ["--list-file", text(&file)];
            ground.home(&name, &config(mode, &child(&words)))?;
            let bridge = Process::start(&mut ground.command(&home))?;
            let direct = Process::start(&mut upstream(&words))?;
            Ok::<_, io::Error>((
                Way::over_pipes("direct", direct)?,
                Way::over_pipes(mode.label(), bridge)?,
            ))
        };
        let (direct, router) = open(Mode::Router)?;
        let (_, all) = open(Mode::Direct)?;
        Ok(Self {
            direct,
            router,
            all,
            listed_by_server: Vec::new(),
            refreshed: Vec::new(),
            listed: Vec::new(),
            listed_in_direct_mode: Vec::new(),
            list_bytes: 0,
        })
    }

    fn measure(&mut self) -> io::Result<()> {
        let action =
            |action| json!({"name": "mcp", "arguments": {"action": action, "server": "one"}});
        let none = json!({});
        self.listed_by_server.push(timed(&mut self.direct, "tools/list", &none)?.0);
        self.refreshed.push(timed(&mut self.router, "tools/call", &action("refresh"))?.0);
        let (time, bytes) = timed(&mut self.router, "tools/call", &action("list"))?;
        self.listed.push(time);
        self.list_bytes = bytes;
        self.listed_in_direct_mode.push(timed(&mut self.all, "tools/list", &none)?.0);
        Ok(())
    }
}

/// How many milliseconds the answer takes, and how long it is.
fn timed(way: &mut Way, method: &str, params: &Value) -> io::Result<(f64, usize)> {
    let clock = Clock::start();
    let answer = way.ask(method, params)?;
    Ok((clock.milliseconds(), answer.len()))
}

/// So many tools, the first of them the one that is called.
fn list(count: usize) -> Value {
    let subjects = ["issue", "page", "invoice", "branch", "message", "event", "contact", "file"];
    let tools = (0..count).map(|number| {
        let subject = subjects[number % subjects.len()];
        let name = if number == 0 { "echo".to_owned() } else { format!("{subject}_{number}") };
        json!({
            "name": name,
            "description": format!("Finds the {subject} that is meant and returns what is known of it, number {number}."),
            "inputSchema": {"type": "object", "properties": {
                "message": {"type": "string", "description": "What to look for"},
                "limit": {"type": "integer", "minimum": 1, "description": "How many at most"},
                "state": {"type": "string", "enum": ["open", "closed", "all"], "default": "open"},
            }, "required": ["message"]},
        })
    });
    json!({"tools": tools.collect::<Vec<_>>()})
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have names in Unicode")
}
