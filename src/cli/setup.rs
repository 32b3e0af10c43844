//! What most commands begin with: paths, config, its findings, the parts of the bridge and a runtime for them.

use std::path::Path;

use crate::app::{self, App, lifecycle};
use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::config::{self, Config, Severity, Source};
use crate::upstream::LONGEST_START;

use super::exit::{Exit, Failure};
use super::printer::Printer;

/// Where the files are, and how to speak.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) paths: Paths,
    pub(super) printer: Printer,
    source: Source,
    environment: Environment,
}

impl Setup {
    pub(super) fn new(
        config: Option<&Path>,
        environment: Environment,
        printer: Printer,
    ) -> Result<Self, Failure> {
        let paths = Paths::new(&environment)
            .map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
        let source = Source::of(config, &paths);
        Ok(Self {
            paths,
            printer,
            source,
            environment,
        })
    }

    /// Reads the config and says what is wrong with it.
    fn config(&self) -> Result<Config, Failure> {
        let loaded =
            config::load(&self.source, &self.paths, &self.environment).map_err(|error| {
                let hint = error.hint().map(str::to_owned);
                Failure::new(Exit::Config, error_chain(&error)).hint(hint)
            })?;
        for finding in &loaded.findings {
            match (finding.severity, &finding.server) {
                (Severity::Error, Some(server)) => {
                    self.printer
                        .warn(&format!("server `{server}` is left out: {finding}"));
                }
                _ => self.printer.warn(&finding.to_string()),
            }
        }
        Ok(loaded.config)
    }

    /// The parts of the bridge, none of them started.
    pub(super) fn app(&self) -> Result<App, Failure> {
        self.build(self.config()?)
    }

    fn build(&self, config: Config) -> Result<App, Failure> {
        app::build(config, self.environment.clone())
            .map_err(|error| Failure::new(Exit::Config, error.to_string()))
    }

    /// Runs a command that talks to servers and ends them afterwards. Somebody at a terminal waits for a server that
    /// downloads itself at its first start, where an agent would not.
    pub(super) fn with_patience(
        &self,
        command: impl AsyncFnOnce(&App, Printer) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let mut config = self.config()?;
        config.timeouts.connection = config.timeouts.connection.max(LONGEST_START);
        let app = self.build(config)?;
        self.block_on(async {
            let outcome = tokio::select! {
                outcome = command(&app, self.printer) => outcome,
                signal = lifecycle::stop_signal() => {
                    let signal = signal.unwrap_or("a signal");
                    Err(Failure::new(Exit::Failed, format!("stopped by {signal}")))
                }
            };
            lifecycle::end(&app).await;
            outcome
        })
    }

    /// Runs on one thread: waking another one costs more than all that the bridge does for a call.
    pub(super) fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
        let outcome = runtime.block_on(work);
        // A thread may still sit in a read of a terminal; it ends with the process.
        runtime.shutdown_background();
        outcome
    }
}

/// An error and what caused it, in one line.
fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
