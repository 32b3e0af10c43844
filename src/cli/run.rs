//! From the process's arguments to its exit code.

use std::process::ExitCode;

use clap::error::ErrorKind;
use tracing::Level;

use super::arguments::{Arguments, Command, Global};
use super::exit::{Exit, Failure};
use super::intent::ExplainCommand;
use super::printer::Printer;
use super::setup::Setup;
use super::{
    approve, auth, call, catalog, clients, complete, completions, diff, doctor, init, install,
    intent, limit, lock, man, migrate_recipe, model, outdated, read, remove, schema, search, serve,
    servers, set_env, tokens, tools, usage, validate_recipe,
};
use crate::base::environment::Environment;
use crate::base::guardian;
use crate::search::embed;
use crate::select;
use crate::telemetry::logging;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            if error.kind() == ErrorKind::UnknownArgument && is_of_set_env() {
                let printer = Printer::new(false, false);
                printer.failure(&set_env::unknown_argument());
                return Exit::Usage.into();
            }
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            // Help goes to stdout, complaints to stderr; a closed stream is no failure.
            let _ = error.print();
            return exit.into();
        }
    };
    let environment = Environment::of_process();
    let colour = environment.lookup("NO_COLOR").is_none_or(str::is_empty);
    let printer = Printer::new(arguments.global.json, colour);
    let outcome = start_logging(&arguments.global, printer.colour)
        .and_then(|()| run(arguments, environment, printer));
    match outcome {
        Ok(Exit::Done) if Printer::has_lost_data() => Exit::Failed.into(),
        Ok(exit) => exit.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.exit.into()
        }
    }
}

/// Whether a secret may stand among the arguments, so that none of them can be named in a complaint.
fn is_of_set_env() -> bool {
    std::env::args_os().any(|argument| argument == "set-env")
}

fn start_logging(global: &Global, colour: bool) -> Result<(), Failure> {
    let level = match (global.debug, global.verbose) {
        (true, _) => Level::DEBUG,
        (false, true) => Level::INFO,
        (false, false) => Level::WARN,
    };
    logging::start(level, global.log_file.as_deref(), colour).map_err(|error| {
        let file = global.log_file.as_deref().unwrap_or_else(|| "stderr".as_ref());
        Failure::new(Exit::Failed, format!("cannot log to `{}`: {error}", file.display()))
    })
}

/// Runs a command that needs neither a config nor a home folder; `None` where it is another.
fn run_alone(command: &Command, printer: Printer) -> Option<Result<Exit, Failure>> {
    Some(match command {
        Command::Guard => {
            guardian::stand(std::io::stdin().lock());
            Ok(Exit::Done)
        }
        Command::Select => select::work(std::io::stdin(), std::io::stdout())
            .map(|()| Exit::Done)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot run filters: {error}"))),
        Command::Embed => embed::work()
            .map(|()| Exit::Done)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot run models: {error}"))),
        Command::ValidateRecipe(arguments) => Ok(validate_recipe::run(arguments, printer)),
        Command::MigrateRecipe(arguments) => Ok(migrate_recipe::run(arguments, printer)),
        Command::Schema(arguments) => Ok(schema::run(arguments, printer)),
        Command::Completions(arguments) => Ok(completions::run(arguments, printer)),
        Command::Man(arguments) => man::run(arguments, printer),
        _ => return None,
    })
}

fn run(arguments: Arguments, environment: Environment, printer: Printer) -> Result<Exit, Failure> {
    if let Some(command) = &arguments.command
        && let Some(outcome) = run_alone(command, printer)
    {
        return outcome;
    }
    if let Some(Command::Complete(words)) = &arguments.command {
        return Ok(complete::run(words, environment, printer));
    }
    let setup = Setup::new(arguments.global.config.as_deref(), environment, printer)?;
    match arguments.command {
        None
        | Some(
            Command::Complete(_)
            | Command::Guard
            | Command::Select
            | Command::Embed
            | Command::ValidateRecipe(_)
            | Command::MigrateRecipe(_)
            | Command::Schema(_)
            | Command::Completions(_)
            | Command::Man(_),
        ) => serve::run(&setup, &arguments.listen),
        Some(Command::Doctor(doctor)) => doctor::run(&doctor, &setup),
        Some(Command::Serve(listen)) => serve::run(&setup, &listen.or(&arguments.listen)),
        Some(Command::Init(init)) => init::run(&init, &setup),
        Some(Command::Read(read)) => read::run(&read, &setup),
        Some(Command::Register(register)) => clients::register(&register, &setup),
        Some(Command::Import(import)) => clients::import(&import, &setup),
        Some(Command::Unregister(unregister)) => clients::unregister(&unregister, &setup),
        Some(Command::Install(install)) => install::run(&install, &setup),
        Some(Command::Lock(lock)) => lock::run(&lock, &setup),
        Some(Command::Outdated(outdated)) => outdated::run(&outdated, &setup),
        Some(Command::Diff(diff)) => diff::run(&diff, &setup),
        Some(Command::Remove(remove)) => remove::run(&remove, &setup),
        Some(Command::SetEnv(set_env)) => set_env::run(&set_env, &setup),
        Some(Command::Auth { command }) => auth::run(&command, &setup),
        Some(Command::Limit(limit)) => limit::run(&limit, &setup),
        Some(Command::Approve(approve)) => approve::run(&setup, &approve),
        Some(Command::Intent(intent)) => {
            setup.with_patience(async |app, printer| intent::find(app, printer, &intent).await)
        }
        Some(Command::Explain { command: ExplainCommand::Intent(intent) }) => {
            setup.with_patience(async |app, printer| intent::explain(app, printer, &intent).await)
        }
        Some(Command::Model { command }) => model::run(&command, &setup),
        Some(Command::Search(search)) => search::run(&search, &setup),
        Some(Command::Catalog(catalog)) => catalog::run(&catalog, &setup),
        Some(Command::Tokens) => setup.with_patience(tokens::run),
        Some(Command::Servers) => setup.with_patience(servers::run),
        Some(Command::Tools(tools)) => {
            setup.with_patience(async |app, printer| tools::run(app, printer, &tools).await)
        }
        Some(Command::Usage(usage)) => usage::run(&usage, &setup),
        Some(Command::Call(call)) => {
            let params = call::read_params(&call)?;
            setup.with_patience(async |app, printer| call::run(app, printer, &call, &params).await)
        }
    }
}
