//! `bridge approve [SERVER [TOOL]]`: what changed since it was pinned, and taking it as the new measure.

use clap::Args;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::printer::{Printer, counted};
use super::setup::Setup;
use crate::base::sorting;
use crate::base::text::nearest_all;
use crate::config::ServerName;
use crate::guard::pin::{Approvals, Error, Pending, command, escape};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge approve                    what waits for approval of the servers in the config, and how it differs
  bridge approve github             show all changes of a server and approve them if the answer is y
  bridge approve github get_issue   the same for one tool
  bridge approve github --yes       for scripts, such as one that has just updated the server

What is approved is what was shown: if a server changes its tools again before the answer, nothing is.
No server is started: what counts is what it showed last. A bridge that runs notices the approval.";

/// What `bridge approve` takes.
#[derive(Debug, Args)]
pub(super) struct Approve {
    /// Show the changed tools of this server and ask whether to approve them; without it, all are only shown
    pub(super) server: Option<String>,
    /// Approve only this tool
    pub(super) tool: Option<String>,
    /// Approve without asking, for scripts: whatever the server showed last
    #[arg(long, requires = "server")]
    pub(super) yes: bool,
}

/// So many lines are printed of one tool; `--json` prints all.
const MAX_LINES: usize = 200;
/// As much of one value.
const MAX_VALUE: usize = 2000;
/// At most this many names are offered instead of an unknown one.
const MAX_AVAILABLE: usize = 20;

/// Works on the files alone: no server is started. Approves only what its owner has seen: at a terminal it shows the
/// changes and asks, and a script has to say that it takes whatever there is.
pub(super) fn run(setup: &Setup, arguments: &Approve) -> Result<Exit, Failure> {
    let (printer, approvals) = (setup.printer, Approvals::new(setup.paths.pins()));
    let Some(server) = &arguments.server else {
        return Ok(list(setup, &approvals));
    };
    let server = find(setup, &approvals, server)?;
    let tool = arguments.tool.as_deref();
    let mut pending = approvals.pending(&server).map_err(|error| failure(&error))?;
    pending.retain(|pending| tool.is_none_or(|tool| tool == pending.tool));
    let told: Vec<(&ServerName, &Pending)> = pending.iter().map(|tool| (&server, tool)).collect();
    if pending.is_empty() {
        if let Some(tool) = tool {
            let known = approvals.tools(&server).map_err(|error| failure(&error))?;
            if !known.iter().any(|name| name == tool) {
                return Err(unknown("tool", tool, known.iter().map(String::as_str)));
            }
        }
        print(printer, "approved", &told);
        if !printer.json {
            printer.talk(&match tool {
                Some(tool) => format!("`{}` of `{server}` is as it was pinned", escape(tool)),
                None => format!("nothing of `{server}` waits for approval"),
            });
        }
        return Ok(Exit::Done);
    }
    let what = format!("{} of `{server}`", counted(pending.len(), "tool"));
    if arguments.yes {
        approvals.approve(&server, &pending).map_err(|error| failure(&error))?;
        print(printer, "approved", &told);
    } else {
        if printer.json || !printer.can_ask() {
            let hint = format!(
                "run it in a terminal, where it shows the changes and asks; or add `--yes` to accept {what} unseen"
            );
            let message = "nothing is approved without somebody to ask";
            return Err(Failure::new(Exit::Usage, message).hint(Some(hint)));
        }
        print(printer, "pending", &told);
        if !printer.ask(&format!("approve {what} as shown?")) {
            return Err(Failure::new(Exit::Failed, "nothing was approved"));
        }
        approvals.approve(&server, &pending).map_err(|error| failure(&error))?;
    }
    if !printer.json {
        printer.talk(&format!("approved {what}"));
    }
    Ok(Exit::Done)
}

/// What waits, of all servers of the config; approves nothing. Pins of other servers stay, for they may be those of
/// another config, and are looked at where the config cannot be read.
fn list(setup: &Setup, approvals: &Approvals) -> Exit {
    let printer = setup.printer;
    let config = setup.load().ok().map(|loaded| loaded.config);
    let is_there = |server: &ServerName| {
        config.as_ref().is_none_or(|config| {
            let skipped = || config.skipped.iter().any(|skipped| skipped.name == server.as_str());
            config.servers.contains_key(server) || skipped()
        })
    };
    let mut exit = Exit::Done;
    let mut waiting = Vec::new();
    for server in approvals.servers().into_iter().filter(is_there) {
        match approvals.pending(&server) {
            Ok(pending) => waiting.extend(pending.into_iter().map(|tool| (server.clone(), tool))),
            Err(error) => {
                printer.warn(&format!("{error}; {}", error.remedy()));
                exit = Exit::Failed;
            }
        }
    }
    let told: Vec<(&ServerName, &Pending)> =
        waiting.iter().map(|(name, tool)| (name, tool)).collect();
    print(printer, "pending", &told);
    if !printer.json {
        if told.is_empty() {
            printer.talk("nothing waits for approval");
        }
        for (server, tool) in told {
            printer.talk(&format!(
                "to approve `{}`: {}",
                escape(&tool.tool),
                command(server, &tool.tool)
            ));
        }
    }
    exit
}

/// A server of the config, or one that was there when it was pinned.
fn find(setup: &Setup, approvals: &Approvals, server: &str) -> Result<ServerName, Failure> {
    let mut known = approvals.servers();
    if let Some(found) = known.iter().find(|known| known.as_str() == server) {
        return Ok(found.clone());
    }
    let config = setup.config(|text| setup.printer.warn(text))?;
    if let Some((found, _)) = config.servers.get_key_value(server) {
        return Ok(found.clone());
    }
    known.extend(config.servers.into_keys());
    sorting::sort(&mut known);
    known.dedup();
    Err(unknown("server", server, known.iter().map(ServerName::as_str)))
}

fn print(printer: Printer, key: &str, tools: &[(&ServerName, &Pending)]) {
    if printer.json {
        let list: Vec<Value> = tools.iter().map(|(server, tool)| in_json(server, tool)).collect();
        printer.json(&json!({ key: list }));
        return;
    }
    for (server, tool) in tools {
        let what = if tool.is_new { "is new" } else { "has changed" };
        let mut text = format!("{server}: `{}` {what}", escape(&tool.tool));
        for line in tool.difference.lines(MAX_LINES, MAX_VALUE) {
            text.push_str("\n  ");
            text.push_str(&line);
        }
        printer.data(&text);
    }
}

fn in_json(server: &ServerName, tool: &Pending) -> Value {
    json!({
        "server": server,
        "tool": tool.tool,
        "new": tool.is_new,
        "difference": tool.difference.lines(usize::MAX, usize::MAX),
        "was": tool.was,
        "is": tool.is,
    })
}

fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let near = nearest_all(name, known, MAX_AVAILABLE);
    let near: Vec<String> = near.into_iter().map(escape).collect();
    let hint = if near.is_empty() { None } else { Some(format!("there are {}", near.join(", "))) };
    Failure::new(Exit::NotFound, format!("no pins of a {kind} `{}` are known", escape(name)))
        .hint(hint)
}

fn failure(error: &Error) -> Failure {
    Failure::new(Exit::Failed, error.to_string()).hint(Some(error.remedy().to_owned()))
}
