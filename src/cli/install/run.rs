//! The order of things.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::arguments::Install;
use super::choose::choose;
use super::reach::{Reached, reach, try_out};
use super::{ask, frozen, show};
use crate::app::lifecycle;
use crate::catalog::install::{self, Candidate, Unwritten, When};
use crate::catalog::lock::Lock;
use crate::cli::edited::{failure, tell_when};
use crate::cli::exit::{Exit, Failure};
use crate::cli::printer::counted;
use crate::cli::setup::{Setup, error_chain};
use crate::config::edit::Added;

/// What came of one server.
struct Outcome {
    exit: Exit,
    /// A sentence for people.
    said: String,
    json: Value,
}

pub(in crate::cli) fn run(arguments: &Install, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let mut chosen = choose(arguments, setup)?;
    if arguments.dry_run {
        show::plans(&chosen, |line| {
            if !printer.json {
                printer.line(line);
            }
        });
        if printer.json {
            let plans: Vec<Value> = chosen.iter().map(show::plan).collect();
            printer.json(&json!({ "dryRun": true, "servers": plans }));
        }
        return Ok(Exit::Done);
    }
    show::plans(&chosen, |line| printer.talk(line));
    ask::agree(printer, arguments, &chosen)?;
    let values = ask::values(printer, arguments, &mut chosen, setup.paths.user_home())?;
    let typed: Vec<String> = values.iter().map(|(name, _)| name.clone()).collect();
    let spared = frozen::existing(setup, &chosen);
    if arguments.frozen {
        frozen::check(&chosen)?;
    }
    run_steps(setup, &chosen, When::Before)?;
    let added =
        install::write(&setup.target(), &chosen, values).map_err(|error| unwritten(&error))?;
    let has_typed =
        |one: &Candidate| one.plan.variables.iter().any(|variable| typed.contains(&variable.name));
    let due = chosen.iter().filter(|one| arguments.frozen || !one.is_done || has_typed(one));
    let due: Vec<String> = due
        .filter(|one| one.missing().next().is_none() && one.plan.by_hand.is_empty())
        .map(|one| one.plan.name.to_string())
        .collect();
    let mut reached = if arguments.frozen {
        let tried = try_out(setup, &due).and_then(|trial| {
            frozen::refusal(&chosen, &trial.reached)?;
            Ok(trial)
        });
        let trial = match tried {
            Ok(trial) => trial,
            Err(refusal) => {
                frozen::take_back(setup, &added, &spared)?;
                return Err(refusal);
            }
        };
        let reached = trial.accept(setup);
        // Nothing more is run for what is not what was locked.
        run_steps(setup, &chosen, When::After)?;
        reached
    } else {
        run_steps(setup, &chosen, When::After)?;
        let reached = reach(setup, &due)?;
        lock(setup, &chosen, &reached)?;
        reached
    };
    let outcomes: Vec<Outcome> =
        chosen.iter().map(|one| outcome(one, reached.remove(one.plan.name.as_str()))).collect();
    Ok(tell(setup, &added, &outcomes))
}

/// Runs the commands of all that is new; the first that fails ends the installation.
fn run_steps(setup: &Setup, chosen: &[Candidate], when: When) -> Result<(), Failure> {
    let guardian = Arc::default();
    let new = chosen.iter().filter(|one| !one.is_done);
    for step in new.flat_map(|one| &one.plan.steps).filter(|step| step.when == when) {
        setup.printer.talk(&format!("running: {}", step.line()));
        setup.block_on(async {
            tokio::select! {
                ran = step.run(setup.environment(), Some(&guardian)) => ran.map_err(|error| {
                    let hint = match when {
                        When::Before => "nothing was written to the config",
                        When::After => "the entry stays; run the command by hand, or `bridge remove` the server",
                    };
                    Failure::new(Exit::Failed, error_chain(&error)).hint(Some(hint.to_owned()))
                }),
                signal = lifecycle::stop_signal() => {
                    let signal = signal.unwrap_or("a signal");
                    Err(Failure::new(Exit::Failed, format!("stopped by {signal}")))
                }
            }
        })?;
    }
    Ok(())
}

fn unwritten(error: &Unwritten) -> Failure {
    match error {
        Unwritten::Config(error) => failure(error),
        Unwritten::File { .. } => {
            let hint = "the entry is there; install it again once the folder can be written";
            Failure::new(Exit::Failed, error_chain(error)).hint(Some(hint.to_owned()))
        }
    }
}

/// Writes down what was installed.
fn lock(
    setup: &Setup,
    chosen: &[Candidate],
    reached: &BTreeMap<String, Reached>,
) -> Result<(), Failure> {
    let tools = |name: &str| reached.get(name)?.tools.as_ref().ok().cloned();
    install::lock(&setup.source, chosen, tools).map_err(|error| {
        let hint = "the servers are installed; `bridge lock` writes the lock once that is mended";
        Failure::new(Exit::Failed, error_chain(&error)).hint(Some(hint.to_owned()))
    })
}

fn outcome(one: &Candidate, reached: Option<Reached>) -> Outcome {
    let name = &one.plan.name;
    let mut json = show::plan(one);
    let missing: Vec<&str> = one.missing().map(|variable| variable.name.as_str()).collect();
    let status = if one.is_done { "already-installed" } else { "installed" };
    json["status"] = status.into();
    let begin = if one.is_done { "was already installed" } else { "installed" };
    let (exit, said) = match reached {
        _ if !missing.is_empty() => {
            let commands = missing.iter().map(|name| format!("`bridge set-env {name}`"));
            let commands = commands.collect::<Vec<_>>().join(", ");
            let said = format!(
                "`{name}` {begin}, and is left out until {} set: {commands}",
                if missing.len() == 1 { "a variable is" } else { "variables are" }
            );
            (Exit::Done, said)
        }
        _ if !one.plan.by_hand.is_empty() => {
            let said =
                format!("`{name}` {begin}; what you have to do: {}", one.plan.by_hand.join("; "));
            (Exit::Done, said)
        }
        None => (Exit::Done, format!("`{name}` {begin}")),
        Some(Reached { tools: Ok(_), callable }) => {
            json["tools"] = callable.into();
            (Exit::Done, format!("`{name}` {begin}: it works, with {}", counted(callable, "tool")))
        }
        Some(Reached { tools: Err((error, hint)), .. }) => {
            let advice = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            let said = format!("`{name}` {begin}, and cannot be reached: {error}{advice}");
            json["error"] = error.into();
            json["hint"] = hint.into();
            (Exit::Upstream, said)
        }
    };
    Outcome { exit, said, json }
}

fn tell(setup: &Setup, added: &Added, outcomes: &[Outcome]) -> Exit {
    let printer = setup.printer;
    if printer.json {
        let servers: Vec<&Value> = outcomes.iter().map(|outcome| &outcome.json).collect();
        printer.json(&json!({
            "config": added.config.file,
            "env": added.env.as_ref().map(|env| &env.file),
            "lock": Lock::path(&setup.source),
            "servers": servers,
        }));
    } else {
        for outcome in outcomes {
            printer.line(&outcome.said);
        }
    }
    tell_when(printer, &added.config);
    let failed = outcomes.iter().map(|outcome| outcome.exit).find(|exit| *exit != Exit::Done);
    failed.unwrap_or(Exit::Done)
}
