//! The checked configuration as a whole.

use indexmap::IndexMap;

use super::adaptive_promotion::AdaptivePromotion;
use super::catalogs::RemoteCatalog;
use super::exposure::Exposure;
use super::http::Http;
use super::intent_routing::IntentRouting;
use super::lifecycle::Lifecycle;
use super::name::ServerName;
use super::protection::Protection;
use super::reader::Reader;
use super::result_cache::ResultCache;
use super::retry::Retry;
use super::schema_compression::SchemaCompression;
use super::server::Server;
use super::servers::{self, Skipped};
use super::timeouts::Timeouts;

pub(super) const CALL_FORMATS: [(&str, CallFormat); 2] =
    [("content", CallFormat::Content), ("envelope", CallFormat::Envelope)];

/// Settings of other bridges and editors that mean nothing here.
const FOREIGN: [&str; 2] = ["inputs", "reconnectIntervalMs"];

/// What the bridge was told to do. Every part takes its own section only.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the file")]
pub struct Config {
    /// What clients see.
    pub exposure: Exposure,
    /// What answers to `call` look like.
    pub call_format: CallFormat,
    /// The servers in the order of the file.
    pub servers: IndexMap<ServerName, Server>,
    /// The servers whose entries have faults.
    pub skipped: Vec<Skipped>,
    /// How long upstreams are waited for.
    pub timeouts: Timeouts,
    /// When upstreams are opened and closed.
    pub lifecycle: Lifecycle,
    /// Calls in one batch at most.
    pub max_batch_size: usize,
    /// How short descriptions are made.
    pub schema_compression: SchemaCompression,
    /// How long results are kept.
    pub result_cache: ResultCache,
    /// How tools are found from words.
    pub intent_routing: IntentRouting,
    /// Characters of a result at most.
    pub max_result_chars: Option<usize>,
    /// When tools become tools of their own.
    pub adaptive_promotion: AdaptivePromotion,
    /// How often failed calls are tried again.
    pub retry: Retry,
    /// How the bridge is served over HTTP.
    pub http: Http,
    /// What protects against what servers say.
    pub protection: Protection,
    /// Whether the catalog can be searched.
    pub catalog: bool,
    /// Further catalogs, those that come first before the others.
    pub catalogs: Vec<RemoteCatalog>,
    /// Whether installed recipes become servers by themselves.
    pub auto_merge: bool,
    /// Whether answers carry what helps to find faults.
    pub debug: bool,
    /// Whether agents may install and remove servers and change settings.
    pub agent_admin: bool,
    /// Whether arguments are checked against the schema of the tool before the call.
    pub validate_arguments: bool,
}

/// What answers to `call` look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CallFormat {
    /// The content that the upstream sent, as it is.
    #[default]
    Content,
    /// One text block with JSON around the result.
    Envelope,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            exposure: Exposure::default(),
            call_format: CallFormat::default(),
            servers: IndexMap::new(),
            skipped: Vec::new(),
            timeouts: Timeouts::default(),
            lifecycle: Lifecycle::default(),
            max_batch_size: 10,
            schema_compression: SchemaCompression::default(),
            result_cache: ResultCache::default(),
            intent_routing: IntentRouting::default(),
            max_result_chars: None,
            adaptive_promotion: AdaptivePromotion::default(),
            retry: Retry::default(),
            http: Http::default(),
            protection: Protection::default(),
            catalog: true,
            catalogs: Vec::new(),
            auto_merge: false,
            debug: false,
            agent_admin: false,
            validate_arguments: true,
        }
    }
}

impl Config {
    /// Reads everything but the servers, which need variables and the rest of the configuration.
    pub(super) fn read(top: &mut Reader<'_>) -> Self {
        let default = Self::default();
        let retry = top.object("retry");
        top.skip(&["$schema"]);
        top.skip(&servers::KEYS);
        top.foreign(&FOREIGN, None);
        Self {
            exposure: Exposure::read(top),
            call_format: top.choice("callFormat", &CALL_FORMATS).unwrap_or_default(),
            servers: default.servers,
            skipped: default.skipped,
            timeouts: Timeouts::read(top),
            lifecycle: Lifecycle::read(top),
            max_batch_size: top.count("maxBatchSize", 1).unwrap_or(default.max_batch_size),
            schema_compression: SchemaCompression::read(top.object("schemaCompression")),
            result_cache: ResultCache::read(top.object("resultCache")),
            intent_routing: IntentRouting::read(top.object("intentRouting")),
            max_result_chars: top.count("maxResultChars", 1),
            adaptive_promotion: AdaptivePromotion::read(top.object("adaptivePromotion")),
            retry: retry
                .map_or(default.retry.clone(), |section| Retry::read(section, &default.retry)),
            http: Http::read(top.object("http")),
            protection: Protection::read(top, default.protection),
            catalog: top.bool("catalog").unwrap_or(default.catalog),
            catalogs: RemoteCatalog::read_all(top),
            auto_merge: top.bool("autoMerge").unwrap_or(default.auto_merge),
            debug: top.bool("debug").unwrap_or(default.debug),
            agent_admin: top.bool("agentAdmin").unwrap_or(default.agent_admin),
            validate_arguments: top.bool("validateArguments").unwrap_or(default.validate_arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::finding::{Lines, Report};
    use crate::config::{Embedding, Mode, Pinning, RetryOn, SanitizeAction, ToolPrefix};

    fn check(json: &str, findings: &[&str]) -> Config {
        let object = serde_json::from_str(json).expect("an object");
        let report = Report::top();
        let mut top = Reader::new(&object, "", &report);
        let config = Config::read(&mut top);
        top.finish();
        let told = report.into_findings(&Lines::default());
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told, findings, "{json}");
        config
    }

    #[test]
    fn knows_every_key() {
        let config = check(
            r#"{"$schema": "x", "servers": {}, "mcpServers": {}, "mode": "auto", "callFormat": "envelope", "toolPrefix": "auto", "clientModes": {"x": "direct"},
                "connectionTimeoutMs": 1, "requestTimeoutMs": 2, "shutdownTimeoutMs": 0,
                "routerIdleTimeoutMs": 0, "routerConnectErrorCooldownMs": 0, "routerMaxConcurrent": 5, "maxBatchSize": 6,
                "schemaCompression": {"enabled": false, "maxDescriptionLength": 7},
                "resultCache": {"enabled": true, "maxEntries": 8, "defaultTtlMs": 9, "cacheTtl": {"a:b": 10}},
                "intentRouting": {"embedding": "keyword", "model": "m", "minScore": 0.5}, "maxResultChars": 11,
                "adaptivePromotion": {"enabled": true, "maxPromoted": 12, "minCalls": 13, "windowMs": 14, "decayMs": 15},
                "http": {"maxSessions": 18},
                "retry": {"maxAttempts": 16, "delayMs": 17, "backoffMultiplier": 1.5, "retryOn": ["timeout"]},
                "sanitizeAction": "annotate", "pinning": "enforce", "catalog": false, "catalogs": [], "autoMerge": true, "debug": true, "agentAdmin": true, "validateArguments": false}"#,
            &[],
        );
        let ms = Duration::from_millis;
        let expected = Config {
            exposure: Exposure {
                mode: Mode::Auto,
                clients: [("x".to_owned(), Mode::Direct)].into(),
                tool_prefix: ToolPrefix::OnCollision,
            },
            call_format: CallFormat::Envelope,
            servers: IndexMap::new(),
            skipped: Vec::new(),
            timeouts: Timeouts { connection: ms(1), wait: ms(1), request: ms(2), shutdown: ms(0) },
            lifecycle: Lifecycle {
                idle_timeout: None,
                connect_cool_down: ms(0),
                max_connected: Some(5),
            },
            max_batch_size: 6,
            schema_compression: SchemaCompression { enabled: false, max_description_length: 7 },
            result_cache: ResultCache {
                enabled: true,
                max_entries: 8,
                default_ttl: ms(9),
                ttl: [("a:b".to_owned(), ms(10))].into_iter().collect(),
            },
            intent_routing: IntentRouting {
                embedding: Embedding::Keyword,
                model: Some("m".to_owned()),
                min_score: 0.5,
                ..IntentRouting::default()
            },
            max_result_chars: Some(11),
            adaptive_promotion: AdaptivePromotion {
                enabled: true,
                max_promoted: 12,
                min_calls: 13,
                window: ms(14),
                decay: ms(15),
            },
            retry: Retry {
                max_attempts: 16,
                delay: ms(17),
                backoff_multiplier: 1.5,
                retry_on: vec![RetryOn::Timeout],
            },
            http: Http { max_sessions: 18, ..Http::default() },
            protection: Protection {
                sanitize_action: SanitizeAction::Annotate,
                pinning: Pinning::Enforce,
            },
            catalog: false,
            catalogs: Vec::new(),
            auto_merge: true,
            debug: true,
            agent_admin: true,
            validate_arguments: false,
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn reads_defaults_from_nothing() {
        let empty = r#"{"schemaCompression": {}, "resultCache": {}, "intentRouting": {}, "adaptivePromotion": {}, "http": {}, "retry": {}}"#;
        assert_eq!(check(empty, &[]), Config::default());
        assert_eq!(
            check(r#"{"routerMaxConcurrent": 0, "toolPrefix": true}"#, &[]),
            Config::default()
        );
    }

    #[test]
    fn reports_faults() {
        check(
            r#"{"toolPrefix": "never"}"#,
            &["`/toolPrefix`: `toolPrefix` must be `true`, `false` or `\"auto\"`"],
        );
        check(
            r#"{"mode": "auto", "clientModes": {"a": "auto", "b": 1}}"#,
            &[
                "`/clientModes/a`: `clientModes` must be one of `router`, `direct`, not `auto`",
                "`/clientModes/b`: `b` in `clientModes` must be `\"router\"` or `\"direct\"`",
            ],
        );
        check(
            r#"{"clientModes": {"a": "direct"}}"#,
            &[
                "`/clientModes`: `clientModes` counts under `\"mode\": \"auto\"` only, and it is `router`",
            ],
        );
        check(r#"{"retry": []}"#, &["`/retry`: `retry` must be an object, not a list"]);
        check(
            r#"{"resultCache": {"cacheTtl": {"a": 1, "a:b": -1}, "maxEntrys": 1}}"#,
            &[
                "`/resultCache/cacheTtl/a:b`: `a:b` in `cacheTtl` must be a whole number from 0 to 2147483647, not `-1`",
                "`/resultCache/cacheTtl/a`: `a` is not `server:tool` and fits no tool",
                "`/resultCache/maxEntrys`: unknown key `maxEntrys`; did you mean `maxEntries`?",
            ],
        );
    }
}
