//! From names to plans, and what keeps one from being carried out.

use super::arguments::Install;
use crate::catalog::install::{self, Candidate, Plan, Taken, Wish};
use crate::catalog::lock::{Lock, Locked};
use crate::catalog::{self, Sources};
use crate::cli::edited::{failure, list};
use crate::cli::exit::{Exit, Failure};
use crate::cli::listed::sources;
use crate::cli::setup::{Setup, error_chain};
use crate::config::edit;
use crate::config::{self, ServerName};

/// The plans for all that is asked for, or why there is none. Nothing is changed.
pub(super) fn choose(arguments: &Install, setup: &Setup) -> Result<Vec<Candidate>, Failure> {
    // What is broken stays as it is, and what is wrong with it is told before anything is asked.
    let sources = match setup.load() {
        Err(config::Error::NotFound { .. }) => Sources::new(&setup.paths, &[]),
        _ => sources(setup)?,
    };
    let configured = edit::configured(&setup.target()).map_err(|error| failure(&error.into()))?;
    let wanted = if arguments.frozen { frozen(arguments, setup)? } else { named(arguments) };
    if arguments.alias.is_some() && wanted.len() > 1 {
        let message = "`--as` names one server, and several are to be installed";
        return Err(Failure::new(Exit::Usage, message));
    }
    let mut chosen: Vec<Candidate> = Vec::with_capacity(wanted.len());
    for (name, wish, locked) in wanted {
        let source = setup.block_on(async {
            sources.find(&name).await.map_err(|error| source_failure(&error))
        })?;
        let plan = Plan::new(&source, &wish, &setup.paths, setup.environment())
            .map_err(|error| plan_failure(&error))?;
        if let Some(deviation) = locked.as_ref().and_then(|locked| locked.deviation(&plan)) {
            let message = format!("`{}` is not installed: {deviation}", plan.name);
            let hint = "without `--frozen` it is installed as it is now, and locked so";
            return Err(Failure::new(Exit::Failed, message).hint(Some(hint.to_owned())));
        }
        if chosen.iter().any(|other| other.plan.name == plan.name) {
            let message = format!("two servers would be called `{}`", plan.name);
            let hint = "install one of them by itself, with `--as`";
            return Err(Failure::new(Exit::Usage, message).hint(Some(hint.to_owned())));
        }
        let candidate = Candidate::new(plan, &setup.target(), &configured);
        let candidate = candidate.map_err(|taken| taken_failure(&taken))?;
        chosen.push(Candidate { locked, ..candidate });
    }
    Ok(chosen)
}

type Wanted = (String, Wish, Option<Locked>);

fn named(arguments: &Install) -> Vec<Wanted> {
    arguments.wishes().into_iter().map(|(name, wish)| (name, wish, None)).collect()
}

/// What the lock has of these names, or all that it has.
fn frozen(arguments: &Install, setup: &Setup) -> Result<Vec<Wanted>, Failure> {
    let path = Lock::path(&setup.source);
    let failed = |message: String| Failure::new(Exit::Failed, message);
    let lock = Lock::read(&path).map_err(|error| failed(error_chain(&error)))?;
    let Some(lock) = lock else {
        let message = format!("there is no lock `{}`", path.display());
        let hint = "`bridge lock` writes it on a machine where the servers are installed";
        return Err(Failure::new(Exit::NotFound, message).hint(Some(hint.to_owned())));
    };
    let names: Vec<String> = if arguments.names.is_empty() {
        lock.servers.keys().cloned().collect()
    } else {
        arguments.names.clone()
    };
    let wanted = |name: String| {
        let Some(locked) = lock.servers.get(&name) else {
            let message = format!("`{}` has no server `{name}`", path.display());
            let known: Vec<String> = lock.servers.keys().cloned().collect();
            let hint = (!known.is_empty()).then(|| format!("it has {}", list(&known)));
            return Err(Failure::new(Exit::NotFound, message).hint(hint));
        };
        let alias = ServerName::parse(&name)
            .map_err(|error| failed(format!("`{}`: {error}", path.display())))?;
        let wish = Wish {
            alias: Some(alias),
            version: locked.version.clone(),
            transport: Some(locked.transport.clone()),
        };
        Ok((lock.recipe_of(locked), wish, Some(locked.clone())))
    };
    names.into_iter().map(wanted).collect()
}

fn taken_failure(taken: &Taken) -> Failure {
    let hint = format!(
        "`--as NAME` gives the new one another name, or `bridge remove {}` takes the old one out",
        taken.name
    );
    Failure::new(Exit::Failed, taken.to_string()).hint(Some(hint))
}

/// Why there is no recipe of a name.
fn source_failure(error: &catalog::Error) -> Failure {
    let exit = if error.is_not_found() { Exit::NotFound } else { Exit::Failed };
    let hint = match error {
        catalog::Error::Unknown { nearest, .. } if !nearest.is_empty() => {
            Some(format!("did you mean {}?", list(nearest)))
        }
        catalog::Error::Faulty { file, .. } => {
            Some(format!("`bridge validate-recipe {}` tells what is wrong", file.display()))
        }
        catalog::Error::Misplaced { .. } => Some("rename the folder, or change the id".to_owned()),
        _ => None,
    };
    Failure::new(exit, error_chain(error)).hint(hint)
}

/// Why a recipe cannot be installed as wished.
fn plan_failure(error: &install::Error) -> Failure {
    let hint = match error {
        install::Error::NoTransport { available, .. } => {
            let available: Vec<String> = available.iter().map(|name| (*name).to_owned()).collect();
            Some(format!("it has {}", list(&available)))
        }
        install::Error::NoVersion { .. } => Some("leave the version out".to_owned()),
        install::Error::BadVersion { .. } => None,
    };
    Failure::new(Exit::Usage, error.to_string()).hint(hint)
}
