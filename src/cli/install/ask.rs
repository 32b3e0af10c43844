//! Asking at the terminal: whether to go on, and for values, which are not shown where they may be secret.

use std::path::Path;

use super::arguments::Install;
use crate::base::secret::Secret;
use crate::catalog::install::Candidate;
use crate::cli::edited::list;
use crate::cli::exit::{Exit, Failure};
use crate::cli::printer::Printer;
use crate::cli::typed::typed;

/// Whether all of it may be done. Commands are agreed to by themselves.
pub(super) fn agree(
    printer: Printer,
    arguments: &Install,
    chosen: &[Candidate],
) -> Result<(), Failure> {
    let new: Vec<&Candidate> = chosen.iter().filter(|one| !one.is_done).collect();
    let can_ask = printer.can_ask() && !printer.json && !arguments.yes;
    let declined = || Failure::new(Exit::Failed, "nothing was installed");
    if new.iter().any(|one| one.plan.needs_consent()) && !arguments.agree {
        if !can_ask {
            let message = "nothing is installed: the recipe would do what has to be agreed to";
            let hint = "it is shown above, and with `--dry-run`; `--agree` agrees, and a terminal without `--yes` asks";
            return Err(Failure::new(Exit::Usage, message).hint(Some(hint.to_owned())));
        }
        if !printer.ask("agree to this?") {
            return Err(declined());
        }
    }
    if can_ask && !new.is_empty() {
        let names: Vec<String> = new.iter().map(|one| one.plan.name.to_string()).collect();
        if !printer.ask(&format!("install {}?", list(&names))) {
            return Err(declined());
        }
    }
    Ok(())
}

/// The values that are missing and that somebody has typed; each variable is asked for once. What is left empty stays
/// missing.
pub(super) fn values(
    printer: Printer,
    arguments: &Install,
    chosen: &mut [Candidate],
    user_home: Option<&Path>,
) -> Result<Vec<(String, Secret)>, Failure> {
    let mut values: Vec<(String, Secret)> = Vec::new();
    if arguments.yes || printer.json || !printer.can_ask() {
        return Ok(values);
    }
    for one in chosen.iter_mut() {
        for (variable, is_set) in one.plan.variables.iter().zip(&mut one.is_set) {
            if *is_set || !variable.is_needed {
                continue;
            }
            let name = &variable.name;
            if values.iter().any(|(known, _)| known == name) {
                *is_set = true;
                continue;
            }
            let value = typed(name, Some("empty to set it later"), user_home)?;
            if !value.is_empty() {
                *is_set = true;
                values.push((name.clone(), Secret::from(value)));
            }
        }
    }
    Ok(values)
}
