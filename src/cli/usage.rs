//! `bridge usage [SERVER]`: how many calls the servers have had, beside their limits.

use std::collections::BTreeMap;
use std::time::SystemTime;

use clap::Args;
use serde_json::{Value, json};

use super::call::failure;
use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::servers::NOBODY;
use super::setup::Setup;
use crate::access::{Counts, Standing, read_all};
use crate::base::text::nearest_all;
use crate::config::{Config, RateLimit, ServerName};
use crate::router::Error;

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge usage                 the calls of every server today and this month
  bridge usage github          those of one server
  bridge usage --json

Only successful calls count. Days and months are those of UTC. No server is started.";

/// What `bridge usage` takes.
#[derive(Debug, Args)]
pub(super) struct Usage {
    /// Only this server
    pub(super) server: Option<String>,
}

/// At most this many names are offered instead of an unknown one.
const MAX_AVAILABLE: usize = 20;

/// One server's line.
struct Line {
    name: ServerName,
    /// Whether the config has it and it is not disabled.
    configured: bool,
    standings: [Standing; 2],
    /// Why its counts are not known.
    error: Option<String>,
}

/// Shows the counts as the files have them; what a running bridge has not written yet is at most two seconds old.
pub(super) fn run(arguments: &Usage, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let config = setup.config(|text| printer.warn(text))?;
    let folder = setup.paths.usage();
    let counts = read_all(&folder).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot read `{}`: {error}", folder.display()))
    })?;
    let mut lines = lines(config, counts);
    if let Some(wanted) = &arguments.server {
        if !lines.iter().any(|line| line.name.as_str() == wanted) {
            let names = lines.iter().map(|line| line.name.as_str());
            let available = nearest_all(wanted, names, MAX_AVAILABLE);
            let available = available.into_iter().map(str::to_owned).collect();
            return Err(failure(&Error::UnknownServer { name: wanted.clone(), available }));
        }
        lines.retain(|line| line.name.as_str() == wanted);
    }
    if printer.json {
        printer.json(&json!({ "servers": lines.iter().map(Line::json).collect::<Vec<_>>() }));
    } else if lines.is_empty() {
        printer.talk(NOBODY);
    } else {
        show(&lines, printer);
    }
    let unreadable = lines.iter().any(|line| line.error.is_some());
    Ok(if unreadable { Exit::Failed } else { Exit::Done })
}

/// The configured servers in the order of the config, those that are left out, and what else has counts.
fn lines(
    config: Config,
    mut counts: BTreeMap<ServerName, Result<Counts, crate::access::Error>>,
) -> Vec<Line> {
    let now = SystemTime::now();
    let line = |name, configured, limit: &RateLimit, counts: Option<Result<Counts, _>>| {
        let (counts, error) = match counts {
            Some(Err(error)) => (Counts::default(), Some(format!("{error}"))),
            Some(Ok(counts)) => (counts, None),
            None => (Counts::default(), None),
        };
        Line { name, configured, standings: Standing::of(&counts, limit, now), error }
    };
    let mut lines = Vec::new();
    for (name, server) in config.servers {
        let counted = counts.remove(&name);
        lines.push(line(name, true, &server.rate_limit, counted));
    }
    for skipped in config.skipped {
        if let Ok(name) = ServerName::parse(&skipped.name)
            && !lines.iter().any(|line: &Line| line.name == name)
        {
            let counted = counts.remove(&name);
            lines.push(line(name, true, &RateLimit::default(), counted));
        }
    }
    let rest = counts.into_iter();
    lines.extend(rest.map(|(name, counts)| line(name, false, &RateLimit::default(), Some(counts))));
    lines
}

impl Line {
    fn json(&self) -> Value {
        let period = |standing: &Standing| {
            json!({
                "calls": self.error.is_none().then_some(standing.calls),
                "limit": standing.limit,
                "percent": self.percent(standing),
                "resets": resets(standing),
            })
        };
        let [day, month] = &self.standings;
        json!({
            "name": self.name,
            "configured": self.configured,
            "day": period(day),
            "month": period(month),
            "error": self.error,
        })
    }

    fn percent(&self, standing: &Standing) -> Option<u64> {
        standing.percent().filter(|_| self.error.is_none())
    }

    fn cell(&self, standing: &Standing) -> String {
        match (&self.error, standing.limit) {
            (Some(_), _) => "?".to_owned(),
            (None, None) => standing.calls.to_string(),
            (None, Some(limit)) => {
                let percent = standing.percent().unwrap_or(0);
                format!("{} of {limit} ({percent} %)", standing.calls)
            }
        }
    }

    fn row(&self) -> Vec<String> {
        let limited = self.standings.iter().filter(|standing| standing.limit.is_some());
        // The limit that comes first is the one whose end is waited for.
        let first = limited.max_by_key(|standing| standing.percent());
        let about = match (&self.error, self.configured) {
            (Some(error), _) => format!("UNKNOWN: {error}"),
            (None, false) => "not in the config, or disabled".to_owned(),
            (None, true) => String::new(),
        };
        let [day, month] = &self.standings;
        let resets = first.map_or_else(|| "-".to_owned(), resets);
        vec![self.name.to_string(), self.cell(day), self.cell(month), resets, about]
    }
}

fn resets(standing: &Standing) -> String {
    humantime::format_rfc3339_seconds(standing.resets).to_string()
}

fn show(lines: &[Line], printer: Printer) {
    let titles = ["SERVER", "TODAY", "THIS MONTH", "RESETS", ""];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(lines.iter().map(Line::row));
    printer.table(&rows);
}
