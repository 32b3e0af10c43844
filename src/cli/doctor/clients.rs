//! The clients that have the bridge: whether they can start it, and start this one.

use super::checkup::{Checkup, Part};
use crate::cli::clients::{Registered, State, registered};
use crate::cli::setup::Setup;

/// Looks at the file of every client that has the bridge, or cannot be read. None needs to have it.
pub(super) fn look(setup: &Setup, checkup: &mut Checkup) {
    for Registered { client, file, entries } in registered(setup) {
        let id = client.id();
        let entries = match entries {
            Ok(entries) => entries,
            Err(why) => {
                let remedy =
                    "mend it, or see who owns it; the client may not start the bridge until then";
                checkup.warning(Part::Client, id, why, remedy);
                continue;
            }
        };
        let has_this = entries.iter().any(|(_, state)| *state == State::This);
        for (name, state) in entries {
            let entry = format!("`{name}` in {}", file.display());
            let again = format!("`bridge register {id} --name {name}` writes the entry anew");
            match state {
                State::This => checkup.ok(Part::Client, id, format!("it has this bridge: {entry}")),
                State::Other if has_this => {
                    checkup.ok(Part::Client, id, format!("it has another bridge as well: {entry}"));
                }
                State::Other => {
                    let message = format!("it starts another program or config: {entry}");
                    let remedy = format!("{again}, unless that is meant");
                    checkup.warning(Part::Client, id, message, remedy);
                }
                State::NoProgram(program) => {
                    let message = format!("{entry} starts `{program}`, which is not there");
                    checkup.problem(Part::Client, id, message, again);
                }
                State::NoConfig(config) => {
                    let message = format!(
                        "{entry} names the config `{}`, which is not there",
                        config.display()
                    );
                    checkup.problem(Part::Client, id, message, again);
                }
            }
        }
    }
}
