//! A recipe as it is looked through, part by part.

use indexmap::IndexMap;

use super::reason::{Concern, Severity};
use super::start::Start;
use super::{environment, install, names};
use crate::base::locate;
use crate::config::finding::{self, Report};
use crate::recipe::{Auth, Install, Recipe, Remote, Stdio, Transport};

/// What is looked through, with the places at which its parts stand in the file.
pub(in crate::recipe) struct Subject<'a> {
    /// The transports.
    pub(in crate::recipe) transports: &'a [(String, Transport)],
    /// How the server is got. Version 1 does not say it, so that nothing of it has a place.
    pub(in crate::recipe) install: Option<(Option<&'a str>, &'a Install)>,
    /// The login, and its place.
    pub(in crate::recipe) auth: (&'a str, &'a Auth),
}

impl Recipe {
    /// What has to be shown to whoever installs this, and asked for; pointers are those of version 2.
    pub fn concerns(&self) -> Vec<Concern> {
        let place = |(index, transport): (usize, &Transport)| {
            (locate::child("/transports", &index.to_string()), transport.clone())
        };
        let transports: Vec<_> = self.transports.iter().enumerate().map(place).collect();
        Subject {
            transports: &transports,
            install: self.install.as_ref().map(|install| (Some("/install"), install)),
            auth: ("/auth", &self.auth),
        }
        .concerns()
    }
}

impl Subject<'_> {
    /// Each once, in the order of the recipe.
    pub(in crate::recipe) fn concerns(&self) -> Vec<Concern> {
        let mut found = Vec::new();
        let install = self.install.map(|(_, install)| install);
        for (place, transport) in self.transports {
            match transport {
                Transport::Stdio(stdio) => of_stdio(stdio, place, install, &mut found),
                Transport::Sse(remote) | Transport::StreamableHttp(remote) => {
                    of_remote(remote, place, &mut found);
                }
            }
        }
        if let Some((Some(place), install)) = self.install {
            install::look(install, place, &mut found);
            self.platforms(place, install, &mut found);
        }
        let (place, auth) = self.auth;
        if let Some(url) = &auth.credentials_url {
            names::address(url, &locate::child(place, "credentialsUrl"), &mut found);
        }
        let mut once: Vec<Concern> = Vec::with_capacity(found.len());
        for concern in found {
            if !once.contains(&concern) {
                once.push(concern);
            }
        }
        once
    }

    /// Tells what is refused as errors, and what has to be asked for as warnings.
    pub(in crate::recipe) fn tell(&self, report: &Report) {
        for concern in self.concerns() {
            let severity = match concern.severity {
                Severity::Refused => finding::Severity::Error,
                Severity::Consent => finding::Severity::Warning,
            };
            report.add(report.finding(severity, &concern.pointer, concern.to_string()));
        }
    }

    /// On some systems, parts of a start are others.
    fn platforms(&self, place: &str, install: &Install, found: &mut Vec<Concern>) {
        let is_started = |(place, transport): &'_ (String, Transport)| match transport {
            Transport::Stdio(stdio) => Some((place.clone(), stdio.clone())),
            _ => None,
        };
        let started: Vec<(String, Stdio)> = self.transports.iter().filter_map(is_started).collect();
        for (name, platform) in &install.platforms {
            let own = locate::child(&locate::child(place, "platforms"), name);
            of_env(&platform.env, &own, found);
            for (base, stdio) in &started {
                let of = |is_own: bool| if is_own { own.as_str() } else { base.as_str() };
                let command = platform.command.as_ref().unwrap_or(&stdio.command);
                let args = platform.args.as_ref().unwrap_or(&stdio.args);
                let command_at = locate::child(of(platform.command.is_some()), "command");
                let args_at = locate::child(of(platform.args.is_some()), "args");
                Start::new((command, command_at), (args, args_at)).look(Some(install), found);
            }
        }
    }
}

fn of_stdio(stdio: &Stdio, place: &str, install: Option<&Install>, found: &mut Vec<Concern>) {
    let command = (stdio.command.as_str(), locate::child(place, "command"));
    let args = (stdio.args.as_slice(), locate::child(place, "args"));
    Start::new(command, args).look(install, found);
    of_env(&stdio.env, place, found);
    of_login(stdio.auth.as_ref(), place, found);
}

fn of_env(env: &IndexMap<String, String>, place: &str, found: &mut Vec<Concern>) {
    let place = locate::child(place, "env");
    for (name, value) in env {
        environment::look(name, value, &locate::child(&place, name), found);
    }
}

fn of_remote(remote: &Remote, place: &str, found: &mut Vec<Concern>) {
    names::address(&remote.url, &locate::child(place, "url"), found);
    of_login(remote.auth.as_ref(), place, found);
}

fn of_login(
    auth: Option<&serde_json::Map<String, serde_json::Value>>,
    place: &str,
    found: &mut Vec<Concern>,
) {
    let place = locate::child(place, "auth");
    for (key, value) in auth.into_iter().flatten() {
        if let Some(url) = value.as_str().filter(|_| key.ends_with("Url")) {
            names::address(url, &locate::child(&place, key), found);
        }
    }
}
