//! `bridge diff [SERVER]`: how the tools of servers differ from those in the lock.

use clap::Args;
use serde_json::json;

use super::edited::list;
use super::exit::{Exit, Failure};
use super::install::reach;
use super::setup::{Setup, error_chain};
use crate::catalog::lock::Lock;
use crate::guard::pin::escape;

const EXAMPLES: &str = "\
Examples:
  bridge diff                  all servers that are in bridge.lock
  bridge diff github --json    one of them

Each line begins with the server; `+` is a tool that is new, `-` one that is gone, `~` one whose definition has changed.
`bridge approve SERVER` shows what changed in it, and `bridge lock` takes what there is now as the measure.
Exit codes: 0 no difference, 1 there is one, or no tools are locked, or a server is not in the config; 4 the server is not in the lock; 5 a server cannot be reached.";

/// What `bridge diff` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Diff {
    /// Only this server
    server: Option<String>,
}

pub(super) fn run(arguments: &Diff, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let lock = read(setup)?;
    let mut names: Vec<String> = lock.servers.keys().cloned().collect();
    if let Some(only) = &arguments.server {
        if !names.contains(only) {
            let message = format!("bridge.lock has no server `{only}`");
            let hint = (!names.is_empty()).then(|| format!("it has {}", list(&names)));
            return Err(Failure::new(Exit::NotFound, message).hint(hint));
        }
        names.retain(|name| name == only);
    }
    let mut reached = reach(setup, &names)?;
    let mut exit = Exit::Done;
    let mut told = Vec::new();
    for name in &names {
        let locked = &lock.servers[name];
        let tools = match reached.remove(name).map(|reached| reached.tools) {
            Some(Ok(tools)) => tools,
            Some(Err((error, _))) => {
                printer.warn(&format!("`{name}` cannot be reached: {error}"));
                told.push(json!({ "name": name, "error": error }));
                exit = Exit::Upstream;
                continue;
            }
            None => {
                printer.warn(&format!("`{name}` is in the lock and not in the config"));
                told.push(json!({ "name": name, "error": "not in the config" }));
                exit = worse(exit);
                continue;
            }
        };
        if locked.tools.is_none() {
            printer.warn(&format!("no tools of `{name}` are locked; `bridge lock` does it"));
            told.push(json!({ "name": name, "error": "no tools are locked" }));
            exit = worse(exit);
            continue;
        }
        let difference = locked.difference(&tools);
        if !difference.is_empty() {
            exit = worse(exit);
        }
        if !printer.json {
            let signs =
                [("+", &difference.added), ("-", &difference.removed), ("~", &difference.changed)];
            for (sign, tools) in signs {
                for tool in tools {
                    printer.line(&format!("{name} {sign} {}", escape(tool)));
                }
            }
        }
        told.push(json!({ "name": name, "difference": difference }));
    }
    if printer.json {
        printer.json(&json!({ "servers": told }));
    } else if exit == Exit::Done {
        printer.talk("all tools are as they are in the lock");
    }
    Ok(exit)
}

/// That something is different, unless something graver was found.
fn worse(exit: Exit) -> Exit {
    if exit == Exit::Done { Exit::Failed } else { exit }
}

/// The lock; a failure where there is none.
pub(super) fn read(setup: &Setup) -> Result<Lock, Failure> {
    let path = Lock::path(&setup.source);
    let lock =
        Lock::read(&path).map_err(|error| Failure::new(Exit::Failed, error_chain(&error)))?;
    lock.ok_or_else(|| {
        let message = format!("there is no lock `{}`", path.display());
        let hint = "`bridge lock` writes it; so does `bridge install`".to_owned();
        Failure::new(Exit::NotFound, message).hint(Some(hint))
    })
}
