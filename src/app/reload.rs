//! Follows the files of the config while the bridge runs. What has changed in them comes into force and nothing else
//! does; files with faults change nothing, and the log and `status` say why.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::App;
use super::build::{Files, rebuild};
use super::plan::unchanged;
use super::watch::Watch;
use crate::config::{self, Config, Finding, Loaded, Severity};
use crate::router::{Current, Pending};

/// Said where the files have faults.
const OLD_KEPT: &str = "the bridge goes on with the config that it had";
/// Said where something can only change at a start.
const AT_RESTART: &str = "these come into force when the bridge is started again";

/// What of the files is in force.
#[derive(Debug)]
pub(super) struct Reload {
    current: Arc<Current>,
    files: Files,
    /// In force, but for what changes at a start only.
    config: Arc<Config>,
    /// As it was at the start.
    first: Lasting,
    /// What was said of the files last.
    said: Vec<String>,
    wanted: Arc<Notify>,
}

/// What changes at a start only.
#[derive(Debug)]
struct Lasting {
    http: config::Http,
    shutdown: Duration,
}

impl Lasting {
    fn of(config: &Config) -> Self {
        Self { http: config.http.clone(), shutdown: config.timeouts.shutdown }
    }
}

impl Reload {
    /// For a bridge that serves by this config.
    pub(super) fn new(app: &App) -> Self {
        Self {
            current: app.current.clone(),
            files: app.files.clone(),
            config: app.config.clone(),
            first: Lasting::of(&app.config),
            said: app.remarks.iter().map(ToString::to_string).collect(),
            wanted: Arc::default(),
        }
    }

    /// Has the files read when it is notified.
    pub(super) fn wanted(&self) -> Arc<Notify> {
        self.wanted.clone()
    }

    /// Goes on for as long as it is polled.
    pub(super) async fn run(mut self) {
        let source = &self.files.source;
        let files = std::iter::once(&source.config).chain(&source.env_files).cloned().collect();
        let wanted = self.wanted.clone();
        let _watch = Watch::start(files, move || wanted.notify_one()).inspect_err(|error| {
            tracing::warn!("changes of the config are not noticed: {error}");
        });
        loop {
            self.wanted.notified().await;
            let files = self.files.clone();
            // A disk in a network may take its time.
            let load = move || config::load(&files.source, &files.paths, &files.environment);
            match spawn_blocking(load).await {
                Ok(Ok(loaded)) => self.take_in(loaded),
                Ok(Err(error)) => self.refuse(&error),
                // The runtime ends.
                Err(_) => return,
            }
        }
    }

    fn refuse(&self, error: &config::Error) {
        let told = chain(error);
        let pending = Pending { error: Some(told.clone()), at_restart: Vec::new(), note: OLD_KEPT };
        if self.current.now().in_force().set(Some(pending)) {
            tracing::warn!("the changed config is not in force, {OLD_KEPT}: {told}");
        }
    }

    fn take_in(&mut self, Loaded { mut config, findings }: Loaded) {
        let at_restart = at_restart(&self.first, &config);
        // What ends while the bridge runs ends in the time that the end of the bridge itself leaves.
        config.timeouts.shutdown = self.first.shutdown;
        if config != *self.config {
            let old = self.current.now();
            let (router, remarks) = rebuild(&old, &self.config, &config, &self.files);
            self.current.replace(&router);
            let summary = summary(&self.config, &config);
            tracing::info!("the changed config is in force{summary}");
            self.config = Arc::new(config);
            let said = findings.iter().map(told).chain(remarks.iter().map(ToString::to_string));
            let said: Vec<String> = said.collect();
            for text in said.iter().filter(|text| !self.said.contains(text)) {
                tracing::warn!("{text}");
            }
            self.said = said;
        }
        let pending = (!at_restart.is_empty()).then(|| Pending {
            error: None,
            at_restart: at_restart.clone(),
            note: AT_RESTART,
        });
        if self.current.now().in_force().set(pending) && !at_restart.is_empty() {
            tracing::warn!("`{}`: {AT_RESTART}", at_restart.join("`, `"));
        }
    }
}

/// Keys whose values are others than at the start, and that can change at a start only: who listens is told them once.
fn at_restart(first: &Lasting, now: &Config) -> Vec<&'static str> {
    let keys = [
        ("http", first.http != now.http),
        ("shutdownTimeoutMs", first.shutdown != now.timeouts.shutdown),
    ];
    keys.into_iter().filter(|(_, is_other)| *is_other).map(|(key, _)| key).collect()
}

/// Which servers came, went and are others.
fn summary(before: &Config, after: &Config) -> String {
    let kept = unchanged(before, after);
    let names = |servers: Vec<&str>| servers.join("`, `");
    let list = |what: &str, servers: Vec<&str>| {
        if servers.is_empty() { String::new() } else { format!("; {what} `{}`", names(servers)) }
    };
    let new = |name: &&config::ServerName| !before.servers.contains_key(*name);
    let gone = |name: &&config::ServerName| !after.servers.contains_key(*name);
    let added = after.servers.keys().filter(new).map(AsRef::as_ref).collect();
    let removed = before.servers.keys().filter(gone).map(AsRef::as_ref).collect();
    let changed = after.servers.keys().filter(|name| !new(name) && !kept.contains(*name));
    let changed = changed.map(AsRef::as_ref).collect();
    [list("added", added), list("removed", removed), list("changed", changed)].concat()
}

fn told(finding: &Finding) -> String {
    match (finding.severity, &finding.server) {
        (Severity::Error, Some(server)) => format!("server `{server}` is left out: {finding}"),
        _ => finding.to_string(),
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
