//! `bridge limit [SERVER]`: how many calls servers may get, shown or set.

use clap::Args;
use serde_json::json;

use super::edited::{failure, tell_when};
use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::servers::NOBODY;
use super::setup::Setup;
use crate::config::edit::{self, Change, Limits};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge limit                              the limits of all servers
  bridge limit github --day 500 --month 5000
  bridge limit github --day none

A running bridge takes changes in within seconds.";

/// What `bridge limit` takes.
#[derive(Debug, Args)]
pub(super) struct Limit {
    /// Only this server
    pub(super) server: Option<String>,
    /// Calls in a day at most; `none` lifts the limit
    #[arg(long, value_name = "N", requires = "server", value_parser = calls)]
    pub(super) day: Option<Change>,
    /// Calls in a month at most; `none` lifts the limit
    #[arg(long, value_name = "N", requires = "server", value_parser = calls)]
    pub(super) month: Option<Change>,
}

fn calls(text: &str) -> Result<Change, String> {
    match text {
        "none" => Ok(Change::Clear),
        _ => {
            text.parse().map(Change::To).map_err(|_| "neither a whole number nor `none`".to_owned())
        }
    }
}

pub(super) fn run(arguments: &Limit, setup: &Setup) -> Result<Exit, Failure> {
    let (target, printer) = (setup.target(), setup.printer);
    match (&arguments.server, arguments.day, arguments.month) {
        (Some(server), day, month) if day.is_some() || month.is_some() => {
            let (day, month) = (day.unwrap_or_default(), month.unwrap_or_default());
            let limited = edit::set_rate_limit(&target, server, day, month)
                .map_err(|error| failure(&error))?;
            print(printer, std::slice::from_ref(&limited.limits));
            tell_when(printer, &limited.edited);
        }
        (server, ..) => {
            let limits = edit::rate_limits(&target, server.as_deref());
            print(printer, &limits.map_err(|error| failure(&error))?);
        }
    }
    Ok(Exit::Done)
}

fn print(printer: Printer, limits: &[Limits]) {
    if printer.json {
        let list = limits.iter().map(|limits| {
            json!({
                "server": limits.server,
                "maxCallsPerDay": limits.limit.max_calls_per_day,
                "maxCallsPerMonth": limits.limit.max_calls_per_month,
            })
        });
        printer.json(&json!({ "limits": list.collect::<Vec<_>>() }));
    } else if limits.is_empty() {
        printer.talk(NOBODY);
    } else {
        let cell = |limit: Option<u64>| limit.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let mut rows = vec![["SERVER", "A DAY", "A MONTH"].map(str::to_owned).to_vec()];
        rows.extend(limits.iter().map(|Limits { server, limit }| {
            vec![server.clone(), cell(limit.max_calls_per_day), cell(limit.max_calls_per_month)]
        }));
        printer.table(&rows);
    }
}
