//! `bridge servers`: what is configured, does it work, and how much is it used.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::printer::Printer;
use crate::access::{Counts, Standing, read_all};
use crate::app::App;
use crate::config::{RateLimit, ServerName};
use crate::router::{Enough, Overview};
use crate::telemetry::logging::excerpt;

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge servers
  bridge servers --json";

/// Said where a list would be empty.
pub(super) const NOBODY: &str =
    "no server is configured, or all are disabled; `bridge init --example` shows how it is done";
/// As much of an error as a table holds.
const ERROR_LENGTH: usize = 300;

/// Successful calls of today and of this month; `None` where they are not known.
type Calls = Option<[u64; 2]>;

/// Reaches every server and tells how it is, how long that took and how often it was called.
pub(super) async fn run(app: &App, printer: Printer) -> Result<Exit, Failure> {
    let servers = app.router().overview(Enough::Shown).await;
    let folder = app.files.paths.usage();
    let counts = read_all(&folder).unwrap_or_else(|error| {
        printer.warn(&format!("calls are not known: cannot read `{}`: {error}", folder.display()));
        BTreeMap::new()
    });
    let now = SystemTime::now();
    let servers: Vec<(Overview, Calls)> = servers
        .into_iter()
        .map(|server| {
            let calls = calls(&counts, &server.name, now);
            (server, calls)
        })
        .collect();
    if printer.json {
        let list: Vec<Value> =
            servers.iter().map(|(server, calls)| in_json(server, *calls)).collect();
        printer.json(&json!({ "servers": list }));
    } else if servers.is_empty() {
        printer.talk(NOBODY);
    } else {
        print(printer, &servers);
    }
    let failed = servers.iter().any(|(server, _)| server.error.is_some());
    Ok(if failed { Exit::Upstream } else { Exit::Done })
}

fn calls(
    counts: &BTreeMap<ServerName, Result<Counts, crate::access::Error>>,
    server: &str,
    now: SystemTime,
) -> Calls {
    let counted = |counts: &Counts| Standing::of(counts, &RateLimit::default(), now);
    let standings = match counts.iter().find(|(name, _)| name.as_str() == server) {
        None => counted(&Counts::default()),
        Some((_, counts)) => counted(counts.as_ref().ok()?),
    };
    Some(standings.map(|standing| standing.calls))
}

fn in_json(server: &Overview, calls: Calls) -> Value {
    json!({
        "name": server.name,
        "status": status(server),
        "transport": server.transport,
        "description": server.description,
        "tools": server.tools,
        "callsToday": calls.map(|[today, _]| today),
        "callsThisMonth": calls.map(|[_, month]| month),
        "handshakeMs": server.handshake.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        "error": server.error,
        "hint": server.hint,
    })
}

fn status(server: &Overview) -> &'static str {
    if server.error.is_some() { "failed" } else { "reached" }
}

fn print(printer: Printer, servers: &[(Overview, Calls)]) {
    let titles = ["SERVER", "STATUS", "TOOLS", "TODAY", "MONTH", "VIA", "TIME", ""];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    let mut under = vec![None];
    for (server, calls) in servers {
        let number = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
        let [today, month] = calls
            .map_or([None; 2], |calls| calls.map(Some))
            .map(|calls| calls.map(|n| n.to_string()));
        let status = if server.error.is_some() { "FAILED" } else { status(server) };
        rows.push(vec![
            server.name.clone(),
            status.to_owned(),
            number(server.tools.map(|tools| tools.to_string())),
            today.unwrap_or_else(|| "?".to_owned()),
            month.unwrap_or_else(|| "?".to_owned()),
            server.transport.map_or("-", short).to_owned(),
            number(server.handshake.map(time)),
            server.description.clone().unwrap_or_default(),
        ]);
        let error = server.error.as_deref().map(|error| excerpt(error.as_bytes(), ERROR_LENGTH));
        under.push(match (error, &server.hint) {
            (Some(error), Some(hint)) => Some(format!("{error}; {hint}")),
            (error, _) => error,
        });
    }
    printer.fitted(&rows, &under);
}

fn short(transport: &'static str) -> &'static str {
    if transport == "streamable-http" { "http" } else { transport }
}

/// A time in words, to two digits or so.
pub(super) fn time(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let check = |millis, expected: &str| {
            assert_eq!(time(Duration::from_millis(millis)), expected);
        };
        check(0, "0 ms");
        check(999, "999 ms");
        check(1240, "1.2 s");
        check(61_000, "61.0 s");
    }
}
