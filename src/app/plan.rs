//! What the parts are told by a checked config, sorted by part.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use url::Url;

use super::remark::Remark;
use crate::base::blotter::Blotter;
use crate::base::paths::Paths;
use crate::config::{Auth, Config, RateLimit, Server, ServerName, Transport};
use crate::guard::Guard;
use crate::guard::pin::Pins;
use crate::oauth::{Account, Store, Tokens};
use crate::router::{self, LeftOut, ServerSettings};
use crate::search::ServerWords;
use crate::tools::{Entry, Registries, Registry, Remembered, Rules};
use crate::upstream;

/// One config, taken apart.
#[derive(Debug)]
pub(super) struct Plan {
    /// How servers are called.
    pub(super) upstream: upstream::Settings,
    /// The servers themselves.
    pub(super) servers: Vec<upstream::pool::Server>,
    /// Where their tools are kept.
    pub(super) registries: Registries,
    /// How many calls they may get.
    pub(super) limits: Vec<(ServerName, RateLimit)>,
    /// What is said of them.
    pub(super) words: HashMap<ServerName, ServerWords>,
    /// How requests are answered.
    pub(super) router: router::Settings,
    /// What of the config this version does not carry out.
    pub(super) remarks: Vec<Remark>,
}

impl Plan {
    /// Servers whose entries have faults are left out, with the reason.
    pub(super) fn new(config: &Config, paths: &Paths) -> Self {
        let remarks = not_in_force(config);
        let skipped = config.skipped.iter();
        let skipped: Vec<LeftOut> = skipped
            .map(|skipped| LeftOut {
                name: skipped.name.clone(),
                transport: None,
                reason: skipped.reason.clone(),
            })
            .collect();
        let store = Store::new(paths.tokens());
        let (mut servers, mut rules) = (Vec::new(), IndexMap::new());
        let (mut words, mut settings) = (HashMap::new(), IndexMap::new());
        let (mut limits, mut pinning, mut entries) = (Vec::new(), HashMap::new(), HashMap::new());
        for (name, server) in &config.servers {
            limits.push((name.clone(), server.rate_limit.clone()));
            let secrets = Blotter::new(&server.secrets);
            entries.insert(name.clone(), Entry::of(&server.transport, &secrets));
            pinning.insert(name.clone(), (server.protection.pinning, secrets));
            let guard = Guard::new(name, server.trust, server.protection.sanitize_action);
            let filter = server.tool_filter.clone();
            rules.insert(name.clone(), Rules { filter, guard: guard.clone() });
            words.insert(
                name.clone(),
                ServerWords::new(name.as_str(), server.description.as_deref()),
            );
            settings.insert(name.clone(), settings_of(server, config, guard));
            let (transport, secrets) = (server.transport.clone(), server.secrets.clone());
            let folder = paths.server_folder(name.as_str());
            let tokens = account(name, &transport).map(|it| Tokens::new(it, store.clone()));
            let login = tokens.map(|tokens| upstream::Login { tokens, folder });
            servers.push(upstream::pool::Server { name: name.clone(), transport, secrets, login });
        }
        let pins = Pins::new(paths.pins(), pinning);
        let remembered = Remembered::new(paths.lists(), entries);
        let registry = Registry::new(rules, config.schema_compression.clone(), pins, remembered);
        let (timeouts, lifecycle) = (config.timeouts.clone(), config.lifecycle.clone());
        Self {
            upstream: upstream::Settings { timeouts, lifecycle },
            servers,
            registries: Registries::new(registry),
            limits,
            words,
            router: router_settings(config, settings, skipped),
            remarks,
        }
    }
}

/// The servers that a change of the config leaves as they are, so that they go on with the sessions that they have: what
/// they are reached by is the same, and what is done to the tools that they have shown.
pub(super) fn unchanged(before: &Config, after: &Config) -> HashSet<ServerName> {
    let is_same = |old: &Server, new: &Server| {
        (&old.transport, &old.secrets, &old.tool_filter, old.trust, old.protection)
            == (&new.transport, &new.secrets, &new.tool_filter, new.trust, new.protection)
    };
    let servers = after.servers.iter();
    let same = servers
        .filter(|(name, new)| before.servers.get(*name).is_some_and(|old| is_same(old, new)));
    same.map(|(name, _)| name.clone()).collect()
}

fn settings_of(server: &Server, config: &Config, guard: Guard) -> ServerSettings {
    ServerSettings {
        description: server.description.clone(),
        retry: server.retry.clone().unwrap_or_else(|| config.retry.clone()),
        max_result_chars: server.max_result_chars.or(config.max_result_chars),
        guard,
    }
}

fn router_settings(
    config: &Config,
    servers: IndexMap<ServerName, ServerSettings>,
    left_out: Vec<LeftOut>,
) -> router::Settings {
    router::Settings {
        exposure: config.exposure.clone(),
        call_format: config.call_format,
        validate_arguments: config.validate_arguments,
        schema_compression: config.schema_compression.clone(),
        max_batch_size: config.max_batch_size,
        adaptive_promotion: config.adaptive_promotion.clone(),
        min_score: config.intent_routing.min_score,
        debug: config.debug,
        servers,
        left_out,
    }
}

/// Keys that are checked and have no effect yet, where somebody has set them.
fn not_in_force(config: &Config) -> Vec<Remark> {
    let default = Config::default();
    let set = [("autoMerge", config.auto_merge != default.auto_merge)];
    set.into_iter().filter(|(_, set)| *set).map(|(key, _)| Remark::NotInForce { key }).collect()
}

/// The login by OAuth that a server's entry has.
pub fn account(name: &ServerName, transport: &Transport) -> Option<Account> {
    let (login, resource) = match transport {
        Transport::Stdio(stdio) => (&stdio.login.as_ref()?.oauth2, None),
        Transport::Sse(remote) | Transport::StreamableHttp(remote) => match &remote.auth {
            Some(Auth::OAuth2(login)) => (login, Url::parse(remote.url.expose()).ok()),
            _ => return None,
        },
    };
    Some(Account { server: name.to_string(), resource, login: login.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::environment::Environment;
    use crate::config::{self, Source};

    /// The config with one server, `one`, that has this entry, and `${TOKEN}` with this value.
    fn config(entry: &str, token: &str) -> Config {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().to_str().expect("a plain path");
        let process = Environment::from_pairs([("BRIDGE_HOME", folder), ("TOKEN", token)]);
        let paths = Paths::new(&process).expect("a home folder");
        let source = Source::of(None, &paths);
        let text = format!(r#"{{"servers": {{"one": {entry}, "two": {{"command": "y"}}}}}}"#);
        std::fs::write(&source.config, text).expect("it can be written");
        config::load(&source, &paths, &process).expect("a config").config
    }

    #[test]
    fn what_reaches_a_server_and_what_is_done_to_its_tools_makes_it_another() {
        let check = |before: &str, after: (&str, &str), is_kept: bool| {
            let kept = unchanged(&config(before, "first"), &config(after.0, after.1));
            assert_eq!(kept.contains("one"), is_kept, "{before} {after:?}");
            assert!(kept.contains("two"));
        };
        let plain = r#"{"command": "x"}"#;
        let user = r#"{"command": "x", "env": {"T": "${TOKEN}"}}"#;
        check(plain, (plain, "second"), true);
        check(user, (user, "first"), true);
        check(user, (user, "second"), false);
        check(
            plain,
            (r#"{"command": "x", "description": "y", "maxResultChars": 9}"#, "first"),
            true,
        );
        check(plain, (r#"{"command": "x", "rateLimit": {"maxCallsPerDay": 1}}"#, "first"), true);
        check(plain, (r#"{"command": "x", "args": ["y"]}"#, "first"), false);
        check(plain, (r#"{"url": "https://example.com/mcp"}"#, "first"), false);
        check(plain, (r#"{"command": "x", "trust": "sanitize"}"#, "first"), false);
        check(plain, (r#"{"command": "x", "pinning": "enforce"}"#, "first"), false);
        check(plain, (r#"{"command": "x", "toolFilter": {"deny": ["y"]}}"#, "first"), false);
    }

    #[test]
    fn only_what_somebody_set_is_remarked_upon() {
        assert_eq!(not_in_force(&Config::default()), []);
        let config = Config { auto_merge: true, ..Config::default() };
        assert_eq!(not_in_force(&config), [Remark::NotInForce { key: "autoMerge" }]);
    }
}
