//! The config, the variables and who may read them.

use std::path::Path;

use super::checkup::{Checkup, Part};
use crate::base::fs::is_open_to_others;
use crate::cli::printer::counted;
use crate::cli::setup::{Setup, error_chain};
use crate::config::{self, Config, Error};

/// What to do about what was found and comes without a hint.
const REMEDY: &str = "change it in the file";

/// Looks at the folders and files that must be private.
pub(super) fn privacy(setup: &Setup, checkup: &mut Checkup) {
    let home = setup.paths.home();
    folder(home, checkup);
    for inner in [setup.paths.tokens(), setup.paths.pins()] {
        if inner.exists() {
            folder(&inner, checkup);
        }
    }
    for file in &setup.source.env_files {
        let findings = config::check_env_file(file);
        if findings.is_empty() && file.exists() {
            checkup.ok(Part::File, shown(file), "it is private and can be read");
        }
        for finding in findings {
            checkup.finding(Part::File, &shown(file), &finding, REMEDY);
        }
    }
}

fn folder(path: &Path, checkup: &mut Checkup) {
    let name = shown(path);
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let remedy = "`bridge init` makes it; it is also made when it is first needed";
            checkup.warning(Part::File, name, "the home folder is not there yet", remedy);
        }
        Err(error) => {
            let remedy = "see who owns it and the folders above it";
            checkup.problem(Part::File, name, format!("it cannot be looked at: {error}"), remedy);
        }
        Ok(found) if !found.is_dir() => {
            let remedy = "move it away, or name another home folder by `BRIDGE_HOME`";
            checkup.problem(Part::File, name, "it is no folder", remedy);
        }
        Ok(found) if is_open_to_others(&found) => {
            let remedy = format!("run `chmod 700 '{}'`", path.display());
            let message = "other users of this machine may look into it";
            checkup.warning(Part::File, name, message, remedy);
        }
        Ok(_) => checkup.ok(Part::File, name, "it is private"),
    }
}

/// Reads the config and tells what is wrong with it; none where nothing can run.
pub(super) fn config(setup: &Setup, checkup: &mut Checkup) -> Option<Config> {
    let file = &setup.source.config;
    let (config, findings) = match setup.load() {
        Ok(loaded) => (Some(loaded.config), loaded.findings),
        Err(Error::Invalid { findings, .. }) => (None, findings),
        Err(error) => {
            let remedy = error.hint().unwrap_or("mend the file");
            checkup.problem(Part::Config, shown(file), error_chain(&error), remedy);
            return None;
        }
    };
    // Findings in files of variables were told with the files.
    for finding in findings.into_iter().filter(|finding| finding.file.is_none()) {
        checkup.finding(Part::Config, &shown(file), &finding, REMEDY);
    }
    if let Some(config) = &config
        && !checkup.has_findings(Part::Config)
    {
        let servers = match config.servers.len() {
            0 => "no server; `bridge init --example` shows how it is done".to_owned(),
            count => counted(count, "server"),
        };
        checkup.ok(Part::Config, shown(file), format!("it is in order, with {servers}"));
    }
    config
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
