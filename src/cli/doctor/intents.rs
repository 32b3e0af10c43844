//! What intents are compared by, and the models that are installed for it.

use super::checkup::{Checkup, Part};
use crate::app::App;
use crate::cli::setup::Setup;
use crate::model::Models;

/// Looks at the folders of models, whatever the config is like.
pub(super) fn models(setup: &Setup, checkup: &mut Checkup) {
    let (installed, faults) = Models::new(&setup.paths).list();
    for fault in faults {
        let remedy = fault.hint().unwrap_or_else(|| "take its folder away".to_owned());
        checkup.problem(Part::Model, "models", fault.to_string(), remedy);
    }
    for found in installed.into_iter().filter(|found| found.is_damaged) {
        let message = format!(
            "files in `{}` are missing or have another length than when they were installed",
            found.folder.display()
        );
        let name = &found.name;
        let remedy = format!("install it again as before, or `bridge model remove {name}`");
        checkup.problem(Part::Model, found.name.clone(), message, remedy);
    }
}

/// What intents are compared by; a warning where meaning was asked for, or was there, and takes no part.
pub(super) fn look(app: &App, checkup: &mut Checkup) {
    let router = app.router();
    let finder = router.finder();
    let about = format!("compared by {}", finder.about());
    if finder.is_impaired() {
        checkup.warning(Part::Intent, "intents", about, "look at `intentRouting` in the config");
    } else {
        checkup.ok(Part::Intent, "intents", about);
    }
}
