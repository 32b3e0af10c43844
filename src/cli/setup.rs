//! What most commands begin with: paths, config, its findings, the parts of the bridge and a runtime for them.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::app::{self, App, lifecycle};
use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::config::edit::Target;
use crate::config::{self, CallFormat, Config, Loaded, Severity, Source};
use crate::upstream::LONGEST_START;

use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::progress;

/// Somebody who waits longer than this wants to know for what.
const WAIT_BETWEEN_WORDS: Duration = Duration::from_secs(4);

/// Said where the config has faults, since bridges may be running by it.
pub(super) const OLD_KEPT: &str = "bridges that run go on with the config that they had";

/// A command that was begun. In a box, for what runs it takes ten kilobytes of code for each type.
type Running<'a> = Pin<Box<dyn Future<Output = Result<Exit, Failure>> + 'a>>;

/// Where the files are, and how to speak.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) paths: Paths,
    pub(super) printer: Printer,
    pub(super) source: Source,
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
        Ok(Self { paths, printer, source, environment })
    }

    /// The files that commands change.
    pub(super) fn target(&self) -> Target<'_> {
        Target { source: &self.source, paths: &self.paths, process: &self.environment }
    }

    /// The variables that the process was started with.
    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Reads the config, and says nothing about it.
    pub(super) fn load(&self) -> Result<Loaded, config::Error> {
        config::load(&self.source, &self.paths, &self.environment)
    }

    /// Reads the config and says what is wrong with it.
    pub(super) fn config(&self, say: impl Fn(&str)) -> Result<Config, Failure> {
        let loaded = self.load().map_err(|error| {
            let hint = error.hint().map(str::to_owned);
            Failure::new(Exit::Config, error_chain(&error)).hint(hint)
        })?;
        for finding in &loaded.findings {
            match (finding.severity, &finding.server) {
                (Severity::Error, Some(server)) => {
                    say(&format!("server `{server}` is left out: {finding}"));
                }
                _ => say(&finding.to_string()),
            }
        }
        Ok(loaded.config)
    }

    fn build(&self, config: Config, say: impl Fn(&str)) -> Result<App, Failure> {
        let files = app::Files {
            source: self.source.clone(),
            paths: self.paths.clone(),
            environment: Arc::new(self.environment.clone()),
        };
        let app = app::build(config, files)
            .map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
        app.remarks.iter().for_each(|remark| say(&remark.to_string()));
        Ok(app)
    }

    /// The parts of the bridge for serving, none of them started. What there is to say goes into the
    /// log, where the user of a client looks.
    pub(super) fn app(&self) -> Result<App, Failure> {
        let say = |text: &str| tracing::warn!("{text}");
        self.build(self.config(say)?, say)
    }

    /// Runs a command that talks to servers and ends them afterwards. Somebody at a terminal waits
    /// for a server that downloads itself at its first start, where an agent would not.
    pub(super) fn with_patience(
        &self,
        command: impl AsyncFnOnce(&App, Printer) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let say = |text: &str| self.printer.warn(text);
        let config = self.config(say).inspect_err(|_| self.printer.talk(OLD_KEPT))?;
        self.patiently(config, say, command)
    }

    /// The same with a config that was read already.
    pub(super) fn patiently(
        &self,
        mut config: Config,
        say: impl Fn(&str),
        command: impl AsyncFnOnce(&App, Printer) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        config.timeouts.wait = config.timeouts.connection.max(LONGEST_START);
        // Results are printed as they are; the envelope is for clients, and there is no `read` in a shell.
        config.call_format = CallFormat::Content;
        config.max_result_chars = None;
        for server in config.servers.values_mut() {
            server.max_result_chars = None;
        }
        let app = self.build(config, say)?;
        self.wait_for(&app, Box::pin(command(&app, self.printer)))
    }

    /// Runs a command till it is done, and says whom it waits for.
    fn wait_for(&self, app: &App, command: Running<'_>) -> Result<Exit, Failure> {
        self.block_on(async {
            let work = progress::during(|| waited_for(app), command);
            let outcome = tokio::select! {
                outcome = work => outcome,
                () = tell_who_is_waited_for(app, self.printer) => unreachable!("it goes on telling"),
                signal = lifecycle::stop_signal() => {
                    let signal = signal.unwrap_or("a signal");
                    Err(Failure::new(Exit::Failed, format!("stopped by {signal}")))
                }
            };
            lifecycle::end(app).await;
            outcome
        })
    }

    /// Runs on several threads, for work that comes from many sides at once.
    pub(super) fn block_on_threads<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.run_on(&mut tokio::runtime::Builder::new_multi_thread(), work)
    }

    /// Runs on one thread: waking another one costs more than all that the bridge does for a call.
    pub(super) fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.run_on(&mut tokio::runtime::Builder::new_current_thread(), work)
    }

    fn run_on<T>(
        &self,
        runtime: &mut tokio::runtime::Builder,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let runtime = runtime
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
        let outcome = runtime.block_on(work);
        // A thread may still sit in a read of a terminal; it ends with the process.
        runtime.shutdown_background();
        outcome
    }
}

/// Says now and then which servers have not finished their start.
async fn tell_who_is_waited_for(app: &App, printer: Printer) {
    if progress::is_seen() {
        return std::future::pending().await;
    }
    let mut waits = tokio::time::interval(WAIT_BETWEEN_WORDS);
    waits.tick().await;
    loop {
        waits.tick().await;
        let names = starting(app);
        if !names.is_empty() {
            printer.talk(&format!("still waiting for {names} to start (Ctrl-C gives up)"));
        }
    }
}

/// What a terminal shows meanwhile.
fn waited_for(app: &App) -> String {
    match starting(app) {
        names if names.is_empty() => "working (Ctrl-C gives up)".to_owned(),
        names => format!("starting {names} (Ctrl-C gives up)"),
    }
}

/// The servers whose start is under way, in one line.
fn starting(app: &App) -> String {
    let names: Vec<String> = app.router().starting().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// An error and what caused it, in one line.
pub(super) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
