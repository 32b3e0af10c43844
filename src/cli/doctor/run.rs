//! The order of a checkup.

use clap::Args;

use super::checkup::{Checkup, Part};
use super::servers::{self, Known};
use super::{clients, commands, files, intents, port, recipes};
use crate::cli::exit::{Exit, Failure};
use crate::cli::serve::PORT;
use crate::cli::setup::{OLD_KEPT, Setup};
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  bridge doctor
  bridge doctor --json
  bridge doctor --port 8080     looks whether that port is free instead of 3000

Every server is reached. Each line says `ok`, `warning` or `problem`, what it is about and what to do.
Exit code 3 says that the config has a problem, 5 that a server has one, 1 that there is another; warnings are none.";

/// What `bridge doctor` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Doctor {
    /// The port where clients are to connect over HTTP
    #[arg(long, value_name = "PORT", default_value_t = PORT)]
    port: u16,
}

/// Files and recipes first, since they can be looked at whatever the config is like; then the config, then what it leads to.
pub(in crate::cli) fn run(arguments: &Doctor, setup: &Setup) -> Result<Exit, Failure> {
    let mut checkup = Checkup::default();
    files::privacy(setup, &mut checkup);
    recipes::look(setup, &mut checkup);
    intents::models(setup, &mut checkup);
    let stopped = if let Some(config) = files::config(setup, &mut checkup) {
        what_runs(setup, config, &mut checkup).err()
    } else {
        setup.printer.talk(OLD_KEPT);
        None
    };
    clients::look(setup, &mut checkup);
    port::look(arguments.port, &mut checkup);
    checkup.print(setup.printer);
    stopped.map_or_else(|| Ok(checkup.exit()), Err)
}

fn what_runs(setup: &Setup, config: Config, checkup: &mut Checkup) -> Result<(), Failure> {
    let mut known = known(&config);
    let name = setup.source.config.display().to_string();
    // What there is to say stands in the remarks, which the command tells.
    let looked = setup.patiently(
        config,
        |_| {},
        async |app, _| {
            for remark in &app.remarks {
                let (said, remedy) = (remark.to_string(), remark.remedy());
                checkup.warning(Part::Config, name.clone(), said, remedy);
            }
            let environment = setup.environment();
            let without = commands::look(&app.config, &known.skipped, environment, checkup).await;
            // Why these cannot be reached is told.
            known.skipped.extend(without);
            recipes::look_at_catalogs(setup, &app.config, checkup).await;
            servers::look(app, &known, checkup).await;
            intents::look(app, checkup);
            Ok(Exit::Done)
        },
    );
    match looked {
        Err(failure) if failure.exit == Exit::Config => {
            let remedy = failure.hint.unwrap_or_else(|| "change it in the file".to_owned());
            checkup.problem(Part::Config, name, failure.message, remedy);
            Ok(())
        }
        looked => looked.map(drop),
    }
}

fn known(config: &Config) -> Known {
    let trust = config.servers.iter().map(|(name, server)| (name.to_string(), server.trust));
    Known {
        skipped: config.skipped.iter().map(|skipped| skipped.name.clone()).collect(),
        trust: trust.collect(),
    }
}
