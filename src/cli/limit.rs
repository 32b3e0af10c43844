//! `bridge limit [SERVER]`: how many calls servers may get, shown or set.

use serde_json::json;

use super::arguments::Limit;
use super::edited::{failure, tell_when};
use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::servers::NOBODY;
use super::setup::Setup;
use crate::config::edit::{self, Limits};

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
